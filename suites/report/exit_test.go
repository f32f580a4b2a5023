package report

import (
	"fmt"
	"slices"
	"testing"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// open is what a single check may leave: no exit code of its own, and nothing
// shown either. A run of nothing else is incomplete.
const open = -1

// kind is a check with what is known of it, and the code it asks for.
type kind struct {
	name  string
	check Check
	known []Known
	want  int
}

// kinds are all statuses, at all levels, with every sort of known failure.
func kinds() []kind {
	var out []kind
	add := func(s judge.Status, l ledger.Level, expected judge.Status, want int) {
		k := kind{name: fmt.Sprintf("%s %s", l, s), want: want}
		k.check = Check{ID: fmt.Sprintf("sip.inbound.%d", len(out)), Level: l, Verdict: judge.Verdict{Status: s}}
		if expected != "" {
			k.name += ", known as " + string(expected)
			k.known = []Known{{ID: k.check.ID, Verdict: expected, Reason: "a reason"}}
		}
		out = append(out, k)
	}
	for _, l := range []ledger.Level{ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo} {
		unproven := Incomplete
		if l == ledger.LevelMay || l == ledger.LevelInfo {
			unproven = open
		}
		own := map[judge.Status]int{
			judge.Error: Harness, judge.Fail: Failed, judge.Inconclusive: unproven,
			judge.Warn: Passed, judge.NotApplicable: open, judge.Pass: Passed,
		}
		for s, code := range own {
			add(s, l, "", code)
			add(s, l, s, Passed) // as expected, whatever it is
		}
		for _, red := range []judge.Status{judge.Fail, judge.Inconclusive, judge.Error, judge.NotApplicable} {
			add(judge.Pass, l, red, Stale)
			add(judge.Warn, l, red, Stale)
		}
		// A failure of another sort than the known one counts as if unknown.
		add(judge.Fail, l, judge.Inconclusive, Failed)
		add(judge.Fail, l, judge.Error, Failed)
		add(judge.Error, l, judge.Fail, Harness)
		add(judge.Inconclusive, l, judge.Fail, unproven)
		add(judge.NotApplicable, l, judge.Fail, open)
	}
	return out
}

// precedence is the order in which codes count: the first that a check asks for.
var precedence = []int{Harness, Failed, Incomplete, Stale, Passed}

func expect(codes ...int) int {
	if !slices.ContainsFunc(codes, func(c int) bool { return c != open }) {
		return Incomplete
	}
	return precedence[slices.IndexFunc(precedence, func(c int) bool { return slices.Contains(codes, c) })]
}

func settle(kinds ...kind) Report {
	var r Report
	var known []Known
	for _, k := range kinds {
		r.Checks = append(r.Checks, k.check)
		known = append(known, k.known...)
	}
	r.Settle(known)
	return r
}

func TestExitCodeOfOne(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			r := settle(k)
			if want := expect(k.want); r.ExitCode != want {
				t.Errorf("exit code %d, want %d", r.ExitCode, want)
			}
			if got, want := r.Verdict, verdicts[r.ExitCode]; got != want || got == "" {
				t.Errorf("verdict %q for exit code %d, want %q", got, r.ExitCode, want)
			}
			if got := r.Checks[0].Stale; got != (k.want == Stale) {
				t.Errorf("stale = %t", got)
			}
			if got, want := r.Counts[string(k.check.Status)], 1; got != want {
				t.Errorf("%d counted as %s, want %d", got, k.check.Status, want)
			}
		})
	}
}

func TestExitCodePrecedence(t *testing.T) {
	all := kinds()
	for _, a := range all {
		for _, b := range all {
			if a.check.ID == b.check.ID {
				continue
			}
			if got, want := settle(a, b).ExitCode, expect(a.want, b.want); got != want {
				t.Errorf("%s; %s: exit code %d, want %d", a.name, b.name, got, want)
			}
		}
	}
}

