package scenarios

import (
	"context"
	"fmt"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/trigger"
	"byocheck/simulator"
	"byocheck/simulator/record"
)

// attempt shows a face, makes the device act, and records until the stimulus
// has its end and the connections that it caused have theirs.
func (s *Stage) attempt(ctx context.Context, name string, face simulator.Face) (record.Attempt, error) {
	w := s.Recorder.Open(name)
	face.NoDeadline = !face.Cut // a device that we cut did not refuse
	generation, err := s.Cloud.Show(face)
	if err != nil {
		return w.Close(), err
	}
	w.Under(face.Name(), generation)
	bound, cancel := context.WithTimeout(ctx, s.Attempt)
	defer cancel()
	if s.CarrierCalls && len(s.MissingInbound) == 0 {
		err = s.callThrough(bound)
	} else {
		err = s.provoke(bound, w, generation)
	}
	s.settle(bound, w)
	if face.Revocation != "" && !face.Good {
		s.lateCheck(bound, w)
	}
	a := w.Close()
	s.acted = s.acted || judge.Tried(a)
	return a, err
}

// late is how long a device that came through is watched for a question about
// revocation that it asks only then, and for the end that it may make of the
// connection.
const late = 2 * time.Second

// lateCheck waits for what a device does that checks revocation beside the call.
func (s *Stage) lateCheck(ctx context.Context, w *record.Window) {
	if so := w.SoFar(); !judge.CameThrough(so) || judge.Standing(so) == 0 || !judge.MustNotPass(so) {
		return
	}
	bound, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	s.Recorder.Wait(bound, s.Recorder.Mark(), func(e record.Event) bool {
		closed, is := e.Body.(record.Closed)
		return is && closed.By == record.Device
	})
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
			return statusOf(err)
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

// ready brings a device that met a fault back, so that a scenario without a
// control of its own finds it working. Whether it came back is seen by that
// scenario.
func (s *Stage) ready(ctx context.Context) error {
	if !s.shaken {
		return nil
	}
	if _, err := s.control(ctx, "recovery", simulator.Face{}); err != nil {
		return err
	}
	// Between scenarios the deadline is on, as on the real trunk.
	_, err := s.Cloud.Show(simulator.Face{})
	return err
}

// control shows a good face and makes the device call until it comes through,
// with the reset hook first if it met a fault before, at most for its recovery
// time. It returns the last attempt.
func (s *Stage) control(ctx context.Context, name string, good simulator.Face) (record.Attempt, error) {
	end := time.Now().Add(s.Recovery)
	if s.shaken {
		s.tell("waiting for the device to use the proxies again")
	}
	for declined := 0; ; {
		if s.shaken {
			if err := s.reset(ctx); err != nil {
				return record.Attempt{Name: name}, err
			}
		}
		a, err := s.attempt(ctx, name, good)
		tried := judge.Tried(a)
		if tried {
			declined++
		}
		switch {
		case err != nil || ctx.Err() != nil:
			return a, err
		case judge.CameThrough(a):
			s.shaken = false
			return a, nil
		case s.mute:
			return a, nil
		case time.Now().After(end) || declined > 2: // it is not that it holds the proxies to be down
			s.shaken = true
			s.listened()
			return a, nil
		}
		s.shaken = true
		if !tried {
			pause(ctx, time.Second)
		}
	}
}

// listened is told that the device was waited for in all of its recovery time.
// Where there is nothing that makes it act, and it never did anything by itself,
// it is not waited for again: each scenario would take as long.
func (s *Stage) listened() {
	if s.acted || s.CarrierCalls && len(s.MissingInbound) == 0 || len(s.Ladder) == 0 {
		return
	}
	if _, passive := s.Ladder[0].(trigger.Patience); passive {
		s.mute = true
		s.tell("the device sent nothing by itself, and nothing that makes it act is configured: it is not waited for again")
	}
}

// reset calls the hook that makes the device forget what it holds of the proxies.
func (s *Stage) reset(ctx context.Context) error {
	if s.Reset == nil {
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, s.Recovery)
	defer cancel()
	if err := s.Reset(bound); err != nil {
		return fmt.Errorf("resetting the device: %w", err)
	}
	return nil
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

// playFace returns the Play of scenarios that judge what the device makes of a
// face: a control with the good one, then the one in question, once more if the
// device did not try.
func playFace(good, shown simulator.Face) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		if c.Missing = s.missingFace(shown); len(c.Missing) > 0 {
			return nil
		}
		defer s.restore()
		s.tell("control: %s", good.Name())
		a, err := s.control(ctx, "control", good)
		c.Control = []record.Attempt{a}
		if err != nil || ctx.Err() != nil {
			return err
		}
		for try := range 2 {
			s.tell("%s", c.Fault)
			a, err := s.attempt(ctx, fmt.Sprintf("fault-%d", try+1), shown)
			c.Attempts = append(c.Attempts, a)
			if err != nil || judge.Tried(a) || ctx.Err() != nil || !judge.CameThrough(c.Control[0]) {
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
}

// missingFace are the lines of configuration without which a face cannot be
// shown, or nobody makes the device come and look at it.
func (s *Stage) missingFace(f simulator.Face) []string {
	switch {
	case (len(s.MissingInbound) > 0 || !s.CarrierCalls) && len(s.Ladder) == 0, s.mute:
		return s.missingCall()
	case f.Revocation != "" && !s.Cloud.TellsRevocation():
		return []string{"revocation:", "  listen: <address of this machine that the device can reach>:8088  # where revocation lists are served"}
	}
	return nil
}

// restore shows the healthy face after a fault. The device may hold proxies to
// be down for a while.
func (s *Stage) restore() {
	s.shaken = true
	s.Cloud.Show(simulator.Face{}) // it can fail only when the run is being ended
}
