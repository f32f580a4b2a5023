package certs

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// keptFiles are the kept keys of a state, by path from its root.
func keptFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := readTree(t, dir)
	maps.DeleteFunc(files, func(name, _ string) bool { return !strings.HasPrefix(name, "keys/") })
	return files
}

func TestRunsShareKeysAndNothingElse(t *testing.T) {
	dir := stateCopy(t)
	for _, s := range shapes {
		t.Run(string(s.id), func(t *testing.T) {
			a := authorityUnder(t, openLab(t, dir, at(testStart)), s.id)
			b := authorityUnder(t, openLab(t, dir, at(testStart.Add(time.Hour))), s.id)
			for _, p := range []Profile{Healthy, UntrustedRoot} {
				first, again, second := chainOf(t, a, p), chainOf(t, a, p), chainOf(t, b, p)
				if !first[1].Equal(again[1]) {
					t.Errorf("%s: two intermediates in one run", p)
				}
				if first[0].SerialNumber.Cmp(again[0].SerialNumber) == 0 {
					t.Errorf("%s: two leaves have one serial number", p)
				}
				for i := range first {
					if !bytes.Equal(first[i].RawSubjectPublicKeyInfo, second[i].RawSubjectPublicKeyInfo) {
						t.Errorf("%s: certificate %d has another key in the next run", p, i)
					}
					if first[i].SerialNumber.Cmp(second[i].SerialNumber) == 0 || !second[i].NotBefore.Equal(first[i].NotBefore.Add(time.Hour)) {
						t.Errorf("%s: certificate %d is the one of an earlier run", p, i)
					}
				}
			}
			if !a.Root().Equal(b.Root()) {
				t.Error("two runs have two roots")
			}
		})
	}
}

func TestKeysAreMadeWhenFirstNeeded(t *testing.T) {
	dir := stateCopy(t)
	if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	a := authorityUnder(t, openLab(t, dir, at(testStart)), GlobalG3)
	steps := []struct {
		profile Profile
		want    []string
	}{
		{"", nil},
		{Healthy, []string{"intermediate", "leaf"}},
		{SANMismatch, []string{"intermediate", "leaf"}},
		{UntrustedRoot, []string{"intermediate", "leaf", "untrusted-intermediate", "untrusted-root"}},
	}
	for _, step := range steps {
		if step.profile != "" {
			chainOf(t, a, step.profile)
		}
		var want []string
		for _, name := range step.want {
			want = append(want, "keys/global-g3/"+name+".key")
		}
		got := slices.Sorted(maps.Keys(keptFiles(t, dir)))
		if !slices.Equal(got, want) {
			t.Errorf("after %q: kept %v, want %v", step.profile, got, want)
		}
	}
	for name, want := range map[string]os.FileMode{"keys": 0o700, "keys/global-g3": 0o700, "keys/global-g3/leaf.key": 0o600, "keys/global-g3/untrusted-root.key": 0o600} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm()&^want != 0 {
			t.Errorf("%s: %v, %v, want at most %o", name, st.Mode(), err, want)
		}
	}
}

