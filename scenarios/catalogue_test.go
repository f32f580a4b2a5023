package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/certs"
	"byocheck/certs/trust"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/record"
)

// about lists the scenarios whose id is the prefix and the name, with what the
// device is to do, if anything, after them.
func about(all []Scenario, prefix, name string) (found []Scenario) {
	for _, s := range all {
		rest, is := strings.CutPrefix(s.ID, prefix+name)
		if is && slices.Contains([]string{"", "-refused", "-accepted"}, rest) {
			found = append(found, s)
		}
	}
	return found
}

// Every way a certificate can be right or wrong is played, once.
func TestEveryProfileIsPlayed(t *testing.T) {
	all := inboundCertificates()
	for _, info := range certs.Profiles() {
		if info.Profile == certs.Healthy {
			continue // that is every control
		}
		found := about(all, "cert.inbound.", string(info.Profile))
		if len(found) != 1 {
			t.Errorf("%s: %d scenarios", info.Profile, len(found))
			continue
		}
		s := found[0]
		if s.Fault != info.Sentence || s.Readings != info.Readings {
			t.Errorf("%s tells another fault or other readings than the profile", s.ID)
		}
		ends := "" // with an outcome that the sources agree on
		switch {
		case info.Expect == certs.Accept:
			ends = "-accepted"
		case info.Expect == certs.Refuse || s.Level != ledger.LevelInfo:
			ends = "-refused"
		}
		if s.ID != "cert.inbound."+string(info.Profile)+ends {
			t.Errorf("%s: the profile is to %s, and the level is %s", s.ID, info.Expect, s.Level)
		}
		if info.Expect != certs.Either && s.Level == ledger.LevelInfo {
			t.Errorf("%s: the profile is to %s, and nobody minds", s.ID, info.Expect)
		}
	}
	if len(all) != len(certs.Profiles())-1 {
		t.Errorf("%d scenarios for %d profiles", len(all), len(certs.Profiles())-1)
	}
}

// Every condition of revocation is played, once.
func TestEveryConditionIsPlayed(t *testing.T) {
	all := inboundRevocation()
	for _, cond := range simulator.Conditions() {
		found := about(all, "cert.inbound.", cond.ID)
		if len(found) != 1 {
			t.Errorf("%s: %d scenarios", cond.ID, len(found))
			continue
		}
		s := found[0]
		refuse := cond.Revoked != simulator.Nothing
		if strings.HasSuffix(s.ID, "-refused") != refuse || (s.Level == ledger.LevelInfo) == refuse || s.Fault != cond.Sentence {
			t.Errorf("%s: level %s, fault %q; revoked is %q", s.ID, s.Level, s.Fault, cond.Revoked)
		}
		if (s.Readings == "") != refuse {
			t.Errorf("%s: readings %q", s.ID, s.Readings)
		}
	}
	if len(all) != len(simulator.Conditions()) {
		t.Errorf("%d scenarios for %d conditions", len(all), len(simulator.Conditions()))
	}
}

// device is an attempt with one connection of the device, which completes the
// handshake and sends SIP over it, or ends it with an alert.
func device(name string, comesThrough bool) record.Attempt {
	o := record.Origin{Generation: 1, Conn: 1, Proxy: "lb01"}
	var r record.Recorder
	w := r.Open(name)
	w.Under(name, 1)
	r.Emit(record.Origin{Generation: 1}, record.Profile{Name: name, Generation: 1})
	r.Emit(o, record.Accepted{Remote: "192.0.2.7:40000"})
	r.Emit(o, record.ClientHello{Versions: []uint16{0x303}, Suites: []uint16{0xc030, 0xc02c}})
	if comesThrough {
		r.Emit(o, record.HandshakeDone{Version: 0x303})
		r.Emit(o, record.TLSRecord{Dir: record.In, Type: 23, Encrypted: true})
		r.Emit(o, record.SIPMessage{Dir: record.In, Method: "OPTIONS"})
	} else {
		r.Emit(o, record.Alert{Dir: record.In, Level: 2, Code: 42, Name: "bad_certificate"})
		r.Emit(o, record.HandshakeFailed{By: record.Device, Error: "remote error"})
	}
	return w.Close()
}

// The end of an id says what the verdict rests on: -refused is held against a
// device that accepts, -accepted against one that refuses, and nothing is held
// against any where there is neither.
func TestIDsSayWhatIsJudged(t *testing.T) {
	for _, s := range slices.Concat(inboundCertificates(), inboundRevocation(), inboundRoots()) {
		if s.ID == "cert.inbound.rotated-during-call-accepted" {
			continue // it is about a call
		}
		verdict := func(comesThrough bool) judge.Verdict {
			c := judge.Case{Scenario: s.ID, Level: s.Level, Fault: s.Fault, Readings: s.Readings, Now: time.Unix(1, 0),
				Control: []record.Attempt{device("control", true)}, Attempts: []record.Attempt{device("fault-1", comesThrough)}}
			return s.Judge(c)
		}
		unmet := map[ledger.Level]judge.Status{ledger.LevelMust: judge.Fail, ledger.LevelShould: judge.Warn}[s.Level]
		onAccept, onRefuse := judge.Pass, judge.Pass
		switch {
		case strings.HasSuffix(s.ID, "-refused"):
			onAccept = unmet
		case strings.HasSuffix(s.ID, "-accepted"):
			onRefuse = unmet
		}
		accepts, refuses := verdict(true), verdict(false)
		if accepts.Status != onAccept || refuses.Status != onRefuse {
			t.Errorf("%s, level %s: %q for a device that accepts, want %q; %q for one that refuses, want %q", s.ID, s.Level, accepts.Status, onAccept, refuses.Status, onRefuse)
		}
		if told := s.Readings != "" && strings.HasSuffix(accepts.Expected, s.Readings); told != (s.Level == ledger.LevelInfo) {
			t.Errorf("%s, level %s: expected %q", s.ID, s.Level, accepts.Expected)
		}
	}
}

// Each hierarchy of the cloud has its scenario, and so has each step of the check
// of the device's own certificate.
func TestEveryRootAndStep(t *testing.T) {
	for _, h := range certs.Hierarchies() {
		if n := len(about(inboundRoots(), "cert.inbound.root-", string(h))); n != 1 {
			t.Errorf("%d scenarios for %s", n, h)
		}
	}
	const beside = 2 // same-without-sni and survives-wrong-certificates
	if got, steps := len(outboundCertificates()), len(trust.Evaluate(trust.Presented{}).Findings); got != steps+beside {
		t.Errorf("%d scenarios for %d steps", got-beside, steps)
	}
}
