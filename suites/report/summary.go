package report

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// width is where the summary breaks lines.
const width = 96

// Summary writes what a person needs to know of the run: what is to be fixed
// first, then the rest in a line each, then the result with its exit code.
func (r Report) Summary(w io.Writer, out Folder) {
	where := "region " + r.Profile.Region
	if r.Profile.System == judge.Edge {
		where = "Edge " + r.Profile.Edge
	}
	fmt.Fprintf(w, "\n%s, simulated %s, %s edition\n", r.Device.Target, where, r.Profile.Edition)
	checks := slices.Clone(r.Checks)
	slices.SortStableFunc(checks, func(a, b Check) int { return cmp.Compare(urgency(a), urgency(b)) })
	for _, same := range folded(checks) {
		if c := same[0]; len(same) > 1 {
			c.explainAll(w, out, same[1:])
		} else if urgency(c) < calm {
			c.explain(w, out)
		}
	}
	fmt.Fprintln(w)
	var passed []Check
	for _, c := range checks {
		switch {
		case urgency(c) < calm:
		case urgency(c) > calm+1 && c.Level != ledger.LevelInfo:
			passed = append(passed, c)
		default:
			c.line(w)
		}
	}
	list(w, passed)
	fmt.Fprintf(w, "\n%s\n%s\n", r.counts(), Notice)
	fmt.Fprintf(w, "report: %s\n", filepath.Join(string(out), "report.json"))
	r.result(w)
}

// Result writes the last lines alone: the counts, and the result with its exit code.
func (r Report) Result(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", r.counts())
	r.result(w)
}

func (r Report) result(w io.Writer) {
	why := meaning[r.ExitCode]
	if n := r.known(); n > 0 && r.ExitCode == Passed {
		why += fmt.Sprintf(", but for %d failure(s) listed as known", n)
	}
	fmt.Fprintf(w, "result: %s (exit code %d: %s)\n", r.Verdict, r.ExitCode, why)
}

// few is from how many on checks that are inconclusive alike are told as one.
const few = 3

// folded groups what is inconclusive for the same reason with the same thing to
// do: one cause, such as a device without TLS 1.2, would else bury what fails. Of
// a group the weightiest come first; all others are alone.
func folded(checks []Check) [][]Check {
	type reason struct{ observed, hint string }
	alike := map[reason][]Check{}
	for _, c := range checks {
		if c.Known == "" && c.Status == judge.Inconclusive {
			r := reason{c.Observed, c.Hint}
			alike[r] = append(alike[r], c)
		}
	}
	var out [][]Check
	for _, c := range checks {
		r := reason{c.Observed, c.Hint}
		same := alike[r]
		switch {
		case c.Known != "" || c.Status != judge.Inconclusive || 0 < len(same) && len(same) < few:
			out = append(out, []Check{c})
		case len(same) >= few:
			slices.SortStableFunc(same, func(a, b Check) int { return cmp.Compare(weight(a), weight(b)) })
			out = append(out, same)
			alike[r] = nil // the rest of them are told
		}
	}
	return out
}

// weight is the place of the check's level among the levels.
func weight(c Check) int {
	return slices.Index([]ledger.Level{ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo}, c.Level)
}

// many is from how many on what passed is counted by area, not listed.
const many = 40

// list tells what passed: a line each, or by area and direction where that would
// be more than a page.
func list(w io.Writer, passed []Check) {
	if len(passed) < many {
		for _, c := range passed {
			c.line(w)
		}
		return
	}
	var areas []string
	musts, shoulds := map[string]int{}, map[string]int{}
	for _, c := range passed {
		area := strings.Join(strings.SplitN(c.ID, ".", 3)[:2], ".")
		if !slices.Contains(areas, area) {
			areas = append(areas, area)
		}
		if c.Level == ledger.LevelMust {
			musts[area]++
		} else {
			shoulds[area]++
		}
	}
	for _, area := range areas {
		fmt.Fprintf(w, "  %-6s %-44s %d must, %d should\n", "pass", area, musts[area], shoulds[area])
	}
}

var meaning = map[int]string{
	Passed:     "every must that was played is met",
	Failed:     "a must is not met",
	Incomplete: "something could not be shown",
	Harness:    "the harness itself failed",
	Stale:      "a failure listed as known no longer fails: take it off the list",
}

// calm is the urgency from which a check needs no explanation.
const calm = 10

func urgency(c Check) int {
	switch {
	case c.Stale:
		return 3
	case c.Known != "":
		return calm
	case c.Status == judge.Error:
		return 0
	case c.Status == judge.Fail:
		return 1
	case c.Status == judge.Inconclusive:
		return 2
	case c.Status == judge.Warn:
		return 4
	case c.Status == judge.NotApplicable:
		return calm + 1
	}
	return calm + 2
}

