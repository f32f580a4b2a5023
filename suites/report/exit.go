package report

import (
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// Exit codes of the binary. Where several apply, the first of Usage, Harness,
// Failed, Incomplete, Stale counts.
const (
	Passed     = 0 // all musts passed
	Failed     = 1 // a must failed
	Usage      = 2 // wrong usage or configuration, or the device cannot be reached
	Incomplete = 3 // something was inconclusive or not played
	Harness    = 4 // the harness failed
	Stale      = 5 // a known failure no longer fails
)

// verdicts are the words of the exit codes.
var verdicts = map[int]string{Passed: "passed", Failed: "failed", Incomplete: "incomplete", Harness: "error", Stale: "stale"}

// Known is a failure that is expected and does not count.
type Known struct {
	ID      string
	Verdict judge.Status
	Reason  string
}

// Settle applies the known failures, counts, and decides the exit code.
func (r *Report) Settle(known []Known) {
	r.Counts = map[string]int{}
	for _, s := range judge.Statuses() {
		r.Counts[string(s)] = 0
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Known, c.Stale = "", false
		for _, k := range known {
			switch {
			case k.ID != c.ID:
			case k.Verdict == c.Status:
				c.Known = k.Reason
			case c.Status == judge.Pass || c.Status == judge.Warn:
				c.Stale = true
			}
		}
		r.Counts[string(c.Status)]++
	}
	r.ExitCode = r.exit()
	r.Verdict = verdicts[r.ExitCode]
}

func (r *Report) exit() int {
	has := func(f func(Check) bool) bool {
		for _, c := range r.Checks {
			if c.Known == "" && f(c) {
				return true
			}
		}
		return false
	}
	green := 0
	for _, c := range r.Checks {
		if c.Status == judge.Pass || c.Status == judge.Warn || c.Known != "" {
			green++
		}
	}
	switch {
	case has(func(c Check) bool { return c.Status == judge.Error }):
		return Harness
	case has(func(c Check) bool { return c.Status == judge.Fail }):
		return Failed
	// A run in which nothing at all was shown is not passed.
	case has(func(c Check) bool { return c.Status == judge.Inconclusive && c.counts() }), green == 0:
		return Incomplete
	case has(func(c Check) bool { return c.Stale }):
		return Stale
	}
	return Passed
}

// counts reports whether the check has to be shown: what counts for nothing by its
// level may stay open.
func (c Check) counts() bool { return c.Level == ledger.LevelMust || c.Level == ledger.LevelShould }
