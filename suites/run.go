package suites

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites/config"
	"byocheck/suites/report"
)

// Options are those of one run.
type Options struct {
	// Config is complete: see Complete.
	Config config.Config
	// Reference: the device is the built-in reference SBC, with the defect Mutant.
	Reference bool
	Mutant    string
	// Selected are the scenarios to play, in order; Selection is how the user named them.
	Selected  []scenarios.Scenario
	Selection string
	// Known are the known failures.
	Known []report.Known
	// Out receives the report and the recordings.
	Out report.Folder
	// Rerun returns the command that runs just one scenario again.
	Rerun func(id string) string
	// Say is told each line for the person who watches. It must not be nil.
	Say func(format string, args ...any)
	// Done, if not nil, is told each scenario that has its verdict.
	Done func(scenarios.Scenario)
}

// SetUpError is an error before the first scenario: nothing was tested.
type SetUpError struct{ Err error }

func (e *SetUpError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SetUpError) Unwrap() error { return e.Err }

// Run plays the scenarios and writes the report. When ctx ends, calls are ended,
// what is left is marked as not played, and the report is written all the same.
// It can be called once in a process: the front is Ginkgo's.
func Run(ctx context.Context, o Options) (report.Report, error) {
	r := o.begin()
	if !o.Reference && slices.ContainsFunc(o.Selected, func(s scenarios.Scenario) bool { return s.Direction() == "outbound" }) {
		if err := Reachable(ctx, o.Config); err != nil && ctx.Err() == nil {
			return r, &SetUpError{err}
		}
	}
	l, err := open(o.Config, func(format string, args ...any) { o.Say("    "+format, args...) })
	if err != nil {
		return r, &SetUpError{err}
	}
	defer l.close()
	if o.Reference {
		if err := l.startReference(o.Config, o.Mutant); err != nil {
			return r, &SetUpError{err}
		}
	}
	if err := giveLists(ctx, o.Config, l.stage.Cloud); err != nil {
		return r, &SetUpError{err}
	}
	for _, n := range l.notes {
		o.Say("%s", n)
	}
	r.Environment.DNS = l.stage.Cloud.DNS.String()
	if err := o.Out.Begin(); err != nil {
		return r, &SetUpError{err}
	}
	var failed error
	play(o.Selected, func(s scenarios.Scenario) judge.Verdict {
		c, err := o.check(ctx, l, s, len(r.Checks)+1)
		if err != nil && failed == nil {
			failed = err
		}
		r.Checks = append(r.Checks, c)
		if o.Done != nil {
			o.Done(s)
		}
		return c.Verdict
	})
	if failed != nil {
		return r, failed
	}
	o.unplayed(&r)
	o.advise(l.stage)
	r.Environment.JitterMaxMS = l.jitter
	r.Ended = time.Now().UTC()
	r.Settle(o.Known)
	return r, errors.Join(o.Out.Write(r), o.Out.WriteJUnit(r))
}

// check plays one scenario and keeps its recording.
func (o Options) check(ctx context.Context, l *lab, s scenarios.Scenario, number int) (report.Check, error) {
	c := o.describe(s)
	if ctx.Err() != nil {
		c.Verdict = notPlayed(s)
		return c, nil
	}
	o.Say("[%d/%d] %s", number, len(o.Selected), s.ID)
	// What is declared absent is held against all that the run has seen.
	if len(o.Config.Declared) == 0 {
		l.recorder.Forget(l.recorder.Mark())
	}
	l.watch.flush(true)
	begin := time.Now()
	v, encoded := l.stage.Play(ctx, s)
	l.watch.flush(false)
	c.Verdict, c.Started, c.Seconds = v, begin.UTC(), time.Since(begin).Seconds()
	for _, m := range v.Measurements {
		if m.Name == "own lateness maximum" {
			l.jitter = max(l.jitter, m.Value)
		}
	}
	o.Say("    -> %s (%.1f s)", v.Status, c.Seconds)
	if len(encoded) == 0 {
		return c, nil
	}
	file, err := o.Out.Record(s.ID, encoded)
	c.Recording = file
	return c, err
}

