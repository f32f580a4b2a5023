package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// Hierarchy names one of the simulated hierarchies. It is also the file name of
// its root in the state directory.
type Hierarchy string

const (
	// HighAssuranceEV is shaped like DigiCert High Assurance EV Root CA with DigiCert SHA2
	// Extended Validation Server CA under it: what most BYOC Cloud regions present.
	HighAssuranceEV Hierarchy = "high-assurance-ev"
	// GlobalG2 is shaped like DigiCert Global Root G2 with DigiCert EV RSA CA G2
	// under it: what some regions present, and the others are to move to.
	GlobalG2 Hierarchy = "global-g2"
	// GlobalG3 is shaped like DigiCert Global Root G3 with DigiCert Global G3 TLS
	// ECC SHA384 2020 CA1 under it, both on P-384, and an RSA leaf: every cipher
	// suite of the cloud is authenticated by RSA. A client must hence offer
	// ecdsa_secp384r1_sha384 (RFC 8446 section 4.2.3) beside the RSA algorithms.
	GlobalG3 Hierarchy = "global-g3"
	// Organisation is the private CA of a customer's organisation in Genesys Cloud,
	// which issues the certificates of its BYOC Premises Edges (clause
	// byoc-052-edge-org-ca). It is none of the cloud's.
	Organisation Hierarchy = "organisation"
)

// shape is the form of a hierarchy: a row of a table, so that another
// hierarchy is another row.
type shape struct {
	id           Hierarchy
	since        int // the layout of the state directory that first has its root
	root         caShape
	intermediate caShape
	leaf         leafShape
}

type caShape struct {
	subject   []attribute
	key       keyKind
	signature x509.SignatureAlgorithm
	// selfAuthorityKeyID puts an authority key identifier that equals the
	// subject key identifier into a root. Some real roots have it, some not.
	selfAuthorityKeyID bool
	policies           []x509.OID
}

type leafShape struct {
	subject   []attribute // of the organisation; the common name is added
	key       keyKind
	signature x509.SignatureAlgorithm
	usage     x509.KeyUsage
	extUsage  []x509.ExtKeyUsage
	policies  []x509.OID
}

// shapes are the hierarchies whose roots the state directory keeps.
var shapes = append(slices.Clone(cloudShapes), organisationShape)

// cloudShapes are the simulated cloud hierarchies.
var cloudShapes = []shape{
	{
		id:    HighAssuranceEV,
		since: 1,
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
			policies:  []x509.OID{anyPolicy},
		},
		leaf: cloudLeaf(x509.SHA256WithRSA),
	},
	{
		id:    GlobalG2,
		since: 2,
		root: caShape{
			subject:   subject("US", "byocheck SIMULATED DigiCert", "www.digicert.example", "SIMULATED DigiCert Global Root G2"),
			key:       rsa2048,
			signature: x509.SHA256WithRSA,
		},
		intermediate: caShape{
			subject:   subject("US", "byocheck SIMULATED DigiCert", "", "SIMULATED DigiCert EV RSA CA G2"),
			key:       rsa2048,
			signature: x509.SHA256WithRSA,
			policies:  []x509.OID{anyPolicy},
		},
		leaf: cloudLeaf(x509.SHA256WithRSA),
	},
	{
		id:    GlobalG3,
		since: 2,
		root: caShape{
			subject:   subject("US", "byocheck SIMULATED DigiCert", "www.digicert.example", "SIMULATED DigiCert Global Root G3"),
			key:       p384,
			signature: x509.ECDSAWithSHA384,
		},
		intermediate: caShape{
			subject:   subject("US", "byocheck SIMULATED DigiCert", "", "SIMULATED DigiCert Global G3 TLS ECC SHA384 2020 CA1"),
			key:       p384,
			signature: x509.ECDSAWithSHA384,
			policies: []x509.OID{
				digiCertEV, cabForumEV,
				mustOID(2, 23, 140, 1, 2, 1), // CA/Browser Forum, domain validated
				cabForumOV,
				mustOID(2, 23, 140, 1, 2, 3), // CA/Browser Forum, individual validated
			},
		},
		leaf: cloudLeaf(x509.ECDSAWithSHA384),
	},
}

