package scenarios

import (
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/transport/scripted"
)

// scripts are the handshakes that no library plays, with what is asked of the
// device. Where a fault would let somebody else in, it is a must; the rest is
// what a sound TLS stack does, a should.
var scripts = []struct {
	script  scripted.Script
	level   ledger.Level
	title   string
	clauses []string
}{
	{"unoffered-suite", ledger.LevelMust, "The device refuses a cipher suite that it did not offer",
		[]string{"rfc5246-7.4.1.3-server-hello", "byoc-013-cipher-list"}},
	{"unoffered-group", ledger.LevelMust, "The device refuses a curve that it did not offer",
		[]string{"rfc8422-5.4-server-key-exchange", "byoc-015-ecdhe-p384-only"}},
	{"unoffered-version", ledger.LevelMust, "The device refuses a version of TLS that it did not offer",
		[]string{"rfc5246-7.4.1.3-server-hello", "byoc-011-tls12-only"}},
	{"export-suite", ledger.LevelMust, "The device refuses an export suite",
		[]string{"rfc5246-7.4.1.3-server-hello", "byoc-013-cipher-list"}},
	{"compression", ledger.LevelShould, "The device refuses compression",
		[]string{"rfc5246-7.4.1.3-server-hello"}},
	{"unsolicited-extension", ledger.LevelShould, "The device refuses an extension that it did not ask for",
		[]string{"rfc5246-7.4.1.4-hello-extensions"}},
	{"unknown-extension", ledger.LevelInfo, "What the device makes of an extension that it cannot know",
		[]string{"rfc5246-7.4.1.4-hello-extensions"}},
	{"bad-renegotiation-info", ledger.LevelShould, "The device refuses a first handshake that claims to be a renegotiation",
		[]string{"rfc5746-3.4-client-initial-handshake"}},
	{"wrong-signature", ledger.LevelMust, "The device refuses a key exchange whose signature is wrong",
		[]string{"rfc5246-7.2.2-error-alerts", "byoc-016-client-validates"}},
	{"wrong-finished", ledger.LevelMust, "The device refuses a Finished that does not fit the handshake",
		[]string{"rfc5246-7.4.9-finished"}},
	{"missing-certificate", ledger.LevelMust, "The device refuses a handshake without a certificate",
		[]string{"rfc5246-7.2.2-error-alerts", "byoc-016-client-validates"}},
	{"malformed-certificate", ledger.LevelShould, "The device refuses a Certificate message of the wrong length",
		[]string{"rfc5246-7.2.2-error-alerts"}},
	{"reordered-done", ledger.LevelShould, "The device refuses a ServerHelloDone before the Certificate",
		[]string{"rfc5246-7.4-message-order"}},
	{"reordered-key-exchange", ledger.LevelShould, "The device refuses a ServerKeyExchange before the Certificate",
		[]string{"rfc5246-7.4-message-order"}},
	{"unexpected-key-exchange", ledger.LevelShould, "The device refuses a ServerKeyExchange in a handshake that has none",
		[]string{"rfc5246-7.4-message-order"}},
	{"fragmented-flight", ledger.LevelMust, "The device accepts handshake messages in records of one octet",
		[]string{"rfc5246-6.2.1-fragmentation"}},
	{"coalesced-flight", ledger.LevelMust, "The device accepts all messages of a flight in one record",
		[]string{"rfc5246-6.2.1-fragmentation"}},
	{"one-octet-segments", ledger.LevelMust, "The device accepts a connection whose every octet is a TCP segment",
		[]string{"rfc5246-6.2.1-fragmentation", "byoc-002-tls-over-tcp"}},
	{"empty-records", ledger.LevelShould, "The device accepts empty records of application data",
		[]string{"rfc5246-6.2.1-fragmentation"}},
}

// inboundScripts are the scenarios in which the cloud does a handshake that is
// wrong in one thing, or right in an unusual way. The control is the same hand
// at work, with nothing wrong.
func inboundScripts() []Scenario {
	about := map[scripted.Script]scripted.Info{}
	for _, i := range scripted.Scripts() {
		about[i.Script] = i
	}
	honest := simulator.Face{Script: scripted.Honest}
	var out []Scenario
	for _, x := range scripts {
		info := about[x.script]
		s := Scenario{
			ID: "tls.inbound." + string(x.script), Usually: time.Second,
			Level: x.level, Title: x.title, Clauses: x.clauses, Fault: info.Sentence,
			Needs: judge.CallsToCloud, Play: playFace(honest, simulator.Face{Script: x.script}),
		}
		switch info.Expect {
		case scripted.Refuse:
			s.ID, s.Judge = s.ID+"-refused", judge.ScriptRefusal
		case scripted.Accept:
			s.ID, s.Judge = s.ID+"-accepted", judge.AcceptedThroughout
		default:
			s.Judge, s.Readings = judge.Told, info.Citation+"."
		}
		out = append(out, s)
	}
	return out
}
