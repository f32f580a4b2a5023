package scenarios

import (
	"context"
	"slices"
	"strings"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// sipOutbound are the scenarios of calls from the cloud that are about SIP.
func sipOutbound() []Scenario {
	return []Scenario{
		{
			ID:      "sip.outbound.release-by-each-side",
			Title:   "A call from the cloud that one side hangs up is released on the other side",
			Level:   ledger.LevelMust,
			Clauses: []string{"rfc3261-15-terminating-a-session", "byoc-006-originator-opens"},
			Needs:   judge.CallsFromCloud,
			Play:    playRelease(false),
			Judge:   judge.Release,
		},
		{
			ID:      "sip.outbound.cancel-while-ringing",
			Title:   "A call from the cloud that is given up while it rings stops ringing",
			Level:   ledger.LevelMust,
			Clauses: []string{"rfc3261-9.2-server-behaviour"},
			Needs:   judge.CallsFromCloud,
			Play:    playCancel,
			Judge:   judge.CancelWhileRinging,
		},
		{
			ID:      "sip.outbound.sips-uri",
			Usually: 1500 * time.Millisecond,
			Title:   "The device takes calls with sips: URIs",
			Level:   ledger.LevelShould,
			Clauses: []string{"byoc-001-secure-trunk-both-planes", "rfc3261-26.2.2-sips-uri-scheme"},
			Needs:   judge.CallsFromCloud,
			Play:    playSIPS,
			Judge:   judge.SIPSURI,
		},
	}
}

// sipInbound are those of calls to the cloud.
func sipInbound() []Scenario {
	return []Scenario{
		{
			ID:      "sip.inbound.release-by-each-side",
			Title:   "A call to the cloud that one side hangs up is released on the other side",
			Level:   ledger.LevelMust,
			Clauses: []string{"rfc3261-15-terminating-a-session"},
			Needs:   judge.CallsToCloud,
			Play:    playRelease(true),
			Judge:   judge.Release,
		},
		{
			ID:      "sip.inbound.connects-by-name",
			Usually: 3 * time.Second,
			Title:   "The device calls the cloud by the name of a proxy, not by an address",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-045-tgrp-host-is-cert-name", "byoc-046-dnis-limits", "byoc-041-uri-has-host-proto-number", "byoc-034-no-ip-target"},
			Needs:   judge.CallsToCloud,
			Play:    playConnectsByName,
			Judge:   judge.ConnectsByName,
		},
		{
			ID:      "sip.inbound.next-proxy-after-refused-connection",
			Usually: 2 * time.Second,
			Title:   "When a proxy refuses connections, the call goes through another one",
			Level:   ledger.LevelShould,
			Clauses: []string{"byoc-044-tgrp-recommended", "byoc-049-all-proxies-listed"},
			Fault:   "The proxy that the device used in the control refuses TCP connections; the other three are as they were.",
			Needs:   judge.CallsToCloud,
			Play:    playNextProxy(func(used simulator.Proxies) simulator.Face { return simulator.Face{Refusing: used} }),
			Judge:   judge.NextProxy,
		},
	}
}

// playRelease plays two calls, each hung up by another side.
func playRelease(inbound bool) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		if c.Missing = s.missingBothSides(inbound); len(c.Missing) > 0 {
			return nil
		}
		if err := s.ready(ctx); err != nil {
			return err
		}
		c.CarrierHeard = true
		for _, side := range []string{"cloud", "carrier"} {
			a, err := s.releasedBy(ctx, side, inbound)
			c.Attempts = append(c.Attempts, a)
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// missingBothSides are the lines that a call with an agent on both sides needs.
func (s *Stage) missingBothSides(inbound bool) []string {
	switch {
	case inbound && (len(s.MissingInbound) > 0 || !s.CarrierCalls):
		return s.missingCall()
	case !inbound && len(s.MissingOutbound) > 0:
		return s.MissingOutbound
	case s.Carrier == nil:
		return []string{"carrier:", "  device: <address of the device>:5060  # where the device takes calls from the carrier"}
	}
	return nil
}

// releasedBy plays one call and lets a side hang up once both are connected.
func (s *Stage) releasedBy(ctx context.Context, side string, inbound bool) (record.Attempt, error) {
	w := s.Recorder.Open("released-by-" + side)
	w.Under("healthy", s.Cloud.Generation())
	caller, callee := "cloud", "carrier"
	place := func(ctx context.Context) (*leg.Leg, error) { return s.Cloud.Call(ctx, s.Outbound[0], callerNumber) }
	expect := func() (*leg.Expected, error) {
		return s.Carrier.Expect(expected(s.Outbound, s.OutboundExpected))
	}
	answer := s.Carrier.Answer
	if inbound {
		caller, callee = callee, caller
		place = func(ctx context.Context) (*leg.Leg, error) { return s.Carrier.Call(ctx, s.Inbound[0], callerNumber) }
		expect = func() (*leg.Expected, error) { return s.Cloud.Expect(expected(s.Inbound, s.InboundExpected)) }
		answer = s.Cloud.Answer
	}
	at, err := expect()
	if err != nil {
		return w.Close(), err
	}
	defer at.Close()
	s.tell("a call from the %s to the %s; the %s hangs up", caller, callee, side)
	s.stimulated(caller+"-call", "the "+side+" hangs up", func() (int, error) {
		legs, stop := s.answering(ctx, at, answer)
		defer stop()
		bound, cancel := context.WithTimeout(ctx, s.CallTime)
		defer cancel()
		near, err := place(bound)
		if err != nil {
			return statusOf(err)
		}
		defer s.hangUp(ctx, near)
		var far *leg.Leg
		select {
		case far = <-legs:
		case <-bound.Done():
			return 200, nil
		}
		select { // a BYE before the ACK would cross it
		case <-far.Call.Confirmed():
		case <-bound.Done():
		}
		first, second := near, far
		if side == callee {
			first, second = far, near
		}
		s.hangUp(ctx, first)
		s.released(ctx, second)
		return 200, nil
	})
	return w.Close(), nil
}

// playCancel gives a call up while it rings at the carrier.
func playCancel(ctx context.Context, s *Stage, c *judge.Case) error {
	if c.Missing = s.missingBothSides(false); len(c.Missing) > 0 {
		return nil
	}
	c.CarrierHeard = true
	w := s.Recorder.Open("cancelled")
	w.Under("healthy", s.Cloud.Generation())
	at, err := s.Carrier.Expect(expected(s.Outbound, s.OutboundExpected))
	if err != nil {
		return err
	}
	defer at.Close()
	s.tell("calling %s from the cloud, and giving up while it rings", s.Outbound[0])
	s.stimulated("cloud-call", "the cloud calls "+s.Outbound[0]+" and cancels", func() (int, error) {
		bound, cancel := context.WithTimeout(ctx, s.CallTime)
		defer cancel()
		rung := make(chan *sipua.Call, 1)
		go func() {
			select {
			case call := <-at.Calls:
				call.Ring(180, nil)
				rung <- call
			case <-bound.Done():
				rung <- nil
			}
		}()
		giveUp, stop := context.WithCancel(bound)
		defer stop()
		go func() {
			s.Recorder.Wait(giveUp, w.Mark(), func(e record.Event) bool {
				b, is := e.Body.(record.Call)
				return is && b.Leg == "cloud" && b.State == "progress"
			})
			stop()
		}()
		l, err := s.Cloud.Call(giveUp, s.Outbound[0], callerNumber)
		if err == nil { // answered instead: the judge sees it
			s.hangUp(ctx, l)
		}
		if call := <-rung; call != nil {
			ended := time.NewTimer(s.releasing())
			defer ended.Stop()
			select {
			case <-call.Done():
			case <-ended.C:
				call.Reject(480, "Temporarily Unavailable")
			}
		}
		return 0, nil
	})
	c.Attempts = []record.Attempt{w.Close()}
	return nil
}

// playSIPS calls the device with sips: URIs.
func playSIPS(ctx context.Context, s *Stage, c *judge.Case) error {
	if len(s.MissingOutbound) > 0 {
		c.Missing = s.MissingOutbound
		return nil
	}
	c.CarrierHeard = s.Carrier != nil
	a, err := s.outboundCall(ctx, "sips", s.Cloud.CallSIPS)
	c.Attempts = []record.Attempt{a}
	return err
}

// playConnectsByName calls once, then moves the proxies' names to other
// addresses and calls again when the TTL has passed.
func playConnectsByName(ctx context.Context, s *Stage, c *judge.Case) error {
	if len(s.MissingInbound) > 0 || !s.CarrierCalls {
		c.Missing = s.missingCall()
		return nil
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.tell("looking at what name the device calls")
	a, err := s.attempt(ctx, "call", simulator.Face{})
	c.Attempts = append(c.Attempts, a)
	if err != nil || ctx.Err() != nil || !judge.CameThrough(a) {
		return err
	}
	s.tell("giving the proxies' names other addresses, and calling when the TTL has passed")
	mark := s.Recorder.Mark()
	if !s.Cloud.MoveNames(1) {
		return nil
	}
	defer func() {
		s.Cloud.MoveNames(0)
		pause(ctx, s.Cloud.TTL) // what the device remembers must be gone
	}()
	pause(ctx, s.Cloud.TTL+s.Cloud.TTL/2)
	a, err = s.attempt(ctx, "moved", simulator.Face{})
	// The change came before the attempt, but belongs to it.
	a.Events = append(slices.DeleteFunc(s.Recorder.Since(mark), func(e record.Event) bool {
		_, change := e.Body.(record.DNSChange)
		return !change
	}), a.Events...)
	c.Attempts = append(c.Attempts, a)
	return err
}

// turns is how often a device is called that did not try the proxy it was to
// find unusable: after a fault it may prefer another one for a while.
const turns = 3

// playNextProxy breaks the proxy that the device used in the control.
func playNextProxy(broken func(simulator.Proxies) simulator.Face) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		if len(s.MissingInbound) > 0 || !s.CarrierCalls {
			c.Missing = s.missingCall()
			return nil
		}
		defer s.restore()
		for range turns {
			if err := s.ready(ctx); err != nil {
				return err
			}
			s.tell("control: all proxies listen")
			control, err := s.attempt(ctx, "control-1", simulator.Face{})
			c.Control = []record.Attempt{control}
			if err != nil || ctx.Err() != nil {
				return err
			}
			used := usedProxy(control)
			s.tell("fault: lb%02d cannot be used", used+1)
			face := broken(simulator.Only(used))
			a, err := s.attempt(ctx, "fault-1", face)
			c.Attempts = []record.Attempt{a}
			if err != nil || ctx.Err() != nil {
				return err
			}
			if face.Dropping != 0 {
				s.refuseLate(ctx, face.Dropping, a.Ended-a.Started)
			}
			if !judge.Skipped(a) {
				break
			}
			s.restore()
		}
		return nil
	}
}

// refuseLate lets proxies that did not answer a SYN refuse it when it is sent
// again, within as long again and a second (RFC 6298 section 5.5). Answered, it
// would bring them the calls that the device made in the meantime.
func (s *Stage) refuseLate(ctx context.Context, proxies simulator.Proxies, since time.Duration) {
	if _, err := s.Cloud.Show(simulator.Face{Refusing: proxies}); err != nil {
		return // the next attempt meets the same
	}
	pause(ctx, min(since+1200*time.Millisecond, waiting))
}

// usedProxy returns the proxy, from 0, to which the attempt's call came.
func usedProxy(a record.Attempt) int {
	for _, e := range a.Events {
		m, is := e.Body.(record.SIPMessage)
		if n, lb := strings.CutPrefix(e.Proxy, "lb0"); is && lb && m.Dir == record.In && m.Method == "INVITE" && len(n) == 1 {
			return int(n[0] - '1')
		}
	}
	return 0
}
