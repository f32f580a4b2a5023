package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxCRL is how large a list is read, in octets.
const maxCRL = 20 << 20

// What of a list and of its entries is looked at, or makes no difference.
var (
	processedCRL         = []asn1.ObjectIdentifier{oidCRLNumber, oidIssuingPoint, oidAuthorityKeyID}
	processedEntry       = []asn1.ObjectIdentifier{oidReason, oidInvalidityDate}
	errOtherCertificates = errors.New("it is a list of other certificates")
)

// readCRL looks a certificate up in a list of its issuer (RFC 5280 section 6.3).
// A certificate on a stale list is revoked still: it does not come back.
func readCRL(der []byte, c, issuer *x509.Certificate, now time.Time) (outcome, entry, error) {
	fail := func(err error) (outcome, entry, error) { return unusable, entry{}, err }
	if len(der) > maxCRL {
		return fail(fmt.Errorf("it has %d octets, more than the %d that are read", len(der), maxCRL))
	}
	reduced, signed, err := reduce(der, c.SerialNumber)
	if err != nil {
		return fail(err)
	}
	list, err := x509.ParseRevocationList(reduced)
	if err != nil {
		return fail(err)
	}
	if !bytes.Equal(list.RawIssuer, c.RawIssuer) {
		return fail(fmt.Errorf("it is that of %s, not of the certificate's issuer", list.Issuer))
	}
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return fail(errors.New("the issuer's keyUsage does not allow it to sign lists"))
	}
	if err := verify(issuer, list.SignatureAlgorithm, signed, list.Signature); err != nil {
		return fail(fmt.Errorf("its signature is wrong: %w", err))
	}
	if id := unprocessed(list.Extensions, processedCRL); id != nil {
		if id.Equal(oidDeltaCRL) {
			return fail(errors.New("it is a delta list, which holds changes only"))
		}
		return fail(fmt.Errorf("it has the critical extension %s, which is not known", id))
	}
	scope, err := scopeOf(list)
	if err != nil {
		return fail(err)
	}
	if scope.Indirect {
		return fail(errors.New("it is an indirect list, of several issuers"))
	}
	if len(list.RevokedCertificateEntries) > 0 {
		x := list.RevokedCertificateEntries[0]
		if id := unprocessed(x.Extensions, processedEntry); id != nil {
			return fail(fmt.Errorf("its entry has the critical extension %s, which is not known", id))
		}
		return revoked, entry{x.RevocationTime, x.ReasonCode}, nil
	}
	if err := scope.includes(c); err != nil {
		return fail(err)
	}
	if err := current(list.ThisUpdate, list.NextUpdate, now); err != nil {
		return fail(err)
	}
	return good, entry{}, nil
}

// reduce returns a list without its entries but the first of a serial number,
// and the octets that are signed in it. The parsed form of a whole list takes
// twenty times its size, and a device may have named any list.
func reduce(der []byte, serial *big.Int) (reduced, signed []byte, err error) {
	malformed := errors.New("it is no CRL")
	var list, tbs, entries, kept cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&list, casn1.SEQUENCE) || !list.ReadASN1Element(&tbs, casn1.SEQUENCE) {
		return nil, nil, malformed
	}
	signed = tbs
	if !tbs.ReadASN1(&tbs, casn1.SEQUENCE) {
		return nil, nil, malformed
	}
	before := tbs
	if !tbs.SkipASN1(casn1.INTEGER) || !tbs.SkipASN1(casn1.SEQUENCE) || !tbs.SkipASN1(casn1.SEQUENCE) { // version, algorithm, issuer
		return nil, nil, malformed
	}
	for tbs.PeekASN1Tag(casn1.UTCTime) || tbs.PeekASN1Tag(casn1.GeneralizedTime) {
		var at cryptobyte.String
		if !tbs.ReadAnyASN1(&at, new(casn1.Tag)) {
			return nil, nil, malformed
		}
	}
	before = before[:len(before)-len(tbs)]
	if tbs.PeekASN1Tag(casn1.SEQUENCE) && !tbs.ReadASN1(&entries, casn1.SEQUENCE) {
		return nil, nil, malformed
	}
	for n := new(big.Int); !entries.Empty(); {
		var entry cryptobyte.String
		if !entries.ReadASN1Element(&entry, casn1.SEQUENCE) {
			return nil, nil, malformed
		}
		whole := entry
		if !entry.ReadASN1(&entry, casn1.SEQUENCE) || !entry.ReadASN1Integer(n) {
			return nil, nil, malformed
		}
		if kept.Empty() && n.Cmp(serial) == 0 {
			kept = whole
		}
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(before)
			if !kept.Empty() {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(kept) })
			}
			b.AddBytes(tbs)
		})
		b.AddBytes(list)
	})
	reduced, err = b.Bytes()
	return reduced, signed, err
}

// scope is issuingDistributionPoint (RFC 5280 section 5.2.5): which certificates
// a list is about.
type scope struct {
	Point          asn1.RawValue  `asn1:"optional,tag:0"`
	UserOnly       bool           `asn1:"optional,tag:1"`
	AuthorityOnly  bool           `asn1:"optional,tag:2"`
	Reasons        asn1.BitString `asn1:"optional,tag:3"`
	Indirect       bool           `asn1:"optional,tag:4"`
	AttributesOnly bool           `asn1:"optional,tag:5"`
}

func scopeOf(list *x509.RevocationList) (scope, error) {
	var s scope
	for _, x := range list.Extensions {
		if !x.Id.Equal(oidIssuingPoint) {
			continue
		}
		if rest, err := asn1.Unmarshal(x.Value, &s); err != nil || len(rest) > 0 {
			return s, errors.New("its issuingDistributionPoint cannot be parsed")
		}
	}
	return s, nil
}

// includes returns an error if a list of this scope may lack the certificate
// although it is revoked.
func (s scope) includes(c *x509.Certificate) error {
	switch {
	case s.UserOnly && c.IsCA:
		return fmt.Errorf("%w: of those that are no CA", errOtherCertificates)
	case s.AuthorityOnly && !c.IsCA:
		return fmt.Errorf("%w: of CAs", errOtherCertificates)
	case s.AttributesOnly:
		return fmt.Errorf("%w: of attribute certificates", errOtherCertificates)
	case s.Reasons.BitLength > 0:
		return fmt.Errorf("%w: of those revoked for certain reasons", errOtherCertificates)
	case len(s.Point.FullBytes) == 0:
		return nil
	}
	// DistributionPointName: fullName is [0], of GeneralNames; a URI is [6].
	var full asn1.RawValue
	if _, err := asn1.Unmarshal(s.Point.Bytes, &full); err != nil || full.Class != asn1.ClassContextSpecific || full.Tag != 0 {
		return fmt.Errorf("%w: of a distribution point without a URL", errOtherCertificates)
	}
	var urls []string
	for rest := full.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			return errors.New("its issuingDistributionPoint cannot be parsed")
		}
		if name.Class == asn1.ClassContextSpecific && name.Tag == 6 {
			urls = append(urls, string(name.Bytes))
		}
	}
	if !slices.ContainsFunc(urls, func(u string) bool { return slices.Contains(c.CRLDistributionPoints, u) }) {
		return fmt.Errorf("%w: of those with the address %s", errOtherCertificates, printable(strings.Join(urls, ", ")))
	}
	return nil
}
