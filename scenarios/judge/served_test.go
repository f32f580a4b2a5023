package judge

import (
	"slices"
	"time"

	"byocheck/simulator/record"
)

// bare is an alert of ours after which the recording ends.
func bare(name string) act {
	return func(w *wire, l link) { w.emit(l, record.Alert{Dir: record.Out, Level: 2, Name: name}) }
}

// weEnd: we end the handshake, for this reason.
func weEnd(name, why string) act {
	return func(w *wire, l link) {
		w.emit(l, out(21))
		w.emit(l, record.Alert{Dir: record.Out, Level: 2, Name: name})
		w.emit(l, record.HandshakeFailed{Error: why, By: record.Us})
		w.emit(l, record.Closed{By: record.Us, How: "close", Reason: why})
	}
}

// shown is an attempt by name.
type shown struct {
	name string
	all  []step
}

// served makes a case of a control and the attempts that followed it.
func served(control step, attempts ...shown) Case {
	return with(faulty(), func(c *Case) {
		c.Control, c.Attempts = []record.Attempt{attempt("control", control)}, nil
		for _, x := range attempts {
			c.Attempts = append(c.Attempts, attempt(x.name, x.all...))
		}
	})
}

// controlOnly is what is handed to a judge where there was nothing to show.
func controlOnly(control step) Case { return served(control, shown{"control", []step{control}}) }

// controlCases are alike for all judges of these scenarios.
func controlCases(made func(Case) Case, more ...expected) []expected {
	refusal := device("lb01", hello, alert("unknown_ca"))
	return append([]expected{
		{"control refused", made(controlOnly(refusal)), Inconclusive, []string{"control did not succeed", "unknown_ca"}, nil},
		{"control without TLS 1.2", made(controlOnly(device("lb01", greeted(func(h *record.ClientHello) { h.Versions = []uint16{0x0304} }), weEnd("protocol_version", "tls: client offered only unsupported versions: [304]")))), Inconclusive, []string{"offers no TLS 1.2"}, nil},
		{"control idle", made(controlOnly(dnsQuery)), Inconclusive, []string{"control did not succeed"}, nil},
		{"no control", with(faulty(came("lb01")), func(c *Case) { c.Control = nil }), Error, []string{"no control"}, nil},
	}, more...)
}

func same(c Case) Case { return c }

func eachSuiteCases() []expected {
	const gcm, rsa = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_GCM_SHA256"
	works := []step{offering(nil)}
	refusal := []step{device("lb01", greeted(nil), alert("handshake_failure"))}
	curveless := []step{device("lb01", greeted(withGroups(29, 23)), weEnd("handshake_failure", "choosing a cipher suite: no curve"))}
	made := func(first, second []step) Case {
		return served(offering(nil), shown{gcm, first}, shown{rsa, second})
	}
	return controlCases(same, []expected{
		{"both work", made(works, works), Pass, []string{"(2): " + gcm + ", " + rsa}, []string{"tls.record"}},
		{"refused at first, then used", made([]step{refusal[0], works[0]}, works), Pass, nil, nil},
		{"one refused", made(works, refusal), Fail, []string{"offers " + rsa + ", but ends the connection", "Take the suite off"}, []string{"tls.alert"}},
		{"one refused, one not tried", made(nil, refusal), Fail, []string{"offers " + rsa}, nil},
		{"ECDHE without the curve", made(curveless, works), Warn, []string{gcm + ", but not the curve secp384r1", "came through on: " + rsa, "Enable the curve"}, []string{"tls.alert"}},
		{"ECDHE without the curve, the other refused", made(curveless, refusal), Fail, []string{"offers " + rsa}, nil},
		{"static RSA, ended by us", made(works, curveless), Inconclusive, []string{"On " + rsa + " no call came through", "We could not go on"}, nil},
		{"ECDHE with the curve, ended by us", made([]step{refusedUs(nil)}, works), Inconclusive, []string{"On " + gcm, "no cipher suite in common"}, nil},
		{"one not tried", made(works, nil), Inconclusive, []string{"On " + rsa + " no call came through: The device did not try."}, nil},
		{"one left standing", made(works, []step{device("lb01", greeted(nil))}), Inconclusive, []string{"neither came through nor was ended"}, nil},
		{"one refused, truncated", made(works, []step{refusal[0], flooded}), Inconclusive, []string{"17 could not be kept"}, nil},
		{"none offered", controlOnly(offering(withSuites(0xc02c))), Inconclusive, []string{"offers none of the specification's suites"}, nil},
	}...)
}

