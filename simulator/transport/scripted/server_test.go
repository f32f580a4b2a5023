package scripted

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// say sends a ClientHello as one record.
func say(t *testing.T, c net.Conn, h Hello) {
	t.Helper()
	body, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newRecords(c, zeros{}).seal(nil, typeHandshake, wrap(messageClientHello, body), maxFragment)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// begin does a client's handshake up to the server's first flight.
func begin(t *testing.T, near net.Conn, h Hello) *client {
	t.Helper()
	c := &client{records: newRecords(near, zeros{}), Client: Client{Hello: h, Rand: rand.Reader}}
	body, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.say(wrap(messageClientHello, body)); err != nil {
		t.Fatal(err)
	}
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	if err := c.readFlight(); err != nil {
		t.Fatal(err)
	}
	return c
}

// types reads handshake messages to the end or to a time-out and returns their
// types and what ended it.
func types(c net.Conn) (out []uint8, err error) {
	r := newRecords(c, zeros{})
	for {
		m, err := r.message()
		if err != nil {
			return out, err
		}
		out = append(out, m[0])
	}
}

// What each script sends before it falls silent or ends the connection.
func TestStops(t *testing.T) {
	for script, want := range map[Script]struct {
		reached Stage
		sent    []uint8
		closed  string // by the server
		partly  bool
	}{
		"truncated-certificate":          {reached: HelloSent, sent: []uint8{2}, closed: ClosedFIN, partly: true},
		"reset-after-hello":              {reached: HelloRead, closed: ClosedRST},
		"stall-before-server-hello":      {reached: HelloRead},
		"stall-after-server-hello":       {reached: HelloSent, sent: []uint8{2}},
		"stall-in-certificate":           {reached: HelloSent, sent: []uint8{2}, partly: true},
		"stall-before-server-hello-done": {reached: CertificateSent, sent: []uint8{2, 11, 12}},
	} {
		t.Run(string(script), func(t *testing.T) {
			t.Parallel()
			near, far := pair(t)
			ch := serve(t, far, script, parameters())
			say(t, near, offer())
			near.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			r := newRecords(near, zeros{})
			var sent []uint8
			var err error
			for err == nil {
				var m []byte
				if m, err = r.message(); err == nil {
					sent = append(sent, m[0])
				}
			}
			if !slices.Equal(sent, want.sent) || len(r.held) > 0 != want.partly || closedBy(err) != want.closed {
				t.Errorf("sent %v and %d octets of a message, then %v", sent, len(r.held), err)
			}
			near.CloseWrite()
			got := <-ch
			closed := ClosedFIN
			if want.closed == ClosedRST {
				closed = ""
			}
			if got.err != nil || got.out.Reached != want.reached || got.out.Closed != closed {
				t.Errorf("got %v, closed %q, %v", got.out.Reached, got.out.Closed, got.err)
			}
		})
	}
}

// The client's side of a stall after its Finished, with a library.
func TestStallAfterClientFinished(t *testing.T) {
	near, far := pair(t)
	ch := serve(t, far, "stall-after-client-finished", parameters())
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	c := tls.Client(near, device())
	if err := c.HandshakeContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the client got %v", err)
	}
	if got := <-ch; got.err != nil || got.out.Reached != Finished || got.out.Closed == "" {
		t.Errorf("got %v, %v", got.out, got.err)
	}
}

