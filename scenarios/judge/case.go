// Package judge turns what was recorded of one scenario into a verdict. A judge
// is a pure function of a Case: no sockets, no clock, no simulator. So a
// recording can be judged again, by a newer suite or by somebody in doubt, and
// comes to the same verdict or to a better reason.
package judge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
)

// Case is all that a judge may know.
type Case struct {
	// Scenario is the id of the scenario that was played.
	Scenario string `json:"scenario"`
	// Level is the scenario's weight: what an unmet requirement amounts to.
	Level ledger.Level `json:"level"`
	// System is the one that was simulated, with Cloud where a recording does not
	// say; Edition and Region are those that were simulated. An Edge is in no
	// region.
	System  System `json:"system,omitempty"`
	Edition string `json:"edition"`
	Region  string `json:"region,omitempty"`
	// MediaSecurity of the trunk: required, also where it is empty, optional or off.
	MediaSecurity string `json:"media_security,omitempty"`
	// Suites are those of the trunk, where it has a list of its own.
	Suites []uint16 `json:"suites,omitempty"`
	// Scope is what trunks the scenario is about.
	Scope Scope `json:"scope,omitzero"`
	// Target is the device as the trunk names it, without its port.
	Target string `json:"target"`
	// Names are the region's: the proxies', and the SRV domain; or the Edge's own.
	Names []string `json:"names,omitempty"`
	// Fault is what was wrong on purpose, in one sentence; empty for a scenario without one.
	Fault string `json:"fault,omitempty"`
	// Readings says what the sources want of the device where they disagree.
	Readings string `json:"readings,omitempty"`
	// Needs is the feature without which the scenario does not apply.
	Needs string `json:"needs,omitempty"`
	// Declared maps features that the device is said not to have to the reason.
	Declared map[string]string `json:"declared,omitempty"`
	// Missing are the lines of configuration without which the stimulus could not be given.
	Missing []string `json:"missing,omitempty"`
	// CarrierHeard: our agent on the device's other side took part.
	CarrierHeard bool `json:"carrier_heard"`
	// Roots are the trust anchors for the device's certificate, DER.
	Roots [][]byte `json:"roots,omitempty"`
	// Offline: nothing was fetched to learn about revocation.
	Offline bool `json:"offline,omitempty"`
	// Deadline is the one that a TLS handshake has to keep.
	Deadline time.Duration `json:"deadline_ns"`
	// Releasing bounds how long the device may take to release the other side of
	// a call; 0 means 5 s.
	Releasing time.Duration `json:"releasing_ns,omitempty"`
	// Jitter is how late our own process was, measured beside the scenario.
	Jitter Jitter `json:"jitter"`
	// Now is when the scenario was played, for dates in certificates.
	Now time.Time `json:"now"`
	// Control are attempts without the fault, Attempts those with it; a
	// scenario without a fault has Attempts only.
	Control  []record.Attempt `json:"-"`
	Attempts []record.Attempt `json:"-"`
}

// Jitter is what the harness measured of itself: how much later than asked it
// ran after a timer, which is about what it can add to a measured time.
type Jitter struct {
	Samples int           `json:"samples"`
	P50     time.Duration `json:"p50_ns"`
	Max     time.Duration `json:"max_ns"`
}

// caseHead is the first line of an encoded case.
type caseHead struct {
	Version int `json:"v"`
	Case
	Controls int `json:"controls"`
	Faults   int `json:"attempts"`
}

// WriteJSON encodes the case as JSON lines: a header, then the attempts.
func (c Case) WriteJSON(w io.Writer) error {
	b, err := json.Marshal(caseHead{record.SchemaVersion, c, len(c.Control), len(c.Attempts)})
	if err != nil {
		return fmt.Errorf("encoding case %s: %w", c.Scenario, err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("encoding case %s: %w", c.Scenario, err)
	}
	for _, a := range append(append([]record.Attempt{}, c.Control...), c.Attempts...) {
		if err := a.WriteJSON(w); err != nil {
			return fmt.Errorf("encoding case %s: %w", c.Scenario, err)
		}
	}
	return nil
}

// ReadCase decodes what WriteJSON wrote.
func ReadCase(r io.Reader) (Case, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	line, err := br.ReadBytes('\n')
	if err != nil {
		return Case{}, fmt.Errorf("decoding case: %w", err)
	}
	var head caseHead
	if err := json.Unmarshal(line, &head); err != nil {
		return Case{}, fmt.Errorf("decoding case: %w", err)
	}
	if head.Version < 1 || head.Version > record.SchemaVersion {
		return Case{}, fmt.Errorf("decoding case %s: schema version %d, this program reads up to %d", head.Scenario, head.Version, record.SchemaVersion)
	}
	if head.Controls < 0 || head.Faults < 0 {
		return Case{}, fmt.Errorf("decoding case %s: %d controls and %d attempts", head.Scenario, head.Controls, head.Faults)
	}
	c := head.Case
	for i := 0; i < head.Controls || i-head.Controls < head.Faults; i++ {
		a, err := record.ReadAttempt(br)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return c, fmt.Errorf("decoding case %s: attempt %d: %w", c.Scenario, i+1, err)
		}
		if i < head.Controls {
			c.Control = append(c.Control, a)
		} else {
			c.Attempts = append(c.Attempts, a)
		}
	}
	return c, nil
}

// Decoded returns the case as it reads after encoding: what a judge is to see,
// so that a live run and a later reading of it cannot differ.
func (c Case) Decoded() (Case, []byte, error) {
	var b bytes.Buffer
	if err := c.WriteJSON(&b); err != nil {
		return Case{}, nil, err
	}
	d, err := ReadCase(bytes.NewReader(b.Bytes()))
	return d, b.Bytes(), err
}
