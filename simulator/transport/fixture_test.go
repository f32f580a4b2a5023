package transport

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// patience bounds every wait: reaching it is a failure, never a pass.
const patience = 20 * time.Second

// identity is a self-signed RSA-2048 certificate, made once per test binary.
var identity = sync.OnceValue(func() tls.Certificate {
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
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// loopback is an address whose port the kernel chooses.
func loopback() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:0") }

// healthy is a face that allows all suites, without a deadline.
func healthy() Face {
	return Face{Profile: "healthy", Certificate: identity(), Suites: SurvivingSuites()}
}

// echo sends back what comes and closes after the device did.
func echo(c *Conn) {
	defer c.Close()
	io.Copy(onlyWriter{c}, onlyReader{c})
}

type onlyWriter struct{ io.Writer }

// start runs s, on one loopback address and with echo where it does not say
// otherwise, until the test ends.
func start(t testing.TB, s *Server, f Face) *Server {
	t.Helper()
	if s.Recorder == nil {
		s.Recorder = &record.Recorder{}
	}
	if s.Listen == nil {
		s.Listen = []netip.AddrPort{loopback()}
	}
	if s.Accept == nil {
		s.Accept = echo
	}
	if err := s.Start(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// plain opens a TCP connection to addr; the test's end closes it.
func plain(t testing.TB, addr netip.AddrPort) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr.String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// device is how a well-behaved device dials: it accepts any certificate.
func device(suites ...uint16) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS12,
		MaxVersion:         tls.VersionTLS12,
		CurvePreferences:   []tls.CurveID{P384},
		CipherSuites:       suites,
	}
}

// call does a client handshake with the server and returns its outcome.
func call(t testing.TB, s *Server, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	c := tls.Client(plain(t, s.Addr(0)), config)
	err := c.Handshake()
	if err != nil {
		c.Close()
	}
	return c, err
}

// exchange sends text and expects it back.
func exchange(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("sent %q, got back %q, %v", text, got, err)
	}
}

// hello returns the ClientHello record of config.
func hello(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go tls.Client(theirs, config).Handshake()
	b := make([]byte, 16<<10)
	n, err := ours.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// wait returns the first event after mark with a body of kind B that matches;
// a nil match takes any.
func wait[B record.Body](t testing.TB, rec *record.Recorder, mark uint64, match func(record.Event, B) bool) (record.Event, B) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := rec.Wait(ctx, mark, func(e record.Event) bool {
		b, is := e.Body.(B)
		return is && (match == nil || match(e, b))
	})
	if err != nil {
		var want B
		t.Fatalf("waiting for %s: %v; recorded:\n%s", want.Kind(), err, story(rec, 0))
	}
	return e, e.Body.(B)
}

// on matches any event of one connection.
func on[B record.Body](conn uint64) func(record.Event, B) bool {
	return func(e record.Event, _ B) bool { return e.Conn == conn }
}

// of returns the bodies of kind B on connection conn, in order; 0 takes all.
func of[B record.Body](rec *record.Recorder, conn uint64) (out []B) {
	for _, e := range rec.Since(0) {
		if b, is := e.Body.(B); is && (conn == 0 || e.Conn == conn) {
			out = append(out, b)
		}
	}
	return out
}
