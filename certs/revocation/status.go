package revocation

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/ocsp"
)

const (
	maxRequest = 64 << 10 // octets of a request's body
	maxSerial  = 20       // octets, RFC 5280 section 4.1.2.2
)

// readStatus reads the OCSP request of an HTTP request: the rest of the path of a
// GET, which is base64, or the body of a POST (RFC 6960 appendix A.1). Of a
// request about several certificates it reads the first. Signed requests are
// refused, and extensions are passed over: nonces are not known to x/crypto/ocsp,
// and the responders of public CAs, which sign ahead (RFC 5019), do not return
// them either.
func readStatus(rest string, body []byte) (*ocsp.Request, error) {
	if rest != "" {
		var err error
		if body, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "=")); err != nil {
			return nil, fmt.Errorf("reading the base64 of an OCSP request: %w", err)
		}
	}
	q, err := ocsp.ParseRequest(body)
	if err != nil {
		return nil, fmt.Errorf("reading an OCSP request: %w", err)
	}
	if len(q.SerialNumber.Bytes()) > maxSerial {
		return nil, fmt.Errorf("reading an OCSP request: the serial number has more than %d octets", maxSerial)
	}
	return q, nil
}

// errOtherIssuer is met with "unauthorized" (RFC 5019 section 2.2.3).
var errOtherIssuer = errors.New("the request is about a certificate of another issuer")

// asks reports whether a request is about the issuer.
func (i *issuer) asks(q *ocsp.Request) error {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	if _, err := asn1.Unmarshal(i.Certificate.RawSubjectPublicKeyInfo, &key); err != nil {
		return fmt.Errorf("reading the public key of %s: %w", i.Name, err)
	}
	if !bytes.Equal(q.IssuerNameHash, digest(q.HashAlgorithm, i.Certificate.RawSubject)) ||
		!bytes.Equal(q.IssuerKeyHash, digest(q.HashAlgorithm, key.Bits.RightAlign())) {
		return errOtherIssuer
	}
	return nil
}

func digest(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

// status signs the status of one serial number: revoked, or good for every other,
// since the issuer keeps no record of what it issued. The hash is that of the
// request's certificate identifier, which the response repeats.
func (s *Server) status(i *issuer, content State, serial *big.Int, hash crypto.Hash) ([]byte, error) {
	r := ocsp.Response{Status: ocsp.Good, SerialNumber: serial, IssuerHash: hash}
	r.ThisUpdate, r.NextUpdate = window(content, s.Now())

	i.mu.Lock()
	key, err := s.signer(i, content)
	if at := i.find(serial); at >= 0 {
		r.Status, r.RevocationReason = ocsp.Revoked, i.revoked[at].ReasonCode
		r.RevokedAt = earlier(i.revoked[at].RevocationTime, r.ThisUpdate)
	}
	i.mu.Unlock()
	if err != nil {
		return nil, err
	}
	// It signs with crypto/rand and dates producedAt by the system's clock.
	der, err := ocsp.CreateResponse(i.Certificate, i.Certificate, r, key)
	if err != nil {
		return nil, fmt.Errorf("signing a status of %s: %w", i.Name, err)
	}
	return der, nil
}
