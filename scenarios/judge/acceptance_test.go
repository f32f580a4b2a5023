package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// shownCases are what a device may make of a certificate, by outcome: unclear is
// inconclusive for every judge.
func shownCases() []struct {
	name  string
	c     Case
	o     outcome
	says  []string
	shows []string
} {
	through := device("lb01", handshake, sends("INVITE"))
	refusal := device("lb01", hello, alert("bad_certificate"))
	twice := func(first []step, second ...step) Case {
		return with(faulty(first...), func(c *Case) { c.Attempts = append(c.Attempts, attempt("fault-2", second...)) })
	}
	return []struct {
		name  string
		c     Case
		o     outcome
		says  []string
		shows []string
	}{
		{"SIP over it", faulty(through), accepted, []string{"completed the handshake with lb01", "SIP INVITE"}, []string{"tls.record"}},
		{"a response over it", faulty(device("lb03", handshake, answers(200))), accepted, []string{"with lb03", "SIP OPTIONS"}, nil},
		{"SIP, then ended by the device", faulty(device("lb01", handshake, sends("OPTIONS"), fin)), accepted, nil, nil},
		{"SIP, then cut by us", faulty(device("lb01", handshake, sends("OPTIONS"), swapped)), accepted, nil, nil},
		{"a probe, then SIP", faulty(device("lb02", fin), through), accepted, nil, nil},
		{"one proxy cut by us, SIP to the next", faulty(device("lb02", hello, cut), through), accepted, []string{"with lb01"}, nil},
		{"SIP before the recording was truncated", faulty(through, flooded), accepted, nil, nil},
		{"not tried at first, then SIP", twice(nil, through), accepted, nil, nil},
		{"refused at first, then SIP", twice([]step{refusal}, through), accepted, nil, nil},

		{"refused by alert", faulty(refusal), refused, []string{"the connection to lb01 (alert bad_certificate during the handshake)"}, []string{"tls.alert"}},
		{"refused by all", faulty(refusal, device("lb02", hello, rst, failed)), refused, []string{"lb01"}, nil},
		{"refused by FIN", faulty(device("lb04", hello, fin, failed)), refused, []string{"lb04 (FIN during"}, []string{"tcp.closed"}},
		{"refused after the handshake", faulty(device("lb01", handshake, sealedAlert("certificate_unknown"))), refused, []string{"alert certificate_unknown after the handshake"}, nil},
		{"refused by close_notify after the handshake", faulty(device("lb01", handshake, sealedAlert("close_notify"))), refused, []string{"close_notify after"}, nil},
		{"refused, SIP on the former profile's connection only", faulty(earlier(through), refusal), refused, nil, nil},
		{"refused beside a foreign peer", faulty(foreign, refusal), refused, nil, nil},
		{"not tried at first, then refused", twice([]step{dnsQuery}, refusal), refused, nil, nil},

		{"device idle", faulty(), unclear, []string{"did not try", "Nothing of the device", "device.recovery"}, nil},
		{"bare TCP only", faulty(device("lb01", fin)), unclear, []string{"did not try", "began no TLS handshake"}, nil},
		{"SIP on the former profile's connection only", faulty(earlier(through)), unclear, []string{"did not try"}, nil},
		{"SIP on a connection whose beginning was not recorded", faulty(standing(sends("OPTIONS"))), unclear, []string{"did not try"}, nil},
		{"only the cloud's own connection", faulty(dial(shakes(20*time.Millisecond), answers(200))), unclear, []string{"did not try"}, nil},
		{"cut by our deadline", faulty(device("lb01", hello, cut)), unclear, []string{"We could not go on", "500ms"}, []string{"tls.handshake-failed"}},
		{"no suite in common", faulty(device("lb01", hello, ourAlert, fin)), unclear, []string{"We could not go on", "no cipher suite in common"}, []string{"tls.handshake-failed"}},
		{"refused on one proxy, cut on another", faulty(refusal, device("lb02", handshake, swapped)), unclear, []string{"to lb02 neither came through"}, []string{"tcp.accepted"}},
		{"stalled in the handshake", faulty(device("lb01", hello)), unclear, []string{"neither came through nor was ended"}, nil},
		{"idle after the handshake", faulty(device("lb01", handshake)), unclear, []string{"neither came through nor was ended"}, nil},
		{"idle after the handshake, ended long after", faulty(device("lb01", handshake, after(30*time.Second), fin)), unclear, []string{"only 30 s after the handshake"}, []string{"tcp.closed"}},
		{"octets that are no SIP", faulty(device("lb01", handshake, octets)), unclear, []string{"octets to lb01 that are no SIP"}, []string{"tls.record"}},
		{"octets that are no SIP, then ended", faulty(device("lb01", handshake, octets, fin)), unclear, []string{"octets to lb01 that are no SIP"}, nil},
		{"a warning only", faulty(device("lb01", hello, warning)), unclear, nil, nil},
		{"refused, the recording truncated", faulty(refusal, flooded), unclear, []string{"17 could not be kept"}, nil},
		{"truncated at first, then refused", twice([]step{flooded}, refusal), unclear, []string{"17 could not be kept"}, nil},
		{"cut at first, then refused", twice([]step{device("lb01", hello, cut)}, refusal), unclear, []string{"We could not go on"}, nil},

		{"control refused too", with(faulty(through), func(c *Case) { c.Control = []record.Attempt{attempt("control", refusal)} }), unclear, []string{"control did not succeed", "bad_certificate"}, nil},
		{"control idle", with(faulty(refusal), func(c *Case) { c.Control = []record.Attempt{attempt("control")} }), unclear, []string{"control did not succeed", "Nothing of the device"}, nil},
		{"control without SIP", with(faulty(refusal), func(c *Case) { c.Control = []record.Attempt{attempt("control", device("lb01", handshake, octets))} }), unclear, []string{"did not come through either"}, nil},
	}
}

