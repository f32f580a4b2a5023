package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestNumbersAreGapless(t *testing.T) {
	want := map[Kind]int{Requirement: 53, Contradiction: 17}
	got := map[Kind][]int{}
	for _, c := range All() {
		if c.Number != 0 {
			got[c.Kind] = append(got[c.Kind], c.Number)
		}
	}
	for kind, n := range want {
		var all []int
		for i := 1; i <= n; i++ {
			all = append(all, i)
		}
		if !slices.Equal(got[kind], all) {
			t.Errorf("%s: numbers %v, want 1 to %d", kind, got[kind], n)
		}
	}
}

func TestClauses(t *testing.T) {
	const longest = 400
	for _, c := range All() {
		t.Run(c.ID, func(t *testing.T) {
			if !idForm.MatchString(c.ID) {
				t.Error("malformed id")
			}
			for what, s := range map[string]string{"text": c.Text, "note": c.Note, "excluded": c.Excluded} {
				if len(s) > longest {
					t.Errorf("%s has %d characters, more than %d", what, len(s), longest)
				}
				if s != strings.TrimSpace(s) || strings.Contains(s, "\n") {
					t.Errorf("%s is not one line", what)
				}
				if s != "" && !strings.HasSuffix(s, ".") {
					t.Errorf("%s does not end a sentence", what)
				}
			}
			if c.Text == "" || c.Section == "" || c.Level == "" {
				t.Errorf("text, section or level is empty")
			}
			if (len(c.Obliges) == 0) != (c.Excluded != "") {
				t.Error("want obliged parties or a reason for exclusion, and not both")
			}
			rfc := strings.HasPrefix(c.ID, "rfc")
			if rfc != (len(c.Editions) == 0) {
				t.Error("want editions for a clause of the article, and none for one of an RFC")
			}
			if rfc && !strings.HasPrefix(c.Section, strings.Split(c.ID, "-")[1]+" ") {
				t.Errorf("section %q is not the one in the id", c.Section)
			}
			if (c.Kind == Contradiction) != (len(c.Contradicts) > 0) {
				t.Error("want disputed clauses for a contradiction, and for nothing else")
			}
			if c.Kind == Contradiction && (c.Level != LevelInfo || c.Note == "") {
				t.Error("want level info and a note with the reading")
			}
			for _, list := range [][]string{c.Contradicts, c.Related} {
				for _, id := range list {
					if _, ok := Lookup(id); !ok || id == c.ID {
						t.Errorf("refers to %q", id)
					}
				}
				if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
					t.Errorf("%q is not sorted and unique", list)
				}
			}
			for _, p := range c.Obliges {
				if n := strings.Count(fmt.Sprint(c.Obliges), string(p)); n != 1 {
					t.Errorf("obliges %s %d times", p, n)
				}
			}
			if len(c.Editions) == 2 && (c.Editions[0] != Older || c.Editions[1] != Newer) {
				t.Errorf("editions %v, want older before newer", c.Editions)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	c, ok := Lookup("byoc-031-name-validation")
	if !ok || c.Number != 31 || c.Kind != Requirement || c.Level != LevelMust {
		t.Errorf("clause 31 is %+v, %t", c, ok)
	}
	if c, ok := Lookup("byoc-031"); ok {
		t.Errorf("found %q by half an id", c.ID)
	}
	if got := Must("byoc-k07-common-name-column"); got.Kind != Contradiction || got.Number != 7 {
		t.Errorf("contradiction 7 is %+v", got)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), `"byoc-099-none"`) {
			t.Errorf("recovered %v, want a panic that names the id", r)
		}
	}()
	Must("byoc-099-none")
}

func TestAllGivesOwnSlice(t *testing.T) {
	first := All()[0].ID
	All()[0].ID = "changed"
	if got := All()[0].ID; got != first {
		t.Errorf("a caller's change reached the ledger: %q", got)
	}
}

func TestSource(t *testing.T) {
	tests := []struct{ name, id, want string }{
		{"both editions", "byoc-031-name-validation",
			"Genesys, TLS trunk transport protocol specification, both editions, Subject name validation"},
		{"one edition", "byoc-024-der-and-pem",
			"Genesys, TLS trunk transport protocol specification, newer edition, Certificate file formats"},
		{"RFC", "rfc5922-7.2-comparing-identities", "RFC 5922, section 7.2 Comparing SIP Identities"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Must(tt.id).Source(); got != tt.want {
				t.Errorf("source %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRead(t *testing.T) {
	const good = "- id: byoc-001-a-slug\n  editions: [older]\n  obliges: [device-as-client]\n  level: must\n"
	tests := []struct{ name, yaml, err string }{
		{"good", good, ""},
		{"unknown field", good + "  weight: heavy\n", `unknown field "weight"`},
		{"field that is derived", good + "  number: 1\n", `unknown field "number"`},
		{"repeated key", good + "  level: may\n", "already defined"},
		{"repeated id", good + good, `two have the id "byoc-001-a-slug"`},
		{"no slug", strings.Replace(good, "-a-slug", "", 1), `clause "byoc-001": reading id`},
		{"unpadded number", strings.Replace(good, "001", "1", 1), "reading id"},
		{"capital", strings.Replace(good, "a-slug", "A-slug", 1), "reading id"},
		{"text before", strings.Replace(good, "byoc", "xbyoc", 1), "reading id"},
		{"unknown edition", strings.Replace(good, "older", "oldest", 1), `unknown "oldest"`},
		{"unknown party", strings.Replace(good, "as-client", "as-peer", 1), `unknown "device-as-peer"`},
		{"unknown level", strings.Replace(good, "must", "shall", 1), `unknown "shall"`},
		{"no level", strings.Replace(good, "  level: must\n", "", 1), `unknown ""`},
		{"not a list", "id: byoc-001-a-slug\n", "decoding clauses/a.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cs, err := read(fstest.MapFS{"clauses/a.yaml": {Data: []byte(tt.yaml)}})
			switch {
			case tt.err == "" && (err != nil || len(cs) != 1):
				t.Errorf("read %v, %v", cs, err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q in it", err, tt.err)
			}
		})
	}
}

func TestEditionsAreDescribed(t *testing.T) {
	for _, e := range []Edition{Older, Newer} {
		if e.About() == "" {
			t.Errorf("%s is not described", e)
		}
	}
	if s := Edition("newest").About(); s != "" {
		t.Errorf("an edition that does not exist is described: %q", s)
	}
}
