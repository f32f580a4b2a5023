package config

import (
	"fmt"
	"maps"
	"strings"
)

// Origin says where a value came from: a place in a file, or a flag. The zero
// Origin is that of a default.
type Origin struct {
	// File, Line and Column are the place in a file; both count from 1.
	File         string
	Line, Column int
	// Flag is the name the user knows the flag by, such as "--target".
	Flag string
}

// String returns "file:line:column", the name of the flag, or "" for a default.
func (o Origin) String() string {
	switch {
	case o.Flag != "":
		return o.Flag
	case o.Line > 0:
		return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
	}
	return o.File
}

// Error is something wrong with one value. Its text is always one line.
type Error struct {
	// Origin is where the value came from.
	Origin Origin
	// Key is the dotted path of the value, such as "carrier.listen" or
	// "listen[2]"; empty where no key applies.
	Key string
	// Err says what is wrong and what to write instead.
	Err error
}

// Error returns "file:line:column: key: message" or "flag: message".
func (e *Error) Error() string {
	var parts []string
	if from := e.Origin.String(); from != "" {
		parts = append(parts, from)
	}
	if e.Key != "" && e.Origin.Flag == "" {
		parts = append(parts, e.Key)
	}
	return strings.Join(append(parts, oneLine(e.Err.Error())), ": ")
}

// Unwrap returns the message without its place.
func (e *Error) Unwrap() error { return e.Err }

// Origin returns where the value of key came from, and false if it is the
// default. A list entry such as "listen[2]" or a member such as
// "carrier.device" that was not set falls back to what contains it.
func (c *Config) Origin(key string) (Origin, bool) {
	for key != "" {
		if o, ok := c.origins[key]; ok {
			return o, true
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return Origin{}, false
}

// Errorf returns an [*Error] about the value of key, pointing at where it came
// from. Callers use it for what only they can check, such as whether a region
// exists. The format should say what is wrong and what to write instead.
func (c *Config) Errorf(key, format string, args ...any) error {
	o, _ := c.Origin(key)
	return &Error{Origin: o, Key: key, Err: fmt.Errorf(format, args...)}
}

// remember notes the origin of key. Configs are copied by value, so the map is
// never changed in place.
func (c *Config) remember(key string, o Origin) {
	m := maps.Clone(c.origins)
	if m == nil {
		m = make(map[string]Origin)
	}
	m[key] = o
	c.origins = m
}

// entryKey is the path of an entry of the list at key.
func entryKey(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }

// oneLine folds s, which may quote a library, onto one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
