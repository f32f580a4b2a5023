package transport

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/libssl"
)

// Engines is the engine that chooses among engines: crypto/tls does what it
// can, and libssl the two suites that crypto/tls does not have, and devices that
// offer nothing better than SHA-1. Where libssl is missing crypto/tls does all,
// and what it cannot do is refused.
type Engines struct {
	missing func() error // in place of LibSSLMissing, where not nil
}

func (e Engines) libsslMissing() error {
	if e.missing != nil {
		return e.missing()
	}
	return LibSSLMissing()
}

// Name implements Engine.
func (Engines) Name() string { return "by policy" }

// Server implements Engine. It reads the ClientHello, picks the suite as the
// cloud does, and takes the engine that has it.
func (e Engines) Server(ctx context.Context, raw net.Conn, p ServerParameters) (Session, error) {
	hello, seen, err := peek(ctx, raw)
	conn := &replay{Conn: raw, seen: seen}
	if err != nil { // what is no ClientHello crypto/tls refuses with the right alert
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return GoEngine{}.Server(ctx, conn, p)
	}
	suite, err := choose(hello.Suites, curves(hello.Groups), p.Suites)
	if err != nil || !slices.Contains(hello.Versions, versionTLS12) || goCan(suite) && signable(hello.SignatureSchemes, p.Certificate.PrivateKey) {
		return GoEngine{}.Server(ctx, conn, p)
	}
	if missing := e.libsslMissing(); missing != nil {
		s, err := GoEngine{}.Server(ctx, conn, p) // perhaps with another suite
		lack := "signs with nothing that the device takes"
		if !goCan(suite) {
			lack = "does not have " + SuiteName(suite)
		}
		if err != nil {
			err = fmt.Errorf("%w (crypto/tls %s: %w)", err, lack, missing)
		}
		return s, err
	}
	p.Suites = []uint16{suite}
	return LibSSLEngine{}.Server(ctx, conn, p)
}

// Client implements Engine.
func (e Engines) Client(ctx context.Context, raw net.Conn, p ClientParameters) (Session, error) {
	if !slices.ContainsFunc(p.Suites, func(s uint16) bool { return !goCan(s) }) {
		return GoEngine{}.Client(ctx, raw, p)
	}
	if err := e.libsslMissing(); err != nil {
		p.Suites = slices.DeleteFunc(slices.Clone(p.Suites), func(s uint16) bool { return !goCan(s) })
		if len(p.Suites) == 0 {
			return nil, fmt.Errorf("offering a suite that crypto/tls does not have: %w", err)
		}
		return GoEngine{}.Client(ctx, raw, p)
	}
	return LibSSLEngine{}.Client(ctx, raw, p)
}

const versionTLS12 = 0x0303

// signable reports whether crypto/tls can sign with key for a device that offers
// these signature algorithms. None means SHA-1 only (RFC 5246 section 7.4.1.4.1).
func signable(schemes []uint16, key crypto.PrivateKey) bool {
	can := []uint16{0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806} // RSA, RFC 8446 section 4.2.3
	if _, is := key.(*ecdsa.PrivateKey); is {
		can = []uint16{0x0403, 0x0503, 0x0603}
	}
	return slices.ContainsFunc(schemes, func(s uint16) bool { return slices.Contains(can, s) })
}

// LibSSLEngine is the machine's OpenSSL, with the settings of GoEngine. It offers
// suites in the order that is asked for.
type LibSSLEngine struct {
	// Version, if not 0, is the only one that is spoken in place of TLS 1.2.
	Version uint16
}

// LibSSLMissing says why the machine's OpenSSL cannot be used; nil where it can.
func LibSSLMissing() error { return libssl.Available() }

// libsslWeak are the suites without encryption or authentication that OpenSSL
// still has: RSA and ECDHE with NULL, and anonymous ECDH.
var libsslWeak = []uint16{0x0002, 0x003b, 0xc010, 0xc015, 0xc018, 0xc019}

// WeakEngine returns an engine that has a suite which nobody should take, nil
// where there is none.
func WeakEngine(suite uint16) Engine {
	for _, s := range tls.InsecureCipherSuites() {
		if s.ID == suite {
			return GoEngine{}
		}
	}
	if libssl.Available() == nil && slices.Contains(libsslWeak, suite) {
		return LibSSLEngine{}
	}
	return nil
}

// Name implements Engine.
func (LibSSLEngine) Name() string { return "libssl" }

