package judge

import (
	"testing"
	"time"

	"byocheck/simulator/record"
)

// dial is a TCP connection that the cloud opens to the device.
func dial(acts ...act) step {
	return func(w *wire) {
		l := w.open("lb02")
		w.emit(l, record.Dialled{Local: "127.0.1.2:40001", Remote: "192.0.2.7:5061", Connect: 300 * time.Microsecond})
		for _, do := range acts {
			do(w, l)
		}
	}
}

// notDialled is one that does not come about.
func notDialled(why string) step {
	return func(w *wire) { w.emit(w.open("lb02"), record.Dialled{Remote: "192.0.2.7:5061", Error: why}) }
}

func ourHello(w *wire, l link) { w.emit(l, out(22, 1)) }

// flight is the device's as server, with a CertificateRequest (13) if asked.
func flight(w *wire, l link) { w.emit(l, in(22, 2, 11, 12, 14)) }

func flightAsking(w *wire, l link) { w.emit(l, in(22, 2, 11, 12, 13, 14)) }

// ourFlight ends our side of the handshake; emptyFlight begins with an empty Certificate.
func ourFlight(w *wire, l link) {
	for _, r := range []record.TLSRecord{out(22, 16), out(20), sealed(out(22))} {
		w.emit(l, r)
	}
}

func emptyFlight(w *wire, l link) {
	w.emit(l, out(22, 11))
	ourFlight(w, l)
}

// finished is the device's Finished, and what it leads to.
func finished(w *wire, l link) {
	w.emit(l, in(20))
	w.emit(l, sealed(in(22)))
	w.emit(l, record.HandshakeDone{Version: 0x303, Suite: 0xc030})
}

// refusesUs: the device ends the handshake with an alert.
func refusesUs(w *wire, l link) {
	ourHello(w, l)
	alert("handshake failure")(w, l)
}

// shakes is a whole handshake that takes so long from ClientHello to Finished.
func shakes(took time.Duration) act {
	return func(w *wire, l link) {
		ourHello(w, l)
		begin := w.now
		flight(w, l)
		ourFlight(w, l)
		w.now = begin + took - 2*time.Millisecond // Finished is the second event from here
		finished(w, l)
	}
}

