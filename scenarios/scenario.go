// Package scenarios is the catalogue: one value a scenario, a file an area. A
// scenario arranges the simulated cloud, makes the device act and hands what
// was recorded to a judge; it decides nothing itself.
package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// Scenario is one requirement's stimulus and judgement.
type Scenario struct {
	// ID is area.direction.slug, for ever.
	ID string
	// Title is what is required, in one line.
	Title string
	// Level is what an unmet requirement amounts to.
	Level ledger.Level
	// Clauses are the ids of the clauses it rests on, the weightiest first.
	Clauses []string
	// Fault is what is wrong on purpose, in one sentence; empty for none.
	Fault string
	// Readings says what the sources want where they disagree.
	Readings string
	// Needs is the feature without which the scenario does not apply.
	Needs string
	// Scope is what trunks it is about.
	Scope judge.Scope
	// Usually is how long it takes on a device that behaves, for the estimate of
	// a run's end; 0 means a moment.
	Usually time.Duration
	// Play arranges and stimulates. An error is the harness's own fault.
	Play func(context.Context, *Stage, *judge.Case) error
	// Judge makes the verdict.
	Judge func(judge.Case) judge.Verdict
}

// Takes returns how long the scenario usually takes.
func (s Scenario) Takes() time.Duration { return max(s.Usually, 200*time.Millisecond) }

// Area returns the first part of the id: cert, tls, sip or media.
func (s Scenario) Area() string { return strings.Split(s.ID, ".")[0] }

// Direction returns the second part of the id, seen from Genesys: inbound is a
// call of the device, outbound one to it.
func (s Scenario) Direction() string { return strings.Split(s.ID, ".")[1] }

// Labels are what a label filter selects by.
func (s Scenario) Labels() []string {
	out := []string{"id:" + s.ID, "area:" + s.Area(), "direction:" + s.Direction(), "level:" + string(s.Level)}
	if s.Fault != "" {
		out = append(out, "fault")
	}
	for _, c := range s.Clauses {
		out = append(out, "clause:"+c)
	}
	for _, system := range judge.Systems() {
		if s.Scope.Covers(system) {
			out = append(out, "system:"+string(system))
		}
	}
	return out
}

// All returns the catalogue in the order in which it is played: first what
// leaves the device as it is, then what makes it mark proxies as down.
func All() []Scenario {
	return scoped(slices.Concat(outbound(), outboundProbes(), sipOutbound(), inboundCalls(), inboundOffers(), sipInbound(), inboundSuites(), inboundStalls(), inboundScripts(), inboundRoots(), inboundCertificates(), inboundRevocation(), handshakesUnderLoad()))
}

// Find returns the scenario with the id.
func Find(id string) (Scenario, bool) {
	for _, s := range All() {
		if s.ID == id {
			return s, true
		}
	}
	return Scenario{}, false
}

// Rejudge judges a recorded case with today's judge for its scenario.
func Rejudge(c judge.Case) (judge.Verdict, error) {
	s, ok := Find(c.Scenario)
	if !ok {
		return judge.Verdict{}, fmt.Errorf("judging a recording: this program does not know the scenario %q", c.Scenario)
	}
	return s.Judge(c), nil
}
