package scripted

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
	"sync"
	"testing"
	"time"
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

func parameters() Parameters {
	return Parameters{Chain: identity().Certificate, Key: identity().PrivateKey.(*rsa.PrivateKey)}
}

// pair returns both ends of a TCP connection on loopback.
func pair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	ln := listen(t)
	c, err := net.DialTimeout("tcp", ln.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn), accept(t, ln)
}

func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.(*net.TCPListener)
}

func accept(t testing.TB, ln *net.TCPListener) *net.TCPConn {
	t.Helper()
	ln.SetDeadline(time.Now().Add(patience))
	s, err := ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// served is what became of a script.
type served struct {
	out Outcome
	err error
}

// serve plays a script to whoever is at the other end of raw, and closes raw.
func serve(t testing.TB, raw net.Conn, s Script, p Parameters) <-chan served {
	ctx := bounded(t)
	ch := make(chan served, 1)
	go func() {
		defer raw.Close()
		out, err := Serve(ctx, raw, s, p)
		ch <- served{out, err}
	}()
	return ch
}

// echo completes the handshake of a script and sends back what comes.
func echo(t testing.TB, raw net.Conn, s Script, p Parameters) <-chan served {
	ctx := bounded(t)
	ch := make(chan served, 1)
	go func() {
		defer raw.Close()
		session, out, err := Handshake(ctx, raw, s, p)
		ch <- served{out, err}
		if err == nil {
			session.SetDeadline(time.Now().Add(patience))
			io.Copy(session, struct{ io.Reader }{session})
			session.Close()
		}
	}()
	return ch
}

// device is a client that accepts any certificate.
func device() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384}}
}
