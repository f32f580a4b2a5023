package referencesbc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// The six cipher suites that BYOC Cloud trunks keep, and the one curve.
var (
	suites = []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	}
	curves = []tls.CurveID{tls.CurveP384}
)

// serverConfig is that of the port where the cloud calls.
func (s *SBC) serverConfig() *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: suites, CurvePreferences: curves,
		Certificates: []tls.Certificate{s.Certificate}, Time: s.now, Rand: s.Rand,
	}
	switch s.Mutant {
	case RequiresClientCertificate:
		c.ClientAuth = tls.RequireAnyClientCert
	case NoP384:
		c.CurvePreferences = []tls.CurveID{tls.CurveP256}
		c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
	case SendsNoIntermediate:
		alone := s.Certificate
		alone.Certificate = alone.Certificate[:1]
		c.Certificates = []tls.Certificate{alone}
	case SlowHandshake:
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			wait := time.NewTimer(s.Timers.Slow)
			defer wait.Stop()
			select {
			case <-wait.C:
			case <-s.ctx.Done():
			}
			return nil, nil
		}
	}
	return c
}

// clientConfig is that of a connection to the proxy of that name at addr. The
// library's own verification is off: verify takes its place.
func (s *SBC) clientConfig(name string, addr netip.Addr) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: suites, CurvePreferences: curves,
		ServerName: name, InsecureSkipVerify: true, Time: s.now, Rand: s.Rand,
		VerifyConnection: func(cs tls.ConnectionState) error { return s.verify(cs.PeerCertificates, name) },
	}
	if s.Mutant == DialsIP {
		c.ServerName = addr.String() // which crypto/tls leaves out of SNI
	}
	return c
}

// verify checks the chain that a proxy presented, leaf first: the dates, the
// way to a trusted root, and that it names the proxy.
func (s *SBC) verify(chain []*x509.Certificate, name string) error {
	if len(chain) == 0 {
		return errors.New("verifying the proxy's certificate: it presented none")
	}
	leaf, now := chain[0], s.now()
	switch {
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("verifying the proxy's certificate: it is not valid before %s", leaf.NotBefore)
	case now.After(leaf.NotAfter):
		return fmt.Errorf("verifying the proxy's certificate: it expired at %s", leaf.NotAfter)
	}
	if s.Mutant != TrustsAnything {
		sent := x509.NewCertPool()
		for _, c := range chain[1:] {
			sent.AddCert(c)
		}
		// Without a DNSName, which is compared below by the stricter rule.
		_, err := leaf.Verify(x509.VerifyOptions{
			Roots: s.Roots, Intermediates: sent, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err != nil {
			return fmt.Errorf("verifying the proxy's certificate: %w", err)
		}
	}
	if s.Mutant != SkipsHostNameCheck && !named(leaf, name) {
		return fmt.Errorf("verifying the proxy's certificate: it names %q, not the proxy that was dialled, %s", leaf.DNSNames, name)
	}
	return nil
}

// named reports whether the certificate has the name as a dNSName, letter for
// letter but for case: so wildcards do not count (RFC 5922 7.2). Nor does a
// common name (RFC 9525 2), nor an address.
func named(leaf *x509.Certificate, name string) bool {
	name = strings.TrimSuffix(name, ".")
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		return false
	}
	for _, san := range leaf.DNSNames {
		if strings.EqualFold(strings.TrimSuffix(san, "."), name) {
			return true
		}
	}
	return false
}
