package certs

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// sample is a profile's chain and its twin, for the names of use1.
type sample struct {
	ProfileInfo
	authority   *Authority
	chain, twin tls.Certificate
}

// samples are all profiles under all hierarchies, at testStart, made once because
// some keys are new each time.
var samples = sync.OnceValues(func() ([]sample, error) {
	dir, err := template()
	if err != nil {
		return nil, err
	}
	lab, err := Open(dir, at(testStart))
	if err != nil {
		return nil, err
	}
	authorities, err := authoritiesOf(lab)
	if err != nil {
		return nil, err
	}
	var all []sample
	for _, a := range authorities {
		a.Publish = numbered()
		for _, info := range Profiles() {
			c := sample{ProfileInfo: info, authority: a}
			if c.chain, err = a.Chain(info.Profile, use1); err != nil {
				return nil, err
			}
			if c.twin, err = a.Twin(info.Profile, use1); err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
})

// forEveryChain calls check with each sample.
func forEveryChain(t *testing.T, check func(t *testing.T, c sample)) {
	t.Helper()
	all, err := samples()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		t.Run(string(c.authority.shape.id)+"/"+string(c.Profile), func(t *testing.T) { check(t, c) })
	}
}

func made(t *testing.T, make func(Profile, Names) (tls.Certificate, error), p Profile) tls.Certificate {
	t.Helper()
	c, err := make(p, use1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var cited = regexp.MustCompile(`^((RFC [0-9]+|byoc-[0-9k][0-9]{2}-[a-z0-9-]+)[^;]*)(; (RFC [0-9]+|byoc-[0-9k][0-9]{2}-[a-z0-9-]+)[^;]*)*$`)

func TestProfilesAreExplained(t *testing.T) {
	seen := map[string]bool{}
	for i, info := range Profiles() {
		if seen[string(info.Profile)] || !branchName.MatchString(string(info.Profile)) {
			t.Errorf("%q is there twice, or no id", info.Profile)
		}
		if seen[info.Sentence] {
			t.Errorf("%s: another profile has its sentence", info.Profile)
		}
		seen[string(info.Profile)], seen[info.Sentence] = true, true
		if !strings.HasSuffix(info.Sentence, ".") || strings.Count(info.Sentence, ". ") > 0 {
			t.Errorf("%s: not one sentence: %q", info.Profile, info.Sentence)
		}
		if !cited.MatchString(info.Citation) {
			t.Errorf("%s: not a list of citations: %q", info.Profile, info.Citation)
		}
		if info.Expect != Accept && info.Expect != Refuse && info.Expect != Either || i == 0 && info.Expect != Accept {
			t.Errorf("%s: expects %q", info.Profile, info.Expect)
		}
		both := strings.HasPrefix(info.Readings, "accept: ") && strings.Contains(info.Readings, "; refuse: ")
		if both != (info.Expect == Either) || !both && info.Readings != "" {
			t.Errorf("%s: expects %s, and the readings are %q", info.Profile, info.Expect, info.Readings)
		}
	}
}

func TestChainRefusesBadNames(t *testing.T) {
	a := newAuthority(t, openLab(t, stateCopy(t), at(testStart)))
	long := strings.Repeat("a", 60) + ".example"
	tests := []struct {
		name    string
		profile Profile
		names   Names
		want    string
	}{
		{"no name", Healthy, Names{}, "none is given"},
		{"common name too long", Healthy, Names{CN: long}, long},
		{"address", Healthy, Names{CN: "a.example", DNS: []string{"192.0.2.1"}}, "192.0.2.1"},
		{"wildcard", Healthy, Names{CN: "a.example", DNS: []string{"*.a.example"}}, "*.a.example"},
		{"trailing dot", Healthy, Names{CN: "a.example."}, "a.example."},
		{"NUL", Healthy, Names{CN: "a.example\x00.b"}, `a.example\x00.b`},
		{"label too long", Healthy, Names{CN: "a.example", DNS: []string{strings.Repeat("a", 64)}}, "host name"},
		{"name too long", Healthy, Names{CN: "a.example", DNS: []string{strings.Repeat("a.", 127) + "a"}}, "host name"},
		{"no addresses", IPSAN, Names{CN: "a.example"}, "give the addresses"},
		{"no address", IPAsCN, Names{CN: "a.example", IP: make([]netip.Addr, 1)}, "no address"},
		{"one label", WildcardSAN, Names{CN: "sbc"}, `"sbc"`},
		{"name too long for a common name", CNOnly, Names{DNS: []string{long}}, long},
		{"nothing to mismatch", SANMismatch, Names{CN: "voice.other.example"}, "voice.other.example"},
		{"unknown profile", "expired?", use1, "known: healthy, expired, "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := a.Chain(tt.profile, tt.names)
			wantLine(t, err, tt.want)
		})
	}
}

func TestChainsAtOnce(t *testing.T) {
	a := newAuthority(t, openLab(t, stateCopy(t), at(testStart)))
	issuers := make([][]byte, 4)
	var wg sync.WaitGroup
	for i := range issuers {
		wg.Go(func() {
			c, err := a.Chain(UntrustedRoot, use1)
			if err != nil {
				t.Error(err)
				return
			}
			issuers[i] = c.Certificate[1]
		})
	}
	wg.Wait()
	for _, der := range issuers {
		if !bytes.Equal(der, issuers[0]) {
			t.Error("two untrusted roots in one run")
		}
	}
}
