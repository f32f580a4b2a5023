package judge

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
)

// expected is a case with the verdict that it must get at level must.
type expected struct {
	name   string
	c      Case
	status Status
	// says are words of observed or hint that tell the verdict from others.
	says []string
	// shows are kinds of events that evidence must point to.
	shows []string
}

// judges are all judges with the cases they are tested on.
var judges = []struct {
	name  string
	judge func(Case) Verdict
	cases func() []expected
}{
	{"Acceptance", Acceptance, acceptanceCases},
	{"AcceptedThroughout", AcceptedThroughout, throughoutCases},
	{"Told", Told, toldCases},
	{"ECDSALeaf", ECDSALeaf, ecdsaCases},
	{"MissingIntermediate", MissingIntermediate, missingIntermediateCases},
	{"RotationDuringCall", RotationDuringCall, rotationCases},
	{"DatesValid", DatesValid, datesCases},
	{"NotExpiringSoon", NotExpiringSoon, expiryCases},
	{"NotRevoked", NotRevoked, revocationCases},
	{"UsageFits", UsageFits, usageCases},
	{"StrongEnough", StrongEnough, strengthCases},
	{"IssuerTrusted", IssuerTrusted, providerCases},
	{"SameWithoutSNI", SameWithoutSNI, withoutSNICases},
	{"WrongCertificates", WrongCertificates, provisionCases},
	{"Refusal", Refusal, refusalCases},
	{"OutboundCall", OutboundCall, outboundCases},
	{"InboundCall", InboundCall, inboundCases},
	{"NoPlainRTP", NoPlainRTP, plainCases},
	{"ChainComplete", ChainComplete, chainCases},
	{"NameMatches", NameMatches, nameCases},
	{"NoClientCertificate", NoClientCertificate, clientCertificateCases},
	{"HandshakeTime", HandshakeTime, handshakeTimeCases},
	{"SurvivingSuite", SurvivingSuite, suiteCases},
	{"IPOnly", IPOnly, addressCases},
	{"ConnectsByName", ConnectsByName, byNameCases},
	{"NextProxy", NextProxy, nextProxyCases},
	{"Release", Release, releaseCases},
	{"CancelWhileRinging", CancelWhileRinging, cancelCases},
	{"SIPSURI", SIPSURI, sipsCases},
	{"OffersSurvivingSuite", OffersSurvivingSuite, survivingCases},
	{"OffersP384", OffersP384, p384Cases},
	{"OffersTLS12", OffersTLS12, tls12Cases},
	{"NoWeakSuiteOffered", NoWeakSuiteOffered, weakOfferCases},
	{"SignaturesForG3", SignaturesForG3, signatureCases},
	{"Fingerprint", Fingerprint, fingerprintCases},
	{"EachSuite", EachSuite, eachSuiteCases},
	{"ScriptRefusal", ScriptRefusal, scriptCases},
	{"WeakSuiteRefused", WeakSuiteRefused, weakSuiteCases},
	{"OldVersionRefused", OldVersionRefused, oldClientCases},
	{"NoCleartext", NoCleartext, cleartextCases},
	{"Patience", Patience, patienceCases},
	{"TLS12Accepted", TLS12Accepted, tls12ServerCases},
	{"SuiteTable", SuiteTable, suiteTableCases},
	{"OldVersionsRefused", OldVersionsRefused, oldServerCases},
	{"WeakSuitesRefused", WeakSuitesRefused, weakServerCases},
	{"CompressionRefused", CompressionRefused, compressionCases},
	{"SecureRenegotiation", SecureRenegotiation, renegotiationCases},
	{"OrganisationRoot", OrganisationRoot, organisationCases},
	{"OutboundCall by media security", OutboundCall, securedOutboundCases},
	{"InboundCall by media security", InboundCall, securedInboundCases},
	{"OffersSurvivingSuite of an Edge", OffersSurvivingSuite, trunkSuiteCases},
}

// lenient are the judges that hold nothing against a device.
var lenient = []string{"Told", "ECDSALeaf", "Fingerprint", "Patience", "SuiteTable"}

