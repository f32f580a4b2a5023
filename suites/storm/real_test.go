package storm

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"byocheck/simulator/transport"
)

// identity is a certificate with an RSA key, as the suites want.
var identity = sync.OnceValue(func() tls.Certificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"sbc.test"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// seen is what a TLS server saw of a connection.
type seen struct {
	tls.ConnectionState
	shaken, end, then error // of the handshake, and of two reads after it
}

// listen runs a TLS server that would resume sessions, and tells what it sees.
func listen(t testing.TB) (netip.AddrPort, chan seen) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan seen, 1000)
	config := &tls.Config{Certificates: []tls.Certificate{identity()}, CipherSuites: transport.SurvivingSuites()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			raw, err := ln.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer raw.Close()
				c := tls.Server(raw, config)
				x := seen{shaken: c.Handshake()}
				x.ConnectionState = c.ConnectionState()
				_, x.end = c.Read(make([]byte, 1))
				_, x.then = raw.Read(make([]byte, 1))
				out <- x
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		work.Wait()
	})
	return ln.Addr().(*net.TCPAddr).AddrPort(), out
}

// TestReal: over TCP with crypto/tls on the other side, every handshake is a full
// one as the cloud does it, and ends at once.
func TestReal(t *testing.T) {
	t.Parallel()
	for _, suites := range [][]uint16{nil, {tls.TLS_RSA_WITH_AES_256_GCM_SHA384}, {tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}} {
		addr, out := listen(t)
		r := Storm{Device: addr, ServerName: "sbc.test", Suites: suites, Limit: time.Minute}.Blow(t.Context(), 100, 100*time.Millisecond)
		counts(t, r)
		if r.Done != 10 || !r.Held() || len(r.Suites) != 1 || r.Handshake.Min <= 0 || r.Latency.Min < r.Handshake.Min || r.Connect.Max <= 0 || r.Processor <= 0 {
			t.Fatalf("%+v", r)
		}
		for range r.Due {
			x := <-out
			if x.shaken != nil || x.Version != tls.VersionTLS12 || x.DidResume || x.ServerName != "sbc.test" || len(x.PeerCertificates) > 0 {
				t.Errorf("the device saw %+v", x)
			}
			ecdhe := x.CipherSuite != tls.TLS_RSA_WITH_AES_256_GCM_SHA384
			if r.Suites[0].Name != tls.CipherSuiteName(x.CipherSuite) || suites != nil && x.CipherSuite != suites[0] || ecdhe != (x.CurveID == tls.CurveP384) {
				t.Errorf("the device saw suite %#x and group %v; the result says %+v", x.CipherSuite, x.CurveID, r.Suites)
			}
			if x.end == nil || !errors.Is(x.end, syscall.ECONNRESET) && !errors.Is(x.then, syscall.ECONNRESET) {
				t.Errorf("the connection ended with %v, then %v, and not with RST", x.end, x.then)
			}
		}
	}
}

// TestHostile: whatever comes instead of a handshake is a kind of failure.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		behave func(net.Conn)
		want   string
	}{
		"hangs up": {func(c net.Conn) {}, "connection closed in the TLS handshake"},
		"resets": {func(c net.Conn) {
			c.Read(make([]byte, 1))
			c.(*net.TCPConn).SetLinger(0)
		}, "connection reset in the TLS handshake"},
		"speaks HTTP": {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, "TLS: tls: first record does not look like a TLS handshake"},
		"alert":       {func(c net.Conn) { c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }, "alert: handshake_failure"},
		"silent":      {func(c net.Conn) { io.Copy(io.Discard, c) }, "TLS handshake not done in time"},
		"floods": {func(c net.Conn) {
			for b := bytes.Repeat([]byte{22, 3, 3, 0, 1, 0}, 1000); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}, "TLS: tls: "},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var work sync.WaitGroup
			work.Go(func() {
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					work.Go(func() {
						tt.behave(c)
						if tcp := c.(*net.TCPConn); name != "resets" {
							tcp.CloseWrite()
							io.Copy(io.Discard, tcp) // unread octets would make it a RST
						}
						c.Close()
					})
				}
			})
			defer work.Wait()
			defer ln.Close()
			s := Storm{Device: ln.Addr().(*net.TCPAddr).AddrPort(), Limit: time.Second, Patience: time.Second}
			r := s.Blow(context.Background(), 100, 30*time.Millisecond)
			counts(t, r)
			if r.Failed != 3 || len(r.Failures) != 1 || len(r.Failures[0].Name) < len(tt.want) || r.Failures[0].Name[:len(tt.want)] != tt.want {
				t.Errorf("%+v, want %s", r.Failures, tt.want)
			}
		})
	}
}

// TestNobody: nothing listens there.
func TestNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().(*net.TCPAddr).AddrPort()
	ln.Close()
	r := Storm{Device: addr}.Blow(t.Context(), 100, 20*time.Millisecond)
	if r.Failed != 2 || !slices.Equal(r.Failures, []Count{{"TCP connection refused", 2, false}}) {
		t.Errorf("%+v", r)
	}
}
