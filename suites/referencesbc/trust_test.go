package referencesbc

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const lb01 = "lb01.voice.example.test"

// Where lb01 is, in the tests that dial nobody.
var at = netip.MustParseAddr("127.0.41.1")

var names = []string{lb01}

// certificates that a proxy called lb01 may show: whether the device takes it,
// and the mutants that do otherwise.
var certificates = []struct {
	name    string
	shows   shown
	control bool
	differ  []Mutant
}{
	{"good", shown{dns: []string{"srv.example.test", lb01}}, true, []Mutant{CNOnly}},
	{"in capitals", shown{dns: []string{"LB01.Voice.example.test"}}, true, []Mutant{CNOnly, ComparesCase}},
	{"with a dot at the end", shown{dns: []string{lb01 + "."}}, true, []Mutant{CNOnly}},
	{"with the right common name too", shown{dns: names, cn: names}, true, nil},
	{"of another host", shown{dns: []string{"lb02.voice.example.test"}}, false, []Mutant{SkipsHostNameCheck}},
	{"of the domain above", shown{dns: []string{"voice.example.test"}}, false, []Mutant{SkipsHostNameCheck}},
	{"of the domain, with a dot before it", shown{dns: []string{".voice.example.test"}}, false, []Mutant{SkipsHostNameCheck}},
	{"without a name", shown{}, false, []Mutant{SkipsHostNameCheck}},
	{"with the name as common name only", shown{cn: names}, false, []Mutant{SkipsHostNameCheck, CNOnly}},
	{"with the name as one of two common names", shown{cn: []string{"lb02.voice.example.test", lb01}}, false, []Mutant{SkipsHostNameCheck, CNOnly}},
	{"with the name as common name and another as alternative", shown{cn: names, dns: []string{"other.test"}}, false, []Mutant{SkipsHostNameCheck, CNOnly}},
	{"with a wildcard", shown{dns: []string{"*.voice.example.test"}}, false, []Mutant{SkipsHostNameCheck}},
	{"with the address only", shown{ips: []net.IP{net.IPv4(127, 0, 41, 1)}}, false, []Mutant{SkipsHostNameCheck, AcceptsIPSAN}},
	{"with another address only", shown{ips: []net.IP{net.IPv4(127, 0, 41, 2)}}, false, []Mutant{SkipsHostNameCheck}},
	{"with the address as dNSName", shown{dns: []string{"127.0.41.1"}}, false, []Mutant{SkipsHostNameCheck}},
	{"with the address as common name", shown{cn: []string{"127.0.41.1"}}, false, []Mutant{SkipsHostNameCheck}},
	{"with the SRV record's name", shown{dns: []string{"_sips._tcp.voice.example.test"}}, false, []Mutant{SkipsHostNameCheck}},
	{"with a SIP URI", shown{uris: []string{"sip:srv.example.test", "sip:" + lb01}}, true, []Mutant{CNOnly}},
	{"with a SIP URI and another dNSName", shown{uris: []string{"sip:" + lb01}, dns: []string{"other.test"}}, true, []Mutant{CNOnly, RefusesURISANBeside}},
	{"with another SIP URI and the right dNSName", shown{uris: []string{"sip:srv.example.test"}, dns: names}, false, []Mutant{SkipsHostNameCheck}},
	{"with a user's SIP URI and the right dNSName", shown{uris: []string{"sip:lb@srv.example.test"}, dns: names}, true, []Mutant{CNOnly, RefusesURISANBeside}},

	{"of another root", shown{dns: names, under: "other root"}, false, []Mutant{TrustsAnything}},
	{"under another root", shown{dns: names, under: "impostor"}, false, []Mutant{TrustsAnything}},
	{"self-signed", shown{dns: names, under: "self"}, false, []Mutant{TrustsAnything}},
	{"without its intermediate", shown{dns: names, send: alone}, false, []Mutant{TrustsAnything}},
	{"of the root itself", shown{dns: names, under: "root"}, true, []Mutant{CNOnly}},
	{"under P-384", shown{dns: names, under: "curve"}, true, []Mutant{CNOnly}},
	{"with the root", shown{dns: names, send: withRoot}, true, []Mutant{CNOnly, RefusesSuperfluousRoot}},
	{"in another order", shown{dns: names, send: disordered}, true, []Mutant{CNOnly, RefusesSuperfluousRoot}},
	{"of one that is no CA", shown{dns: names, under: "no CA"}, false, []Mutant{TrustsAnything}},
	{"beyond the path length", shown{dns: names, under: "beyond the last"}, false, []Mutant{TrustsAnything}},
	{"with an excluded name", shown{dns: names, under: "excluded"}, false, []Mutant{TrustsAnything}},

	{"expired", shown{dns: names, days: -1}, false, []Mutant{AcceptsExpired}},
	{"under an expired intermediate", shown{dns: names, under: "expired"}, false, []Mutant{AcceptsExpired}},
	{"that ends in ten days", shown{dns: names, days: 10}, true, []Mutant{CNOnly, RefusesExpiringSoon}},
	{"not yet valid", shown{dns: names, days: 40}, false, []Mutant{AcceptsNotYetValid}},
	{"under an intermediate that is not yet valid", shown{dns: names, under: "future"}, false, []Mutant{AcceptsNotYetValid}},

	{"for clients", shown{dns: names, usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, false, []Mutant{TrustsAnything}},
	{"for servers and clients", shown{dns: names, usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, true, []Mutant{CNOnly, RefusesClientAuthEKU}},
	{"for any use", shown{dns: names, anyUse: true}, true, []Mutant{CNOnly}},
	{"with a big key", shown{dns: names, key: bigKey}, true, []Mutant{CNOnly, RefusesBigKeys}},
	{"with a short key", shown{dns: names, key: shortKey}, false, []Mutant{TrustsAnything}},
	{"signed with SHA-1", shown{dns: names, hash: x509.SHA1WithRSA}, false, []Mutant{TrustsAnything}},
}

// device is an SBC that is not started.
func device(t testing.TB, m Mutant) *SBC {
	s := &SBC{Mutant: m, Roots: trusted(t)}
	s.defaults()
	return s
}

// disagree holds every mutant to what the control does, but for those that differ.
func disagree(t *testing.T, control bool, differ []Mutant, verify func(*SBC) error) {
	t.Helper()
	for _, m := range Mutants() {
		want := control != slices.Contains(differ, m.Mutant)
		if err := verify(device(t, m.Mutant)); (err == nil) != want {
			t.Errorf("mutant %q: %v", m.Mutant, err)
		}
	}
}

func TestVerify(t *testing.T) {
	for _, tt := range certificates {
		t.Run(tt.name, func(t *testing.T) {
			state := parsed(t, tt.shows.chain(t))
			disagree(t, tt.control, tt.differ, func(s *SBC) error { return s.verify(t.Context(), state, lb01, at) })
		})
	}
	if err := device(t, "").verify(t.Context(), tls.ConnectionState{}, lb01, at); err == nil {
		t.Error("no certificate at all is taken")
	}
}

// What a device that knows its proxies by their keys makes of others.
func TestRotation(t *testing.T) {
	const lb02 = "lb02.voice.example.test"
	both := []string{lb01, lb02}
	good := shown{dns: both, cn: both}
	for _, tt := range []struct {
		name   string
		then   shown
		differ []Mutant
	}{
		{"the same keys", good, nil},
		{"another leaf key", shown{dns: both, cn: both, key: otherKey}, []Mutant{PinsLeaf}},
		{"another intermediate", shown{dns: both, cn: both, under: "rotated"}, []Mutant{PinsIntermediate}},
		{"another hierarchy", shown{dns: both, cn: both, under: "curve", key: otherKey}, []Mutant{PinsLeaf, PinsIntermediate}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, then := parsed(t, good.chain(t)), parsed(t, tt.then.chain(t))
			bad := parsed(t, shown{dns: []string{"other.test"}, key: otherKey, under: "rotated"}.chain(t))
			disagree(t, true, tt.differ, func(s *SBC) error {
				// What is refused leaves nothing behind, and proxies are as one.
				if err := s.verify(t.Context(), bad, lb01, at); (err == nil) != (s.Mutant == SkipsHostNameCheck) {
					t.Errorf("mutant %q: %v", s.Mutant, err)
				}
				must(t, s.verify(t.Context(), before, lb02, at))
				s.Reset()
				return s.verify(t.Context(), then, lb01, at)
			})
		})
	}
}

// The clock that counts is the injected one.
func TestVerifyAtTime(t *testing.T) {
	good := parsed(t, shown{dns: names, under: "root"}.chain(t))
	for _, tt := range []struct {
		name string
		at   time.Duration
		want bool
	}{{"now", 0, true}, {"in a month", 720 * time.Hour, false}, {"a month ago", -720 * time.Hour, false}} {
		s := device(t, "")
		s.Now = func() time.Time { return time.Now().Add(tt.at) }
		if err := s.verify(t.Context(), good, lb01, at); (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// refusedBy waits until a handshake failed at the proxy, and returns why.
func refusedBy(t *testing.T, p *fakeProxy) error {
	t.Helper()
	var err error
	waitFor(t, func() []byte {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.failed) == 0 {
			return nil
		}
		err = p.failed[0]
		return []byte("failed")
	})
	return err
}

// A proxy that is refused sees it: the device ends the handshake with an alert,
// and no SIP comes.
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
			if err := refusedBy(t, p); !strings.Contains(err.Error(), "remote error: tls: bad certificate") {
				t.Errorf("the proxy sees %v", err)
			}
		})
	}
}