// commonCases are alike for all judges.
func commonCases() []expected {
	return []expected{
		{name: "declared absent", status: NotApplicable, says: []string{"Declared absent", CallsToCloud, "no such trunk"},
			c: with(one(device("lb01", handshake, sends("OPTIONS"))), declare(CallsToCloud))},
		{name: "declared absent but the device calls", status: Inconclusive, says: []string{"was seen using it", "Remove " + CallsToCloud}, shows: []string{"sip.message"},
			c: with(one(device("lb01", handshake, sends("INVITE"))), declare(CallsToCloud))},
		{name: "declared absent but the device called in the control", status: Inconclusive, says: []string{"was seen using it"}, shows: []string{"sip.message"},
			c: with(one(), func(c *Case) {
				declare(CallsToCloud)(c)
				c.Control = []record.Attempt{attempt("control", device("lb02", handshake, sends("INVITE")))}
			})},
		{name: "declared absent but the device takes a call", status: Inconclusive, says: []string{"was seen using it", CallsFromCloud}, shows: []string{"sip.message"},
			c: with(one(cloudCall(call{})), declare(CallsFromCloud))},
		{name: "another feature declared absent", status: Inconclusive, says: []string{"could not be played"},
			c: with(one(), func(c *Case) {
				declare(CallsFromCloud)(c)
				c.Needs, c.Missing = CallsToCloud, []string{"carrier:"}
			})},
		{name: "declared absent but the device calls the Edge", status: Inconclusive, says: []string{"was seen using it"}, shows: []string{"sip.message"},
			c: with(one(device("edge", handshake, sends("INVITE"))), declare(CallsToCloud))},
		{name: "declared absent, and the carrier is called", status: NotApplicable, says: []string{"Declared absent"},
			c: with(one(carrierCall(call{})), declare(CallsToCloud))},
		{name: "about an Edge, and the cloud is played", status: NotApplicable, says: []string{"Only for BYOC Premises", "byoc-052-edge-org-ca"},
			c: with(one(device("lb01", handshake, sends("INVITE"))), func(c *Case) { c.Scope = onlyEdge })},
		{name: "about the cloud, and an Edge is played", status: NotApplicable, says: []string{"Only for BYOC Cloud", "byoc-030-handshake-500ms"},
			c: with(one(), func(c *Case) { c.System, c.Scope, c.Attempts = Edge, onlyCloud, nil })},
		{name: "about required media security, and it is optional", status: NotApplicable, says: []string{"Only where media security is required", "byoc-053"},
			c: with(one(), func(c *Case) {
				c.System, c.MediaSecurity, c.Attempts = Edge, "optional", nil
				c.Scope = Scope{MediaSecurity: "required", Clause: "byoc-053-edge-media-settings", Why: "the trunk allows RTP"}
			})},
		{name: "configuration lacks the stimulus", status: Inconclusive, says: []string{"could not be played", "carrier: {listen: …} / numbers: …"},
			c: with(one(), func(c *Case) { c.Attempts, c.Missing = nil, []string{"carrier: {listen: …}", "numbers: …"} })},
		{name: "no attempt at all", status: Error, says: []string{"no attempt"},
			c: with(one(), func(c *Case) { c.Attempts = nil })},
	}
}

func declare(feature string) func(*Case) {
	return func(c *Case) { c.Needs, c.Declared = feature, map[string]string{feature: "no such trunk"} }
}

func TestJudges(t *testing.T) {
	for _, j := range judges {
		t.Run(j.name, func(t *testing.T) {
			seen := map[Status]bool{}
			names := map[string]bool{}
			for _, x := range append(commonCases(), j.cases()...) {
				if names[x.name] {
					t.Errorf("two cases are named %q", x.name)
				}
				names[x.name] = true
				seen[x.status] = true
				t.Run(x.name, func(t *testing.T) { x.check(t, j.judge) })
			}
			for _, s := range []Status{Pass, Fail, NotApplicable, Inconclusive, Error} {
				if !seen[s] && (s != Fail || !slices.Contains(lenient, j.name)) {
					t.Errorf("no case gives %s", s)
				}
			}
		})
	}
}

// check judges the case as it reads after encoding, at every level.
func (x expected) check(t *testing.T, judge func(Case) Verdict) {
	t.Helper()
	for _, level := range []ledger.Level{ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo} {
		c := x.c
		c.Level = level
		decoded, _, err := c.Decoded()
		if err != nil {
			t.Fatal(err)
		}
		v := judge(decoded)
		want := x.status
		if want == Fail {
			want = unmet(level)
		}
		if v.Status != want {
			t.Errorf("level %s: %s, want %s; observed: %s", level, v.Status, want, v.Observed)
		}
		for _, words := range x.says {
			if !strings.Contains(v.Observed+"\n"+v.Hint, words) {
				t.Errorf("level %s: observed %q, hint %q; want in it %q", level, v.Observed, v.Hint, words)
			}
		}
		for _, kind := range x.shows {
			if !slices.ContainsFunc(v.Evidence, func(e Evidence) bool {
				is, _ := kindOf(decoded, e)
				return is == kind
			}) {
				t.Errorf("level %s: no evidence of kind %s in %+v", level, kind, v.Evidence)
			}
		}
		if again := judge(decoded); !reflect.DeepEqual(again, v) {
			t.Errorf("judged again:\n%+v\nwas\n%+v", again, v)
		}
		if err := sound(decoded, v); err != nil {
			t.Errorf("level %s: %v in %+v", level, err, v)
		}
	}
}

// sound checks what holds for every verdict.
func sound(c Case, v Verdict) error {
	switch {
	case !slices.Contains(Statuses(), v.Status):
		return fmt.Errorf("status %q is none of the six", v.Status)
	case v.Status == Fail && c.Level != ledger.LevelMust:
		return fmt.Errorf("a requirement of level %q failed", c.Level)
	case v.Observed == "" || v.Expected == "":
		return fmt.Errorf("no words")
	case strings.TrimSpace(v.Observed) != v.Observed || strings.TrimSpace(v.Hint) != v.Hint || strings.TrimSpace(v.Expected) != v.Expected:
		return fmt.Errorf("spaces around the words")
	}
	for _, e := range v.Evidence {
		if _, found := kindOf(c, e); !found {
			return fmt.Errorf("evidence for nothing: %+v", e)
		}
	}
	return nil
}

// kindOf is the kind of the event that evidence points to.
func kindOf(c Case, e Evidence) (kind string, found bool) {
	for _, a := range slices.Concat(c.Control, c.Attempts) {
		for _, event := range a.Events {
			if a.Name == e.Attempt && event.Seq == e.Seq {
				return event.Body.Kind(), true
			}
		}
	}
	return "", false
}

// TestNoLevel: a case that does not say how much it weighs is the harness's
// fault; taken for info it would be green.
func TestNoLevel(t *testing.T) {
	for _, j := range judges {
		for _, x := range j.cases() {
			x.c.Level = ""
			if v := j.judge(x.c); v.Status != Error {
				t.Errorf("%s, %s: %s without a level", j.name, x.name, v.Status)
			}
		}
	}
}
