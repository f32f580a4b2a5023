package referencesbc

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// minRSA is the least size of an RSA key, in bits (CA/Browser Forum Baseline
// Requirements 6.1.5); crypto/x509 has no such rule.
const minRSA = 2048

// verify checks the certificate that the proxy of that name at addr presented
// in a handshake: dates and way to a trusted root, then that it names the proxy,
// then that nothing on the way is revoked, which may take as long as
// Timers.Fetch.
func (s *SBC) verify(ctx context.Context, state tls.ConnectionState, name string, addr netip.Addr) error {
	path, err := s.path(state.PeerCertificates)
	if err == nil && !s.identified(path[0], name, addr) {
		err = fmt.Errorf("it names %q, not the proxy that was dialled, %s", identities(path[0]), name)
	}
	if refuses := stumbling[s.Mutant]; err == nil && refuses != nil && refuses(state.PeerCertificates, s.now()) {
		err = errors.New("it stumbles over what is right in it")
	}
	if err == nil {
		err = s.unrevoked(ctx, path, state.OCSPResponse)
	}
	if err == nil {
		err = s.pinned(path)
	}
	if err != nil {
		return fmt.Errorf("verifying the proxy's certificate: %w", err)
	}
	return nil
}

// path returns the way from the leaf, the first of the certificates that were
// sent, to a trusted root.
func (s *SBC) path(sent []*x509.Certificate) ([]*x509.Certificate, error) {
	if len(sent) == 0 {
		return nil, errors.New("it presented none")
	}
	sent = s.dated(sent)
	path, err := s.trustedPath(sent)
	if err != nil && s.Mutant == TrustsAnything {
		return sent, inTime(sent, s.now())
	}
	return path, err
}

// trustedPath finds the way over certificates that were sent and nothing else:
// missing intermediates are not fetched.
func (s *SBC) trustedPath(sent []*x509.Certificate) ([]*x509.Certificate, error) {
	others := x509.NewCertPool()
	for _, c := range sent[1:] {
		others.AddCert(c)
	}
	// Without a DNSName, which is compared elsewhere by the stricter rule.
	paths, err := sent[0].Verify(x509.VerifyOptions{
		Roots: s.Roots, Intermediates: others, CurrentTime: s.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, err
	}
	for _, c := range paths[0] {
		if key, is := c.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() < minRSA {
			return nil, fmt.Errorf("the RSA key of %q has %d bits, fewer than %d", c.Subject, key.N.BitLen(), minRSA)
		}
	}
	return paths[0], nil
}

// dated returns the certificates as this SBC reads their dates: a mutant reads
// them as if the one that it does not look at were no bound.
func (s *SBC) dated(sent []*x509.Certificate) []*x509.Certificate {
	if s.Mutant != AcceptsExpired && s.Mutant != AcceptsNotYetValid {
		return sent
	}
	out := slices.Clone(sent)
	for i := range out {
		c := *out[i]
		if s.Mutant == AcceptsExpired {
			c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280 4.1.2.5: no end
		} else {
			c.NotBefore = time.Time{}
		}
		out[i] = &c
	}
	return out
}

// inTime checks dates alone.
func inTime(sent []*x509.Certificate, now time.Time) error {
	for _, c := range sent {
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return fmt.Errorf("%q is valid from %s to %s only", c.Subject, c.NotBefore, c.NotAfter)
		}
	}
	return nil
}

// pinned is the defect of the mutants that remember a key of the first good path
// that they see, the leaf's or the one above it, and refuse every other.
func (s *SBC) pinned(path []*x509.Certificate) error {
	at := 0
	switch s.Mutant {
	case PinsLeaf:
	case PinsIntermediate:
		at = min(1, len(path)-1)
	default:
		return nil
	}
	key := path[at].RawSubjectPublicKeyInfo
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pin == nil {
		s.pin = key
	}
	if !bytes.Equal(s.pin, key) {
		return fmt.Errorf("the key of %q is not the one that is pinned", path[at].Subject)
	}
	return nil
}
