package scripted

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// Probe sends one ClientHello and reads the server's first flight, without
// completing the handshake.
type Probe struct {
	// Hello is sent; a Random of zeros is drawn first.
	Hello Hello
	// Raw, if not nil, goes out in place of Hello, as it is, record headers and all.
	Raw []byte
	// Rand is the source of randomness; nil is crypto/rand.
	Rand io.Reader
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Answer is what a server made of a probe.
type Answer struct {
	// Messages are the types of the handshake messages that came, in their
	// order (RFC 5246 7.4). Of TLS 1.3 only the first can be read.
	Messages []uint8
	// Version, Suite, Compression, SessionID and Extensions are the
	// ServerHello's. Version is that of supported_versions where it is there.
	Version, Suite uint16
	Compression    uint8
	SessionID      []byte
	Extensions     []Extension
	// Chain is the server's certificate chain as sent, DER.
	Chain [][]byte
	// Group and Scheme are the ServerKeyExchange's; 0 without ECDHE.
	Group, Scheme uint16
	// Request is the CertificateRequest; nil is none.
	Request *CertificateRequest
	// Alert is the one that ended the handshake; nil is none.
	Alert *Alert
	// Closed is how the server ended TCP, ClosedFIN or ClosedRST, where it did
	// so without an alert.
	Closed string
	// HelloAfter, DoneAfter and EndAfter are when ServerHello, ServerHelloDone,
	// and the alert or the end of the connection were read, counted from when
	// the ClientHello was handed to TCP; 0 is never.
	HelloAfter, DoneAfter, EndAfter time.Duration
}

// CertificateRequest asks for a client certificate (RFC 5246 7.4.4).
type CertificateRequest struct {
	Types       []uint8
	Schemes     []uint16
	Authorities [][]byte // distinguished names, DER
}

// RenegotiationInfo reports whether the server does secure renegotiation, or
// refuses it (RFC 5746 3.4).
func (a Answer) RenegotiationInfo() bool {
	_, ok := findExtension(a.Extensions, extensionRenegotiationInfo)
	return ok
}

// Complete reports whether the server would have gone on with the handshake.
func (a Answer) Complete() bool {
	return slices.Contains(a.Messages, messageServerHelloDone) || a.Version >= VersionTLS13 && slices.Contains(a.Messages, messageServerHello)
}

// Do sends the probe over raw. It returns when the server's flight is complete,
// has ended the connection, or ctx is over; the caller closes raw. A server
// that waits after its flight is told that the handshake is cancelled.
//
// The error is nil where the server answered, by a flight, an alert or the end
// of the connection. Otherwise it is the cause of ctx, or ErrMalformed or
// ErrFlood; what was read before that is in the answer.
func (p Probe) Do(ctx context.Context, raw net.Conn) (Answer, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Rand == nil {
		p.Rand = rand.Reader
	}
	sent := p.Raw
	r := newRecords(raw, p.Rand)
	if sent == nil {
		if p.Hello.Random == [32]byte{} {
			if _, err := io.ReadFull(p.Rand, p.Hello.Random[:]); err != nil {
				return Answer{}, fmt.Errorf("drawing the client's random: %w", err)
			}
		}
		body, err := p.Hello.Marshal()
		if err != nil {
			return Answer{}, err
		}
		r.version = VersionTLS10 // of a first record: RFC 5246 E.1
		if sent, err = r.seal(nil, typeHandshake, wrap(messageClientHello, body), maxFragment); err != nil {
			return Answer{}, err
		}
	}
	done := guard(ctx, raw)
	start := p.Now()
	var a Answer
	_, err := raw.Write(sent)
	if err == nil || closedBy(err) != "" { // an answer may be there for all that
		err = a.read(r, func() time.Duration { return p.Now().Sub(start) })
	}
	if err == nil {
		r.version = VersionTLS12
		r.alert(levelWarning, alertUserCanceled) // RFC 5246 7.2.2: to be followed by close_notify
		r.alert(levelWarning, alertCloseNotify)
	}
	cause := done()
	switch {
	case err == nil, a.Alert != nil, a.Closed != "":
		return a, nil
	case cause != nil:
		return a, fmt.Errorf("waiting for the server's first flight: %w", cause)
	}
	return a, fmt.Errorf("reading the server's first flight: %w", err)
}

// maxMessages bounds the messages of a flight; TLS 1.2 has six at most.
const maxMessages = 16

// read reads the flight. Its error says why it is not complete.
func (a *Answer) read(r *records, passed func() time.Duration) error {
	for len(a.Messages) < maxMessages {
		m, err := r.message()
		if err != nil {
			var alert Alert
			if errors.As(err, &alert) {
				a.Alert = &alert
			}
			a.Closed = closedBy(err)
			if a.Alert != nil || a.Closed != "" {
				a.EndAfter = passed()
			}
			return err
		}
		a.Messages = append(a.Messages, m[0])
		if err := a.take(m[0], m[4:]); err != nil {
			return err
		}
		switch {
		case m[0] == messageServerHello:
			a.HelloAfter = passed()
			if a.Version >= VersionTLS13 {
				return nil
			}
		case m[0] == messageServerHelloDone:
			a.DoneAfter = passed()
			return nil
		}
	}
	return ErrFlood
}

// take reads one message. Those that say nothing about the server are skipped.
func (a *Answer) take(kind uint8, body []byte) (err error) {
	switch kind {
	case messageServerHello:
		h, err := parseServerHello(body)
		a.Version, a.Suite, a.Compression, a.SessionID, a.Extensions = h.version, h.suite, h.compression, h.sessionID, h.extensions
		if v, ok := findExtension(h.extensions, extensionSupportedVersions); ok && len(v) == 2 {
			a.Version = decodeNumbers(v)[0]
		}
		return err
	case messageCertificate:
		a.Chain, err = parseCertificate(body)
	case messageServerKeyExchange:
		a.Group, a.Scheme, err = parseKeyExchange(body)
		if s, known := lookUp(a.Suite); err != nil && (!known || !s.ecdhe || a.Version != VersionTLS12) {
			a.Group, a.Scheme, err = 0, 0, nil // of another form: it tells nothing
		}
	case messageCertificateRequest:
		a.Request, err = parseCertificateRequest(body, a.Version >= VersionTLS12)
	}
	return err
}

// parseKeyExchange reads a ServerKeyExchange on a named curve (RFC 8422 5.4).
func parseKeyExchange(body []byte) (group, scheme uint16, err error) {
	c := cursor{b: body}
	kind := c.number(1)
	group = uint16(c.number(2))
	c.vector(1)
	scheme = uint16(c.number(2))
	c.vector(2)
	if !c.whole() || kind != 3 {
		return 0, 0, fmt.Errorf("reading the ServerKeyExchange: %w", ErrMalformed)
	}
	return group, scheme, nil
}

// parseCertificateRequest reads one; only in TLS 1.2 it has signature schemes.
func parseCertificateRequest(body []byte, withSchemes bool) (*CertificateRequest, error) {
	c := cursor{b: body}
	r := CertificateRequest{Types: slices.Clone(c.vector(1))}
	if withSchemes {
		r.Schemes = c.numbers(2)
	}
	names := cursor{b: c.vector(2)}
	for !names.short && len(names.b) > 0 {
		if name := names.vector(2); !names.short {
			r.Authorities = append(r.Authorities, slices.Clone(name))
		}
	}
	if !c.whole() || names.short {
		return &r, fmt.Errorf("reading the CertificateRequest: %w", ErrMalformed)
	}
	return &r, nil
}
