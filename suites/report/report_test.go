package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update if it should)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// made is a report with a check of each kind that a reader can meet.
func made() (Report, []Known) {
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	r := Report{
		SchemaVersion: SchemaVersion, Suite: Suite{Version: "v1.2.3", Commit: "0123456789ab"}, Notice: Notice,
		Profile: Profile{System: judge.Cloud, Edition: "newer", Region: "use1", Selection: "level:must"},
		Device: Device{Target: "sbc.customer.test:5061", Connect: "192.0.2.9:5061", Vendor: "Example", Model: "SBC", Firmware: "7.4",
			Declared: map[string]string{"calls-from-cloud": "a trunk for inbound calls only"}},
		Environment: Environment{Listen: []string{"192.0.2.1:5061", "192.0.2.2:5061", "192.0.2.3:5061", "192.0.2.4:5061"}, DNS: "192.0.2.5:53",
			Carrier: "192.0.2.6:5060, device at 192.0.2.9:5060", Trigger: []string{"carrier-call", "options"}, JitterMaxMS: 1.25},
		Started: start, Ended: start.Add(90 * time.Second),
	}
	add := func(id, title string, l ledger.Level, v judge.Verdict, clauses ...string) {
		n := len(r.Checks)
		r.Checks = append(r.Checks, Check{ID: id, Title: title, Level: l, Clauses: Clauses(clauses), Verdict: v,
			Recording: &File{Path: "cases/" + id + ".jsonl", SHA256: strings.Repeat("ab", 32)},
			Rerun:     "byocheck conformance --config a/rather/long/path/to/the/lab/byocheck.yaml --target sbc.customer.test:5061 --only " + id,
			Started:   start.Add(time.Duration(n) * time.Second), Seconds: 0.5 + float64(n)})
	}
	add("cert.outbound.chain-complete", "The chain is complete", ledger.LevelMust, judge.Verdict{Status: judge.Pass,
		Expected: "A chain.", Observed: "The chain of 2 certificate(s) leads to a trusted root."}, "byoc-029-sbc-sends-full-chain")
	add("tls.outbound.handshake-within-500ms", "The handshake is done within 500 ms", ledger.LevelMust, judge.Verdict{Status: judge.Warn,
		Expected: "At most 500 ms from TCP established to Finished.", Observed: "The slowest of 10 took 460 ms.", Hint: "Find out what is slow.",
		Measurements: []judge.Measurement{{Name: "handshake maximum", Value: 460.5, Unit: "ms"}}}, "byoc-030-handshake-500ms")
	add("cert.inbound.san-mismatch-refused", "The device refuses a cloud with another name", ledger.LevelMust, judge.Verdict{Status: judge.Fail,
		Expected:  "The device ends every connection, at any point up to Finished or just after it, and sends no application data on any of them.",
		Observed:  "The device completed the handshake with lb01 and sent an INVITE on it.",
		Hint:      "Switch on the check of the host name, often called \"verify peer name\" or \"SAN check\".",
		Evidence:  []judge.Evidence{{Attempt: "fault-1", Seq: 12, Shows: "an INVITE"}, {Attempt: "fault-1", Seq: 14, Shows: "Finished"}},
		Witnesses: []string{"No alert was seen.", "The SNI was lb01.voice.use1.pure.cloud."}}, "byoc-031-name-validation", "byoc-035-spoofing-warning")
	add("media.inbound.call-with-srtp-both-ways", "A call is connected with SRTP", ledger.LevelMust, judge.Verdict{Status: judge.Inconclusive,
		Expected: "A call.", Observed: "No call with the number's last digits was seen at the cloud.", Hint: "Check the route."}, "byoc-004-carrier-must-do-tls-srtp")
	add("media.inbound.no-plain-rtp-offered", "No plain RTP is offered", ledger.LevelMust, judge.Verdict{Status: judge.Error,
		Expected: "No RTP/AVP.", Observed: "The harness could not play the scenario: \x1b[31mno more\nports."}, "byoc-001-secure-trunk-both-planes")
	r.Checks[4].Recording = nil
	add("media.outbound.call-with-srtp-both-ways", "A call is connected with SRTP", ledger.LevelMust, judge.Verdict{Status: judge.NotApplicable,
		Observed: "Declared absent: calls-from-cloud (a trunk for inbound calls only). Nothing seen during the run contradicts it."}, "byoc-004-carrier-must-do-tls-srtp")
	add("cert.inbound.untrusted-root-refused", "The device refuses an unknown root", ledger.LevelMust, judge.Verdict{Status: judge.Fail,
		Expected: "A refusal.", Observed: "The device completed the handshake."}, "byoc-008-client-trusts-server-ca")
	add("cert.outbound.name-matches", "The certificate has the target's name", ledger.LevelMust, judge.Verdict{Status: judge.Pass,
		Expected: "The name.", Observed: "It has."}, "byoc-033-sbc-name-matches-trunk")
	return r, []Known{
		{"cert.inbound.untrusted-root-refused", judge.Fail, "verification is off in this lab"},
		{"cert.outbound.name-matches", judge.Fail, "once had a wrong name"},
	}
}

