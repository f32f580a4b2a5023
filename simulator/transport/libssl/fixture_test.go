package libssl_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
)

// patience bounds every wait: reaching it is a failure, never a pass.
const patience = 20 * time.Second

const p384 = 24

// The eight suites of the trunk; crypto/tls has the first six of the list.
const (
	rsaCBC      = 0x0035
	rsaCBC256   = 0x003d
	rsaGCM128   = 0x009c
	rsaGCM256   = 0x009d
	ecdheCBC    = 0xc014
	ecdheCBC384 = 0xc028
	ecdheGCM128 = 0xc02f
	ecdheGCM256 = 0xc030
)

var trunk = []uint16{ecdheGCM256, ecdheGCM128, ecdheCBC, rsaGCM256, rsaGCM128, rsaCBC, ecdheCBC384, rsaCBC256}

// need skips the test where this machine has no OpenSSL 3, or fails it where
// the peers must be there.
func need(t testing.TB) {
	t.Helper()
	if err := libssl.Available(); err != nil {
		missing(t, err.Error())
	}
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
		t.Fatalf("BYOCHECK_REQUIRE_PEERS=1, and %s", what)
	}
	t.Skipf("not run: %s", what)
}

// identity is a self-signed RSA-2048 certificate, made once per test binary.
var identity = sync.OnceValue(func() *tls.Certificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "proxy.test"},
		DNSNames:     []string{"proxy.test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// server is how the trunk's server is set up, with identity.
func server(suites ...uint16) *libssl.Config {
	return &libssl.Config{Chain: identity().Certificate, Key: identity().PrivateKey, Suites: suites, Groups: []uint16{p384}, SecurityLevel: -1}
}

// client is how the trunk's client is set up.
func client(suites ...uint16) *libssl.Config {
	return &libssl.Config{Suites: suites, Groups: []uint16{p384}, SecurityLevel: -1}
}

// goConfig is crypto/tls set up like the two above.
func goConfig(suites ...uint16) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{*identity()},
		InsecureSkipVerify:     true,
		MinVersion:             tls.VersionTLS12,
		MaxVersion:             tls.VersionTLS12,
		CurvePreferences:       []tls.CurveID{tls.CurveP384},
		CipherSuites:           suites,
		SessionTicketsDisabled: true,
	}
}

// engine is an implementation of TLS in both roles, set up for the trunk.
type engine struct {
	name   string
	suites []uint16
	server func(ctx context.Context, raw net.Conn) (net.Conn, error)
	client func(ctx context.Context, raw net.Conn, suite uint16) (net.Conn, error)
}

func engines(t testing.TB) []engine {
	need(t)
	shown := server(trunk...)
	offers := map[uint16]*libssl.Config{}
	for _, s := range trunk {
		offers[s] = client(s)
	}
	surviving := trunk[:6]
	return []engine{{
		name: "libssl", suites: trunk,
		server: func(ctx context.Context, raw net.Conn) (net.Conn, error) {
			return orNil(libssl.Server(ctx, raw, shown))
		},
		client: func(ctx context.Context, raw net.Conn, suite uint16) (net.Conn, error) {
			return orNil(libssl.Client(ctx, raw, offers[suite]))
		},
	}, {
		name: "crypto_tls", suites: surviving,
		server: func(ctx context.Context, raw net.Conn) (net.Conn, error) {
			c := tls.Server(raw, goConfig(surviving...))
			return c, c.HandshakeContext(ctx)
		},
		client: func(ctx context.Context, raw net.Conn, suite uint16) (net.Conn, error) {
			c := tls.Client(raw, goConfig(suite))
			return c, c.HandshakeContext(ctx)
		},
	}}
}

// orNil keeps a nil *Conn from becoming a net.Conn that is not nil.
func orNil(c *libssl.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// agreed is what the two ends of a connection must agree on.
type agreed struct{ version, suite, group uint16 }

// reached says what a connection of either engine came to.
func reached(c net.Conn) agreed {
	if ours, is := c.(*libssl.Conn); is {
		s := ours.ConnectionState()
		return agreed{s.Version, s.Suite, s.Group}
	}
	s := c.(*tls.Conn).ConnectionState()
	return agreed{s.Version, s.CipherSuite, uint16(s.CurveID)}
}

// want is what a connection of the trunk on one suite must come to.
func want(suite uint16) agreed {
	if ecdhe(suite) {
		return agreed{tls.VersionTLS12, suite, p384}
	}
	return agreed{tls.VersionTLS12, suite, 0}
}

func ecdhe(suite uint16) bool { return suite >= 0xc000 }

// pair returns the two ends of a TCP connection; the test's end closes them.
func pair(t testing.TB) (ours, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	for _, c := range []net.Conn{dialled, accepted} {
		c.SetDeadline(time.Now().Add(patience))
	}
	return accepted.(*net.TCPConn), dialled.(*net.TCPConn)
}

// connect does a handshake between two ends and returns both.
func connect[S, C io.Closer](t testing.TB, serve func() (S, error), dial func() (C, error)) (S, C) {
	t.Helper()
	type result struct {
		s   S
		err error
	}
	served := make(chan result, 1)
	go func() {
		s, err := serve()
		served <- result{s, err}
	}()
	c, err := dial()
	r := <-served
	if err != nil || r.err != nil {
		t.Fatalf("client: %v, server: %v", err, r.err)
	}
	t.Cleanup(func() { r.s.Close(); c.Close() })
	return r.s, c
}

// joined returns a connection of ours as server and its crypto/tls client, with
// the sockets under them.
func joined(t testing.TB) (ours *libssl.Conn, theirs *tls.Conn, ourSocket, theirSocket *net.TCPConn) {
	t.Helper()
	need(t)
	ourSocket, theirSocket = pair(t)
	shown := server()
	theirs = tls.Client(theirSocket, goConfig())
	ours, _ = connect(t,
		func() (*libssl.Conn, error) { return libssl.Server(t.Context(), ourSocket, shown) },
		func() (*tls.Conn, error) { return theirs, theirs.Handshake() })
	return
}

// exchange sends text from one end to the other and back.
func exchange(a, b io.ReadWriter, text string) error {
	for _, d := range [][2]io.ReadWriter{{a, b}, {b, a}} {
		if _, err := io.WriteString(d[0], text); err != nil {
			return err
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(d[1], got); err != nil || string(got) != text {
			return fmt.Errorf("sent %q, received %q, %w", text, got, err)
		}
	}
	return nil
}
