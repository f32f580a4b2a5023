package referencesbc

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

func TestStartSaysWhatIsMissing(t *testing.T) {
	good := func() *SBC {
		return &SBC{Carrier: listenerAddr, Certificate: shown{dns: []string{"sbc.test"}}.chain(t), Roots: trusted(t), Proxies: []string{"lb01.test"}, Resolver: listenerAddr}
	}
	for _, tt := range []struct {
		name, want string
		change     func(*SBC)
	}{
		{"carrier", "Carrier", func(s *SBC) { s.Carrier = netip.AddrPort{} }},
		{"certificate", "Certificate", func(s *SBC) { s.Certificate = tls.Certificate{} }},
		{"roots", "Roots", func(s *SBC) { s.Roots = nil }},
		{"proxies", "Proxies", func(s *SBC) { s.Proxies = nil }},
		{"resolver", "Resolver", func(s *SBC) { s.Resolver = netip.AddrPort{} }},
		{"mutant", "no mutant is called", func(s *SBC) { s.Mutant = "eats-packets" }},
		{"TLS port", "TLS port", func(s *SBC) { s.TLS = netip.MustParseAddrPort("192.0.2.1:1") }},
		{"UDP port", "UDP port", func(s *SBC) { s.UDP = netip.MustParseAddrPort("192.0.2.1:1") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := good()
			tt.change(s)
			if err := s.Start(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
			must(t, s.Close())
		})
	}
	s := good()
	must(t, s.Start())
	if !s.TLSAddr().IsValid() || s.TLSAddr().Port() == 0 || s.UDPAddr().Port() == 0 {
		t.Errorf("it listens on %s and %s", s.TLSAddr(), s.UDPAddr())
	}
	if err := s.Start(); err == nil {
		t.Error("it can be started twice")
	}
	must(t, s.Close())
	must(t, s.Close())
	must(t, (&SBC{}).Close())
}

// The server takes each of the six suites, P-384 alone, and TLS 1.2 alone.
func TestServerPolicy(t *testing.T) {
	w := build(t, nil)
	try := func(c *tls.Config) (tls.ConnectionState, error) {
		c.ServerName, c.RootCAs = "sbc.customer.test", trusted(t)
		conn, err := tls.Dial("tcp", w.sbc.TLSAddr().String(), c)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	for _, suite := range suites {
		state, err := try(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}, CurvePreferences: curves})
		if err != nil || state.CipherSuite != suite || len(state.PeerCertificates) != 2 {
			t.Errorf("%s: %v with %d certificates", tls.CipherSuiteName(suite), err, len(state.PeerCertificates))
		}
	}
	for name, c := range map[string]*tls.Config{
		"TLS 1.3":       {MinVersion: tls.VersionTLS13},
		"TLS 1.1":       {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"P-256":         {MaxVersion: tls.VersionTLS12, CipherSuites: suites[:3], CurvePreferences: []tls.CurveID{tls.CurveP256}},
		"another suite": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}, CurvePreferences: curves},
	} {
		if _, err := try(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	waitFor(t, func() []byte { // connections that have ended are forgotten
		w.sbc.mu.Lock()
		defer w.sbc.mu.Unlock()
		return make([]byte, max(0, 1-len(w.sbc.conns)))
	})
}

// What it offers as a client is as narrow.
func TestClientPolicy(t *testing.T) {
	w := build(t, nil)
	w.call(w.answer)
	h := w.proxies[0].hello()
	if len(h.SupportedVersions) != 1 || h.SupportedVersions[0] != tls.VersionTLS12 {
		t.Errorf("versions %v", h.SupportedVersions)
	}
	if len(h.SupportedCurves) != 1 || h.SupportedCurves[0] != tls.CurveP384 {
		t.Errorf("curves %v", h.SupportedCurves)
	}
	if len(h.CipherSuites) != len(suites) {
		t.Errorf("suites %v", h.CipherSuites)
	}
}

func TestOptions(t *testing.T) {
	w, ctx := build(t, nil), bounded(t)
	f, err := w.dial()
	must(t, err)
	for name, ask := range map[string]func() (*sip.Response, error){
		"cloud":   func() (*sip.Response, error) { return w.cloud.Agent.Ask(ctx, f, sip.OPTIONS, "sbc.customer.test") },
		"carrier": func() (*sip.Response, error) { return w.carrier.Agent.Ask(ctx, w.toSBC(), sip.OPTIONS, "sbc") },
	} {
		if r, err := ask(); err != nil || r.StatusCode != 200 {
			t.Errorf("OPTIONS of the %s: %v, %v", name, r, err)
		}
	}
}

// A good answer to OPTIONS brings a proxy back before its time, a bad one keeps
// calls from it.
func TestKeepAlive(t *testing.T) {
	w := build(t, func(s *SBC) { s.Timers.Options = 20 * time.Millisecond })
	down := func(p *proxy) func() []byte {
		return func() []byte {
			p.mu.Lock()
			defer p.mu.Unlock()
			if time.Now().Before(p.down) {
				return []byte("down")
			}
			return nil
		}
	}
	lb01 := w.sbc.proxies[0]
	w.proxies[0].set(refusing)
	w.proxies[0].hangUp()
	waitFor(t, down(lb01))
	var on string
	w.call(func(c *sipua.Call) { on = c.Proxy(); w.answer(c) })
	if on != w.proxies[1].name {
		t.Errorf("the call comes to %q, not lb02", on)
	}
	w.proxies[0].set(listening)
	waitFor(t, func() []byte {
		if len(down(lb01)()) == 0 {
			return []byte("up")
		}
		return nil
	})
}

// Close ends what is up, tells both sides, and leaves nothing running.
func TestClose(t *testing.T) {
	tests := []struct {
		name string
		busy func(t *testing.T, w *world) (ends []*sipua.Call)
	}{
		{"idle", func(*testing.T, *world) []*sipua.Call { return nil }},
		{"in a call", func(t *testing.T, w *world) []*sipua.Call {
			there := make(chan *sipua.Call, 1)
			go func() {
				c := w.expect(w.atCloud)
				w.cloud.Answer(c)
				there <- c
			}()
			here, err := reach(bounded(t), &w.carrier, w.toSBC(), toCloud)
			must(t, err)
			return []*sipua.Call{here.Call, <-there}
		}},
		{"while it rings", func(t *testing.T, w *world) []*sipua.Call {
			here, err := w.carrier.Agent.Call(w.toSBC(), sipua.Invitation{To: toCloud, From: from, Host: "x.test", SDP: offerOf("RTP/AVP")})
			must(t, err)
			there := w.expect(w.atCloud)
			must(t, there.Ring(180, nil))
			return []*sipua.Call{here, there}
		}},
		{"while a proxy is silent", func(t *testing.T, w *world) []*sipua.Call {
			w.proxies[0].set(noHandshake)
			here, err := w.carrier.Agent.Call(w.toSBC(), sipua.Invitation{To: toCloud, From: from, Host: "x.test", SDP: offerOf("RTP/AVP")})
			must(t, err)
			waitFor(t, func() []byte { return make([]byte, w.proxies[0].tried()) })
			return []*sipua.Call{here}
		}},
		{"while a caller does no handshake", func(t *testing.T, w *world) []*sipua.Call {
			c, err := net.Dial("tcp", w.sbc.TLSAddr().String())
			must(t, err)
			t.Cleanup(func() { c.Close() })
			return nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// What the fakes run is not the SBC's: they are all ended before counting.
			before := runtime.NumGoroutine()
			t.Run("", func(t *testing.T) {
				w := build(t, nil)
				ends := tt.busy(t, w)
				begin := time.Now()
				must(t, w.sbc.Close())
				if d := time.Since(begin); d > 4*time.Second {
					t.Errorf("Close took %v", d)
				}
				for _, c := range ends {
					over(t, c)
				}
			})
			settled(t, before)
		})
	}
}

// What a hostile caller sends ends its connection, and nothing else.
func TestHostileCallers(t *testing.T) {
	w := build(t, nil)
	garbage := [][]byte{
		[]byte("\x16\x03\x01\xff\xff not a ClientHello"),
		[]byte("INVITE sip:x SIP/2.0\r\n\r\n"),
	}
	for _, b := range garbage {
		c, err := net.Dial("tcp", w.sbc.TLSAddr().String())
		must(t, err)
		c.Write(b)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		for err == nil { // until the SBC hangs up
			_, err = c.Read(make([]byte, 1024))
		}
		c.Close()
		u, err := net.Dial("udp", w.sbc.UDPAddr().String())
		must(t, err)
		u.Write(b)
		u.Close()
	}
	for name, user := range map[string]string{"parameters only": ";tgrp=x", "percent": "%0d%0aVia", "long": strings.Repeat("9", 200)} {
		c, err := w.carrier.Agent.Call(w.toSBC(), sipua.Invitation{To: user, From: from, Host: "x.test", SDP: offerOf("RTP/AVP")})
		must(t, err)
		if err := c.Wait(bounded(t)); err == nil || c.Status() == 503 {
			t.Errorf("a number of %s: %v", name, err)
		}
	}
	if got := w.call(w.answer); got != 200 {
		t.Errorf("a good call gets %d after that", got)
	}
}

// A recorder that is not emptied would, in the end, tell nothing any more.
func TestRecorderIsEmptied(t *testing.T) {
	p := newParty(&sipua.Agent{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.forget(ctx) }()
	for range 10 {
		for range recorded {
			p.recorder.Emit(record.Origin{}, record.SIPMessage{Dir: record.In, Method: "OPTIONS"})
		}
		waitFor(t, func() []byte { return make([]byte, max(0, recorded-len(p.recorder.Since(0)))) })
	}
	cancel()
	<-done
}
