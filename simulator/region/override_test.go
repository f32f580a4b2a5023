package region

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestOverride(t *testing.T) {
	tests := []struct {
		name, code string
		srv        string
		root       Root

		wantSRV     string
		wantRoot    Root
		wantBesides []Root
		wantZones   []string
	}{
		{
			name: "domain", code: "euw1", srv: "voice.euw1.pure.cloud",
			wantSRV: "voice.euw1.pure.cloud", wantRoot: HighAssuranceEV, wantBesides: []Root{GlobalG2, GlobalG3},
			wantZones: []string{"voice.euw1.pure.cloud"},
		},
		{
			name: "domain in capitals with a dot at the end", code: "usw2", srv: "SIP.Example.com.",
			wantSRV: "sip.example.com", wantRoot: HighAssuranceEV, wantBesides: []Root{GlobalG2, GlobalG3},
			wantZones: []string{"sip.example.com", "voice.usw2.pure.cloud"},
		},
		{
			name: "longest domain", code: "usw2", srv: strings.Repeat("a", 56) + ".example",
			wantSRV: strings.Repeat("a", 56) + ".example", wantRoot: HighAssuranceEV, wantBesides: []Root{GlobalG2, GlobalG3},
			wantZones: []string{strings.Repeat("a", 56) + ".example", "voice.usw2.pure.cloud"},
		},
		{
			name: "EV region moved to G2", code: "usw2", root: GlobalG2,
			wantSRV: "voice.usw2.pure.cloud", wantRoot: GlobalG2, wantBesides: []Root{HighAssuranceEV, GlobalG3},
			wantZones: []string{"voice.usw2.pure.cloud"},
		},
		{
			name: "G2 region moved to G3", code: "mec1", root: GlobalG3,
			wantSRV: "voice.mec1.pure.cloud", wantRoot: GlobalG3, wantBesides: []Root{GlobalG2},
			wantZones: []string{"voice.mec1.pure.cloud"},
		},
		{
			name: "a root that the region never had", code: "mec1", root: HighAssuranceEV,
			wantSRV: "voice.mec1.pure.cloud", wantRoot: HighAssuranceEV, wantBesides: []Root{GlobalG2, GlobalG3},
			wantZones: []string{"voice.mec1.pure.cloud"},
		},
		{
			name: "the root that it has, and a domain", code: "euc2", srv: "voice.example.com", root: GlobalG2,
			wantSRV: "voice.example.com", wantRoot: GlobalG2, wantBesides: []Root{GlobalG3},
			wantZones: []string{"voice.euc2.pure.cloud", "voice.example.com"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, err := Lookup(tt.code)
			if err != nil {
				t.Fatal(err)
			}
			r, err := before.Override(tt.srv, tt.root)
			if err != nil {
				t.Fatal(err)
			}
			if r.SRVDomain.Value != tt.wantSRV || (r.SRVDomain.Confidence == Given) != (tt.srv != "") {
				t.Errorf("SRV domain %+v, want %s", r.SRVDomain, tt.wantSRV)
			}
			if r.Root.Value != tt.wantRoot || (r.Root.Confidence == Given) != (tt.root != "") {
				t.Errorf("root %+v, want %s", r.Root, tt.wantRoot)
			}
			if !slices.Equal(r.TrustBesides.Value, tt.wantBesides) {
				t.Errorf("to trust besides: %s, want %s", r.TrustBesides.Value, tt.wantBesides)
			}
			if z := r.Zones(); !slices.Equal(z, tt.wantZones) {
				t.Errorf("zones %q, want %q", z, tt.wantZones)
			}
			if !slices.Equal(r.Proxies.Value, before.Proxies.Value) {
				t.Errorf("proxies became %q", r.Proxies.Value)
			}
			if again, _ := Lookup(tt.code); !reflect.DeepEqual(again, before) {
				t.Error("the table, or the region that was overridden, changed")
			}
		})
	}
}

func TestOverrideOfNothing(t *testing.T) {
	r, err := Lookup("use1")
	if err != nil {
		t.Fatal(err)
	}
	if same, err := r.Override("", ""); err != nil || !reflect.DeepEqual(same, r) {
		t.Errorf("%+v, %v", same, err)
	}
}

func TestOverrideRefuses(t *testing.T) {
	const wants = `overriding SRV domain of use1: write a domain name, such as voice.mypurecloud.com, instead of `
	tests := []struct {
		name, srv string
		root      Root
		err       string
	}{
		{"one label", "localhost", "", wants + `"localhost"`},
		{"address", "192.0.2.1", "", wants + `"192.0.2.1"`},
		{"IPv6 address", "::1", "", wants + `"::1"`},
		{"dot alone", ".", "", wants + `"."`},
		{"two dots", "voice..example.com", "", wants + `"voice..example.com"`},
		{"two dots at the end", "example.com..", "", wants + `"example.com.."`},
		{"space", "voice example.com", "", wants + `"voice example.com"`},
		{"wildcard", "*.example.com", "", wants + `"*.example.com"`},
		{"hyphen at the edge", "voice-.example.com", "", wants + `"voice-.example.com"`},
		{"URI", "sips:voice.example.com", "", wants + `"sips:voice.example.com"`},
		{"name of the record", "_sips._tcp.voice.example.com", "",
			`overriding SRV domain of use1: write it without the labels of service and transport, such as voice.mypurecloud.com: "_sips._tcp.voice.example.com"`},
		{"too long for a common name", strings.Repeat("a", 57) + ".example", "",
			`overriding SRV domain of use1: it is the common name of a certificate, so write at most 64 characters instead of 65: "` + strings.Repeat("a", 57) + `.example"`},
		{"label too long", strings.Repeat("a", 64) + ".b", "",
			`overriding SRV domain of use1: it is the common name of a certificate, so write at most 64 characters instead of 66: "` + strings.Repeat("a", 64) + `.b"`},
		{"unknown root", "", "global-g4",
			`overriding root of use1: write one of high-assurance-ev, global-g2, global-g3 instead of "global-g4"`},
		{"good domain, unknown root", "voice.example.com", "EV",
			`overriding root of use1: write one of high-assurance-ev, global-g2, global-g3 instead of "EV"`},
	}
	r, err := Lookup("use1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := r.Override(tt.srv, tt.root)
			if err == nil || err.Error() != tt.err {
				t.Errorf("error %v, want %s", err, tt.err)
			}
			if got.Code != "" {
				t.Errorf("a region comes with the error: %+v", got)
			}
		})
	}
}

// FuzzParseSRVDomain: what is accepted is a name that parses to itself.
func FuzzParseSRVDomain(f *testing.F) {
	for _, seed := range []string{"voice.mypurecloud.com", "SIP.Example.com.", "127.0.0.1", "a..b", "_sips._tcp.x", "\xff.b", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		domain, err := parseSRVDomain(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			return
		}
		if again, err := parseSRVDomain(domain); again != domain || err != nil || len(domain) > maxSRVDomain {
			t.Errorf("%q gives %q, which gives %q, %v", text, domain, again, err)
		}
	})
}
