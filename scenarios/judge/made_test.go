package judge

import (
	"time"

	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
)

// The attempts of these tests are made of steps, in the order of the wire, with
// the events that the transport records. A step is a connection with what
// happens on it, or a call.

// played is when the made scenarios were played.
var played = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Generations: that of the attempt's own profile, and the one before.
const (
	present = 2
	former  = 1
)

// wire collects an attempt's events.
type wire struct {
	a          record.Attempt
	now        time.Duration
	conns      uint64
	generation int
}

type step func(*wire)

// attempt makes an attempt out of steps.
func attempt(name string, steps ...step) record.Attempt {
	w := &wire{a: record.Attempt{Name: name, Profile: name, Generation: present}, now: time.Second, generation: present}
	w.emit(link{}, record.Profile{Name: name, Generation: present})
	for _, s := range steps {
		s(w)
	}
	w.a.Started, w.a.Ended = time.Second, w.now
	return w.a
}

// link is a connection, or the carrier's socket.
type link struct {
	conn  uint64
	proxy string
}

func (w *wire) emit(l link, body record.Body) {
	w.now += time.Millisecond
	w.a.Events = append(w.a.Events, record.Event{
		Seq: uint64(len(w.a.Events) + 1), Mono: w.now, Wall: played.Add(w.now),
		Generation: w.generation, Conn: l.conn, Proxy: l.proxy, Body: body,
	})
}

func (w *wire) open(proxy string) link {
	w.conns++
	return link{w.conns, proxy}
}

// act is something that happens on a connection.
type act func(*wire, link)

func in(kind uint8, handshake ...uint8) record.TLSRecord {
	return record.TLSRecord{Dir: record.In, Type: kind, Length: 64, Handshake: handshake}
}

func out(kind uint8, handshake ...uint8) record.TLSRecord {
	return record.TLSRecord{Dir: record.Out, Type: kind, Length: 64, Handshake: handshake}
}

func sealed(r record.TLSRecord) record.TLSRecord {
	r.Encrypted = true
	return r
}

// device is a TCP connection that the device opens to a proxy.
func device(proxy string, acts ...act) step {
	return func(w *wire) {
		l := w.open(proxy)
		w.emit(l, record.Accepted{Local: "127.0.1.1:5061", Remote: "192.0.2.7:40000"})
		for _, do := range acts {
			do(w, l)
		}
	}
}

// standing is a connection of the device that was opened before the attempt.
func standing(acts ...act) step {
	return func(w *wire) {
		l := w.open("lb03")
		for _, do := range acts {
			do(w, l)
		}
	}
}

// foreign is a connection of a peer outside device.sources.
func foreign(w *wire) {
	l := w.open("lb01")
	w.emit(l, record.Accepted{Local: "127.0.1.1:5061", Remote: "203.0.113.9:50000", Foreign: true})
	w.emit(l, record.Closed{By: record.Us, How: "close", Reason: "the peer is not among device.sources"})
}

// earlier plays steps on connections of the profile before.
func earlier(steps ...step) step {
	return func(w *wire) {
		w.generation = former
		for _, s := range steps {
			s(w)
		}
		w.generation = present
	}
}

func flooded(w *wire) { w.emit(link{}, record.Truncated{Dropped: 17}) }
func dnsQuery(w *wire) {
	w.emit(link{}, record.DNSQuery{Name: "lb01.voice.use1.pure.cloud.", Type: "A"})
}

func stimulusEnded(failure string) step {
	return func(w *wire) { w.emit(link{}, record.Stimulus{Rung: "carrier-call", State: "ended", Error: failure}) }
}

// greets is the ClientHello with these suites and extensions, and our flight up to
// ServerHelloDone.
func greets(suites, extensions []uint16) act {
	return func(w *wire, l link) {
		w.emit(l, in(22, 1))
		w.emit(l, record.ClientHello{ServerName: "lb01.voice.use1.pure.cloud", Versions: []uint16{0x303}, Suites: suites, Extensions: extensions})
		w.emit(l, out(22, 2, 11, 12, 14))
	}
}

// hello is greets with suites of RSA, and without any extension that matters.
func hello(w *wire, l link) { greets([]uint16{0xc030, 0xc02f, 0x009d}, []uint16{0, 10, 13})(w, l) }

// handshake: a full one with the device as client.
func handshake(w *wire, l link) {
	hello(w, l)
	ends(w, l)
}