// shownAs are shownCases with a judge's verdicts on what was accepted and refused.
func shownAs(onAccepted, onRefused Status) (out []expected) {
	for _, x := range shownCases() {
		status := map[outcome]Status{accepted: onAccepted, refused: onRefused, unclear: Inconclusive}[x.o]
		out = append(out, expected{x.name, x.c, status, x.says, x.shows})
	}
	return append(out, expected{"no control", with(faulty(), func(c *Case) { c.Control = nil }), Error, []string{"no control"}, nil})
}

func acceptanceCases() []expected {
	return append(shownAs(Pass, Fail), []expected{
		{"refused as unknown", faulty(device("lb01", hello, alert("unknown_ca"))), Fail, []string{"With what the control showed it came through", "trust the root alone"}, nil},
		{"refused as unknown, under another root", faulty(func(w *wire) {
			w.emit(link{}, record.Profile{Name: "healthy under global-g2", Generation: w.generation})
		}, device("lb01", hello, alert("unknown_ca"))), Fail, []string{"byocheck certs export"}, nil},
		{"refused as expired", faulty(device("lb01", hello, alert("certificate_expired"))), Fail, []string{"check its clock"}, nil},
	}...)
}

func toldCases() []expected { return shownAs(Pass, Pass) }

// TestToldSays: what a device does is told, with the readings beside it.
func TestToldSays(t *testing.T) {
	const readings = "accept: one source; refuse: another"
	for want, s := range map[string]step{
		"The device accepts: it completed the handshake with lb01 and sent SIP OPTIONS.":                                                           came("lb01"),
		"The device refuses: it ended the connection to lb01 (alert unknown_ca during the handshake), and with the fault removed it came through.": device("lb01", hello, alert("unknown_ca")),
	} {
		v := Told(with(faulty(s), func(c *Case) { c.Readings = readings }))
		if v.Observed != want || !strings.HasSuffix(v.Expected, readings) {
			t.Errorf("observed %q, expected %q; want %q", v.Observed, v.Expected, want)
		}
	}
}

