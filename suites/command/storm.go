package command

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"byocheck/suites"
	"byocheck/suites/config"
	"byocheck/suites/report"
	"byocheck/suites/storm"
)

// storming are the flags of the command.
type storming struct {
	env                     Environment
	config, target, connect string
	rate, suite, out        string
	lasting, limit          time.Duration
	inFlight                int
}

func newStorm(env Environment) *cobra.Command {
	o := storming{env: env}
	cmd := &cobra.Command{
		Use:   "storm",
		Short: "Send the device full TLS handshakes at a steady rate, and measure how long they take",
		Long: `Send the device full TLS handshakes, as the cloud begins them (TLS 1.2, secp384r1,
no client certificate, no session resumed), so many a second, and measure how
long they take. A handshake is due by the clock, however the ones before it fare,
and its latency counts from when it was due, TCP connect included. The rate is
held if 99 % of those that were due are done within the 500 ms of the trunk;
what failed or could not be begun counts as never done. A connection is ended by
RST once its handshake is done, so that the storm does not run out of ports.

With --rate auto the rate is sought at which the p99 crosses 500 ms. One a second
has to be held first; from 20 a second the rate is doubled until it is not held,
then the gap is halved until it is less than a tenth. Each rate is tried for as
long as --for says, all but the first for 100 handshakes if that is longer, and one
that is not held is tried once more.

The device is named as for conformance, by flags or byocheck.yaml. A storm is load:
do not send it to a device that carries calls.

Exit codes:
  0  the rate is held, or the rate where the p99 crosses the limit was found
  1  the rate is not held, or with --rate auto none is
  2  wrong usage or configuration, or the device cannot be reached
  3  it could not be told: interrupted, or this machine could do no more`,
		Example: `  byocheck storm --target sbc.example.com:5061 --rate 50 --for 30s
  byocheck storm --target sbc.example.com:5061 --rate auto --out storm.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.config, "config", "c", "", "configuration file (default byocheck.yaml, if present)")
	f.StringVar(&o.target, "target", "", overriding[0].help)
	f.StringVar(&o.connect, "connect", "", overriding[1].help)
	f.StringVar(&o.rate, "rate", "20", "handshakes a second, or auto")
	f.DurationVar(&o.lasting, "for", 5*time.Second, "how long, with auto for each rate (longer where that is too short for 100 handshakes)")
	f.StringVar(&o.suite, "suite", "", "the cipher suites offered, with commas (default the six that stay): "+strings.Join(storm.SuiteNames(), ", "))
	f.DurationVar(&o.limit, "limit", 500*time.Millisecond, "what a handshake may take")
	f.IntVar(&o.inFlight, "in-flight", 500, "how many handshakes may be under way at once, which bounds sockets and memory")
	f.StringVarP(&o.out, "out", "o", "", "file for the figures as JSON")
	return cmd
}

func (o storming) run(cmd *cobra.Command) error {
	s, rate, err := o.parsed()
	if err != nil {
		return err
	}
	c, err := config.Load(o.config)
	if err != nil {
		return err
	}
	for key, value := range map[string]string{"target": o.target, "connect": o.connect} {
		if cmd.Flags().Changed(key) {
			if err := c.Set(key, value, "--"+key); err != nil {
				return err
			}
		}
	}
	if err := suites.Complete(cmd.Context(), &c, o.env.Resolve); err != nil {
		return err
	}
	file := storm.File(o.out)
	if o.out != "" {
		if err := file.Check(); err != nil {
			return err
		}
	}
	if err := suites.Reachable(cmd.Context(), c); err != nil && cmd.Context().Err() == nil {
		return err
	}
	s.Device = c.Connect
	if _, err := netip.ParseAddr(c.Target.Host); err != nil {
		s.ServerName = c.Target.Host // an address does not go into SNI (RFC 6066 3)
	}
	r := o.blow(cmd, s, rate)
	r.Version, r.Target, r.Connect, r.Notice = suites.Version().Version, c.Target.String(), c.Connect.String(), report.Notice
	if o.out != "" {
		if err := file.Write(r); err != nil {
			return coded{report.Harness, err}
		}
	}
	o.tell(r)
	if r.ExitCode != report.Passed {
		return coded{r.ExitCode, errTold}
	}
	return nil
}

// parsed checks the flags. Rate is 0 for auto.
func (o storming) parsed() (s storm.Storm, rate float64, err error) {
	if o.rate != "auto" {
		if rate, err = strconv.ParseFloat(o.rate, 64); err != nil || !(rate >= 0.1 && rate <= 100_000) {
			return s, 0, fmt.Errorf("--rate: %q is no rate; write handshakes a second, 0.1 to 100000, or auto", o.rate)
		}
	}
	for _, d := range []struct {
		flag     string
		value    time.Duration
		min, max time.Duration
	}{{"for", o.lasting, 100 * time.Millisecond, 24 * time.Hour}, {"limit", o.limit, time.Millisecond, time.Minute}} {
		if d.value < d.min || d.value > d.max {
			return s, 0, fmt.Errorf("--%s: %v is out of range; write %v to %v", d.flag, d.value, d.min, d.max)
		}
	}
	if o.inFlight < 1 || o.inFlight > 20_000 {
		return s, 0, fmt.Errorf("--in-flight: %d is out of range; write 1 to 20000", o.inFlight)
	}
	s = storm.Storm{Limit: o.limit, InFlight: o.inFlight}
	if o.suite != "" {
		if s.Suites, err = storm.ParseSuites(o.suite); err != nil {
			return s, 0, fmt.Errorf("--suite: %w", err)
		}
	}
	return s, rate, nil
}

// blow lets the storm blow at the rate, or searches where it is 0.
func (o storming) blow(cmd *cobra.Command, s storm.Storm, rate float64) storm.Report {
	say := func(r storm.Result) { fmt.Fprintln(o.env.Err, r) }
	out := storm.Report{Started: time.Now().UTC(), Offered: s.Offered()}
	if rate > 0 {
		r := s.Blow(cmd.Context(), rate, o.lasting)
		out.Storms = []storm.Result{r}
		out.Verdict, out.Says = r.Judged()
	} else {
		f := storm.Search{Storm: s, Each: o.lasting, Tell: say}.Run(cmd.Context())
		out.Storms, out.HeldRate, out.MissedRate = f.Storms, f.Held, f.Missed
		out.Verdict, out.Says = f.Judged(o.limit)
	}
	out.ExitCode = map[storm.Verdict]int{storm.Met: report.Passed, storm.Unmet: report.Failed, storm.Open: report.Incomplete}[out.Verdict]
	return out
}

func (o storming) tell(r storm.Report) {
	p := func(format string, args ...any) { fmt.Fprintf(o.env.Out, format+"\n", args...) }
	p("%s at %s: full TLS 1.2 handshakes, offering %s\n", r.Target, r.Connect, strings.Join(r.Offered, ", "))
	p("%s", storm.Table(r.Storms))
	p("%s\n%s", r.Says, r.Notice)
	if o.out != "" {
		p("figures: %s", o.out)
	}
	p("result: %s (exit code %d)", r.Verdict, r.ExitCode)
}
