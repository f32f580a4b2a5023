package referencesbc

import (
	"context"
	"errors"
	"time"

	"byocheck/simulator/sipua"
)

const (
	// ringing bounds the wait for the answer to a call (timer C of RFC 3261 16.6).
	ringing = 3 * time.Minute
	// leaving bounds the end of a call.
	leaving = 2 * time.Second
)

var errGone = errors.New("the caller has given up")

// place calls the other side with the offer that it is given and waits for the
// answer; ring is told the provisional responses.
type place func(ctx context.Context, number, caller string, offer func() ([]byte, error), ring func(*sipua.Call, int)) (*sipua.Call, error)

// bridge joins a call that came from one side with one to the other, until
// either ends: near is the relay's half towards the caller, far the other.
func (s *SBC) bridge(in *sipua.Call, near, far *half, to place) {
	ctx, cancel := context.WithTimeout(s.ctx, ringing)
	defer cancel()
	placing, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	go func() {
		if s.Mutant == IgnoresCancel {
			return
		}
		select {
		case <-in.Done():
			giveUp(errGone)
		case <-placing.Done():
		}
	}()
	dialled, ok := number(in.Dialled)
	if !ok {
		in.Reject(404, "Not Found")
		return
	}
	caller, ok := number(user(in))
	if !ok {
		caller = "anonymous"
	}
	offered, err := near.accept(in.Remote())
	if err != nil {
		s.Log.Info("refusing an offer", "number", dialled, "error", err)
		in.Reject(488, "Not Acceptable Here")
		return
	}
	// answer makes of their answer to us ours to the caller.
	answer := func(out *sipua.Call) ([]byte, error) {
		answered, err := far.conclude(out.Remote())
		if err != nil {
			return nil, err
		}
		return near.describe(answered), nil
	}
	out, err := to(placing, dialled, caller, func() ([]byte, error) { return far.propose(offered) }, func(out *sipua.Call, status int) {
		s.rung(in, out, status, answer)
	})
	if err != nil {
		s.Log.Info("placing a call failed", "number", dialled, "error", err)
		refuse(in, err)
		return
	}
	defer s.hangUp(out)
	ours, err := answer(out)
	if err != nil {
		s.Log.Info("refusing an answer", "number", dialled, "error", err)
		in.Reject(502, "Bad Gateway")
		return
	}
	if err := in.Answer(ours); err != nil {
		return // given up meanwhile
	}
	defer s.hangUp(in)
	select {
	case <-in.Done():
	case <-out.Done():
	case <-s.ctx.Done():
	}
	if s.Mutant == SwallowsBYE {
		for _, side := range []*sipua.Call{in, out} {
			select {
			case <-side.Done():
			case <-s.ctx.Done():
			}
		}
	}
}

// rung passes a provisional response on, with early media where it has any.
func (s *SBC) rung(in, out *sipua.Call, status int, answer func(*sipua.Call) ([]byte, error)) {
	if status != 183 {
		status = 180 // 181 and 182 tell a caller no more
	}
	var early []byte
	if len(out.Remote()) > 0 {
		var err error
		if early, err = answer(out); err != nil {
			s.Log.Info("leaving early media out", "error", err)
		}
	}
	in.Ring(status, early)
}

// refuse gives the caller the outcome of the call to the other side.
func refuse(in *sipua.Call, err error) {
	var rejected *sipua.Rejected
	switch {
	case errors.As(err, &rejected) && rejected.Status >= 400:
		in.Reject(rejected.Status, rejected.Reason)
	case rejected != nil: // redirection is not followed
		in.Reject(480, "Temporarily Unavailable")
	case errors.Is(err, context.DeadlineExceeded):
		in.Reject(408, "Request Timeout")
	case errors.Is(err, errSilent):
		in.Reject(504, "Server Time-out")
	default:
		in.Reject(503, "Service Unavailable")
	}
}

func (s *SBC) hangUp(c *sipua.Call) {
	ctx, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	c.HangUp(ctx)
}

// user returns who calls.
func user(in *sipua.Call) string {
	if from := in.Invite.From(); from != nil {
		return from.Address.User
	}
	return ""
}
