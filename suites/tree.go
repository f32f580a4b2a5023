// Package suites runs the catalogue against a device: it puts the lab together
// from the configuration, plays the scenarios through a Ginkgo tree, and hands
// the verdicts to the report.
package suites

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
)

// Select returns the scenarios that a selection names: a label filter of
// Ginkgo, or ids with commas between them. Empty selects all. Errors say what
// would be right.
func Select(all []scenarios.Scenario, selection string) ([]scenarios.Scenario, error) {
	if strings.TrimSpace(selection) == "" {
		return all, nil
	}
	filter, err := filterOf(all, selection)
	if err != nil {
		return nil, err
	}
	match, err := types.ParseLabelFilter(filter)
	if err != nil {
		return nil, fmt.Errorf("selecting scenarios: %q is no label filter (%s); write ids with commas between them, or a filter such as 'area:tls && level:must'", selection, complaint(err))
	}
	var out []scenarios.Scenario
	for _, s := range all {
		if match(s.Labels()) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("selecting scenarios: nothing matches %q; byocheck list --format json shows ids and labels", selection)
	}
	return out, nil
}

// complaint is what Ginkgo says of a filter, without its colours and pictures.
func complaint(err error) string {
	text := err.Error()
	var g types.GinkgoError
	if errors.As(err, &g) {
		text = g.Message // the filter, then what is wrong with it
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSuffix(lines[len(lines)-1], ".")
}

// filterOf turns ids into a label filter; what is no id is taken for a filter.
func filterOf(all []scenarios.Scenario, selection string) (string, error) {
	ids := strings.FieldsFunc(selection, func(r rune) bool { return r == ',' || r == ' ' })
	for _, id := range ids {
		if strings.Count(id, ".") != 2 || strings.ContainsAny(id, "&|!(){}/:") {
			return selection, nil
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(s scenarios.Scenario) bool { return s.ID == id }) {
			return "", fmt.Errorf("selecting scenarios: there is no scenario %q; the nearest is %q, and byocheck list shows all", id, nearest(all, id))
		}
	}
	return "id: containsAny {" + strings.Join(ids, ", ") + "}", nil
}

// nearest returns the id that shares the longest beginning and end.
func nearest(all []scenarios.Scenario, id string) string {
	best, score := "", -1
	for _, s := range all {
		n := 0
		for n < len(id) && n < len(s.ID) && id[n] == s.ID[n] {
			n++
		}
		m := 0
		for m < len(id)-n && m < len(s.ID)-n && id[len(id)-1-m] == s.ID[len(s.ID)-1-m] {
			m++
		}
		if n+m > score {
			best, score = s.ID, n+m
		}
	}
	return best
}

// play runs the selected scenarios through Ginkgo, in order, and tells do each
// of them. Ginkgo is the front (selection, interrupts, its own report formats);
// the verdict is made elsewhere, and a failed one fails the spec.
func play(selected []scenarios.Scenario, do func(scenarios.Scenario) judge.Verdict) {
	// What Ginkgo would print is for its developers; we print for the engineer.
	formatter.ColorableStdOut, formatter.ColorableStdErr = io.Discard, io.Discard
	ginkgo.GinkgoWriter.ClearTeeWriters()
	gomega.RegisterFailHandler(ginkgo.Fail)
	register(selected, do)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.RandomizeAllSpecs = false
	reporter.NoColor = true
	ginkgo.RunSpecs(&outcome{}, "BYOC Cloud conformance", suite, reporter)
}

// outcome is Ginkgo's testing.T: whether all passed is in the verdicts.
type outcome struct{}

func (*outcome) Fail() {}

// register builds the tree from the catalogue.
func register(selected []scenarios.Scenario, do func(scenarios.Scenario) judge.Verdict) {
	// One container keeps the order of the catalogue.
	ginkgo.Describe("byocheck", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		for _, s := range selected {
			ginkgo.It(s.ID+": "+s.Title, ginkgo.Label(s.Labels()...), func(ginkgo.SpecContext) {
				v := do(s)
				ginkgo.AddReportEntry("verdict", v, ginkgo.ReportEntryVisibilityNever)
				if v.Status == judge.NotApplicable {
					ginkgo.Skip(v.Observed)
				}
				gomega.Expect(v).To(BeGreen())
			})
		}
	})
}