// A client that waits for ever is cut with ctx, and the error says so.
func TestServeIsBounded(t *testing.T) {
	cause := errors.New("time is up")
	for _, script := range []Script{"stall-before-server-hello", Honest} {
		near, far := pair(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		if script == "stall-before-server-hello" {
			say(t, near, offer())
		}
		ch := make(chan served, 1)
		go func() {
			out, err := Serve(ctx, far, script, parameters())
			ch <- served{out, err}
		}()
		cancel(cause)
		if got := <-ch; !errors.Is(got.err, cause) || got.out.ended() {
			t.Errorf("%s: %+v, %v", script, got.out, got.err)
		}
		_, _, err := Handshake(ctx, far, script, parameters())
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// A client that ends the connection during a delay is noticed then, not later.
func TestDelays(t *testing.T) {
	const long = time.Hour
	t.Run("given up before the hello", func(t *testing.T) {
		near, far := pair(t)
		p := parameters()
		p.DelayHello = long
		ch := serve(t, far, Honest, p)
		say(t, near, offer())
		near.CloseWrite()
		if got := <-ch; got.err != nil || got.out.Reached != HelloRead || got.out.Closed != ClosedFIN {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("given up with an alert before the end", func(t *testing.T) {
		near, far := pair(t)
		p := parameters()
		p.DelayFinished = long
		ch := serve(t, far, Honest, p)
		c := begin(t, near, offer())
		near.SetReadDeadline(time.Now().Add(time.Millisecond))
		if err := c.finish(); !timedOut(err) {
			t.Errorf("the client got %v", err)
		}
		c.alert(levelFatal, alertUserCanceled)
		near.CloseWrite()
		want := Alert{levelFatal, alertUserCanceled, true}
		if got := <-ch; got.err != nil || got.out.Reached != Finished || got.out.Alert == nil || *got.out.Alert != want || got.out.Closed != ClosedFIN {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("cut during a delay", func(t *testing.T) {
		near, far := pair(t)
		p := parameters()
		p.DelayHello = long
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		say(t, near, offer())
		if _, err := Serve(ctx, far, Honest, p); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("waited out", func(t *testing.T) {
		const d = 40 * time.Millisecond
		near, far := pair(t)
		p := parameters()
		p.DelayHello, p.DelayFinished = d, d
		ch := echo(t, far, Honest, p)
		start := time.Now()
		c := tls.Client(near, device())
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2*d {
			t.Errorf("took %v", took)
		}
		if got := <-ch; got.err != nil {
			t.Error(got.err)
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, len(text))); err != nil {
			t.Error(err)
		}
	})
}

// A client's wrong messages are told it with an alert, and are no panic.
func TestWrongClients(t *testing.T) {
	hello := func(h Hello) func(*testing.T, net.Conn) { return func(t *testing.T, c net.Conn) { say(t, c, h) } }
	raw := func(b ...byte) func(*testing.T, net.Conn) {
		return func(t *testing.T, c net.Conn) {
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	after := func(b ...byte) func(*testing.T, net.Conn) {
		return func(t *testing.T, c net.Conn) { say(t, c, offer()); raw(b...)(t, c) }
	}
	old := offer()
	old.Version = VersionTLS10
	for _, tt := range []struct {
		name  string
		send  func(*testing.T, net.Conn)
		alert uint8
		cause error
	}{
		{"TLS 1.0", hello(old), alertProtocolVersion, ErrUnsuitable},
		{"no suite of ours", hello(NewHello("x", 0x1301)), alertHandshakeFailure, ErrUnsuitable},
		{"SIP in clear", raw([]byte("OPTIONS sip:lb01.test SIP/2.0\r\n")...), alertDecodeError, ErrMalformed},
		{"a ClientHello that is cut", raw(22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3), alertDecodeError, ErrMalformed},
		{"a Finished first", raw(22, 3, 1, 0, 4, 20, 0, 0, 0), alertUnexpectedMessage, unexpected{22, 20}},
		{"a ClientHello without end", raw(22, 3, 1, 0, 4, 1, 9, 0, 0), alertDecodeError, ErrFlood},
		{"a second ClientHello", after(22, 3, 3, 0, 4, 1, 0, 0, 0), alertUnexpectedMessage, unexpected{22, 1}},
		{"no point", after(22, 3, 3, 0, 5, 16, 0, 0, 1, 0), alertDecodeError, ErrMalformed},
		{"a point that is on no curve", after(22, 3, 3, 0, 7, 16, 0, 0, 3, 2, 4, 4), alertDecodeError, ErrMalformed},
		{"octets behind the point", after(22, 3, 3, 0, 7, 16, 0, 0, 3, 1, 4, 4), alertDecodeError, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			near, far := pair(t)
			ch := serve(t, far, Honest, parameters())
			tt.send(t, near)
			_, err := types(near)
			if want := (Alert{levelFatal, tt.alert, false}); !errors.Is(err, want) {
				t.Errorf("the client got %v, want %v", err, want)
			}
			near.Close()
			if got := <-ch; !errors.Is(got.err, tt.cause) {
				t.Errorf("got %v, want %v", got.err, tt.cause)
			}
		})
	}
}

// A Finished that is not the client's own is refused.
func TestWrongClientFinished(t *testing.T) {
	for _, tt := range []struct {
		name  string
		alert uint8
		cause error
		bend  func(*client)
	}{
		{"wrong verify_data", alertDecryptError, errFinished, func(c *client) { c.transcript[len(c.transcript)-1] ^= 1 }},
		{"wrong key", alertBadRecordMAC, errRecord, func(c *client) { c.hello.random[0] ^= 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := pair(t)
			ch := serve(t, far, Honest, parameters())
			h := offer()
			// Without the extended master secret the transcript is in the Finished alone.
			h.Extensions = slices.DeleteFunc(h.Extensions, func(e Extension) bool { return e.Type == extensionExtendedMasterSecret })
			c := begin(t, near, h)
			tt.bend(c)
			if err := c.finish(); !errors.As(err, new(Alert)) {
				t.Errorf("the client got %v", err)
			}
			near.Close()
			if got := <-ch; !errors.Is(got.err, tt.cause) || got.out.Reached != KeyExchanged {
				t.Errorf("got %v, %v", got.out.Reached, got.err)
			}
		})
	}
}

// signer has a key that cannot decrypt.
type signer struct{ crypto.Signer }

func TestParametersThatDoNotFit(t *testing.T) {
	near, far := pair(t)
	p := parameters()
	p.Key, p.Suite = signer{p.Key}, 0x0035
	ch := serve(t, far, Honest, p)
	if _, err := (Client{Hello: offer()}).Handshake(bounded(t), near); !errors.Is(err, Alert{levelFatal, alertInternalError, false}) {
		t.Errorf("the client got %v", err)
	}
	if got := <-ch; got.err == nil || !strings.Contains(got.err.Error(), "cannot decrypt") {
		t.Errorf("got %v", got.err)
	}
	if _, err := Serve(context.Background(), far, "none such", p); err == nil {
		t.Error("a script that is not there is played")
	}
	p = parameters()
	p.Group = 99
	near, far = pair(t)
	ch = serve(t, far, Honest, p)
	h := offer()
	h.Extensions = []Extension{SupportedGroups(99), SignatureAlgorithms(0x0401)}
	say(t, near, h)
	near.CloseWrite()
	if got := <-ch; got.err == nil {
		t.Error("a group that nobody knows is used")
	}
}

// With one source of randomness a server says the same octets again.
func TestDeterministic(t *testing.T) {
	var flights [2][]byte
	for i := range flights {
		near, far := pair(t)
		p := parameters()
		p.Rand = &endless{b: []byte{1, 2, 3, 5, 7, 11, 13}}
		ch := serve(t, far, "stall-before-server-hello-done", p)
		say(t, near, offer())
		b := make([]byte, 600)
		if _, err := io.ReadFull(near, b); err != nil {
			t.Fatal(err)
		}
		flights[i] = b
		near.Close()
		<-ch
	}
	if !slices.Equal(flights[0], flights[1]) {
		t.Error("the flights differ")
	}
}

// A client that goes on though the server has not finished is noticed.
func TestClientRunsAhead(t *testing.T) {
	near, far := pair(t)
	ch := serve(t, far, "stall-before-server-hello-done", parameters())
	say(t, near, offer())
	if _, err := near.Write([]byte{22, 3, 3, 0, 5, messageClientKeyExchange, 0, 0, 1, 0}); err != nil {
		t.Fatal(err)
	}
	near.CloseWrite()
	if got := <-ch; got.err != nil || got.out.Reached != KeyExchanged {
		t.Errorf("got %v, %v", got.out.Reached, got.err)
	}
}

// The alert of a client that is gone before the flight is out is read for all that.
func TestAlertBehindAFailedWrite(t *testing.T) {
	near, far := pair(t)
	say(t, near, offer())
	if _, err := near.Write([]byte{21, 3, 3, 0, 2, levelFatal, 42}); err != nil {
		t.Fatal(err)
	}
	near.Close()
	got := <-serve(t, far, "one-octet-segments", parameters())
	if got.err != nil || got.out.Alert == nil || got.out.Alert.Code != 42 || got.out.Closed != ClosedFIN || got.out.Reached != HelloRead {
		t.Errorf("reached %v, alert %v, closed %q, %v", got.out.Reached, got.out.Alert, got.out.Closed, got.err)
	}
}

// What the scripts about records and segments are about is really there.
func TestFraming(t *testing.T) {
	older := NewHello("", 0x0035)
	older.Extensions = append(older.Extensions, SupportedVersions(VersionTLS12))
	for _, tt := range []struct {
		script  Script
		hello   Hello
		version uint16
		fits    func(records, longest, octets int) bool
	}{
		{Honest, offer(), VersionTLS12, func(n, _, _ int) bool { return n == 4 }},
		{"fragmented-flight", offer(), VersionTLS12, func(n, longest, octets int) bool { return longest == 1 && n == octets }},
		{"coalesced-flight", offer(), VersionTLS12, func(n, longest, octets int) bool { return n == 1 && longest == octets }},
		{"unoffered-version", older, VersionTLS11, func(n, _, _ int) bool { return n == 3 }},
		{"unoffered-version", offer(), VersionTLS12, func(n, _, _ int) bool { return n == 4 }},
	} {
		t.Run(string(tt.script), func(t *testing.T) {
			near, far := pair(t)
			ch := serve(t, far, tt.script, parameters())
			say(t, near, tt.hello)
			near.CloseWrite()
			r := newRecords(near, zeros{})
			records, longest, octets := 0, 0, 0
			for {
				header, err := r.peek(5)
				if err != nil {
					break
				}
				if v := uint16(header[1])<<8 | uint16(header[2]); v != tt.version {
					t.Fatalf("a record of version %04x", v)
				}
				_, fragment, err := r.one()
				if err != nil {
					t.Fatal(err)
				}
				records, longest, octets = records+1, max(longest, len(fragment)), octets+len(fragment)
			}
			if !tt.fits(records, longest, octets) {
				t.Errorf("%d records, the longest of %d, %d octets in all", records, longest, octets)
			}
			<-ch
		})
	}
}

// The kernel's own count says that each octet left in a segment of its own.
func TestOctets(t *testing.T) {
	near, far := pair(t)
	b := make([]byte, 3000)
	if err := writeOctets(far, b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(near, b); err != nil {
		t.Fatal(err)
	}
	if n := dataSegments(t, far); n < len(b) {
		t.Errorf("%d octets in %d segments", len(b), n)
	}
	if err := writeOctets(&wire{}, b); err == nil {
		t.Error("octets went over a connection without segments")
	}
	c := &counting{}
	if err := writeOctets(c, []byte("abc")); err != nil || c.segments != 3 {
		t.Errorf("%d segments, %v", c.segments, err)
	}
	far.Close()
	if _, err := WriteSegment(far, b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("on a closed connection: %v", err)
	}
}

// counting stands before a connection.
type counting struct {
	wire
	segments int
}

func (c *counting) WriteSegment(b []byte) (int, error) {
	c.segments++
	return len(b), nil
}

// dataSegments reads tcpi_data_segs_out of TCP_INFO (linux/tcp.h).
func dataSegments(t *testing.T, c *net.TCPConn) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info [256]byte
	size := uint32(len(info))
	var failed syscall.Errno
	if err := raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	}); err != nil || failed != 0 || size < 160 {
		t.Fatalf("TCP_INFO: %v, %v, %d octets", err, failed, size)
	}
	return int(binary.NativeEndian.Uint32(info[156:]))
}

// A connection that cannot be reset or half-closed says so.
func TestStopNeedsTCP(t *testing.T) {
	for _, script := range []Script{"reset-after-hello", "truncated-certificate", "one-octet-segments"} {
		near, far := net.Pipe()
		ch := serve(t, far, script, parameters())
		go func() {
			body, _ := offer().Marshal()
			b, _ := newRecords(near, zeros{}).seal(nil, typeHandshake, wrap(messageClientHello, body), maxFragment)
			near.Write(b)
			io.Copy(io.Discard, near)
		}()
		if got := <-ch; got.err == nil || !strings.Contains(got.err.Error(), "pipe") {
			t.Errorf("%s: %v", script, got.err)
		}
		near.Close()
	}
}
