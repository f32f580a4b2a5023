package judge

import (
	"bytes"
	"crypto/x509"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
)

// judgeAll judges a case with all judges, whichever it was made for.
func judgeAll(t *testing.T, c Case) {
	t.Helper()
	for _, j := range judges {
		v := j.judge(c)
		if err := sound(c, v); err != nil {
			t.Fatalf("%s: %v in %+v", j.name, err, v)
		}
		if again := j.judge(c); !reflect.DeepEqual(again, v) {
			t.Fatalf("%s: judged again %+v, was %+v", j.name, again, v)
		}
	}
}

// FuzzReadCase reads cases from any bytes: no panic, and what was read encodes,
// reads back as the same, and can be judged.
func FuzzReadCase(f *testing.F) {
	for _, j := range judges {
		for i, x := range append(j.cases(), commonCases()...) {
			if _, b, err := x.c.Decoded(); err == nil && i%4 == 0 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadCase(bytes.NewReader(b))
		if err != nil {
			return
		}
		judgeAll(t, c)
		d, first, err := c.Decoded()
		if err != nil {
			return // a kind that is not known, without a body, cannot be written
		}
		judgeAll(t, d)
		if _, second, err := d.Decoded(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("encoded again, %v:\n%s\nwas\n%s", err, second, first)
		}
	})
}

// maker makes cases out of bytes: each choice takes one.
type maker struct{ b []byte }

func (m *maker) n(n int) int {
	if len(m.b) == 0 {
		return 0
	}
	x := int(m.b[0])
	m.b = m.b[1:]
	return x % n
}

func (m *maker) yes() bool { return m.n(2) == 1 }

func pick[T any](m *maker, from ...T) T { return from[m.n(len(from))] }

var descriptions = []string{
	"", "hello", secured, description(stream("RTP/AVP")), description(stream("RTP/AVP", mandatory)),
	description(stream("RTP/SAVP", mandatory), stream("RTP/AVP")), description(stream("RTP/SAVP", keyed(2, MandatorySuite))),
	description(stream("RTP/SAVP", "1 X inline:a")), description("m=audio 0 RTP/AVP 0\r\n"), description(stream("RTP/SAVP", "junk")),
}

var emptyList = sync.OnceValue(func() []byte { return listing(0) })

