package scenarios

import (
	"context"
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
)

// inboundRoots are the scenarios about the roots that the device is to trust,
// without being set up anew between them, and about a certificate that is
// replaced while a call is up.
func inboundRoots() []Scenario {
	out := []Scenario{{
		ID:      "cert.inbound.organisation-root-accepted",
		Usually: time.Second,
		Title:   "The device accepts an Edge whose certificate comes from the organisation's authority",
		Level:   ledger.LevelMust,
		Clauses: []string{"byoc-052-edge-org-ca", "byoc-051-edge-direct", "byoc-008-client-trusts-server-ca"},
		Needs:   judge.CallsToCloud,
		Play:    playOrganisationRoot,
		Judge:   judge.OrganisationRoot,
	}}
	for _, r := range []struct {
		hierarchy certs.Hierarchy
		name      string
	}{
		{certs.HighAssuranceEV, "DigiCert High Assurance EV Root CA"},
		{certs.GlobalG2, "DigiCert Global Root G2"},
		{certs.GlobalG3, "DigiCert Global Root G3"},
	} {
		out = append(out, Scenario{
			ID:      "cert.inbound.root-" + string(r.hierarchy) + "-accepted",
			Usually: time.Second,
			Title:   "The device accepts the cloud under a root like " + r.name,
			// That the device trusts the root of its own region is shown by every
			// other scenario; to trust the others ahead is a recommendation.
			Level:   ledger.LevelShould,
			Clauses: []string{"byoc-020-ev-regions-will-migrate", "byoc-021-g2g3-regions", "byoc-018-trust-digicert-root", "byoc-k09-one-root-or-three"},
			Fault:   "The proxies' certificates come from the simulated " + r.name + ", one of the three that the device was given.",
			Needs:   judge.CallsToCloud,
			Play:    playFace(simulator.Face{}, simulator.Face{Hierarchy: r.hierarchy}),
			Judge:   judge.Acceptance,
		})
	}
	return append(out, Scenario{
		ID:      "cert.inbound.rotated-during-call-accepted",
		Usually: time.Second,
		Title:   "When the proxies' certificate is replaced during a call, the call stays and the next one comes through",
		Level:   ledger.LevelMust,
		Clauses: []string{"byoc-022-no-leaf-pinning", "byoc-037-renew-near-expiry", "byoc-k17-when-certificates-change"},
		Fault:   "While a call is up, the proxies' certificate and key are replaced and their connections closed.",
		Needs:   judge.CallsToCloud,
		Play:    playRotationDuringCall,
		Judge:   judge.RotationDuringCall,
	})
}

// playOrganisationRoot makes the device call the Edge as it is. Where it refuses,
// it sees the same Edge under the cloud's roots.
func playOrganisationRoot(ctx context.Context, s *Stage, c *judge.Case) error {
	if c.Missing = s.missingFace(simulator.Face{}); len(c.Missing) > 0 {
		return nil
	}
	defer s.restore()
	s.tell("looking whether the device trusts the organisation's root")
	a, err := s.control(ctx, "organisation-root", simulator.Face{})
	c.Attempts = []record.Attempt{a}
	for _, h := range certs.Hierarchies() {
		if err != nil || ctx.Err() != nil || !judge.Tried(a) || judge.CameThrough(a) {
			return err
		}
		s.tell("showing it the Edge under the root %s", h)
		a, err = s.control(ctx, "under-"+string(h), simulator.Face{Hierarchy: h})
		c.Control = append(c.Control, a)
	}
	return err
}

// playRotationDuringCall connects a call, replaces the certificate, connects a
// second call, and hangs both up.
func playRotationDuringCall(ctx context.Context, s *Stage, c *judge.Case) error {
	if c.Missing = s.missingBothSides(true); len(c.Missing) > 0 {
		return nil
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	defer s.restore()
	before := s.Recorder.Open("first-call")
	before.Under(simulator.Face{}.Name(), s.Cloud.Generation())
	at, err := s.Cloud.Expect(expected(s.Inbound, s.InboundExpected))
	if err != nil {
		return err
	}
	defer at.Close()
	bound, cancel := context.WithTimeout(ctx, s.Attempt)
	defer cancel()
	_, stop := s.answering(bound, at, s.Cloud.Answer)
	defer stop()
	first := s.call(bound)
	c.Attempts = []record.Attempt{before.Close()}
	if first == nil {
		return nil
	}
	during := s.Recorder.Open("second-call")
	s.tell("%s", c.Fault)
	shown := simulator.Face{Certificate: certs.RotatedLeaf, NoDeadline: true}
	generation, err := s.Cloud.Show(shown)
	during.Under(shown.Name(), generation)
	if err == nil {
		if second := s.call(bound); second != nil {
			s.hangUp(ctx, second)
		}
		s.hangUp(ctx, first)
		stop()
	}
	c.Attempts = append(c.Attempts, during.Close())
	return err
}

// call places a call from the carrier; nil where it did not come about.
func (s *Stage) call(ctx context.Context) (l *leg.Leg) {
	number := s.Inbound[0]
	s.stimulated("carrier-call", "the carrier calls "+number, func() (status int, err error) {
		l, err = s.Carrier.Call(ctx, number, callerNumber)
		if err != nil {
			return statusOf(err)
		}
		return 200, nil
	})
	return l
}
