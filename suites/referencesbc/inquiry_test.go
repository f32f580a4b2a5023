package referencesbc

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"byocheck/simulator/sipua"
)

// One proxy after the other costs one fetch, until it is time for another.
func TestRulingsAreKept(t *testing.T) {
	gone := http.HandlerFunc(http.NotFound)
	for _, tt := range []struct {
		name    string
		next    time.Duration // of the list
		serve   http.HandlerFunc
		wait    time.Duration
		reset   bool
		fetches int
	}{
		{"a moment later", time.Hour, nil, 0, false, 1},
		{"within a minute", time.Hour, nil, 59 * time.Second, false, 1},
		{"after a minute", time.Hour, nil, 61 * time.Second, false, 2},
		{"after its nextUpdate", 10 * time.Second, nil, 11 * time.Second, false, 2},
		{"after a reset", time.Hour, nil, 0, true, 2},
		{"in vain", 0, gone, 0, false, 1},
		{"in vain, within seconds", 0, gone, 4 * time.Second, false, 1},
		{"in vain, after seconds", 0, gone, 6 * time.Second, false, 2},
		{"in vain, after a reset", 0, gone, 0, true, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := publish(t)
			state := parsed(t, spoken(t, p, speech{list: &listing{next: tt.next}}, speech{}))
			if tt.serve != nil {
				p.set("/leaf.crl", tt.serve)
			}
			s := device(t, "")
			var ahead time.Duration
			s.Now = func() time.Time { return time.Now().Add(ahead) }
			for range 4 {
				must(t, s.verify(t.Context(), state, lb01, at))
			}
			ahead = tt.wait
			if tt.reset {
				s.Reset()
			}
			must(t, s.verify(t.Context(), state, lb01, at))
			if got := p.fetches("/leaf.crl"); got != tt.fetches {
				t.Errorf("it was fetched %d times, not %d", got, tt.fetches)
			}
		})
	}
}

// What is kept of one certificate is not taken for another.
func TestRulingsAreApart(t *testing.T) {
	p, s := publish(t), device(t, "")
	ca, rotated := cas(t)["intermediate"], cas(t)["rotated"]
	p.set("/a.crl", body(fresh.of(t, ca)))
	s.HardFail = true
	must(t, s.verify(t.Context(), parsed(t, shown{dns: names, crls: []string{p.URL + "/a.crl"}}.of(t, ca)), lb01, at))
	// The same address in a certificate of another issuer: the list is not its.
	if err := s.verify(t.Context(), parsed(t, shown{dns: names, crls: []string{p.URL + "/a.crl"}}.of(t, rotated)), lb01, at); err == nil {
		t.Error("another issuer's list does")
	}
	// The same responder and another certificate.
	one, two := shown{dns: names, ocsp: []string{p.URL + "/a"}}.of(t, ca), shown{dns: names, ocsp: []string{p.URL + "/a"}}.of(t, ca)
	p.set("/a", body(good.about(t, one.Leaf, ca)))
	must(t, s.verify(t.Context(), parsed(t, one), lb01, at))
	p.set("/a", body(revoked.about(t, two.Leaf, ca)))
	if err := s.verify(t.Context(), parsed(t, two), lb01, at); err == nil {
		t.Error("another certificate's response does")
	}
}

// Whether a list speaks for a certificate depends on whether that is a CA's.
func TestListsOfCAsAreApart(t *testing.T) {
	ca := cas(t)["intermediate"]
	leaf := source{url: "http://127.0.0.1/a.crl", list: true, cert: shown{}.of(t, ca).Leaf, issuer: ca.cert}
	neighbor, below := leaf, leaf
	neighbor.cert, below.cert = shown{}.of(t, ca).Leaf, cas(t)["rotated"].cert
	if leaf.key() != neighbor.key() || leaf.key() == below.key() {
		t.Errorf("the keys are\n%s\n%s\n%s", leaf.key(), neighbor.key(), below.key())
	}
}

// All that one handshake asks for costs one timeout.
func TestOneTimeout(t *testing.T) {
	p := publish(t)
	state := parsed(t, spoken(t, p, speech{list: fresh, ocsp: good}, speech{list: fresh, ocsp: good}))
	for _, path := range []string{"/leaf.crl", "/leaf.ocsp", "/above.crl", "/above.ocsp"} {
		p.set(path, dumb)
	}
	s := device(t, "")
	s.Timers.Fetch = 600 * time.Millisecond
	begin := time.Now()
	must(t, s.verify(t.Context(), state, lb01, at))
	if d := time.Since(begin); d < s.Timers.Fetch || d > 2*s.Timers.Fetch {
		t.Errorf("the first handshake takes %v", d)
	}
	begin = time.Now()
	must(t, s.verify(t.Context(), state, lb01, at))
	if d := time.Since(begin); d > s.Timers.Fetch/2 {
		t.Errorf("the next handshake takes %v", d)
	}
	if n := p.fetches(""); n != 4 {
		t.Errorf("%d fetches", n)
	}
	s.HardFail = true
	if err := s.verify(t.Context(), state, lb01, at); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("with HardFail: %v", err)
	}
}

