package scenarios

import (
	"context"
	"fmt"
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/trigger"
	"byocheck/simulator"
	"byocheck/simulator/record"
)

// attempt shows a face, makes the device act, and records until the stimulus
// has its end and the connections that it caused have theirs.
func (s *Stage) attempt(ctx context.Context, name string, face simulator.Face) (record.Attempt, error) {
	w := s.Recorder.Open(name)
	face.NoDeadline = true // a device that we cut did not refuse
	generation, err := s.Cloud.Show(face)
	if err != nil {
		return w.Close(), err
	}
	profile := face.Certificate
	if profile == "" {
		profile = certs.Healthy
	}
	w.Under(string(profile), generation)
	bound, cancel := context.WithTimeout(ctx, s.Attempt)
	defer cancel()
	if s.CarrierCalls && len(s.MissingInbound) == 0 {
		err = s.callThrough(bound)
	} else {
		err = s.provoke(bound, w, generation)
	}
	s.settle(bound, w)
	return w.Close(), err
}

// callThrough lets the carrier call until the final response. A call that comes
// through is answered and hung up at once: a rejection would send the device on
// to the next proxy.
func (s *Stage) callThrough(ctx context.Context) error {
	number := s.Inbound[0]
	at, err := s.Cloud.Expect(expected(s.Inbound, s.InboundExpected))
	if err != nil {
		return err
	}
	defer at.Close()
	s.stimulated("carrier-call", "the carrier calls "+number, func() (int, error) {
		_, stop := s.answering(ctx, at, s.Cloud.Answer)
		defer stop()
		l, err := s.Carrier.Call(ctx, number, callerNumber)
		if err != nil {
			return status(err)
		}
		s.hangUp(ctx, l)
		return 200, nil
	})
	return nil
}

// grace is how long after the device's first act the window stays open on a
// rung that has no end of its own.
const grace = 3 * time.Second

// provoke pulls the first rung of the ladder and waits until the device acts.
func (s *Stage) provoke(ctx context.Context, w *record.Window, generation int) error {
	if len(s.Ladder) == 0 {
		return fmt.Errorf("making the device act: no rung is left on the ladder")
	}
	rung := s.Ladder[0]
	s.tell("%s", rung.Detail())
	s.stimulated(rung.Name(), rung.Detail(), func() (int, error) {
		if err := rung.Pull(ctx); err != nil {
			return 0, err
		}
		if _, err := s.Recorder.Wait(ctx, w.Mark(), trigger.Acted(generation)); err != nil {
			return 0, nil // the device did not act: the judge sees that
		}
		return 0, nil
	})
	more, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if !judge.CameThrough(w.SoFar()) && judge.Tried(w.SoFar()) {
		<-more.Done() // it may try again, on this proxy or the next
	}
	return nil
}

// settling bounds the wait for the ends of connections after the stimulus.
const settling = 2 * time.Second

// settle waits until no connection of a device that did not come through is
// open any more: the last refusal may still be on its way.
func (s *Stage) settle(ctx context.Context, w *record.Window) {
	bound, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for {
		mark := s.Recorder.Mark()
		if so := w.SoFar(); judge.CameThrough(so) || judge.Standing(so) == 0 {
			return
		}
		_, err := s.Recorder.Wait(bound, mark, func(e record.Event) bool {
			switch e.Body.(type) {
			case record.Closed, record.Alert, record.TLSRecord:
				return true
			}
			return false
		})
		if err != nil {
			return
		}
	}
}

// ready brings a device that met a fault back: the healthy face, the reset hook,
// and calls until it comes through, at most for its recovery time. Whether it
// came back is seen by the scenario that follows.
func (s *Stage) ready(ctx context.Context) error {
	if !s.shaken {
		return nil
	}
	s.tell("waiting for the device to use the proxies again")
	if s.Reset != nil {
		bound, cancel := context.WithTimeout(ctx, s.Recovery)
		err := s.Reset(bound)
		cancel()
		if err != nil {
			return fmt.Errorf("resetting the device: %w", err)
		}
	}
	end := time.Now().Add(s.Recovery)
	for ctx.Err() == nil {
		a, err := s.attempt(ctx, "recovery", simulator.Face{})
		if err != nil {
			return err
		}
		if judge.CameThrough(a) {
			s.shaken = false
			break
		}
		if time.Now().After(end) {
			break
		}
		pause(ctx, time.Second)
	}
	// Between scenarios the deadline is on, as on the real trunk.
	_, err := s.Cloud.Show(simulator.Face{})
	return err
}

// pause waits, or less if ctx ends: there is no event to wait for while a
// device holds proxies to be down.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// playRefusal returns the Play of scenarios in which the device must refuse the
// certificate of a profile: a control, then the fault, each once more if the
// device did not try.
func playRefusal(profile certs.Profile) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		if (len(s.MissingInbound) > 0 || !s.CarrierCalls) && len(s.Ladder) == 0 {
			c.Missing = s.missingCall()
			return nil
		}
		if err := s.ready(ctx); err != nil {
			return err
		}
		defer s.restore()
		for try := range 2 {
			s.tell("control: a good certificate")
			a, err := s.attempt(ctx, fmt.Sprintf("control-%d", try+1), simulator.Face{})
			c.Control = append(c.Control, a)
			if err != nil || ctx.Err() != nil {
				return err
			}
			if judge.CameThrough(a) {
				break
			}
			s.shaken = true
			if try == 1 {
				return s.fault(ctx, c, profile) // the judge says that the control did not hold
			}
			if err := s.ready(ctx); err != nil {
				return err
			}
		}
		return s.fault(ctx, c, profile)
	}
}

// restore shows the healthy face after a fault. The device may hold proxies to
// be down for a while.
func (s *Stage) restore() {
	s.shaken = true
	s.Cloud.Show(simulator.Face{}) // it can fail only when the run is being ended
}

// fault plays the faulty profile, again after a recovery if the device did not try.
func (s *Stage) fault(ctx context.Context, c *judge.Case, profile certs.Profile) error {
	for try := range 2 {
		s.tell("fault: %s", c.Fault)
		a, err := s.attempt(ctx, fmt.Sprintf("fault-%d", try+1), simulator.Face{Certificate: profile})
		c.Attempts = append(c.Attempts, a)
		if err != nil || judge.Tried(a) || ctx.Err() != nil {
			return err
		}
		if try == 0 {
			s.shaken = true
			if err := s.ready(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
