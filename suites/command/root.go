// Package command is the command line. This file owns how the program speaks:
// results go to standard output; everything else to standard error; an error is
// one line that begins with "byocheck:", has no capital initial and no full
// stop, and says what to do.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"byocheck/suites"
	"byocheck/suites/report"
)

// Environment is what the command line takes from its surroundings.
type Environment struct {
	Out, Err io.Writer
	// Terminal: standard error is a terminal, so progress can be drawn on it.
	// Colour: standard output is one, and NO_COLOR is not set (no-color.org).
	Terminal, Colour bool
	// Program is how the user called the program, for commands to paste; empty
	// means byocheck.
	Program string
	// Resolve finds the target's addresses where connect does not say them.
	Resolve suites.Resolver
}

// coded is an error with an exit code.
type coded struct {
	code int
	err  error
}

func (c coded) Error() string { return c.err.Error() }
func (c coded) Unwrap() error { return c.err }

// errTold is an exit code whose reason has been told already.
var errTold = errors.New("")

// Run runs the program with its arguments and returns the exit code.
func Run(ctx context.Context, env Environment, args []string) int {
	root := newRoot(env)
	root.SetArgs(args)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return report.Passed
	}
	code := report.Usage
	var c coded
	if errors.As(err, &c) {
		code = c.code
	}
	if !errors.Is(err, errTold) {
		fmt.Fprintf(env.Err, "byocheck: %s\n", oneLine(err.Error()))
	}
	return code
}

// oneLine keeps errors of libraries from spilling over several lines.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func newRoot(env Environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "byocheck",
		Short: "Test a session border controller against a simulated Genesys Cloud BYOC trunk",
		Long: `byocheck impersonates both neighbours of a session border controller (SBC): the
BYOC Cloud region with its four TLS proxies, and the carrier on the other side.
It makes the device call, calls the device, breaks one thing at a time, and says
for every requirement whether the device meets it, with the evidence.

It simulates; it is not certified, endorsed or supported by Genesys.

Exit codes:
  0  every must that was played is met
  1  a must is not met
  2  wrong usage or configuration, or the device cannot be reached
  3  something was inconclusive or not played
  4  the harness itself failed
  5  a failure listed as known no longer fails`,
		SilenceErrors: true, SilenceUsage: true,
		Version: suites.Version().Version,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(newConformance(env), newList(env), newExplain(env), newJudge(env), newServe(env), newStorm(env), newCerts(env))
	return root
}
