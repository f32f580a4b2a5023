package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lacking are the files that the older layouts did not have, by layout.
var lacking = map[int][]string{
	1: {"roots/global-g2.crt", "roots/global-g2.key", "roots/global-g3.crt", "roots/global-g3.key", "roots/organisation.crt", "roots/organisation.key"},
	2: {"roots/organisation.crt", "roots/organisation.key"},
}

// olderState is a state directory as an older layout had it.
func olderState(t *testing.T, layout int) string {
	t.Helper()
	dir := stateCopy(t)
	for _, name := range append([]string{stateFile}, lacking[layout]...) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if err := writeInfo(dir, stateInfo{Schema: layout, Created: testStart}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wantUpgraded holds a state to what an upgrade of a layout makes of before, and
// returns its roots.
func wantUpgraded(t *testing.T, layout int, dir string, before map[string]string, when time.Time) []*x509.Certificate {
	t.Helper()
	lab := openLab(t, dir, at(when))
	after := readTree(t, dir)
	for name, data := range before {
		if name != stateFile && after[name] != data {
			t.Errorf("%s changed", name)
		}
		delete(after, name)
	}
	want := append([]string{".lock"}, lacking[layout]...)
	if added := slices.Sorted(maps.Keys(after)); !slices.Equal(added, want) {
		t.Errorf("added %v, want %v", added, want)
	}
	if entries, err := filepath.Glob(filepath.Join(dir, ".upgrade*")); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	var info stateInfo
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &info); err != nil || info.Schema != schema || !info.Created.Equal(testStart) {
		t.Errorf("state.json: %+v, %v", info, err)
	}
	for _, name := range append([]string{stateFile}, lacking[layout]...) {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil || strings.HasSuffix(name, ".crt") {
			continue // that it is there was seen above
		}
		if st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, st.Mode())
		}
	}
	return rootsOf(lab)
}

func rootsOf(lab *Lab) []*x509.Certificate { return append(lab.CloudRoots(), lab.OrganisationRoot()) }

func TestOpenAddsRootsToAnOlderState(t *testing.T) {
	old := testStart.Add(rootLife)
	when := testStart.Add(2 * year)
	added := when.Add(rootLife)
	for layout, ends := range map[int][]time.Time{1: {old, added, added, added}, 2: {old, old, old, added}} {
		t.Run(fmt.Sprintf("layout %d", layout), func(t *testing.T) {
			dir := olderState(t, layout)
			roots := wantUpgraded(t, layout, dir, readTree(t, dir), when)
			for i, end := range ends {
				if !roots[i].NotAfter.Equal(end) {
					t.Errorf("%s ends %v, want %v", roots[i].Subject.CommonName, roots[i].NotAfter, end)
				}
			}
			again := rootsOf(openLab(t, dir, at(when)))
			if !slices.EqualFunc(roots, again, (*x509.Certificate).Equal) {
				t.Error("opening again changed the roots")
			}
		})
	}
}

func TestOpenOlderStateAtOnceAddsOneSet(t *testing.T) {
	dir := olderState(t, 1)
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
		if !slices.EqualFunc(rootsOf(lab), rootsOf(labs[0]), (*x509.Certificate).Equal) {
			t.Error("two sets of roots were added")
		}
	}
}

// TestOpenCompletesAKilledUpgrade begins at every point where a kill leaves
// something behind.
func TestOpenCompletesAKilledUpgrade(t *testing.T) {
	moves := lacking[1]
	gathered := func(t *testing.T, dir string) {
		lab := &Lab{dir: dir, now: at(testStart).Now, rand: zeros{}}
		if err := lab.gather(filepath.Join(dir, ".upgrade"), shapes[1:], stateInfo{Schema: 1, Created: testStart}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("while gathering", func(t *testing.T) {
		dir := olderState(t, 1)
		before := readTree(t, dir)
		half := filepath.Join(dir, ".upgrade-partial", "roots")
		if err := os.MkdirAll(half, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(half, "global-g2.key"), []byte("-----BEGIN"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantUpgraded(t, 1, dir, before, testStart)
	})
	for moved := range len(moves) + 1 {
		t.Run("after moving "+strings.Join(moves[:moved], " and "), func(t *testing.T) {
			dir := olderState(t, 1)
			before := readTree(t, dir)
			gathered(t, dir)
			made := readTree(t, filepath.Join(dir, ".upgrade"))
			for _, name := range moves[:moved] {
				if err := os.Rename(filepath.Join(dir, ".upgrade", name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			wantUpgraded(t, 1, dir, before, testStart.Add(time.Hour))
			for _, name := range moves {
				if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != made[name] {
					t.Errorf("%s was made anew: %v", name, err)
				}
			}
		})
	}
	t.Run("by a program of layout 2", func(t *testing.T) {
		dir := olderState(t, 1)
		before := readTree(t, dir)
		lab := &Lab{dir: dir, now: at(testStart).Now, rand: zeros{}}
		gathered := filepath.Join(dir, ".upgrade")
		if err := lab.gather(gathered, shapes[1:3], stateInfo{Schema: 1, Created: testStart}); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(gathered, stateFile)); err != nil {
			t.Fatal(err)
		}
		if err := writeInfo(gathered, stateInfo{Schema: 2, Created: testStart}); err != nil {
			t.Fatal(err)
		}
		wantUpgraded(t, 1, dir, before, testStart)
	})
	t.Run("after the last move", func(t *testing.T) {
		dir := olderState(t, 1)
		gathered(t, dir)
		for _, name := range append(slices.Clone(moves), stateFile) {
			if err := os.Rename(filepath.Join(dir, ".upgrade", name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		openLab(t, dir, at(testStart))
	})
}

// zeros is a source of serial numbers that are all alike.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte{0}, len(b))), nil }

func TestOpenCannotUpgrade(t *testing.T) {
	t.Run("a file in the way", func(t *testing.T) {
		dir := olderState(t, 1)
		mine := filepath.Join(dir, "roots", "global-g3.crt")
		if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, at(testStart))
		wantLine(t, err, "layout 1", mine, "in the way", "move it elsewhere")
		if text, err := os.ReadFile(mine); err != nil || string(text) != "mine" {
			t.Errorf("it was touched: %q, %v", text, err)
		}
		if err := os.Remove(mine); err != nil { // as told
			t.Fatal(err)
		}
		openLab(t, dir, at(testStart))
	})
	for _, tt := range []struct {
		name string
		lock bool // left by an earlier program
	}{{"read-only", false}, {"read-only with a lock", true}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := olderState(t, 1)
			if tt.lock {
				if err := os.WriteFile(filepath.Join(dir, ".lock"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := readTree(t, dir)
			makeReadable(t, dir)
			unprivileged(t, func() {
				_, err := Open(dir, at(testStart))
				wantError(t, err, dir, "adding the roots that layout 1 of the state did not have", "permission denied",
					"run as the owner", "name another state directory")
			})
			if after := readTree(t, dir); !maps.Equal(before, after) {
				t.Error("files changed")
			}
		})
	}
	t.Run("gathered files damaged", func(t *testing.T) {
		dir := olderState(t, 1)
		if err := os.Mkdir(filepath.Join(dir, ".upgrade"), fs.ModePerm); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, at(testStart))
		wantLine(t, err, ".upgrade", "no such file", "remove")
	})
}
