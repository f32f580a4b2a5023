package certs

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"time"
)

// makeCA makes a CA certificate for a key: an intermediate, or a root when issuer
// is nil.
func (l *Lab) makeCA(s caShape, key crypto.Signer, issuer *credential, notBefore, notAfter time.Time) (credential, error) {
	cert, err := l.sign(caTemplate(s, issuer != nil, notBefore, notAfter), s.subject, key.Public(), issuer, key, s.selfAuthorityKeyID)
	return credential{cert, key}, err
}

// leafTemplate is all of a leaf but its names, key, issuer and addresses.
func leafTemplate(s leafShape, notBefore, notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		SignatureAlgorithm:    s.signature,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              s.usage,
		ExtKeyUsage:           s.extUsage,
		Policies:              s.policies,
	}
}

// makeLeaf signs a leaf by issuer, or by itself when issuer is nil.
func (l *Lab) makeLeaf(s leafShape, names identifiers, t *x509.Certificate, key crypto.Signer, issuer *credential) (*x509.Certificate, error) {
	subject := append([]attribute(nil), s.subject...)
	for _, name := range names.cn {
		if len(name) > maxCommonName {
			return nil, fmt.Errorf("checking a common name: above %d characters: %q", maxCommonName, name)
		}
		subject = append(subject, attribute{oidCN, name})
	}
	t.DNSNames = names.dns
	for _, ip := range names.ip {
		t.IPAddresses = append(t.IPAddresses, ip.Unmap().AsSlice())
	}
	for _, host := range names.uri {
		t.URIs = append(t.URIs, &url.URL{Scheme: "sip", Opaque: host})
	}
	return l.sign(t, subject, key.Public(), issuer, key, false)
}

// sign completes template t and signs it by issuer, or by self when issuer is
// nil. A subject that the template has already is kept.
func (l *Lab) sign(t *x509.Certificate, subject []attribute, pub crypto.PublicKey, issuer *credential, self crypto.Signer, selfAKI bool) (*x509.Certificate, error) {
	var err error
	if len(t.RawSubject) == 0 {
		if t.RawSubject, err = rawName(subject); err != nil {
			return nil, fmt.Errorf("encoding a subject: %w", err)
		}
	}
	if t.SerialNumber, err = newSerial(l.rand); err != nil {
		return nil, err
	}
	if t.SubjectKeyId, err = keyID(pub); err != nil {
		return nil, err
	}
	parent, key := t, self
	if issuer != nil {
		parent, key = issuer.cert, issuer.key
	} else if selfAKI {
		t.AuthorityKeyId = t.SubjectKeyId
	}
	der, err := x509.CreateCertificate(l.rand, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// newSerial is a positive serial number of exactly 16 octets, the size that
// DigiCert uses, 126 bits of it random (RFC 5280 section 4.1.2.2).
func newSerial(rand io.Reader) (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b), nil
}

// keyID is RFC 5280 section 4.2.1.2 method 1, SHA-1 of the key, as in the
// hierarchies that are mirrored; crypto/x509 by itself uses SHA-256.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		return nil, fmt.Errorf("decoding a public key: %w", err)
	}
	sum := sha1.Sum(spki.Key.Bytes)
	return sum[:], nil
}
