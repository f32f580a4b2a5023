// Package report is what a run leaves behind: report.json for machines, a
// summary for the person who reads the terminal, and the exit code.
package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// SchemaVersion is the version of report.json. It rises when a reader of the
// old form would misread the new one.
const SchemaVersion = 1

// Report is the result of a run.
type Report struct {
	SchemaVersion int         `json:"schema_version"`
	Suite         Suite       `json:"suite"`
	Profile       Profile     `json:"profile"`
	Device        Device      `json:"device"`
	Environment   Environment `json:"environment"`
	Started       time.Time   `json:"started"`
	Ended         time.Time   `json:"ended"`
	// Verdict is passed, failed, incomplete, error or stale, as the exit code says.
	Verdict  string         `json:"verdict"`
	ExitCode int            `json:"exit_code"`
	Counts   map[string]int `json:"counts"`
	Checks   []Check        `json:"checks"`
	// Notice is what every reader of the report has to know.
	Notice string `json:"notice"`
}

// Notice is the sentence that every report carries.
const Notice = "byocheck simulates Genesys Cloud; it is not certified, endorsed or supported by Genesys."

// Suite says which program made the report.
type Suite struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// Profile says what was simulated.
type Profile struct {
	// System is the cloud or an Edge.
	System  judge.System `json:"system"`
	Edition string       `json:"edition"`
	// Region is empty for an Edge; Edge is its host name, MediaSecurity that of
	// the trunk to it.
	Region        string `json:"region"`
	Edge          string `json:"edge,omitempty"`
	MediaSecurity string `json:"media_security,omitempty"`
	// Selection is the label filter; empty for all scenarios.
	Selection string `json:"selection,omitempty"`
}

// Device says what was tested, as the configuration describes it.
type Device struct {
	Target   string            `json:"target"`
	Connect  string            `json:"connect"`
	Vendor   string            `json:"vendor,omitempty"`
	Model    string            `json:"model,omitempty"`
	Firmware string            `json:"firmware,omitempty"`
	Declared map[string]string `json:"declared,omitempty"`
}

// Environment says where and how it was tested.
type Environment struct {
	Listen  []string `json:"listen"`
	DNS     string   `json:"dns,omitempty"`
	Carrier string   `json:"carrier,omitempty"`
	// Trigger lists the rungs on the ladder, the preferred one first.
	Trigger []string `json:"trigger,omitempty"`
	// JitterMaxMS is the greatest lateness of our own that a scenario measured.
	JitterMaxMS float64 `json:"jitter_max_ms"`
}

// Check is one scenario and its verdict.
type Check struct {
	ID      string       `json:"id"`
	Title   string       `json:"title"`
	Level   ledger.Level `json:"level"`
	Clauses []Clause     `json:"clauses"`
	judge.Verdict
	// Known is the reason why a failure is known and does not count.
	Known string `json:"known,omitempty"`
	// Stale: listed as a known failure, but no longer failing.
	Stale bool `json:"stale,omitempty"`
	// Recording holds the case; byocheck judge reads it again.
	Recording *File `json:"recording,omitempty"`
	// Confirmed says which independent peers were seen to get which verdict.
	Confirmed string `json:"confirmed,omitempty"`
	// Rerun is the command that runs just this scenario again.
	Rerun   string    `json:"rerun"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
}

// Clause is a clause of the ledger, as the reader of a report needs it.
type Clause struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Text   string `json:"text"`
}

// Clauses looks up the clauses of a scenario.
func Clauses(ids []string) []Clause {
	var out []Clause
	for _, id := range ids {
		c := ledger.Must(id)
		out = append(out, Clause{c.ID, c.Source(), c.Text})
	}
	return out
}

// File is a file beside the report.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// files are those of a report, beside the recordings.
var files = []string{"report.json", "junit.xml"}

// Folder is where a report and its recordings are written.
type Folder string

// Open makes the folder. One that holds anything but what an earlier run wrote
// is refused, so that nothing else is overwritten.
func Open(dir string) (Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("opening the output folder: %w; name another one with --out", err)
	}
	for _, e := range entries {
		if e.Name() != "cases" && !slices.Contains(files, strings.TrimSuffix(e.Name(), ".new")) {
			return "", fmt.Errorf("opening the output folder %s: it holds %s, which is no part of an earlier report; empty it or name another one with --out", dir, e.Name())
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "cases"), 0o755); err != nil {
		return "", fmt.Errorf("making the output folder: %w; name another one with --out", err)
	}
	return Folder(dir), nil
}

// Begin takes away the report of an earlier run: whatever happens to this one,
// nobody shall take the old report for its result.
func (f Folder) Begin() error {
	for _, name := range files {
		err := os.Remove(filepath.Join(string(f), name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the earlier report: %w", err)
		}
	}
	return nil
}

// Record writes the recording of a scenario.
func (f Folder) Record(id string, encoded []byte) (*File, error) {
	path := filepath.Join("cases", id+".jsonl")
	if err := write(filepath.Join(string(f), path), encoded); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(encoded)
	return &File{path, hex.EncodeToString(sum[:])}, nil
}

// Write writes report.json.
func (f Folder) Write(r Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	return write(filepath.Join(string(f), "report.json"), append(b, '\n'))
}

// write writes a file whole or not at all.
func write(path string, b []byte) error {
	tmp := path + ".new"
	err := os.WriteFile(tmp, b, 0o644)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
