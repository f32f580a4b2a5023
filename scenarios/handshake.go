package scenarios

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

// handshakesUnderLoad comes last of all: a device that takes it for an attack may
// shut the proxies out for a while.
func handshakesUnderLoad() []Scenario {
	return []Scenario{{
		ID:      "tls.outbound.handshake-under-load",
		Usually: time.Second,
		Title:   "The device's TLS handshakes are done within 500 ms also when many begin at once",
		Level:   ledger.LevelShould, // the limit is a must; how many come at once is not said
		Clauses: []string{"byoc-030-handshake-500ms", "byoc-006-originator-opens"},
		Needs:   judge.CallsFromCloud,
		Play:    playHandshakesUnderLoad,
		Judge:   judge.HandshakeUnderLoad,
	}}
}

const (
	// usualHandshakes are done where the stage does not say how many.
	usualHandshakes = 20
	// alone is how many are done one at a time before there is load.
	alone = 5
	// tooMany handshakes that had to be cut say enough of a device: each takes seconds.
	tooMany = 3
)

// usualParallel is how many are done at once where the stage does not say.
var usualParallel = []int{10, 50}

func (s *Stage) handshakes() int {
	if s.Handshakes > 0 {
		return s.Handshakes
	}
	return usualHandshakes
}

func (s *Stage) parallel() []int {
	if len(s.Parallel) > 0 {
		return s.Parallel
	}
	return usualParallel
}

// playHandshakes does handshakes with the device, one after the other.
func playHandshakes(ctx context.Context, s *Stage, c *judge.Case) error {
	measured := lateness(ctx)
	s.tell("doing %d TLS handshakes with the device", s.handshakes())
	a, _ := s.shake(ctx, "handshakes", s.handshakes(), 1)
	c.Attempts, c.Jitter = []record.Attempt{a}, measured()
	return nil
}

// playHandshakesUnderLoad does some handshakes alone, then many at once.
func playHandshakesUnderLoad(ctx context.Context, s *Stage, c *judge.Case) error {
	measured := lateness(ctx)
	s.tell("control: %d TLS handshakes, one at a time", alone)
	control, well := s.shake(ctx, "alone", alone, 1)
	c.Control = []record.Attempt{control}
	for _, p := range s.parallel() {
		n := max(p, s.handshakes())
		s.tell("doing %d TLS handshakes with the device, %d in parallel", n, p)
		a, more := s.shake(ctx, fmt.Sprintf("%d in parallel", p), n, p)
		c.Attempts = append(c.Attempts, a)
		if !well || !more {
			break
		}
	}
	c.Jitter = measured()
	return nil
}

// shake does n handshakes with the device, so many of them in parallel, each on a
// connection of its own and from the proxies in turn. In parallel, one that had to
// be cut is not followed by another; too many of them end it all, and false is
// returned.
func (s *Stage) shake(ctx context.Context, name string, n, parallel int) (a record.Attempt, well bool) {
	w := s.Recorder.Open(name)
	w.Under("healthy", s.Cloud.Generation())
	var begun, cut atomic.Int64
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for begun.Add(1) <= int64(n) && cut.Load() < tooMany && ctx.Err() == nil {
				l, err := s.Cloud.DialPatiently(ctx, s.Cloud.NextProxy())
				if errors.Is(err, transport.ErrDeadline) && (cut.Add(1) >= tooMany || parallel > 1) {
					return
				}
				if err != nil {
					continue // recorded; the judge sees it
				}
				l.Close("the handshake is measured")
				<-l.Flow.Closed()
			}
		})
	}
	workers.Wait()
	return w.Close(), cut.Load() < tooMany
}

// lateness measures, until the returned function is called, how late this process
// gets to things: how much later than asked a timer fires, and how long after
// that it has read what was written then. That is about what it can add to a time
// that ends with something read.
func lateness(ctx context.Context) func() judge.Jitter {
	const every, atLeast, most = 2 * time.Millisecond, 20, 100_000
	r, w, err := os.Pipe() // waits for its octets as a socket does
	if err != nil {
		return func() judge.Jitter { return judge.Jitter{} } // which says that nothing was measured
	}
	ctx, cancel := context.WithCancel(ctx)
	start := time.Now()
	var work sync.WaitGroup
	work.Go(func() {
		defer w.Close()
		for n := 0; n < most && (ctx.Err() == nil || n < atLeast); n++ {
			due := time.Since(start) + every
			time.Sleep(every)
			if _, err := w.Write(binary.NativeEndian.AppendUint64(nil, uint64(due))); err != nil {
				return
			}
		}
	})
	var late []time.Duration
	work.Go(func() {
		defer r.Close()
		var due [8]byte // written and read as one: a pipe does not divide so little
		for {
			if n, err := r.Read(due[:]); n < len(due) || err != nil {
				return
			}
			late = append(late, time.Since(start)-time.Duration(binary.NativeEndian.Uint64(due[:])))
		}
	})
	return func() judge.Jitter {
		cancel()
		work.Wait()
		if len(late) == 0 {
			return judge.Jitter{}
		}
		slices.Sort(late)
		return judge.Jitter{Samples: len(late), P50: late[len(late)/2], Max: late[len(late)-1]}
	}
}
