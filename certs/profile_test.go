package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// differences names the fields in which two certificates differ, extensions
// by OID. What differs in any two certificates is left out.
func differences(a, b *x509.Certificate) []string {
	always := []string{"Raw", "RawTBSCertificate", "Signature", "SerialNumber", "Extensions"}
	va, vb := reflect.ValueOf(*a), reflect.ValueOf(*b)
	var names []string
	for i := range va.NumField() {
		name := va.Type().Field(i).Name
		if !slices.Contains(always, name) && !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	if len(a.Extensions) != len(b.Extensions) {
		return append(names, "number of extensions")
	}
	for i, e := range a.Extensions {
		if !reflect.DeepEqual(e, b.Extensions[i]) {
			names = append(names, e.Id.String())
		}
	}
	return names
}

func TestFaultDiffersFromHealthyInOneProperty(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	keys := []string{"AuthorityKeyId", "PublicKey", "RawSubjectPublicKeyInfo", "SubjectKeyId", extAKI, extSKI}
	tests := []struct {
		profile            Profile
		leaf, intermediate []string // the fields that may differ
		asIf               func(error) bool
	}{
		{Healthy, nil, nil, func(err error) bool { return err == nil }},
		{
			// Another issuer of the same name: its key, and so what points to it.
			UntrustedRoot, []string{"AuthorityKeyId", extAKI}, keys,
			func(err error) bool { return errors.As(err, &x509.UnknownAuthorityError{}) },
		},
		{
			SANMismatch, []string{"DNSNames", "RawSubject", "Subject", extSAN}, nil,
			func(err error) bool { return errors.As(err, &x509.HostnameError{}) },
		},
	}
	if len(tests) != len(Profiles()) {
		t.Errorf("%d profiles are tested, and there are %d", len(tests), len(Profiles()))
	}
	for _, s := range shapes {
		a := authorityUnder(t, lab, s.id)
		healthy := chainOf(t, a, Healthy)
		for _, tt := range tests {
			t.Run(string(s.id)+"/"+string(tt.profile), func(t *testing.T) {
				chain := chainOf(t, a, tt.profile)
				if len(chain) != len(healthy) {
					t.Fatalf("%d certificates", len(chain))
				}
				for i, want := range [][]string{tt.leaf, tt.intermediate} {
					got := differences(healthy[i], chain[i])
					slices.Sort(got)
					want = slices.Sorted(slices.Values(want))
					if !slices.Equal(got, want) {
						t.Errorf("certificate %d differs in %v, want %v", i, got, want)
					}
				}
				for _, host := range use1.DNS {
					if err := verify(chain, host, testStart, lab.CloudRoots()...); !tt.asIf(err) {
						t.Errorf("verifying for %s: %v", host, err)
					}
				}
				// Whatever the fault, the chain hangs together by itself.
				if err := chain[0].CheckSignatureFrom(chain[1]); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestUntrustedRootIsLikeTheTrustedOne(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	wants := map[Hierarchy][]string{
		HighAssuranceEV: {extSKI, extAKI, "AuthorityKeyId", "PublicKey", "RawSubjectPublicKeyInfo", "SubjectKeyId"},
		GlobalG2:        {extSKI, "PublicKey", "RawSubjectPublicKeyInfo", "SubjectKeyId"},
		GlobalG3:        {extSKI, "PublicKey", "RawSubjectPublicKeyInfo", "SubjectKeyId"},
	}
	for _, s := range shapes {
		t.Run(string(s.id), func(t *testing.T) {
			a := authorityUnder(t, lab, s.id)
			chain := chainOf(t, a, UntrustedRoot)
			other, err := a.otherRoot()
			if err != nil {
				t.Fatal(err)
			}
			got := differences(a.Root(), other.root.cert)
			slices.Sort(got)
			if want := wants[s.id]; !slices.Equal(got, want) {
				t.Errorf("roots differ in %v, want %v", got, want)
			}
			if err := verify(chain, use1.CN, testStart, other.root.cert); err != nil {
				t.Errorf("under its own root: %v", err)
			}
		})
	}
}

func TestMismatchedNamesAreHostNames(t *testing.T) {
	chain := chainOf(t, newAuthority(t, openLab(t, stateCopy(t), at(testStart))), SANMismatch)
	want := []string{
		"voice.other.example", "lb01.voice.other.example", "lb02.voice.other.example",
		"lb03.voice.other.example", "lb04.voice.other.example",
	}
	if chain[0].Subject.CommonName != want[0] || !slices.Equal(chain[0].DNSNames, want) {
		t.Errorf("CN %s, SAN %v, want %v", chain[0].Subject.CommonName, chain[0].DNSNames, want)
	}
}

func TestProfilesAreExplained(t *testing.T) {
	seen := map[Profile]bool{}
	for i, info := range Profiles() {
		if seen[info.Profile] {
			t.Errorf("%s is there twice", info.Profile)
		}
		seen[info.Profile] = true
		if !strings.HasSuffix(info.Sentence, ".") || strings.Count(info.Sentence, ". ") > 0 {
			t.Errorf("%s: not one sentence: %q", info.Profile, info.Sentence)
		}
		if !strings.Contains(info.Citation, "RFC ") {
			t.Errorf("%s: no citation: %q", info.Profile, info.Citation)
		}
		if want := map[bool]Outcome{true: Accept, false: Refuse}[i == 0]; info.Expect != want {
			t.Errorf("%s: expects %s, want %s", info.Profile, info.Expect, want)
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
		{"no common name", Healthy, Names{}, "host name"},
		{"common name too long", Healthy, Names{CN: long}, long},
		{"address", Healthy, Names{CN: "a.example", DNS: []string{"192.0.2.1"}}, "192.0.2.1"},
		{"wildcard", Healthy, Names{CN: "a.example", DNS: []string{"*.a.example"}}, "*.a.example"},
		{"trailing dot", Healthy, Names{CN: "a.example."}, "a.example."},
		{"NUL", Healthy, Names{CN: "a.example\x00.b"}, `a.example\x00.b`},
		{"label too long", Healthy, Names{CN: "a.example", DNS: []string{strings.Repeat("a", 64)}}, "host name"},
		{"name too long", Healthy, Names{CN: "a.example", DNS: []string{strings.Repeat("a.", 127) + "a"}}, "host name"},
		{"nothing to mismatch", SANMismatch, Names{CN: "voice.other.example"}, "voice.other.example"},
		{"unknown profile", "expired?", use1, "known: healthy, untrusted-root, san-mismatch"},
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
