package libssl_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
)

// Each direction is closed by itself; a read to the end is io.EOF, again too.
func TestCloseWrite(t *testing.T) {
	ours, theirs, _, _ := joined(t)
	for range 2 {
		if err := ours.CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := io.ReadAll(theirs); len(b) > 0 || err != nil {
		t.Errorf("the peer read %q, %v", b, err)
	}
	if _, err := ours.Write([]byte("more")); err == nil {
		t.Error("wrote after close_notify")
	}
	io.WriteString(theirs, "BYE")
	theirs.CloseWrite()
	for _, want := range []string{"BYE", ""} {
		if b, err := io.ReadAll(ours); string(b) != want || err != nil {
			t.Errorf("read %q, %v, want %q", b, err, want)
		}
	}
}

func TestClose(t *testing.T) {
	ours, theirs, _, _ := joined(t)
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(theirs); len(b) > 0 || err != nil { // crypto/tls: io.EOF after close_notify
		t.Errorf("the peer read %q, %v", b, err)
	}
	if err := ours.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if _, err := ours.Write(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := ours.CloseWrite(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("CloseWrite: %v", err)
	}
}

// Close ends a Read that waits for the peer and a Write that the peer does not
// take, and does not wait for either.
func TestCloseInterrupts(t *testing.T) {
	ours, theirs, ourSocket, _ := joined(t)
	ourSocket.SetWriteBuffer(4 << 10)
	read, wrote := make(chan error, 1), make(chan error, 1)
	go func() { _, err := ours.Read(make([]byte, 1)); read <- err }()
	go func() {
		for {
			if _, err := ours.Write(make([]byte, 1<<20)); err != nil {
				wrote <- err
				return
			}
		}
	}()
	if _, err := io.ReadFull(theirs, make([]byte, 1<<10)); err != nil { // the Write is under way
		t.Fatal(err)
	}
	start := time.Now()
	ours.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if err := <-wrote; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if took := time.Since(start); took > patience/2 { // the sockets' deadline ended them
		t.Errorf("it took %v", took)
	}
}

func TestDeadlines(t *testing.T) {
	ours, theirs, _, _ := joined(t)
	b := make([]byte, 3)
	ours.SetReadDeadline(time.Unix(1, 0))
	if _, err := ours.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	ours.SetDeadline(time.Now().Add(patience))
	io.WriteString(theirs, "ACK")
	if _, err := io.ReadFull(ours, b); err != nil || string(b) != "ACK" {
		t.Errorf("after the deadline was moved: %q, %v", b, err)
	}
	ours.SetWriteDeadline(time.Unix(1, 0))
	if _, err := ours.Write(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %v", err)
	}
	ours.SetWriteDeadline(time.Now().Add(patience))
	if n, err := ours.Write(b); n != 0 || err == nil {
		t.Errorf("wrote %d, %v behind a record that may be cut", n, err)
	}
}

// A peer that closes without close_notify: the border of a record is an end,
// anything else is not.
func TestEndWithoutCloseNotify(t *testing.T) {
	record := append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...)
	for n, want := range map[int]error{0: io.EOF, 3: io.ErrUnexpectedEOF, 5: io.ErrUnexpectedEOF, 20: io.ErrUnexpectedEOF} {
		ours, theirs, _, theirSocket := joined(t)
		io.WriteString(theirs, "ACK")
		theirSocket.Write(record[:n])
		theirSocket.CloseWrite()
		b := make([]byte, 10)
		if k, err := ours.Read(b); string(b[:k]) != "ACK" || err != nil {
			t.Fatalf("read %q, %v", b[:k], err)
		}
		if _, err := ours.Read(b); err != want {
			t.Errorf("%d octets of a record: %v, want %v", n, err, want)
		}
	}
}

func TestAlertsOnTheConnection(t *testing.T) {
	record := append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...)
	ours, theirs, _, theirSocket := joined(t)
	theirSocket.Write(record)
	for range 2 {
		if _, err := ours.Read(make([]byte, 1)); !alerted(err, 20, true) {
			t.Errorf("read a forged record: %v", err)
		}
	}
	if _, err := ours.Write([]byte("more")); err == nil {
		t.Error("wrote after the alert")
	}
	var op *net.OpError
	if _, err := theirs.Read(make([]byte, 1)); !errors.As(err, &op) || op.Op != "remote error" || op.Err.Error() != "tls: bad record MAC" {
		t.Errorf("the peer: %v", err)
	}
	ours, theirs, ourSocket, _ := joined(t)
	ourSocket.Write(record)
	if _, err := theirs.Read(make([]byte, 1)); err == nil {
		t.Error("the peer took a forged record")
	}
	for range 2 {
		if _, err := ours.Read(make([]byte, 1)); !alerted(err, 20, false) {
			t.Errorf("read after the peer's alert: %v", err)
		}
	}
}

