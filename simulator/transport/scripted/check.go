package scripted

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
)

// readFlight reads the server's first flight and checks it.
func (c *client) readFlight() error {
	var came []uint8
	for !c.complete(came) {
		m, err := c.message()
		if err != nil {
			return fmt.Errorf("waiting for the server's first flight: %w", err)
		}
		c.transcript = append(c.transcript, m...)
		if err := c.inTurn(came, m[0]); err != nil {
			return err
		}
		came = append(came, m[0])
		if err := c.take(m[0], m[4:]); err != nil {
			return err
		}
	}
	return c.checkSignature()
}

// firstFlight is the order of the server's first flight (RFC 5246 7.3).
var firstFlight = []uint8{messageServerHello, messageCertificate, messageServerKeyExchange, messageCertificateRequest, messageServerHelloDone}

// required reports whether a message of the first flight must come.
func (c *client) required(kind uint8) bool {
	switch kind {
	case messageCertificate:
		return c.Lacks != CheckCertificate
	case messageServerKeyExchange:
		return c.suite.ecdhe || c.suite.key == 0 // an export suite
	}
	return kind != messageCertificateRequest
}

// complete reports whether the first flight is: at the ServerHelloDone, but a
// client that knows no order waits for all that it needs.
func (c *client) complete(came []uint8) bool {
	if c.Lacks != CheckOrder {
		return slices.Contains(came, messageServerHelloDone)
	}
	return !slices.ContainsFunc(firstFlight, func(kind uint8) bool { return c.required(kind) && !slices.Contains(came, kind) })
}

// inTurn checks that a message may come now, behind those that came.
func (c *client) inTurn(came []uint8, kind uint8) error {
	at := slices.Index(firstFlight, kind)
	bad := at < 0 || slices.Contains(came, kind) || (len(came) == 0) != (at == 0)
	if !bad && at > 0 && c.Lacks != CheckOrder {
		from := 1 + slices.Index(firstFlight, came[len(came)-1])
		bad = at < from || slices.ContainsFunc(firstFlight[from:at], c.required)
	}
	if !bad && kind == messageServerKeyExchange {
		bad = !c.required(kind) && c.Lacks != CheckKeyExchange
	}
	if bad {
		return unexpected{typeHandshake, kind}
	}
	return nil
}

// take reads and checks one message of the first flight.
func (c *client) take(kind uint8, body []byte) (err error) {
	switch kind {
	case messageServerHello:
		if c.hello, err = parseServerHello(body); err != nil {
			return err
		}
		return c.checkHello()
	case messageCertificate:
		if c.Lacks == CheckLength && len(body) > 3 {
			body = appendVector(nil, 3, body[3:])
		}
		if c.chain, err = parseCertificate(body); err != nil {
			return err
		}
		if c.Verify == nil {
			return nil
		}
		if err := c.Verify(c.chain); err != nil {
			return refusal{alertBadCertificate, err.Error()}
		}
		return nil
	case messageServerKeyExchange:
		return c.takeKeyExchange(body)
	case messageCertificateRequest:
		c.asked = true
	}
	return nil
}

// checkHello checks what the server chose against what was offered.
func (c *client) checkHello() error {
	h := c.hello
	if h.version != VersionTLS12 {
		if err := c.refuse(CheckVersion, alertProtocolVersion, "the server chose version %04x", h.version); err != nil {
			return err
		}
		c.records.version = min(h.version, VersionTLS12)
	}
	var known bool
	if c.suite, known = lookUp(h.suite); !known && slices.Contains(exportSuites, h.suite) {
		c.suite, known = suite{id: h.suite}, true
	}
	if !known {
		return refusal{alertIllegalParameter, fmt.Sprintf("the server chose suite %04x, which is not known here", h.suite)}
	}
	if !slices.Contains(c.Hello.Suites, h.suite) {
		if err := c.refuse(CheckSuite, alertIllegalParameter, "the server chose suite %04x, which was not offered", h.suite); err != nil {
			return err
		}
	}
	if h.compression != 0 {
		if err := c.refuse(CheckCompression, alertIllegalParameter, "the server chose compression method %d", h.compression); err != nil {
			return err
		}
	}
	for _, e := range h.extensions {
		_, asked := c.Hello.Extension(e.Type)
		asked = asked || e.Type == extensionRenegotiationInfo && slices.Contains(c.Hello.Suites, RenegotiationSCSV)
		if !asked {
			if err := c.refuse(CheckExtensions, alertUnsupportedExtension, "the server sent extension %d, which was not asked for", e.Type); err != nil {
				return err
			}
		}
		if e.Type == extensionRenegotiationInfo && !slices.Equal(e.Body, []byte{0}) {
			if err := c.refuse(CheckRenegotiation, alertHandshakeFailure, "the server renegotiates what was never negotiated"); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxWeak bounds the RSA keys that are taken out of a ServerKeyExchange, in octets.
const maxWeak = 512

// takeKeyExchange reads a ServerKeyExchange (RFC 8422 5.4, RFC 2246 7.4.3).
func (c *client) takeKeyExchange(body []byte) error {
	r := cursor{b: body}
	if c.suite.ecdhe {
		kind := r.number(1)
		c.group, c.point = uint16(r.number(2)), r.vector(1)
		if r.short || kind != 3 {
			return fmt.Errorf("reading the ServerKeyExchange: %w", ErrMalformed)
		}
		if !slices.Contains(c.Hello.Groups(), c.group) {
			if err := c.refuse(CheckGroup, alertIllegalParameter, "the server chose group %d, which was not offered", c.group); err != nil {
				return err
			}
		}
	} else {
		modulus, exponent := r.vector(2), cursor{b: r.vector(2)}
		if len(modulus) > maxWeak || len(exponent.b) > 4 {
			return fmt.Errorf("reading the ServerKeyExchange: an RSA key of %d octets: %w", len(modulus), ErrMalformed)
		}
		c.weak = &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: exponent.number(len(exponent.b))}
	}
	c.params = body[:len(body)-len(r.b)]
	c.scheme, c.signature = uint16(r.number(2)), r.vector(2)
	if !r.whole() {
		return fmt.Errorf("reading the ServerKeyExchange: %w", ErrMalformed)
	}
	return nil
}

// checkSignature verifies the ServerKeyExchange, if there is one, with the key
// of the certificate (RFC 5246 7.4.3).
func (c *client) checkSignature() error {
	if c.params == nil || c.Lacks == CheckSignature || len(c.chain) == 0 && c.Lacks == CheckCertificate {
		return nil
	}
	s, ok := findScheme(c.scheme)
	if !ok || !slices.Contains(offeredSchemes(c.Hello), c.scheme) {
		return refusal{alertIllegalParameter, fmt.Sprintf("the server signed with scheme %04x, which was not offered", c.scheme)}
	}
	key, err := c.leafKey()
	if err != nil {
		return err
	}
	if err := s.verify(key, slices.Concat(c.Hello.Random[:], c.hello.random[:], c.params), c.signature); err != nil {
		return refusal{alertDecryptError, "the signature of the ServerKeyExchange is wrong: " + err.Error()}
	}
	return nil
}

func (c *client) leafKey() (*rsa.PublicKey, error) {
	if len(c.chain) == 0 {
		return nil, refusal{alertDecodeError, "the server sent no certificate"}
	}
	leaf, err := x509.ParseCertificate(c.chain[0])
	if err != nil {
		return nil, refusal{alertBadCertificate, err.Error()}
	}
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, refusal{alertUnsupportedCertificate, fmt.Sprintf("the certificate has a %T", leaf.PublicKey)}
	}
	return key, nil
}
