package media

import (
	"net/netip"
	"strings"
	"testing"
)

func TestListenPorts(t *testing.T) {
	for range 50 {
		if port := open(t, Config{}).Local().Port(); port%2 != 0 {
			t.Fatalf("odd port %d", port)
		}
	}
	free := open(t, Config{}).Local()
	taken := free.Port()
	other := open(t, Config{})
	exact := other.Local()
	other.Stop()

	tests := []struct {
		name string
		cfg  Config
		port uint16 // 0: an error
		says string
	}{
		{"exactly", Config{Local: exact}, exact.Port(), ""},
		{"taken", Config{Local: free}, 0, "in use"},
		{"range taken", Config{PortMin: taken, PortMax: taken + 1}, 0, "widen the range"},
		{"range without an even port", Config{PortMin: taken + 1, PortMax: taken + 1}, 0, "no even port"},
		{"range upside down", Config{PortMin: 4000, PortMax: 3000}, 0, "no even port"},
		{"range without an end", Config{PortMin: 4000}, 0, "no even port"},
		{"address not ours", Config{Local: netip.MustParseAddrPort("192.0.2.1:0")}, 0, "192.0.2.1"},
		{"address not ours, range", Config{Local: netip.MustParseAddrPort("192.0.2.1:0"), PortMin: 4000, PortMax: 5000}, 0, "192.0.2.1"},
		{"no randomness", Config{Random: strings.NewReader("short")}, 0, "SSRC"},
		{"tone too low", Config{SendHz: 20}, 0, "20 Hz"},
		{"tone negative", Config{ExpectHz: -440}, 0, "-440 Hz"},
		{"tones too close", Config{SendHz: 440, ExpectHz: 500}, 0, "apart"},
		{"other tone too close", Config{ExpectHz: 440, OtherHz: []float64{450}}, 0, "apart"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Listen(tt.cfg)
			if err == nil {
				defer s.Stop()
				if s.Local().Port() != tt.port {
					t.Errorf("got %v", s.Local())
				}
				return
			}
			if tt.port != 0 || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestListenRange(t *testing.T) {
	const first, last = 41001, 41008
	seen := map[uint16]bool{}
	for range 4 {
		s, err := Listen(Config{Local: netip.MustParseAddrPort("127.0.3.9:0"), PortMin: first, PortMax: last})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		seen[s.Local().Port()] = true
	}
	for _, port := range []uint16{41002, 41004, 41006, 41008} {
		if !seen[port] {
			t.Errorf("port %d was not given; got %v", port, seen)
		}
	}
}

func TestListenIPv6(t *testing.T) {
	local := netip.MustParseAddrPort("[::1]:0")
	clock := newHandClock()
	a, err := Listen(Config{Local: local, Clock: clock, ExpectHz: farHz})
	if err != nil {
		t.Skipf("no IPv6 loopback here: %v", err)
	}
	defer a.Stop()
	b := open(t, Config{Local: local, Clock: clock, SendHz: farHz})
	start(t, a, Session{})
	start(t, b, Session{Remote: a.Local()})
	waitHeard(t, a, 1)
	if r := a.Report(); r.Sources[0].Address != b.Local() {
		t.Errorf("source %v, want %v", r.Sources[0].Address, b.Local())
	}
}
