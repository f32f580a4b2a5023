package storm

import (
	"fmt"
	"math"
	"time"
)

// held is the share of the handshakes that has to be done within the limit.
const held = 0.99

// Result is what came of a storm.
type Result struct {
	// Rate is how many handshakes were due a second, Lasting for how long.
	Rate    float64
	Lasting time.Duration
	// Took is the time until the last had ended.
	Took time.Duration
	// Interrupted: the storm was ended before its time.
	Interrupted bool
	// Due counts all that were to begin: those that were Done, those that were
	// Failed, NotBegun where too many were under way, and Ended by us with the storm.
	Due, Done, Failed, NotBegun, Ended int
	// Within counts those done within Limit of when they were due.
	Within int
	Limit  time.Duration
	// Failures are the kinds of what failed, the most frequent first.
	Failures []Count
	// Suites are what was negotiated, the most frequent first.
	Suites []Count
	// Latency is from when a handshake was due to the device's Finished; all that
	// were due count, those that were not done as never. Connect is the TCP
	// connect alone and Handshake the rest, of those done; Late is how long after
	// it was due one began, of those begun.
	Latency, Connect, Handshake, Late Spread
	// MostInFlight is how many were under way at once, at most, InFlight how many may.
	MostInFlight, InFlight int
	// Processor is the time that this process used of Processors.
	Processor  time.Duration
	Processors int
}

// Count is how often something was.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	// Ours: this machine's doing and not the device's.
	Ours bool `json:"ours,omitempty"`
}

// Spread is a distribution of times. Those that are Never are beyond any time.
type Spread struct {
	Min, P50, P90, P95, P99, P999, Max time.Duration
}

// Never is the time that something takes that is not done at all.
const Never = time.Duration(math.MaxInt64)

// Held reports whether 99 % of the handshakes that were due were done within the
// limit: whether the p99 of Latency is.
func (r Result) Held() bool {
	due := r.Due - r.Ended
	return due > 0 && float64(r.Within) >= held*float64(due)
}

// What this machine may need itself before a storm that was not held is not laid
// to the device.
const (
	busyShare = 0.9   // of the processors
	oursShare = 0.001 // of the handshakes that it could not even begin
	// wakes are the moments of a handshake at which this process may come late:
	// to begin it, and to go on after TCP connect, ServerHelloDone and Finished.
	wakes = 4
)

// Busy says in words in what this machine could not keep up, so that a storm that
// was not held says nothing of the device; empty where it could. What delays us
// makes a latency longer and never shorter: one that was held is held.
func (r Result) Busy() string {
	ours := 0
	for _, c := range r.Failures {
		if c.Ours {
			ours += c.Count
		}
	}
	switch {
	case r.Held():
		return ""
	case float64(ours) > oursShare*float64(r.Due):
		return "it ran out of ports or sockets"
	// So many may be under way and yet in time, and those that were begun were.
	case r.NotBegun > 0 && float64(r.InFlight) < r.Rate*r.Limit.Seconds() && float64(r.Within) >= held*float64(r.Due-r.Ended-r.NotBegun):
		return fmt.Sprintf("it had no more than %d handshakes under way at once", r.InFlight)
	case min(r.Latency.P99, patient*r.Limit)-wakes*r.Late.P99 <= r.Limit:
		return fmt.Sprintf("it came up to %s late itself", spoken(r.Late.P99))
	case r.ProcessorShare() > busyShare:
		return fmt.Sprintf("our own part took %.0f %% of its processors", 100*r.ProcessorShare())
	}
	return ""
}

// ProcessorShare is what this process used of the processors, 0 to 1.
func (r Result) ProcessorShare() float64 {
	if r.Took <= 0 || r.Processors == 0 {
		return 0
	}
	return float64(r.Processor) / float64(r.Took) / float64(r.Processors)
}
