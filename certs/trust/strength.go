package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// leastRSA is the least size of an RSA key in bits that public authorities may
// certify (CA/Browser Forum Baseline Requirements, section 6.1.5).
const leastRSA = 2048

// weak algorithms do not protect a certificate against forgery.
func weak(a x509.SignatureAlgorithm) bool {
	return slices.Contains([]x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1}, a)
}

// strength looks at the keys of the chain, and at the signatures on it less that
// of a root on itself, which nobody relies on.
func (e *evaluation) strength() Finding {
	if e.leaf == nil {
		return noLeaf
	}
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for i, c := range e.path.certs {
		switch key := c.PublicKey.(type) {
		case *rsa.PublicKey:
			if bits := key.N.BitLen(); bits < leastRSA {
				say("The key of %q has %d bits, fewer than %d.", subject(c), bits, leastRSA)
			} else if bits > maxRSA {
				say("The key of %q has %d bits, more than the %d that clients take.", subject(c), bits, maxRSA)
			}
		case *ecdsa.PublicKey:
			if i > 0 && key.Params().BitSize < 256 {
				say("The key of %q is on %s, with fewer than 256 bits.", subject(c), key.Params().Name)
			}
		case ed25519.PublicKey:
		default:
			say("The key of %q is of a kind that clients do not take.", subject(c))
		}
		switch {
		case i > 0 && e.path.isRoot(i):
		case weak(c.SignatureAlgorithm):
			say("%q is signed with %s, which can be forged.", subject(c), signatureName(c))
		case c.SignatureAlgorithm == x509.UnknownSignatureAlgorithm:
			say("%q is signed with %s, an algorithm that clients do not know.", subject(c), signatureName(c))
		}
	}
	if _, is := e.leaf.PublicKey.(*rsa.PublicKey); !is {
		say("The device's key is %s, and every cipher suite of the specification needs an RSA key.", keyName(e.leaf))
	}
	if len(wrong) > 0 {
		return Finding{Grade: Bad, Observed: strings.Join(wrong, " "), Hint: "Install a certificate for an RSA key of at least 2048 bits, with SHA-256 signatures up to the root."}
	}
	return Finding{Grade: OK, Observed: fmt.Sprintf("The device's key is %s, and the certificate is signed with %s.", keyName(e.leaf), signatureName(e.leaf))}
}
