package record

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Attempt is one stimulus and what was recorded of it.
type Attempt struct {
	// Name tells attempts of one case apart: control, fault, probe-3.
	Name string `json:"name"`
	// Profile is the cloud's face during the attempt.
	Profile string `json:"profile"`
	// Generation is that profile's: what stands on connections of another one
	// does not belong to the attempt.
	Generation int `json:"generation"`
	// Started and Ended bound the window, as times since the recorder started.
	Started time.Duration `json:"started_ns"`
	Ended   time.Duration `json:"ended_ns"`
	// Events are in the order in which they were recorded.
	Events []Event `json:"-"`
}

// Open begins an attempt: what the recorder sees from now on belongs to it.
func (r *Recorder) Open(name string) *Window {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.now()
	return &Window{r: r, mark: r.seq, a: Attempt{Name: name, Started: at.Sub(r.start)}}
}

// Window is an attempt that is still being recorded.
type Window struct {
	r    *Recorder
	mark uint64
	a    Attempt
}

// Under says which profile the attempt meets, once that is shown: the window is
// opened before, so that the swap itself is in it.
func (w *Window) Under(profile string, generation int) {
	w.a.Profile, w.a.Generation = profile, generation
}

// SoFar returns the attempt as it stands.
func (w *Window) SoFar() Attempt {
	a := w.a
	a.Events = w.r.Since(w.mark)
	return a
}

// Mark returns the sequence number before the attempt's first event.
func (w *Window) Mark() uint64 { return w.mark }

// Close ends the window and returns the attempt.
func (w *Window) Close() Attempt {
	w.a.Events = w.r.Since(w.mark)
	w.r.mu.Lock()
	w.a.Ended = w.r.now().Sub(w.r.start)
	w.r.mu.Unlock()
	return w.a
}

// WriteJSON writes the attempt as JSON lines: a header, then an event a line,
// then an empty line.
func (a Attempt) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	head := struct {
		Version int `json:"v"`
		Attempt
		Count int `json:"events"`
	}{SchemaVersion, a, len(a.Events)}
	if err := enc.Encode(head); err != nil {
		return fmt.Errorf("encoding attempt %s: %w", a.Name, err)
	}
	for _, e := range a.Events {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("encoding attempt %s: %w", a.Name, err)
		}
	}
	return nil
}

// ReadAttempt reads what WriteJSON wrote. It returns io.EOF where nothing is left.
func ReadAttempt(r *bufio.Reader) (Attempt, error) {
	line, err := readLine(r)
	if err != nil {
		return Attempt{}, err
	}
	var head struct {
		Version int `json:"v"`
		Attempt
		Count int `json:"events"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return Attempt{}, fmt.Errorf("decoding attempt: %w", err)
	}
	if head.Version < 1 || head.Version > SchemaVersion {
		return Attempt{}, fmt.Errorf("decoding attempt %s: schema version %d, this program reads up to %d", head.Name, head.Version, SchemaVersion)
	}
	a := head.Attempt
	for i := range head.Count {
		line, err := readLine(r)
		if err != nil {
			return a, fmt.Errorf("decoding attempt %s: event %d of %d: %w", a.Name, i+1, head.Count, err)
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			return a, fmt.Errorf("decoding attempt %s: %w", a.Name, err)
		}
		a.Events = append(a.Events, e)
	}
	return a, nil
}

func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err == io.EOF && len(line) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return line, err
}
