package referencesbc

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/scenarios"
	"byocheck/simulator/sdp"
	"byocheck/simulator/sipua"
)

// conduct is what tells the mutants apart from outside.
type conduct struct {
	takesOtherName    bool // a proxy whose certificate names another host
	takesOtherRoot    bool
	takesExpired      bool
	takesCalls        bool // connections as the cloud makes them, without a certificate of its own
	takesWithOne      bool // the same, with one
	offers            string
	callsThere        bool // a call to the cloud is answered
	answersSecurely   bool // a call from the cloud is answered with RTP/SAVP
	failsOver         bool
	quick             bool // its handshake
	presents          int  // certificates
	isNamed           bool // as the trunk names it
	signsItself       bool // its own certificate
	lasts             bool // its certificate, for a year
	takesSIPS         bool
	passesBYE         bool
	passesCancel      bool
	sni               string
	namesProxyByName  bool // in the Request-URI
	keepsTrunkInURI   bool
	resolvesByItsName bool // through DNS
}

const slow = 600 * time.Millisecond

func observe(t *testing.T, m Mutant) (c conduct) {
	fresh := func() *world {
		return build(t, func(s *SBC) {
			s.Mutant, s.Timers.Slow = m, slow
			own := shown{dns: []string{"sbc.customer.test"}, days: 365}
			if m == WrongName {
				own.dns = []string{"other.test"}
			}
			if m == ExpiresSoon {
				own.days = 10
			}
			s.Certificate = own.chain(t)
		})
	}
	takes := func(s shown) bool {
		w := fresh()
		for _, p := range w.proxies {
			p.show(s.chain(t))
		}
		came := false
		w.call(func(c *sipua.Call) { came = true; w.answer(c) })
		return came
	}
	names := []string{"lb01.voice.example.test", "lb02.voice.example.test", "lb03.voice.example.test", "lb04.voice.example.test"}
	c.takesOtherName = takes(shown{dns: []string{"other.test"}})
	c.takesOtherRoot = takes(shown{dns: names, under: "other root"})
	c.takesExpired = takes(shown{dns: names, days: -1})

	w := fresh()
	var in *sipua.Call
	status := w.call(func(call *sipua.Call) { in = call; w.answer(call) })
	c.callsThere = status == 200
	if in != nil {
		offer, err := sdp.Read(in.Invite.Body())
		must(t, err)
		c.offers = offer[0].Profile
		uri := in.Invite.Recipient
		c.namesProxyByName = uri.Host == names[0]
		c.keepsTrunkInURI = uri.User == toCloud+";tgrp=lab;trunk-context=byoc.example.test"
	}
	c.sni = w.proxies[0].hello().ServerName
	w.region.mu.Lock()
	c.resolvesByItsName = w.region.asked > 0
	w.region.mu.Unlock()

	begin := time.Now()
	f, err := w.dial()
	c.quick = time.Since(begin) < slow
	if err == nil { // TLS 1.2: the server has seen our empty Certificate before its Finished
		go func(w *world) {
			select {
			case call := <-w.atTrunk:
				w.carrier.Answer(call)
			case <-t.Context().Done():
			}
		}(w)
		call, err := w.cloud.Agent.Call(f, sipua.Invitation{To: toCarrier, From: from, Host: "sbc.customer.test", SDP: offerOf("RTP/SAVP", goodCrypto)})
		if err == nil && call.Wait(bounded(t)) == nil {
			answer, err := sdp.Read(call.Remote())
			must(t, err)
			c.answersSecurely = answer[0].Profile == "RTP/SAVP" && len(answer[0].Crypto) == 1
		}
	}
	c.takesCalls = err == nil
	if conn, err := tls.Dial("tcp", w.sbc.TLSAddr().String(), withCertificate(t)); err == nil {
		c.takesWithOne = true
		conn.Close()
	}
	if c.presents = len(w.presented); c.presents > 0 {
		leaf := w.presented[0]
		c.isNamed = leaf.VerifyHostname("sbc.customer.test") == nil
		c.signsItself = selfSigned(leaf)
		c.lasts = time.Until(leaf.NotAfter) > 300*24*time.Hour
	}
	c.takesSIPS = takesSIPS(t, fresh())
	c.passesBYE, c.passesCancel = in != nil && passesBYE(t, fresh()), in != nil && passesCancel(t, fresh())

	w = fresh()
	w.proxies[0].set(refusing)
	w.call(func(call *sipua.Call) {
		c.failsOver = true
		call.Reject(404, "Not Found")
	})
	return c
}

// soon reports whether a call ends within a time in which all that happens on
// loopback has happened.
func soon(c *sipua.Call) bool {
	select {
	case <-c.Done():
		return true
	case <-time.After(time.Second):
		return false
	}
}

