package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

// records puts handshake octets into records of at most size octets.
func records(message []byte, size int) (out []byte) {
	for chunk := range slices.Chunk(message, size) {
		out = append(out, recordHandshake, 3, 1)
		out = binary.BigEndian.AppendUint16(out, uint16(len(chunk)))
		out = append(out, chunk...)
	}
	return out
}

// peekAt has peek read what a device sends before it closes.
func peekAt(t testing.TB, sent []byte, write func(net.Conn, []byte)) (suites []uint16, seen []byte, err error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		write(far, sent)
		far.Close()
	}()
	h, seen, err := peek(context.Background(), near)
	return h.Suites, seen, err
}

func atOnce(c net.Conn, b []byte) { c.Write(b) }

func TestPeek(t *testing.T) {
	whole := hello(t, device(ecdheGCM256, rsaGCM128))
	message := whole[5:]
	done := []byte{14, 0, 0, 0} // another message
	large := append([]byte{handshakeClientHello, 1, 0, 0}, make([]byte, 1<<16)...)
	for _, tt := range []struct {
		name  string
		sent  []byte
		write func(net.Conn, []byte)
		seen  int   // octets; 0: all that was sent
		err   error // nil: the ClientHello is read
	}{
		{"one record", whole, atOnce, 0, nil},
		{"one record, octet by octet", whole, func(c net.Conn, b []byte) { trickle{c}.Write(b) }, 0, nil},
		{"records of one octet", records(message, 1), atOnce, 0, nil},
		{"records of one octet, octet by octet", records(message, 1), func(c net.Conn, b []byte) { trickle{c}.Write(b) }, 0, nil},
		{"its header alone in a record", slices.Concat(records(message[:3], 3), records(message[3:], 1<<14)), atOnce, 0, nil},
		{"another message in the record", records(slices.Concat(message, done), 1<<14), atOnce, 0, nil},
		{"another record behind it", slices.Concat(whole, alert(2, 40)), atOnce, len(whole), nil},
		{"nothing", nil, atOnce, 0, io.EOF},
		{"half a record's header", whole[:3], atOnce, 0, io.ErrUnexpectedEOF},
		{"a record's header", whole[:5], atOnce, 0, io.EOF},
		{"half of it", whole[:60], atOnce, 0, io.ErrUnexpectedEOF},
		{"the first of two records", records(message[:60], 60), atOnce, 0, io.EOF},
		{"an alert", alert(2, 40), atOnce, 5, errNoHello},
		{"SIP", []byte("OPTIONS sip:lb01.test SIP/2.0\r\n"), atOnce, 5, errNoHello},
		{"SSL 2", []byte{0x80, 0x2e, 1, 3, 3, 0, 0x15, 0, 0}, atOnce, 5, errNoHello},
		{"an empty record", []byte{22, 3, 1, 0, 0}, atOnce, 0, errNoHello},
		{"a record that is too long", append([]byte{22, 3, 1, 0x40, 1}, make([]byte, 1<<14+1)...), atOnce, 5, errNoHello},
		{"another message", records(done, 4), atOnce, 0, errNoHello},
		{"a ClientHello of 64 KiB", records(large, 1<<14), atOnce, 2 * (5 + 1<<14), errNoHello},
		{"a ClientHello of 64 KiB in records of one octet", records(large, 1), atOnce, (maxHello/6 + 1) * 6, errNoHello},
		{"one that cannot be read", records([]byte{1, 0, 0, 2, 3, 3}, 16), atOnce, 0, errHello},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			suites, seen, err := peekAt(t, tt.sent, tt.write)
			if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || !slices.Equal(suites, []uint16{ecdheGCM256, rsaGCM128})) {
				t.Errorf("got %#04x, %v, want error %v", suites, err, tt.err)
			}
			want := tt.sent
			if tt.seen > 0 {
				want = want[:tt.seen]
			}
			if !bytes.Equal(seen, want) {
				t.Errorf("read %d octets, want %d", len(seen), len(want))
			}
		})
	}
}

// What was read ahead is read again, in whatever steps, and then what follows.
func TestReplay(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		io.WriteString(far, "world")
		far.Close()
	}()
	r := &replay{Conn: near, seen: []byte("hello, ")}
	var got []byte
	for b := make([]byte, 3); ; {
		n, err := r.Read(b)
		if got = append(got, b[:n]...); err != nil {
			break
		}
	}
	if string(got) != "hello, world" {
		t.Errorf("got %q", got)
	}
}

// The end of the context ends the wait for a ClientHello, and one that comes
// after it changes nothing; once peek is over, its end no longer matters.
func TestPeekContext(t *testing.T) {
	whole := hello(t, device())
	late := errors.New("too late")
	t.Run("while it waits", func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			far.Write(whole[:60]) // returns when it is read
			cancel(late)
		}()
		if _, seen, err := peek(ctx, near); len(seen) > 60 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v after %d octets", err, len(seen))
		}
		if _, err := (Engines{}).Server(ctx, near, ServerParameters{}); !errors.Is(err, late) {
			t.Errorf("the engine tells %v", err)
		}
	})
	t.Run("before it began", func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(late)
		go far.Write(whole)
		if _, err := (Engines{}).Server(ctx, near, ServerParameters{}); !errors.Is(err, late) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("after it was over", func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		ctx, cancel := context.WithCancel(context.Background())
		go far.Write(whole)
		if _, _, err := peek(ctx, near); err != nil {
			t.Fatal(err)
		}
		cancel()
		go far.Write([]byte("x"))
		if _, err := io.ReadFull(near, make([]byte, 1)); err != nil {
			t.Errorf("reading on: %v", err)
		}
	})
}

// However a ClientHello is cut, peek reads the same, and no more than its bound
// and a record.
func FuzzPeek(f *testing.F) {
	whole := hello(f, device())
	f.Add(whole, 0)
	f.Add(whole[5:], 1)
	f.Add(whole[5:], 7)
	f.Add(alert(2, 40), 0)
	f.Add(bytes.Repeat([]byte{22, 3, 3, 0, 1, 1}, 100), 0)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		if size > 0 { // else as it is
			b = records(b, size&0x3fff+1)
		}
		feed := func(chunk int) ([]uint16, []byte, error) {
			h, seen, err := peek(context.Background(), &chunked{rest: b, chunk: chunk})
			return h.Suites, seen, err
		}
		suites, seen, err := feed(len(b) + 1)
		if len(seen) > maxHello+5+1<<14 || !bytes.HasPrefix(b, seen) {
			t.Errorf("read %d octets of %d", len(seen), len(b))
		}
		again, seenAgain, errAgain := feed(3)
		if !slices.Equal(suites, again) || !bytes.Equal(seen, seenAgain) || !errors.Is(errAgain, err) {
			t.Errorf("at once %#04x, %d octets, %v; cut %#04x, %d octets, %v", suites, len(seen), err, again, len(seenAgain), errAgain)
		}
	})
}

// chunked is a connection on which octets come in chunks, and then the end.
type chunked struct {
	net.Conn
	rest  []byte
	chunk int
}

func (c *chunked) SetReadDeadline(time.Time) error { return nil }

func (c *chunked) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.rest[:min(len(c.rest), c.chunk)])
	c.rest = c.rest[n:]
	return n, nil
}
