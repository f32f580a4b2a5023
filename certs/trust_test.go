package certs

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
)

func TestUntrustedRootIsLikeTheTrustedOne(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	authorities, err := authoritiesOf(lab)
	if err != nil {
		t.Fatal(err)
	}
	// A root that an older version of this program made may have another subject
	// than its shape has today.
	older := deviceShape
	older.root.subject = subject("US", "byocheck SIMULATED", "devices", "SIMULATED Device Root CA")
	for _, a := range append(authorities, lab.authority(older, lab.device.root)) {
		t.Run(string(a.shape.id), func(t *testing.T) {
			chain := chainOf(t, a, UntrustedRoot)
			other, err := a.impostor()
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"key"}
			if a.shape.root.selfAuthorityKeyID {
				want = []string{"issuer", "key"}
			}
			if got := differences(t, a.Root(), other.parent.cert); !slices.Equal(got, want) {
				t.Errorf("roots differ in %q, want %q", got, want)
			}
			if err := verify(chain, use1.CN, testStart, other.parent.cert); err != nil {
				t.Errorf("under its own root: %v", err)
			}
		})
	}
}

// TestWhatIsSent holds what profiles send against the whole path, by subject.
func TestWhatIsSent(t *testing.T) {
	tests := []struct {
		profile Profile
		want    []string // leaf, or the ends of common names
	}{
		{Healthy, []string{"leaf", "EV RSA CA G2"}},
		{UntrustedRoot, []string{"leaf", "EV RSA CA G2"}},
		{SelfSigned, []string{"leaf"}},
		{MissingIntermediate, []string{"leaf"}},
		{WrongOrder, []string{"leaf", "Global Root G2", "EV RSA CA G2"}},
		{SuperfluousRoot, []string{"leaf", "EV RSA CA G2", "Global Root G2"}},
		{PathLengthExceeded, []string{"leaf", "EV RSA CA G2 *", "EV RSA CA G2 *"}},
		{ExpiredIntermediate, []string{"leaf", "EV RSA CA G2 *"}},
		{RotatedIntermediate, []string{"leaf", "EV RSA CA G2 *"}},
	}
	a := authorityUnder(t, openLab(t, stateCopy(t), at(testStart)), GlobalG2)
	for _, tt := range tests {
		chain := chainOf(t, a, tt.profile)
		if got := formOf(chain); !slices.EqualFunc(got, tt.want, strings.HasSuffix) {
			t.Errorf("%s: sends %q, want %q", tt.profile, got, tt.want)
		}
		if root := chain[len(chain)-1]; tt.profile == SuperfluousRoot && !root.Equal(a.Root()) {
			t.Errorf("%s: the root is another", tt.profile)
		}
	}
}

// TestNewIntermediatesAreUnknown: neither by name nor by key, in this run or
// another, and least of all from the twin.
func TestNewIntermediatesAreUnknown(t *testing.T) {
	dir := stateCopy(t)
	// Each leaf points to a name and a key of its own. The twins of a rotation are
	// of the intermediate of the run, and all alike.
	for p, want := range map[Profile]int{MissingIntermediate: 2 * 8, RotatedIntermediate: 2*4 + 2} {
		seen := map[string]bool{}
		for range 2 {
			a := authorityUnder(t, openLab(t, dir, at(testStart)), GlobalG3)
			told := map[string]*x509.Certificate{}
			a.Publish = func(i Issuer) Locations { told[i.Name] = i.Certificate; return numbered()(i) }
			for range 2 {
				for _, leaf := range []*x509.Certificate{made(t, a.Chain, p).Leaf, made(t, a.Twin, p).Leaf} {
					seen[string(leaf.RawIssuer)], seen[string(leaf.AuthorityKeyId)] = true, true
					name := strings.TrimPrefix(leaf.OCSPServer[0], "http://ocsp.example/")
					if issuer := told[name]; issuer == nil || leaf.CheckSignatureFrom(issuer) != nil {
						t.Errorf("%s: a fetch of its issuer, %s, would bring another", p, name)
					}
				}
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d names and keys, want %d", p, len(seen), want)
		}
	}
}

func TestRotatedLeafHasANewKeyEachTime(t *testing.T) {
	a := newAuthority(t, openLab(t, stateCopy(t), at(testStart)))
	first, again := made(t, a.Chain, RotatedLeaf).Leaf, made(t, a.Chain, RotatedLeaf).Leaf
	if got := differences(t, first, again); !slices.Equal(got, []string{"key"}) {
		t.Errorf("one differs from the other in %q", got)
	}
}
