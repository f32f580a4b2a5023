package referencesbc

import (
	"crypto/x509"
	"net"
	"testing"
	"time"
)

// certificates that a proxy called lb01.voice.example.test may show, and which
// of the verifying mutants take them.
var certificates = []struct {
	name                     string
	shows                    shown
	control, skips, anything bool
}{
	{"good", shown{dns: []string{"srv.example.test", "lb01.voice.example.test"}}, true, true, true},
	{"in capitals, with a dot", shown{dns: []string{"LB01.Voice.example.test"}}, true, true, true},
	{"of another host", shown{dns: []string{"lb02.voice.example.test"}}, false, true, false},
	{"of the domain above", shown{dns: []string{"voice.example.test"}}, false, true, false},
	{"with the name as common name only", shown{cn: "lb01.voice.example.test"}, false, true, false},
	{"with the name as common name and another as alternative", shown{cn: "lb01.voice.example.test", dns: []string{"other.test"}}, false, true, false},
	{"with a wildcard", shown{dns: []string{"*.voice.example.test"}}, false, true, false},
	{"with the address only", shown{ips: []net.IP{net.IPv4(127, 0, 41, 1)}}, false, true, false},
	{"of another root", shown{dns: []string{"lb01.voice.example.test"}, under: "other"}, false, false, true},
	{"without its intermediate", shown{dns: []string{"lb01.voice.example.test"}, alone: true}, false, false, true},
	{"of the root itself", shown{dns: []string{"lb01.voice.example.test"}, under: "root"}, true, true, true},
	{"expired", shown{dns: []string{"lb01.voice.example.test"}, days: -1}, false, false, false},
	{"not yet valid", shown{dns: []string{"lb01.voice.example.test"}, days: 20}, false, false, false},
	{"for clients", shown{dns: []string{"lb01.voice.example.test"}, clients: true}, false, false, true},
}

func TestVerify(t *testing.T) {
	for _, tt := range certificates {
		t.Run(tt.name, func(t *testing.T) {
			var chain []*x509.Certificate
			for _, der := range tt.shows.chain(t).Certificate {
				c, err := x509.ParseCertificate(der)
				must(t, err)
				chain = append(chain, c)
			}
			for m, want := range map[Mutant]bool{"": tt.control, Control: tt.control, SkipsHostNameCheck: tt.skips, TrustsAnything: tt.anything, DialsIP: tt.control} {
				s := &SBC{Mutant: m, Roots: trusted(t)}
				if err := s.verify(chain, "lb01.voice.example.test"); (err == nil) != want {
					t.Errorf("mutant %q: %v", m, err)
				}
			}
		})
	}
	if err := (&SBC{Roots: trusted(t)}).verify(nil, "lb01.voice.example.test"); err == nil {
		t.Error("no certificate at all is taken")
	}
	leaf := &x509.Certificate{DNSNames: []string{"127.0.0.1", ""}}
	if named(leaf, "127.0.0.1") || named(leaf, "") {
		t.Error("an address or nothing is taken for a name")
	}
}

// The clock that counts is the injected one.
func TestVerifyAtTime(t *testing.T) {
	good, err := x509.ParseCertificate(shown{dns: []string{"a.test"}, under: "root"}.chain(t).Certificate[0])
	must(t, err)
	for _, tt := range []struct {
		name string
		at   time.Duration
		want bool
	}{{"now", 0, true}, {"in two days", 48 * time.Hour, false}, {"a month ago", -720 * time.Hour, false}} {
		s := &SBC{Roots: trusted(t), Now: func() time.Time { return time.Now().Add(tt.at) }}
		if err := s.verify([]*x509.Certificate{good}, "a.test"); (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// A proxy that is refused sees it: the device ends the handshake, and no SIP comes.
func TestRefusalOnTheWire(t *testing.T) {
	for _, tt := range certificates {
		if tt.control {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			w := build(t, func(s *SBC) { s.Proxies = s.Proxies[:1] })
			p := w.proxies[0]
			p.show(tt.shows.chain(t))
			if got := w.call(w.answer); got != 503 {
				t.Errorf("the carrier gets %d, not 503", got)
			}
			end := time.Now().Add(5 * time.Second)
			for {
				p.mu.Lock()
				failed := len(p.failed)
				p.mu.Unlock()
				if failed == 1 {
					break
				}
				if time.Now().After(end) {
					t.Fatal("the handshake did not fail at the proxy")
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}
