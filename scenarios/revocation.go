package scenarios

import (
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
)

// revoked are the scenarios about a certificate that is revoked. The
// specification speaks of revocation lists only; OCSP and what is stapled are
// should.
var revoked = map[string]struct {
	level   ledger.Level
	title   string
	clauses []string
}{
	"crl-revoked": {ledger.LevelMust, "The device refuses a certificate that is on the revocation list it names",
		[]string{"byoc-039-revocation", "rfc5280-6.3-crl-validation"}},
	"ocsp-revoked": {ledger.LevelShould, "The device refuses a certificate that its OCSP responder calls revoked",
		[]string{"byoc-039-revocation", "rfc6960-2.2-response"}},
	"staple-revoked": {ledger.LevelShould, "The device refuses a certificate whose stapled OCSP response calls it revoked",
		[]string{"rfc6066-8-certificate-status-request", "rfc6960-2.2-response"}},
	"intermediate-revoked": {ledger.LevelMust, "The device refuses a chain whose intermediate is revoked",
		[]string{"rfc5280-6.1.3-basic-certificate-processing", "rfc5280-6.3-crl-validation", "byoc-039-revocation"}},
}

// unknownStatus says what the sources want where the status cannot be had.
const unknownStatus = "RFC 5280 section 6.3.3 calls the status undetermined and leaves it to the client whether to go on; " +
	"the specification does not say either, and within 500 ms there is hardly time to ask."

// inboundRevocation are the scenarios about the revocation of the cloud's
// certificate. The control presents another certificate of the same issuer, or,
// where the issuer itself is what is wrong, of one like it.
func inboundRevocation() []Scenario {
	var out []Scenario
	for _, cond := range simulator.Conditions() {
		s := Scenario{
			Usually: 1500 * time.Millisecond,
			Fault:   cond.Sentence,
			Needs:   judge.CallsToCloud,
			Play:    playFace(simulator.Face{Revocation: cond.ID, Good: true}, simulator.Face{Revocation: cond.ID}),
		}
		if r, is := revoked[cond.ID]; is {
			s.ID, s.Level, s.Title, s.Clauses, s.Judge = "cert.inbound."+cond.ID+"-refused", r.level, r.title, r.clauses, judge.Refusal
		} else {
			s.ID, s.Level, s.Judge, s.Readings = "cert.inbound."+cond.ID, ledger.LevelInfo, judge.Told, unknownStatus
			s.Title = "What the device does when " + cond.When
			s.Clauses = []string{"byoc-039-revocation", "rfc5280-6.3-crl-validation"}
		}
		out = append(out, s)
	}
	return out
}
