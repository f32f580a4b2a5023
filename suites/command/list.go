package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
the judges of this program and without a device. The exit code is that of a run
of conformance with these verdicts and no list of known failures:

  0  every must that is among them is met
  1  a must is not met
  2  wrong usage, or a file that is no whole recording
  3  something was inconclusive, or nothing at all was shown
  4  a recording is of a scenario that the harness could not play`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			var r report.Report
			for _, path := range paths {
				c, err := rejudge(path)
				if err != nil {
					return err
				}
				fmt.Fprintf(env.Out, "%-14s %s\n    %s\n", c.Status, c.ID, report.Printable(c.Observed))
				r.Checks = append(r.Checks, c)
			}
			r.Settle(nil)
			r.Result(env.Out)
			if r.ExitCode != report.Passed {
				return coded{r.ExitCode, errTold}
			}
			return nil
		},
	}
}

func rejudge(path string) (report.Check, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return report.Check{}, fmt.Errorf("opening a recording: %w", err)
	}
	var head struct {
		Version  int    `json:"v"`
		Scenario string `json:"scenario"`
	}
	first, _, whole := bytes.Cut(b, []byte("\n"))
	if !whole || json.Unmarshal(first, &head) != nil || head.Version == 0 || head.Scenario == "" {
		return report.Check{}, fmt.Errorf("%s: not a recording of byocheck; name files such as byocheck-report/cases/*.jsonl", path)
	}
	c, err := judge.ReadCase(bytes.NewReader(b))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return report.Check{}, fmt.Errorf("%s: not a whole recording of byocheck: it ends too early (%w); play the scenario again", path, err)
	}
	if err != nil {
		return report.Check{}, fmt.Errorf("reading %s: %w", path, err)
	}
	v, err := scenarios.Rejudge(c)
	return report.Check{ID: c.Scenario, Level: c.Level, Verdict: v}, err
}
