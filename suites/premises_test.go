package suites

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites/config"
	"byocheck/suites/referencesbc"
)

// premisesLab is the lab of a run with --premises and without a target, on
// addresses of its own.
func premisesLab(t *testing.T, n int, state string) config.Config {
	t.Helper()
	c := referenceLab(t, n, state)
	c.Edge = config.Edge{Played: true, Name: "edge01.customer.test", Listen: c.Listen[0], MediaSecurity: "required"}
	return c
}

// TestPremises plays the whole catalogue in labs with an Edge: on the right
// device, and on one that was given the cloud's roots and not the organisation's.
func TestPremises(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	for n, tt := range []struct {
		mutant referencesbc.Mutant
		kills  []string
	}{
		{referencesbc.Control, nil},
		// The Edge has no certificate that is good enough for it, so no call comes
		// through, and nothing else can be shown of its calls.
		{referencesbc.TrustsCloudRootsOnly, []string{"cert.inbound.organisation-root-accepted", "media.inbound.call-with-srtp-both-ways"}},
	} {
		t.Run(string(tt.mutant), func(t *testing.T) {
			t.Parallel()
			applied := 0
			for id, v := range playAll(t, premisesLab(t, 110+n, state), string(tt.mutant), scenarios.All()) {
				s, _ := scenarios.Find(id)
				want := judge.Pass
				switch {
				case !s.Scope.Covers(judge.Edge):
					want = judge.NotApplicable
				case slices.Contains(tt.kills, id):
					want = judge.Fail
				case strings.HasPrefix(id, "tls.inbound.offers-") || id == "tls.inbound.client-hello": // seen whatever comes of the handshake
				case len(tt.kills) > 0 && s.Direction() == "inbound":
					want = judge.Inconclusive
				}
				if v.Status != want {
					t.Errorf("%s is %s and not %s: %s", id, v.Status, want, v.Observed)
				}
				if want != judge.NotApplicable {
					applied++
				} else if !strings.Contains(v.Observed, s.Scope.Clause) {
					t.Errorf("%s does not say by which clause: %s", id, v.Observed)
				}
			}
			if applied < len(scenarios.All())/2 {
				t.Errorf("only %d of %d scenarios were played", applied, len(scenarios.All()))
			}
		})
	}
}

// What the media scenarios make of a device with SRTP and of one with RTP, by the
// media security of the trunk.
func TestMediaSecurityOfTheTrunk(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	const out, in, plain = "media.outbound.call-with-srtp-both-ways", "media.inbound.call-with-srtp-both-ways", "media.inbound.no-plain-rtp-offered"
	for n, tt := range []struct {
		security       string
		mutant         referencesbc.Mutant
		out, in, plain judge.Status
	}{
		{"required", referencesbc.SendsPlainRTP, judge.Fail, judge.Fail, judge.Fail},
		{"optional", referencesbc.Control, judge.Pass, judge.Pass, judge.NotApplicable},
		{"optional", referencesbc.SendsPlainRTP, judge.Fail, judge.Pass, judge.NotApplicable}, // it answers SRTP with RTP
		{"off", referencesbc.Control, judge.Fail, judge.Fail, judge.NotApplicable},            // it insists on SRTP
		{"off", referencesbc.SendsPlainRTP, judge.Pass, judge.Pass, judge.NotApplicable},
	} {
		t.Run(tt.security+" and "+string(tt.mutant), func(t *testing.T) {
			t.Parallel()
			c := premisesLab(t, 115+n, state)
			c.Edge.MediaSecurity = tt.security
			l, err := open(c, silent)
			if err != nil {
				t.Fatal(err)
			}
			defer l.close()
			if err := l.startReference(c, string(tt.mutant)); err != nil {
				t.Fatal(err)
			}
			for id, want := range map[string]judge.Status{out: tt.out, in: tt.in, plain: tt.plain} {
				s, _ := scenarios.Find(id)
				if v, _ := l.stage.Play(t.Context(), s); v.Status != want {
					t.Errorf("%s is %s and not %s: %s", id, v.Status, want, v.Observed)
				}
			}
		})
	}
}

// A list of the Edge's own decides what is taken and offered.
func TestCiphersOfTheEdge(t *testing.T) {
	c := premisesLab(t, 121, filepath.Join(t.TempDir(), "state"))
	c.Edge.Ciphers = []string{"AES256-SHA"}
	if err := Complete(t.Context(), &c, nil); err != nil {
		t.Fatal(err)
	}
	l, err := open(c, silent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.startReference(c, ""); err != nil {
		t.Fatal(err)
	}
	for id, says := range map[string]string{
		"tls.inbound.offers-surviving-suite":    "offers 1 of the suites that stay: TLS_RSA_WITH_AES_256_CBC_SHA",
		"tls.inbound.each-offered-suite-works":  "each suite of the specification that the device offers (1): TLS_RSA_WITH_AES_256_CBC_SHA",
		"tls.outbound.surviving-suite-accepted": "accepts 1 of the 1 surviving suites: TLS_RSA_WITH_AES_256_CBC_SHA",
	} {
		s, _ := scenarios.Find(id)
		if v, _ := l.stage.Play(t.Context(), s); v.Status != judge.Pass || !strings.Contains(v.Observed, says) {
			t.Errorf("%s is %s: %s", id, v.Status, v.Observed)
		}
	}
	c.Edge.Ciphers = []string{"AES256-SHA", "RC4-MD5"}
	if err := Complete(t.Context(), &c, nil); err == nil || !strings.HasPrefix(err.Error(), `edge.ciphers[1]: unknown cipher suite "RC4-MD5"; write one of`) {
		t.Errorf("error %v", err)
	}
}
