package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// numbered publishes issuers at addresses that hold their name.
func numbered() func(Issuer) Locations {
	return func(i Issuer) Locations {
		return Locations{
			CRL:         "http://crl.example/" + i.Name + ".crl",
			OCSP:        "http://ocsp.example/" + i.Name,
			Certificate: "http://crl.example/" + i.Name + ".crt",
		}
	}
}

// locations are the addresses that a certificate carries.
func locations(t *testing.T, c *x509.Certificate) Locations {
	t.Helper()
	one := func(list []string) string {
		if len(list) > 1 {
			t.Errorf("%d addresses in one place: %v", len(list), list)
		}
		return strings.Join(list, " ")
	}
	return Locations{one(c.CRLDistributionPoints), one(c.OCSPServer), one(c.IssuingCertificateURL)}
}

func branchOf(t *testing.T, a *Authority, name string, carry func(Locations) Locations) *Branch {
	t.Helper()
	b, err := a.Branch(name, carry)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func branchChain(t *testing.T, b *Branch) []*x509.Certificate {
	t.Helper()
	c, err := b.Chain(use1)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, c)
}

func TestCertificatesCarryTheAddressesOfTheirIssuer(t *testing.T) {
	authorities, err := authoritiesOf(openLab(t, stateCopy(t), at(testStart)))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range authorities {
		told := map[string]Issuer{}
		a.Publish = func(i Issuer) Locations {
			if _, again := told[i.Name]; again {
				t.Errorf("told twice of %s", i.Name)
			}
			told[i.Name] = i
			return numbered()(i)
		}
		h := string(a.shape.id)
		for _, tt := range []struct {
			profile Profile
			issuers []string // of the certificates that are sent
		}{
			{Healthy, []string{h, h + "-root"}},
			{SANMismatch, []string{h, h + "-root"}},
			{SelfSigned, []string{""}},
			{UntrustedRoot, []string{h + "-untrusted", h + "-untrusted-root"}},
			{MissingIntermediate, []string{h + "-missing-intermediate"}},
			{ExpiredIntermediate, []string{h + "-expired-intermediate", h + "-root"}},
			{ExpiredIntermediate, []string{h + "-expired-intermediate-2", h + "-root"}},
			{ExpiredIntermediate, []string{h + "-expired-intermediate-3", h + "-root"}},
			{PathLengthExceeded, []string{h + "-path-length-exceeded-lower", h + "-path-length-exceeded", h + "-root"}},
			{IntermediateNotCA, []string{h + "-intermediate-not-ca", h + "-root"}},
			{MD5Signature, []string{map[bool]string{true: h + "-md5-signature", false: h}[a.shape.id == GlobalG3], h + "-root"}},
			{SuperfluousRoot, []string{h, h + "-root", ""}},
		} {
			for i, c := range chainOf(t, a, tt.profile) {
				var want Locations
				if name := tt.issuers[i]; name != "" {
					issuer, known := told[name]
					if !known {
						t.Fatalf("%s, %s: not told of %s", h, tt.profile, name)
					}
					want = numbered()(issuer)
					if !bytes.Equal(c.RawIssuer, issuer.Certificate.RawSubject) || !bytes.Equal(c.AuthorityKeyId, issuer.Certificate.SubjectKeyId) {
						t.Errorf("%s, %s: certificate %d is not of %s", h, tt.profile, i, name)
					}
					if key, ok := issuer.Key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(issuer.Certificate.PublicKey) {
						t.Errorf("%s: told of another key", name)
					}
				}
				if got := locations(t, c); got != want {
					t.Errorf("%s, %s: certificate %d carries %+v, want %+v", h, tt.profile, i, got, want)
				}
			}
		}
	}
}

func TestNobodyPublishes(t *testing.T) {
	a := authorityUnder(t, openLab(t, stateCopy(t), at(testStart)), GlobalG3)
	for _, chain := range [][]*x509.Certificate{chainOf(t, a, Healthy), branchChain(t, branchOf(t, a, "good", nil))} {
		for _, c := range chain {
			if got := locations(t, c); got != (Locations{}) {
				t.Errorf("%s carries %+v", c.Subject, got)
			}
		}
	}
}