// What goes in comes out, whatever the size of the pieces, in both directions at
// once, on many connections.
func TestMany(t *testing.T) {
	all := engines(t)
	text := make([]byte, 300<<10)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(text)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range 24 {
		suite, client := trunk[i%len(trunk)], all[0]
		if i%3 == 0 && slices.Contains(all[1].suites, suite) {
			client = all[1]
		}
		a, b := pair(t)
		wg.Go(func() {
			served := make(chan net.Conn, 1)
			go func() {
				c, err := all[0].server(context.Background(), a)
				if err != nil {
					t.Error(err)
				}
				served <- c
			}()
			c, err := client.client(context.Background(), b, suite)
			s := <-served
			if err != nil || s == nil {
				t.Errorf("%s: %v", nameOf(suite), err)
				return
			}
			defer s.Close()
			defer c.Close()
			var both sync.WaitGroup
			for _, d := range [][2]net.Conn{{s, c}, {c, s}} {
				both.Go(func() {
					for rest, n := text, 1; len(rest) > 0; n = n*3 + 1 {
						k, err := d[0].Write(rest[:min(n, len(rest))])
						if err != nil {
							t.Error(err)
							return
						}
						rest = rest[k:]
					}
					d[0].(interface{ CloseWrite() error }).CloseWrite()
				})
				both.Go(func() {
					got, err := io.ReadAll(io.LimitReader(d[1], int64(len(text))))
					if err != nil || !bytes.Equal(got, text) {
						t.Errorf("%s: read %d of %d octets, %v", nameOf(suite), len(got), len(text), err)
					}
				})
			}
			both.Wait()
		})
	}
}

// A peer that wants to negotiate anew is told no. OpenSSL's programs then end.
func TestNoRenegotiation(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	certificate, key := files(t)
	for name, begin := range map[string]func() (*process, *libssl.Conn, error){
		"server": func() (*process, *libssl.Conn, error) {
			p := run(t, "openssl", "s_client", "-connect", l.Addr().String(), "-tls1_2")
			raw, err := l.Accept()
			if err != nil {
				return nil, nil, err
			}
			raw.SetDeadline(time.Now().Add(patience))
			c, err := libssl.Server(t.Context(), raw, server())
			return p, c, err
		},
		"client": func() (*process, *libssl.Conn, error) {
			p := run(t, "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_2", "-cert", certificate, "-key", key)
			raw, err := net.DialTimeout("tcp", p.line(t, "ACCEPT "), patience)
			if err != nil {
				return nil, nil, err
			}
			raw.SetDeadline(time.Now().Add(patience))
			c, err := libssl.Client(t.Context(), raw, client())
			return p, c, err
		},
	} {
		p, c, err := begin()
		if err != nil {
			t.Fatalf("as %s: %v", name, err)
		}
		defer c.Close()
		io.WriteString(p.in, "R\n")
		if n, err := c.Read(make([]byte, 10)); n != 0 || !alerted(err, 40, false) {
			t.Errorf("as %s: read %d octets, %v", name, n, err)
		}
		c.Close()
		p.in.Close()
		p.end()
		if !bytes.Contains(p.stderr.Bytes(), []byte("no renegotiation")) {
			t.Errorf("as %s: openssl was not told no", name)
		}
	}
}

// A peer that does not know RFC 5746 is spoken to all the same, and seen.
func TestWithoutSecureRenegotiation(t *testing.T) {
	need(t)
	without := priority("+RSA:+AES-256-GCM:+AEAD:%DISABLE_SAFE_RENEGOTIATION")
	certificate, key := files(t)
	p := run(t, "gnutls-serv", "--port", "0", "--echo", "--x509certfile", certificate, "--x509keyfile", key, "--disable-client-cert", "--priority", without)
	raw, err := net.DialTimeout("tcp", p.listening(t), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(patience))
	c, err := libssl.Client(t.Context(), raw, client())
	if err != nil || c.ConnectionState().SecureRenegotiation {
		t.Fatalf("as client: %v", err)
	}
	c.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	run(t, "gnutls-cli", host, "-p", port, "--insecure", "--priority", without)
	if raw, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(patience))
	c, err = libssl.Server(t.Context(), raw, server())
	if err != nil || c.ConnectionState().SecureRenegotiation {
		t.Fatalf("as server: %v", err)
	}
	c.Close()
}
