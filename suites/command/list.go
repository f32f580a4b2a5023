package command

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites"
	"byocheck/suites/report"
)

// listed is a scenario as list --format json shows it.
type listed struct {
	ID      string          `json:"id"`
	Title   string          `json:"title"`
	Level   string          `json:"level"`
	Fault   string          `json:"fault,omitempty"`
	Scope   judge.Scope     `json:"scope,omitzero"`
	Labels  []string        `json:"labels"`
	Clauses []report.Clause `json:"clauses"`
}

// onlyFor marks the scenarios that are about one system alone.
var onlyFor = map[judge.System]string{judge.Cloud: " (BYOC Cloud only)", judge.Edge: " (BYOC Premises only)"}

func newList(env Environment) *cobra.Command {
	var format, only string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			selected, err := suites.Select(scenarios.All(), only)
			if err != nil {
				return err
			}
			switch format {
			case "text":
				w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
				for _, s := range selected {
					fmt.Fprintf(w, "%s\t%s\t%s%s\n", s.ID, s.Level, s.Title, onlyFor[s.Scope.System])
				}
				return w.Flush()
			case "json":
				out := []listed{}
				for _, s := range selected {
					out = append(out, listed{s.ID, s.Title, string(s.Level), s.Fault, s.Scope, s.Labels(), report.Clauses(s.Clauses)})
				}
				enc := json.NewEncoder(env.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(out)
			}
			return fmt.Errorf("listing scenarios: there is no format %q; write text or json", format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().StringVar(&only, "only", "", "as for conformance")
	return cmd
}

func newJudge(env Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "judge RECORDING...",
		Short: "Judge recordings of earlier runs again",
		Long: `Judge recordings of earlier runs again (cases/*.jsonl beside report.json), with
the judges of this program and without a device. The exit code is 0 if all of
them are pass or warn, 1 if one is fail, 3 if one is anything else.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			code := report.Passed
			for _, path := range paths {
				v, id, err := rejudge(path)
				if err != nil {
					return err
				}
				fmt.Fprintf(env.Out, "%-14s %s\n    %s\n", v.Status, id, report.Printable(v.Observed))
				switch v.Status {
				case judge.Pass, judge.Warn:
				case judge.Fail:
					code = report.Failed
				default:
					if code == report.Passed {
						code = report.Incomplete
					}
				}
			}
			if code != report.Passed {
				return coded{code, errTold}
			}
			return nil
		},
	}
}

func rejudge(path string) (judge.Verdict, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return judge.Verdict{}, "", fmt.Errorf("opening a recording: %w", err)
	}
	defer f.Close()
	c, err := judge.ReadCase(f)
	if err != nil {
		return judge.Verdict{}, "", fmt.Errorf("reading %s: %w", path, err)
	}
	v, err := scenarios.Rejudge(c)
	return v, c.Scenario, err
}
