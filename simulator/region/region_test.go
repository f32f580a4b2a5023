package region

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// all is the list in which a person finds the code.
const all = "apne1, apne2, apne3, aps1, apse2, cac1, euc1, euc2, euw1, euw2, mec1, sae1, use1, use2, usw2"

func TestLookup(t *testing.T) {
	tests := []struct {
		name, code string
		srv        string
		proxy4     string
		zones      []string
		namespaces []string
		err        string
	}{
		{
			name: "SRV domain apart from the proxies", code: "use1",
			srv:        "voice.mypurecloud.com",
			proxy4:     "lb04.voice.use1.pure.cloud",
			zones:      []string{"voice.mypurecloud.com", "voice.use1.pure.cloud"},
			namespaces: []string{"byoc.mypurecloud.com", "byoc.use1.pure.cloud"},
		},
		{
			name: "SRV domain above the proxies", code: "usw2",
			srv:        "voice.usw2.pure.cloud",
			proxy4:     "lb04.voice.usw2.pure.cloud",
			zones:      []string{"voice.usw2.pure.cloud"},
			namespaces: []string{"byoc.usw2.pure.cloud"},
		},
		{
			name: "country domain", code: "apse2",
			srv:        "voice.mypurecloud.com.au",
			proxy4:     "lb04.voice.apse2.pure.cloud",
			zones:      []string{"voice.apse2.pure.cloud", "voice.mypurecloud.com.au"},
			namespaces: []string{"byoc.mypurecloud.com.au"},
		},
		{
			name: "government domain", code: "use2",
			srv:        "voice.use2.us-gov-pure.cloud",
			proxy4:     "lb04.voice.use2.us-gov-pure.cloud",
			zones:      []string{"voice.use2.us-gov-pure.cloud"},
			namespaces: []string{"byoc.use2.us-gov-pure.cloud"},
		},
		{name: "unknown", code: "mars1", err: `looking up region: write one of ` + all + ` instead of "mars1"`},
		{name: "AWS code", code: "us-east-1", err: `looking up region: write one of ` + all + ` instead of "us-east-1"`},
		{name: "empty", code: "", err: `looking up region: write one of ` + all + ` instead of ""`},
		{name: "no known names", code: "apse1", err: `looking up region: no public source names the proxies of Asia Pacific (Singapore); write one of ` + all + ` instead of "apse1"`},
		{name: "endless", code: strings.Repeat("a", 1000), err: `looking up region: write one of ` + all + ` instead of "` + strings.Repeat("a", 80) + `"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Lookup(tt.code)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.SRVDomain.Value != tt.srv {
				t.Errorf("SRV domain %q, want %q", r.SRVDomain.Value, tt.srv)
			}
			if p, err := r.Proxy(4); err != nil || p != tt.proxy4 {
				t.Errorf("proxy 4 is %q, %v, want %q", p, err, tt.proxy4)
			}
			if z := r.Zones(); !slices.Equal(z, tt.zones) {
				t.Errorf("zones %q, want %q", z, tt.zones)
			}
			var ns []string
			for _, c := range r.Namespaces {
				ns = append(ns, c.Value)
			}
			if !slices.Equal(ns, tt.namespaces) {
				t.Errorf("namespaces %q, want %q", ns, tt.namespaces)
			}
		})
	}
}

// TestRowsFollowTheSpecification: the pattern that all names follow, the roots
// of the newer edition, and the rows where the editions are not to be trusted.
func TestRowsFollowTheSpecification(t *testing.T) {
	unusual := map[string]Confidence{"apne3": Inferred, "usw2": Confirmed} // of the proxies' names
	for _, r := range table() {
		t.Run(r.Code, func(t *testing.T) {
			domain := r.Code + ".pure.cloud"
			if r.Code == "use2" {
				domain = r.Code + ".us-gov-pure.cloud"
			}
			for n := 1; n <= 4; n++ {
				want := fmt.Sprintf("lb0%d.voice.%s", n, domain)
				if got, err := r.Proxy(n); got != want || err != nil {
					t.Errorf("proxy %d is %q, %v, want %q", n, got, err, want)
				}
			}
			want := Seed
			if c, ok := unusual[r.Code]; ok {
				want = c
			}
			if r.Proxies.Confidence != want {
				t.Errorf("names are %s, want %s", r.Proxies.Confidence, want)
			}
			own := strings.TrimPrefix(r.SRVDomain.Value, "voice.")
			if r.Namespaces[0].Value != "byoc."+own {
				t.Errorf("namespace %s, want byoc. before %s", r.Namespaces[0].Value, own)
			}
			if c := r.SRVDomain.Confidence; (c == Confirmed) != (r.Code == "use1") {
				t.Errorf("SRV domain is %s: it has been seen for use1 alone", c)
			}
			root, besides := HighAssuranceEV, []Root{GlobalG2, GlobalG3}
			if slices.Contains([]string{"apne3", "euc2", "mec1"}, r.Code) {
				root, besides = GlobalG2, []Root{GlobalG3}
			}
			if r.Root.Value != root || !slices.Equal(r.TrustBesides.Value, besides) {
				t.Errorf("root %s and %s, want %s and %s", r.Root.Value, r.TrustBesides.Value, root, besides)
			}
		})
	}
}

func TestProxyOutOfRange(t *testing.T) {
	r, err := Lookup("use1")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 5} {
		if p, err := r.Proxy(n); err == nil {
			t.Errorf("proxy %d is %q, want an error", n, p)
		}
	}
	if p, err := (Region{Code: "new1"}).Proxy(1); err == nil {
		t.Errorf("proxy of a region without names is %q, want an error", p)
	}
}

func TestZonesOfUnknownNames(t *testing.T) {
	if z := (Region{}).Zones(); len(z) != 0 {
		t.Errorf("zones %q, want none", z)
	}
}

func TestLookupGivesOwnCopy(t *testing.T) {
	r, err := Lookup("use1")
	if err != nil {
		t.Fatal(err)
	}
	r.Proxies.Value[0] = "changed"
	r.Namespaces[0].Value = "changed"
	again, err := Lookup("use1")
	if err != nil {
		t.Fatal(err)
	}
	if again.Proxies.Value[0] == "changed" || again.Namespaces[0].Value == "changed" {
		t.Error("a caller's change reached the table")
	}
}

// TestTable holds every row, also those added later, to the form that callers
// rely on.
func TestTable(t *testing.T) {
	var (
		code = regexp.MustCompile(`^[a-z]{3,5}[0-9]$`)
		aws  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)
		host = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	)
	names := Names()
	if len(names) != 15 {
		t.Errorf("%d regions, want the 15 of the specification", len(names))
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("codes %q are not sorted and unique", names)
	}
	owners := map[string]string{} // of each name, which may have one only
	for _, r := range table() {
		t.Run(r.Code, func(t *testing.T) {
			if _, ok := absent[r.Code]; ok {
				t.Error("it is also listed as absent")
			}
			for _, name := range append([]string{r.SRVDomain.Value, r.AWS.Value, r.Namespaces[0].Value}, r.Proxies.Value...) {
				if other, ok := owners[name]; ok {
					t.Errorf("%s is %s's as well", name, other)
				}
				owners[name] = r.Code
			}
			if !code.MatchString(r.Code) {
				t.Errorf("code %q", r.Code)
			}
			if r.Title == "" {
				t.Error("no title")
			}
			claim(t, "AWS", r.AWS, func(v string) bool { return v == "" }, aws.MatchString)
			claim(t, "Proxies", r.Proxies, func(v []string) bool { return len(v) == 0 }, func(v []string) bool {
				for i, name := range v {
					if !host.MatchString(name) || !strings.HasPrefix(name, "lb0"+string(rune('1'+i))+".") {
						return false
					}
				}
				return len(v) == 4
			})
			claim(t, "SRVDomain", r.SRVDomain, func(v string) bool { return v == "" }, host.MatchString)
			if len(r.Namespaces) == 0 {
				t.Error("no namespace, not even an unknown one")
			}
			for _, n := range r.Namespaces {
				claim(t, "Namespaces", n, func(v string) bool { return v == "" }, host.MatchString)
			}
			roots := Roots()
			claim(t, "Root", r.Root, func(v Root) bool { return v == "" }, func(v Root) bool { return slices.Contains(roots, v) })
			claim(t, "TrustBesides", r.TrustBesides, func(v []Root) bool { return len(v) == 0 }, func(v []Root) bool {
				for _, root := range v {
					if !slices.Contains(roots, root) || root == r.Root.Value {
						return false
					}
				}
				return true
			})
		})
	}
}

func claim[T any](t *testing.T, column string, c Claim[T], empty, valid func(T) bool) {
	t.Helper()
	if c.Source == "" {
		t.Errorf("%s: no source", column)
	}
	switch c.Confidence {
	case Unknown:
		if !empty(c.Value) {
			t.Errorf("%s: unknown, yet %v", column, c.Value)
		}
	case Confirmed, Seed, Inferred:
		if empty(c.Value) || !valid(c.Value) {
			t.Errorf("%s: bad value %v", column, c.Value)
		}
	default:
		t.Errorf("%s: confidence %q", column, c.Confidence)
	}
}
