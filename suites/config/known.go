package config

import (
	"fmt"
	"slices"
	"strings"
)

// Verdicts are the words a verdict may be.
var Verdicts = []string{"pass", "fail", "warn", "not-applicable", "inconclusive", "error"}

// KnownFailure is a verdict that is expected of this device. The scenario runs
// anyway; a different verdict makes the entry stale.
type KnownFailure struct {
	// ID of the scenario; whether there is one is for the caller to check.
	ID string
	// Verdict that is expected, one of [Verdicts].
	Verdict string
	// Reason why it is accepted, for people.
	Reason string
	// Origin is the place of the entry's id.
	Origin Origin
}

// LoadKnownFailures reads a YAML list of {id, verdict, reason}. All three are
// required and an id may stand there once. An empty file is an empty list; a
// missing one is an error. Errors about the content are of type [*Error].
func LoadKnownFailures(path string) ([]KnownFailure, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("reading known failures %s: %w; check the path under known-failures", path, err)
	}
	return decodeKnown(path, data)
}

func decodeKnown(file string, data []byte) ([]KnownFailure, error) {
	d, err := parseDocument(file, data)
	if err != nil || d.root == nil {
		return nil, err
	}
	items, err := d.items("", d.root)
	if err != nil {
		return nil, err
	}
	first := make(map[string]int, len(items))
	all := make([]KnownFailure, 0, len(items))
	for _, item := range items {
		entries, err := d.entries("", item, []string{"id", "verdict", "reason"})
		if err != nil {
			return nil, err
		}
		var k KnownFailure
		for _, e := range entries {
			text, err := d.text(e.key, e.value)
			if err != nil {
				return nil, err
			}
			switch e.key {
			case "id":
				if line, ok := first[text]; ok {
					return nil, d.errorf(e.value, "id", "%.80q stands already in line %d; leave one of them", text, line)
				}
				k.ID, k.Origin = text, d.at(e.value)
				first[text] = k.Origin.Line
			case "verdict":
				if !slices.Contains(Verdicts, text) {
					return nil, d.errorf(e.value, "verdict", "unknown verdict %.80q; write one of %s", text, strings.Join(Verdicts, ", "))
				}
				k.Verdict = text
			case "reason":
				k.Reason = strings.TrimSpace(text)
			}
		}
		for _, need := range []struct{ key, value, example string }{
			{"id", k.ID, "cert.inbound.san-mismatch-refused"},
			{"verdict", k.Verdict, "fail"},
			{"reason", k.Reason, "\"why this is accepted\""},
		} {
			if need.value == "" {
				return nil, d.errorf(item, "", "entry has no %s; write %s: %s", need.key, need.key, need.example)
			}
		}
		all = append(all, k)
	}
	return all, nil
}
