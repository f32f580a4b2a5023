package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// testStart is when every state directory of these tests is made.
var testStart = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) Options { return Options{Now: func() time.Time { return t }} }

// template is made once, with all keys that runs keep, because making keys is
// slow; tests work on copies. The hierarchies have the same RSA keys, where a
// run would make each its own.
var template = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(templateDir, "state")
	lab, err := Open(dir, at(testStart))
	if err != nil {
		return "", err
	}
	authorities, err := authoritiesOf(lab)
	if err != nil {
		return "", err
	}
	for i, a := range authorities {
		for _, row := range profiles {
			if row.Profile == MissingIntermediate || row.Profile == RotatedIntermediate || row.Profile == RotatedLeaf {
				continue // nothing of them is kept
			}
			for _, make := range []func(Profile, Names) (tls.Certificate, error){a.Chain, a.Twin} {
				if _, err := make(row.Profile, use1); err != nil {
					return "", err
				}
			}
		}
		if i == 0 {
			for _, other := range []Hierarchy{GlobalG2, Organisation, deviceShape.id} {
				if err := os.CopyFS(filepath.Join(dir, "keys", string(other)), os.DirFS(filepath.Join(dir, "keys", string(a.shape.id)))); err != nil {
					return "", err
				}
			}
		}
	}
	return dir, nil
})

