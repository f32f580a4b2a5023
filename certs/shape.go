package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// Hierarchy names one of the simulated cloud hierarchies. It is also the file
// name of its root in the state directory and in exports.
type Hierarchy string

// HighAssuranceEV is shaped like DigiCert High Assurance EV Root CA with DigiCert SHA2
// Extended Validation Server CA under it: what most BYOC Cloud regions present.
const HighAssuranceEV Hierarchy = "high-assurance-ev"

// shape is the form of a hierarchy: a row of a table, so that another
// hierarchy is another row.
type shape struct {
	id           Hierarchy
	root         caShape
	intermediate caShape
	leaf         leafShape
}

type caShape struct {
	subject   []attribute
	key       keyMaker
	signature x509.SignatureAlgorithm
	// selfAuthorityKeyID puts an authority key identifier that equals the
	// subject key identifier into a root. Some real roots have it, some not.
	selfAuthorityKeyID bool
	policies           []x509.OID
}

type leafShape struct {
	subject   []attribute // of the organisation; the common name is added
	key       keyMaker
	signature x509.SignatureAlgorithm
	usage     x509.KeyUsage
	extUsage  []x509.ExtKeyUsage
	policies  []x509.OID
}

// shapes are the simulated cloud hierarchies.
var shapes = []shape{{
	id: HighAssuranceEV,
	root: caShape{
		subject: subject("US", "byocheck SIMULATED DigiCert", "www.digicert.example", "SIMULATED DigiCert High Assurance EV Root CA"),
		key:     rsa2048,
		// As on the real root of 2006. Nobody checks the signature of a trust
		// anchor; a device that does, or that refuses SHA-1 there, cannot use
		// the real root either.
		signature:          x509.SHA1WithRSA,
		selfAuthorityKeyID: true,
	},
	intermediate: caShape{
		subject:   subject("US", "byocheck SIMULATED DigiCert", "www.digicert.example", "SIMULATED DigiCert SHA2 Extended Validation Server CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		policies:  []x509.OID{mustOID(2, 5, 29, 32, 0)}, // anyPolicy, RFC 5280 section 4.2.1.4
	},
	leaf: leafShape{
		// The attributes of an EV subject (CA/Browser Forum EV Guidelines section 7.1.4.2).
		subject: []attribute{
			{oidJurisdictionC, "US"}, {oidJurisdictionST, "California"},
			{oidBusinessCategory, "Private Organization"}, {oidSerialNumber, "0000000"},
			{oidC, "US"}, {oidST, "Indiana"}, {oidL, "Indianapolis"}, {oidO, "byocheck SIMULATED Cloud"},
		},
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		usage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		// No clientAuth: public CAs stopped issuing it in 2026.
		extUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		policies: []x509.OID{
			mustOID(2, 16, 840, 1, 114412, 2, 1), // DigiCert EV
			mustOID(2, 23, 140, 1, 1),            // CA/Browser Forum EV
		},
	},
}}

// deviceShape is the hierarchy of lab devices: a plain, healthy public CA.
var deviceShape = shape{
	root: caShape{
		subject:   subject("US", "byocheck SIMULATED", "devices", "SIMULATED Device Root CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
	},
	intermediate: caShape{
		subject:   subject("US", "byocheck SIMULATED", "devices", "SIMULATED Device Server CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
	},
	leaf: leafShape{
		subject:   []attribute{{oidC, "US"}, {oidO, "byocheck SIMULATED Device"}},
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		usage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		extUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	},
}

func shapeOf(h Hierarchy) (shape, error) {
	for _, s := range shapes {
		if s.id == h {
			return s, nil
		}
	}
	return shape{}, fmt.Errorf("choosing a hierarchy: unknown hierarchy %q", h)
}

// attribute is one relative distinguished name (RFC 5280 section 4.1.2.4).
type attribute struct {
	oid   asn1.ObjectIdentifier
	value string
}

var (
	oidCN               = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerialNumber     = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidC                = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidL                = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidST               = asn1.ObjectIdentifier{2, 5, 4, 8}
	oidO                = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOU               = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidBusinessCategory = asn1.ObjectIdentifier{2, 5, 4, 15}
	oidJurisdictionST   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 2}
	oidJurisdictionC    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 3}
)

func subject(country, organization, unit, commonName string) []attribute {
	return []attribute{{oidC, country}, {oidO, organization}, {oidOU, unit}, {oidCN, commonName}}
}

// rawName encodes attributes in the order given, which pkix.Name would not keep.
func rawName(attributes []attribute) ([]byte, error) {
	var seq pkix.RDNSequence
	for _, a := range attributes {
		seq = append(seq, pkix.RelativeDistinguishedNameSET{{Type: a.oid, Value: a.value}})
	}
	return asn1.Marshal(seq)
}

// keyMaker makes a private key. It takes no source of randomness because
// crypto/rsa uses the operating system's whatever it is given.
type keyMaker func() (crypto.Signer, error)

func rsa2048() (crypto.Signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generating an RSA key: %w", err)
	}
	return key, nil
}

func mustOID(arcs ...uint64) x509.OID {
	oid, err := x509.OIDFromInts(arcs)
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return oid
}
