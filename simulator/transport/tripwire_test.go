package transport

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// trip starts a tripwire on one port of loopback, in generation 7.
func trip(t *testing.T, edit func(*Tripwire)) *Tripwire {
	t.Helper()
	port, err := openPort(loopback()) // TCP and UDP are to have the same one
	if err != nil {
		t.Fatal(err)
	}
	port.close()
	w := &Tripwire{Recorder: &record.Recorder{}, Listen: []netip.AddrPort{port.addr}, Names: []string{"lb01"}, Generation: func() int { return 7 }}
	if edit != nil {
		edit(w)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestTripwire(t *testing.T) {
	const invite = "INVITE sip:+13175550100@lb01.test SIP/2.0\r\n"
	long := invite + strings.Repeat("x", 2*tripped)
	foreign := func(w *Tripwire) { w.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }
	known := func(w *Tripwire) { w.Sources = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	for _, tt := range []struct {
		name, network, sent, raw string
		edit                     func(*Tripwire)
		foreign                  bool
	}{
		{"TCP", "tcp", invite, invite, nil, false},
		{"UDP", "udp", invite, invite, nil, false},
		{"TCP, long", "tcp", long, long[:tripped], nil, false},
		{"UDP, long", "udp", long, long[:tripped], nil, false},
		{"TCP opened and nothing sent", "tcp", "", "", nil, false},
		{"TCP from the device's address", "tcp", invite, invite, known, false},
		{"TCP from elsewhere", "tcp", invite, invite, foreign, true},
		{"UDP from elsewhere", "udp", invite, invite, foreign, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := trip(t, tt.edit)
			c, err := net.Dial(tt.network, w.Listen[0].String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			if tt.sent == "" {
				c.(*net.TCPConn).CloseWrite()
			}
			fmt.Fprint(c, tt.sent)
			e, got := wait[record.Cleartext](t, w.Recorder, 0, nil)
			want := record.Cleartext{Transport: strings.ToUpper(tt.network), Local: w.Listen[0].String(), Remote: c.LocalAddr().String(), Foreign: tt.foreign, Raw: record.Text(tt.raw)}
			if got.Local != want.Local || got.Remote != want.Remote || got.Transport != want.Transport || got.Foreign != want.Foreign || string(got.Raw) != tt.raw || e.Generation != 7 || e.Proxy != "lb01" {
				t.Errorf("recorded %+v of %+v\nwant %+v", got, e, want)
			}
			if tt.network == "udp" { // an answer would be here once all is over
				w.Close()
				c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			}
			if n, _ := c.Read(make([]byte, 1)); n > 0 {
				t.Error("it answered")
			}
		})
	}
}

// A connection belongs to the face that stood when it came, however late its
// first octet.
func TestTripwireGeneration(t *testing.T) {
	var generation atomic.Int64
	asked := make(chan struct{}, 8)
	w := trip(t, func(w *Tripwire) {
		w.Generation = func() int { asked <- struct{}{}; return int(generation.Load()) }
	})
	c := plain(t, w.Listen[0])
	<-asked
	generation.Store(1)
	fmt.Fprint(c, "INVITE")
	if e, _ := wait[record.Cleartext](t, w.Recorder, 0, nil); e.Generation != 0 {
		t.Errorf("generation %d", e.Generation)
	}
}

// Each of many connections is an event, though few are listened to at once.
func TestTripwireFlood(t *testing.T) {
	const many = 4 * maxTripped
	w := trip(t, nil)
	for range many {
		plain(t, w.Listen[0])
	}
	seen := 0
	wait(t, w.Recorder, 0, func(_ record.Event, b record.Cleartext) bool { seen++; return seen == many })
	c := plain(t, w.Listen[0])
	fmt.Fprint(c, "INVITE")
	wait(t, w.Recorder, 0, func(_ record.Event, b record.Cleartext) bool { return string(b.Raw) == "INVITE" })
}

// Close leaves no port, no connection and nothing running; a port that is taken
// leaves nothing either.
func TestTripwireClose(t *testing.T) {
	w := trip(t, nil)
	c := plain(t, w.Listen[0])
	w.Close()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("the connection: %d octets, %v", n, err)
	}
	free := func(at netip.AddrPort) {
		t.Helper()
		for _, network := range []string{"tcp", "udp"} {
			var closer interface{ Close() error }
			var err error
			if network == "tcp" {
				closer, err = net.Listen(network, at.String())
			} else {
				closer, err = net.ListenPacket(network, at.String())
			}
			if err != nil {
				t.Errorf("%s is still taken: %v", network, err)
				continue
			}
			closer.Close()
		}
	}
	free(w.Listen[0])
	held, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	second := &Tripwire{Recorder: &record.Recorder{}, Names: []string{"lb01", "lb02"}, Generation: func() int { return 0 },
		Listen: []netip.AddrPort{w.Listen[0], held.LocalAddr().(*net.UDPAddr).AddrPort()}}
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), "listening for cleartext") {
		t.Errorf("got %v", err)
	}
	free(w.Listen[0])
	buf := make([]byte, 1<<20)
	if stacks := string(buf[:runtime.Stack(buf, true)]); strings.Contains(stacks, "transport.(*Tripwire)") {
		t.Errorf("still running:\n%s", stacks)
	}
}
