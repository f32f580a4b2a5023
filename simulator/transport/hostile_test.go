package transport

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// A device that sends what is no handshake ends its own connection, never the
// server.
func TestGarbage(t *testing.T) {
	s := start(t, &Server{}, eight())
	noise := make([]byte, 64<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	long := append([]byte{22, 3, 3, 0xff, 0xff}, noise[:0x400]...)
	body, err := scripted.NewHello("lb01.test", DeprecatedSuites()...).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	deprecated := records(append([]byte{handshakeClientHello, 0, 0, byte(len(body))}, body...), 1<<14)
	for _, tt := range []struct {
		name string
		send []byte
	}{
		{"noise", noise},
		{"SIP in clear", []byte("OPTIONS sip:lb01.test SIP/2.0\r\n\r\n")},
		{"a record longer than TLS allows", long},
		{"an endless row of empty records", bytes.Repeat([]byte{22, 3, 3, 0, 0}, 2000)},
		{"warnings without end", bytes.Repeat(alert(1, 112), 2000)},
		{"a ClientHello of 16 MiB", append([]byte{22, 3, 3, 0x40, 0, 1, 0xff, 0xff, 0xff}, noise[:0x4000-4]...)},
		{"records of one octet without end", bytes.Repeat([]byte{22, 3, 3, 0, 1, 1}, 20_000)},
		{"a truncated record", []byte{22, 3, 3, 0, 200, 1, 0, 0, 196, 3}},
		{"a ClientHello, then noise", append(hello(t, device(ecdheGCM256)), noise[:0x400]...)},
		{"a ClientHello for libssl, then noise", append(deprecated, noise[:0x400]...)},
		{"application data first", []byte{23, 3, 3, 0, 1, 0}},
		{"change_cipher_spec first", ccs},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mark := s.Recorder.Mark()
			c := plain(t, s.Addr(0))
			c.Write(tt.send) // the server may close before all is sent
			c.CloseWrite()
			e, _ := wait[record.HandshakeFailed](t, s.Recorder, mark, nil)
			wait(t, s.Recorder, mark, on[record.Closed](e.Conn))
		})
	}
	c, err := call(t, s, device())
	if err != nil {
		t.Fatalf("after all that: %v", err)
	}
	exchange(t, c, "OPTIONS")
}

// trickle writes one octet at a time.
type trickle struct{ net.Conn }

func (c trickle) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func TestOctetByOctet(t *testing.T) {
	s := start(t, &Server{}, healthy())
	raw := plain(t, s.Addr(0))
	raw.SetNoDelay(true)
	c := tls.Client(trickle{raw}, device(ecdheGCM256))
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "OPTIONS")
	_, h := wait[record.ClientHello](t, s.Recorder, 0, nil)
	if len(h.Raw) < 50 || h.Raw[0] != handshakeClientHello || len(of[record.ClientHello](s.Recorder, 0)) != 1 {
		t.Errorf("recorded %+v", h)
	}
	if _, done := wait[record.HandshakeDone](t, s.Recorder, 0, nil); done.Suite != ecdheGCM256 {
		t.Errorf("recorded %+v", done)
	}
}

// Connections beyond the bound are closed at once and recorded as ours; those
// within it stand, and when they go there is room again.
func TestTooManyConnections(t *testing.T) {
	const attempts = maxConns + 88
	s := start(t, &Server{Listen: []netip.AddrPort{loopback(), loopback()}}, healthy())
	all := make([]*net.TCPConn, attempts)
	for i := range all {
		all[i] = plain(t, s.Addr(i%2))
	}
	shed := 0
	wait(t, s.Recorder, 0, func(_ record.Event, b record.Closed) bool {
		if b.By != record.Us || !strings.Contains(b.Reason, "connections at once") {
			t.Errorf("closed: %+v", b)
		}
		shed++
		return shed == attempts-maxConns
	})
	s.mu.Lock()
	standing := len(s.raw) + len(s.conns)
	s.mu.Unlock()
	if standing != maxConns {
		t.Errorf("%d connections stand, want %d", standing, maxConns)
	}
	for _, c := range all {
		c.SetLinger(0)
		c.Close()
	}
	gone := 0
	wait(t, s.Recorder, 0, func(record.Event, record.HandshakeFailed) bool { gone++; return gone == maxConns })
	c, err := call(t, s, device())
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); { // the last of them are being counted off
		c, err = call(t, s, device())
	}
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "OPTIONS")
}

// Close ends everything that stands, in whatever state, and nothing of the
// server runs on.
func TestCloseLeavesNothing(t *testing.T) {
	s := start(t, &Server{}, healthy())
	standing, err := call(t, s, device())
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, standing, "OPTIONS")
	silent := plain(t, s.Addr(0))
	lingering := plain(t, s.Addr(0)) // a device that gave up and does not close
	lingering.Write(alert(2, 42))
	wait(t, s.Recorder, 0, func(_ record.Event, b record.HandshakeFailed) bool { return b.By == record.Device })
	accepted := 0
	wait(t, s.Recorder, 0, func(record.Event, record.Accepted) bool { accepted++; return accepted == 3 })
	s.Close()
	for name, c := range map[string]io.Reader{"the standing connection": standing, "the silent one": silent, "the lingering one": lingering} {
		if _, err := io.Copy(io.Discard, onlyReader{c}); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for conn := uint64(1); conn <= 3; conn++ {
		if closed := of[record.Closed](s.Recorder, conn); len(closed) != 1 || closed[0].By != record.Us {
			t.Errorf("connection %d: %+v, want one end, ours", conn, closed)
		}
	}
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(patience); ; runtime.Gosched() { // a goroutine counts off just before it ends
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "transport.(*Server).acceptAll") && !strings.Contains(stacks, "transport.(*Server).handshake") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("still running:\n%s", stacks)
		}
	}
}
