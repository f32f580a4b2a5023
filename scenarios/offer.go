package scenarios

import (
	"context"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/record"
)

// inboundOffers are the scenarios about the device's ClientHello.
func inboundOffers() []Scenario {
	var out []Scenario
	for _, x := range []struct {
		id      string
		level   ledger.Level
		title   string
		clauses []string
		judge   func(judge.Case) judge.Verdict
	}{
		{"offers-surviving-suite", ledger.LevelMust, "The device offers a cipher suite that stays when the deprecated ones are gone",
			[]string{"byoc-013-cipher-list", "byoc-014-cipher-deprecation"}, judge.OffersSurvivingSuite},
		{"offers-p384-for-ecdhe", ledger.LevelMust, "A device that offers ECDHE offers secp384r1 for it",
			[]string{"byoc-015-ecdhe-p384-only", "byoc-k11-missing-curve-mark"}, judge.OffersP384},
		{"offers-tls12", ledger.LevelMust, "The device offers TLS 1.2",
			[]string{"byoc-011-tls12-only"}, judge.OffersTLS12},
		{"offers-no-weak-suite", ledger.LevelShould, "The device offers no weak cipher suite",
			[]string{"byoc-013-cipher-list", "byoc-001-secure-trunk-both-planes"}, judge.NoWeakSuiteOffered},
		{"offers-signatures-for-g3", ledger.LevelShould, "The device offers the signature algorithms that Global Root G3 needs",
			[]string{"byoc-k12-g3-root-rsa-suites", "byoc-020-ev-regions-will-migrate"}, judge.SignaturesForG3},
		{"client-hello", ledger.LevelInfo, "What the device's ClientHello looks like",
			[]string{"byoc-013-cipher-list", "byoc-011-tls12-only"}, judge.Fingerprint},
	} {
		out = append(out, Scenario{ID: "tls.inbound." + x.id, Level: x.level, Title: x.title, Clauses: x.clauses,
			Needs: judge.CallsToCloud, Play: playOffer, Judge: x.judge})
	}
	return out
}

// playOffer makes the device do a new handshake with the healthy cloud.
func playOffer(ctx context.Context, s *Stage, c *judge.Case) error {
	if c.Missing = s.missingFace(simulator.Face{}); len(c.Missing) > 0 {
		return nil
	}
	// A device with which no handshake succeeds never comes back, but shows its
	// ClientHello once it has forgotten what it holds of the proxies.
	for range 2 {
		if s.shaken {
			if err := s.reset(ctx); err != nil {
				return err
			}
		}
		a, err := s.attempt(ctx, "handshake", simulator.Face{})
		c.Attempts = []record.Attempt{a}
		if err != nil || ctx.Err() != nil || judge.Tried(a) {
			s.shaken = s.shaken || !judge.CameThrough(a)
			return err
		}
		s.shaken = true
		if err := s.ready(ctx); err != nil || s.mute {
			return err
		}
	}
	return nil
}
