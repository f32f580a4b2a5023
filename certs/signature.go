package certs

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
)

// signing is a way to sign certificates that crypto/x509 does not offer.
type signing struct {
	algorithm []byte // AlgorithmIdentifier (RFC 5280 section 4.1.1.2), DER
	hash      crypto.Hash
	sum       func([]byte) []byte
}

var (
	// md5WithRSA is md5WithRSAEncryption, 1.2.840.113549.1.1.4 (RFC 3279 section 2.2.1).
	md5WithRSA = &signing{
		algorithm: []byte{0x30, 13, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4, 0x05, 0},
		hash:      crypto.MD5,
		sum:       func(b []byte) []byte { sum := md5.Sum(b); return sum[:] },
	}
	// undefinedAlgorithm is 1.3.6.1.4.1.32473.1, under the enterprise number for
	// documentation (RFC 5612), which will never be assigned. What it is of is
	// the signature that the issuer's key makes with SHA-256.
	undefinedAlgorithm = &signing{
		algorithm: []byte{0x30, 11, 0x06, 9, 0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x59, 1},
		hash:      crypto.SHA256,
		sum:       func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] },
	}
)

// again signs a certificate over again.
func (s *signing) again(c *x509.Certificate, key crypto.Signer, rand io.Reader) (*x509.Certificate, error) {
	tbs, err := replaceAlgorithm(c.RawTBSCertificate, s.algorithm)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate again: %w", err)
	}
	signature, err := key.Sign(rand, s.sum(tbs), s.hash)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate again: %w", err)
	}
	der, err := asn1.Marshal(struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, asn1.RawValue{FullBytes: s.algorithm}, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return nil, fmt.Errorf("signing a certificate again: %w", err)
	}
	return x509.ParseCertificate(der)
}

// replaceAlgorithm replaces the signature field of a TBSCertificate, which is the
// third, after version and serialNumber (RFC 5280 section 4.1).
func replaceAlgorithm(tbs, algorithm []byte) ([]byte, error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(tbs, &whole); err != nil {
		return nil, err
	} else if len(rest) > 0 || whole.Class != asn1.ClassUniversal || whole.Tag != asn1.TagSequence || !whole.IsCompound {
		return nil, errors.New("not a single sequence")
	}
	var fields [][]byte
	for rest := whole.Bytes; len(rest) > 0; {
		var field asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &field); err != nil {
			return nil, err
		}
		fields = append(fields, field.FullBytes)
	}
	if len(fields) < 3 {
		return nil, errors.New("too few fields")
	}
	fields[2] = algorithm
	whole.FullBytes, whole.Bytes = nil, bytes.Join(fields, nil)
	return asn1.Marshal(whole)
}
