package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// Extensions of certificates, lists and their entries (RFC 5280 sections 4.2,
// 5.2 and 5.3).
var (
	oidCRLNumber       = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidReason          = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidInvalidityDate  = asn1.ObjectIdentifier{2, 5, 29, 24}
	oidDeltaCRL        = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingPoint    = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidAuthorityKeyID  = asn1.ObjectIdentifier{2, 5, 29, 35}
)

func hasExtension(c *x509.Certificate, id asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(c.Extensions, func(x pkix.Extension) bool { return x.Id.Equal(id) })
}

// criticals are the critical extensions that are not evaluated: those that
// nobody knows, and those of RFC 5280 (2.5.29), which another client may know.
func criticals(c *x509.Certificate) (unknown, known []asn1.ObjectIdentifier) {
	for _, id := range c.UnhandledCriticalExtensions {
		if len(id) == 4 && id[:3].Equal(asn1.ObjectIdentifier{2, 5, 29}) {
			known = append(known, id)
		} else {
			unknown = append(unknown, id)
		}
	}
	return unknown, known
}

// unprocessed finds a critical extension that is none of those known.
func unprocessed(extensions []pkix.Extension, known []asn1.ObjectIdentifier) asn1.ObjectIdentifier {
	for _, x := range extensions {
		if x.Critical && !slices.ContainsFunc(known, x.Id.Equal) {
			return x.Id
		}
	}
	return nil
}
