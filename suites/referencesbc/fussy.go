package referencesbc

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
)

// Record types of TLS (RFC 5246 6.2.1).
const (
	changeCipherSpec = 20
	handshakeRecord  = 22
	applicationData  = 23
)

// maxRecord is the size of the largest record, in octets: header, 2^14 of
// plaintext and 2048 for their protection (RFC 5246 6.2.3).
const maxRecord = 5 + 1<<14 + 2048

// fussy is a connection whose reader takes one whole record after the other, and
// ends the connection at one that it dislikes.
type fussy struct {
	net.Conn
	in       *bufio.Reader
	dislikes func(kind uint8, fragment []byte) error
	rest     []byte // of the record that came last
}

// fussy returns the connection as the mutants read it that stumble over right
// but unusual records, and as it is for all others.
func (s *SBC) fussy(tcp net.Conn) net.Conn {
	f := &fussy{Conn: tcp, in: bufio.NewReaderSize(tcp, maxRecord)}
	switch s.Mutant {
	case ChokesOnFragments:
		f.dislikes = unencrypted(fragmented)
	case NeedsOneMessageARecord:
		f.dislikes = unencrypted(coalesced)
	case EndsOnEmptyRecord:
		f.dislikes = empty
	case DislikesSmallSegments:
		f.dislikes = func(uint8, []byte) error { return crumbled(tcp) }
	default:
		return tcp
	}
	return f
}

// Read implements net.Conn.
func (f *fussy) Read(b []byte) (int, error) {
	for len(f.rest) == 0 {
		header, err := f.in.Peek(5)
		if err != nil {
			return 0, err
		}
		whole, err := f.in.Peek(5 + int(header[3])<<8 + int(header[4]))
		if err != nil {
			return 0, err
		}
		if err := f.dislikes(whole[0], whole[5:]); err != nil {
			return 0, err
		}
		f.rest = slices.Clone(whole)
		f.in.Discard(len(whole))
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// unencrypted applies a dislike to the handshake records that are not encrypted yet.
func unencrypted(dislikes func(fragment []byte) error) func(uint8, []byte) error {
	encrypted := false
	return func(kind uint8, fragment []byte) error {
		encrypted = encrypted || kind == changeCipherSpec
		if encrypted || kind != handshakeRecord {
			return nil
		}
		return dislikes(fragment)
	}
}

// messageSize returns the octets of the message at the beginning of a record, header
// and all (RFC 5246 7.4); more than there are where it does not end in it.
func messageSize(fragment []byte) int {
	if len(fragment) < 4 {
		return 4
	}
	return 4 + int(fragment[1])<<16 + int(fragment[2])<<8 + int(fragment[3])
}

// fragmented dislikes a message that does not end in its record.
func fragmented(fragment []byte) error {
	for len(fragment) > 0 {
		n := messageSize(fragment)
		if n > len(fragment) {
			return errors.New("a handshake message is not in one record")
		}
		fragment = fragment[n:]
	}
	return nil
}

// coalesced dislikes a second message in a record.
func coalesced(fragment []byte) error {
	if messageSize(fragment) < len(fragment) {
		return errors.New("a record has more than one handshake message")
	}
	return nil
}

// empty dislikes a record without data. In AES-GCM that has 24 octets: the
// explicit nonce and the tag (RFC 5288 3). One with CBC never has that many,
// since they are whole blocks of 16.
func empty(kind uint8, fragment []byte) error {
	if kind == applicationData && len(fragment) == 8+16 {
		return errors.New("a record is empty")
	}
	return nil
}

// crumbled dislikes a connection whose data come in tiny segments, as packet
// filters do that take them for a way around them.
func crumbled(tcp net.Conn) error {
	octets, segments, err := received(tcp)
	if err != nil {
		return err
	}
	if segments >= 16 && octets < 4*uint64(segments) {
		return fmt.Errorf("%d octets came in %d segments", octets, segments)
	}
	return nil
}