func clientCertificateCases() []expected {
	ping := func(acts ...act) step { return dial(append([]act{ourHello}, acts...)...) }
	return []expected{
		{"not asked, SIP answered", one(ping(flight, ourFlight, finished, answers(200))), Pass, []string{"without a client certificate and answered SIP"}, []string{"tcp.dialled"}},
		{"asked, the empty one accepted", one(ping(flightAsking, emptyFlight, finished, answers(405))), Pass, []string{"asked for a client certificate, accepted that there was none", "Switch off the request"}, nil},
		{"the first try unreachable", one(notDialled("unreachable"), ping(flight, ourFlight, finished, answers(200))), Pass, nil, nil},

		{"demanded, refused by alert", one(ping(flightAsking, emptyFlight, alert("handshake_failure"))), Fail, []string{"demands a client certificate", "alert handshake_failure during the handshake", "mutual TLS"}, []string{"tls.alert"}},
		{"demanded, refused by RST", one(ping(flightAsking, emptyFlight, rst, failed)), Fail, []string{"demands", "RST during the handshake"}, []string{"tcp.closed"}},
		{"demanded, refused after the handshake", one(ping(flightAsking, emptyFlight, finished, sealedAlert("bad_certificate"))), Fail, []string{"demands", "alert bad_certificate after the handshake"}, nil},

		{"asked, then failed before our Certificate", one(ping(flightAsking, fin, failed)), Inconclusive, []string{"before it showed whether it demands one", "EOF"}, []string{"tcp.dialled"}},
		{"asked, then failed by an alert about something else", one(ping(flightAsking, emptyFlight, alert("decrypt_error"))), Inconclusive, []string{"before it showed whether it demands one", "decrypt_error"}, nil},
		{"asked, then an alert about something else after the handshake", one(ping(flightAsking, emptyFlight, finished, sealedAlert("bad_record_mac"))), Inconclusive, []string{"before it showed whether it demands one"}, nil},
		{"asked, OPTIONS not answered", one(ping(flightAsking, emptyFlight, finished)), Inconclusive, []string{"did not answer our OPTIONS"}, nil},
		{"asked, but we gave up first", one(ping(flightAsking, emptyFlight, cut)), Inconclusive, []string{"before it showed whether it demands one", "deadline"}, nil},
		{"asked, but our alert came first", one(ping(flightAsking, ourAlert, fin)), Inconclusive, []string{"before it showed whether it demands one", "no cipher suite"}, nil},
		{"handshake fails, not asked", one(ping(flight, ourFlight, alert("decrypt_error"))), Inconclusive, []string{"No client certificate was asked for", "decrypt_error"}, []string{"tls.handshake-failed"}},
		{"refused at once", one(dial(refusesUs)), Inconclusive, []string{"No client certificate was asked for"}, nil},
		{"not asked, hangs up on our OPTIONS", one(ping(flight, ourFlight, finished, fin)), Inconclusive, []string{"ended the connection before it answered SIP", "FIN after the handshake"}, []string{"tcp.closed"}},
		{"OPTIONS not answered", one(ping(flight, ourFlight, finished)), Inconclusive, []string{"did not answer our OPTIONS"}, nil},
		{"sends OPTIONS of its own only", one(ping(flight, ourFlight, finished, sends("OPTIONS"))), Inconclusive, []string{"did not answer our OPTIONS"}, nil},
		{"unreachable", one(notDialled("unreachable: connection refused")), Inconclusive, []string{"connection refused"}, []string{"tcp.dialled"}},
		{"only the device's connection", one(came("lb01")), Error, []string{"nothing was recorded"}, nil},
		{"our own mishap", one(stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
	}
}

func handshakeTimeCases() []expected {
	const ms = time.Millisecond
	took := func(times ...time.Duration) []step {
		var out []step
		for _, d := range times {
			out = append(out, dial(shakes(d)))
		}
		return out
	}
	five := func(last time.Duration, more ...step) Case {
		return one(append(took(20*ms, 21*ms, 19*ms, 20*ms, last), more...)...)
	}
	deadline := dial(ourHello, after(500*ms-1*ms), cut)
	busy := func(c Case) Case { return with(c, func(c *Case) { c.Jitter.Max = 80 * ms }) }
	unmeasured := func(c Case) Case { return with(c, func(c *Case) { c.Jitter = Jitter{} }) }
	return []expected{
		{"quick", five(22 * ms), Pass, []string{"5 handshakes: median 20.0 ms, maximum 22.0 ms (TCP connect apart: median 0.3 ms)."}, []string{"tls.record"}},
		{"quick, own lateness not measured", unmeasured(five(22 * ms)), Pass, nil, nil},
		{"at half of the limit", five(250 * ms), Pass, []string{"maximum 250.0 ms"}, nil},
		{"above half of the limit", five(260 * ms), Warn, []string{"more than half"}, nil},
		{"above half of the limit by no more than we were late", five(251 * ms), Pass, []string{"maximum 251.0 ms"}, nil},
		{"over the limit", five(510 * ms), Fail, []string{"longer than the 500 ms", "key size"}, []string{"tls.record"}},
		{"one of four over the limit", one(took(20*ms, 900*ms, 20*ms, 20*ms)...), Fail, []string{"maximum 900.0 ms"}, nil},
		{"over the limit, then cut", five(510*ms, deadline), Fail, []string{"longer than the 500 ms"}, nil},
		{"one cut at the limit", five(20*ms, deadline), Fail, []string{"not complete 500.0 ms after our ClientHello"}, []string{"tls.handshake-failed"}},
		{"all cut at the limit", one(deadline, deadline, deadline, deadline, deadline), Fail, []string{"A handshake was not complete 500.0 ms"}, nil},
		{"cut only after 30 s, on a busy machine", busy(five(20*ms, dial(ourHello, after(30*time.Second), cut))), Fail, []string{"not complete 30001.0 ms"}, nil},
		{"cut, our ClientHello not recorded", five(20*ms, dial(after(500*ms), cut)), Fail, []string{"not complete 501.0 ms"}, nil},
		{"over the limit and the margin, on a busy machine", busy(five(830 * ms)), Fail, nil, nil},
		{"over the limit, not the margin, on a busy machine", busy(five(600 * ms)), Inconclusive, nil, nil},
		{"over the limit, own lateness not measured", unmeasured(five(510 * ms)), Error, []string{"did not measure its own lateness"}, nil},
		{"just over, within our lateness", five(501 * ms), Inconclusive, []string{"own lateness of up to 2.0 ms", "less load"}, nil},
		{"just below, within our lateness", five(499 * ms), Inconclusive, []string{"own lateness of up to 2.0 ms"}, nil},
		{"at the limit", five(500 * ms), Inconclusive, []string{"own lateness"}, nil},
		{"just over, by what we may be late in all", five(508 * ms), Inconclusive, nil, nil},
		{"just over what we may be late in all", five(509 * ms), Fail, nil, nil},
		{"just below our lateness", five(498 * ms), Warn, nil, nil},
		{"cut at the limit, on a busy machine", busy(five(20*ms, deadline)), Inconclusive, []string{"own lateness of up to 80.0 ms"}, []string{"tls.handshake-failed"}},
		{"four of five completed", one(append(took(20*ms, 20*ms, 20*ms, 20*ms), dial(refusesUs))...), Inconclusive, []string{"Only 4", "5 are needed", "handshake failure"}, []string{"tls.handshake-failed"}},
		{"five of six completed", five(20*ms, dial(refusesUs)), Inconclusive, []string{"1 of 6 connections came to no complete handshake"}, nil},
		{"Finished came, but was wrong", one(append(took(20*ms, 20*ms, 20*ms, 20*ms), dial(ourHello, flight, ourFlight, badFinished))...), Inconclusive, []string{"Only 4", "incorrect Finished"}, nil},
		{"one unreachable", five(20*ms, notDialled("unreachable: no answer")), Inconclusive, []string{"1 of 6", "no answer"}, []string{"tcp.dialled"}},
		{"none completed", one(dial(refusesUs)), Inconclusive, []string{"Only 0"}, nil},
		{"those of the device do not count", one(append(took(20*ms, 20*ms, 20*ms, 20*ms), came("lb01"), dial(refusesUs))...), Inconclusive, []string{"Only 4"}, nil},
		{"those under the former profile do not count", one(earlier(took(20*ms, 20*ms, 20*ms, 20*ms, 20*ms)...), dial(refusesUs)), Inconclusive, []string{"Only 0"}, nil},
		{"truncated", five(20*ms, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"truncated, but over the limit", five(900*ms, flooded), Fail, nil, nil},
		{"only four were tried", one(took(20*ms, 20*ms, 20*ms, 20*ms)...), Error, []string{"Only 4", "nothing was recorded"}, nil},
		{"no limit in the case", with(five(20*ms), func(c *Case) { c.Deadline = 0 }), Error, []string{"which deadline"}, nil},
		{"our own mishap", one(stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
	}
}

// badFinished: the device's Finished does not verify, so we end the handshake.
func badFinished(w *wire, l link) {
	w.emit(l, in(20))
	w.emit(l, sealed(in(22)))
	w.emit(l, sealed(out(21)))
	w.emit(l, record.HandshakeFailed{Error: "tls: server's Finished message was incorrect: incorrect Finished", By: record.Us})
}

// TestHandshakeFigures: the measurements are kept, and in milliseconds.
func TestHandshakeFigures(t *testing.T) {
	var steps []step
	for i := range 5 {
		steps = append(steps, dial(shakes(time.Duration(10+i)*time.Millisecond)))
	}
	v := HandshakeTime(one(steps...))
	want := map[string]float64{"handshakes": 5, "handshake median": 12, "handshake maximum": 14, "TCP connect median": 0.3, "own lateness maximum": 2}
	for _, m := range v.Measurements {
		if want[m.Name] == m.Value {
			delete(want, m.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not measured: %v in %+v", want, v.Measurements)
	}
}
