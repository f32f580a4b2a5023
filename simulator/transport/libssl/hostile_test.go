package libssl_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
)

// tape is a peer that says what it was made to say, and listens to nothing.
type tape struct {
	io.Reader
	taken int         // octets
	over  atomic.Bool // its deadline
}

func (c *tape) Read(b []byte) (int, error) {
	if c.over.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Reader.Read(b)
	c.taken += n
	return n, err
}

func (c *tape) SetDeadline(t time.Time) error {
	c.over.Store(!t.IsZero())
	return nil
}

func (*tape) Write(b []byte) (int, error)      { return len(b), nil }
func (*tape) Close() error                     { return nil }
func (*tape) LocalAddr() net.Addr              { return nil }
func (*tape) RemoteAddr() net.Addr             { return nil }
func (*tape) SetReadDeadline(time.Time) error  { return nil }
func (*tape) SetWriteDeadline(time.Time) error { return nil }

// endless repeats b for ever.
type endless struct {
	b  []byte
	at int
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.b[e.at%len(e.b)]
		e.at++
	}
	return len(b), nil
}

// A peer that never stops sending what is no handshake is left after a bounded
// number of octets, by itself and without a deadline.
func TestEndless(t *testing.T) {
	need(t)
	noise := make([]byte, 1<<16)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	fragment := append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 1<<14)...) // of a message of …
	for name, b := range map[string][]byte{
		"noise":                   noise,
		"zeros":                   make([]byte, 100),
		"SIP":                     []byte("OPTIONS sip:lb01.test SIP/2.0\r\n\r\n"),
		"empty records":           {22, 3, 3, 0, 0},
		"warnings":                {21, 3, 3, 0, 2, 1, 112},
		"change_cipher_spec":      {20, 3, 3, 0, 1, 1},
		"application data":        {23, 3, 3, 0, 1, 0},
		"records of unknown type": {99, 3, 3, 0, 1, 0},
		"ClientHello without end": append(bytes.Clone(fragment[:5]), append([]byte{1, 0xff, 0xff, 0xff}, fragment[9:]...)...),
		"ServerHello without end": append(bytes.Clone(fragment[:5]), append([]byte{2, 0xff, 0xff, 0xff}, fragment[9:]...)...),
		"hello requests":          bytes.Repeat([]byte{22, 3, 3, 0, 4, 0, 0, 0, 0}, 10),
		"a record of 64 KiB":      append([]byte{22, 3, 3, 0xff, 0xff}, noise[:0xffff]...),
		"SSL 2":                   {0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 7, 0, 0xc0},
	} {
		for role, handshake := range map[string]func(context.Context, net.Conn, *libssl.Config) (*libssl.Conn, error){"server": libssl.Server, "client": libssl.Client} {
			t.Run(role+"/"+name, func(t *testing.T) {
				forEver := role == "client" && name == "hello requests" // to be ignored: RFC 5246 7.4.1.1
				ctx := t.Context()
				if forEver {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
				}
				peer := &tape{Reader: &endless{b: b}}
				if _, err := handshake(ctx, peer, server()); err == nil || errors.Is(err, context.DeadlineExceeded) != forEver {
					t.Errorf("got %v", err)
				}
				if peer.taken > 256<<10 && !forEver {
					t.Errorf("took %d octets", peer.taken)
				}
			})
		}
	}
}

// flights are the octets that each side sent in a handshake on a suite.
func flights(t testing.TB, suite uint16) (fromClient, fromServer []byte) {
	t.Helper()
	need(t)
	a, b := pair(t)
	var up, down bytes.Buffer
	connect(t,
		func() (*libssl.Conn, error) { return libssl.Server(t.Context(), record{a, &up}, server(suite)) },
		func() (*libssl.Conn, error) { return libssl.Client(t.Context(), record{b, &down}, client(suite)) })
	return up.Bytes(), down.Bytes()
}

type record struct {
	net.Conn
	read *bytes.Buffer
}

func (c record) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Write(b[:n])
	return n, err
}

// change is a connection on which one octet of what comes in is another, or
// where it and everything after it is missing.
type change struct {
	net.Conn
	at  int
	cut bool
}

func (c *change) Read(b []byte) (int, error) {
	switch {
	case c.cut && c.at == 0:
		return 0, io.EOF
	case c.cut:
		b = b[:min(c.at, len(b))]
	}
	n, err := c.Conn.Read(b)
	if c.at >= 0 && c.at < n {
		b[c.at] ^= 0x55
	}
	c.at -= n
	return n, err
}

