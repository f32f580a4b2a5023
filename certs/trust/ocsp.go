package trust

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// maxOCSP is how large an answer is read, in octets; real ones have some 500 to
// 4000. It bounds the size of the key in an answer, too, by which the parser
// checks the signature.
const maxOCSP = 1 << 14

// readOCSP looks a certificate up in an OCSP answer (RFC 6960 section 3.2),
// signed by its issuer or by a responder that the issuer delegated.
func readOCSP(der []byte, c, issuer *x509.Certificate, now time.Time) (outcome, entry, error) {
	fail := func(err error) (outcome, entry, error) { return unusable, entry{}, err }
	if len(der) > maxOCSP {
		return fail(fmt.Errorf("it has %d octets, more than the %d that are read", len(der), maxOCSP))
	}
	// The parser checks the signature only for an issuer, and then does not ask
	// whether the signer may sign answers: that is done here.
	answer, err := ocsp.ParseResponseForCert(der, c, nil)
	if refused := (ocsp.ResponseError{}); errors.As(err, &refused) {
		return fail(fmt.Errorf("the responder says %s", refused.Status))
	} else if err != nil {
		return fail(err)
	}
	if err := authentic(answer, issuer, now); err != nil {
		return fail(err)
	}
	if answer.Status == ocsp.Revoked {
		return revoked, entry{answer.RevokedAt, answer.RevocationReason}, nil
	}
	if err := current(answer.ThisUpdate, answer.NextUpdate, now); err != nil {
		return fail(err)
	}
	if answer.Status != ocsp.Good {
		return fail(errors.New("the responder does not know the certificate"))
	}
	return good, entry{}, nil
}

// authentic checks who signed an answer (RFC 6960 section 4.2.2.2).
func authentic(answer *ocsp.Response, issuer *x509.Certificate, now time.Time) error {
	by := issuer
	if r := answer.Certificate; r != nil && !bytes.Equal(r.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) {
		by = r
		switch {
		case verify(issuer, r.SignatureAlgorithm, r.RawTBSCertificate, r.Signature) != nil:
			return fmt.Errorf("its signer %s was not certified by the certificate's issuer", r.Subject)
		case !slices.Contains(r.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
			return fmt.Errorf("its signer %s may not sign OCSP answers", r.Subject)
		case now.Before(r.NotBefore) || now.After(r.NotAfter):
			return fmt.Errorf("the certificate of its signer %s is out of its period", r.Subject)
		}
	}
	if err := verify(by, answer.SignatureAlgorithm, answer.TBSResponseData, answer.Signature); err != nil {
		return fmt.Errorf("its signature is wrong: %w", err)
	}
	return nil
}
