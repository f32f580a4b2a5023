package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"byocheck/scenarios"
	"byocheck/scenarios/ledger"
	"byocheck/suites"
)

func newExplain(env Environment) *cobra.Command {
	return &cobra.Command{
		Use:     "explain ID",
		Short:   "Say what a scenario or a clause is about",
		Example: "  byocheck explain cert.inbound.san-mismatch-refused\n  byocheck explain byoc-031-name-validation",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ids(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if c, ok := ledger.Lookup(args[0]); ok {
				explainClause(env, c)
				return nil
			}
			selected, err := suites.Select(scenarios.All(), args[0])
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
	p("\nPlay it alone:\n  byocheck conformance --only %s", s.ID)
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