func scriptCases() []expected {
	took := device("lb02", greeted(nil), weEnd("handshake_failure", "playing: the client took what it must refuse: the suite"))
	unsuited := device("lb01", greeted(nil), weEnd("handshake_failure", "choosing a group: the ClientHello does not allow the script: it offers all"))
	refusal := device("lb01", hello, alert("illegal_parameter"))
	// What Refusal says, this says too, but what there is to do is not about certificates.
	cases := slices.DeleteFunc(refusalCases(), func(x expected) bool { return x.status == Fail })
	return append(cases, []expected{
		{"SIP over it", faulty(came("lb03")), Fail, []string{"SIP OPTIONS over the connection", "TLS software up to date"}, []string{"tls.record"}},
		{"octets over it", faulty(device("lb03", handshake, octets)), Fail, []string{"application data", "TLS software up to date"}, nil},
		{"it goes on where we cannot follow", faulty(took), Fail, []string{"went on with the handshake with lb02", "it must end such a handshake"}, []string{"tls.handshake-failed"}},
		{"it goes on with one proxy, refuses with another", faulty(refusal, took), Fail, []string{"with lb02"}, nil},
		{"it goes on, the recording truncated", faulty(took, flooded), Fail, []string{"with lb02"}, nil},
		{"it goes on, then ends the connection", faulty(device("lb02", greeted(nil), func(w *wire, l link) {
			w.emit(l, record.HandshakeFailed{Error: "remote error: took what it must refuse", By: record.Device})
		}, fin)), Pass, []string{"ended every connection itself"}, nil},
		{"not playable", faulty(unsuited, unsuited), NotApplicable, []string{"cannot be played to the device", "it offers all."}, nil},
		{"not playable, why not recorded for the last one", faulty(unsuited, device("lb02", greeted(nil), bare("handshake_failure"))), NotApplicable, []string{"it offers all."}, nil},
		{"ended by us, why not recorded", faulty(device("lb02", greeted(nil), bare("handshake_failure"))), Inconclusive, []string{"1 we had to end"}, nil},
		{"not tried at first, then not playable", with(faulty(), func(c *Case) { c.Attempts = append(c.Attempts, attempt("fault-2", unsuited)) }), NotApplicable, nil, nil},
		{"not playable with one proxy, refused with another", faulty(unsuited, refusal), Inconclusive, []string{"1 we had to end"}, nil},
		{"not playable, the recording truncated", faulty(unsuited, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"not playable, nor the control", with(faulty(unsuited), func(c *Case) { c.Control = []record.Attempt{attempt("control", unsuited)} }), Inconclusive, []string{"control did not succeed"}, nil},
		{"it goes on, but the control failed", with(faulty(took), func(c *Case) { c.Control = []record.Attempt{attempt("control", refusal)} }), Inconclusive, []string{"control did not succeed"}, nil},
		{"declared absent, seen to call, and once went on", with(faulty(took, offering(nil)), declare(CallsToCloud)), Inconclusive, []string{"was seen using it"}, nil},
		{"cut by our deadline once suited", faulty(device("lb01", greeted(nil), cut)), Inconclusive, []string{"1 we had to end"}, nil},
	}...)
}

func weakSuiteCases() []expected {
	const tripleDES, null, nullSHA256 = "healthy with TLS_RSA_WITH_3DES_EDE_CBC_SHA", "healthy with TLS_RSA_WITH_NULL_SHA", "healthy with TLS_RSA_WITH_NULL_SHA256"
	offers := func(weak ...uint16) step { return offering(withSuites(append(weak, usual...)...)) }
	takes := []step{came("lb01")}
	refuses := []step{device("lb01", hello, alert("handshake_failure"))}
	our := []step{refusedUs(withGroups(29))}
	return controlCases(func(c Case) Case { return c }, []expected{
		{"none offered", controlOnly(offers()), Pass, []string{"offers no weak suite"}, nil},
		{"offered and refused", served(offers(0x000a), shown{tripleDES, refuses}), Pass, []string{"took none of it: TLS_RSA_WITH_3DES_EDE_CBC_SHA."}, []string{"tls.alert"}},
		{"two offered, both refused", served(offers(0x0002, 0x003b), shown{null, refuses}, shown{nullSHA256, refuses}), Pass, nil, nil},
		{"offered and taken", served(offers(0x000a), shown{tripleDES, takes}), Fail, []string{"The device took TLS_RSA_WITH_3DES_EDE_CBC_SHA: it completed", "cipher list"}, []string{"tls.record"}},
		{"the second taken", served(offers(0x000a, 0x0002), shown{tripleDES, refuses}, shown{null, takes}), Fail, []string{"took TLS_RSA_WITH_NULL_SHA:"}, nil},
		{"the first not tried, the second taken", served(offers(0x000a, 0x0002), shown{tripleDES, nil}, shown{null, takes}), Fail, []string{"took TLS_RSA_WITH_NULL_SHA:"}, nil},
		{"one taken that cannot be named", served(offers(0x0004), shown{"healthy with 0x0004", takes}), Fail, []string{"took TLS_RSA_WITH_RC4_128_MD5"}, nil},

		{"offered, none to serve it with", controlOnly(offers(0x0018)), Inconclusive, []string{"offers TLS_DH_anon_WITH_RC4_128_MD5, which could not be served", "Remove the suite"}, nil},
		{"one refused, another not to be served", served(offers(0x000a, 0x0018), shown{tripleDES, refuses}), Inconclusive, []string{"offers TLS_DH_anon_WITH_RC4_128_MD5, which"}, nil},
		{"one refused, its longer namesake not played", served(offers(0x0002, 0x003b), shown{nullSHA256, refuses}), Inconclusive, []string{"offers TLS_RSA_WITH_NULL_SHA, which"}, nil},
		{"one that we could not serve", served(offers(0xc012), shown{"healthy with TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", our}), Inconclusive, []string{"offers TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, which could not be served"}, nil},
		{"not tried", served(offers(0x000a), shown{tripleDES, nil}), Inconclusive, []string{"With TLS_RSA_WITH_3DES_EDE_CBC_SHA: The device did not try."}, nil},
		{"left standing", served(offers(0x000a), shown{tripleDES, []step{device("lb01", hello)}}), Inconclusive, []string{"neither came through nor was ended"}, nil},
	}...)
}

func oldClientCases() []expected {
	const v11, v10 = "healthy with TLS 1.1", "healthy with TLS 1.0"
	refuses := []step{device("lb01", hello, alert("protocol_version"))}
	old := func(h *record.ClientHello) { h.Suites = append(slices.Clone(usual), 0xc013) }
	none := []step{device("lb01", greeted(nil), weEnd("protocol_version", "unsupported protocol"))}
	noSuite := func(change func(*record.ClientHello)) []step {
		return []step{device("lb02", greeted(change), weEnd("handshake_failure", "no shared cipher"))}
	}
	made := func(first, second []step) Case {
		return served(offering(nil), shown{v11, first}, shown{v10, second})
	}
	return controlCases(same, []expected{
		{"both refused", made(refuses, refuses), Pass, []string{"took none of it: TLS 1.1, TLS 1.0."}, []string{"tls.alert"}},
		{"neither offered", made(none, none), Pass, []string{"took none of it"}, []string{"tls.alert"}},
		{"one refused, one not offered", made(refuses, none), Pass, nil, nil},
		{"not offered at one proxy, refused at another", made([]step{none[0], refuses[0]}, none), Pass, nil, nil},
		{"neither offered, why we ended it not recorded any more", made(none, []step{none[0], device("lb03", greeted(nil), bare("protocol_version"))}), Pass, nil, nil},
		{"no suite of old versions offered", made(noSuite(nil), none), Pass, nil, nil},
		{"the second taken", made(refuses, []step{came("lb01")}), Fail, []string{"The device took TLS 1.0: it completed the handshake", "Switch off versions"}, []string{"tls.record"}},
		{"the first not tried, the second taken", made(nil, []step{came("lb01")}), Fail, []string{"took TLS 1.0"}, nil},
		{"a suite of old versions offered, but none in common with us", made(noSuite(old), none), Inconclusive, []string{"With TLS 1.1: We could not go on", "no shared cipher"}, nil},
		{"cut by our deadline", made([]step{device("lb01", greeted(nil), cut)}, none), Inconclusive, []string{"With TLS 1.1: We could not go on", "deadline"}, nil},
		{"not tried", made(refuses, nil), Inconclusive, []string{"With TLS 1.0: The device did not try."}, nil},
		{"completed, no SIP", made(refuses, []step{device("lb01", handshake)}), Inconclusive, []string{"neither came through"}, nil},
		{"not offered, truncated", made([]step{none[0], flooded}, none), Inconclusive, []string{"17 could not be kept"}, nil},
		{"nothing was shown", controlOnly(offering(nil)), Error, []string{"no attempt with anything to refuse"}, nil},
	}...)
}

// odd is the profile of an attempt in which proxies play a script.
func odd(script string, proxies ...string) step {
	return func(w *wire) {
		w.emit(link{}, record.Profile{Name: "healthy with handshake " + script, Generation: w.generation, Script: script, Odd: proxies})
		w.emit(link{}, record.Stimulus{Rung: "carrier-call", State: "started"})
	}
}

func patienceCases() []expected {
	cloud, carrier := talk(true)
	stall := odd("stall-before-server-hello", "lb01")
	stalled := func(then ...act) step { return device("lb01", append([]act{greeted(nil)}, then...)...) }
	gaveUp := stalled(after(1500*time.Millisecond), fin)
	made := func(all ...step) Case {
		return served(came("lb01"), shown{"without a ServerHello", append([]step{stall}, all...)})
	}
	late := func(all ...step) Case {
		return with(made(gaveUp), func(c *Case) {
			delayed := func(w *wire) {
				w.emit(link{}, record.Profile{Generation: w.generation, Script: "honest", Odd: []string{"lb01"}, Delay: time.Second})
			}
			c.Attempts = append(c.Attempts, attempt("1000 ms late", append([]step{delayed}, all...)...))
		})
	}
	return controlCases(same, []expected{
		{"goes on with the call, and pings another proxy before", made(carrier.is("invited", 0, record.Us), stalled(), came("lb03"), wait(2*time.Second), came("lb02"), cloud.is("invited", 0, record.Device)), Pass, []string{"went on to lb02 after 2028 ms"}, []string{"call"}},
		{"pings another proxy, and does not go on with the call", made(carrier.is("invited", 0, record.Us), stalled(), came("lb03"), wait(2*time.Second)), Pass, []string{"did not give up"}, []string{"tcp.accepted"}},
		{"goes on, and ends the connection later", made(carrier.is("invited", 0, record.Us), stalled(after(time.Second), func(w *wire, _ link) { cloud.is("invited", 0, record.Device)(w) }, after(time.Second), fin)), Pass, []string{"went on to lb02 after 1004 ms."}, []string{"call"}},
		{"uses a proxy that is late", late(came("lb01")), Pass, []string{"gave up after 1504 ms; 1000 ms late: it used that proxy."}, []string{"tls.record"}},
		{"gives up one that is late", late(stalled(after(600*time.Millisecond), fin)), Pass, []string{"1000 ms late: it had given up by then."}, []string{"tcp.closed"}},
		{"does not try one that is late", late(), Pass, []string{"1000 ms late: the device did not try that proxy."}, nil},
		{"gets no further with one that is late", late(device("lb01", handshake)), Pass, []string{"1000 ms late: it did not use that proxy."}, nil},
		{"gives up", made(gaveUp), Pass, []string{"without a ServerHello: it gave up after 1504 ms."}, []string{"tcp.closed"}},
		{"gives up by alert", made(stalled(after(time.Second), alert("user_canceled"))), Pass, []string{"gave up after"}, []string{"tls.alert"}},
		{"gives up, after another proxy was tried", made(device("lb03", hello, alert("internal_error")), gaveUp), Pass, []string{"gave up after"}, nil},
		{"goes on without ending it", made(stalled(), wait(2*time.Second), came("lb02")), Pass, []string{"went on to lb02 after 2004 ms, and left the connection open"}, []string{"tcp.accepted"}},
		{"does not give up", made(stalled(), wait(9*time.Second)), Pass, []string{"did not give up within 9.0 s"}, []string{"tcp.accepted"}},
		{"ends it only once the carrier has given up", made(carrier.is("invited", 0, record.Us), stalled(after(9*time.Second), func(w *wire, _ link) { carrier.sends("CANCEL")(w) }, fin)), Pass, []string{"did not give up within 9.0 s"}, nil},
		{"we end it", made(stalled(after(9*time.Second), swapped)), Pass, []string{"did not give up"}, nil},
		{"one of two not tried", with(made(gaveUp), func(c *Case) { c.Attempts = append(c.Attempts, attempt("later", stall)) }), Pass, []string{"gave up after 1504 ms; later: the device did not try that proxy."}, nil},
		{"not tried", made(), Inconclusive, []string{"did not try that proxy", "device.recovery"}, nil},
		{"only another proxy tried", made(came("lb02")), Inconclusive, []string{"did not try that proxy"}, nil},
	}...)
}

func cleartextCases() []expected {
	const invite = "INVITE sip:+13175550100@127.0.1.1 SIP/2.0\r\n\r\n"
	speaks := func(transport, from, raw string, foreign ...bool) step {
		return func(w *wire) {
			w.emit(link{0, "lb01"}, record.Cleartext{Transport: transport, Local: "127.0.1.1:5060", Remote: from, Raw: record.Text(raw), Foreign: len(foreign) > 0})
		}
	}
	const itself, other = "192.0.2.7:5060", "203.0.113.9:5060"
	refusal := device("lb01", hello, alert("unknown_ca"))
	ping := speaks("UDP", itself, "OPTIONS sip:lb01 SIP/2.0\r\n\r\n")
	noTLS := func(why string) step {
		return device("lb02", func(w *wire, l link) { w.emit(l, record.HandshakeFailed{Error: why, By: record.Us}) })
	}
	const garbage = "tls: first record does not look like a TLS handshake"
	always := func(control step, all ...step) Case {
		return with(faulty(all...), func(c *Case) { c.Control = []record.Attempt{attempt("control", came("lb01"), control)} })
	}
	cases := slices.DeleteFunc(shownAs(Inconclusive, Pass), func(x expected) bool {
		return x.status == Pass || x.name == "no control" || !slices.Contains([]string{"device idle", "cut by our deadline", "refused, the recording truncated", "stalled in the handshake"}, x.name)
	})
	return controlCases(same, append(cases, []expected{
		{"TLS fails, nothing else", faulty(refusal), Pass, []string{"TLS with lb01 failed, and the device tried nothing without TLS"}, []string{"tls.alert"}},
		{"somebody else speaks without TLS", faulty(refusal, speaks("UDP", other, invite, true)), Pass, nil, nil},
		{"without TLS in an earlier profile only", faulty(earlier(speaks("UDP", itself, invite)), refusal), Pass, nil, nil},
		{"bare TCP to the port of TLS", faulty(refusal, device("lb02", fin)), Pass, nil, nil},
		{"somebody else speaks no TLS to its port", faulty(refusal, func(w *wire) {
			l := w.open("lb01")
			w.emit(l, record.Accepted{Remote: other, Foreign: true})
			w.emit(l, record.HandshakeFailed{Error: garbage, By: record.Us})
		}), Pass, nil, nil},
		{"an INVITE over UDP", faulty(refusal, speaks("UDP", itself, invite)), Fail, []string{`the device sent "INVITE sip:+13175550100@127.0.1.1 SIP/2.0" over UDP without TLS, to 127.0.1.1:5060`, "Allow only TLS"}, []string{"cleartext"}},
		{"an INVITE over TCP", faulty(refusal, speaks("TCP", itself, invite)), Fail, []string{"over TCP"}, nil},
		{"only an INVITE over UDP", faulty(speaks("UDP", itself, invite)), Fail, []string{"over UDP"}, nil},
		{"a connection over TCP", faulty(refusal, speaks("TCP", itself, "")), Fail, []string{"the device opened a connection over TCP"}, nil},
		{"OPTIONS over UDP only then", faulty(refusal, ping), Fail, []string{"OPTIONS sip:lb01"}, nil},
		{"SIP to the port of TLS", faulty(refusal, noTLS(garbage)), Fail, []string{"the device sent what is no TLS over TCP"}, []string{"tls.handshake-failed"}},
		{"an INVITE over UDP in the control too", always(speaks("UDP", itself, invite), refusal, speaks("UDP", itself, invite)), Fail, []string{"over UDP"}, nil},
		{"OPTIONS over UDP all the time, then an INVITE", always(ping, refusal, ping, speaks("UDP", itself, invite)), Fail, []string{"INVITE"}, nil},
		{"OPTIONS over UDP all the time", always(ping, refusal, ping), Warn, []string{"did not call without it", "all the time: it sent \"OPTIONS"}, []string{"cleartext"}},
		{"an INVITE from elsewhere", faulty(refusal, speaks("UDP", other, invite)), Inconclusive, []string{"somebody sent", "from 203.0.113.9:5060", "device.sources"}, []string{"cleartext"}},
		{"the certificate accepted", faulty(came("lb01")), Inconclusive, []string{"TLS did not fail"}, nil},
		{"another mishap of the handshake", faulty(refusal, noTLS("EOF")), Pass, nil, nil},
	}...)...)
}