func TestBranch(t *testing.T) {
	dir := stateCopy(t)
	lab := openLab(t, dir, at(testStart))
	authorities, err := authoritiesOf(lab)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range authorities {
		t.Run(string(a.shape.id), func(t *testing.T) {
			a.Publish = numbered()
			b := branchOf(t, a, "revoked", nil)
			healthy, chain, again := chainOf(t, a, Healthy), branchChain(t, b), branchChain(t, b)
			if err := verify(chain, use1.DNS[1], testStart, a.Root()); err != nil {
				t.Error(err)
			}
			if want := []string{"sent", "leaf issuer"}; !slices.Equal(compared(t, healthy, chain), want) {
				t.Errorf("differs from a healthy chain in %q, want %q", compared(t, healthy, chain), want)
			}
			if got := differences(t, healthy[1], chain[1]); !slices.Equal(got, []string{"key", "subject"}) {
				t.Errorf("the intermediates differ in %q", got)
			}
			if i := b.Issuer(); !i.Certificate.Equal(chain[1]) || !chain[1].Equal(again[1]) || i.Name != string(a.shape.id)+"-revoked" {
				t.Errorf("issuer %s is not the one of the chain", i.Name)
			}
			if r := b.Root(); !r.Certificate.Equal(a.Root()) || r.Name != string(a.shape.id)+"-root" {
				t.Errorf("root %s", r.Name)
			}
			if chain[0].SerialNumber.Cmp(again[0].SerialNumber) == 0 {
				t.Error("two leaves have one serial number")
			}
		})
	}
}

// TestBranchesAreNewAndTheirKeyIsKept: in the run and in the next one.
func TestBranchesAreNewAndTheirKeyIsKept(t *testing.T) {
	dir := stateCopy(t)
	var names []string
	subjects, serials, keys := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for run := range 2 {
		a := authorityUnder(t, openLab(t, dir, at(testStart.Add(time.Duration(run)*time.Hour))), GlobalG3)
		for range 2 {
			i := branchOf(t, a, "stale", nil).Issuer()
			names = append(names, i.Name)
			subjects[i.Certificate.Subject.CommonName], serials[i.Certificate.SerialNumber.String()] = true, true
			keys[string(i.Certificate.SubjectKeyId)] = true
		}
	}
	if want := []string{"global-g3-stale", "global-g3-stale-2", "global-g3-stale", "global-g3-stale-2"}; !slices.Equal(names, want) {
		t.Errorf("issuers %v, want %v", names, want)
	}
	if len(subjects) != 4 || len(serials) != 4 || len(keys) != 1 {
		t.Errorf("%d subjects, %d serial numbers and %d keys, want 4, 4 and 1", len(subjects), len(serials), len(keys))
	}
	for subject := range subjects {
		if len(subject) > maxCommonName || !strings.HasPrefix(subject, "SIMULATED DigiCert Global G3 TLS ECC SHA384 2020 CA1 ") {
			t.Errorf("common name %q", subject)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "keys", "global-g3", "branch-stale.key")); err != nil {
		t.Error(err)
	}
}

func TestBranchCarries(t *testing.T) {
	a := authorityUnder(t, openLab(t, stateCopy(t), at(testStart)), GlobalG3)
	a.Publish = numbered()
	for name, carry := range map[string]func(Locations) Locations{
		"all":  nil,
		"none": func(Locations) Locations { return Locations{} },
		"ocsp": func(l Locations) Locations { return Locations{OCSP: l.OCSP} },
		"crl":  func(l Locations) Locations { l.OCSP = ""; return l },
	} {
		b := branchOf(t, a, name, carry)
		all := numbered()(b.Issuer())
		want := all
		if carry != nil {
			want = carry(all)
		}
		chain := branchChain(t, b)
		if got := locations(t, chain[0]); got != want {
			t.Errorf("%s: the leaf carries %+v, want %+v", name, got, want)
		}
		if got, want := locations(t, chain[1]), numbered()(b.Root()); got != want {
			t.Errorf("%s: the intermediate carries %+v, want %+v", name, got, want)
		}
	}
}

func TestBranchRefuses(t *testing.T) {
	a := authorityUnder(t, openLab(t, stateCopy(t), at(testStart)), GlobalG3)
	for _, name := range []string{"", "../x", "A", "a--b", "-a", "a_b", strings.Repeat("a", 65)} {
		_, err := a.Branch(name, nil)
		wantLine(t, err, "making the branch", "small letters")
	}
	_, err := branchOf(t, a, "good", nil).Chain(Names{CN: "*.example"})
	wantLine(t, err, "global-g3-good", "host name")
}

// TestIssuerNamesAreUnique, also where a branch has the name of another issuer,
// or of the next one.
func TestIssuerNamesAreUnique(t *testing.T) {
	a := authorityUnder(t, openLab(t, stateCopy(t), at(testStart)), GlobalG3)
	var mu sync.Mutex
	told := map[string]int{}
	a.Publish = func(i Issuer) Locations {
		mu.Lock()
		defer mu.Unlock()
		told[i.Name]++
		return Locations{}
	}
	var wg sync.WaitGroup
	for _, name := range []string{"root", "x-2", "x", "x", "x"} {
		wg.Go(func() {
			if _, err := a.Branch(name, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(told) != 7 || slices.Max(slices.Collect(maps.Values(told))) > 1 || told["global-g3-root-2"] != 1 {
		t.Errorf("told of %v", told)
	}
}
