package report

import (
	"encoding/xml"
	"fmt"
	"path/filepath"

	"byocheck/scenarios/judge"
)

// The elements of JUnit's XML that CI servers agree on.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitProblem `xml:"failure"`
	Error     *junitProblem `xml:"error"`
	Skipped   *junitProblem `xml:"skipped"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes junit.xml. A fail is a failure, inconclusive and error are
// errors. Not-applicable, known failures, and what is inconclusive but counts for
// nothing are skipped with their reason. JUnit has no warnings: one is a pass whose
// output says so.
func (f Folder) WriteJUnit(r Report) error {
	s := junitSuite{Name: "byocheck " + r.Device.Target, Tests: len(r.Checks),
		Time: seconds(r.Ended.Sub(r.Started).Seconds()), Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05")}
	for _, c := range r.Checks {
		s.add(c)
	}
	b, err := xml.MarshalIndent(junitSuites{Suites: []junitSuite{s}}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding junit.xml: %w", err)
	}
	return write(filepath.Join(string(f), "junit.xml"), append([]byte(xml.Header), append(b, '\n')...))
}

func (s *junitSuite) add(c Check) {
	t := junitCase{Name: c.ID, ClassName: "byocheck", Time: seconds(c.Seconds), Out: c.Observed}
	if c.Status == judge.Warn {
		t.Out = "warn: " + c.Observed
	}
	problem := &junitProblem{Message: c.Observed, Type: string(c.Status),
		Text: fmt.Sprintf("%s\nexpected: %s\nobserved: %s\nto do: %s\nagain: %s\n", c.Title, c.Expected, c.Observed, c.Hint, c.Rerun)}
	switch {
	case c.Known != "":
		t.Skipped = &junitProblem{Message: "known " + string(c.Status) + ": " + c.Known}
		s.Skipped++
	case c.Stale:
		problem.Message = "a failure listed as known no longer fails"
		t.Failure = problem
		s.Failures++
	case c.Status == judge.Fail:
		t.Failure = problem
		s.Failures++
	case c.Status == judge.NotApplicable, c.Status == judge.Inconclusive && !c.counts():
		t.Skipped = &junitProblem{Message: c.Observed}
		s.Skipped++
	case c.Status != judge.Pass && c.Status != judge.Warn:
		t.Error = problem
		s.Errors++
	}
	s.Cases = append(s.Cases, t)
}

func seconds(x float64) string { return fmt.Sprintf("%.3f", x) }
