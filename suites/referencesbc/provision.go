package referencesbc

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Provision makes the SBC present another certificate, the leaf and its
// intermediates, from the next handshake with a caller on; connections that
// stand are left alone. Whether the certificate is any good is for callers to
// find out. With one that cannot be presented at all (none in it, a leaf that
// cannot be read, no key or one that does not fit) it returns an error and goes
// on with the one before. It may be called at any time.
func (s *SBC) Provision(c tls.Certificate) error {
	if old := s.shows.Load(); s.Mutant == KeepsWrongCertificate && old != nil && s.now().After(old.Leaf.NotAfter) {
		return nil
	}
	shows, err := s.presentable(c)
	if err != nil {
		return fmt.Errorf("taking a certificate into use: %w", err)
	}
	s.shows.Store(&shows)
	return nil
}

// presentable returns the certificate as this SBC presents it.
func (s *SBC) presentable(c tls.Certificate) (tls.Certificate, error) {
	if len(c.Certificate) == 0 {
		return tls.Certificate{}, errors.New("there is none in it")
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the leaf: %w", err)
	}
	signer, is := c.PrivateKey.(crypto.Signer)
	if !is {
		return tls.Certificate{}, fmt.Errorf("a private key of type %T cannot sign", c.PrivateKey)
	}
	if public, is := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !is || !public.Equal(signer.Public()) {
		return tls.Certificate{}, fmt.Errorf("the private key is not that of the leaf %q", leaf.Subject)
	}
	c.Leaf, c.Certificate = leaf, slices.Clone(c.Certificate)
	switch s.Mutant {
	case SendsNoIntermediate:
		c.Certificate = c.Certificate[:1]
	case SelfSigned:
		return s.selfSigned(leaf, signer)
	}
	return c, nil
}

// selfSigned makes a certificate that differs from the given one in its issuer,
// and in what only an issuer can provide.
func (s *SBC) selfSigned(leaf *x509.Certificate, key crypto.Signer) (tls.Certificate, error) {
	own := *leaf
	own.SignatureAlgorithm, own.AuthorityKeyId = x509.UnknownSignatureAlgorithm, nil // as fits our key
	own.CRLDistributionPoints, own.OCSPServer, own.IssuingCertificateURL = nil, nil, nil
	source := s.Rand
	if source == nil {
		source = rand.Reader
	}
	der, err := x509.CreateCertificate(source, &own, &own, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("signing it itself: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
