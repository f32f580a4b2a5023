package trust

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// usage checks that the chain may serve a TLS server (RFC 5280 sections 4.2.1.3
// and 4.2.1.12). As clients do, it takes the usages of an authority as limits to
// what is below it.
func (e *evaluation) usage() Finding {
	if e.leaf == nil {
		return noLeaf
	}
	for i, c := range e.path.certs {
		if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
			continue
		}
		f := Finding{Grade: Bad, Observed: "The certificate's extended key usage does not have serverAuth.", Hint: "Install a certificate that was issued for TLS servers."}
		if i > 0 {
			f.Observed = fmt.Sprintf("The extended key usage of %q, an authority above the certificate, does not have serverAuth.", subject(c))
			f.Hint = "Have the certificate issued by an authority for TLS servers."
		}
		return f
	}
	signs := e.leaf.KeyUsage&x509.KeyUsageDigitalSignature != 0
	encrypts := e.leaf.KeyUsage&x509.KeyUsageKeyEncipherment != 0
	const hint = "Install a certificate with digitalSignature and keyEncipherment in keyUsage."
	switch {
	case e.leaf.KeyUsage == 0 || signs && encrypts:
		return Finding{Grade: OK, Observed: "The certificate may be used for TLS servers, with every cipher suite of the specification."}
	case signs && e.leaf.PublicKeyAlgorithm != x509.RSA: // that no suite takes the key is said of its strength
		return Finding{Grade: OK, Observed: "The certificate may be used for TLS servers."}
	case signs:
		return Finding{Grade: Warn, Hint: hint, Observed: "The certificate's keyUsage does not have keyEncipherment, so the cipher suites without ECDHE cannot be used."}
	case encrypts:
		return Finding{Grade: Warn, Hint: hint, Observed: "The certificate's keyUsage does not have digitalSignature, so the cipher suites with ECDHE cannot be used."}
	}
	return Finding{Grade: Bad, Hint: hint, Observed: "The certificate's keyUsage has neither digitalSignature nor keyEncipherment, so no cipher suite of the specification can be used."}
}
