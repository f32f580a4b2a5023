package sdes

import "fmt"

// Part names the piece of an a=crypto value that an [Error] is about.
type Part string

// The parts of an a=crypto value, named after RFC 4568 section 9.
const (
	PartLine         Part = "line" // the value as a whole
	PartTag          Part = "tag"
	PartSuite        Part = "crypto-suite"
	PartKeyMethod    Part = "key-method"
	PartKey          Part = "key-salt"
	PartLifetime     Part = "lifetime"
	PartMKI          Part = "mki"
	PartSessionParam Part = "session-param"
)

// Error says which part of a crypto line is wrong, and why. It never carries
// key material, so it can be logged and put into a report.
type Error struct {
	Part   Part
	Reason string
	Value  string // the text at fault; empty where it would show a key
}

// Error gives the part, the reason and the text at fault.
func (e *Error) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("a=crypto %s: %s", e.Part, e.Reason)
	}
	return fmt.Sprintf("a=crypto %s: %s: %q", e.Part, e.Reason, e.Value)
}

func wrong(part Part, value, format string, args ...any) *Error {
	const longest = 64 // a peer must not fill a log through our errors
	if len(value) > longest {
		value = value[:longest] + "..."
	}
	return &Error{Part: part, Reason: fmt.Sprintf(format, args...), Value: value}
}
