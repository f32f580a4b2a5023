package scenarios

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/trigger"
	"byocheck/simulator"
	"byocheck/simulator/carrier"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
)

// Stage is what scenarios play on: the simulated region, the carrier, and what
// is known of the device.
type Stage struct {
	Recorder *record.Recorder
	Cloud    *simulator.Cloud
	// Carrier is nil where the lab has none.
	Carrier *carrier.Carrier
	// Edition is the one of the specification that is played.
	Edition string
	// Roots are the trust anchors for the device's certificate, DER.
	Roots [][]byte
	// Inbound are the numbers that the carrier dials and the device sends to
	// the cloud; Outbound the other way round. The Expected forms are what
	// arrives after the device's manipulation; nil means as dialled.
	Inbound, Outbound                 []string
	InboundExpected, OutboundExpected []string
	// Ladder are the rungs besides the carrier's call, the preferred one first.
	Ladder []trigger.Rung
	// CarrierCalls: the carrier's call is on the ladder.
	CarrierCalls bool
	// MissingInbound are the lines of configuration without which the carrier
	// cannot call through the device.
	MissingInbound []string
	// MissingOutbound are those without which the cloud cannot call.
	MissingOutbound []string
	// Declared maps features that the device does not have to the reason.
	Declared map[string]string
	// Attempt bounds one stimulus, CallTime a call until both sides are heard.
	Attempt, CallTime time.Duration
	// Recovery bounds the device's return after a fault; Reset, if not nil,
	// makes it faster.
	Recovery time.Duration
	Reset    func(context.Context) error
	// Handshakes is how many TLS handshakes are timed; 0 means 20.
	Handshakes int
	// Parallel is how many of them are done at once, to see what load makes of
	// them, one after the other; nil means 10, then 50. Below 5 is no load.
	Parallel []int
	// Releasing bounds the end of a call, on the other side too; 0 means 5 s.
	Releasing time.Duration
	// Provision, if not nil, makes the device present a certificate as TLS server.
	Provision func(context.Context, tls.Certificate) error
	// Own returns the device's own certificate; Wrong makes wrong ones, and right
	// ones that differ from them in nothing else.
	Own   func() (tls.Certificate, error)
	Wrong *certs.Authority
	// Tell, if not nil, is told in words what is done to the device.
	Tell func(format string, args ...any)
	// Now is the time of day; nil means time.Now.
	Now func() time.Time

	// shaken: since it was last seen to come through, the device met a fault.
	shaken bool
	// acted: the device was seen at a proxy in this run. mute: it was not in all of
	// its recovery time, and nothing makes it act.
	acted, mute bool
}

func (s *Stage) tell(format string, args ...any) {
	if s.Tell != nil {
		s.Tell(format, args...)
	}
}

// New returns the case of a scenario before it is played.
func (s *Stage) New(sc Scenario) judge.Case {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	system := judge.Cloud
	if s.Cloud.Edge != "" {
		system = judge.Edge
	}
	return judge.Case{
		Scenario: sc.ID, Level: sc.Level, System: system, Edition: s.Edition, Region: s.Cloud.Region.Code,
		MediaSecurity: s.Cloud.MediaSecurity, Suites: s.Cloud.Suites, Scope: sc.Scope, Target: s.Cloud.Target, Names: s.Cloud.Names(),
		Fault: sc.Fault, Readings: sc.Readings, Needs: sc.Needs, Declared: s.Declared, Roots: s.Roots, Deadline: s.Cloud.Handshake, Releasing: s.releasing(), Now: now().UTC(),
	}
}

// Play plays a scenario and judges it, as it reads after encoding. It returns
// the encoded case beside the verdict. It never panics; what the harness could
// not do becomes an error verdict, what was interrupted an inconclusive one.
func (s *Stage) Play(ctx context.Context, sc Scenario) (v judge.Verdict, encoded []byte) {
	c := s.New(sc)
	err := s.play(ctx, sc, &c)
	d, encoded, encodeErr := c.Decoded()
	switch {
	case ctx.Err() != nil:
		return judge.Verdict{Status: judge.Inconclusive, Expected: sc.Title, Observed: "The run was interrupted before the scenario had ended.", Hint: "Run it again."}, encoded
	case errors.Join(err, encodeErr) != nil:
		return judge.Verdict{Status: judge.Error, Expected: sc.Title, Observed: "The harness could not play the scenario: " + errors.Join(err, encodeErr).Error() + "."}, encoded
	}
	defer func() {
		if p := recover(); p != nil {
			v = judge.Verdict{Status: judge.Error, Expected: sc.Title, Observed: fmt.Sprintf("The judge broke down: %v.", p)}
		}
	}()
	return sc.Judge(d), encoded
}

func (s *Stage) play(ctx context.Context, sc Scenario, c *judge.Case) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the harness broke down: %v", p)
		}
	}()
	if !c.InScope() {
		return nil
	}
	if _, absent := s.Declared[sc.Needs]; absent && sc.Needs != "" {
		// The declaration is checked against all that the run has seen so far.
		c.Attempts = []record.Attempt{{Name: "the run so far", Generation: s.Cloud.Generation(), Events: s.Recorder.Since(0)}}
		return nil
	}
	return sc.Play(ctx, s, c)
}

// stimulated records what was done to the device around do.
func (s *Stage) stimulated(rung, detail string, do func() (status int, err error)) {
	s.Recorder.Emit(record.Origin{}, record.Stimulus{Rung: rung, State: "started", Detail: detail})
	status, err := do()
	end := record.Stimulus{Rung: rung, State: "ended", Detail: detail, Status: status}
	if err != nil {
		end.Error = err.Error()
	}
	s.Recorder.Emit(record.Origin{}, end)
}

// releasing returns how long the end of a call may take.
func (s *Stage) releasing() time.Duration {
	if s.Releasing == 0 {
		return 5 * time.Second
	}
	return s.Releasing
}

// hangUp ends a leg; what the device does about it is recorded by the leg.
func (s *Stage) hangUp(ctx context.Context, l *leg.Leg) {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.releasing())
	defer cancel()
	l.HangUp(stop)
}
