package sdes

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/srtp/v3"
)

// Line is one a=crypto attribute.
type Line struct {
	// Tag identifies the line within its media description; the answer to
	// an offer repeats the tag of the line it accepts. 0 to 999999999.
	Tag   int
	Suite SuiteName
	// Keys has at least one element; several are told apart by their MKI.
	Keys []Key
	// Params are the session parameters in order, verbatim but for the names
	// that RFC 4568 defines: those are in upper case, as it writes them.
	Params []string
}

// Key is one key parameter.
type Key struct {
	// Master and Salt are the master key and the master salt.
	Master, Salt []byte
	// Lifetime is the number of packets that the key may protect; 0 where
	// the line gives none, which means the transform's own maximum.
	Lifetime uint64
	// MKI is the master key identifier as it stands in each packet, most
	// significant octet first; empty where packets carry none.
	MKI []byte
	// Opaque is the whole key parameter of a line whose suite is unknown:
	// without the suite its contents have no meaning. Empty otherwise.
	Opaque string
}

// Known reports whether the line's suite is one that [Lookup] finds. The keys
// of other lines are opaque.
func (l Line) Known() bool {
	_, ok := Lookup(l.Suite)
	return ok
}

// String gives the value of the attribute: what follows "a=crypto:" in SDP.
// The text contains the keys.
func (l Line) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s ", l.Tag, l.Suite)
	for i, k := range l.Keys {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(k.text())
	}
	for _, p := range l.Params {
		b.WriteByte(' ')
		b.WriteString(p)
	}
	return b.String()
}

func (k Key) text() string {
	if k.Opaque != "" {
		return k.Opaque
	}
	s := "inline:" + base64.StdEncoding.EncodeToString(slices.Concat(k.Master, k.Salt))
	if n := k.Lifetime; n != 0 {
		if bits.OnesCount64(n) == 1 {
			s += "|2^" + strconv.Itoa(bits.TrailingZeros64(n))
		} else {
			s += "|" + strconv.FormatUint(n, 10)
		}
	}
	if len(k.MKI) > 0 {
		s += fmt.Sprintf("|%s:%d", new(big.Int).SetBytes(k.MKI), len(k.MKI))
	}
	return s
}

// Context makes the SRTP context of one direction: to decrypt what the peer
// who wrote the line sends, or to encrypt as its writer. Replays are refused
// within the window of the WSH parameter, or of 64 packets (RFC 3711 section
// 3.3.2); opts come last and so override. The first key is the one that
// encrypts.
//
// It fails for a suite that is unknown or has no transform here, and for a
// mandatory session parameter that cannot be honoured (RFC 4568 section
// 6.3.7): a context that ignored it would not understand the peer.
func (l Line) Context(opts ...srtp.ContextOption) (*srtp.Context, error) {
	suite, ok := Lookup(l.Suite)
	if !ok || !suite.Usable() {
		return nil, wrong(PartSuite, string(l.Suite), "making an SRTP context: no such transform here; negotiate another suite")
	}
	if len(l.Keys) == 0 {
		return nil, wrong(PartKey, "", "making an SRTP context: the line has no key")
	}
	all, err := l.contextOptions(suite)
	if err != nil {
		return nil, err
	}
	first := l.Keys[0]
	if len(first.MKI) > 0 {
		all = append(all, srtp.MasterKeyIndicator(first.MKI))
	}
	ctx, err := srtp.CreateContext(first.Master, first.Salt, suite.Profile, append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("making an SRTP context for %s: %w", l.Suite, err)
	}
	for _, k := range l.Keys[1:] {
		if err := ctx.AddCipherForMKI(k.MKI, k.Master, k.Salt); err != nil {
			return nil, fmt.Errorf("adding the key with MKI %x: %w", k.MKI, err)
		}
	}
	return ctx, nil
}
