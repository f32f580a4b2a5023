package scripted

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
)

// Check names something that a client has to see to in a handshake.
type Check string

// The checks of a client, each with the script that finds it missing.
const (
	CheckVersion       Check = "version"       // unoffered-version
	CheckSuite         Check = "suite"         // unoffered-suite
	CheckGroup         Check = "group"         // unoffered-group
	CheckCompression   Check = "compression"   // compression
	CheckExtensions    Check = "extensions"    // unsolicited-extension
	CheckRenegotiation Check = "renegotiation" // bad-renegotiation-info
	CheckLength        Check = "length"        // malformed-certificate
	CheckOrder         Check = "order"         // reordered-done, reordered-key-exchange
	CheckCertificate   Check = "certificate"   // missing-certificate
	CheckKeyExchange   Check = "key-exchange"  // unexpected-key-exchange
	CheckSignature     Check = "signature"     // wrong-signature
	CheckFinished      Check = "finished"      // wrong-finished
)

// Client is a TLS 1.2 client that can lack one check: the device that a script
// is there to find.
type Client struct {
	// Hello is sent, as by Probe.
	Hello Hello
	// Verify, if not nil, sees the certificate chain, DER, leaf first; an error
	// refuses it.
	Verify func(chain [][]byte) error
	// Rand is the source of randomness; nil is crypto/rand.
	Rand io.Reader
	// Lacks is the check that is left out; empty leaves out none.
	Lacks Check
}

// client is one handshake of a Client.
type client struct {
	*records
	Client
	transcript []byte
	unsent     []byte
	hello      serverHello
	suite      suite
	chain      [][]byte
	asked      bool // a CertificateRequest came

	// of the ServerKeyExchange:
	group     uint16
	point     []byte
	weak      *rsa.PublicKey
	params    []byte // all of that, as signed
	scheme    uint16
	signature []byte
}

// refusal is what a check found, and the alert to tell it with.
type refusal struct {
	alert uint8
	why   string
}

func (r refusal) Error() string { return r.why }

// Handshake does the handshake on raw. After an error the caller closes raw;
// the server has been told with an alert where the error is not its own.
func (p Client) Handshake(ctx context.Context, raw net.Conn) (*Session, error) {
	if p.Rand == nil {
		p.Rand = rand.Reader
	}
	c := &client{records: newRecords(raw, p.Rand), Client: p}
	done := guard(ctx, raw)
	err := c.handshake()
	if code, tell := alertFor(err); tell {
		c.alert(levelFatal, code)
	}
	if cause := done(); cause != nil {
		err = cause
	}
	if err != nil {
		return nil, fmt.Errorf("doing a TLS handshake as client: %w", err)
	}
	return &Session{Conn: raw, layer: c.records}, nil
}

// refuse returns a refusal, unless the client lacks the check.
func (c *client) refuse(check Check, alert uint8, format string, args ...any) error {
	if c.Lacks == check {
		return nil
	}
	return refusal{alert, fmt.Sprintf(format, args...)}
}

func (c *client) handshake() error {
	if c.Hello.Random == [32]byte{} {
		if _, err := io.ReadFull(c.Rand, c.Hello.Random[:]); err != nil {
			return fmt.Errorf("drawing the client's random: %w", err)
		}
	}
	body, err := c.Hello.Marshal()
	if err != nil {
		return err
	}
	c.records.version = VersionTLS10 // of a first record: RFC 5246 E.1
	if err := c.say(wrap(messageClientHello, body)); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.records.version = VersionTLS12
	if err := c.readFlight(); err != nil {
		return err
	}
	return c.finish()
}

// say queues a handshake message.
func (c *client) say(m []byte) (err error) {
	c.transcript = append(c.transcript, m...)
	c.unsent, err = c.seal(c.unsent, typeHandshake, m, maxFragment)
	return err
}

// flush sends what is queued, in one go as libraries do.
func (c *client) flush() error {
	defer func() { c.unsent = nil }()
	return c.write(c.unsent)
}

