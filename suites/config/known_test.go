package config

import (
	"slices"
	"testing"
)

func TestKnownFailures(t *testing.T) {
	const one = "- {id: a.b.c, verdict: fail, reason: r}\n"
	for _, tt := range []struct{ name, file, want string }{
		{"one", one, ""},
		{"empty", "# none yet\n", ""},
		{"empty list", "[]", ""},
		{"every verdict", "- {id: a, verdict: pass, reason: r}\n- {id: b, verdict: warn, reason: r}\n- {id: c, verdict: not-applicable, reason: r}\n" +
			"- {id: d, verdict: inconclusive, reason: r}\n- {id: e, verdict: error, reason: r}\n", ""},
		{"mapping", "a.b.c: fail", `k.yaml:1:1: keys and values instead of a list; write [a, b] or lines that begin with "- "`},
		{"word", "- a.b.c", `k.yaml:1:3: text instead of keys and values; write lines of key: value; the keys here are id, verdict, reason`},
		{"unknown key", "- id: a.b.c\n  verdct: fail\n", `k.yaml:2:3: unknown key "verdct"; did you mean "verdict"?`},
		{"unknown verdict", "- id: a.b.c\n  verdict: failed\n", `k.yaml:2:12: verdict: unknown verdict "failed"; write one of pass, fail, warn, not-applicable, inconclusive, error`},
		{"no id", one + "- verdict: fail\n  reason: r\n", `k.yaml:2:3: entry has no id; write id: cert.inbound.san-mismatch-refused`},
		{"no verdict", "- {id: a.b.c, reason: r}", `k.yaml:1:3: entry has no verdict; write verdict: fail`},
		{"no reason", "- {id: a.b.c, verdict: fail}", `k.yaml:1:3: entry has no reason; write reason: "why this is accepted"`},
		{"blank reason", "- {id: a.b.c, verdict: fail, reason: ' '}", `k.yaml:1:3: entry has no reason; write reason: "why this is accepted"`},
		{"empty value", "- id:\n  verdict: fail\n", `k.yaml:1:6: id: no value; write one or leave the key out`},
		{"twice", one + one, `k.yaml:2:8: id: "a.b.c" stands already in line 1; leave one of them`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decodeKnown("k.yaml", []byte(tt.file))
			if got := text(err); got != tt.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, tt.want)
			}
		})
	}
}

func TestLoadKnownFailures(t *testing.T) {
	got, err := LoadKnownFailures("testdata/known/failures.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := func(line int) Origin {
		return Origin{File: "testdata/known/failures.yaml", Line: line, Column: 7}
	}
	want := []KnownFailure{
		{ID: "cert.inbound.san-mismatch-refused", Verdict: "fail", Reason: "compares no host names", Origin: at(2)},
		{ID: "tls.outbound.handshake-within-500ms", Verdict: "inconclusive", Reason: "slow hardware: measured apart", Origin: at(5)},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	_, err = LoadKnownFailures("testdata/absent.yaml")
	if want := "reading known failures testdata/absent.yaml: no such file or directory; check the path under known-failures"; text(err) != want {
		t.Errorf("got  %s\nwant %s", text(err), want)
	}
}