// A call that is given up while a list is awaited leaves nothing behind.
func TestGivenUpMeanwhile(t *testing.T) {
	p := publish(t)
	state := parsed(t, spoken(t, p, speech{list: fresh, listed: true}, speech{}))
	list := p.serves["/leaf.crl"]
	s := device(t, "")
	s.Timers.Fetch = 10 * time.Second
	ctx, cancel := context.WithCancel(t.Context())
	p.set("/leaf.crl", func(w http.ResponseWriter, r *http.Request) { cancel(); dumb(w, r) })
	begin := time.Now()
	s.verify(ctx, state, lb01, at)
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("it ends after %v", d)
	}
	p.set("/leaf.crl", list)
	if err := s.verify(t.Context(), state, lb01, at); err == nil {
		t.Error("that it was given up is taken for an answer")
	}
}

func TestKeptIsBounded(t *testing.T) {
	var k rulings
	now := time.Now()
	for i := range 10*maxKept + 5 {
		k.put(fmt.Sprint(i), kept{until: now.Add(time.Hour)}, now)
	}
	if n := len(k.known); n > maxKept {
		t.Errorf("%d are kept", n)
	}
	k.put("late", kept{until: now.Add(3 * time.Hour)}, now.Add(2*time.Hour))
	if n := len(k.known); n != 1 {
		t.Errorf("%d are kept, most of them out of date", n)
	}
}

// In a call: the proxies are refused in the handshake, and the fetch comes from
// the SBC's own address.
func TestRevokedOnTheWire(t *testing.T) {
	for name, said := range map[string]speech{"list": {list: fresh, listed: true}, "responder": {ocsp: revoked}, "handshake": {staple: revoked}} {
		t.Run(name, func(t *testing.T) {
			p := publish(t)
			w := build(t, func(s *SBC) { s.Proxies = s.Proxies[:1] })
			w.proxies[0].show(spoken(t, p, said, speech{}))
			if got := w.call(w.answer); got != 503 {
				t.Errorf("the carrier gets %d, not 503", got)
			}
			if err := refusedBy(t, w.proxies[0]); !strings.Contains(err.Error(), "remote error: tls: bad certificate") {
				t.Errorf("the proxy sees %v", err)
			}
			// A list that says good again brings the proxy back.
			w.proxies[0].show(spoken(t, p, speech{list: fresh, ocsp: good, staple: good}, speech{}))
			w.sbc.Reset()
			if got := w.call(w.answer); got != 200 {
				t.Errorf("after that the carrier gets %d", got)
			}
		})
	}
}

// The wait for lists is not the proxy's, and does not end its handshake.
func TestFetchOutlastsTheHandshakeTimer(t *testing.T) {
	p := publish(t)
	w := build(t, func(s *SBC) { s.Timers.Handshake, s.Timers.Fetch = 300*time.Millisecond, 900*time.Millisecond })
	w.proxies[0].show(spoken(t, p, speech{list: fresh}, speech{}))
	p.set("/leaf.crl", dumb)
	var on string
	w.call(func(c *sipua.Call) { on = c.Proxy(); w.answer(c) })
	if on != w.proxies[0].name || p.fetches("/leaf.crl") != 1 {
		t.Errorf("the call comes to %q after %d fetches", on, p.fetches("/leaf.crl"))
	}
}

// A proxy that says nothing more once its certificate is verified is given up.
func TestHandshakeStallsAfterTheCertificate(t *testing.T) {
	p := publish(t)
	w := build(t, func(s *SBC) { s.Timers.Handshake = 300 * time.Millisecond })
	w.proxies[0].show(spoken(t, p, speech{list: fresh}, speech{}))
	w.proxies[0].set(stalling)
	var on string
	w.call(func(c *sipua.Call) { on = c.Proxy(); w.answer(c) })
	if on != w.proxies[1].name || p.fetches("/leaf.crl") != 1 {
		t.Errorf("the call comes to %q after %d fetches", on, p.fetches("/leaf.crl"))
	}
}

// The hosts of lists are looked up where the proxies are, and lists fetched from
// the address by which the SBC is known.
func TestListsByName(t *testing.T) {
	p, ca := publish(t), cas(t)["intermediate"]
	w := build(t, func(s *SBC) { s.TLS = netip.MustParseAddrPort("127.0.43.1:0") })
	var from atomic.Value
	w.region.set("crl.example.test", netip.MustParseAddr("127.0.0.1"), 5)
	c := shown{dns: []string{w.proxies[0].name}, crls: []string{strings.Replace(p.URL, "127.0.0.1", "crl.example.test", 1) + "/a.crl"}}.of(t, ca)
	list := listing{serials: []*big.Int{c.Leaf.SerialNumber}}.of(t, ca)
	p.set("/a.crl", func(w http.ResponseWriter, r *http.Request) { from.Store(r.RemoteAddr); w.Write(list) })
	w.proxies[0].show(c)
	var on string
	w.call(func(c *sipua.Call) { on = c.Proxy(); w.answer(c) })
	if on != w.proxies[1].name {
		t.Errorf("the call comes to %q", on)
	}
	if a, _ := from.Load().(string); !strings.HasPrefix(a, "127.0.43.1:") {
		t.Errorf("the list is fetched from %q", a)
	}
	// A name that nobody has is an address where nothing is to be had.
	c = shown{dns: []string{w.proxies[0].name}, crls: []string{"http://nowhere.example.test/a.crl"}}.of(t, ca)
	w.proxies[0].show(c)
	w.sbc.Reset()
	w.call(func(c *sipua.Call) { on = c.Proxy(); w.answer(c) })
	if on != w.proxies[0].name {
		t.Errorf("the call comes to %q", on)
	}
}
