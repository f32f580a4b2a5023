package referencesbc

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"byocheck/simulator/sipua"
)

// listenerAddr stands in offers of which no audio comes about.
var listenerAddr = netip.MustParseAddrPort("127.0.0.1:9")

// silent returns a UDP port from which nothing comes.
func silent(t testing.TB) netip.AddrPort {
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { pc.Close() })
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

func short(s *SBC) { s.Timers.Handshake, s.Timers.FirstResponse = time.Second, time.Second }

func (w *world) tried() []int {
	var out []int
	for _, p := range w.proxies {
		out = append(out, p.tried())
	}
	return out
}

// answering takes calls, but those to the proxies listed get 503.
func (w *world) answering(full ...string) func(*sipua.Call) {
	return func(c *sipua.Call) {
		if slices.Contains(full, c.Proxy()) {
			c.Reject(503, "Service Unavailable")
			return
		}
		w.answer(c)
	}
}

func TestFailover(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*fakeProxy)
		full  bool
		again int // connections to lb01 after a second call: more where it is not passed over
	}{
		{"refused connection", func(p *fakeProxy) { p.set(refusing) }, false, 1},
		{"port closed", func(p *fakeProxy) { p.listener.Close() }, false, 0},
		{"no handshake", func(p *fakeProxy) { p.set(noHandshake) }, false, 1},
		{"wrong certificate", func(p *fakeProxy) { p.show(shown{dns: []string{"other.test"}}.chain(t)) }, false, 1},
		{"no response to INVITE", func(p *fakeProxy) { p.set(mute) }, false, 1},
		{"503", func(*fakeProxy) {}, true, 1}, // asked again, on the connection that is kept
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := build(t, short)
			tt.fault(w.proxies[0])
			var full []string
			if tt.full {
				full = []string{w.proxies[0].name}
			}
			took := make(chan string, 16)
			for range 2 {
				status := w.call(func(c *sipua.Call) { took <- c.Proxy(); w.answering(full...)(c) })
				if status != 200 {
					t.Fatalf("the carrier gets %d", status)
				}
			}
			close(took)
			var order []string
			for name := range took {
				order = append(order, name[:4])
			}
			want := []string{"lb02", "lb02"}
			if tt.full {
				want = []string{"lb01", "lb02", "lb01", "lb02"}
			}
			if !slices.Equal(order, want) {
				t.Errorf("INVITEs came to %v, not %v", order, want)
			}
			if got := w.tried(); !slices.Equal(got, []int{tt.again, 1, 0, 0}) {
				t.Errorf("connections to the proxies: %v", got)
			}
			if l := w.sbc.proxies[0].link; l != nil && l.open() != tt.full {
				t.Errorf("the connection to lb01 is still open: %v", l.open())
			}
		})
	}
}

// The mutant goes on to the next proxy where one refuses TCP, and nowhere else.
func TestNoFailoverOnTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func(*fakeProxy)
		want  int
	}{
		"port closed":           {func(p *fakeProxy) { p.listener.Close() }, 200},
		"reset at once":         {func(p *fakeProxy) { p.set(refusing) }, 503},
		"no handshake":          {func(p *fakeProxy) { p.set(noHandshake) }, 503},
		"half a handshake":      {func(p *fakeProxy) { p.set(stalling) }, 503},
		"no answer to INVITE":   {func(p *fakeProxy) { p.set(mute) }, 503},
		"wrong certificate":     {func(p *fakeProxy) { p.show(shown{dns: []string{"other.test"}}.chain(t)) }, 503},
		"nothing wrong with it": {func(*fakeProxy) {}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := build(t, func(s *SBC) { short(s); s.Mutant = NoFailoverOnTimeout })
			tt.fault(w.proxies[0])
			if got := w.call(w.answer); got != tt.want {
				t.Errorf("the carrier gets %d, not %d", got, tt.want)
			}
		})
	}
}