func (m *maker) body(chains [][][]byte) record.Body {
	dir := pick(m, record.In, record.Out, "")
	party := pick(m, record.Device, record.Us, "", "nobody")
	leg := pick(m, "cloud", "carrier", "")
	failure := pick(m, "", "EOF", "%s %!d(MISSING)", "took what it must refuse", "the ClientHello does not allow the script", "does not look like a TLS handshake")
	switch m.n(24) {
	case 0:
		return record.Accepted{Remote: pick(m, "192.0.2.7:4000", "junk", ""), Foreign: m.n(4) == 1}
	case 1:
		return record.Dialled{Remote: "192.0.2.7:5061", Connect: time.Duration(m.n(9)), Error: failure}
	case 2:
		return record.Closed{By: party, How: pick(m, "fin", "rst", "close", "")}
	case 3:
		return record.ClientHello{ServerName: pick(m, "", proxyName(1), proxyName(2), "other.test"), Suites: pick(m, nil, []uint16{0xc030}, []uint16{0xc02c}, []uint16{0x2a2a, 0x000a, 0x0018, 0x00ff}), Extensions: pick(m, nil, []uint16{5}, []uint16{10, 50}),
			Versions: pick(m, nil, []uint16{0x0303}, []uint16{0x1a1a, 0x0301}), Groups: pick(m, nil, []uint16{24}, []uint16{29}), SignatureSchemes: pick(m, nil, []uint16{0x0401}, []uint16{0x0503, 0x0804})}
	case 4:
		return record.TLSRecord{Dir: dir, Type: uint8(20 + m.n(4)), Handshake: pick(m, nil, []uint8{11}, []uint8{13}, []uint8{2, 13}, []uint8{1}), Encrypted: m.yes()}
	case 5:
		return record.Alert{Dir: dir, Level: uint8(m.n(3)), Code: uint8(m.n(256)), Name: pick(m, "unknown_ca", "%d", "", "handshake_failure", "protocol_version"), Encrypted: m.yes()}
	case 6:
		return record.HandshakeDone{Version: pick[uint16](m, 0x0303, 0x0301, 0), ClientCertificateAsked: m.yes()}
	case 7:
		return record.HandshakeFailed{Error: failure, By: party, Deadline: m.yes(), ClientCertificateAsked: m.yes()}
	case 8:
		return record.PeerChain{Certificates: pick(m, chains...)}
	case 9, 10:
		return record.SIPMessage{Dir: dir, Method: pick(m, "INVITE", "INVITE", "OPTIONS", "BYE", "CANCEL", ""), Status: pick(m, 0, 200, 404, 488, -1), Call: uint64(m.n(3)),
			Raw: record.Text(pick(m, "INVITE sip:1@lb01.voice.use1.pure.cloud;transport=tls SIP/2.0", "INVITE sip:[::1", "INVITE tel:1 SIP/2.0", "x") + "\r\n\r\n" + pick(m, descriptions...))}
	case 11, 12, 13:
		return record.Call{Leg: leg, Call: uint64(m.n(3)), Role: pick(m, "caller", "callee", ""), Number: pick(m, "1", "\xff", ""),
			State: pick(m, "invited", "invited", "answered", "answered", "progress", "rejected", "cancelled", "failed", "ended", "ended", ""), Status: pick(m, 0, 200, 404, 486, 487, 500), By: party, Error: failure}
	case 14:
		return record.Media{Leg: leg, Call: uint64(m.n(3)), Encrypted: m.yes(), Suite: pick(m, MandatorySuite, ""), Received: pick(m, 0, 200, -1), Authenticated: pick(m, 0, 200),
			AuthFailed: m.n(2), Clear: m.n(2), Blocks: pick(m, 0, 20, 200, -5), ToneShare: pick(m, 0, 1, 0.5, -1e300, 1e300), EchoShare: pick(m, 0, 0.9), SilenceShare: pick(m, 0, 0.9)}
	case 15:
		return pick[record.Body](m, record.Stimulus{State: pick(m, "started", "ended"), Error: failure}, record.SIPGarbage{})
	case 16:
		return record.DNSQuery{Name: proxyName(1 + m.n(2)), Answers: pick(m, nil, []string{"127.0.1.2"})}
	case 17:
		return record.DNSChange{Name: proxyName(1 + m.n(2)), Address: pick(m, "127.0.1.2", ""), Proxy: pick(m, "lb01", "lb02", "")}
	case 18:
		return record.Fetch{What: pick(m, "crl", "ocsp", "certificate", ""), Issuer: pick(m, issuing, another, ""), Path: pick(m, "/1/missing.crt", ""), Status: pick(m, 0, 200, 404, -1), Octets: m.n(9), Took: pick(m, 0, time.Second, -time.Second)}
	case 19:
		return record.RevocationAnswer{What: pick(m, "crl", "ocsp", ""), URL: "http://crl.test/\xff", Subject: pick(m, "", "00"), Body: pick(m, nil, []byte("junk"), emptyList()), Error: failure}
	case 20:
		return record.Provisioned{Profile: pick(m, "expired", "%d", ""), Chain: pick(m, chains...), Error: failure}
	case 21:
		return record.TLSProbe{Name: pick(m, "TLS 1.1", "%d", ""), Suites: pick(m, nil, []uint16{0x000a}), Complete: m.yes(), Version: pick[uint16](m, 0, 0x0301, 0x0303, 0xffff), Suite: pick[uint16](m, 0, 0x000a, 0xc030),
			Compression: uint8(m.n(2)), RenegotiationInfo: m.yes(), Alert: pick(m, "", "handshake_failure"), Closed: pick(m, "", "fin", "rst"), Error: failure}
	case 22:
		return record.Cleartext{Transport: pick(m, "TCP", "UDP", ""), Local: "127.0.1.1:5060", Remote: pick(m, "192.0.2.7:5060", "junk", ""), Foreign: m.n(4) == 1,
			Raw: record.Text(pick(m, "", "INVITE sip:x SIP/2.0\r\n", "OPTIONS", "\xff\x00 %d", "\r\n\r\n"))}
	}
	return pick[record.Body](m, record.Truncated{Dropped: 1}, record.Profile{Generation: 1, Refusing: pick(m, nil, []string{"lb01"}), Script: pick(m, "", "", "stall-before-server-hello", "%d"), Odd: pick(m, nil, []string{"lb01"}), Chain: pick(m, chains...), Issuer: pick(m, "", issuing),
		Revocation: pick(m, "", "crl-revoked"), Revoked: m.yes(), Stapled: m.yes()}, record.Unknown{Name: "later.thing", Raw: []byte("{}")})
}