func TestSummary(t *testing.T) {
	whole, known := made()
	whole.Settle(known)
	green, _ := made()
	green.Checks = []Check{whole.Checks[0], whole.Checks[6]}
	green.Settle(known)
	edge, _ := made()
	edge.Profile = Profile{System: judge.Edge, Edition: "newer", Edge: "edge01.customer.test", MediaSecurity: "optional"}
	edge.Checks = []Check{edge.Checks[0], {ID: "tls.outbound.handshake-within-500ms", Title: "The handshake is done within 500 ms", Level: ledger.LevelMust,
		Verdict: judge.Verdict{Status: judge.NotApplicable, Observed: "Only for BYOC Cloud: the limit is of BYOC Cloud trunks (byoc-030-handshake-500ms)."}}}
	edge.Settle(nil)
	for _, tt := range []struct {
		name string
		r    Report
	}{{"every-kind", whole}, {"known-only", green}, {"edge", edge}} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			tt.r.Summary(&b, "out")
			golden(t, tt.name+".golden.txt", b.Bytes())
			last := strings.TrimSuffix(b.String(), "\n")
			last = last[strings.LastIndexByte(last, '\n')+1:]
			if want := fmt.Sprintf("result: %s (exit code %d: ", tt.r.Verdict, tt.r.ExitCode); !strings.HasPrefix(last, want) {
				t.Errorf("last line %q does not begin with %q", last, want)
			}
			for line := range strings.Lines(b.String()) {
				if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\n' }) {
					t.Errorf("line %q would reach the terminal with control characters", line)
				}
			}
			for _, c := range tt.r.Checks {
				if urgency(c) < calm && !strings.Contains(b.String(), " "+c.Rerun+"\n") {
					t.Errorf("%q cannot be copied in one piece", c.Rerun)
				}
			}
		})
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("x", width)
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"short", "a b", "a b"},
		{"blanks folded", " a \t b\n", "a b"},
		{"a word longer than a line", "a " + long + " b", "a\n    " + long + "\n    b"},
		{"exactly to the edge", strings.Repeat("x", width-6) + " y", strings.Repeat("x", width-6) + " y"},
		{"one beyond it", strings.Repeat("x", width-5) + " y", strings.Repeat("x", width-5) + "\n    y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := wrap(tt.text, 4); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReportJSON(t *testing.T) {
	r, known := made()
	r.Settle(known)
	dir := t.TempDir()
	if err := Folder(dir).Write(r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.golden.json", b)
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, r) {
		t.Errorf("read again, the report is\n%+v\nwant\n%+v", back, r)
	}
}

// fields lists the members of a type as encoding/json writes them, each with
// its path and its kind.
func fields(path string, t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer:
		return fields(path, t.Elem())
	case reflect.Slice:
		return fields(path+"[]", t.Elem())
	case reflect.Map:
		return fields(path+".*", t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return []string{path + " time"}
		}
		var out []string
		for i := range t.NumField() {
			f := t.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" && !f.Anonymous {
				name = f.Name
			}
			below := path
			if !f.Anonymous {
				below += "." + name
			}
			for _, line := range fields(below, f.Type) {
				if options != "" {
					line += " " + options
				}
				out = append(out, line)
			}
		}
		return out
	}
	return []string{path + " " + t.Kind().String()}
}

// A reader of report.json relies on its names. One may be added; to take one
// away or to change its meaning, raise SchemaVersion and start another file.
func TestSchemaIsStable(t *testing.T) {
	got := fields("", reflect.TypeFor[Report]())
	slices.Sort(got)
	golden(t, fmt.Sprintf("schema-%d.golden.txt", SchemaVersion), []byte(strings.Join(got, "\n")+"\n"))
}