// authoritiesOf gives one authority for each hierarchy of a lab, the device CA's last.
func authoritiesOf(lab *Lab) ([]*Authority, error) {
	var all []*Authority
	for _, s := range shapes {
		a, err := lab.NewAuthority(s.id)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	device, err := lab.DeviceAuthority()
	return append(all, device), err
}

var templateDir string

func TestMain(m *testing.M) {
	var err error
	if templateDir, err = os.MkdirTemp("", "certs-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(templateDir)
	os.Exit(code)
}

// stateCopy is a state directory of the test's own.
func stateCopy(t *testing.T) string {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func openLab(t *testing.T, dir string, opt Options) *Lab {
	t.Helper()
	lab, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return lab
}

// wantLine checks for one line that contains all parts.
func wantLine(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			files[rel] = string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOpenMakesTheLayout(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "made", "on", "the", "way", "state")
	openLab(t, dir, at(testStart))

	modes := map[string]fs.FileMode{
		".": 0o700, "devices": 0o700, ".gitignore": 0o600, "state.json": 0o600,
		"roots/high-assurance-ev.key": 0o600, "roots/high-assurance-ev.crt": 0o644,
		"roots/global-g2.key": 0o600, "roots/global-g2.crt": 0o644,
		"roots/global-g3.key": 0o600, "roots/global-g3.crt": 0o644,
		"roots/organisation.key": 0o600, "roots/organisation.crt": 0o644,
		"device-ca/root.key": 0o600, "device-ca/root.crt": 0o644,
		"device-ca/intermediate.key": 0o600, "device-ca/intermediate.crt": 0o644,
	}
	for name, want := range modes {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if st.Mode().Perm()&^want != 0 { // a umask may take more away
			t.Errorf("%s has mode %o, want at most %o", name, st.Mode().Perm(), want)
		}
	}
	files := readTree(t, dir)
	if len(files) != len(modes)-2 {
		t.Errorf("files: %v", slices.Collect(func(yield func(string) bool) {
			for name := range files {
				if !yield(name) {
					return
				}
			}
		}))
	}
	if files[".gitignore"] != "*\n" {
		t.Errorf(".gitignore: %q", files[".gitignore"])
	}
	var info stateInfo
	if err := json.Unmarshal([]byte(files["state.json"]), &info); err != nil || info.Schema != schema || !info.Created.Equal(testStart) {
		t.Errorf("state.json: %+v, %v", info, err)
	}
	beside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(beside) != 1 {
		t.Errorf("left beside the state: %v, %v", beside, err)
	}
}

func TestOpenAgainChangesNothing(t *testing.T) {
	dir := stateCopy(t)
	before := readTree(t, dir)
	lab := openLab(t, dir, at(testStart.Add(9*year)))
	after := readTree(t, dir)
	if len(before) != len(after) {
		t.Fatalf("%d files became %d", len(before), len(after))
	}
	for name, data := range before {
		if after[name] != data {
			t.Errorf("%s changed", name)
		}
	}
	for _, root := range append(lab.CloudRoots(), lab.OrganisationRoot(), lab.DeviceRoot()) {
		if want := testStart.Add(rootLife); !root.NotAfter.Equal(want) {
			t.Errorf("%s ends %v, want %v", root.Subject.CommonName, root.NotAfter, want)
		}
	}
}

func TestOpenTwiceAtOnceMakesOne(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "state")
	labs := make([]*Lab, 4)
	var wg sync.WaitGroup
	for i := range labs {
		wg.Go(func() {
			lab, err := Open(dir, at(testStart))
			if err != nil {
				t.Error(err)
			}
			labs[i] = lab
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, lab := range labs[1:] {
		if !slices.EqualFunc(lab.CloudRoots(), labs[0].CloudRoots(), (*x509.Certificate).Equal) || !lab.DeviceRoot().Equal(labs[0].DeviceRoot()) {
			t.Error("two states were made")
		}
	}
	if beside, _ := os.ReadDir(parent); len(beside) != 1 {
		t.Errorf("left beside the state: %v", beside)
	}
}

func TestOpenCompletesWhatAKillLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	half := dir + ".byocheck-partial"
	if err := os.MkdirAll(filepath.Join(half, "roots"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{filepath.Join(half, "roots", "high-assurance-ev.key"), dir + ".byocheck-lock"} {
		if err := os.WriteFile(left, []byte("-----BEGIN PRIV"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openLab(t, dir, at(testStart))
	if beside, _ := os.ReadDir(filepath.Dir(dir)); len(beside) != 1 {
		t.Errorf("left beside the state: %v", beside)
	}
}

func TestOpenReportsDamage(t *testing.T) {
	evKey, evCrt := "roots/high-assurance-ev.key", "roots/high-assurance-ev.crt"
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	move := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			data, err := os.ReadFile(filepath.Join(dir, from))
			if err != nil {
				t.Fatal(err)
			}
			write(to, string(data))(t, dir)
		}
	}
	tests := []struct {
		name   string
		damage func(*testing.T, string)
		when   time.Time
		want   []string
	}{
		{"no state.json", remove("state.json"), testStart, []string{"state.json", "not a complete lab state", "name an empty"}},
		{"state.json is not JSON", write("state.json", "{"), testStart, []string{"state.json", "damaged", "restore"}},
		{"newer layout", write("state.json", `{"schema":99}`), testStart, []string{"state.json", "layout 99", "another state directory"}},
		{"layout without number", write("state.json", `{}`), testStart, []string{"state.json", "layout 0, and this program knows layouts 1 to 3"}},
		{"root of the newer layout missing", remove("roots/global-g3.crt"), testStart, []string{"roots/global-g3.crt", "not a complete lab state", "restore"}},
		{"EC key cut short", write("roots/global-g3.key", "-----BEGIN PRIVATE KEY-----\nMIG2"), testStart, []string{"roots/global-g3.key", "damaged"}},
		{"key missing", remove(evKey), testStart, []string{evKey, "not a complete lab state", "restore"}},
		{"key empty", write(evKey, ""), testStart, []string{evKey, "damaged", "not PEM", "restore"}},
		{"key cut short", write(evKey, "-----BEGIN PRIVATE KEY-----\nMIIE"), testStart, []string{evKey, "damaged", "restore"}},
		{"key not DER", write(evKey, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), testStart, []string{evKey, "damaged"}},
		{"key endless", write(evKey, strings.Repeat("A", maxFile+1)), testStart, []string{evKey, "damaged", "above 16384 octets"}},
		{"key of another certificate", move("device-ca/root.key", evKey), testStart, []string{evKey, "not the key of"}},
		{"certificate in place of key", move(evCrt, evKey), testStart, []string{evKey, `"CERTIFICATE", not a PRIVATE KEY`}},
		{"certificate not PEM", write(evCrt, "hello"), testStart, []string{evCrt, "not PEM"}},
		{"intermediate of another CA", func(t *testing.T, dir string) {
			move(evCrt, "device-ca/root.crt")(t, dir)
			move(evKey, "device-ca/root.key")(t, dir)
		}, testStart, []string{"device-ca/intermediate.crt", "damaged"}},
		{"clock before the roots", func(*testing.T, string) {}, testStart.Add(-year), []string{evCrt, "2046-", "set the clock"}},
		{"roots expired", func(*testing.T, string) {}, testStart.Add(21 * year), []string{evCrt, "2046-", "move the directory away"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := stateCopy(t)
			tt.damage(t, dir)
			_, err := Open(dir, at(tt.when))
			wantLine(t, err, append(tt.want, dir)...)
		})
	}
}

func TestOpenRefusesOtherPlaces(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, at(testStart))
		wantLine(t, err, path, "name a directory")
	})
	t.Run("somebody's directory", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, at(testStart))
		wantLine(t, err, dir, "not a complete lab state", "name an empty or new directory")
		if files := readTree(t, dir); len(files) != 1 {
			t.Errorf("files were added: %d", len(files))
		}
	})
	for _, path := range []string{"/proc/nope", "/proc/nope/state"} { // not even for root
		t.Run(path, func(t *testing.T) {
			_, err := Open(path, at(testStart))
			wantLine(t, err, path, "the state folder cannot be made there", "choose another with --state")
		})
	}
}

// unprivileged runs f without the rights of root on files, in a thread of its
// own that ends with it.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			done <- err
			return
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestPermissions(t *testing.T) {
	t.Run("a new state where nothing may be written", func(t *testing.T) {
		parent := t.TempDir()
		for _, dir := range []string{filepath.Dir(parent), parent} {
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
		}
		defer os.Chmod(filepath.Dir(parent), 0o755)
		defer os.Chmod(parent, 0o755)
		unprivileged(t, func() {
			_, err := Open(filepath.Join(parent, "state"), at(testStart))
			wantError(t, err, "permission denied", "run as the owner", "name another state directory")
		})
	})
	t.Run("an unreadable key", func(t *testing.T) {
		dir := stateCopy(t)
		key := filepath.Join(dir, "roots", "high-assurance-ev.key")
		for path, mode := range map[string]fs.FileMode{filepath.Dir(filepath.Dir(dir)): 0o755, filepath.Dir(dir): 0o755, dir: 0o755, filepath.Dir(key): 0o755, key: 0} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		unprivileged(t, func() {
			_, err := Open(dir, at(testStart))
			wantError(t, err, key, "permission denied", "run as the owner")
		})
	})
	t.Run("a read-only state opens and cannot issue", func(t *testing.T) {
		dir := stateCopy(t)
		makeReadable(t, dir)
		unprivileged(t, func() {
			lab, err := Open(dir, at(testStart))
			if err != nil {
				t.Error(err)
				return
			}
			_, err = lab.IssueDevice("sbc.customer.test", DeviceOptions{})
			wantError(t, err, "sbc.customer.test", "permission denied", "run as the owner")
		})
	})
}

// wantError is wantLine for another goroutine, which may not stop the test.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		err = errors.New("no error")
	}
	wantLine(t, err, parts...)
}

