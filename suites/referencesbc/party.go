package referencesbc

import (
	"context"
	"errors"
	"sync"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// party is the SIP agent on one of the two sides. What happens to its calls
// before their answer is learnt from its recorder, which is not kept.
type party struct {
	agent    *sipua.Agent
	recorder *record.Recorder

	mu      sync.Mutex
	placing map[uint64]*progress // calls that we place, by number, until their final response
	events  int
	full    chan struct{} // asks for the recorder to be emptied
}

// progress is what a call that we place has come to.
type progress struct {
	first chan struct{} // closed at the first response, 100 included
	rung  chan int      // statuses of the provisional responses above 100
}

// recorded is how many events may pile up before they are forgotten.
const recorded = 1000

// maxRung bounds the provisional responses of one call that wait to be passed on.
const maxRung = 8

func newParty(agent *sipua.Agent, now func() time.Time) *party {
	p := &party{agent: agent, placing: map[uint64]*progress{}, full: make(chan struct{}, 1)}
	p.recorder = &record.Recorder{Now: now, Watch: p.watch}
	agent.Recorder = p.recorder
	return p
}

// forget empties the recorder whenever it asks for it, until ctx ends.
func (p *party) forget(ctx context.Context) {
	for {
		select {
		case <-p.full:
			p.recorder.Forget(p.recorder.Mark())
		case <-ctx.Done():
			return
		}
	}
}

// watch is told every event, under the recorder's lock.
func (p *party) watch(e record.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.events++; p.events >= recorded {
		select {
		case p.full <- struct{}{}:
			p.events = 0
		default:
		}
	}
	switch b := e.Body.(type) {
	case record.Call:
		g := p.placing[b.Call]
		switch {
		case b.State == "invited" && b.By == record.Us:
			p.placing[b.Call] = &progress{first: make(chan struct{}), rung: make(chan int, maxRung)}
		case g != nil && b.State == "progress":
			select {
			case g.rung <- b.Status:
			default:
			}
		case b.State != "progress":
			delete(p.placing, b.Call)
		}
	case record.SIPMessage:
		g := p.placing[b.Call]
		if g == nil || b.Dir != record.In || b.Method != "INVITE" || b.Status == 0 {
			return
		}
		select {
		case <-g.first:
		default:
			close(g.first)
		}
	}
}

// of returns the progress of a call that was placed; an empty one if that call
// has its final response.
func (p *party) of(call uint64) *progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.placing[call]; g != nil {
		return g
	}
	return &progress{}
}

// errSilent is the outcome of a call that had no response in time.
var errSilent = errors.New("no response to INVITE in time")

// invite places a call and waits for its final response, as sipua.Call.Wait
// does; provisional ones above 100 are passed to ring meanwhile. heard tells
// whether there was any response.
func (s *SBC) invite(ctx context.Context, p *party, f *sipua.Flow, in sipua.Invitation, ring func(*sipua.Call, int)) (call *sipua.Call, heard bool, err error) {
	call, err = p.agent.Call(f, in)
	if err != nil {
		return nil, false, err
	}
	g := p.of(call.Number)
	wait, giveUp := context.WithCancel(ctx)
	final := make(chan error, 1)
	s.work.Go(func() {
		defer giveUp()
		final <- call.Wait(wait) // cancels the call where wait ends first
	})
	silent := time.NewTimer(s.Timers.FirstResponse)
	defer silent.Stop()
	first := g.first
	for {
		select {
		case <-first:
			first, heard = nil, true
			silent.Stop()
		case status := <-g.rung:
			ring(call, status)
		case err := <-final:
			return call, heard || call.Status() > 0, err
		case <-silent.C:
			giveUp()
			return call, false, errSilent
		}
	}
}
