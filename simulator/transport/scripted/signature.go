package scripted

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"slices"
)

// scheme is a signature scheme for RSA keys (RFC 8446 4.2.3).
type scheme struct {
	id   uint16
	hash crypto.Hash
	pss  bool
}

// schemeSHA1 is what a client without signature_algorithms takes (RFC 5246 7.4.1.4.1).
const schemeSHA1 = 0x0201

var schemes = []scheme{
	{0x0401, crypto.SHA256, false},
	{0x0501, crypto.SHA384, false},
	{0x0601, crypto.SHA512, false},
	{0x0804, crypto.SHA256, true},
	{0x0805, crypto.SHA384, true},
	{0x0806, crypto.SHA512, true},
	{schemeSHA1, crypto.SHA1, false},
}

// chooseScheme returns the first of the client's that we can sign with.
func chooseScheme(h Hello) (scheme, error) {
	offered := offeredSchemes(h)
	for _, id := range offered {
		if s, ok := findScheme(id); ok {
			return s, nil
		}
	}
	return scheme{}, fmt.Errorf("%w: no signature algorithm for an RSA key among the %d offered", ErrUnsuitable, len(offered))
}

func offeredSchemes(h Hello) []uint16 {
	if _, sent := h.Extension(extensionSignatureAlgorithms); !sent {
		return []uint16{schemeSHA1}
	}
	return h.Schemes()
}

func findScheme(id uint16) (scheme, bool) {
	i := slices.IndexFunc(schemes, func(s scheme) bool { return s.id == id })
	if i < 0 {
		return scheme{}, false
	}
	return schemes[i], true
}

func (s scheme) sign(key crypto.Signer, random io.Reader, message []byte) ([]byte, error) {
	var opts crypto.SignerOpts = s.hash
	if s.pss {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	}
	signature, err := key.Sign(random, digest(s.hash.New, message), opts)
	if err != nil {
		return nil, fmt.Errorf("signing the ServerKeyExchange: %w", err)
	}
	return signature, nil
}

func (s scheme) verify(key *rsa.PublicKey, message, signature []byte) error {
	sum := digest(s.hash.New, message)
	if s.pss {
		return rsa.VerifyPSS(key, s.hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.VerifyPKCS1v15(key, s.hash, sum, signature)
}