// TestUntrustedKeysAreNeverTrusted: not of themselves, and not when somebody
// copies a trusted key over one of them.
func TestUntrustedKeysAreNeverTrusted(t *testing.T) {
	const root, intermediate = "untrusted-root.key", "untrusted-intermediate.key"
	tests := []struct{ name, from, to string }{ // from: below the state, %s the hierarchy
		{"as made", "", ""},
		{"root has the key of the trusted root", "roots/%s.key", root},
		{"root has the key of another trusted root", "roots/high-assurance-ev.key", root},
		{"root has the key of the device CA", "device-ca/root.key", root},
		{"intermediate has the key of the trusted intermediate", "keys/%s/intermediate.key", intermediate},
		{"intermediate has the key of the trusted root", "roots/%s.key", intermediate},
	}
	for _, s := range shapes {
		for _, tt := range tests {
			t.Run(string(s.id)+"/"+tt.name, func(t *testing.T) {
				dir := stateCopy(t)
				if tt.from != "" {
					from := tt.from
					if strings.Contains(from, "%s") {
						from = fmt.Sprintf(from, s.id)
					}
					key, err := os.ReadFile(filepath.Join(dir, from))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, "keys", string(s.id), tt.to), key, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				lab := openLab(t, dir, at(testStart))
				a := authorityUnder(t, lab, s.id)
				other, err := a.impostor()
				if err != nil {
					t.Fatal(err)
				}
				trusted := append(lab.CloudRoots(), lab.OrganisationRoot(), lab.DeviceRoot(), lab.device.intermediate.cert, chainOf(t, a, Healthy)[1])
				for _, c := range []*x509.Certificate{other.parent.cert, other.cert} {
					for _, of := range trusted {
						if bytes.Equal(c.RawSubjectPublicKeyInfo, of.RawSubjectPublicKeyInfo) {
							t.Errorf("%s has the key of %s", c.Subject.CommonName, of.Subject.CommonName)
						}
					}
				}
				if err := verify(chainOf(t, a, UntrustedRoot), use1.DNS[1], testStart, append(lab.CloudRoots(), lab.OrganisationRoot())...); err == nil {
					t.Error("the trusted roots vouch for it")
				}
			})
		}
	}
}

// TestTroubleWithKeptKeys: it costs time, never the run.
func TestTroubleWithKeptKeys(t *testing.T) {
	const leaf = "keys/global-g3/leaf.key"
	tests := []struct {
		name  string
		spoil func(path string) error
		kept  bool // whether the new key is kept in place of the spoilt one
	}{
		{"empty", func(p string) error { return os.Truncate(p, 0) }, true},
		{"cut short", func(p string) error { return os.Truncate(p, 100) }, true},
		{"of another kind", func(p string) error {
			data, err := os.ReadFile(filepath.Join(filepath.Dir(p), "intermediate.key"))
			if err != nil {
				return err
			}
			return os.WriteFile(p, data, 0o600)
		}, true},
		{"a symbolic link to nowhere", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Symlink("nowhere", p)
		}, true},
		{"a directory that is not empty", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(p, "x"), 0o700)
		}, false},
		{"keys is a file", func(p string) error {
			keys := filepath.Dir(filepath.Dir(p))
			if err := os.RemoveAll(keys); err != nil {
				return err
			}
			return os.WriteFile(keys, nil, 0o600)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := stateCopy(t)
			path := filepath.Join(dir, leaf)
			if err := tt.spoil(path); err != nil {
				t.Fatal(err)
			}
			lab := openLab(t, dir, at(testStart))
			chain := chainOf(t, authorityUnder(t, lab, GlobalG3), Healthy)
			if err := verify(chain, use1.CN, testStart, lab.CloudRoots()...); err != nil {
				t.Error(err)
			}
			key := readKept(path, rsa2048)
			if (key != nil) != tt.kept {
				t.Fatalf("kept: %v, want %v", key != nil, tt.kept)
			}
			if tt.kept && !belongsTo(key, chain[:1]) {
				t.Error("the key that is kept is not the one of the chain")
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	t.Run("read-only state", func(t *testing.T) {
		dir := stateCopy(t)
		if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
			t.Fatal(err)
		}
		makeReadable(t, dir)
		unprivileged(t, func() {
			lab, err := Open(dir, at(testStart))
			if err != nil {
				t.Error(err)
				return
			}
			a, err := lab.NewAuthority(HighAssuranceEV)
			if err == nil {
				_, err = a.Chain(Healthy, use1)
			}
			if err != nil {
				t.Error(err)
			}
		})
		if files := keptFiles(t, dir); len(files) != 0 {
			t.Errorf("kept: %d", len(files))
		}
	})
}