// A handshake of which any octet is wrong or the rest is missing fails on one of
// the two sides at least, and nothing worse happens.
func TestAnyOctet(t *testing.T) {
	for suite, step := range map[uint16]int{rsaCBC256: 11, ecdheGCM256: 37} {
		up, down := flights(t, suite)
		ourServer, ourClient := server(suite), client(suite)
		a, b := pair(t)
		served := make(chan error, 1)
		go func() { served <- visit(libssl.Server(t.Context(), &change{a, -1, false}, ourServer)) }()
		if called := visit(libssl.Client(t.Context(), b, ourClient)); called != nil || <-served != nil {
			t.Fatalf("with every octet right: %v", called)
		}
		for i, octets := range []int{len(up), len(down)} {
			for at := 0; at < octets; at += step {
				for _, cut := range []bool{false, true} {
					t.Run(fmt.Sprintf("%#04x/stream %d/octet %d/cut %v", suite, i, at, cut), func(t *testing.T) {
						t.Parallel()
						a, b := pair(t)
						for _, c := range []net.Conn{a, b} { // a wrong length leaves both waiting
							c.SetDeadline(time.Now().Add(300 * time.Millisecond))
						}
						var serverSide, clientSide net.Conn = a, b
						if i == 0 {
							serverSide = &change{a, at, cut}
						} else {
							clientSide = &change{b, at, cut}
						}
						served := make(chan error, 1)
						go func() {
							err := visit(libssl.Server(t.Context(), serverSide, ourServer))
							a.Close()
							served <- err
						}()
						called := visit(libssl.Client(t.Context(), clientSide, ourClient))
						b.Close()
						if served := <-served; called == nil && served == nil {
							t.Error("both sides were content")
						}
					})
				}
			}
		}
	}
}

// visit exchanges close_notify on a new connection.
func visit(c *libssl.Conn, err error) error {
	if err != nil {
		return err
	}
	defer c.Close()
	c.CloseWrite()
	_, err = io.ReadAll(c)
	return err
}

// Octet by octet is a handshake like any other.
func TestOctetByOctet(t *testing.T) {
	need(t)
	a, b := pair(t)
	s, c := connect(t,
		func() (*libssl.Conn, error) { return libssl.Server(t.Context(), single{a}, server()) },
		func() (*libssl.Conn, error) { return libssl.Client(t.Context(), single{b}, client()) })
	if err := exchange(c, s, "OPTIONS\n"); err != nil {
		t.Error(err)
	}
}

// single reads one octet at a time.
type single struct{ net.Conn }

func (c single) Read(b []byte) (int, error) { return c.Conn.Read(b[:min(1, len(b))]) }

// A connection does not take in what nobody reads.
func TestEndlessData(t *testing.T) {
	ours, theirs, _, theirSocket := joined(t)
	theirSocket.SetWriteBuffer(4 << 10)
	theirs.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for total := 0; ; {
		n, err := theirs.Write(make([]byte, 1<<16))
		if total += n; err != nil {
			break
		}
		if total > 64<<20 {
			t.Fatalf("%d octets were taken that nobody read", total)
		}
	}
	ours.Close()
}

// FuzzServer and FuzzClient: whatever the peer sends, there is an end.
func FuzzServer(f *testing.F) {
	up, _ := flights(f, rsaGCM128)
	f.Add(up)
	f.Add(up[:100])
	config := server(trunk...)
	f.Fuzz(func(t *testing.T, sent []byte) { fuzz(t, sent, libssl.Server, config) })
}

func FuzzClient(f *testing.F) {
	for _, suite := range []uint16{rsaGCM128, ecdheCBC384} {
		_, down := flights(f, suite)
		f.Add(down)
	}
	config := client(trunk...)
	f.Fuzz(func(t *testing.T, sent []byte) { fuzz(t, sent, libssl.Client, config) })
}

func fuzz(t *testing.T, sent []byte, handshake func(context.Context, net.Conn, *libssl.Config) (*libssl.Conn, error), config *libssl.Config) {
	if c, err := handshake(context.Background(), &tape{Reader: bytes.NewReader(sent)}, config); err == nil {
		c.Close()
		t.Error("a handshake with a peer that listens to nothing")
	}
}