// Server implements Engine.
func (e LibSSLEngine) Server(ctx context.Context, raw net.Conn, p ServerParameters) (Session, error) {
	key := fmt.Sprintf("server %x %x %x %x", e.Version, p.Suites, sha256.Sum256(bytes.Join(p.Certificate.Certificate, nil)), sha256.Sum256(p.Certificate.OCSPStaple))
	c, err := libssl.Server(ctx, raw, kept(key, &libssl.Config{
		MinVersion: e.Version, MaxVersion: e.Version,
		Chain: p.Certificate.Certificate, Key: p.Certificate.PrivateKey, Staple: p.Certificate.OCSPStaple,
		Suites: p.Suites, Groups: []uint16{uint16(P384)},
		SecurityLevel: 0, // a device that offers SHA-1 only is to be served, and told so
	}))
	return libsslDone(ctx, c, err)
}

// Client implements Engine.
func (e LibSSLEngine) Client(ctx context.Context, raw net.Conn, p ClientParameters) (Session, error) {
	config := &libssl.Config{MinVersion: e.Version, MaxVersion: e.Version, Suites: p.Suites, Groups: []uint16{uint16(P384)}, ServerName: p.ServerName,
		SecurityLevel: 0} // what the device shows is for the judge to weigh
	if p.Verify != nil {
		config.Verify = func(chain [][]byte) error {
			var certs []*x509.Certificate
			for _, der := range chain {
				c, err := x509.ParseCertificate(der)
				if err != nil {
					return fmt.Errorf("reading the device's certificate: %w", err)
				}
				certs = append(certs, c)
			}
			return p.Verify(certs)
		}
	} else {
		config = kept(fmt.Sprintf("client %x %x %q", e.Version, p.Suites, p.ServerName), config)
	}
	c, err := libssl.Client(ctx, raw, config)
	return libsslDone(ctx, c, err)
}

// configs are kept because setting one up takes milliseconds, which would count
// as ours in every handshake that is measured. There are as many as faces.
var configs sync.Map

func kept(key string, fresh *libssl.Config) *libssl.Config {
	c, _ := configs.LoadOrStore(key, fresh)
	return c.(*libssl.Config)
}

func libsslDone(ctx context.Context, c *libssl.Conn, err error) (Session, error) {
	if err == nil {
		return libsslSession{c}, nil
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
		return nil, cause
	}
	return nil, err
}

type libsslSession struct{ *libssl.Conn }

func (s libsslSession) Negotiated() Negotiated {
	state := s.ConnectionState()
	return Negotiated{Version: state.Version, Suite: state.Suite, Group: state.Group, ServerName: state.ServerName, Engine: LibSSLEngine{}.Name()}
}

// maxHello bounds what is read of a ClientHello before an engine takes over. A
// handshake message may be 16 MB long (RFC 5246 section 7.4); a ClientHello is
// not a thousandth of that.
const maxHello = 32 << 10

var errNoHello = errors.New("what came is no ClientHello")

// peek reads the ClientHello from raw, and returns all that it read.
func peek(ctx context.Context, raw net.Conn) (hello record.ClientHello, seen []byte, err error) {
	stop := context.AfterFunc(ctx, func() { raw.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = context.Cause(ctx)
		}
	}()
	var message []byte
	for len(seen) < maxHello {
		header := make([]byte, 5)
		n, err := io.ReadFull(raw, header)
		seen = append(seen, header[:n]...)
		if err != nil {
			return hello, seen, err
		}
		length := int(header[3])<<8 | int(header[4])
		if header[0] != 22 || length == 0 || length > 1<<14 { // RFC 5246 section 6.2.1
			return hello, seen, errNoHello
		}
		body := make([]byte, length)
		n, err = io.ReadFull(raw, body)
		seen = append(seen, body[:n]...)
		if err != nil {
			return hello, seen, err
		}
		message = append(message, body...)
		if len(message) < 4 {
			continue
		}
		if message[0] != 1 {
			return hello, seen, errNoHello
		}
		if want := 4 + (int(message[1])<<16 | int(message[2])<<8 | int(message[3])); len(message) >= want {
			hello, err = parseHello(message[4:want])
			return hello, seen, err
		}
	}
	return hello, seen, errNoHello
}

// replay gives again what was read ahead.
type replay struct {
	net.Conn
	seen []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.seen) > 0 {
		n := copy(b, r.seen)
		r.seen = r.seen[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}
