package judge

import (
	"testing"
	"time"

	"byocheck/simulator/record"
)

// arrives is a call of the device at a proxy.
func arrives(proxy string, x call) step {
	return device(proxy, handshake, func(w *wire, l link) {
		octets(w, l)
		x.play(w, l, "cloud", "callee")
	})
}

// refuses: the profile of the attempt, with proxies whose ports answer RST, and
// the carrier begins to call.
func refuses(proxies ...string) step {
	return func(w *wire) {
		w.emit(link{}, record.Profile{Name: "healthy", Generation: w.generation, Refusing: proxies})
		w.emit(link{}, record.Stimulus{Rung: "carrier-call", State: "started"})
	}
}

func nextProxyCases() []expected {
	made := func(all ...step) Case {
		return with(one(all...), func(c *Case) {
			c.Fault = "The proxy that the device used in the control refuses."
			c.Control = []record.Attempt{attempt("control-1", carrierCall(call{}), arrives("lb01", call{}))}
		})
	}
	control := func(c Case, all ...step) Case {
		return with(c, func(c *Case) { c.Control = []record.Attempt{attempt("control-1", all...)} })
	}
	_, carrier := talk(true)
	lb01 := refuses("lb01")
	drops := steps(func(w *wire) {
		w.emit(link{}, record.Profile{Name: "healthy", Generation: w.generation, Dropping: []string{"lb01"}})
	}, func(w *wire) { w.emit(link{}, record.Stimulus{Rung: "carrier-call", State: "started"}) })
	// The carrier's call with what happens while it lasts.
	during := func(status int, within ...step) step {
		s := steps(append([]step{carrier.is("invited", 0, record.Us)}, within...)...)
		if status >= 300 {
			return steps(s, carrier.is("rejected", status, record.Device))
		}
		return steps(s, carrier.is("answered", 200, record.Device), carrier.is("confirmed", 0, ""), carrier.is("ended", 0, record.Us))
	}
	passes := made(lb01, during(200, arrives("lb02", call{})))
	silent := odd("stall-before-server-hello", "lb01")
	tried := func(acts ...act) step { return device("lb01", append([]act{hello}, acts...)...) }
	slow := device("lb02", hello, cut)
	return []expected{
		{"through another proxy", passes, Pass, []string{"With lb01 refusing, the call went through lb02", "arrived 0.0 s after"}, []string{"call", "tls.record"}},
		{"after 9 s", made(lb01, during(200, wait(9*time.Second), arrives("lb03", call{}))), Pass, []string{"through lb03; its INVITE arrived 9.0 s"}, nil},
		{"late", made(lb01, during(200, wait(12*time.Second), arrives("lb04", call{}))), Pass, []string{"arrived 12.0 s", "Callers hang up sooner"}, nil},
		{"the start of the stimulus not recorded", made(func(w *wire) {
			w.emit(link{}, record.Profile{Generation: present, Refusing: []string{"lb01"}})
		}, during(200, arrives("lb02", call{}))), Pass, []string{"went through lb02."}, nil},
		{"first tried by another proxy without success", made(lb01, during(200, device("lb03", hello, alert("internal_error")), arrives("lb02", call{}))), Pass, []string{"through lb02"}, nil},
		{"on a connection from before as well", made(lb01, earlier(held("lb01", octets, swapped)), during(200, arrives("lb02", call{}))), Pass, nil, nil},
		{"beside a call to another number at the refusing proxy's former connection", made(lb01, during(200, earlier(arrives("lb01", call{number: 7, called: "911", status: 404})), arrives("lb02", call{}))), Pass, nil, nil},
		{"in the control two calls", control(passes, carrierCall(call{}), arrives("lb02", call{}), arrives("lb01", call{number: 2})), Pass, nil, nil},
		{"through another proxy, the recording truncated", made(lb01, during(200, arrives("lb02", call{})), flooded), Pass, nil, nil},

		{"stalled, through another", made(silent, during(200, tried(after(time.Second), fin), arrives("lb02", call{}))), Pass, []string{"With lb01 not going on with the handshake, the call went through lb02; its INVITE arrived 1.0 s"}, []string{"call"}},
		{"stalled, left open, through another", made(silent, during(200, tried(), arrives("lb02", call{}))), Pass, nil, nil},
		{"cut by us, through another", made(silent, during(200, tried(cut), arrives("lb02", call{}))), Pass, nil, nil},
		{"reset, through another", made(odd("reset-after-hello", "lb01"), during(200, tried(), arrives("lb02", call{}))), Pass, []string{"With lb01 resetting the handshake"}, nil},
		{"truncated, through another", made(odd("truncated-certificate", "lb01"), during(200, tried(), arrives("lb02", call{}))), Pass, []string{"With lb01 hanging up in the handshake"}, nil},
		{"stalled, lost", made(silent, during(503, tried())), Fail, []string{"With lb01 not going on with the handshake, the call was lost"}, nil},
		{"stalled, lost because the device is slow itself", made(silent, during(503, tried(cut), slow)), Fail, []string{"It did try lb02, but was itself too slow", "takes the device so long"}, []string{"tls.handshake-failed"}},
		{"stalled, through another only once the carrier had given up", made(silent, during(503, tried()), wait(time.Second), arrives("lb02", call{})), Fail, []string{"only 1.0 s after it was over"}, nil},
		{"stalled, not tried, through another", made(silent, during(200, arrives("lb02", call{}))), Inconclusive, []string{"had not tried lb01 before", "takes the proxies in turn"}, nil},
		{"stalled, tried only afterwards", made(silent, during(200, arrives("lb02", call{}), tried())), Inconclusive, []string{"had not tried lb01 before"}, nil},
		{"stalled, tried in the former profile only", made(earlier(tried()), silent, during(200, arrives("lb02", call{}))), Inconclusive, []string{"had not tried lb01 before"}, nil},
		{"stalled, yet through it", made(silent, during(200, arrives("lb01", call{}))), Error, []string{"came to lb01, which was not to be used"}, nil},
		{"another than the one of the control stalls", made(odd("stall-before-server-hello", "lb04"), during(200, arrives("lb01", call{}))), Error, []string{"came to lb01, but lb04 was the one"}, nil},
		{"none stalls", made(odd("stall-before-server-hello"), during(200, arrives("lb02", call{}))), Error, []string{"does not show that any proxy"}, nil},

		{"through another proxy than one that does not answer", made(drops, during(200, wait(3*time.Second), arrives("lb02", call{}))), Pass, []string{"With lb01 not answering, the call went through lb02", "arrived 3.0 s"}, []string{"call", "tls.record"}},
		{"lost at one that does not answer", made(drops, during(408)), Fail, []string{"With lb01 not answering, the call was lost"}, []string{"call"}},
		{"at one that was not to answer", made(drops, during(200, arrives("lb01", call{}))), Error, []string{"came to lb01, which was not to be used"}, []string{"call"}},
		{"control through another than the one that does not answer", control(made(drops, during(200, arrives("lb02", call{}))), carrierCall(call{}), arrives("lb03", call{})), Error, []string{"came to lb03, but lb01 was the one"}, nil},
		{"lost", made(lb01, during(503)), Fail, []string{"the call was lost", "final response 503", "List all four proxies"}, []string{"call"}},
		{"lost, TLS with another came about", made(lb01, during(480, came("lb02"))), Fail, []string{"the call was lost"}, nil},
		{"lost, another call to the cloud", made(lb01, during(480, arrives("lb02", call{called: "911", status: 404}))), Fail, []string{"the call was lost", `another number instead: "911"`}, nil},
		{"lost, a call of the cloud to the carrier meanwhile", made(lb01, earlier(carrierTakes(call{number: 6})), during(503)), Fail, []string{"the call was lost"}, nil},
		{"no final response", made(lb01, carrier.is("invited", 0, record.Us), carrier.fails("waiting for the answer to INVITE: no answer within 32s")), Fail, []string{"no answer within 32s"}, nil},
		{"connected elsewhere", made(lb01, during(200)), Fail, []string{"came to no proxy: the device connected it elsewhere"}, nil},
		{"through another proxy once the carrier had its rejection", made(lb01, during(503), wait(2*time.Second), arrives("lb02", call{})), Fail, []string{"came to lb02 only 2.0 s after it was over at the carrier", "final response 503"}, []string{"call"}},
		{"through another proxy once the carrier had given up", made(lb01, carrier.is("invited", 0, record.Us), wait(39*time.Second), carrier.sends("CANCEL"), arrives("lb02", call{}), carrier.is("answered", 200, record.Device), carrier.is("ended", 0, record.Us)),
			Fail, []string{"came to lb02 only 0.0 s after"}, []string{"sip.message"}},

		{"refused by us at the next proxy", made(lb01, during(488, arrives("lb02", call{status: 488}))), Inconclusive, []string{"came to lb02, but was not connected. At the cloud: final response 488", "media scenarios"}, []string{"call"}},
		{"given up by the device at the next proxy", made(lb01, during(500, arrives("lb02", call{status: -1}))), Inconclusive, []string{"was not connected"}, nil},
		{"answered at the next proxy, not at the carrier", made(lb01, during(500, arrives("lb02", call{}))), Inconclusive, []string{"At the carrier: final response 500"}, nil},
		{"answered at the carrier, not at the next proxy", made(lb01, during(200, arrives("lb02", call{status: -1}))), Inconclusive, []string{"was not connected"}, nil},
		{"only by a connection from before", made(lb01, during(200, earlier(held("lb01", octets, func(w *wire, l link) { call{}.play(w, l, "cloud", "callee") })))), Inconclusive, []string{"came to lb01, but over a connection that was opened before"}, []string{"call"}},
		{"two calls", made(lb01, during(200, arrives("lb02", call{}), arrives("lb03", call{number: 2}))), Inconclusive, []string{"2 calls"}, nil},
		{"lost, the recording truncated", made(lb01, during(503), flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"the profile not kept", made(during(200, arrives("lb02", call{})), flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"no call of the carrier", made(lb01), Inconclusive, []string{"Nothing of the device"}, nil},
		{"control: no call, only OPTIONS", control(passes, carrierCall(call{status: 480}), came("lb01")), Inconclusive, []string{"the call did not arrive, so it is not known which proxy"}, nil},
		{"control: refused", control(passes, carrierCall(call{status: 503}), device("lb01", hello, alert("unknown_ca"))), Inconclusive, []string{"control did not succeed"}, nil},
		{"control: idle", control(passes), Inconclusive, []string{"control did not succeed", "Nothing of the device"}, nil},

		{"control through another proxy than the refusing one", control(passes, carrierCall(call{}), arrives("lb03", call{})), Error, []string{"came to lb03, but lb01 was the one that could not be used"}, nil},
		{"control through the refusing proxy by a former connection only", control(passes, carrierCall(call{}), earlier(arrives("lb01", call{})), arrives("lb03", call{number: 2})), Error, []string{"came to lb03"}, nil},
		{"at the refusing proxy", made(lb01, during(200, arrives("lb01", call{}))), Error, []string{"came to lb01, which was not to be used"}, []string{"call"}},
		{"no proxy refused", made(refuses(), during(200, arrives("lb02", call{}))), Error, []string{"does not show that any proxy could not be used"}, nil},
		{"only the former profile refused", made(earlier(lb01), refuses(), during(200, arrives("lb02", call{}))), Error, []string{"does not show that any proxy could not be used"}, nil},
		{"only a later profile refused", made(refuses(), func(w *wire) {
			w.emit(link{}, record.Profile{Generation: present + 1, Refusing: []string{"lb01"}})
		}, during(200, arrives("lb02", call{}))), Error, []string{"does not show that any proxy could not be used"}, nil},
		{"the refusing was over", made(lb01, refuses(), during(200, arrives("lb01", call{}))), Error, []string{"does not show that any proxy could not be used"}, nil},
		{"call could not be placed", made(lb01, stimulusEnded("no route to host")), Error, []string{"no route to host"}, []string{"stimulus"}},
		{"the carrier's call not recorded", made(lb01, arrives("lb02", call{})), Error, []string{"recorded none of the carrier"}, nil},
		{"no control", with(passes, func(c *Case) { c.Control = nil }), Error, []string{"no control"}, nil},
	}
}

// TestTimeToNextProxy: the time is kept, from the carrier's start to the INVITE.
func TestTimeToNextProxy(t *testing.T) {
	for _, x := range nextProxyCases() {
		if x.name != "late" {
			continue
		}
		v := NextProxy(x.c)
		if len(v.Measurements) != 1 || v.Measurements[0].Name != "time to the next proxy" || int(v.Measurements[0].Value) != 12014 {
			t.Errorf("%+v", v.Measurements)
		}
	}
}
