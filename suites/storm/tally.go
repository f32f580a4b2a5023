package storm

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"byocheck/simulator/transport"
)

// times are those of a handshake that was done.
type times struct{ connect, handshake, whole time.Duration }

// most is the longest time that a histogram holds; what is longer counts as that.
const most = time.Hour

// maxKinds bounds the kinds of failures that are told apart.
const maxKinds = 20

// tally counts while a storm blows.
type tally struct {
	limit time.Duration

	mu       sync.Mutex
	r        Result
	latency  *hdrhistogram.Histogram // microseconds, to three digits
	connect  *hdrhistogram.Histogram
	shake    *hdrhistogram.Histogram
	late     *hdrhistogram.Histogram
	failures map[failure]int
	suites   map[uint16]int
}

func newTally(s Storm) *tally {
	histogram := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, most.Microseconds(), 3) }
	return &tally{
		limit: s.Limit, r: Result{Limit: s.Limit, InFlight: s.InFlight},
		latency: histogram(), connect: histogram(), shake: histogram(), late: histogram(),
		failures: map[failure]int{}, suites: map[uint16]int{},
	}
}

// note adds a time to a histogram, in whose range it is put.
func note(h *hdrhistogram.Histogram, d time.Duration) {
	h.RecordValue(min(max(0, d), most).Microseconds())
}

func (t *tally) begun(late time.Duration, inFlight int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Due++
	t.r.MostInFlight = max(t.r.MostInFlight, inFlight)
	note(t.late, late)
}

func (t *tally) notBegun() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Due++
	t.r.NotBegun++
}

func (t *tally) done(x times, suite uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Done++
	t.suites[suite]++
	if x.whole <= t.limit {
		t.r.Within++
	}
	for _, h := range []struct {
		histogram *hdrhistogram.Histogram
		took      time.Duration
	}{{t.latency, x.whole}, {t.connect, x.connect}, {t.shake, x.handshake}} {
		note(h.histogram, h.took)
	}
}

// failed counts one that was not done; ended where that is because we ended the storm.
func (t *tally) failed(f failure, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ended {
		t.r.Ended++
		return
	}
	t.r.Failed++
	if _, known := t.failures[f]; !known && len(t.failures) >= maxKinds {
		f = failure{kind: "others", ours: f.ours}
	}
	t.failures[f]++
}

func (t *tally) result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.r
	r.Processors = runtime.GOMAXPROCS(0)
	r.Latency = spread(t.latency, r.Due-r.Ended)
	r.Connect, r.Handshake, r.Late = spread(t.connect, r.Done), spread(t.shake, r.Done), spread(t.late, r.Due-r.NotBegun)
	for f, n := range t.failures {
		r.Failures = append(r.Failures, Count{f.kind, n, f.ours})
	}
	for s, n := range t.suites {
		r.Suites = append(r.Suites, Count{Name: transport.SuiteName(s), Count: n})
	}
	for _, list := range [][]Count{r.Failures, r.Suites} {
		slices.SortFunc(list, func(a, b Count) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name)) })
	}
	return r
}

// spread reads a histogram, as one of so many of which those that it does not
// hold come last.
func spread(h *hdrhistogram.Histogram, of int) Spread {
	at := func(quantile float64) time.Duration {
		rank := int64(math.Ceil(quantile * float64(of)))
		if rank > h.TotalCount() {
			return Never
		}
		if rank < 1 || h.TotalCount() == 0 {
			return 0
		}
		// A little below the rank's own share: rounding must not lead to the next one.
		return time.Duration(h.ValueAtPercentile(100*(float64(rank)-0.5)/float64(h.TotalCount()))) * time.Microsecond
	}
	s := Spread{P50: at(0.5), P90: at(0.9), P95: at(0.95), P99: at(0.99), P999: at(0.999), Max: at(1)}
	if h.TotalCount() > 0 {
		s.Min = time.Duration(h.Min()) * time.Microsecond
	}
	return s
}
