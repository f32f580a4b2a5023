package revocation

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"time"
)

// list returns the issuer's list of a content, signed when it is first asked for
// after a change, and again when it is a day old. The issuer is locked.
func (s *Server) list(i *issuer, content State) ([]byte, error) {
	now := s.Now()
	if l, ok := i.lists[content]; ok && now.Sub(l.made).Abs() < maxAge {
		return l.der, nil
	}
	der, err := s.signList(i, content, now)
	if err != nil {
		return nil, fmt.Errorf("signing the revocation list of %s: %w", i.Name, err)
	}
	if i.lists == nil {
		i.lists = make(map[State]signedList)
	}
	i.lists[content] = signedList{der, now}
	return der, nil
}

// signList makes a list as of RFC 5280 section 5: version 2, with authority key
// identifier, number and, but for a root, issuing distribution point.
func (s *Server) signList(i *issuer, content State, now time.Time) ([]byte, error) {
	key, err := s.signer(i, content)
	if err != nil {
		return nil, err
	}
	t := new(x509.RevocationList)
	// OpenSSL, told to check all of a chain, asks of the root as well whether the
	// root has revoked it, and roots carry no URL that a distribution point could
	// equal: with one, such a device would refuse every chain.
	if !bytes.Equal(i.Certificate.RawSubject, i.Certificate.RawIssuer) {
		point, err := distributionPoint(i.locations.CRL)
		if err != nil {
			return nil, err
		}
		t.ExtraExtensions = []pkix.Extension{point}
	}
	t.ThisUpdate, t.NextUpdate = window(content, now)
	if content == Huge {
		// The revoked ones come last: a device that stops reading early misses them.
		if t.RevokedCertificateEntries, err = strangers(s.Rand, s.HugeEntries, t.ThisUpdate); err != nil {
			return nil, err
		}
	}
	for _, e := range i.revoked {
		e.RevocationTime = earlier(e.RevocationTime, t.ThisUpdate)
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, e)
	}
	// Seconds of the clock grow from run to run as well, for an issuer that lives
	// on, such as a root. A list is made only when it is asked for after a change,
	// so that the numbers do not run ahead of the clock for long.
	i.number = max(i.number+1, now.Unix())
	t.Number = big.NewInt(i.number)

	// A list is made also for an issuer whose certificate does not permit it: what
	// is wrong with that certificate must not look like a missing list.
	signer := *i.Certificate
	signer.KeyUsage |= x509.KeyUsageCRLSign
	return x509.CreateRevocationList(s.Rand, t, &signer, key)
}

// strangers are entries for serial numbers of 16 octets, the size of the lab's,
// that no certificate has, each revoked a second before the other.
func strangers(rand io.Reader, n int, before time.Time) ([]x509.RevocationListEntry, error) {
	const size = 16
	octets := make([]byte, n*size)
	if _, err := io.ReadFull(rand, octets); err != nil {
		return nil, fmt.Errorf("drawing serial numbers: %w", err)
	}
	out := make([]x509.RevocationListEntry, n)
	for k := range out {
		serial := octets[k*size : (k+1)*size]
		serial[0] = serial[0]&0x3f | 0x40
		out[k] = x509.RevocationListEntry{
			SerialNumber:   new(big.Int).SetBytes(serial),
			RevocationTime: before.Add(-time.Duration(n-k) * time.Second),
		}
	}
	return out, nil
}

var oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// distributionPoint is the extension of RFC 5280 section 5.2.5, which is critical,
// with the URL as fullName. The certificates of the issuer must carry the same
// URL, else the list is not about them.
func distributionPoint(url string) (pkix.Extension, error) {
	const uniformResourceIdentifier = 6
	type pointName struct {
		FullName []asn1.RawValue `asn1:"tag:0"`
	}
	der, err := asn1.Marshal(struct {
		Name pointName `asn1:"tag:0"`
	}{pointName{[]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: uniformResourceIdentifier, Bytes: []byte(url)}}}})
	return pkix.Extension{Id: oidDistributionPoint, Critical: true, Value: der}, err
}
