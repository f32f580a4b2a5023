package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// unanswered is how long the tests wait for what must not come.
const unanswered = 300 * time.Millisecond

// meet tells what a plain dialler that sends a ClientHello meets at addr.
func meet(t *testing.T, addr netip.AddrPort) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr.String(), unanswered)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "RST to the SYN"
	case timedOut(err):
		return "nothing"
	case err != nil:
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(hello(t, device()))
	c.SetReadDeadline(time.Now().Add(unanswered))
	switch _, err := c.Read(make([]byte, 1)); {
	case errors.Is(err, syscall.ECONNRESET):
		return "RST to the ClientHello"
	case timedOut(err):
		return "silence after TCP"
	case err == io.EOF:
		return "FIN"
	case err != nil:
		t.Fatal(err)
	}
	return "a ServerHello"
}

// Each way in which a proxy can be unusable looks different to a plain dialler,
// and goes as it came.
func TestPortStatesDiffer(t *testing.T) {
	s := start(t, &Server{}, healthy())
	for _, tt := range []struct {
		want string
		edit func(*Face)
	}{
		{"a ServerHello", func(*Face) {}},
		{"RST to the SYN", func(f *Face) { f.Refusing = []int{0} }},
		{"nothing", func(f *Face) { f.Dropping = []int{0} }},
		{"RST to the SYN", func(f *Face) { f.Refusing = []int{0} }},
		{"silence after TCP", func(f *Face) { f.Engine = ScriptedEngine{Script: "stall-before-server-hello"} }},
		{"RST to the ClientHello", func(f *Face) { f.Engine = ScriptedEngine{Script: "reset-after-hello"} }},
		{"FIN", func(f *Face) { f.Engine, f.Deadline = ScriptedEngine{Script: "stall-before-server-hello"}, short }},
		{"nothing", func(f *Face) { f.Dropping = []int{0} }},
		{"nothing", func(f *Face) { f.Dropping = []int{0} }},
		{"RST to the SYN", func(f *Face) { f.Dropping, f.Refusing = []int{0}, []int{0} }},
		{"nothing", func(f *Face) { f.Dropping = []int{0} }},
		{"a ServerHello", func(*Face) {}},
	} {
		f := healthy()
		tt.edit(&f)
		if _, err := s.Show(f); err != nil {
			t.Fatal(err)
		}
		if got := meet(t, s.Addr(0)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// A port that drops does so with and without the privilege to filter, stays
// ours, and leaves what was established before.
func TestDrop(t *testing.T) {
	for name, filter := range map[string]func(int) error{
		"a filter":     keepNothing,
		"a full queue": func(int) error { return syscall.EPERM },
	} {
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
			t.Run(name+", "+addr, func(t *testing.T) {
				t.Parallel()
				p, err := openPort(netip.MustParseAddrPort(addr))
				if err != nil {
					t.Skipf("not run: %v", err) // machines without IPv6
				}
				defer p.close()
				p.filter = filter
				if err := p.listen(); err != nil {
					t.Fatal(err)
				}
				near := plain(t, p.addr)
				far, err := p.ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer far.Close()
				for range 2 {
					if err := p.drop(); err != nil {
						t.Fatal(err)
					}
					for range 2 {
						if _, err := net.DialTimeout("tcp", p.addr.String(), unanswered); !timedOut(err) {
							t.Errorf("dialling: %v", err)
						}
					}
					if ln, err := net.Listen("tcp", p.addr.String()); !errors.Is(err, syscall.EADDRINUSE) {
						t.Errorf("another program listens: %v, %v", ln, err)
					}
					go far.Write([]byte("x"))
					if _, err := near.Read(make([]byte, 1)); err != nil {
						t.Errorf("a connection from before: %v", err)
					}
					p.refuse()
					if _, err := net.DialTimeout("tcp", p.addr.String(), patience); !errors.Is(err, syscall.ECONNREFUSED) {
						t.Errorf("after it: %v", err)
					}
				}
				if err := p.drop(); err != nil {
					t.Fatal(err)
				}
				if err := p.listen(); err != nil {
					t.Fatal(err)
				}
				plain(t, p.addr)
			})
		}
	}
}

// Where a device takes the one place in the queue first, it is sent away, and
// the port drops all the same.
func TestFillBehindDevice(t *testing.T) {
	p, err := openPort(loopback())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if p.silence, err = p.open(0, func(int) {}); err != nil {
		t.Fatal(err)
	}
	first := plain(t, p.addr)
	if err := p.fill(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the device's: %v", err)
	}
	if got := meet(t, p.addr); got != "nothing" {
		t.Errorf("then a device meets %s", got)
	}
}

// A device that waited in SYN-SENT comes through once the port listens again,
// under the face of that time.
func TestDroppedComesLater(t *testing.T) {
	s := start(t, &Server{}, healthy())
	f := healthy()
	f.Dropping = []int{0}
	if _, err := s.Show(f); err != nil {
		t.Fatal(err)
	}
	dialled := make(chan error, 1)
	go func() {
		c, err := tls.Dial("tcp", s.Addr(0).String(), device())
		if err == nil {
			c.Close()
		}
		dialled <- err
	}()
	select {
	case err := <-dialled:
		t.Fatalf("the port answered: %v", err)
	case <-time.After(unanswered):
	}
	generation, err := s.Show(healthy())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-dialled; err != nil { // the SYN is sent again after a second
		t.Fatal(err)
	}
	for _, e := range s.Recorder.Since(0) {
		if e.Conn != 0 && e.Generation != generation {
			t.Errorf("recorded in generation %d: %+v", e.Generation, e)
		}
	}
}
