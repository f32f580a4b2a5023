package config

import (
	"os"
	"strings"
	"testing"
)

func oneLineError(t *testing.T, err error) {
	t.Helper()
	if s := text(err); strings.ContainsAny(s, "\r\n") || err != nil && s == "" {
		t.Errorf("error is not one line: %q", s)
	}
}

func FuzzDecode(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(full), "", "- x", "target: &a [*a]", "carrier: none", "a: {b: [c", "? a\n: b", "x: |\n  y", "trigger: [{http: {url: x}}]", "<<: {a: b}", "--- !!map {}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decode("f.yaml", data)
		oneLineError(t, err)
		if err == nil {
			oneLineError(t, c.Validate())
			c.MissingForInbound()
		}
	})
}

func FuzzDecodeKnown(f *testing.F) {
	for _, seed := range []string{"- {id: a, verdict: fail, reason: r}", "- id: a\n  verdict: pass\n", "[]", "- - a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := decodeKnown("f.yaml", data)
		oneLineError(t, err)
		for _, k := range all {
			if k.ID == "" || k.Verdict == "" || k.Reason == "" {
				t.Errorf("incomplete entry %+v accepted", k)
			}
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"sbc.example.com:5061", "[::1]:5061", "[::1%lo]", "127.0.0.1", "sip:a@b", "a:b:c", "[", ":", "sip:5061"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseTarget(s)
		if err != nil {
			return
		}
		again, err := ParseTarget(v.String())
		if err != nil || again != v {
			t.Errorf("%q gives %q, which gives %q (error %v)", s, v, again, err)
		}
	})
}
