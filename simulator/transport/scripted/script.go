// Package scripted plays TLS 1.2 handshakes by hand: as server the flights that
// no library sends, right up to one point, and as client any ClientHello. It
// has a record layer, messages and key schedule of its own, built for
// exactness; the cryptography is the standard library's.
package scripted

import (
	"errors"
	"slices"
)

// Script names what the server does.
type Script string

// Honest is the script with nothing wrong: the control of all others.
const Honest Script = "honest"

// Expectation is what a client must make of a script.
type Expectation string

const (
	// Accept: the handshake is unusual but right; the connection works.
	Accept Expectation = "accept"
	// Refuse: the client must end the handshake.
	Refuse Expectation = "refuse"
	// GiveUp: nothing more comes from the server. The client gives the
	// connection up, after a time that is its own, and goes elsewhere.
	GiveUp Expectation = "give-up"
	// Either: the RFC says one thing, and the usual libraries do another. What
	// the client does is worth telling, but proves nothing against it.
	Either Expectation = "either"
)

// Info describes a script.
type Info struct {
	Script Script
	// Sentence says what the server does.
	Sentence string
	// Citation is the section that says what a client must do.
	Citation string
	Expect   Expectation
}

// Scripts returns all scripts, Honest first.
func Scripts() []Info {
	out := make([]Info, 0, len(scripts))
	for _, s := range scripts {
		out = append(out, s.Info)
	}
	return out
}

func findBugs(s Script) (bugs, bool) {
	i := slices.IndexFunc(scripts, func(row entry) bool { return row.Script == s })
	if i < 0 {
		return bugs{}, false
	}
	return scripts[i].bugs, true
}

var (
	// ErrUnsuitable is the cause where a ClientHello leaves no room for the
	// script: the client offers nothing that the script could be played with.
	ErrUnsuitable = errors.New("the ClientHello does not allow the script")
	// ErrTaken is the cause where the client went on with what it had to
	// refuse, to a point where it cannot be followed any further.
	ErrTaken = errors.New("the client took what it must refuse")
)

// bugs are the ways in which a script differs from an honest server. Its zero
// value is honest; a script sets what it is about and nothing else.
type bugs struct {
	// ecdhe: the script is about the ServerKeyExchange, so the suite must have one.
	ecdhe bool
	// unofferedSuite chooses a suite that is not among the client's: the first
	// of the specification, else another RSA one.
	unofferedSuite bool
	// exportSuite chooses an export suite: one of the client's if it has any.
	exportSuite bool
	// weakKey sends an export key in a suite with static RSA.
	weakKey bool
	// unofferedGroup does ECDHE on a curve that is not among the client's.
	unofferedGroup bool
	// unofferedVersion chooses a version that the client cannot have offered.
	unofferedVersion bool
	// compress chooses a compression method that is not among the client's.
	compress bool
	// unsolicited adds an extension to the ServerHello that the client did not
	// send; unknown one that nobody sends.
	unsolicited, unknown bool
	// renegotiated puts a verify_data into renegotiation_info, as if this were
	// not the first handshake.
	renegotiated bool
	// order is that of the messages of the first flight; nil is the right one.
	order []uint8
	// longList makes the length of the certificate_list exceed its message.
	longList bool
	// foreignSignature signs the ServerKeyExchange for another ClientHello.
	foreignSignature bool
	// wrongFinished flips a bit of the server's verify_data.
	wrongFinished bool
	// recordSize is how many octets of a handshake message go into a record; 0
	// is as many as fit.
	recordSize int
	// coalesce puts all messages of a flight into one record.
	coalesce bool
	// octets sends every octet in a TCP segment of its own, all through the
	// connection.
	octets bool
	// emptyRecords sends an empty record before each one of application data.
	emptyRecords bool
	// stop is the message from which on nothing is sent; 0 is none.
	stop uint8
	// half sends the first half of that message.
	half bool
	// then follows the stop.
	then ending
}

// ending is what a server does that has stopped.
type ending int

const (
	silence ending = iota
	fin
	rst
)
