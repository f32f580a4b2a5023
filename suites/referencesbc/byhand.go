package referencesbc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"

	"byocheck/simulator/transport/scripted"
)

// lacks are the mutants whose TLS client leaves out one check. No library lets
// itself be talked into that: their handshakes are done by hand.
var lacks = map[Mutant]scripted.Check{
	TakesUnofferedVersion:            scripted.CheckVersion,
	TakesUnofferedSuite:              scripted.CheckSuite,
	TakesUnofferedGroup:              scripted.CheckGroup,
	TakesCompression:                 scripted.CheckCompression,
	TakesUnsolicitedExtension:        scripted.CheckExtensions,
	TakesBadRenegotiationInfo:        scripted.CheckRenegotiation,
	TakesMalformedCertificate:        scripted.CheckLength,
	TakesMessagesOutOfOrder:          scripted.CheckOrder,
	TakesHandshakeWithoutCertificate: scripted.CheckCertificate,
	TakesUnexpectedKeyExchange:       scripted.CheckKeyExchange,
	SkipsSignature:                   scripted.CheckSignature,
	SkipsFinished:                    scripted.CheckFinished,
}

// byHand returns the ClientHello of the mutants whose handshakes as TLS client
// are done by hand, and the check that is left out.
func (s *SBC) byHand(name string) (hello scripted.Hello, without scripted.Check, is bool) {
	// As crypto/tls offers them, ECDSA among them: CAs may have such keys.
	schemes := []uint16{0x0804, 0x0403, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603}
	offers := suites
	without, is = lacks[s.Mutant]
	switch s.Mutant {
	case CBCSHA2Only:
		// TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, TLS_RSA_WITH_AES_256_CBC_SHA256
		offers, is = []uint16{0xc028, 0x003d}, true
	case OffersSHA1Only:
		schemes, is = []uint16{0x0201, 0x0203}, true
	}
	hello = scripted.NewHello(name, offers...)
	signatures := scripted.SignatureAlgorithms(schemes...)
	for i, e := range hello.Extensions {
		if e.Type == signatures.Type {
			hello.Extensions[i] = signatures
		}
	}
	return hello, without, is
}

// handshakeByHand does a handshake as client, with verify in its midst.
func handshakeByHand(ctx context.Context, tcp net.Conn, hello scripted.Hello, without scripted.Check, random io.Reader, verify func(tls.ConnectionState) error) (net.Conn, error) {
	c := scripted.Client{Hello: hello, Lacks: without, Rand: random, Verify: func(chain [][]byte) error {
		var state tls.ConnectionState
		for _, der := range chain {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return fmt.Errorf("reading the proxy's certificate: %w", err)
			}
			state.PeerCertificates = append(state.PeerCertificates, cert)
		}
		return verify(state)
	}}
	quiet := &speechless{Conn: tcp}
	session, err := c.Handshake(ctx, quiet)
	if err != nil {
		quiet.wait(ctx)
		return nil, err
	}
	return session, nil
}

// speechless is a connection on which an internal error is not told. It comes
// about where an export suite was taken, for which there is no cipher here: that
// we are stuck must not look like a refusal.
type speechless struct {
	net.Conn
	stuck bool
}

// Write implements net.Conn.
func (s *speechless) Write(b []byte) (int, error) {
	const alert, internalError = 21, 80 // RFC 5246 6.2.1, 7.2
	if len(b) == 7 && b[0] == alert && b[6] == internalError {
		s.stuck = true
		return len(b), nil
	}
	return s.Conn.Write(b)
}

// wait lets the proxy end the connection, if that is for it to do.
func (s *speechless) wait(ctx context.Context) {
	if !s.stuck {
		return
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	io.Copy(io.Discard, s.Conn)
}
