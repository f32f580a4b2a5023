package transport

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// knock tells what a plain dialler and a plain listener meet at addr.
func knock(t *testing.T, addr netip.AddrPort) (connected bool, dial, listen error) {
	t.Helper()
	c, dial := net.DialTimeout("tcp", addr.String(), patience)
	if dial == nil {
		c.Close()
	}
	ln, listen := net.Listen("tcp", addr.String())
	if listen == nil {
		ln.Close()
	}
	return dial == nil, dial, listen
}

// A port accepts or refuses, back and forth, while connections stand, and in
// no state can another program take it.
// What a proxy's port does with a SYN.
const listening, refusing = "listening", "refusing"

func TestPortStates(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			p, err := openPort(netip.MustParseAddrPort(addr))
			if err != nil {
				t.Skipf("not run: %v", err) // machines without IPv6
			}
			defer p.close()
			if p.addr.Port() == 0 {
				t.Fatal("no port was chosen")
			}
			var standing []net.Conn
			for i, state := range []string{refusing, listening, refusing, listening, listening, refusing, listening} {
				switch {
				case state == refusing:
					p.refuse()
				case p.ln == nil:
					if err := p.listen(); err != nil {
						t.Fatalf("step %d: %v", i, err)
					}
				}
				connected, dial, listen := knock(t, p.addr)
				if connected != (state == listening) || state == refusing && !errors.Is(dial, syscall.ECONNREFUSED) {
					t.Errorf("step %d, %s: dialling: %v", i, state, dial)
				}
				if !errors.Is(listen, syscall.EADDRINUSE) {
					t.Errorf("step %d, %s: another program listens: %v", i, state, listen)
				}
				if state == listening { // the one that knocked comes first
					first, err := p.ln.Accept()
					if err != nil {
						t.Fatal(err)
					}
					first.Close()
					near := plain(t, p.addr)
					far, err := p.ln.Accept()
					if err != nil {
						t.Fatal(err)
					}
					defer far.Close()
					standing = append(standing, near, far)
				}
				for i := 0; i < len(standing); i += 2 {
					go standing[i+1].Write([]byte("still here"))
					b := make([]byte, 10)
					if _, err := standing[i].Read(b); err != nil {
						t.Errorf("a connection that was accepted before is gone: %v", err)
					}
				}
			}
		})
	}
}

// The state is per proxy, and follows the face.
func TestServerPortStates(t *testing.T) {
	s := start(t, &Server{Listen: []netip.AddrPort{loopback(), loopback(), loopback(), loopback()}}, healthy())
	for _, tt := range []struct {
		name     string
		refusing []int
	}{
		{"all listen", nil},
		{"the first refuses", []int{0}},
		{"others refuse", []int{1, 3}},
		{"all refuse", []int{0, 1, 2, 3}},
		{"all listen again", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy()
			f.Refusing = tt.refusing
			if _, err := s.Show(f); err != nil {
				t.Fatal(err)
			}
			for i := range s.Listen {
				want := true
				for _, r := range tt.refusing {
					want = want && r != i
				}
				if got, err, _ := knock(t, s.Addr(i)); got != want {
					t.Errorf("proxy %d: connected %v, want %v: %v", i, got, want, err)
				}
			}
		})
	}
}

// A connection that came off the queue just before its port was to refuse is
// not taken for one under the new face.
func TestAcceptedBeforeRefusing(t *testing.T) {
	s := start(t, &Server{Accept: func(c *Conn) { t.Errorf("handed on: %+v", c.Origin) }}, healthy())
	f := healthy()
	f.Refusing = []int{0}
	if _, err := s.Show(f); err != nil {
		t.Fatal(err)
	}
	ln := silent(t)
	plain(t, local(ln))
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.accepted(0, c)
	s.Close()
	if got, want := outcome(s.Recorder, 1), "closed by us close"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// taken listens on an address for the whole test.
func taken(t *testing.T) netip.AddrPort {
	t.Helper()
	return local(silent(t))
}

func TestStartFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  netip.AddrPort
		want string
	}{
		{"port in use", taken(t), "the port is in use; stop the program that holds it"},
		{"not our address", netip.MustParseAddrPort("192.0.2.1:0"), "this machine does not have that address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{Recorder: &record.Recorder{}, Listen: []netip.AddrPort{loopback(), tt.bad}, Accept: echo}
			err := s.Start(healthy())
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			if got := err.Error(); !strings.Contains(got, tt.want) || !strings.Contains(got, tt.bad.String()) {
				t.Errorf("got %q, want %q and %s", got, tt.want, tt.bad)
			}
			ln, err := net.Listen("tcp", s.Addr(0).String())
			if err != nil {
				t.Fatalf("the first port is still bound: %v", err)
			}
			ln.Close()
			if n := len(s.Recorder.Since(0)); n != 0 {
				t.Errorf("%d events of a server that never ran", n)
			}
		})
	}
}

// A stopped run's connections in TIME_WAIT do not keep the next one from its ports.
func TestStartAgain(t *testing.T) {
	first := start(t, &Server{}, healthy())
	c, err := call(t, first, device())
	if err != nil {
		t.Fatal(err)
	}
	first.Close() // we close first, so TIME_WAIT is on our side
	c.SetReadDeadline(time.Now().Add(patience))
	c.Read(make([]byte, 1))
	c.Close()
	second := start(t, &Server{Listen: []netip.AddrPort{first.Addr(0)}}, healthy())
	if _, err := call(t, second, device()); err != nil {
		t.Fatal(err)
	}
}

// Nothing opens a port of a server that was stopped.
func TestShowAfterClose(t *testing.T) {
	s := start(t, &Server{}, healthy())
	s.Close()
	if _, err := s.Show(healthy()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if connected, _, _ := knock(t, s.Addr(0)); connected {
		t.Error("the port is open")
	}
	s.Close() // again, to no effect
}