func takesSIPS(t *testing.T, w *world) bool {
	f, err := w.dial()
	if err != nil {
		return false
	}
	go func() {
		select {
		case call := <-w.atTrunk:
			w.carrier.Answer(call)
		case <-t.Context().Done():
		}
	}()
	c, err := w.cloud.Agent.Call(f, sipua.Invitation{To: toCarrier, From: from, Host: "sbc.customer.test", Scheme: "sips", SDP: offerOf("RTP/SAVP", goodCrypto)})
	return err == nil && c.Wait(bounded(t)) == nil
}

// passesBYE calls the cloud; the carrier hangs up. The call need not have audio.
func passesBYE(t *testing.T, w *world) bool {
	w.cloud.Secure = w.sbc.Mutant != SendsPlainRTP // a cloud that takes its calls
	there := make(chan *sipua.Call, 1)
	go func() {
		c := w.expect(w.atCloud)
		w.cloud.Answer(c)
		there <- c
	}()
	here, err := reach(bounded(t), &w.carrier, w.toSBC(), toCloud)
	must(t, err)
	must(t, here.HangUp(bounded(t)))
	return soon(<-there)
}

func passesCancel(t *testing.T, w *world) bool {
	here, err := w.carrier.Agent.Call(w.toSBC(), sipua.Invitation{To: toCloud, From: from, Host: "x.test", SDP: offerOf("RTP/AVP")})
	must(t, err)
	there := w.expect(w.atCloud)
	must(t, there.Ring(180, nil))
	must(t, here.HangUp(bounded(t)))
	return soon(there)
}

func TestMutantsDifferByOneDefect(t *testing.T) {
	correct := conduct{offers: "RTP/SAVP", callsThere: true, takesCalls: true, takesWithOne: true, answersSecurely: true, failsOver: true, quick: true, presents: 2, isNamed: true, lasts: true, takesSIPS: true, passesBYE: true, passesCancel: true,
		sni: "lb01.voice.example.test", namesProxyByName: true, keepsTrunkInURI: true, resolvesByItsName: true}
	// They differ in what other tests show them: certificates, and handshakes.
	elsewhere := func(*conduct) {}
	// They differ in what they are given.
	outside := func(*conduct) {}
	// No proxy is good enough for it.
	callsNobody := func(c *conduct) {
		c.offers, c.callsThere, c.failsOver, c.passesBYE, c.passesCancel, c.namesProxyByName, c.keepsTrunkInURI = "", false, false, false, false, false, false
	}
	// It takes connections, and no calls.
	answersNobody := func(c *conduct) { c.answersSecurely, c.takesSIPS = false, false }
	differs := map[Mutant]func(*conduct){
		Control:            func(*conduct) {},
		SkipsHostNameCheck: func(c *conduct) { c.takesOtherName = true },
		TrustsAnything:     func(c *conduct) { c.takesOtherRoot = true },
		// No connection, so no call either.
		RequiresClientCertificate: func(c *conduct) {
			c.takesCalls, c.answersSecurely, c.takesSIPS, c.presents, c.isNamed, c.lasts = false, false, false, 0, false, false
		},
		NoP384: func(c *conduct) {
			c.takesCalls, c.takesWithOne, c.answersSecurely, c.takesSIPS, c.presents, c.isNamed, c.lasts = false, false, false, false, 0, false, false
		},
		// The cloud refuses what it offers.
		SendsPlainRTP:       func(c *conduct) { c.offers, c.callsThere, c.answersSecurely = "RTP/AVP", false, false },
		NoFailover:          func(c *conduct) { c.failsOver = false },
		SlowHandshake:       func(c *conduct) { c.quick = false },
		DialsIP:             func(c *conduct) { c.sni, c.namesProxyByName = "", false },
		SendsNoIntermediate: func(c *conduct) { c.presents = 1 },
		WrongName:           func(c *conduct) { c.isNamed = false },
		SwallowsBYE:         func(c *conduct) { c.passesBYE = false },
		IgnoresCancel:       func(c *conduct) { c.passesCancel = false },
		RefusesSIPS:         func(c *conduct) { c.takesSIPS = false },
		SelfSigned:          func(c *conduct) { c.presents, c.signsItself = 1, true },
		ExpiresSoon:         func(c *conduct) { c.lasts = false },
		AcceptsExpired:      func(c *conduct) { c.takesExpired = true },
		CNOnly:              callsNobody,
		// The proxies are crypto/tls, which has neither what it offers nor signs like that.
		CBCSHA2Only: callsNobody, OffersSHA1Only: callsNobody,
		TLS13Only: func(c *conduct) {
			callsNobody(c)
			answersNobody(c)
			c.takesCalls, c.takesWithOne, c.presents, c.isNamed, c.lasts = false, false, 0, false, false
		},
		NoFailoverOnTimeout:           func(c *conduct) { c.failsOver = false },
		RequiresClientCertificateLate: answersNobody, ReusesPeerConnectionOnly: answersNobody,
		AcceptsNotYetValid: elsewhere, AcceptsIPSAN: elsewhere, IgnoresCRL: elsewhere, IgnoresOCSP: elsewhere,
		AcceptsRevokedIntermediate: elsewhere, PinsLeaf: elsewhere, PinsIntermediate: elsewhere,
		EVRootOnly: outside, TrustsCloudRootsOnly: outside, PresentsExpired: outside, PresentsRevoked: outside,
		PresentsClientEKU: outside, PresentsSHA1: outside, NoEVRoot: outside, PresentsIPOnly: outside, PresentsRSA1024: outside,
		RefusesSuperfluousRoot: elsewhere, RefusesURISANBeside: elsewhere, RefusesClientAuthEKU: elsewhere, RefusesExpiringSoon: elsewhere,
		RefusesBigKeys: elsewhere, ComparesCase: elsewhere, KeepsWrongCertificate: elsewhere, NeedsSNI: elsewhere, SlowUnderLoad: elsewhere,
		OffersNoP384: elsewhere, OffersOldVersions: elsewhere, OffersRC4: elsewhere, OffersBrokenSuite: elsewhere,
		FallsBackToTCP: elsewhere, FallsBackToUDP: elsewhere, TLS10Accepted: elsewhere, TakesNullCipher: elsewhere, Takes3DES: elsewhere, Compresses: elsewhere,
		ChokesOnFragments: elsewhere, NeedsOneMessageARecord: elsewhere, EndsOnEmptyRecord: elsewhere, DislikesSmallSegments: elsewhere,
	}
	for m := range lacks {
		differs[m] = elsewhere
	}
	for _, m := range Mutants() {
		t.Run(string(m.Mutant), func(t *testing.T) {
			if err := m.Mutant.buildable(); err != nil {
				t.Skip("not run: ", err) // TestNullCipher is strict about that
			}
			want := correct
			differ, ok := differs[m.Mutant]
			if !ok {
				t.Fatal("no one knows how it differs")
			}
			differ(&want)
			if got := observe(t, m.Mutant); got != want {
				t.Errorf("it is seen to be\n%+v, not\n%+v", got, want)
			}
		})
	}
}

