package command

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"byocheck/suites/report"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"byocheck": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			program(ctx)
		},
		// As if Ctrl-C had come before anything else.
		"byocheck-interrupted": func() {
			ctx, stop := context.WithCancel(context.Background())
			stop()
			program(ctx)
		},
	})
}

// program is what main does, but for the resolver: no test asks the system's.
func program(ctx context.Context) {
	os.Exit(Run(ctx, Environment{
		Out: os.Stdout, Err: os.Stderr,
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") },
	}, os.Args[1:]))
}

// labs counts the labs that scripts were given, so that none shares an address.
var labs atomic.Uint32

// lab is the configuration of a script; %[1]s is a network of its own.
const lab = `target: sbc.customer.test:20061
connect: %[1]s.20:20061
listen: [%[1]s.1:20061, %[1]s.2:20061, %[1]s.3:20061, %[1]s.4:20061]
dns: %[1]s.53:20053
media: %[1]s.5
revocation: {listen: "%[1]s.80:20088"}
state: state
carrier: {listen: "%[1]s.6:20060", device: "%[1]s.21:20060"}
numbers: {inbound: [3175550100], outbound: [3175550123]}
device: {recovery: 1s}
timeouts: {attempt: 2s, call: 2s, connect: 1s, handshake: 3s}
`

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			network := fmt.Sprintf("127.77.%d", labs.Add(1)%80+1)
			env.Setenv("LAB", network)
			env.Values[deviceKey{}] = &device{}
			env.Setenv("GORACE", "halt_on_error=1") // a race ends the program with 66
			path := filepath.Join(env.WorkDir, "lab.yaml")
			return os.WriteFile(path, fmt.Appendf(nil, lab, network), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"exited":   exited,
			"complain": complain,
			"occupy":   occupy,
			"device":   startDevice,
			"await":    await,
			"asked":    asked,
			"sigint":   sigint,
			"verdict":  verdict,
			"names":    names,
		},
	})
}

// exits runs a program that must end with the exit code: exits CODE PROGRAM ARGS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	code, err := 0, ts.Exec(args[1], args[2:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	if err != nil || strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d (error %v), want %s", code, err, args[0])
	}
}

// complain checks that standard error is one line, "byocheck: " and an error in
// the style of this program, which matches the expression.
func complain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: complain REGEXP")
	}
	line, found := strings.CutSuffix(ts.ReadFile("stderr"), "\n")
	text, ours := strings.CutPrefix(line, "byocheck: ")
	switch {
	case !found || !ours || strings.Contains(line, "\n"):
		ts.Fatalf("standard error is not one line that begins with byocheck:")
	case text == "" || text[0] >= 'A' && text[0] <= 'Z' || strings.HasSuffix(text, ".") || strings.Contains(text, "\x1b"):
		ts.Fatalf("error %q is not in the style of this program", text)
	case !regexp.MustCompile(args[0]).MatchString(text):
		ts.Fatalf("error %q does not match %q", text, args[0])
	}
}

// occupy holds a port until the end of the script: occupy tcp|udp ADDRESS
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: occupy tcp|udp ADDRESS")
	}
	var port io.Closer
	var err error
	if args[0] == "tcp" {
		port, err = net.Listen("tcp", args[1])
	} else {
		port, err = net.ListenPacket("udp", args[1])
	}
	ts.Check(err)
	ts.Defer(func() { port.Close() })
}

// sigint interrupts the program that runs in the background, as Ctrl-C does.
func sigint(ts *testscript.TestScript, _ bool, _ []string) {
	background := ts.BackgroundCmds()
	if len(background) != 1 {
		ts.Fatalf("%d programs in the background, want one", len(background))
	}
	d := ts.Value(deviceKey{}).(*device)
	d.interrupted = background[0]
	ts.Check(d.interrupted.Process.Signal(os.Interrupt))
}

// exited checks the exit code of what sigint interrupted, after wait: exited CODE
func exited(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: exited CODE")
	}
	if got := strconv.Itoa(ts.Value(deviceKey{}).(*device).interrupted.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// names checks the host names of a certificate: names FILE COMMONNAME NAME...
func names(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: names FILE COMMONNAME NAME...")
	}
	block, _ := pem.Decode([]byte(ts.ReadFile(args[0])))
	if block == nil {
		ts.Fatalf("%s is not PEM", args[0])
	}
	c, err := x509.ParseCertificate(block.Bytes)
	ts.Check(err)
	if c.Subject.CommonName != args[1] || !slices.Equal(c.DNSNames, args[2:]) {
		ts.Fatalf("common name %s, host names %v", c.Subject.CommonName, c.DNSNames)
	}
}

// verdict checks a report: verdict FILE CODE [ID=STATUS|STATUS...]. Every
// scenario of the report has to be listed unless an ID is "*".
func verdict(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: verdict FILE CODE [ID=STATUS...]")
	}
	var r report.Report
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	if strconv.Itoa(r.ExitCode) != args[1] || r.SchemaVersion != report.SchemaVersion || r.Started.IsZero() || r.Ended.Before(r.Started) {
		ts.Fatalf("exit code %d, schema version %d, from %s to %s", r.ExitCode, r.SchemaVersion, r.Started, r.Ended)
	}
	want := map[string]string{}
	for _, a := range args[2:] {
		id, status, _ := strings.Cut(a, "=")
		want[id] = status
	}
	for _, c := range r.Checks {
		status, ok := want[c.ID]
		if !ok {
			status = want["*"]
		}
		if !slices.Contains(strings.Split(status, "|"), string(c.Status)) {
			ts.Fatalf("%s is %s (%s), want %q", c.ID, c.Status, c.Observed, status)
		}
		delete(want, c.ID)
	}
	delete(want, "*")
	if len(want) > 0 {
		ts.Fatalf("not in the report: %v", want)
	}
}
