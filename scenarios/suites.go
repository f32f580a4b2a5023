package scenarios

import (
	"context"
	"crypto/tls"
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
	}, {
		ID:      "tls.inbound.weak-suite-refused",
		Title:   "The device takes no weak cipher suite, should a server choose one",
		Level:   ledger.LevelShould,
		Clauses: []string{"byoc-013-cipher-list", "byoc-001-secure-trunk-both-planes"},
		Fault:   "The cloud takes one of the weak suites that the device offers, if any, alone.",
		Needs:   judge.CallsToCloud,
		Play:    playWeakSuites,
		Judge:   judge.WeakSuiteRefused,
	}, {
		ID:      "tls.inbound.old-version-refused",
		Title:   "The device refuses a server that speaks TLS 1.1 or older",
		Level:   ledger.LevelShould,
		Clauses: []string{"byoc-011-tls12-only"},
		Fault:   "The cloud speaks TLS 1.1 alone, then TLS 1.0 alone.",
		Needs:   judge.CallsToCloud,
		Play:    playOldVersions,
		Judge:   judge.OldVersionRefused,
	}}
}

// playWeakSuites serves each weak suite that the device offers.
func playWeakSuites(ctx context.Context, s *Stage, c *judge.Case) error {
	return s.serveEach(ctx, c, func(control record.Attempt) []simulator.Face {
		var out []simulator.Face
		for _, suite := range judge.SuitesOffered(control) {
			if slices.Contains(judge.WeakSuites(), suite) && transport.WeakEngine(suite) != nil {
				out = append(out, simulator.Face{Suite: suite, Weak: true})
			}
		}
		return out
	})
}

// playOldVersions serves each old version.
func playOldVersions(ctx context.Context, s *Stage, c *judge.Case) error {
	if err := transport.LibSSLMissing(); err != nil {
		c.Missing = []string{"(on this machine) " + err.Error()}
		return nil
	}
	return s.serveEach(ctx, c, func(record.Attempt) []simulator.Face {
		return []simulator.Face{{Version: tls.VersionTLS11}, {Version: tls.VersionTLS10}}
	})
}

// serveEach shows the faces that follow from the control, one after the other.
func (s *Stage) serveEach(ctx context.Context, c *judge.Case, faces func(control record.Attempt) []simulator.Face) error {
	if c.Missing = s.missingFace(simulator.Face{}); len(c.Missing) > 0 {
		return nil
	}
	defer s.restore()
	a, err := s.control(ctx, "control", simulator.Face{})
	c.Control = []record.Attempt{a}
	if err != nil || ctx.Err() != nil {
		return err
	}
	for _, f := range faces(a) {
		s.tell("the proxies show: %s", f.Name())
		a, err := s.attempt(ctx, f.Name(), f)
		c.Attempts = append(c.Attempts, a)
		if err != nil || ctx.Err() != nil {
			return err
		}
		s.shaken = true
		if err := s.ready(ctx); err != nil {
			return err
		}
	}
	if len(c.Attempts) == 0 { // there is nothing to show: the judge sees why
		c.Attempts = c.Control
	}
	return nil
}

// playOfferedSuites makes the device call once for each suite of the trunk
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
	for _, suite := range s.Cloud.Offers() {
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