func (c Check) word() string {
	switch {
	case c.Known != "":
		return "known"
	case c.Stale:
		return "stale"
	case c.Status == judge.NotApplicable:
		return "n/a"
	case c.Status == judge.Pass && c.Level == ledger.LevelInfo:
		return "told"
	case c.Status == judge.Inconclusive:
		return "open"
	}
	return string(c.Status)
}

// lineWidth is from how many columns on a line is told in several.
const lineWidth = 160

func (c Check) line(w io.Writer) {
	text := Printable(c.short())
	if 2+6+1+44+1+len(text) > lineWidth {
		fmt.Fprintf(w, "  %-6s %s\n         %s\n", c.word(), c.ID, wrap(text, 9))
		return
	}
	fmt.Fprintf(w, "  %-6s %-44s %s\n", c.word(), c.ID, text)
}

// short is what one line has room for.
func (c Check) short() string {
	switch {
	case c.Known != "":
		return fmt.Sprintf("%s, as expected: %s", c.Status, c.Known)
	case c.Status == judge.NotApplicable, c.Level == ledger.LevelInfo:
		return c.Observed
	}
	return c.Title
}

func (c Check) explain(w io.Writer, out Folder) {
	word := strings.ToUpper(c.word())
	if c.Status == judge.Inconclusive {
		word = "INCONCLUSIVE"
	}
	fmt.Fprintf(w, "\n%s  %s  (%s)\n", word, c.ID, c.Level)
	say(w, "required", c.Title+".")
	say(w, "expected", c.Expected)
	say(w, "observed", c.Observed)
	if c.Stale {
		say(w, "stale", "It is listed as a known failure: take it off the list.")
	}
	say(w, "to do", c.Hint)
	for _, x := range c.Witnesses {
		say(w, "seen", x)
	}
	if len(c.Clauses) > 0 {
		say(w, "clause", fmt.Sprintf("%s: %s (%s)", c.Clauses[0].ID, c.Clauses[0].Text, c.Clauses[0].Source))
	}
	c.source(w, out)
}

// explainAll explains the check together with others of which the same is to be
// said. What each requires is left out: none of them was answered.
func (c Check) explainAll(w io.Writer, out Folder, others []Check) {
	var ids []string
	for _, o := range others {
		ids = append(ids, o.ID)
	}
	fmt.Fprintf(w, "\nINCONCLUSIVE  %s  (%s) and %d more\n", c.ID, c.Level, len(others))
	say(w, "observed", c.Observed)
	say(w, "to do", c.Hint)
	say(w, "also", strings.Join(ids, ", "))
	c.source(w, out)
}

// say writes a labelled text, if there is one.
func say(w io.Writer, label, text string) {
	if text != "" {
		fmt.Fprintf(w, "  %-9s %s\n", label, wrap(text, 12))
	}
}

// source says where the verdict comes from: the recording, and the command that
// makes another one.
func (c Check) source(w io.Writer, out Folder) {
	if c.Recording != nil {
		var seqs []string
		for _, e := range c.Evidence {
			seqs = append(seqs, fmt.Sprint(e.Seq))
		}
		where := filepath.Join(string(out), c.Recording.Path)
		if len(seqs) > 0 {
			where += ", event " + strings.Join(seqs, ", ")
		}
		fmt.Fprintf(w, "  %-9s %s\n", "evidence", where)
	}
	// In one line, so that it can be pasted into a shell.
	fmt.Fprintf(w, "  %-9s %s\n", "again", c.Rerun)
}

// Printable replaces what is not to be sent to a terminal: verdicts quote the
// device, and a device may say anything.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// wrap breaks text at width, with so many blanks before each further line.
func wrap(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(Printable(text)) {
		if i > 0 && column+1+len(word) > width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		} else if i > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

func (r Report) counts() string {
	var parts []string
	for _, s := range []judge.Status{judge.Pass, judge.Warn, judge.Fail, judge.Inconclusive, judge.Error, judge.NotApplicable} {
		if n := r.Counts[string(s)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	scenarios := "scenarios"
	if len(r.Checks) == 1 {
		scenarios = "scenario"
	}
	text := fmt.Sprintf("%d %s: %s", len(r.Checks), scenarios, strings.Join(parts, ", "))
	if n := r.known(); n > 0 {
		text += fmt.Sprintf(" (%d known, not counted)", n)
	}
	return wrap(text, 0)
}

func (r Report) known() int {
	n := 0
	for _, c := range r.Checks {
		if c.Known != "" {
			n++
		}
	}
	return n
}
