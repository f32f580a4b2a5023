package storm

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		name      string
		device    *device
		search    Search
		min, max  float64 // of what is held
		missed    bool
		storms    int
		verdict   Verdict
		says      string
		interrupt time.Duration
	}{
		// It can do 100 a second; beyond that the last of 5 s wait for more than
		// 500 ms, by p99, from about 110 a second.
		{name: "from below", device: &device{takes: 10 * ms, workers: 1}, min: 100, max: 112, missed: true, verdict: Met, says: "The p99 crosses 500 ms between "},
		{name: "from above", device: &device{takes: 250 * ms, workers: 1}, min: 3.7, max: 4.1, missed: true, verdict: Met, says: "handshakes a second (sought by doubling"},
		{name: "the first is near", device: &device{takes: 10 * ms, workers: 1}, search: Search{From: 100}, min: 105, max: 112, missed: true, verdict: Met},
		{name: "never", device: &device{takes: 2 * time.Second}, missed: true, verdict: Unmet, storms: 2, says: "above 500 ms at any rate: not even one handshake a second is held"},
		{name: "hangs", device: &device{hangs: true}, missed: true, verdict: Unmet, storms: 2, says: "not even one"},
		{name: "always", device: &device{takes: 10 * ms}, search: Search{AtMost: 50}, min: 50, max: 50, storms: 4, verdict: Open, says: "stays within 500 ms up to 50 handshakes a second; where it crosses was not found: the highest rate that is tried is held"},
		{name: "this machine has no sockets", device: &device{refuses: syscall.EMFILE}, storms: 2, verdict: Open, says: "Nothing can be said of the device: this machine can do no more: it ran out"},
		{name: "does not recover", device: &device{takes: 250 * ms, workers: 1}, search: Search{Recovery: time.Second}, min: 1, max: 1, missed: true, verdict: Open, storms: 2, says: "between 1 and 20 handshakes a second; the search ended early: after 20 a second the device did not recover within 1s"},
		{name: "interrupted on the way up", device: &device{takes: 10 * ms}, min: 40, max: 40, storms: 4, verdict: Open, says: "up to 40 handshakes a second; where it crosses was not found: it was interrupted", interrupt: 16 * time.Second},
		{name: "interrupted at once", device: &device{takes: 10 * ms}, storms: 1, verdict: Open, says: "Nothing can be said of the device: it was interrupted", interrupt: time.Millisecond},
		{name: "interrupted in between", device: &device{takes: 10 * ms, workers: 1}, min: 80, max: 80, missed: true, verdict: Open, says: "somewhere between 80 and 160", interrupt: 42 * time.Second},
		{name: "interrupted while it recovers", device: &device{takes: 250 * ms, workers: 1}, min: 1, max: 1, missed: true, storms: 2, verdict: Open, says: "the search ended early: it was interrupted", interrupt: 16 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if tt.interrupt > 0 {
					time.AfterFunc(tt.interrupt, stop)
				}
				tt.search.Storm = against(tt.device)
				told := 0
				tt.search.Tell = func(Result) { told++ }
				f := tt.search.Run(ctx)
				if f.Held < tt.min || f.Held > tt.max || (f.Missed > 0) != tt.missed || f.Why == "" && f.Missed > tenth*f.Held {
					t.Errorf("held %.4g, missed %.4g", f.Held, f.Missed)
				}
				if told != len(f.Storms) || tt.storms > 0 && told != tt.storms {
					t.Errorf("%d storms, told of %d, want %d", len(f.Storms), told, tt.storms)
				}
				for _, r := range f.Storms {
					counts(t, r)
					if r.Due < enough && r.Rate > lowest && !r.Interrupted {
						t.Errorf("%d handshakes are too few for a p99", r.Due)
					}
				}
				if verdict, says := f.Judged(500 * ms); verdict != tt.verdict || !strings.Contains(says, tt.says) || strings.Contains(says, "%!") {
					t.Errorf("%s: %s", verdict, says)
				}
			})
		})
	}
}

// TestSearchBelieves: a rate that is not held once, but is when it is tried again,
// is held.
func TestSearchBelieves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Search{Storm: against(&device{takes: 10 * ms, stalls: 2 * time.Second}), AtMost: 1}.Run(t.Context())
		if len(f.Storms) != 2 || f.Storms[0].Held() || f.Held != 1 || f.Missed != 0 {
			t.Errorf("held %g, missed %g after %d storms", f.Held, f.Missed, len(f.Storms))
		}
	})
}

// TestSearchTries: what "byocheck storm --help" says of the rates and of how long
// each is tried.
func TestSearchTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Search{Storm: against(&device{takes: 10 * ms}), Each: time.Second, AtMost: 160}.Run(t.Context())
		var tried []string
		for _, r := range f.Storms {
			tried = append(tried, fmt.Sprintf("%g for %v", r.Rate, r.Lasting))
		}
		if got := strings.Join(tried, ", "); got != "1 for 1s, 20 for 5s, 40 for 2.5s, 80 for 1.25s, 160 for 1s" {
			t.Error(got)
		}
	})
}