// ends is what follows our flight where the handshake comes through.
func ends(w *wire, l link) {
	for _, r := range []record.TLSRecord{in(22, 16), in(20), sealed(in(22)), out(20), sealed(out(22))} {
		w.emit(l, r)
	}
	w.emit(l, record.HandshakeDone{Version: 0x303, Suite: 0xc030, Engine: "crypto/tls"})
}

// alert: a fatal one from the device in the handshake, then its FIN.
func alert(name string) act {
	return func(w *wire, l link) {
		w.emit(l, in(21))
		w.emit(l, record.Alert{Dir: record.In, Level: 2, Code: 48, Name: name})
		w.emit(l, record.HandshakeFailed{Error: "remote error: tls: " + name, By: record.Device})
		fin(w, l)
	}
}

// warning: an alert of the device after which the handshake goes on.
func warning(w *wire, l link) {
	w.emit(l, in(21))
	w.emit(l, record.Alert{Dir: record.In, Level: 1, Code: 112, Name: "unrecognized_name"})
}

// ourAlert: we end the handshake, plainly.
func ourAlert(w *wire, l link) {
	w.emit(l, out(21))
	w.emit(l, record.Alert{Dir: record.Out, Level: 2, Code: 40, Name: "handshake_failure"})
	w.emit(l, record.HandshakeFailed{Error: "no cipher suite in common", By: record.Us})
}

// ourSealedAlert: we end the connection after the handshake.
func ourSealedAlert(w *wire, l link) { w.emit(l, sealed(out(21))) }

// sealedAlert: an encrypted alert of the device, whose name the TLS stack tells, then its FIN.
func sealedAlert(name string) act {
	return func(w *wire, l link) {
		w.emit(l, sealed(in(21)))
		if name != "" {
			w.emit(l, record.Alert{Dir: record.In, Code: 42, Name: name, Encrypted: true})
		}
		fin(w, l)
	}
}

func fin(w *wire, l link) { w.emit(l, record.Closed{By: record.Device, How: "fin"}) }
func rst(w *wire, l link) { w.emit(l, record.Closed{By: record.Device, How: "rst"}) }

// failed tells that the handshake is over, by the device without an alert.
func failed(w *wire, l link) {
	w.emit(l, record.HandshakeFailed{Error: "EOF", By: record.Device})
}

// cut: the deadline passes in the handshake.
func cut(w *wire, l link) {
	w.emit(l, record.HandshakeFailed{Error: "handshake deadline passed: 500ms", By: record.Us, Deadline: true})
	w.emit(l, record.Closed{By: record.Us, How: "close", Reason: "handshake failed"})
}

// swapped: we close because another profile is shown.
func swapped(w *wire, l link) {
	w.emit(l, record.Closed{By: record.Us, How: "close", Reason: "the cloud shows another profile now"})
}

// octets: application data from the device that is no SIP.
func octets(w *wire, l link) { w.emit(l, sealed(in(23))) }

// sends: a SIP request from the device.
func sends(method string) act {
	return func(w *wire, l link) {
		octets(w, l)
		w.emit(l, record.SIPMessage{Dir: record.In, Transport: "TLS", Method: method, CallID: "a", Raw: record.Text(method + " sip:x SIP/2.0\r\n\r\n")})
	}
}

// answers: a SIP response from the device.
func answers(status int) act {
	return func(w *wire, l link) {
		octets(w, l)
		w.emit(l, record.SIPMessage{Dir: record.In, Transport: "TLS", Method: "OPTIONS", Status: status, CallID: "b", Raw: record.Text("SIP/2.0 200 OK\r\n\r\n")})
	}
}

// after lets time pass.
func after(d time.Duration) act { return func(w *wire, _ link) { w.now += d } }

// came is the connection of a control that succeeds.
func came(proxy string) step { return device(proxy, handshake, sends("OPTIONS")) }

// one makes a case of one attempt without a fault.
func one(steps ...step) Case {
	return Case{
		Scenario: "area.direction.slug", Level: ledger.LevelMust, Edition: "newer", Region: "use1",
		Target: "sbc.customer.test", CarrierHeard: true, Now: played,
		Deadline: 500 * time.Millisecond, Jitter: Jitter{Samples: 100, P50: 100 * time.Microsecond, Max: 2 * time.Millisecond},
		Attempts: []record.Attempt{attempt("probe", steps...)},
	}
}

// faulty makes a case with a control that succeeds and one attempt with the fault.
func faulty(steps ...step) Case {
	c := one(steps...)
	c.Fault = "The certificate leads to a root that the device does not know."
	c.Control = []record.Attempt{attempt("control", came("lb01"))}
	return c
}

// with changes a case.
func with(c Case, change func(*Case)) Case {
	change(&c)
	return c
}
