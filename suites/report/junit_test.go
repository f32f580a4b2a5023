package report

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

func TestJUnit(t *testing.T) {
	r, known := made()
	r.Settle(known)
	f := Folder(t.TempDir())
	if err := f.WriteJUnit(r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(string(f), "junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.golden.xml", b)
	var back junitSuites
	if err := xml.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	s := back.Suites[0]
	if s.Tests != len(r.Checks) || len(s.Cases) != s.Tests || s.Failures != 2 || s.Errors != 2 || s.Skipped != 2 {
		t.Errorf("%d tests, %d cases, %d failures, %d errors, %d skipped", s.Tests, len(s.Cases), s.Failures, s.Errors, s.Skipped)
	}
}

// What counts for nothing by its level does not turn a CI job red by staying open,
// and a warning can be found.
func TestJUnitToldOnly(t *testing.T) {
	for _, tt := range []struct {
		name            string
		check           Check
		errors, skipped int
		message, output string
	}{
		{name: "open info", check: Check{Level: ledger.LevelInfo, Verdict: judge.Verdict{Status: judge.Inconclusive, Observed: "No suite could be tried."}}, skipped: 1, message: "No suite could be tried."},
		{name: "open may", check: Check{Level: ledger.LevelMay, Verdict: judge.Verdict{Status: judge.Inconclusive, Observed: "Not tried."}}, skipped: 1, message: "Not tried."},
		{name: "open should", check: Check{Level: ledger.LevelShould, Verdict: judge.Verdict{Status: judge.Inconclusive, Observed: "Not tried."}}, errors: 1},
		{name: "info with an error", check: Check{Level: ledger.LevelInfo, Verdict: judge.Verdict{Status: judge.Error, Observed: "No ports."}}, errors: 1},
		{name: "warning", check: Check{Level: ledger.LevelMust, Verdict: judge.Verdict{Status: judge.Warn, Observed: "460 ms."}}, output: "warn: 460 ms."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s junitSuite
			s.add(tt.check)
			c := s.Cases[0]
			if s.Errors != tt.errors || s.Skipped != tt.skipped || s.Failures != 0 || (c.Error != nil) != (tt.errors > 0) {
				t.Errorf("%d errors, %d skipped, %d failures", s.Errors, s.Skipped, s.Failures)
			}
			if c.Skipped != nil && c.Skipped.Message != tt.message || c.Skipped == nil && tt.skipped > 0 {
				t.Errorf("skipped: %+v", c.Skipped)
			}
			if tt.output != "" && c.Out != tt.output {
				t.Errorf("output %q, want %q", c.Out, tt.output)
			}
		})
	}
}
