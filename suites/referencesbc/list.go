package referencesbc

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

var oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// issuingDistributionPoint says what a list speaks for (RFC 5280 5.2.5).
type issuingDistributionPoint struct {
	Point struct {
		FullName []asn1.RawValue                   `asn1:"optional,tag:0"`
		Relative pkix.RelativeDistinguishedNameSET `asn1:"optional,tag:1"`
	} `asn1:"optional,tag:0"`
	OnlyUsers      bool           `asn1:"optional,tag:1"`
	OnlyCAs        bool           `asn1:"optional,tag:2"`
	OnlyReasons    asn1.BitString `asn1:"optional,tag:3"`
	Indirect       bool           `asn1:"optional,tag:4"`
	OnlyAttributes bool           `asn1:"optional,tag:5"`
}

// readList reads a certificate revocation list, in DER, that was fetched from
// url for the sake of cert, and checks it as RFC 5280 6.3.3 says: issuer,
// signature, dates, and that it speaks for cert. Lists of some reasons only,
// indirect ones and delta lists are not taken.
func readList(der []byte, url string, cert, issuer *x509.Certificate, now time.Time) (ruling, error) {
	list, err := x509.ParseRevocationList(der)
	switch {
	case err != nil:
		return ruling{}, err
	case !bytes.Equal(list.RawIssuer, issuer.RawSubject):
		return ruling{}, fmt.Errorf("the list is one of %q, not of %q", list.Issuer, issuer.Subject)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return ruling{}, err
	}
	if err := current(list.ThisUpdate, list.NextUpdate, now); err != nil {
		return ruling{}, err
	}
	if list.NextUpdate.IsZero() {
		return ruling{}, errors.New("the list has no nextUpdate (RFC 5280 5.1.2.5)")
	}
	for _, e := range list.Extensions {
		if e.Id.Equal(oidIssuingDistributionPoint) {
			if err := scope(e.Value, url, cert.IsCA); err != nil {
				return ruling{}, err
			}
		} else if e.Critical {
			return ruling{}, fmt.Errorf("the list has the critical extension %s, which is not known here", e.Id)
		}
	}
	out := ruling{revoked: make(map[string]time.Time, len(list.RevokedCertificateEntries)), until: list.NextUpdate}
	for _, e := range list.RevokedCertificateEntries {
		if slices.ContainsFunc(e.Extensions, func(x pkix.Extension) bool { return x.Critical }) {
			return ruling{}, fmt.Errorf("the entry of %s has a critical extension, which is not known here", e.SerialNumber)
		}
		out.revoked[e.SerialNumber.String()] = e.RevocationTime
	}
	return out, nil
}

// scope checks whether a list with that issuing distribution point speaks for a
// certificate that has url as its distribution point.
func scope(der []byte, url string, ca bool) error {
	var idp issuingDistributionPoint
	if rest, err := asn1.Unmarshal(der, &idp); err != nil || len(rest) > 0 {
		return errors.New("the list's issuingDistributionPoint cannot be read")
	}
	const uri = 6 // of a GeneralName, RFC 5280 4.2.1.6
	names := idp.Point.FullName
	switch {
	case len(idp.Point.Relative) > 0,
		len(names) > 0 && !slices.ContainsFunc(names, func(n asn1.RawValue) bool { return n.Tag == uri && string(n.Bytes) == url }):
		return fmt.Errorf("the list is not the one of %s", url)
	case idp.OnlyUsers && ca, idp.OnlyCAs && !ca, idp.OnlyAttributes:
		return errors.New("the list is about certificates of another kind")
	case idp.OnlyReasons.BitLength > 0, idp.Indirect:
		return errors.New("the list is one of some reasons only, or an indirect one")
	}
	return nil
}

// current checks the dates of a list or response; it may do without a next
// update.
func current(this, next, now time.Time) error {
	switch {
	case now.Before(this):
		return fmt.Errorf("it is of %s, which is yet to come", this)
	case !next.IsZero() && !now.Before(next):
		return fmt.Errorf("it is stale: the next one was due at %s", next)
	}
	return nil
}