// TestMixedIsTold: a device that refuses on one proxy what it takes on another is
// not simply one that accepts.
func TestMixedIsTold(t *testing.T) {
	for name, judge := range map[string]func(Case) Verdict{"Acceptance": Acceptance, "Told": Told} {
		both := judge(faulty(device("lb02", hello, alert("unknown_ca")), device("lb03", hello, cut), came("lb01")))
		if both.Status != Pass || !slices.Contains(both.Witnesses, "it also ended 1 connection(s) without SIP: lb02, alert unknown_ca during the handshake") {
			t.Errorf("%s: %s, witnesses %q", name, both.Status, both.Witnesses)
		}
		if alone := judge(faulty(came("lb01"))); len(alone.Witnesses) > 0 {
			t.Errorf("%s: witnesses %q", name, alone.Witnesses)
		}
	}
}

func ecdsaCases() []expected {
	rsa, ecdsa := []uint16{0xc030, 0x009d}, []uint16{0xc030, 0xc02c}
	without := device("lb01", greets(rsa, nil), ourAlert, fin)
	cases := slices.DeleteFunc(shownAs(Pass, Pass), func(x expected) bool {
		// These have a device without the suites, of which more can be said.
		return slices.Contains([]string{"cut by our deadline", "no suite in common", "stalled in the handshake", "a warning only", "cut at first, then refused"}, x.name)
	})
	return append(cases, []expected{
		{"no suite for it", faulty(without), Pass, []string{"offers no suite", "authenticated by RSA"}, nil},
		{"no suite for it, ended by the device", faulty(device("lb01", greets(rsa, nil), fin, failed)), Pass, []string{"The device refuses"}, nil},
		{"no suite for it on any of two", faulty(without, device("lb02", greets(rsa, nil), ourAlert)), Pass, []string{"offers no suite"}, nil},
		{"not tried at first, then no suite for it", with(faulty(), func(c *Case) { c.Attempts = append(c.Attempts, attempt("fault-2", without)) }), Pass, []string{"offers no suite"}, nil},
		{"used", faulty(device("lb01", greets(ecdsa, nil), ends, sends("OPTIONS"))), Pass, []string{"The device accepts"}, nil},
		{"a suite for it, but no group", faulty(device("lb01", greets(ecdsa, nil), ourAlert)), Inconclusive, []string{"no cipher suite in common"}, nil},
		{"a suite for it, stalled", faulty(device("lb01", greets(ecdsa, nil))), Inconclusive, []string{"neither came through"}, nil},
		{"no suite for it on one connection, one on the next", faulty(without, device("lb02", greets(ecdsa, nil), ourAlert)), Inconclusive, []string{"We could not go on"}, nil},
		{"no suite for it on one connection, a handshake on the next", faulty(without, device("lb02", handshake)), Inconclusive, nil, nil},
		{"no suite for it, the recording truncated", faulty(without, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"no suite for it, the control failed", with(faulty(without), func(c *Case) { c.Control = []record.Attempt{attempt("control", without)} }), Inconclusive, []string{"control did not succeed"}, nil},
		{"no suite for it, declared absent", with(faulty(without, device("lb02", handshake, sends("INVITE"))), declare(CallsToCloud)), Inconclusive, []string{"was seen using it"}, nil},
		{"no suite for it in the run so far, seen to call before", with(faulty(without, earlier(device("lb02", handshake, sends("INVITE")))), declare(CallsToCloud)), Inconclusive, []string{"was seen using it"}, nil},
	}...)
}

func throughoutCases() []expected {
	return append(acceptanceCases(), []expected{
		{"ended after its first message", faulty(device("lb01", handshake, sends("INVITE"), fin)), Fail, []string{"then ended the connection", "FIN after the handshake"}, nil},
		{"ended after its second message", faulty(device("lb01", handshake, sends("INVITE"), sends("ACK"), fin)), Pass, nil, nil},
	}...)
}
