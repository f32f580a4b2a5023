package judge

import (
	"testing"

	"byocheck/simulator/record"
)

// replied is a probe with a whole first flight.
func replied(name string, version, suite uint16, change ...func(*record.TLSProbe)) step {
	p := record.TLSProbe{Name: name, Versions: []uint16{version}, Suites: []uint16{suite}, Complete: true, Version: version, Suite: suite, RenegotiationInfo: true}
	return probed(p, change...)
}

func probed(p record.TLSProbe, change ...func(*record.TLSProbe)) step {
	for _, x := range change {
		x(&p)
	}
	return func(w *wire) { w.emit(w.open("lb01"), p) }
}

var (
	ordinarily = replied("an ordinary ClientHello", 0x0303, 0xc030)
	noAnswer   = probed(record.TLSProbe{Name: "a quiet one", Error: "no answer within 5s"})
	byAlert    = probed(record.TLSProbe{Name: "one", Alert: "handshake_failure"})
	byFIN      = probed(record.TLSProbe{Name: "another", Closed: "fin"})
	halfway    = probed(record.TLSProbe{Name: "half", Version: 0x0303, Suite: 0x000a, Alert: "internal_error"})
)

// probing makes a case of probes between two ordinary ones.
func probing(all ...step) Case {
	return with(one(all...), func(c *Case) {
		c.Control = []record.Attempt{attempt("before", ordinarily), attempt("after", ordinarily)}
	})
}

// probeCases are alike for all judges of probes.
func probeCases(more ...expected) []expected {
	control := func(before, after step) Case {
		return with(probing(ordinarily), func(c *Case) {
			c.Control = []record.Attempt{attempt("before", before), attempt("after", after)}
		})
	}
	return append([]expected{
		{"no answer", probing(ordinarily, noAnswer), Inconclusive, []string{"neither took nor refused: a quiet one", "no answer within 5s"}, []string{"tls.probe"}},
		{"unreachable", probing(probed(record.TLSProbe{Name: "one", Error: "connection refused"})), Inconclusive, []string{"connection refused"}, nil},
		{"chosen, then ended", probing(halfway), Inconclusive, []string{"the alert internal_error, after it had chosen TLS 1.2 and TLS_RSA_WITH_3DES_EDE_CBC_SHA"}, nil},
		{"an end that says nothing", probing(probed(record.TLSProbe{Name: "one"})), Inconclusive, []string{"no whole answer."}, nil},
		{"nothing before", control(byAlert, ordinarily), Inconclusive, []string{"An ordinary ClientHello was not answered", "the alert handshake_failure"}, []string{"tls.probe"}},
		{"hung up on afterwards", control(ordinarily, byFIN), Inconclusive, []string{"would prove nothing", "ended the connection (FIN)", "how often one peer connects"}, nil},
		{"nothing recorded before", control(dnsQuery, ordinarily), Inconclusive, []string{"was not answered"}, nil},
		{"no probe", probing(dnsQuery), Error, []string{"holds no ClientHello"}, nil},
		{"no control", one(byAlert), Error, []string{"no control"}, nil},
	}, more...)
}

// none are the cases in which the device took nothing.
func refusingCases(says string, more ...expected) []expected {
	return probeCases(append([]expected{
		{"all refused", probing(byAlert, byFIN), Pass, []string{says}, nil},
		{"one refused, one without an answer", probing(byAlert, noAnswer), Inconclusive, []string{"a quiet one"}, nil},
	}, more...)...)
}

func oldServerCases() []expected {
	return refusingCases("took nothing of the kind", []expected{
		{"TLS 1.1 taken", probing(replied("TLS 1.1", 0x0302, 0xc014), byAlert), Fail, []string{"still speaks TLS 1.1,", "RFC 8996"}, []string{"tls.probe"}},
		{"TLS 1.0 as answer to 1.1, twice", probing(replied("TLS 1.1", 0x0301, 0xc014), replied("TLS 1.0", 0x0301, 0xc014)), Fail, []string{"still speaks TLS 1.0,"}, nil},
		{"SSL 3.0 taken", probing(byAlert, replied("SSL 3.0", 0x0300, 0x0035)), Fail, []string{"SSL 3.0"}, nil},
		{"taken, another without an answer", probing(noAnswer, replied("TLS 1.0", 0x0301, 0xc014)), Fail, []string{"TLS 1.0"}, nil},
		{"taken, the ordinary one refused", with(probing(replied("TLS 1.0", 0x0301, 0xc014)), func(c *Case) { c.Control = c.Control[:1]; c.Control[0] = attempt("before", byAlert) }), Fail, []string{"TLS 1.0"}, nil},
		{"TLS 1.2 in spite of the offer", probing(replied("TLS 1.1", 0x0303, 0xc014)), Pass, nil, nil},
	}...)
}

func weakServerCases() []expected {
	return refusingCases("took nothing of the kind", []expected{
		{"two taken", probing(replied("weak suites", 0x0303, 0x000a), replied("weak suites", 0x0303, 0x0002), byAlert), Fail, []string{"takes TLS_RSA_WITH_3DES_EDE_CBC_SHA, TLS_RSA_WITH_NULL_SHA.", "Remove the suites"}, []string{"tls.probe"}},
		{"another suite in spite of the offer", probing(ordinarily), Pass, nil, nil},
	}...)
}

