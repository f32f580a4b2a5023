package scripted

import (
	"crypto/ecdh"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

// Groups (RFC 8422 5.1.1).
const (
	GroupP256      = 23
	GroupP384      = 24
	GroupP521      = 25
	GroupX25519    = 29
	groupSecp256k1 = 22
	groupBrainpool = 26 // brainpoolP256r1
)

// share is our half of an ECDHE exchange.
type share struct {
	point []byte
	// agree returns the premaster secret: the x coordinate of the shared point
	// (RFC 8422 5.10).
	agree func(peer []byte) ([]byte, error)
}

var curves = map[uint16]struct {
	curve ecdh.Curve
	size  int   // octets of a private key
	mask  uint8 // of its first octet, so that most draws are below the order
}{
	GroupP256:   {ecdh.P256(), 32, 0xff},
	GroupP384:   {ecdh.P384(), 48, 0xff},
	GroupP521:   {ecdh.P521(), 66, 0x01},
	GroupX25519: {ecdh.X25519(), 32, 0xff},
}

// generators are the base points of curves that Go does not have (SEC 2 2.4.1,
// RFC 5639 3.4). Our private key there is 1: the public key is the base point
// and the shared point is the peer's own. That is a sound key exchange for a
// peer that should never have begun one.
var generators = map[uint16]string{
	groupSecp256k1: "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
	groupBrainpool: "048bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
}

// unofferedGroups is the order in which a group that was not offered is looked for.
var unofferedGroups = []uint16{GroupP256, GroupP384, GroupP521, GroupX25519, groupSecp256k1, groupBrainpool}

func newShare(group uint16, random io.Reader) (share, error) {
	if text, ok := generators[group]; ok {
		point, err := hex.DecodeString(text)
		if err != nil {
			return share{}, err
		}
		return share{point, func(peer []byte) ([]byte, error) {
			if len(peer) != len(point) || peer[0] != 4 {
				return nil, fmt.Errorf("reading the client's public key: %w", ErrMalformed)
			}
			return slices.Clone(peer[1 : 1+len(point)/2]), nil
		}}, nil
	}
	c, ok := curves[group]
	if !ok {
		return share{}, fmt.Errorf("group %d is none that a key exchange can be done with", group)
	}
	secret := make([]byte, c.size)
	// ecdh's own generator takes no randomness from us. A draw fails with a
	// chance below 2^-31.
	for range 8 {
		if _, err := io.ReadFull(random, secret); err != nil {
			return share{}, fmt.Errorf("drawing a private key: %w", err)
		}
		secret[0] &= c.mask
		key, err := c.curve.NewPrivateKey(secret)
		if err != nil {
			continue
		}
		return share{key.PublicKey().Bytes(), func(peer []byte) ([]byte, error) {
			public, err := c.curve.NewPublicKey(peer)
			if err != nil {
				return nil, fmt.Errorf("reading the client's public key: %w: %w", ErrMalformed, err)
			}
			return key.ECDH(public)
		}}, nil
	}
	return share{}, fmt.Errorf("drawing a private key: the source of randomness is stuck")
}
