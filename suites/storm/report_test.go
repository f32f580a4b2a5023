package storm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// made is a storm that was not held, as it might be.
func made() Result {
	return Result{
		Rate: 100, Lasting: 5 * time.Second, Took: 7 * time.Second, Limit: 500 * ms, InFlight: 500, MostInFlight: 120,
		Due: 500, Done: 480, Failed: 15, NotBegun: 3, Ended: 2, Within: 479,
		Failures:  []Count{{"TLS handshake not done in time", 14, false}, {"no local port left on this machine", 1, true}},
		Suites:    []Count{{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 480, false}},
		Latency:   Spread{Min: 2 * ms, P50: 12345 * time.Microsecond, P90: 150 * ms, P95: 480 * ms, P99: Never, P999: Never, Max: Never},
		Late:      Spread{P99: ms, Max: 2 * ms},
		Processor: 700 * ms, Processors: 2,
	}
}

func TestReportJSON(t *testing.T) {
	b, err := json.Marshal(Report{Verdict: Unmet, Storms: []Result{made(), {}}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Storms []map[string]any `json:"storms"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	s := got.Storms[0]
	for name, want := range map[string]any{
		"rate": 100.0, "lasting_ms": 5000.0, "took_ms": 7000.0, "due": 500.0, "done": 480.0, "failed": 15.0, "not_begun": 3.0, "ended": 2.0, "within_limit": 479.0,
		"limit_ms": 500.0, "held": false, "interrupted": false, "busy": "it ran out of ports or sockets", "processor_ms": 700.0, "processor_share": 0.05, "most_in_flight": 120.0,
	} {
		if s[name] != want {
			t.Errorf("%s is %v, want %v", name, s[name], want)
		}
	}
	latency := s["latency_ms"].(map[string]any)
	for name, want := range map[string]any{"min": 2.0, "p50": 12.345, "p90": 150.0, "p95": 480.0, "p99": nil, "p99_9": nil, "max": nil} {
		if got, there := latency[name]; !there || got != want {
			t.Errorf("%s is %v (there: %t), want %v", name, got, there, want)
		}
	}
	if ours := s["failures"].([]any)[1].(map[string]any); ours["ours"] != true || ours["count"] != 1.0 {
		t.Errorf("failures %v", s["failures"])
	}
	if list, is := got.Storms[1]["failures"].([]any); !is || len(list) != 0 {
		t.Errorf("no failures are %v", got.Storms[1]["failures"])
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "storm.json")
	f := File(path)
	for range 2 { // a report may take the place of one
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
		if err := f.Write(Report{Target: "sbc.test:5061", Storms: []Result{made()}}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), `"kind": "byocheck-storm"`) || !strings.Contains(string(b), `"schema_version": 2`) || !strings.HasSuffix(string(b), "}\n") {
		t.Errorf("error %v, %s", err, b)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for name, content := range map[string]string{"lab.yaml": "target: sbc.test\n", "other.json": `{"kind":"x"}`, "empty": ""} {
		other := filepath.Join(dir, name)
		if err := os.WriteFile(other, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := File(other).Check(); err == nil || !strings.HasSuffix(err.Error(), "it is there and no report of a storm; name another file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range []File{File(filepath.Join(dir, "nowhere", "storm.json")), File(folder)} {
		const want = "name a file in a folder that is there"
		if err := f.Check(); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", f, err)
		}
		if err := f.Write(Report{}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", f, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".storm-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

const table = `  rate/s     due    done  failed not begun        p50        p90        p95        p99      p99.9        max  within 500 ms
     100     500     480      15         3    12.3 ms     150 ms     480 ms      never      never      never  96.18 %
   20000       1       1       0         0    12.0 s    12.0 s    12.0 s    12.0 s    12.0 s    12.0 s  0.00 %
at 100 a second: 14 x TLS handshake not done in time
at 100 a second: 1 x no local port left on this machine
at 100 a second: 3 x not begun, because 500 were under way, our own limit
at 100 a second: 2 under way when we ended the storm are left out
this machine: began handshakes up to 2.0 ms late, used up to 5 % of its processors (2), had up to 120 of 500 handshakes under way
`

func TestTable(t *testing.T) {
	x := 12 * time.Second
	slow := Result{Rate: 20_000, Due: 1, Done: 1, InFlight: 500, Latency: Spread{x, x, x, x, x, x, x}}
	// Blanks are not what is tested.
	if got, want := strings.Fields(Table([]Result{made(), slow})), strings.Fields(table); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
	if got := Table(nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

// TestBusy: a storm that was not held is laid to this machine only where that
// could be.
func TestBusy(t *testing.T) {
	slow := func(change func(*Result)) Result {
		r := Result{Rate: 100, Due: 1000, Done: 1000, Within: 900, Limit: 500 * ms, InFlight: 500, Took: 10 * time.Second, Processors: 2,
			Latency: Spread{P99: 700 * ms}}
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name string
		r    Result
		want string
	}{
		{"idle", slow(func(*Result) {}), ""},
		{"late by less than what is missing", slow(func(r *Result) { r.Late.P99 = 49 * ms }), ""},
		{"late by what is missing", slow(func(r *Result) { r.Late.P99 = 50 * ms }), "it came up to 50.0 ms late itself"},
		{"late, but the device never answered", slow(func(r *Result) { r.Late.P99, r.Latency.P99 = time.Second, Never }), ""},
		{"very late, and never answered", slow(func(r *Result) { r.Late.P99, r.Latency.P99 = 1200*ms, Never }), "it came up to 1200 ms late itself"},
		{"nine tenths of the processors", slow(func(r *Result) { r.Processor = 18 * time.Second }), ""},
		{"all of the processors", slow(func(r *Result) { r.Processor = 19 * time.Second }), "our own part took 95 % of its processors"},
		{"one without a port", slow(func(r *Result) { r.Failures = []Count{{"", 1, true}} }), ""},
		{"two without a port", slow(func(r *Result) { r.Failures = []Count{{"", 1, true}, {"", 1, true}} }), "it ran out of ports or sockets"},
		{"two that the device refused", slow(func(r *Result) { r.Failures = []Count{{"", 2, false}} }), ""},
		{"held all the same", slow(func(r *Result) { r.Late.P99, r.Processor, r.Within = time.Second, 20*time.Second, 990 }), ""},
	} {
		if got := tt.r.Busy(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestHeld: the p99 is of all that were due, but for those that we ended.
func TestHeld(t *testing.T) {
	for _, tt := range []struct {
		due, ended, within int
		want               bool
	}{{100, 0, 99, true}, {100, 0, 98, false}, {101, 0, 99, false}, {101, 1, 99, true}, {0, 0, 0, false}, {5, 5, 0, false}, {1, 0, 1, true}} {
		if got := (Result{Due: tt.due, Ended: tt.ended, Within: tt.within}).Held(); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

// TestSpread: percentiles are by nearest rank, of all, those not recorded last.
func TestSpread(t *testing.T) {
	c := newTally(Storm{}.complete())
	for i := range 100 {
		note(c.latency, time.Duration(i+1)*ms)
	}
	for of, want := range map[int]Spread{
		100: {ms, 50 * ms, 90 * ms, 95 * ms, 99 * ms, 100 * ms, 100 * ms},
		101: {ms, 51 * ms, 91 * ms, 96 * ms, 100 * ms, Never, Never},
		200: {ms, 100 * ms, Never, Never, Never, Never, Never},
		201: {ms, Never, Never, Never, Never, Never, Never},
	} {
		got := spread(c.latency, of)
		for i, x := range [][2]time.Duration{{got.Min, want.Min}, {got.P50, want.P50}, {got.P90, want.P90}, {got.P95, want.P95}, {got.P99, want.P99}, {got.P999, want.P999}, {got.Max, want.Max}} {
			if !near(x[0], x[1]) {
				t.Errorf("of %d: the %d. is %v, want %v", of, i, x[0], x[1])
			}
		}
	}
	if got := spread(c.connect, 0); got != (Spread{}) {
		t.Errorf("of none: %+v", got)
	}
	note(c.late, -time.Second)
	note(c.late, 100*time.Hour)
	if got := spread(c.late, 2); got.Min != 0 || !near(got.Max, time.Hour) {
		t.Errorf("out of range: %+v", got)
	}
}

func TestParseSuites(t *testing.T) {
	got, err := ParseSuites("tls_rsa_with_aes_128_gcm_sha256, TLS_RSA_WITH_AES_256_CBC_SHA256")
	if err != nil || len(got) != 2 || got[0] != 0x009c || got[1] != 0x003d {
		t.Errorf("%x, %v", got, err)
	}
	for _, wrong := range []string{"", "AES128-SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256,"} {
		if _, err := ParseSuites(wrong); err == nil || !strings.Contains(err.Error(), "is no suite of a BYOC Cloud trunk; write one of TLS_") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if n := SuiteNames(); len(n) != 8 || len((Storm{}).Offered()) != 6 {
		t.Errorf("%d suites, %d offered", len(n), len((Storm{}).Offered()))
	}
}
