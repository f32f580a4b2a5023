package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites"
	"byocheck/suites/config"
	"byocheck/suites/report"
)

// conformance are the flags of the command.
type conformance struct {
	env      Environment
	config   string
	only     string
	out      string
	known    string
	mutant   string
	offline  bool
	premises bool
	set      map[string]*string // flags that override keys of the file
}

// overriding are the flags that set a key of the configuration, with their help.
var overriding = []struct{ key, help string }{
	{"target", "the device as the trunk names it (SIP Servers or Proxies), host:port"},
	{"connect", "where to reach the device, IP:port, if not by the target's name"},
	{"region", "the region to simulate"},
	{"srv-domain", "the region's SRV domain, if not the table's"},
	{"root", "the root of the cloud's certificates: high-assurance-ev, global-g2 or global-g3, if not the region's"},
	{"scheme", "the scheme of the cloud's URIs: sip (with ;transport=tls) or sips"},
	{"edition", "the edition of the specification: older, newer or after-deprecation"},
	{"state", "the folder of the lab's roots and device certificates"},
}

// premisesHelp is that of the flag of all commands that have it.
const premisesHelp = "BYOC Premises: simulate one Edge in place of a region, with the defaults of the group edge: in the configuration"

func newConformance(env Environment) *cobra.Command {
	o := conformance{env: env, set: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Play the scenarios against a device and judge it",
		Long: `Play the scenarios against the device and judge it.

What is not given as a flag is read from byocheck.yaml in the working directory,
if there is one, or from the file named by --config. Where neither names a
target, the built-in reference SBC is tested, with what else they say. A file
that says connect, carrier or device means another device, and needs its target.`,
		Example: `  byocheck conformance --target sbc.example.com:5061
  byocheck conformance --config lab/byocheck.yaml --only 'area:cert && direction:inbound'
  byocheck conformance --config lab/byocheck.yaml --only cert.inbound.san-mismatch-refused`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%.60q belongs to no flag; write the device as --target sbc.example.com:5061, scenarios as --only", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	for _, x := range overriding {
		o.set[x.key] = f.String(x.key, "", x.help)
	}
	f.StringVarP(&o.config, "config", "c", "", "configuration file (default byocheck.yaml, if present)")
	f.StringVar(&o.only, "only", "", "scenarios to play: ids with commas, or a label filter such as 'area:tls && level:must'")
	f.StringVarP(&o.out, "out", "o", "byocheck-report", "folder for report.json, junit.xml and the recordings")
	f.StringVar(&o.mutant, "mutant", "", "without a target: a defect of the built-in reference SBC, such as skips-host-name-check; a name that is none lists them")
	f.BoolVar(&o.premises, "premises", false, premisesHelp)
	f.BoolVar(&o.offline, "offline", false, "fetch nothing from the CRL and OCSP addresses in the device's certificate")
	f.StringVar(&o.known, "known-failures", "", "file of failures that are known and do not count")
	return cmd
}

func (o conformance) run(cmd *cobra.Command) error {
	c, err := o.load(cmd)
	if err != nil {
		return err
	}
	reference, err := o.reference(&c)
	if err != nil {
		return err
	}
	if err := suites.Complete(cmd.Context(), &c, o.env.Resolve); err != nil {
		return err
	}
	selected, err := suites.Select(scenarios.All(), o.only)
	if err != nil {
		return err
	}
	known, err := o.knownFailures(cmd, c)
	if err != nil {
		return err
	}
	out, err := report.Open(o.out)
	if err != nil {
		return err
	}
	var usually time.Duration
	for _, s := range selected {
		usually += s.Takes()
	}
	watch := newScreen(o.env, usually)
	r, err := suites.Run(cmd.Context(), suites.Options{
		Config: c, Reference: reference, Mutant: o.mutant, Selected: selected, Selection: o.only, Known: known, Out: out,
		Rerun: o.rerun(cmd),
		Say:   watch.say,
		Done:  func(s scenarios.Scenario) { watch.step(s.Takes()) },
	})
	watch.close()
	var setUp *suites.SetUpError
	switch {
	case errors.As(err, &setUp):
		return coded{report.Usage, err}
	case err != nil:
		return coded{report.Harness, err}
	}
	var text strings.Builder
	r.Summary(&text, out)
	if o.env.Colour {
		fmt.Fprint(o.env.Out, paint(text.String()))
	} else {
		fmt.Fprint(o.env.Out, text.String())
	}
	if r.ExitCode != report.Passed {
		return coded{r.ExitCode, errTold}
	}
	return nil
}