func (m *maker) attempts(name string, most int, chains [][][]byte) (out []record.Attempt) {
	for i := range m.n(most + 1) {
		a := record.Attempt{Name: pick(m, name+string(rune('0'+i)), "released-by-cloud", "released-by-carrier", "healthy with TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), Generation: 1}
		at := time.Duration(0)
		for seq := range m.n(40) {
			at += pick(m, 0, time.Millisecond, 300*time.Millisecond, 10*time.Second, -time.Second)
			a.Events = append(a.Events, record.Event{Seq: uint64(seq + 1), Mono: at, Generation: pick(m, 1, 1, 1, 0),
				Conn: uint64(m.n(4)), Proxy: pick(m, "lb01", "lb02", "carrier", ""), Body: m.body(chains)})
		}
		out = append(out, a)
	}
	return out
}

// mangle leaves out, repeats, swaps and re-labels events of a case.
func (m *maker) mangle(c Case) Case {
	c.Level = pick(m, ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo)
	c.Scenario = pick(m, "a.inbound.c", "a.outbound.c")
	c.Attempts = slices.Clone(c.Attempts)
	for i := range c.Attempts {
		a := &c.Attempts[i]
		a.Events = slices.Clone(a.Events)
		for range m.n(6) {
			if len(a.Events) == 0 {
				break
			}
			x, y := m.n(len(a.Events)), m.n(len(a.Events))
			switch m.n(6) {
			case 0, 1:
				a.Events = slices.Delete(a.Events, x, x+1)
			case 2:
				a.Events[x], a.Events[y] = a.Events[y], a.Events[x]
			case 3:
				a.Events = slices.Insert(a.Events, y, a.Events[x])
			case 4:
				a.Events[x].Generation = 1 + m.n(2)
			case 5:
				a.Events[x].Body = a.Events[y].Body
			}
		}
	}
	return c
}

// tabled are the cases of all tables.
func tabled() (out []Case) {
	for _, j := range judges {
		for _, x := range j.cases() {
			out = append(out, x.c)
		}
	}
	return out
}

// TestMangledCases judges cases that nearly make sense.
func TestMangledCases(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, c := range tabled() {
		for range 1 + i%2 {
			b := make([]byte, 40)
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			judgeAll(t, (&maker{b}).mangle(c))
		}
	}
}

// FuzzJudges judges cases made of any events in any order.
func FuzzJudges(f *testing.F) {
	var chains [][][]byte
	listed := leaf.changed(func(x *cert) {
		x.alter = func(c *x509.Certificate) {
			c.CRLDistributionPoints, c.OCSPServer = []string{"http://crl.test/a.crl"}, []string{"http://ocsp.test/"}
			at("http://crl.test/1/missing.crt")(c)
		}
	})
	for _, certs := range [][]cert{{}, {leaf, lower, upper}, {leaf}, {selfish}, {leaf, stray}, {listed, lower, upper}} {
		var chain [][]byte
		for _, c := range certs {
			chain = append(chain, c.der())
		}
		chains = append(chains, chain)
	}
	chains = append(chains, [][]byte{[]byte("junk")}, [][]byte{leaf.der(), nil})
	roots := [][]byte{root.der()}
	f.Add([]byte("a"))
	f.Add(bytes.Repeat([]byte{1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31}, 60))
	f.Add(bytes.Repeat([]byte{0, 1, 9, 8, 4, 11, 14, 30}, 90))
	cases := tabled()
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &maker{b}
		if m.yes() {
			judgeAll(t, m.mangle(cases[(256*m.n(256)+m.n(256))%len(cases)]))
			return
		}
		c := Case{
			Scenario: pick(m, "a.inbound.c", "a.outbound.c"), Names: pick(m, region, nil), Level: pick(m, ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo, "", "odd"),
			Target: pick(m, "sbc.customer.test", "192.0.2.1", ""), Fault: pick(m, "", "A fault."), Readings: pick(m, "", "accept: a; refuse: b"), Needs: pick(m, "", CallsToCloud, CallsFromCloud, Provisioning), Offline: m.yes(),
			CarrierHeard: m.yes(), Roots: pick(m, roots, nil, [][]byte{nil}), Deadline: pick(m, 500*time.Millisecond, 0, -1),
			Jitter: Jitter{Samples: m.n(2), Max: pick(m, 0, time.Millisecond, -time.Hour, time.Hour)}, Now: pick(m, played, time.Time{}),
		}
		if m.n(4) == 1 {
			c.Declared = map[string]string{pick(m, CallsToCloud, ""): "reason"}
		}
		if m.n(8) == 1 {
			c.Missing = []string{"numbers:"}
		}
		c.Control, c.Attempts = m.attempts("control", 2, chains), m.attempts("fault", 2, chains)
		d, _, err := c.Decoded()
		if err != nil {
			t.Fatal(err)
		}
		judgeAll(t, d)
	})
}