func TestProxyComesBack(t *testing.T) {
	tests := []struct {
		name string
		wait func(*world)
		back bool
	}{
		{"not before its time", func(w *world) { w.skip(29 * time.Second) }, false},
		{"after its time", func(w *world) { w.skip(31 * time.Second) }, true},
		{"by reset", func(w *world) { w.sbc.Reset() }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := build(t, nil)
			w.proxies[0].set(refusing)
			w.call(w.answer)
			w.proxies[0].set(listening)
			tt.wait(w)
			var on string
			w.call(func(c *sipua.Call) { on = c.Proxy(); w.answer(c) })
			if back := on == w.proxies[0].name; back != tt.back {
				t.Errorf("the call comes to %s", on)
			}
		})
	}
}

func TestAllProxiesFail(t *testing.T) {
	t.Run("unreachable", func(t *testing.T) {
		w := build(t, nil)
		for _, p := range w.proxies {
			p.set(refusing)
		}
		begin := time.Now()
		if got := w.call(w.answer); got != 503 {
			t.Errorf("the carrier gets %d, not 503", got)
		}
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("that took %v", d)
		}
		if got := w.tried(); !slices.Equal(got, []int{1, 1, 1, 1}) {
			t.Errorf("connections to the proxies: %v", got)
		}
		// All are passed over now: no connection at all.
		if got := w.call(w.answer); got != 503 {
			t.Errorf("the carrier gets %d, not 503", got)
		}
		if got := w.tried(); !slices.Equal(got, []int{1, 1, 1, 1}) {
			t.Errorf("connections to the proxies after the second call: %v", got)
		}
	})
	t.Run("full", func(t *testing.T) {
		w := build(t, nil)
		n := 0
		if got := w.call(func(c *sipua.Call) { n++; c.Reject(503, "Service Unavailable") }); got != 503 || n != 4 {
			t.Errorf("the carrier gets %d after %d INVITEs", got, n)
		}
	})
	t.Run("without a name", func(t *testing.T) {
		w := build(t, func(s *SBC) { s.Proxies = []string{"lb09.voice.example.test"} })
		if got := w.call(w.answer); got != 503 {
			t.Errorf("the carrier gets %d, not 503", got)
		}
	})
}

func TestConnectionsAreReused(t *testing.T) {
	w := build(t, nil)
	for range 2 {
		if got := w.call(w.answer); got != 200 {
			t.Fatalf("the carrier gets %d", got)
		}
	}
	if got := w.tried(); !slices.Equal(got, []int{1, 0, 0, 0}) {
		t.Errorf("connections to the proxies: %v", got)
	}
	// One that the cloud has closed is replaced; lb01 is not passed over for it.
	for range 5 {
		w.proxies[0].hangUp()
		if got := w.call(w.answer); got != 200 {
			t.Fatalf("the carrier gets %d", got)
		}
	}
	if got := w.tried(); !slices.Equal(got, []int{6, 0, 0, 0}) {
		t.Errorf("connections to the proxies: %v", got)
	}
}

// A changed address is dialled once the time to live of the old one has passed.
func TestAddressChanges(t *testing.T) {
	w := build(t, nil)
	w.call(w.answer)
	w.region.set(w.proxies[0].name, netip.MustParseAddr("127.0.41.4"), 5)
	steps := []struct {
		name string
		skip time.Duration
		want []int
		asks int
	}{
		{"within the time to live", 4 * time.Second, []int{1, 0, 0, 0}, 1},
		{"after it", 2 * time.Second, []int{1, 0, 0, 1}, 2},
		{"and again", 6 * time.Second, []int{1, 0, 0, 1}, 3},
	}
	for _, s := range steps {
		w.skip(s.skip)
		if got := w.call(w.answer); got != 200 {
			t.Fatalf("%s: the carrier gets %d", s.name, got)
		}
		w.region.mu.Lock()
		asked := w.region.asked
		w.region.mu.Unlock()
		if got := w.tried(); !slices.Equal(got, s.want) || asked != s.asks {
			t.Errorf("%s: connections to the proxies %v and %d DNS queries, not %v and %d", s.name, got, asked, s.want, s.asks)
		}
	}
	if got := w.proxies[3].hello().ServerName; got != "lb01.voice.example.test" {
		t.Errorf("SNI at the new address is %q", got)
	}
}
