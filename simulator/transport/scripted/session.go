package scripted

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// maxAsks bounds how often a client may ask for another handshake.
const maxAsks = 16

// Session is the connection after a completed handshake. Its methods may be
// called at once.
type Session struct {
	net.Conn
	layer *records
	empty bool // an empty record goes before each write

	reading sync.Mutex
	rest    []byte // of a record, not read yet
	asks    int
	writing sync.Mutex
}

// Read reads application data. It ends with io.EOF where the client said
// close_notify or closed between two records, with an Alert where it sent
// another one. A request for another handshake is declined with
// no_renegotiation (RFC 5246 7.2.2).
func (s *Session) Read(b []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for len(s.rest) == 0 {
		if len(b) == 0 {
			return 0, nil
		}
		kind, fragment, err := s.layer.record()
		switch {
		case err != nil:
			var a Alert
			if errors.As(err, &a) && a.Code == alertCloseNotify {
				return 0, io.EOF
			}
			if code, tell := alertFor(err); tell {
				s.alert(levelFatal, code)
			}
			return 0, err
		case kind == typeHandshake:
			if s.asks++; s.asks > maxAsks {
				s.alert(levelFatal, alertHandshakeFailure)
				return 0, fmt.Errorf("declining to renegotiate: %w", ErrFlood)
			}
			s.alert(levelWarning, alertNoRenegotiation)
		case kind != typeApplicationData:
			s.alert(levelFatal, alertUnexpectedMessage)
			return 0, unexpected{kind: kind}
		default:
			s.rest = fragment
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Write sends application data, in records of at most 2^14 octets.
func (s *Session) Write(b []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	var out []byte
	var err error
	if s.empty {
		out, err = s.layer.seal(out, typeApplicationData, nil, maxFragment)
	}
	if err == nil && len(b) > 0 {
		out, err = s.layer.seal(out, typeApplicationData, b, maxFragment)
	}
	if err == nil {
		err = s.layer.write(out)
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s *Session) alert(level, code uint8) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.layer.alert(level, code)
}

// CloseWrite sends close_notify and leaves TCP open.
func (s *Session) CloseWrite() error {
	s.alert(levelWarning, alertCloseNotify)
	return nil
}

// Close sends close_notify, for at most a second, and closes TCP.
func (s *Session) Close() error {
	s.Conn.SetWriteDeadline(time.Now().Add(lingering)) // also frees a Write that hangs
	s.CloseWrite()
	return s.Conn.Close()
}
