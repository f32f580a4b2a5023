package suites

import (
	"strings"
	"testing"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// catalogue is a small one, so that these tests outlive the real one's growth.
var catalogue = []scenarios.Scenario{
	{ID: "cert.outbound.chain-complete", Level: ledger.LevelMust, Clauses: []string{"byoc-029-sbc-sends-full-chain"}},
	{ID: "cert.outbound.name-matches", Level: ledger.LevelShould, Clauses: []string{"byoc-033-sbc-name-matches-trunk"}},
	{ID: "tls.outbound.handshake-within-500ms", Level: ledger.LevelMust},
	{ID: "cert.inbound.san-mismatch-refused", Level: ledger.LevelMust, Fault: "Another name."},
}

func ids(all []scenarios.Scenario) string {
	var out []string
	for _, s := range all {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

func TestSelect(t *testing.T) {
	everything := ids(catalogue)
	const chain, name, time, san = "cert.outbound.chain-complete", "cert.outbound.name-matches", "tls.outbound.handshake-within-500ms", "cert.inbound.san-mismatch-refused"
	for _, tt := range []struct {
		name, selection string
		want            string // ids
		err             string // its beginning
	}{
		{"nothing said", "", everything, ""},
		{"blanks", " \t", everything, ""},
		{"one id", san, san, ""},
		{"ids in another order", san + "," + chain, chain + " " + san, ""},
		{"ids with blanks", " " + chain + " , " + name + " ", chain + " " + name, ""},
		{"an id twice", chain + "," + chain, chain, ""},
		{"the beginning of an id is no id", "cert.outbound.chain", "", `selecting scenarios: there is no scenario "cert.outbound.chain"; the nearest is "cert.outbound.chain-complete", and byocheck list shows all`},
		{"mistyped", "cert.inbound.san-missmatch-refused", "", `selecting scenarios: there is no scenario "cert.inbound.san-missmatch-refused"; the nearest is "cert.inbound.san-mismatch-refused"`},
		{"wrong direction", "tls.inbound.handshake-within-500ms", "", `selecting scenarios: there is no scenario "tls.inbound.handshake-within-500ms"; the nearest is "tls.outbound.handshake-within-500ms"`},
		{"one right, one wrong", chain + ",sip.inbound.x", "", `selecting scenarios: there is no scenario "sip.inbound.x"; the nearest is "`},
		{"area", "area:cert", chain + " " + name + " " + san, ""},
		{"area and direction", "area:cert && direction:inbound", san, ""},
		{"level", "level:should", name, ""},
		{"or", "area:tls || fault", time + " " + san, ""},
		{"not", "!fault", chain + " " + name + " " + time, ""},
		{"brackets", "(area:cert && !level:should) && !fault", chain, ""},
		{"clause", "clause:byoc-033-sbc-name-matches-trunk", name, ""},
		{"regular expression", "/id:cert.*/", chain + " " + name + " " + san, ""},
		{"set", "id: containsAny {" + chain + ", " + time + "}", chain + " " + time, ""},
		{"nothing matches", "area:media", "", `selecting scenarios: nothing matches "area:media"; byocheck list --format json shows ids and labels`},
		{"a word", "certificates", "", `selecting scenarios: nothing matches "certificates"; `},
		{"two that exclude each other", "area:cert && area:tls", "", "selecting scenarios: nothing matches "},
		{"open bracket", "(area:cert", "", `selecting scenarios: "(area:cert" is no label filter (`},
		{"operator alone", "&&", "", `selecting scenarios: "&&" is no label filter (`},
		{"bad expression", "/(/", "", `selecting scenarios: "/(/" is no label filter (`},
		{"comma", ",", "", `selecting scenarios: `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Select(catalogue, tt.selection)
			if tt.err == "" {
				if err != nil || ids(got) != tt.want {
					t.Errorf("got %s (error %v), want %s", ids(got), err, tt.want)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.err) {
				t.Fatalf("got %s, error %v, want one that begins with %s", ids(got), err, tt.err)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is more than one plain line: %q", err)
			}
		})
	}
}

// Whatever a user types, there is a selection or an error.
func FuzzSelect(f *testing.F) {
	for _, s := range []string{"", "area:cert && !fault", "id: containsAny {a, b}", "cert.outbound.chain-complete", "/a/", "a.b.c,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Select(catalogue, s)
		if (len(got) == 0) == (err == nil) {
			t.Errorf("%q selects %d scenarios, error %v", s, len(got), err)
		}
	})
}

func TestBeGreen(t *testing.T) {
	for s, want := range map[judge.Status]bool{
		judge.Pass: true, judge.Warn: true, judge.Fail: false, judge.Inconclusive: false, judge.Error: false, judge.NotApplicable: false, "": false,
	} {
		v := judge.Verdict{Status: s, Observed: "Seen.", Hint: "Do."}
		got, err := BeGreen().Match(v)
		if err != nil || got != want {
			t.Errorf("%q is green: %t (error %v), want %t", s, got, err, want)
		}
		if text := BeGreen().FailureMessage(v); text != string(s)+": Seen. Do." {
			t.Errorf("message %q", text)
		}
		if text := BeGreen().NegatedFailureMessage(v); !strings.HasSuffix(text, "got "+string(s)) {
			t.Errorf("negated message %q", text)
		}
	}
	if _, err := BeGreen().Match("pass"); err == nil {
		t.Error("a string is taken for a verdict")
	}
}
