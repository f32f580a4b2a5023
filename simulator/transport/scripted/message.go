package scripted

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// Handshake message types (RFC 5246 7.4).
const (
	messageClientHello        = 1
	messageServerHello        = 2
	messageNewSessionTicket   = 4
	messageCertificate        = 11
	messageServerKeyExchange  = 12
	messageCertificateRequest = 13
	messageServerHelloDone    = 14
	messageClientKeyExchange  = 16
	messageFinished           = 20

	// messageChangeCipherSpec stands in an order of messages for what is a
	// record of its own (RFC 5246 7.1).
	messageChangeCipherSpec = 0xff
)

// wrap puts the handshake header before a body.
func wrap(kind uint8, body []byte) []byte { return appendVector([]byte{kind}, 3, body) }

// serverHello is a ServerHello (RFC 5246 7.4.1.3).
type serverHello struct {
	version     uint16
	random      [32]byte
	sessionID   []byte
	suite       uint16
	compression uint8
	extensions  []Extension
}

func (h serverHello) marshal() []byte {
	b := appendNumber(nil, 2, int(h.version))
	b = append(b, h.random[:]...)
	b = appendVector(b, 1, h.sessionID)
	b = appendNumber(b, 2, int(h.suite))
	b = append(b, h.compression)
	if h.extensions != nil {
		b = appendVector(b, 2, appendExtensions(nil, h.extensions))
	}
	return b
}

func parseServerHello(body []byte) (serverHello, error) {
	c := cursor{b: body}
	h := serverHello{version: uint16(c.number(2))}
	copy(h.random[:], c.take(32))
	h.sessionID = slices.Clone(c.vector(1))
	h.suite = uint16(c.number(2))
	h.compression = uint8(c.number(1))
	if !c.short && len(c.b) > 0 {
		h.extensions = parseExtensions(&c)
	}
	if !c.whole() {
		return h, fmt.Errorf("reading the ServerHello: %w", ErrMalformed)
	}
	return h, nil
}

// marshalCertificate makes the body of a Certificate message (RFC 5246 7.4.2);
// the length of the list is too high by excess.
func marshalCertificate(chain [][]byte, excess int) []byte {
	var list []byte
	for _, der := range chain {
		list = appendVector(list, 3, der)
	}
	return append(appendNumber(nil, 3, len(list)+excess), list...)
}

func parseCertificate(body []byte) ([][]byte, error) {
	c := cursor{b: body}
	list := cursor{b: c.vector(3)}
	var out [][]byte
	for !list.short && len(list.b) > 0 {
		if der := list.vector(3); !list.short {
			out = append(out, slices.Clone(der))
		}
	}
	if !c.whole() || list.short {
		return out, fmt.Errorf("reading the Certificate: %w", ErrMalformed)
	}
	return out, nil
}

// marshalCurve makes the ServerECDHParams (RFC 8422 5.4).
func marshalCurve(group uint16, point []byte) []byte {
	return appendVector(appendNumber([]byte{3}, 2, int(group)), 1, point) // 3: named_curve
}

// exportKey is a temporary RSA key of 512 bits. crypto/rsa makes none so weak.
type exportKey struct{ modulus, private *big.Int }

const exportExponent = 65537

func newExportKey(random io.Reader) (exportKey, error) {
	for range 64 { // phi has a factor in common with the exponent once in 32768
		p, err := rand.Prime(random, 256)
		if err != nil {
			return exportKey{}, fmt.Errorf("making an export key: %w", err)
		}
		q, err := rand.Prime(random, 256)
		if err != nil {
			return exportKey{}, fmt.Errorf("making an export key: %w", err)
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(big.NewInt(exportExponent), phi); d != nil && p.Cmp(q) != 0 {
			return exportKey{new(big.Int).Mul(p, q), d}, nil
		}
	}
	return exportKey{}, fmt.Errorf("making an export key: the source of randomness is stuck")
}

// marshal makes the ServerRSAParams (RFC 2246 7.4.3).
func (k exportKey) marshal() []byte {
	b := appendVector(nil, 2, k.modulus.Bytes())
	return appendVector(b, 2, big.NewInt(exportExponent).Bytes())
}

// open takes the premaster secret out of a ciphertext that was made for this
// key; nil is none (RFC 5246 7.4.7.1; padding of RFC 8017 7.2).
func (k exportKey) open(ciphertext []byte) []byte {
	const size, secret = 64, 48
	if len(ciphertext) != size {
		return nil
	}
	plain := new(big.Int).Exp(new(big.Int).SetBytes(ciphertext), k.private, k.modulus).FillBytes(make([]byte, size))
	if plain[0] != 0 || plain[1] != 2 || plain[size-secret-1] != 0 {
		return nil
	}
	return plain[size-secret:]
}
