package scenarios

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// listening is how many blocks of 20 ms of the far end's tone a call waits to
// hear on each side: a second.
const listening = 50

// callerNumber is who our calls say they are from.
const callerNumber = "+13175550199"

// inboundCall calls from the carrier through the device to the cloud and lets
// both sides listen.
func (s *Stage) inboundCall(ctx context.Context, name string) (record.Attempt, error) {
	number, arrives := s.Inbound[0], expected(s.Inbound, s.InboundExpected)
	w := s.Recorder.Open(name)
	w.Under("healthy", s.Cloud.Generation())
	at, err := s.Cloud.Expect(arrives)
	if err != nil {
		return w.Close(), err
	}
	defer at.Close()
	s.tell("calling %s from the carrier, through the device, to the cloud", number)
	s.stimulated("carrier-call", "the carrier calls "+number, func() (int, error) {
		answer, stop := s.answering(ctx, at, s.Cloud.Answer)
		defer stop()
		bound, cancel := context.WithTimeout(ctx, s.CallTime)
		defer cancel()
		l, err := s.Carrier.Call(bound, number, callerNumber)
		if err != nil {
			return statusOf(err)
		}
		listen(bound, l, answer)
		s.hangUp(ctx, l)
		stop()
		return 200, nil
	})
	return w.Close(), nil
}

// outboundCall calls from the cloud, by place, through the device to the carrier.
func (s *Stage) outboundCall(ctx context.Context, name string, place func(ctx context.Context, number, from string) (*leg.Leg, error)) (record.Attempt, error) {
	number, arrives := s.Outbound[0], expected(s.Outbound, s.OutboundExpected)
	w := s.Recorder.Open(name)
	w.Under("healthy", s.Cloud.Generation())
	answer, stop := func() chan *leg.Leg { return nil }, func() {}
	if s.Carrier != nil {
		at, err := s.Carrier.Expect(arrives)
		if err != nil {
			return w.Close(), err
		}
		defer at.Close()
		legs, end := s.answering(ctx, at, s.Carrier.Answer)
		answer, stop = func() chan *leg.Leg { return legs }, end
	}
	defer stop()
	s.tell("calling %s from the cloud through the device", number)
	s.stimulated("cloud-call", "the cloud calls "+number, func() (int, error) {
		bound, cancel := context.WithTimeout(ctx, s.CallTime)
		defer cancel()
		l, err := place(bound, number, callerNumber)
		if err != nil {
			return statusOf(err)
		}
		listen(bound, l, answer())
		s.hangUp(ctx, l)
		stop()
		return 200, nil
	})
	return w.Close(), nil
}

// listen waits until both legs have heard each other, or the bound passes.
// others may be nil where nobody is on the other side.
func listen(ctx context.Context, here *leg.Leg, others chan *leg.Leg) {
	var wg sync.WaitGroup
	wg.Go(func() { here.WaitHeard(ctx, listening) })
	if others != nil {
		select {
		case there := <-others:
			there.WaitHeard(ctx, listening)
		case <-ctx.Done():
		case <-here.Call.Done():
		}
	}
	wg.Wait()
}

// answering answers every call that arrives, until stop. The first leg that
// comes about is given on the channel. stop waits until the device has ended
// the legs, or ends them itself.
func (s *Stage) answering(ctx context.Context, at *leg.Expected, answer func(*sipua.Call) (*leg.Leg, error)) (first chan *leg.Leg, stop func()) {
	first = make(chan *leg.Leg, 1)
	done := make(chan struct{})
	var legs []*leg.Leg
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case call := <-at.Calls:
				l, err := answer(call)
				if err != nil {
					continue // refused, and recorded as such
				}
				legs = append(legs, l)
				select {
				case first <- l:
				default:
				}
			case <-done:
				return
			}
		}
	})
	var once sync.Once
	return first, func() {
		once.Do(func() {
			close(done)
			work.Wait()
			for _, l := range legs {
				s.released(ctx, l)
			}
		})
	}
}

// released waits for the BYE that the device owes the other side, then ends
// the leg ourselves.
func (s *Stage) released(ctx context.Context, l *leg.Leg) {
	bound := time.NewTimer(s.releasing())
	defer bound.Stop()
	select {
	case <-l.Call.Done():
	case <-bound.C:
	case <-ctx.Done():
	}
	s.hangUp(ctx, l)
}

// statusOf takes the final response out of an error of a call.
func statusOf(err error) (int, error) {
	var rejected *sipua.Rejected
	if errors.As(err, &rejected) {
		return rejected.Status, nil
	}
	return 0, err
}

func expected(dialled, arrives []string) string {
	if len(arrives) > 0 {
		return arrives[0]
	}
	return dialled[0]
}

// playInboundCall is the Play of scenarios that judge a call of the device.
func playInboundCall(ctx context.Context, s *Stage, c *judge.Case) error {
	if len(s.MissingInbound) > 0 || !s.CarrierCalls {
		c.Missing = s.missingCall()
		return nil
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	c.CarrierHeard = true
	a, err := s.inboundCall(ctx, "call")
	c.Attempts = []record.Attempt{a}
	return err
}

func (s *Stage) missingCall() []string {
	if len(s.MissingInbound) > 0 {
		return slices.Clone(s.MissingInbound)
	}
	return []string{"trigger: [carrier-call]"}
}

// playOutboundCall is the Play of scenarios that judge a call to the device.
func playOutboundCall(ctx context.Context, s *Stage, c *judge.Case) error {
	if len(s.MissingOutbound) > 0 {
		c.Missing = s.MissingOutbound
		return nil
	}
	c.CarrierHeard = s.Carrier != nil
	a, err := s.outboundCall(ctx, "call", s.Cloud.Call)
	c.Attempts = []record.Attempt{a}
	return err
}
