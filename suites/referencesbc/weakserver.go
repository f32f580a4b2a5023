package referencesbc

import (
	"bytes"
	"context"
	"fmt"
	"net"

	"byocheck/simulator/transport/libssl"
	"byocheck/simulator/transport/scripted"
)

// withNullCipher does the handshake with a caller as the mutant TakesNullCipher:
// with a library that has, and is allowed, a suite without encryption.
func (s *SBC) withNullCipher(ctx context.Context, tcp net.Conn) (net.Conn, error) {
	const rsaNullSHA256 = 0x003b // TLS_RSA_WITH_NULL_SHA256 (RFC 5246 A.5)
	shows := s.shows.Load()
	conn, err := libssl.Server(ctx, tcp, &libssl.Config{
		Chain: shows.Certificate, Key: shows.PrivateKey, Groups: []uint16{scripted.GroupP384}, SecurityLevel: 0,
		Suites: append(suites[:len(suites):len(suites)], rsaNullSHA256),
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// buildable reports whether the mutant can be had on this machine.
func (m Mutant) buildable() error {
	if m != TakesNullCipher {
		return nil
	}
	if err := libssl.Available(); err != nil {
		return fmt.Errorf("offering a suite without encryption: %w", err)
	}
	return nil
}

// deflating is the connection to a caller of the mutant Compresses: it makes of
// the server's choice of no compression that of DEFLATE (RFC 3749 2), where the
// caller offers that. There it ends, since nobody here can compress.
type deflating struct {
	net.Conn
	came bytes.Buffer // the caller's first record
	gone bool         // our first record is out
}

const deflate = 1

// Read implements net.Conn.
func (d *deflating) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	if !d.gone && d.came.Len() < maxRecord {
		d.came.Write(b[:n])
	}
	return n, err
}

// Write implements net.Conn.
func (d *deflating) Write(b []byte) (int, error) {
	// The first record has the ServerHello: headers, version, random, session_id, suite.
	const sid, suite = 5 + 4 + 2 + 32, 2
	if d.gone {
		return d.Conn.Write(b)
	}
	d.gone = true
	if len(b) > sid && b[0] == handshakeRecord && d.offered() {
		if at := sid + 1 + int(b[sid]) + suite; at < len(b) {
			b = bytes.Clone(b)
			b[at] = deflate
		}
	}
	return d.Conn.Write(b)
}

// offered reports whether the caller offers DEFLATE.
func (d *deflating) offered() bool {
	if came := d.came.Bytes(); len(came) > 5+4 {
		hello, err := scripted.ParseHello(came[5+4:])
		return err == nil && bytes.Contains(hello.Compression, []byte{deflate})
	}
	return false
}
