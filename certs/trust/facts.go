package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
)

// Fingerprint is the SHA-256 of a certificate in hexadecimal, by which an
// Answer says which certificate it is about.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

func facts(c *x509.Certificate) Certificate {
	return Certificate{
		Subject: subject(c), Issuer: printable(c.Issuer.String()),
		Serial: printable(c.SerialNumber.Text(16)), SHA256: Fingerprint(c),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Key: keyName(c), Signature: signatureName(c),
		CRL: c.CRLDistributionPoints, OCSP: c.OCSPServer,
	}
}

func leafFacts(c *x509.Certificate) Leaf {
	l := Leaf{Certificate: facts(c), CommonNames: commonNames(c), DNSNames: c.DNSNames}
	for _, ip := range c.IPAddresses {
		l.Addresses = append(l.Addresses, ip.String())
	}
	for _, u := range c.URIs {
		l.URIs = append(l.URIs, u.String())
	}
	return l
}

// longest is how much of a text from a certificate a sentence shows, in runes.
const longest = 200

// printable makes a text from the wire fit for a sentence.
func printable(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > longest {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}

func subject(c *x509.Certificate) string { return printable(c.Subject.String()) }

// selfIssued certificates bear their own issuer's name, as roots do.
func selfIssued(c *x509.Certificate) bool { return string(c.RawSubject) == string(c.RawIssuer) }

func keyName(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "of a kind that is not known"
}

// signatureName names the algorithm of the signature on a certificate.
func signatureName(c *x509.Certificate) string {
	if c.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		return c.SignatureAlgorithm.String()
	}
	var outer struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &outer); err != nil {
		return "unknown"
	}
	return printable(outer.Algorithm.Algorithm.String())
}
