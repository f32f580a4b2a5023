package storm

import (
	"fmt"
	"strings"
	"time"
)

// Table writes a line for each storm, and below them what failed and what this
// machine had to do with it.
func Table(storms []Result) string {
	var b strings.Builder
	if len(storms) == 0 {
		return ""
	}
	fmt.Fprintf(&b, "%8s %7s %7s %7s %9s %10s %10s %10s %10s %10s %10s  within %s\n",
		"rate/s", "due", "done", "failed", "not begun", "p50", "p90", "p95", "p99", "p99.9", "max", spoken(storms[0].Limit))
	for _, r := range storms {
		l := r.Latency
		fmt.Fprintf(&b, "%8s %7d %7d %7d %9d %10s %10s %10s %10s %10s %10s  %.2f %%\n", speed(r.Rate), r.Due, r.Done, r.Failed, r.NotBegun,
			spoken(l.P50), spoken(l.P90), spoken(l.P95), spoken(l.P99), spoken(l.P999), spoken(l.Max), r.percent())
	}
	for _, r := range storms {
		for _, c := range r.Failures {
			fmt.Fprintf(&b, "at %s a second: %d x %s\n", speed(r.Rate), c.Count, c.Name)
		}
		if r.NotBegun > 0 {
			fmt.Fprintf(&b, "at %s a second: %d x not begun, because %d were under way, our own limit\n", speed(r.Rate), r.NotBegun, r.InFlight)
		}
		if r.Ended > 0 {
			fmt.Fprintf(&b, "at %s a second: %d under way when we ended the storm are left out\n", speed(r.Rate), r.Ended)
		}
	}
	var late time.Duration
	var share float64
	under, may := 0, 0
	for _, r := range storms {
		late, share, under, may = max(late, r.Late.Max), max(share, r.ProcessorShare()), max(under, r.MostInFlight), r.InFlight
	}
	fmt.Fprintf(&b, "this machine: began handshakes up to %s late, used up to %.0f %% of its processors (%d), had up to %d of %d handshakes under way\n",
		spoken(late), 100*share, storms[0].Processors, under, may)
	return b.String()
}

// percent is the share of the handshakes that were done within the limit, rounded
// down: what is not held does not read as if it were.
func (r Result) percent() float64 {
	if r.Due == r.Ended {
		return 0
	}
	return float64(10_000*r.Within/(r.Due-r.Ended)) / 100
}

// String says in a line how a storm went.
func (r Result) String() string {
	return fmt.Sprintf("%s a second for %s: %.2f %% within %s, p50 %s, p99 %s", speed(r.Rate), r.Lasting, r.percent(), spoken(r.Limit), spoken(r.Latency.P50), spoken(r.Latency.P99))
}

// Verdict is what a storm or a search says.
type Verdict string

// The verdicts.
const (
	// Met: the rate was held, or the highest that is held was found.
	Met Verdict = "met"
	// Unmet: the rate was not held.
	Unmet Verdict = "unmet"
	// Open: what was seen says neither.
	Open Verdict = "incomplete"
)

// Judged says what one storm shows.
func (r Result) Judged() (Verdict, string) {
	what := fmt.Sprintf("%.2f %% of %s handshakes a second are done within %s of when they are due, p99 is %s", r.percent(), speed(r.Rate), spoken(r.Limit), spoken(r.Latency.P99))
	busy := r.Busy()
	switch {
	case r.Interrupted:
		return Open, fmt.Sprintf("Interrupted after %s; until then %s.", r.Took.Round(100*time.Millisecond), what)
	case r.Held():
		return Met, fmt.Sprintf("The rate is held: %s.", what)
	case busy != "":
		return Open, fmt.Sprintf("It cannot be told whether the device holds the rate, since this machine was the limit (%s): %s.", busy, what)
	}
	return Unmet, fmt.Sprintf("The rate is not held: %s, and 99 %% are needed.", what)
}

// how says how the rate is sought.
const how = "sought by doubling the rate, then by halving the gap until it was less than a tenth; what was not held was tried twice"

// Judged says what a search shows.
func (f Found) Judged(limit time.Duration) (Verdict, string) {
	switch {
	case f.Why == "":
		return Met, fmt.Sprintf("The p99 crosses %s between %s and %s handshakes a second (%s).", spoken(limit), speed(f.Held), speed(f.Missed), how)
	case f.Held == 0 && f.Missed == 0:
		return Open, fmt.Sprintf("Nothing can be said of the device: %s.", f.Why)
	case f.Held == 0:
		return Unmet, fmt.Sprintf("The p99 is above %s at any rate: %s.", spoken(limit), f.Why)
	case f.Missed > 0:
		return Open, fmt.Sprintf("The p99 crosses %s somewhere between %s and %s handshakes a second; the search ended early: %s (%s).", spoken(limit), speed(f.Held), speed(f.Missed), f.Why, how)
	}
	return Open, fmt.Sprintf("The p99 stays within %s up to %s handshakes a second; where it crosses was not found: %s (%s).", spoken(limit), speed(f.Held), f.Why, how)
}

// spoken writes a time in milliseconds, or seconds where it is long.
func spoken(d time.Duration) string {
	switch {
	case d == Never:
		return "never"
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// speed writes a rate with four digits, or all where there are more.
func speed(rate float64) string {
	if rate >= 1000 {
		return fmt.Sprintf("%.0f", rate)
	}
	return fmt.Sprintf("%.4g", rate)
}
