package scenarios

import (
	"context"
	"slices"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

// inboundSuites is the scenario of each suite alone.
func inboundSuites() []Scenario {
	return []Scenario{{
		ID:      "tls.inbound.each-offered-suite-works",
		Title:   "A call comes through on each cipher suite that the device offers, alone",
		Level:   ledger.LevelMust,
		Clauses: []string{"byoc-013-cipher-list", "byoc-014-cipher-deprecation", "byoc-015-ecdhe-p384-only"},
		Fault:   "The cloud takes one of the specification's suites alone, and the next one after that.",
		Needs:   judge.CallsToCloud,
		Play:    playOfferedSuites,
		Judge:   judge.EachSuite,
	}}
}

// playOfferedSuites makes the device call once for each suite of the edition
// that it offered in the control.
func playOfferedSuites(ctx context.Context, s *Stage, c *judge.Case) error {
	if c.Missing = s.missingFace(simulator.Face{}); len(c.Missing) > 0 {
		return nil
	}
	defer s.restore()
	a, err := s.control(ctx, "control", simulator.Face{})
	c.Control = []record.Attempt{a}
	if err != nil || ctx.Err() != nil {
		return err
	}
	offered := judge.SuitesOffered(a)
	for _, suite := range transport.EditionSuites(s.Edition) {
		if ctx.Err() != nil || !slices.Contains(offered, suite) {
			continue
		}
		s.tell("the cloud takes %s alone", transport.SuiteName(suite))
		a, err := s.control(ctx, transport.SuiteName(suite), simulator.Face{Suite: suite})
		c.Attempts = append(c.Attempts, a)
		if err != nil {
			return err
		}
	}
	if len(c.Attempts) == 0 { // it offered none: the judge sees that
		c.Attempts = c.Control
	}
	return nil
}