// finish does what follows the server's first flight.
func (c *client) finish() error {
	if c.asked { // RFC 5246 7.4.6: a client without a certificate says so
		if err := c.say(wrap(messageCertificate, marshalCertificate(nil, 0))); err != nil {
			return err
		}
	}
	premaster, body, err := c.keyExchange()
	if err != nil {
		return err
	}
	if err := c.say(wrap(messageClientKeyExchange, body)); err != nil {
		return err
	}
	if c.suite.key == 0 {
		return errors.Join(c.flush(), errExport)
	}
	_, extended := findExtension(c.hello.extensions, extensionExtendedMasterSecret)
	randoms := slices.Concat(c.Hello.Random[:], c.hello.random[:])
	s := newSecrets(c.suite, premaster, randoms, c.transcript, extended)
	sealing, opening := s.protections(randoms)
	if c.unsent, err = c.seal(c.unsent, typeChangeCipherSpec, []byte{1}, maxFragment); err != nil {
		return err
	}
	c.send = sealing
	if err := c.say(wrap(messageFinished, s.finished("client", c.transcript))); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	if err := c.changeCipherSpec(); err != nil {
		return fmt.Errorf("waiting for the server's change_cipher_spec: %w", err)
	}
	c.recv = opening
	m, err := c.message()
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the server's Finished: %w", err)
	case m[0] != messageFinished:
		return unexpected{typeHandshake, m[0]}
	case !hmac.Equal(m[4:], s.finished("server", c.transcript)):
		return c.refuse(CheckFinished, alertDecryptError, "the server's Finished is wrong")
	}
	return nil
}

// errExport: an export suite was taken, and that is all that is to be shown.
var errExport = errors.New("there is no cipher for an export suite")

// keyExchange makes a premaster secret and the ClientKeyExchange for it.
func (c *client) keyExchange() (premaster, body []byte, err error) {
	if c.suite.ecdhe {
		own, err := newShare(c.group, c.Rand)
		if err != nil {
			return nil, nil, err
		}
		premaster, err = own.agree(c.point)
		return premaster, appendVector(nil, 1, own.point), err
	}
	premaster = make([]byte, 48)
	if _, err := io.ReadFull(c.Rand, premaster[2:]); err != nil {
		return nil, nil, fmt.Errorf("drawing the premaster secret: %w", err)
	}
	copy(premaster, appendNumber(nil, 2, int(c.Hello.Version)))
	if c.weak != nil {
		sealed, err := sealWeak(c.weak, premaster)
		return premaster, appendVector(nil, 2, sealed), err
	}
	key, err := c.leafKey()
	if err != nil {
		return nil, nil, err
	}
	//lint:ignore SA1019 static RSA is PKCS #1 v1.5 (RFC 5246 7.4.7.1)
	sealed, err := rsa.EncryptPKCS1v15(c.Rand, key, premaster)
	if err != nil {
		return nil, nil, fmt.Errorf("encrypting the premaster secret: %w", err)
	}
	return premaster, appendVector(nil, 2, sealed), nil
}

// sealWeak is RSAES-PKCS1-v1_5 (RFC 8017 7.2.1) for keys that crypto/rsa
// refuses. Its padding is not random: a key of 512 bits keeps no secret.
func sealWeak(key *rsa.PublicKey, secret []byte) ([]byte, error) {
	size := (key.N.BitLen() + 7) / 8
	if size < len(secret)+11 || key.E < 3 {
		return nil, refusal{alertIllegalParameter, "the RSA key of the ServerKeyExchange is too short"}
	}
	block := bytes.Repeat([]byte{0xff}, size)
	copy(block, []byte{0, 2})
	block[size-len(secret)-1] = 0
	copy(block[size-len(secret):], secret)
	m := new(big.Int).SetBytes(block)
	return m.Exp(m, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size)), nil
}