// reference makes the built-in reference SBC the device where neither a flag nor
// a file says anything of another one.
func (o conformance) reference(c *config.Config) (bool, error) {
	at, other := anotherDevice(c)
	switch {
	case !other:
		numbers := c.Numbers
		suites.UseReference(c)
		// It takes any number.
		if len(numbers.Inbound) > 0 {
			c.Numbers.Inbound = numbers.Inbound
		}
		if len(numbers.Outbound) > 0 {
			c.Numbers.Outbound = numbers.Outbound
		}
	case o.mutant != "" && at.Flag != "":
		return false, fmt.Errorf("--mutant: only the built-in reference SBC has mutants; leave out %s", at)
	case o.mutant != "":
		return false, fmt.Errorf("--mutant: only the built-in reference SBC has mutants, and %s is about another device; name a file with --config that is not, or work in another folder", at)
	}
	reference := !other
	if o.mutant != "" && !slices.Contains(suites.MutantNames(), o.mutant) {
		return false, fmt.Errorf("--mutant: there is no mutant %q; write one of %s", o.mutant, strings.Join(suites.MutantNames(), ", "))
	}
	return reference, nil
}

// anotherDevice finds where the configuration is about a device of the user's,
// with or without its target.
func anotherDevice(c *config.Config) (config.Origin, bool) {
	for _, key := range []string{"target", "connect", "carrier", "device"} {
		if at, is := c.Origin(key); is {
			return at, true
		}
	}
	return config.Origin{}, false
}

// load reads the file and lays the flags over it.
func (o conformance) load(cmd *cobra.Command) (config.Config, error) {
	c, err := config.Load(o.config)
	if err != nil {
		return c, err
	}
	for _, x := range overriding {
		if cmd.Flags().Changed(x.key) {
			if err := c.Set(x.key, *o.set[x.key], "--"+x.key); err != nil {
				return c, err
			}
		}
	}
	c.Offline = c.Offline || o.offline
	if o.premises {
		c.PlayEdge("--premises")
	}
	return c, nil
}

func (o conformance) knownFailures(cmd *cobra.Command, c config.Config) ([]report.Known, error) {
	path := c.KnownFailures
	if cmd.Flags().Changed("known-failures") {
		path = o.known
	}
	if path == "" {
		return nil, nil
	}
	list, err := config.LoadKnownFailures(path)
	if err != nil {
		return nil, err
	}
	var out []report.Known
	for _, k := range list {
		if _, ok := scenarios.Find(k.ID); !ok {
			return nil, fmt.Errorf("%s: there is no scenario %q; take it off the list or correct the id (byocheck list shows all)", k.Origin, k.ID)
		}
		out = append(out, report.Known{ID: k.ID, Verdict: judge.Status(k.Verdict), Reason: k.Reason})
	}
	return out, nil
}

// rerun repeats the flags that were given, with another selection.
func (o conformance) rerun(cmd *cobra.Command) func(string) string {
	program := o.env.Program
	if program == "" {
		program = "byocheck"
	}
	parts := []string{quoted(program), "conformance"}
	for _, name := range append([]string{"config", "known-failures", "mutant"}, keys()...) {
		if f := cmd.Flags().Lookup(name); f.Changed {
			parts = append(parts, "--"+name, quoted(f.Value.String()))
		}
	}
	if o.premises {
		parts = append(parts, "--premises")
	}
	if o.offline {
		parts = append(parts, "--offline")
	}
	return func(id string) string { return strings.Join(append(slices.Clone(parts), "--only", id), " ") }
}

func keys() []string {
	var out []string
	for _, x := range overriding {
		out = append(out, x.key)
	}
	return out
}

// quoted makes a value safe to paste into a shell.
func quoted(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\$&|;<>()*?[]{}~#!`") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
