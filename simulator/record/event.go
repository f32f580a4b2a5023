// Package record holds what was seen on the wire and when: typed events, the
// recorder that collects them, and attempts, which are the events of one
// stimulus. Nothing here decides anything; judges read what this package wrote,
// today or years later, so its JSON form is an interface.
//
// An encoded event is one JSON line:
//
//	{"v":1,"seq":7,"mono_ns":1200345,"wall":"2026-11-22T10:00:00.1Z",
//	 "generation":2,"conn":3,"proxy":"lb01","kind":"tls.alert","body":{…}}
package record

import (
	"encoding/json"
	"fmt"
	"time"
)

// SchemaVersion is the version of the encoded form. It rises when a reader of
// the old form would misread the new one; added fields and kinds do not raise it.
const SchemaVersion = 1

// Event is one thing that happened, with who saw it and when.
type Event struct {
	// Seq counts the recorder's events from 1; it orders events that share a time.
	Seq uint64
	// Mono is the time since the recorder started, from the monotonic clock.
	Mono time.Duration
	// Wall is the time of day, for people and for certificates; never for durations.
	Wall time.Time
	// Generation is that of the profile under which the connection was
	// accepted or dialled; 0 for what belongs to no profile.
	Generation int
	// Conn identifies one connection or UDP flow within the recorder; 0 for none.
	Conn uint64
	// Proxy is the simulated proxy (lb01..lb04, or edge for an Edge) by the local
	// address on which the connection stands, or "carrier"; empty for what
	// belongs to neither.
	Proxy string
	// Body says what happened.
	Body Body
}

// AtCloud reports whether the event belongs to a simulated proxy.
func (e Event) AtCloud() bool { return e.Proxy != "" && e.Proxy != "carrier" }

// Body is the typed content of an event. Kind is its name on the wire of the
// encoding, for ever.
type Body interface{ Kind() string }

// Unknown is a body of a kind that this version does not know, kept as it was.
type Unknown struct {
	Name string
	Raw  json.RawMessage
}

// Kind returns the name under which the body was recorded.
func (u Unknown) Kind() string { return u.Name }

// MarshalJSON returns the body as it was read.
func (u Unknown) MarshalJSON() ([]byte, error) { return u.Raw, nil }

type wireEvent struct {
	Version    int             `json:"v"`
	Seq        uint64          `json:"seq"`
	Mono       int64           `json:"mono_ns"`
	Wall       time.Time       `json:"wall"`
	Generation int             `json:"generation,omitempty"`
	Conn       uint64          `json:"conn,omitempty"`
	Proxy      string          `json:"proxy,omitempty"`
	Kind       string          `json:"kind"`
	Body       json.RawMessage `json:"body"`
}

// MarshalJSON writes the event as one object, without line breaks.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.Body == nil {
		return nil, fmt.Errorf("encoding event %d: no body", e.Seq)
	}
	body, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("encoding event %d %s: %w", e.Seq, e.Body.Kind(), err)
	}
	return json.Marshal(wireEvent{
		SchemaVersion, e.Seq, int64(e.Mono), e.Wall.Round(0).UTC(),
		e.Generation, e.Conn, e.Proxy, e.Body.Kind(), body,
	})
}

// UnmarshalJSON reads an event of this schema version or an older one.
func (e *Event) UnmarshalJSON(b []byte) error {
	var w wireEvent
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("decoding event: %w", err)
	}
	if w.Version < 1 || w.Version > SchemaVersion {
		return fmt.Errorf("decoding event %d: schema version %d, this program reads up to %d", w.Seq, w.Version, SchemaVersion)
	}
	body, err := decodeBody(w.Kind, w.Body)
	if err != nil {
		return fmt.Errorf("decoding event %d %s: %w", w.Seq, w.Kind, err)
	}
	*e = Event{w.Seq, time.Duration(w.Mono), w.Wall, w.Generation, w.Conn, w.Proxy, body}
	return nil
}

func decodeBody(kind string, raw json.RawMessage) (Body, error) {
	read, known := readers[kind]
	if !known {
		return Unknown{kind, append(json.RawMessage(nil), raw...)}, nil
	}
	return read(raw)
}

// readers maps each kind to the function that decodes it.
var readers = map[string]func(json.RawMessage) (Body, error){}

func register[B Body]() {
	var zero B
	readers[zero.Kind()] = func(raw json.RawMessage) (Body, error) {
		var b B
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, err
		}
		return b, nil
	}
}