var (
	anyPolicy  = mustOID(2, 5, 29, 32, 0) // RFC 5280 section 4.2.1.4
	digiCertEV = mustOID(2, 16, 840, 1, 114412, 2, 1)
	cabForumEV = mustOID(2, 23, 140, 1, 1)    // CA/Browser Forum, extended validation
	cabForumOV = mustOID(2, 23, 140, 1, 2, 2) // CA/Browser Forum, organization validated
)

// cloudLeaf is the leaf of every cloud hierarchy. Only the signature differs,
// with the key of the intermediate above it.
func cloudLeaf(signature x509.SignatureAlgorithm) leafShape {
	return leafShape{
		// The attributes of an EV subject (CA/Browser Forum EV Guidelines section 7.1.4.2).
		subject: []attribute{
			{oidJurisdictionC, "US"}, {oidJurisdictionST, "California"},
			{oidBusinessCategory, "Private Organization"}, {oidSerialNumber, "0000000"},
			{oidC, "US"}, {oidST, "Indiana"}, {oidL, "Indianapolis"}, {oidO, "byocheck SIMULATED Cloud"},
		},
		key:       rsa2048,
		signature: signature,
		usage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		// No clientAuth: public CAs stopped issuing it in 2026.
		extUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		policies: []x509.OID{digiCertEV, cabForumEV},
	}
}

// organisationShape is the hierarchy of an organisation's Edges: a plain private
// CA. Whether the real one signs its Edges directly or through an intermediate
// is not published; it has one here, as the faults of a chain need it.
var organisationShape = shape{
	id:    Organisation,
	since: 3,
	root: caShape{
		subject:   subject("US", "byocheck SIMULATED Organisation", "", "SIMULATED Organisation Root CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
	},
	intermediate: caShape{
		subject:   subject("US", "byocheck SIMULATED Organisation", "", "SIMULATED Organisation Edge CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		policies:  []x509.OID{anyPolicy},
	},
	leaf: leafShape{
		subject:   []attribute{{oidC, "US"}, {oidST, "Indiana"}, {oidL, "Indianapolis"}, {oidO, "byocheck SIMULATED Edge"}},
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		usage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		extUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	},
}

// deviceShape is the hierarchy of lab devices: a plain, healthy public CA.
var deviceShape = shape{
	id: "device",
	root: caShape{
		subject:   subject("US", "byocheck SIMULATED", "", "SIMULATED Device Root CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
	},
	intermediate: caShape{
		subject:   subject("US", "byocheck SIMULATED", "", "SIMULATED Device Server CA"),
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		policies:  []x509.OID{anyPolicy},
	},
	leaf: leafShape{
		subject:   []attribute{{oidC, "US"}, {oidST, "Indiana"}, {oidL, "Indianapolis"}, {oidO, "byocheck SIMULATED Device"}},
		key:       rsa2048,
		signature: x509.SHA256WithRSA,
		usage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		extUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		policies:  []x509.OID{cabForumOV},
	},
}

// Hierarchies lists those of the cloud, in the order of their table.
func Hierarchies() []Hierarchy {
	var out []Hierarchy
	for _, s := range cloudShapes {
		out = append(out, s.id)
	}
	return out
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

// subject is that of a CA; newer ones have no unit.
func subject(country, organization, unit, commonName string) []attribute {
	name := []attribute{{oidC, country}, {oidO, organization}}
	if unit != "" {
		name = append(name, attribute{oidOU, unit})
	}
	return append(name, attribute{oidCN, commonName})
}

// rawName encodes attributes in the order given, which pkix.Name would not keep.
func rawName(attributes []attribute) ([]byte, error) {
	var seq pkix.RDNSequence
	for _, a := range attributes {
		seq = append(seq, pkix.RelativeDistinguishedNameSET{{Type: a.oid, Value: a.value}})
	}
	return asn1.Marshal(seq)
}

func mustOID(arcs ...uint64) x509.OID {
	oid, err := x509.OIDFromInts(arcs)
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return oid
}
