package scripted

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// Record types (RFC 5246 6.2.1).
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeApplicationData  = 23
)

const (
	maxFragment = 1 << 14   // of a record's plaintext (RFC 5246 6.2.1)
	maxMessage  = 128 << 10 // of a handshake message: a long chain has a fifth of it
	maxIdle     = 64        // records in a row that bring nothing: empty ones and warnings
)

// ErrFlood is the cause of an error about a peer that sends without end what
// brings nothing forward, or more than anything can need.
var ErrFlood = errors.New("the peer floods")

// Alert is a TLS alert that the peer sent (RFC 5246 7.2). As an error it is
// what ended the handshake or the connection.
type Alert struct {
	Level, Code uint8
	// Encrypted: it came after the peer's change_cipher_spec.
	Encrypted bool
}

// Error gives level and code; the names are at home in the transport.
func (a Alert) Error() string {
	return fmt.Sprintf("the peer sent alert %d (level %d)", a.Code, a.Level)
}

const (
	levelWarning = 1
	levelFatal   = 2

	alertCloseNotify            = 0
	alertUnexpectedMessage      = 10
	alertBadRecordMAC           = 20
	alertHandshakeFailure       = 40
	alertBadCertificate         = 42
	alertUnsupportedCertificate = 43
	alertIllegalParameter       = 47
	alertDecodeError            = 50
	alertDecryptError           = 51
	alertProtocolVersion        = 70
	alertInternalError          = 80
	alertUserCanceled           = 90
	alertNoRenegotiation        = 100
	alertUnsupportedExtension   = 110
)

// ends reports whether the alert ends the connection or the handshake.
func (a Alert) ends() bool { return a.Level != levelWarning || a.Code == alertCloseNotify }

// records is the record layer of one connection. Reading and writing may go on
// at once.
type records struct {
	conn    net.Conn
	in      *bufio.Reader
	random  io.Reader
	version uint16 // that our records carry
	recv    *protection
	send    *protection
	octets  bool   // every octet goes in a segment of its own
	held    []byte // handshake octets that came and are not read yet
	idle    int    // records in a row that brought nothing
}

func newRecords(conn net.Conn, random io.Reader) *records {
	// The buffer holds any record, so that a read that times out loses nothing.
	return &records{conn: conn, in: bufio.NewReaderSize(conn, 5+maxFragment+overhead), random: random, version: VersionTLS12}
}

// record reads one record and removes its protection. An alert that ends
// something comes as an error, other warnings are passed over.
func (r *records) record() (kind uint8, fragment []byte, err error) {
	for r.idle <= maxIdle {
		kind, fragment, err = r.one()
		if err != nil {
			return 0, nil, err
		}
		if kind == typeAlert {
			if len(fragment) != 2 {
				return 0, nil, fmt.Errorf("reading an alert of %d octets: %w", len(fragment), ErrMalformed)
			}
			a := Alert{fragment[0], fragment[1], r.recv != nil}
			if a.ends() {
				return 0, nil, a
			}
			r.idle++
			continue
		}
		if len(fragment) == 0 {
			r.idle++
			continue
		}
		r.idle = 0
		return kind, fragment, nil
	}
	return 0, nil, fmt.Errorf("reading records: %w", ErrFlood)
}

func (r *records) one() (uint8, []byte, error) {
	header, err := r.peek(5)
	if err != nil {
		return 0, nil, err
	}
	c := cursor{b: header[1:]}
	kind, version, length := header[0], uint16(c.number(2)), c.number(2)
	limit := maxFragment
	if r.recv != nil {
		limit += overhead
	}
	switch {
	case kind < typeChangeCipherSpec || kind > typeApplicationData || version>>8 != 3:
		return 0, nil, fmt.Errorf("reading a record: octets % x begin no TLS record: %w", header, ErrMalformed)
	case length > limit:
		return 0, nil, fmt.Errorf("reading a record: %d octets are more than %d: %w", length, limit, ErrMalformed)
	}
	whole, err := r.peek(5 + length)
	if err != nil {
		return 0, nil, err
	}
	body := slices.Clone(whole[5:])
	if _, err := r.in.Discard(len(whole)); err != nil || r.recv == nil {
		return kind, body, err
	}
	plain, err := r.recv.open(kind, version, body)
	if err == nil && len(plain) > maxFragment {
		err = fmt.Errorf("reading a record: %d octets of plaintext: %w", len(plain), ErrMalformed)
	}
	return kind, plain, err
}

// peek waits for n octets. An end in the middle of them is io.ErrUnexpectedEOF.
func (r *records) peek(n int) ([]byte, error) {
	b, err := r.in.Peek(n)
	if len(b) > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// message reads the next handshake message, header included.
func (r *records) message() ([]byte, error) {
	for {
		if len(r.held) >= 4 {
			c := cursor{b: r.held[1:]}
			n := 4 + c.number(3)
			if n > maxMessage {
				return nil, fmt.Errorf("reading a handshake message of %d octets: %w", n, ErrFlood)
			}
			if len(r.held) >= n {
				m := r.held[:n:n]
				r.held = r.held[n:]
				return m, nil
			}
		}
		kind, fragment, err := r.record()
		if err != nil {
			return nil, err
		}
		if kind != typeHandshake {
			return nil, unexpected{kind: kind}
		}
		r.held = append(r.held, fragment...)
	}
}

// changeCipherSpec reads the message of that name, which must not stand in the
// middle of a handshake message.
func (r *records) changeCipherSpec() error {
	kind, fragment, err := r.record()
	switch {
	case err != nil:
		return err
	case kind != typeChangeCipherSpec || len(r.held) > 0:
		return unexpected{kind: kind}
	case !slices.Equal(fragment, []byte{1}):
		return fmt.Errorf("reading a change_cipher_spec: %w", ErrMalformed)
	}
	return nil
}

// unexpected is the error for a record or message out of turn.
type unexpected struct {
	kind    uint8 // of the record
	message uint8 // of the handshake message, in a handshake record
}

func (u unexpected) Error() string {
	if u.kind == typeHandshake {
		return fmt.Sprintf("handshake message %d is out of turn", u.message)
	}
	return fmt.Sprintf("a record of type %d is out of turn", u.kind)
}

// seal appends payload to dst as records of at most size octets each, at least
// one record.
func (r *records) seal(dst []byte, kind uint8, payload []byte, size int) ([]byte, error) {
	for first := true; first || len(payload) > 0; first = false {
		n := min(size, len(payload))
		fragment := payload[:n]
		payload = payload[n:]
		if r.send != nil {
			var err error
			if fragment, err = r.send.seal(r.random, kind, r.version, fragment); err != nil {
				return dst, fmt.Errorf("protecting a record: %w", err)
			}
		}
		dst = append(dst, kind)
		dst = appendNumber(dst, 2, int(r.version))
		dst = appendVector(dst, 2, fragment)
	}
	return dst, nil
}

// alert sends an alert. That the peer may be gone already is no matter.
func (r *records) alert(level, code uint8) {
	if b, err := r.seal(nil, typeAlert, []byte{level, code}, maxFragment); err == nil {
		r.write(b)
	}
}

func (r *records) write(b []byte) error {
	if r.octets {
		return writeOctets(r.conn, b)
	}
	_, err := r.conn.Write(b)
	return err
}

// Ends of a connection on the side of the peer.
const (
	ClosedFIN = "fin"
	ClosedRST = "rst"
)

// closedBy tells how the peer ended the connection, if err says that it did.
func closedBy(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ClosedFIN
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ClosedRST
	}
	return ""
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// past is a deadline that is over.
var past = time.Unix(1, 0)