func (o Options) describe(s scenarios.Scenario) report.Check {
	return report.Check{ID: s.ID, Title: s.Title, Level: s.Level, Clauses: report.Clauses(s.Clauses), Confirmed: scenarios.Confirmed(s.ID), Rerun: o.Rerun(s.ID)}
}

func notPlayed(s scenarios.Scenario) judge.Verdict {
	return judge.Verdict{Status: judge.Inconclusive, Expected: s.Title, Observed: "Not played: the run was interrupted before.", Hint: "Run it again."}
}

// unplayed adds the scenarios that Ginkgo did not come to.
func (o Options) unplayed(r *report.Report) {
	for _, s := range o.Selected {
		if !slices.ContainsFunc(r.Checks, func(c report.Check) bool { return c.ID == s.ID }) {
			c := o.describe(s)
			c.Verdict = notPlayed(s)
			r.Checks = append(r.Checks, c)
		}
	}
}

// advise prints the lines of configuration that would let more be shown, once
// for both directions: a key may stand in the file once.
func (o Options) advise(s *scenarios.Stage) {
	var directions, lines []string
	for _, m := range []struct {
		direction string
		lines     []string
	}{{"inbound", s.MissingInbound}, {"outbound", s.MissingOutbound}} {
		needed := slices.ContainsFunc(o.Selected, func(x scenarios.Scenario) bool {
			_, absent := s.Declared[x.Needs]
			return x.Direction() == m.direction && !absent
		})
		if len(m.lines) > 0 && needed {
			directions, lines = append(directions, m.direction), joined(lines, m.lines)
		}
	}
	if len(lines) > 0 {
		o.Say("\nTo play the %s calls, add to %s, each line below its key if that is there already:\n\n    %s",
			strings.Join(directions, " and "), o.file(), strings.Join(lines, "\n    "))
	}
}

// file names the configuration file that a person should edit.
func (o Options) file() string {
	if o.Config.Dir == "" { // none was read
		return config.DefaultFile
	}
	return "the configuration file"
}

// joined adds YAML lines to others: what stands below a key that is there
// already goes below that, and a line that is there already is left out.
func joined(lines, more []string) []string {
	out, at := slices.Clone(lines), len(lines)
	for _, l := range more {
		i := slices.Index(out, l)
		if i >= 0 {
			at = i + 1
			continue
		}
		if !strings.HasPrefix(l, " ") {
			at = len(out)
		}
		out = slices.Insert(out, at, l)
		at++
	}
	return out
}

func (o Options) begin() report.Report {
	c := o.Config
	r := report.Report{
		SchemaVersion: report.SchemaVersion, Suite: Version(), Notice: report.Notice, Started: time.Now().UTC(),
		Profile: profile(c, o.Selection),
		Device: report.Device{Target: c.Target.String(), Connect: c.Connect.String(), Vendor: c.Device.Vendor,
			Model: c.Device.Model, Firmware: c.Device.Firmware, Declared: c.Declared},
	}
	listen, _ := c.Proxies()
	for _, a := range listen {
		r.Environment.Listen = append(r.Environment.Listen, a.String())
	}
	if !c.Carrier.None && c.Carrier.Device.IsValid() {
		r.Environment.Carrier = fmt.Sprintf("%s, device at %s", c.Carrier.Listen, c.Carrier.Device)
	}
	for _, t := range c.Trigger {
		r.Environment.Trigger = append(r.Environment.Trigger, string(t.Kind))
	}
	return r
}

// profile says what is simulated.
func profile(c config.Config, selection string) report.Profile {
	p := report.Profile{System: judge.Cloud, Edition: c.Edition, Region: c.Region, Selection: selection}
	if c.Edge.Played {
		p.System, p.Region, p.Edge, p.MediaSecurity = judge.Edge, "", c.Edge.Name, c.Edge.MediaSecurity
	}
	return p
}

// Version says which program this is, from what the build left in it.
func Version() report.Suite {
	s := report.Suite{Version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return s
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		s.Version = v
	}
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" {
			s.Commit = kv.Value
		}
	}
	return s
}