// makeReadable lets everybody read a tree and nobody write it until the test ends.
func makeReadable(t *testing.T, dir string) {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, path)
			return os.Chmod(path, 0o555)
		}
		return os.Chmod(path, 0o444)
	})
	err = errors.Join(err, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, d := range dirs {
			os.Chmod(d, 0o755)
		}
	})
}

func FuzzParsePEM(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "state") // not the template: each worker would make it
	if _, err := Open(dir, at(testStart)); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"roots/global-g3.key", "roots/global-g3.crt", "roots/high-assurance-ev.key", "roots/high-assurance-ev.crt", "device-ca/intermediate.crt", ".gitignore"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
		f.Add(append(data, data...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFile {
			return // readSmall stops there
		}
		certs, err := parseCertificates(data)
		if err == nil {
			var ders [][]byte
			for _, c := range certs {
				ders = append(ders, c.Raw)
			}
			again, err := parseCertificates(encodeCertificates(ders...))
			if err != nil || !slices.EqualFunc(certs, again, (*x509.Certificate).Equal) {
				t.Errorf("not the same after writing: %v", err)
			}
		}
		if key, err := parseKey(data); err == nil {
			if text, err := encodeKey(key); err != nil {
				t.Errorf("cannot be written: %v", err)
			} else if _, err := parseKey(text); err != nil {
				t.Errorf("not the same after writing: %v", err)
			}
		}
	})
}
