package storm

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"
)

// Search is how the rate is sought at which the p99 of the latency crosses the
// limit. One handshake a second has to be held. From the first rate it doubles
// until one is not held; then the gap is halved, by the geometric mean, until it
// is less than a tenth. A rate that is not held is tried once more before it is
// believed, each time after the device has recovered.
//
// A rate just above what a device can do takes a while to show: what waits for it
// grows by the difference only. The longer each is tried, the lower the rate found.
type Search struct {
	Storm
	// From is the first rate after that; 0 means 20 a second. AtMost is the
	// highest; 0 means 20 000 a second.
	From, AtMost float64
	// Each is how long a rate is tried, but for the first of one a second longer
	// where that is too short for 100 handshakes; 0 means 5 s.
	Each time.Duration
	// Recovery bounds the wait until the device does one handshake alone within
	// the limit again; 0 means 30 s.
	Recovery time.Duration
	// Tell, if not nil, is told of each storm when it is over.
	Tell func(Result)
}

// Bounds of a search.
const (
	enough = 100 // handshakes, for a p99
	tenth  = 1.1
	lowest = 1.0 // handshakes a second
)

// Found is what a search came to.
type Found struct {
	// Held is the highest rate that was held, 0 for none; Missed the lowest that
	// was not, 0 for none.
	Held, Missed float64
	// Storms are those that blew, in order, but for single handshakes.
	Storms []Result
	// Why says in words why the search ended without a rate that is not held and
	// one that is close below; empty where it found them.
	Why string
}

// Run searches. When ctx ends, what was found until then is returned.
func (s Search) Run(ctx context.Context) Found {
	s.Storm = s.complete()
	if s.From == 0 {
		s.From = 20
	}
	if s.AtMost == 0 {
		s.AtMost = 20_000
	}
	if s.Each == 0 {
		s.Each = 5 * time.Second
	}
	if s.Recovery == 0 {
		s.Recovery = 30 * time.Second
	}
	var f Found
	for rate := lowest; rate > 0 && f.Why == ""; rate = s.next(&f) {
		s.try(ctx, rate, &f)
	}
	return f
}

// next is the rate to try after what was found so far; 0 where nothing is left.
func (s Search) next(f *Found) float64 {
	switch {
	case f.Why != "" || f.Missed > 0 && f.Missed <= tenth*f.Held:
		return 0
	case f.Missed > 0:
		return math.Sqrt(f.Held * f.Missed)
	case f.Held >= s.AtMost:
		f.Why = "the highest rate that is tried is held"
		return 0
	case f.Held < s.From:
		return min(s.From, s.AtMost)
	}
	return min(2*f.Held, s.AtMost)
}

// try finds out whether a rate is held.
func (s Search) try(ctx context.Context, rate float64, f *Found) {
	lasting := s.Each
	if rate > lowest {
		lasting = max(lasting, time.Duration(enough/rate*float64(time.Second)))
	}
	busy := ""
	for range 2 {
		r := s.Blow(ctx, rate, lasting)
		f.Storms = append(f.Storms, r)
		if s.Tell != nil {
			s.Tell(r)
		}
		switch {
		case r.Interrupted:
			f.Why = "it was interrupted"
			return
		case r.Held():
			f.Held = rate
			return
		}
		if busy = cmp.Or(r.Busy(), busy); rate > lowest && !s.recovered(ctx) {
			f.Missed, f.Why = rate, fmt.Sprintf("after %s a second the device did not recover within %v", speed(rate), s.Recovery)
			if ctx.Err() != nil {
				f.Why = "it was interrupted"
			}
			return
		}
	}
	if busy != "" {
		f.Why = "this machine can do no more: " + busy
		return
	}
	if f.Missed = rate; rate <= lowest {
		f.Why = "not even one handshake a second is held"
	}
}

// recovered waits until the device does a handshake alone within the limit.
func (s Search) recovered(ctx context.Context) bool {
	for end := time.Now().Add(s.Recovery); time.Now().Before(end); {
		if s.Blow(ctx, 1, time.Nanosecond).Held() { // which is one
			return true
		}
		if !until(ctx, time.Now().Add(time.Second)) {
			return false
		}
	}
	return false
}
