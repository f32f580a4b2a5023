package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// alike are so many inconclusive checks with the same to say, the first one of
// level info.
func alike(area string, n int, observed, hint string) []Check {
	var out []Check
	for i := range n {
		c := Check{ID: fmt.Sprintf("%s.inbound.number-%02d", area, i), Title: "A requirement", Level: ledger.LevelMust,
			Recording: &File{Path: fmt.Sprintf("cases/%s.inbound.number-%02d.jsonl", area, i)}, Rerun: fmt.Sprintf("again %s-%02d", area, i),
			Verdict: judge.Verdict{Status: judge.Inconclusive, Expected: "An answer.", Observed: observed, Hint: hint,
				Evidence: []judge.Evidence{{Attempt: "control-1", Seq: uint64(7 + i)}}}}
		if i == 0 && n > 1 {
			c.Level = ledger.LevelInfo
		}
		out = append(out, c)
	}
	return out
}

// One cause that leaves much open does not bury what fails.
func TestSummaryFolds(t *testing.T) {
	r, _ := made()
	r.Checks = []Check{{ID: "tls.inbound.offers-tls12", Title: "The device offers TLS 1.2", Level: ledger.LevelMust, Rerun: "again",
		Verdict: judge.Verdict{Status: judge.Fail, Observed: "It offers TLS 1.3."}}}
	missing := "The scenario could not be played: the configuration does not say how to make the device act."
	for _, more := range [][]Check{
		alike("cert", 12, "The control did not succeed.", "See why the handshake failed."),
		alike("sip", 3, missing, "Add to the configuration: numbers: / inbound: [\"+13175550100\"]"),
		alike("media", 2, missing, "Add to the configuration: numbers: / outbound: [\"+13175550123\"]"),
		alike("tls", 1, "Nothing reached the cloud.", ""),
	} {
		r.Checks = append(r.Checks, more...)
	}
	known := alike("cert", 1, "The control did not succeed.", "See why the handshake failed.")
	known[0].ID = "cert.inbound.known"
	r.Checks = append(r.Checks, known...)
	r.Settle([]Known{{"cert.inbound.known", judge.Inconclusive, "a reason"}})
	var b bytes.Buffer
	r.Summary(&b, "out")
	golden(t, "folded.golden.txt", b.Bytes())
	for _, c := range r.Checks {
		if n := strings.Count(b.String(), " "+c.ID+" ") + strings.Count(b.String(), " "+c.ID+",") + strings.Count(b.String(), " "+c.ID+"\n"); n == 0 {
			t.Errorf("%s is told nowhere", c.ID)
		}
	}
	if r.ExitCode != Failed || r.Counts["inconclusive"] != 19 {
		t.Errorf("exit code %d, counts %v", r.ExitCode, r.Counts)
	}
}

// The last lines alone are those of a whole summary.
func TestResult(t *testing.T) {
	r, known := made()
	for _, n := range []int{1, len(r.Checks)} {
		r.Checks = r.Checks[:n:n]
		r.Settle(known)
		var whole, last bytes.Buffer
		r.Summary(&whole, "out")
		r.Result(&last)
		counts, result, _ := strings.Cut(strings.TrimPrefix(last.String(), "\n"), "\nresult: ")
		if !strings.Contains(whole.String(), "\n\n"+counts+"\n"+Notice) || !strings.HasSuffix(whole.String(), "\nresult: "+result) {
			t.Errorf("%q does not end\n%s", last.String(), whole.String())
		}
		if n == 1 && counts != "1 scenario: 1 pass" {
			t.Errorf("counted as %q", counts)
		}
		for line := range strings.Lines(last.String()) {
			if len(line) > width+1 {
				t.Errorf("%q is too long", line)
			}
		}
		r, known = made()
	}
}
