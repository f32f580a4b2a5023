package referencesbc

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// readResponse reads an OCSP response about cert and checks it as RFC 6960 3.2
// says: signature, who may sign, dates. That the responder does not know cert
// is an error.
func readResponse(der []byte, cert, issuer *x509.Certificate, now time.Time) (ruling, error) {
	r, err := ocsp.ParseResponseForCert(der, cert, nil)
	if err != nil {
		return ruling{}, err
	}
	// With an issuer given, the library would check what signed the responder's
	// certificate but not what that is for, so that every host could answer for
	// all others; and it would not take the issuer's own for one.
	if by := r.Certificate; by == nil || by.Equal(issuer) {
		err = r.CheckSignatureFrom(issuer)
	} else if err = by.CheckSignatureFrom(issuer); err == nil {
		err = inTime([]*x509.Certificate{by}, now)
		if !slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
			err = fmt.Errorf("%q signed the response and may not (RFC 6960 4.2.2.2)", by.Subject)
		}
	}
	if err != nil {
		return ruling{}, err
	}
	if err := current(r.ThisUpdate, r.NextUpdate, now); err != nil {
		return ruling{}, err
	}
	out := ruling{until: r.NextUpdate}
	switch r.Status {
	case ocsp.Good:
	case ocsp.Revoked:
		out.revoked = map[string]time.Time{cert.SerialNumber.String(): r.RevokedAt}
	default:
		return ruling{}, errors.New("the responder does not know the certificate")
	}
	return out, nil
}
