package referencesbc

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
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

// serverConfig is that of the port where the cloud calls. Sessions are not
// resumed: every handshake shows the certificate of the day.
func (s *SBC) serverConfig() *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: suites, CurvePreferences: curves,
		GetCertificate: s.shownTo, SessionTicketsDisabled: true, Time: s.now, Rand: s.Rand,
	}
	switch s.Mutant {
	case RequiresClientCertificate:
		c.ClientAuth = tls.RequireAnyClientCert
	case RequiresClientCertificateLate:
		c.ClientAuth = tls.RequestClientCert
	case NoP384:
		c.CurvePreferences = []tls.CurveID{tls.CurveP256}
		c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
	case TLS13Only:
		c.MinVersion, c.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	case TLS10Accepted:
		c.MinVersion = tls.VersionTLS10
	case Takes3DES:
		c.CipherSuites = append(slices.Clone(suites), tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA)
	case SlowHandshake, SlowUnderLoad:
		c.GetConfigForClient = s.slowly
	}
	return c
}

// busy is how many handshakes at once SlowUnderLoad copes with.
const busy = 3

// slowly waits before a ClientHello is answered.
func (s *SBC) slowly(*tls.ClientHelloInfo) (*tls.Config, error) {
	if s.Mutant == SlowUnderLoad && s.shaking.Load() <= busy {
		return nil, nil
	}
	wait := time.NewTimer(s.Timers.Slow)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.ctx.Done():
	}
	return nil, nil
}

// shownTo returns the certificate that a caller is shown.
func (s *SBC) shownTo(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	shows := s.shows.Load()
	if s.Mutant == NeedsSNI && hello.ServerName == "" {
		other, err := s.selfSigned(shows.Leaf, shows.PrivateKey.(crypto.Signer)) // as presentable saw to
		return &other, err
	}
	return shows, nil
}

var errUnknownCaller = errors.New("the caller has no certificate")

// secureCaller does the handshake with a caller. After an error the connection
// is still to be closed.
func (s *SBC) secureCaller(ctx context.Context, tcp net.Conn, config *tls.Config) (net.Conn, error) {
	switch s.Mutant {
	case TakesNullCipher:
		return s.withNullCipher(ctx, tcp)
	case Compresses:
		tcp = &deflating{Conn: tcp}
	}
	s.shaking.Add(1)
	defer s.shaking.Add(-1)
	conn := tls.Server(tcp, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if s.Mutant == RequiresClientCertificateLate && len(conn.ConnectionState().PeerCertificates) == 0 {
		conn.Close()
		return nil, errUnknownCaller
	}
	return conn, nil
}

// clientConfig is that of a connection to the proxy of that name at addr. The
// library's own verification is off: verify takes its place.
func (s *SBC) clientConfig(name string, addr netip.Addr, verify func(tls.ConnectionState) error) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: suites, CurvePreferences: curves,
		ServerName: name, InsecureSkipVerify: true, VerifyConnection: verify, Time: s.now, Rand: s.Rand,
	}
	switch s.Mutant {
	case DialsIP:
		c.ServerName = addr.String() // which crypto/tls leaves out of SNI
	case OffersNoP384:
		c.CurvePreferences = []tls.CurveID{tls.CurveP256}
	case TLS13Only:
		c.MinVersion, c.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	case OffersOldVersions:
		c.MinVersion = tls.VersionTLS10
	case OffersRC4:
		c.CipherSuites = append(slices.Clone(suites), tls.TLS_RSA_WITH_RC4_128_SHA)
	case OffersBrokenSuite:
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if state.CipherSuite == tls.TLS_RSA_WITH_AES_256_CBC_SHA {
				return errors.New("the cipher suite does not work")
			}
			return verify(state)
		}
	}
	return c
}

// secureProxy does the handshake with the proxy of that name at addr. After an
// error the connection is still to be closed.
func (s *SBC) secureProxy(ctx context.Context, tcp net.Conn, name string, addr netip.Addr, verify func(tls.ConnectionState) error) (net.Conn, error) {
	if hello, lacks, is := s.byHand(name); is {
		return handshakeByHand(ctx, tcp, hello, lacks, s.Rand, verify)
	}
	conn := tls.Client(s.fussy(tcp), s.clientConfig(name, addr, verify))
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return conn, nil
}