func TestExitCodeTable(t *testing.T) {
	check := func(id string, l ledger.Level, s judge.Status) Check {
		return Check{ID: id, Level: l, Verdict: judge.Verdict{Status: s}}
	}
	const must, should, may = ledger.LevelMust, ledger.LevelShould, ledger.LevelMay
	expected := []Known{{"k", judge.Fail, "why"}}
	for _, tt := range []struct {
		name    string
		checks  []Check
		known   []Known
		code    int
		verdict string
	}{
		{"no check at all", nil, nil, 3, "incomplete"},
		{"only not-applicable", []Check{check("a", must, judge.NotApplicable)}, nil, 3, "incomplete"},
		{"only an open may", []Check{check("a", may, judge.Inconclusive)}, nil, 3, "incomplete"},
		{"an open may beside a pass", []Check{check("a", may, judge.Inconclusive), check("b", must, judge.Pass)}, nil, 0, "passed"},
		{"an open should beside a pass", []Check{check("a", should, judge.Inconclusive), check("b", must, judge.Pass)}, nil, 3, "incomplete"},
		{"not-applicable beside a pass", []Check{check("a", must, judge.NotApplicable), check("b", must, judge.Pass)}, nil, 0, "passed"},
		{"a warning", []Check{check("a", should, judge.Warn)}, nil, 0, "passed"},
		{"a must fails", []Check{check("a", must, judge.Fail), check("b", must, judge.Pass)}, nil, 1, "failed"},
		{"all fail as known", []Check{check("k", must, judge.Fail)}, expected, 0, "passed"},
		{"known but inconclusive", []Check{check("k", must, judge.Inconclusive)}, expected, 3, "incomplete"},
		{"known but error", []Check{check("k", must, judge.Error)}, expected, 4, "error"},
		{"known but not-applicable", []Check{check("k", must, judge.NotApplicable), check("b", must, judge.Pass)}, expected, 0, "passed"},
		{"known but passes", []Check{check("k", must, judge.Pass)}, expected, 5, "stale"},
		{"known but warns", []Check{check("k", must, judge.Warn)}, expected, 5, "stale"},
		{"stale beside a failure", []Check{check("k", must, judge.Pass), check("b", must, judge.Fail)}, expected, 1, "failed"},
		{"stale beside something open", []Check{check("k", must, judge.Pass), check("b", must, judge.Inconclusive)}, expected, 3, "incomplete"},
		{"known of a scenario that was not played", []Check{check("b", must, judge.Pass)}, expected, 0, "passed"},
		{"everything at once", []Check{check("k", must, judge.Pass), check("a", must, judge.Fail), check("b", must, judge.Inconclusive),
			check("c", must, judge.Error), check("d", must, judge.Warn)}, expected, 4, "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Report{Checks: tt.checks}
			r.Settle(tt.known)
			if r.ExitCode != tt.code || r.Verdict != tt.verdict {
				t.Errorf("%s, exit code %d, want %s, %d", r.Verdict, r.ExitCode, tt.verdict, tt.code)
			}
			if len(r.Counts) != len(judge.Statuses()) {
				t.Errorf("counts %v lack a status", r.Counts)
			}
		})
	}
}

// What an earlier settlement said is forgotten.
func TestSettleAgain(t *testing.T) {
	r := Report{Checks: []Check{{ID: "k", Verdict: judge.Verdict{Status: judge.Fail}}, {ID: "s", Verdict: judge.Verdict{Status: judge.Pass}}}}
	r.Settle([]Known{{"k", judge.Fail, "why"}, {"s", judge.Fail, "why"}})
	if r.ExitCode != Stale || r.Checks[0].Known != "why" || !r.Checks[1].Stale {
		t.Fatalf("exit code %d, checks %+v", r.ExitCode, r.Checks)
	}
	r.Settle(nil)
	if r.ExitCode != Failed || r.Checks[0].Known != "" || r.Checks[1].Stale || r.Counts["fail"] != 1 {
		t.Errorf("exit code %d, counts %v, checks %+v", r.ExitCode, r.Counts, r.Checks)
	}
}
