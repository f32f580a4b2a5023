package storm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// SchemaVersion is the version of an encoded Report. It rises when a reader of
// the old form would misread the new one.
const SchemaVersion = 2

// kind tells a file of ours from others.
const kind = "byocheck-storm"

// Report is what a storm, or a search for a rate, leaves behind.
type Report struct {
	SchemaVersion int    `json:"schema_version"`
	Kind          string `json:"kind"`
	// Version is that of the program.
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Target is the device as the trunk names it, Connect where it was reached.
	Target  string `json:"target"`
	Connect string `json:"connect"`
	// Offered are the cipher suites in our ClientHello.
	Offered []string `json:"offered"`
	// HeldRate and MissedRate are those that a search found, 0 for none.
	HeldRate   float64  `json:"held_rate,omitempty"`
	MissedRate float64  `json:"missed_rate,omitempty"`
	Verdict    Verdict  `json:"verdict"`
	Says       string   `json:"says"`
	ExitCode   int      `json:"exit_code"`
	Storms     []Result `json:"storms"`
	// Notice is what every reader has to know.
	Notice string `json:"notice"`
}

// MarshalJSON writes times in milliseconds and what never comes as null.
func (s Spread) MarshalJSON() ([]byte, error) {
	at := func(d time.Duration) *float64 {
		if d == Never {
			return nil
		}
		ms := float64(d.Microseconds()) / 1000
		return &ms
	}
	return json.Marshal(struct {
		Min  *float64 `json:"min"`
		P50  *float64 `json:"p50"`
		P90  *float64 `json:"p90"`
		P95  *float64 `json:"p95"`
		P99  *float64 `json:"p99"`
		P999 *float64 `json:"p99_9"`
		Max  *float64 `json:"max"`
	}{at(s.Min), at(s.P50), at(s.P90), at(s.P95), at(s.P99), at(s.P999), at(s.Max)})
}

// MarshalJSON writes times in milliseconds, and what follows from the counts too.
func (r Result) MarshalJSON() ([]byte, error) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	counts := func(list []Count) []Count { return append([]Count{}, list...) } // [] and not null
	return json.Marshal(struct {
		Rate           float64 `json:"rate"`
		Lasting        float64 `json:"lasting_ms"`
		Took           float64 `json:"took_ms"`
		Interrupted    bool    `json:"interrupted"`
		Held           bool    `json:"held"`
		Busy           string  `json:"busy,omitempty"`
		Due            int     `json:"due"`
		Done           int     `json:"done"`
		Failed         int     `json:"failed"`
		NotBegun       int     `json:"not_begun"`
		Ended          int     `json:"ended"`
		Within         int     `json:"within_limit"`
		Limit          float64 `json:"limit_ms"`
		Failures       []Count `json:"failures"`
		Suites         []Count `json:"suites"`
		Latency        Spread  `json:"latency_ms"`
		Connect        Spread  `json:"connect_ms"`
		Handshake      Spread  `json:"handshake_ms"`
		Late           Spread  `json:"late_ms"`
		MostInFlight   int     `json:"most_in_flight"`
		InFlight       int     `json:"in_flight"`
		Processor      float64 `json:"processor_ms"`
		Processors     int     `json:"processors"`
		ProcessorShare float64 `json:"processor_share"`
	}{r.Rate, ms(r.Lasting), ms(r.Took), r.Interrupted, r.Held(), r.Busy(), r.Due, r.Done, r.Failed, r.NotBegun, r.Ended, r.Within, ms(r.Limit),
		counts(r.Failures), counts(r.Suites), r.Latency, r.Connect, r.Handshake, r.Late, r.MostInFlight, r.InFlight,
		ms(r.Processor), r.Processors, r.ProcessorShare()})
}

// File is where a report is written.
type File string

// Check finds out, before there is anything to write, whether the file can be
// written and is none of somebody else's.
func (f File) Check() error {
	old, err := os.ReadFile(string(f))
	if err == nil {
		var head struct {
			Kind string `json:"kind"`
		}
		if json.Unmarshal(old, &head) != nil || head.Kind != kind {
			return fmt.Errorf("writing the report to %s: it is there and no report of a storm; name another file", string(f))
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return f.wrong(err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(string(f)), ".storm-*")
	if err != nil {
		return f.wrong(err)
	}
	tmp.Close()
	return os.Remove(tmp.Name())
}

// Write writes the report, at once or not at all.
func (f File) Write(r Report) error {
	r.SchemaVersion, r.Kind = SchemaVersion, kind
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the report of a storm: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(string(f)), ".storm-*")
	if err != nil {
		return f.wrong(err)
	}
	defer os.Remove(tmp.Name()) // where it was not renamed
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return f.wrong(err)
	}
	if err := os.Rename(tmp.Name(), string(f)); err != nil {
		return f.wrong(err)
	}
	return nil
}

// wrong does not repeat the path.
func (f File) wrong(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("writing the report to %s: %w; name a file in a folder that is there", string(f), err)
}
