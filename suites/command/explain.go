package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/suites"
)

func newExplain(env Environment) *cobra.Command {
	return &cobra.Command{
		Use:     "explain ID",
		Short:   "Say what a scenario or a clause is about",
		Example: "  byocheck explain cert.inbound.san-mismatch-refused\n  byocheck explain byoc-031-name-validation",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("explaining: %d ids given; write that of one scenario or clause, such as cert.inbound.san-mismatch-refused or byoc-031-name-validation (byocheck list shows the scenarios)", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ids(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if c, ok := ledger.Lookup(args[0]); ok {
				explainClause(env, c)
				return nil
			}
			selected, err := suites.Select(scenarios.All(), args[0])
			if near := nearest(args[0]); err != nil && len(near) > 0 {
				return fmt.Errorf("explaining: there is no clause %.60q; %s", args[0], named(near))
			}
			if err != nil {
				return err
			}
			for _, s := range selected {
				explainScenario(env, s)
			}
			return nil
		},
	}
}

// nearest are the clauses whose ids share the longest beginning with what was
// written; none where that is not even the first word of an id.
func nearest(id string) []string {
	var out []string
	longest := 0
	for _, c := range ledger.All() {
		n := 0
		for n < min(len(id), len(c.ID)) && id[n] == c.ID[n] {
			n++
		}
		if n > longest {
			longest, out = n, nil
		}
		if n == longest && n > max(strings.Index(c.ID, "-"), 0) {
			out = append(out, c.ID)
		}
	}
	return out
}

// named names the nearest clauses, up to as many as one reads.
func named(near []string) string {
	const most = 10
	switch n := len(near); {
	case n == 1:
		return "the nearest is " + near[0]
	case n > most:
		return fmt.Sprintf("among the nearest %d are %s", n, strings.Join(near[:most], ", "))
	}
	return "the nearest are " + strings.Join(near, ", ")
}

func ids() []string {
	var out []string
	for _, s := range scenarios.All() {
		out = append(out, s.ID+"\t"+s.Title)
	}
	return out
}

func explainScenario(env Environment, s scenarios.Scenario) {
	p := func(format string, args ...any) { fmt.Fprintf(env.Out, format+"\n", args...) }
	p("%s (%s)", s.ID, s.Level)
	p("  %s.", s.Title)
	if s.Fault != "" {
		p("\nWhat is wrong on purpose:\n  %s\n  A control plays the same without it, in the same run.", s.Fault)
	}
	if scope := s.Scope.String(); scope != "" {
		p("\nWhere it applies:\n  %s", scope)
	}
	p("\nWhat it rests on:")
	for _, id := range s.Clauses {
		c := ledger.Must(id)
		p("  %s (%s)\n    %s", c.ID, c.Level, c.Text)
		if c.Note != "" {
			p("    Note: %s", c.Note)
		}
		p("    %s", c.Source())
	}
	if peers := scenarios.Confirmed(s.ID); peers != "" {
		p("\nConfirmed by independent peers:\n  %s", peers)
	}
	premises := ""
	if s.Scope.System == judge.Edge {
		premises = "--premises "
	}
	p("\nPlay it alone:\n  byocheck conformance %s--only %s", premises, s.ID)
}

func explainClause(env Environment, c ledger.Clause) {
	p := func(format string, args ...any) { fmt.Fprintf(env.Out, format+"\n", args...) }
	p("%s (%s)\n  %s\n  %s", c.ID, c.Level, c.Text, c.Source())
	if c.Note != "" {
		p("  Note: %s", c.Note)
	}
	if c.Excluded != "" {
		p("  Not tested: %s", c.Excluded)
	}
	var by []string
	for _, s := range scenarios.All() {
		for _, id := range s.Clauses {
			if id == c.ID {
				by = append(by, s.ID)
			}
		}
	}
	if len(by) > 0 {
		p("  Scenarios: %s", strings.Join(by, ", "))
	}
}
