package record

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultLimit is how many events one recorder keeps between two calls of
// Forget. A call is under a hundred; a device that floods reaches it, and then
// what follows is counted, not kept.
const DefaultLimit = 50_000

// Recorder collects events. Its zero value works. It is safe for concurrent use.
type Recorder struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Limit overrides DefaultLimit where it is positive.
	Limit int
	// Watch, if not nil, is told every kept event, in order, on the goroutine
	// that emitted it. It must be quick and must not call the recorder.
	Watch func(Event)

	mu      sync.Mutex
	start   time.Time
	seq     uint64
	events  []Event
	dropped uint64
	changed chan struct{} // closed and replaced at each event
	conns   atomic.Uint64
}

// Origin says to whom an event belongs.
type Origin struct {
	Generation int
	Conn       uint64
	Proxy      string
}

// NextConn returns a fresh connection id, from 1.
func (r *Recorder) NextConn() uint64 { return r.conns.Add(1) }

// Emit records body now.
func (r *Recorder) Emit(o Origin, body Body) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(o, body, r.now())
}

// EmitAt records body with the time at which it was seen, for a reader that
// takes its time stamp before it has understood what it read. Sequence numbers
// still count in the order of the calls.
func (r *Recorder) EmitAt(o Origin, body Body, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now()
	r.emit(o, body, at)
}

func (r *Recorder) now() time.Time {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	t := now()
	if r.start.IsZero() {
		r.start = t
	}
	return t
}

func (r *Recorder) emit(o Origin, body Body, at time.Time) {
	limit := r.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	if len(r.events) >= limit {
		r.dropped++
		return
	}
	r.seq++
	e := Event{r.seq, at.Sub(r.start), at, o.Generation, o.Conn, o.Proxy, body}
	r.events = append(r.events, e)
	if r.Watch != nil {
		r.Watch(e)
	}
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Mark returns the sequence number of the newest event: what is emitted after
// it has a higher one.
func (r *Recorder) Mark() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// Since returns the kept events after mark, oldest first. If events were
// dropped, the last one returned says how many.
func (r *Recorder) Since(mark uint64) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := append([]Event(nil), r.after(mark)...)
	if r.dropped > 0 {
		t := r.now()
		out = append(out, Event{Seq: r.seq + 1, Mono: t.Sub(r.start), Wall: t, Body: Truncated{r.dropped}})
	}
	return out
}

func (r *Recorder) after(mark uint64) []Event {
	for i := len(r.events); i > 0; i-- {
		if r.events[i-1].Seq <= mark {
			return r.events[i:]
		}
	}
	return r.events
}

// Forget drops the events up to mark and makes room for new ones. Attempts
// that were taken keep theirs.
func (r *Recorder) Forget(mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append([]Event(nil), r.after(mark)...)
	r.dropped = 0
}

// Wait returns the first event after mark for which match is true, be it there
// already or yet to come, or the context's error.
func (r *Recorder) Wait(ctx context.Context, mark uint64, match func(Event) bool) (Event, error) {
	for {
		r.mu.Lock()
		for _, e := range r.after(mark) {
			if match(e) {
				r.mu.Unlock()
				return e, nil
			}
			mark = e.Seq
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		}
	}
}
