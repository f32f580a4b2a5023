package suites

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"
)

// serveWithoutRenegotiationInfo answers ClientHellos with a first flight in which
// renegotiation_info is missing. The handshake cannot be completed: both sides
// have seen different ServerHellos. No TLS stack at hand leaves it out by itself.
func serveWithoutRenegotiationInfo(t *testing.T, at netip.AddrPort) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				tls.Server(bare{c}, config).Handshake()
			}()
		}
	}()
}

// bare is a connection on which a server's renegotiation_info is left out.
type bare struct{ net.Conn }

// Write implements net.Conn.
func (b bare) Write(p []byte) (int, error) {
	const header, serverHello = 5, 2 // RFC 5246 sections 6.2.1 and 7.4
	info := []byte{0xff, 0x01, 0, 1, 0}
	at := bytes.Index(p, info)
	if len(p) < header+4 || p[0] != 22 || p[header] != serverHello || at < 0 {
		return b.Conn.Write(p)
	}
	out := bytes.Join([][]byte{p[:at], p[at+len(info):]}, nil)
	shorter := func(n int) { binary.BigEndian.PutUint16(out[n:], binary.BigEndian.Uint16(out[n:])-uint16(len(info))) }
	shorter(3)          // of the record
	shorter(header + 2) // of the message: the lower two octets of three
	// version, random, session_id, suite and compression come before the extensions
	shorter(header + 4 + 2 + 32 + 1 + int(out[header+4+2+32]) + 2 + 1)
	if _, err := b.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