// The Request-URI of dials-ip has the address that DNS gave.
func TestDialsIPNamesTheAddress(t *testing.T) {
	w := build(t, func(s *SBC) { s.Mutant = DialsIP })
	var host string
	w.call(func(c *sipua.Call) { host = c.Invite.Recipient.Host; w.answer(c) })
	if a, err := netip.ParseAddr(host); err != nil || a.String() != "127.0.41.1" {
		t.Errorf("the Request-URI's host is %q", host)
	}
}

// What sends-plain-rtp sends to the cloud can be heard without a key.
func TestPlainRTPIsHeard(t *testing.T) {
	w, ctx := build(t, func(s *SBC) { s.Mutant = SendsPlainRTP }), bounded(t)
	w.cloud.Secure = false // a cloud that would take it
	heard := make(chan error, 1)
	go func() {
		l, err := w.cloud.Answer(w.expect(w.atCloud))
		if err == nil {
			err = l.WaitHeard(ctx, blocks)
		}
		heard <- err
	}()
	here, err := reach(ctx, &w.carrier, w.toSBC(), toCloud)
	must(t, err)
	must(t, <-heard)
	must(t, here.WaitHeard(ctx, blocks))
	must(t, here.HangUp(ctx))
}

// withCertificate is the configuration of a caller that has a certificate.
func withCertificate(t *testing.T) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384},
		Certificates: []tls.Certificate{shown{dns: []string{"lb01.voice.example.test"}}.chain(t)}}
}

// A client certificate of any kind satisfies requires-client-certificate, as it
// does a device that demands one.
func TestClientCertificateIsTaken(t *testing.T) {
	w := build(t, func(s *SBC) { s.Mutant = RequiresClientCertificate })
	if _, err := w.dial(); err == nil {
		t.Error("a caller without a certificate is taken")
	}
	conn, err := tls.Dial("tcp", w.sbc.TLSAddr().String(), withCertificate(t))
	must(t, err)
	conn.Close()
}

func TestMutants(t *testing.T) {
	all := Mutants()
	if all[0].Mutant != Control || all[0].Kills != nil {
		t.Errorf("the first is %+v, not the control", all[0])
	}
	var seen []Mutant
	for _, m := range all {
		if slices.Contains(seen, m.Mutant) || m.Mutant != Mutant(strings.ToLower(string(m.Mutant))) {
			t.Errorf("%q is there twice, or not in lower case", m.Mutant)
		}
		seen = append(seen, m.Mutant)
		if !strings.HasSuffix(m.Sentence, ".") {
			t.Errorf("%s: %q is no sentence", m.Mutant, m.Sentence)
		}
		for _, id := range slices.Concat(m.Kills, m.Hinders) {
			if _, ok := scenarios.Find(id); !ok {
				t.Errorf("%s names the scenario %s, which does not exist", m.Mutant, id)
			}
		}
	}
	all[1].Kills[0] = "changed"
	if Mutants()[1].Kills[0] == "changed" {
		t.Error("the list can be changed from outside")
	}
}