func compressionCases() []expected {
	return refusingCases("refused the whole handshake", []expected{
		{"not chosen", probing(ordinarily), Pass, []string{"Offered compression, the device chose none."}, nil},
		{"chosen", probing(replied("compression", 0x0303, 0xc030, func(p *record.TLSProbe) { p.Compression = 1 })), Fail, []string{"chose compression (method 1)", "RFC 9325"}, []string{"tls.probe"}},
	}...)
}

func renegotiationCases() []expected {
	return probeCases([]expected{
		{"known", probing(ordinarily), Pass, []string{"answers with renegotiation_info"}, nil},
		{"not known", probing(replied("an ordinary ClientHello", 0x0303, 0xc030, func(p *record.TLSProbe) { p.RenegotiationInfo = false })), Fail, []string{"no renegotiation_info", "somebody may put octets"}, []string{"tls.probe"}},
		{"refused", probing(byAlert), Inconclusive, []string{"neither took nor refused: one.", "handshake_failure"}, nil},
		{"hung up on", probing(byFIN), Inconclusive, []string{"ended the connection (FIN)"}, nil},
	}...)
}

func tls12ServerCases() []expected {
	wrongVersion := func(w *wire, l link) {
		w.emit(l, in(22, 2))
		w.emit(l, out(21))
		w.emit(l, record.Alert{Dir: record.Out, Level: 2, Code: 70, Name: "protocol_version"})
		w.emit(l, record.HandshakeFailed{Error: "tls: server selected unsupported protocol version 301", By: record.Us})
	}
	return []expected{
		{"taken", one(dial(ourHello, flight, ourFlight, finished)), Pass, []string{"with TLS 1.2"}, []string{"tcp.dialled"}},
		{"taken at the second dial", one(notDialled("unreachable"), dial(ourHello, flight, ourFlight, finished)), Pass, nil, nil},
		{"refused", one(dial(ourHello, alert("protocol_version"))), Fail, []string{"alert protocol_version", "Enable TLS 1.2"}, []string{"tls.alert"}},
		{"answered in another version", one(dial(ourHello, wrongVersion)), Fail, []string{"chose another version", "Enable TLS 1.2"}, nil},
		{"refused for the suite", one(dial(ourHello, alert("handshake_failure"))), Inconclusive, []string{"was not seen"}, nil},
		{"our own alert about the version, without an answer", one(dial(ourHello, func(w *wire, l link) {
			w.emit(l, record.Alert{Dir: record.Out, Level: 2, Code: 70, Name: "protocol_version"})
		})), Inconclusive, []string{"was not seen"}, nil},
		{"hung up", one(dial(ourHello, fin, failed)), Inconclusive, []string{"was not seen", "EOF"}, nil},
		{"unreachable", one(notDialled("connection refused")), Inconclusive, []string{"connection refused"}, nil},
		{"only the device's connection", one(came("lb01")), Error, []string{"nothing was recorded"}, nil},
	}
}

func suiteTableCases() []expected {
	shaken := dial(ourHello, flight, ourFlight, finished)
	no := dial(ourHello, alert("handshake_failure"))
	named := func(first string, all ...step) Case {
		return with(tries(all...), func(c *Case) { c.Attempts[0].Name = first })
	}
	return []expected{
		{"all taken", tries(shaken), Pass, []string{"takes 3 of 3 suites: ECDHE_RSA_AES256_GCM, "}, []string{"tcp.dialled"}},
		{"a deprecated one taken", named("TLS_RSA_WITH_AES_256_CBC_SHA256", shaken, no), Pass, []string{"takes 1 of 3 suites: TLS_RSA_WITH_AES_256_CBC_SHA256 (deprecated). It refuses ECDHE_RSA_AES128_GCM, RSA_AES128_GCM."}, []string{"tls.alert"}},
		{"none taken", tries(no), Pass, []string{"takes 0 of 3 suites: none. It refuses"}, nil},
		{"one not measured", tries(shaken, no, dial(ourHello, cut)), Pass, []string{"Not measured: RSA_AES128_GCM."}, nil},
		{"one refused for something else", tries(dial(ourHello, alert("protocol_version")), no), Pass, []string{"Not measured: ECDHE_RSA_AES256_GCM."}, nil},
		{"none measured", tries(notDialled("unreachable: connection refused")), Inconclusive, []string{"No suite could be tried", "connection refused"}, nil},
		{"nothing recorded", tries(came("lb01")), Error, []string{"nothing was recorded"}, nil},
	}
}

// TestOfferedProbesAreCounted: how many ClientHellos a verdict rests on is kept.
func TestOfferedProbesAreCounted(t *testing.T) {
	if v := WeakSuitesRefused(probing(byAlert, byFIN)); len(v.Measurements) != 1 || v.Measurements[0].Value != 2 {
		t.Errorf("%+v", v.Measurements)
	}
}
