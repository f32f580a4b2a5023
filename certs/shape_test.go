package certs

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var use1 = Names{
	CN: "voice.mypurecloud.com",
	DNS: []string{
		"voice.mypurecloud.com", "lb01.voice.use1.pure.cloud", "lb02.voice.use1.pure.cloud",
		"lb03.voice.use1.pure.cloud", "lb04.voice.use1.pure.cloud",
	},
	IP: []netip.Addr{netip.MustParseAddr("127.0.1.1"), netip.MustParseAddr("2001:db8::1")},
}

func newAuthority(t *testing.T, lab *Lab) *Authority {
	t.Helper()
	return authorityUnder(t, lab, HighAssuranceEV)
}

func authorityUnder(t *testing.T, lab *Lab, h Hierarchy) *Authority {
	t.Helper()
	a, err := lab.NewAuthority(h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// chainOf gives the parsed chain of a profile, as it is sent.
func chainOf(t *testing.T, a *Authority, p Profile) []*x509.Certificate {
	t.Helper()
	c, err := a.Chain(p, use1)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, c)
}

func parsed(t *testing.T, c tls.Certificate) []*x509.Certificate {
	t.Helper()
	var certs []*x509.Certificate
	for _, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}

// verify checks a chain as a device would that trusts roots.
func verify(chain []*x509.Certificate, host string, now time.Time, roots ...*x509.Certificate) error {
	opts := x509.VerifyOptions{DNSName: host, CurrentTime: now, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	for _, r := range roots {
		opts.Roots.AddCert(r)
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(opts)
	return err
}

// extensions tells which extensions (by dotted OID) are there, and if critical.
func extensions(c *x509.Certificate) map[string]bool {
	m := map[string]bool{}
	for _, e := range c.Extensions {
		m[e.Id.String()] = e.Critical
	}
	return m
}

const (
	extSKI      = "2.5.29.14"
	extKU       = "2.5.29.15"
	extSAN      = "2.5.29.17"
	extBC       = "2.5.29.19"
	extPolicies = "2.5.29.32"
	extAKI      = "2.5.29.35"
	extEKU      = "2.5.29.37"
)

// TestShapes holds each hierarchy against what was measured on DigiCert's.
func TestShapes(t *testing.T) {
	const (
		rootOf = ",OU=www.digicert.example,O=byocheck SIMULATED DigiCert,C=US"
		of     = ",O=byocheck SIMULATED DigiCert,C=US"
	)
	ev := []string{"2.16.840.1.114412.2.1", "2.23.140.1.1"}
	tests := []struct {
		hierarchy    Hierarchy
		root, issuer string // distinguished names
		key          keyKind
		signatures   [3]x509.SignatureAlgorithm // on root, intermediate, leaf
		rootAKI      bool
		policies     []string // of the intermediate
	}{
		{
			HighAssuranceEV,
			"CN=SIMULATED DigiCert High Assurance EV Root CA" + rootOf,
			"CN=SIMULATED DigiCert SHA2 Extended Validation Server CA" + rootOf,
			rsa2048, [3]x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA256WithRSA},
			true, []string{"2.5.29.32.0"},
		},
		{
			GlobalG2, "CN=SIMULATED DigiCert Global Root G2" + rootOf, "CN=SIMULATED DigiCert EV RSA CA G2" + of,
			rsa2048, [3]x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA256WithRSA, x509.SHA256WithRSA},
			false, []string{"2.5.29.32.0"},
		},
		{
			GlobalG3, "CN=SIMULATED DigiCert Global Root G3" + rootOf, "CN=SIMULATED DigiCert Global G3 TLS ECC SHA384 2020 CA1" + of,
			p384, [3]x509.SignatureAlgorithm{x509.ECDSAWithSHA384, x509.ECDSAWithSHA384, x509.ECDSAWithSHA384},
			false, append(slices.Clone(ev), "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"),
		},
	}
	if len(tests) != len(cloudShapes) {
		t.Errorf("%d hierarchies are tested, and there are %d", len(tests), len(cloudShapes))
	}
	now := testStart.Add(300 * 24 * time.Hour)
	lab := openLab(t, stateCopy(t), at(now))
	caUsage := x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	for i, tt := range tests {
		a := authorityUnder(t, lab, tt.hierarchy)
		chain, root := chainOf(t, a, Healthy), lab.CloudRoots()[i]
		if len(chain) != 2 {
			t.Fatalf("%s: %d certificates, want leaf and intermediate", tt.hierarchy, len(chain))
		}
		if !root.Equal(a.Root()) {
			t.Errorf("%s: the authority's root is another", tt.hierarchy)
		}
		rootExtensions := map[string]bool{extBC: true, extKU: true, extSKI: false}
		var rootIssuer *x509.Certificate
		if tt.rootAKI {
			rootExtensions[extAKI], rootIssuer = false, root
		}
		t.Run(string(tt.hierarchy)+"/root", func(t *testing.T) {
			form{
				tt.root, tt.key, tt.signatures[0], true, -1, caUsage, nil, nil,
				testStart.Add(-48 * time.Hour), testStart.Add(20 * year), rootExtensions,
			}.check(t, root, rootIssuer)
		})
		t.Run(string(tt.hierarchy)+"/intermediate", func(t *testing.T) {
			form{
				tt.issuer, tt.key, tt.signatures[1], true, 0, caUsage, []x509.ExtKeyUsage{server, client}, tt.policies,
				now.Add(-24 * time.Hour), now.Add(5 * year),
				map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false, extEKU: false, extPolicies: false},
			}.check(t, chain[1], root)
		})
		t.Run(string(tt.hierarchy)+"/leaf", func(t *testing.T) {
			form{
				// In hexadecimal what pkix has no name for: the EV attributes.
				"SERIALNUMBER=0000000,CN=voice.mypurecloud.com,O=byocheck SIMULATED Cloud,L=Indianapolis,ST=Indiana,C=US," +
					"2.5.4.15=#131450726976617465204f7267616e697a6174696f6e," +
					"1.3.6.1.4.1.311.60.2.1.2=#130a43616c69666f726e6961,1.3.6.1.4.1.311.60.2.1.3=#13025553",
				rsa2048, tt.signatures[2], false, -1, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
				[]x509.ExtKeyUsage{server}, ev, now.Add(-time.Hour), now.Add(180 * 24 * time.Hour),
				map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false, extEKU: false, extPolicies: false, extSAN: false},
			}.check(t, chain[0], chain[1])
			if c := chain[0]; !slices.Equal(c.DNSNames, use1.DNS) || len(c.IPAddresses)+len(c.URIs)+len(c.EmailAddresses) != 0 {
				t.Errorf("alternative names: %v", c.DNSNames)
			}
		})
	}
}

// form is all of a certificate that follows from its shape.
type form struct {
	subject           string
	key               keyKind
	signature         x509.SignatureAlgorithm
	ca                bool
	pathLen           int // -1: none
	usage             x509.KeyUsage
	extUsage          []x509.ExtKeyUsage
	policies          []string
	notBefore, notEnd time.Time
	extensions        map[string]bool // to whether it is critical
}

// check holds c to the form. The issuer is nil where c must not point to one.
func (f form) check(t *testing.T, c, issuer *x509.Certificate) {
	t.Helper()
	if !f.key.is(c.PublicKey) {
		t.Errorf("key: %s, %T", c.PublicKeyAlgorithm, c.PublicKey)
	}
	if got := c.Subject.String(); got != f.subject {
		t.Errorf("subject: %s\nwant: %s", got, f.subject)
	}
	if c.SignatureAlgorithm != f.signature {
		t.Errorf("signature: %s, want %s", c.SignatureAlgorithm, f.signature)
	}
	if c.IsCA != f.ca || !c.BasicConstraintsValid || c.MaxPathLen != f.pathLen {
		t.Errorf("basic constraints: CA %v, pathlen %d", c.IsCA, c.MaxPathLen)
	}
	if c.KeyUsage != f.usage || !slices.Equal(c.ExtKeyUsage, f.extUsage) {
		t.Errorf("key usage %b, extended %v", c.KeyUsage, c.ExtKeyUsage)
	}
	var policies []string
	for _, p := range c.Policies {
		policies = append(policies, p.String())
	}
	if !slices.Equal(policies, f.policies) {
		t.Errorf("policies: %v, want %v", policies, f.policies)
	}
	if !c.NotBefore.Equal(f.notBefore) || !c.NotAfter.Equal(f.notEnd) {
		t.Errorf("valid %v to %v, want %v to %v", c.NotBefore, c.NotAfter, f.notBefore, f.notEnd)
	}
	got := extensions(c)
	if len(got) != len(f.extensions) || len(c.Extensions) != len(got) {
		t.Errorf("extensions: %v, want %v", got, f.extensions)
	}
	for oid, critical := range f.extensions {
		if is, ok := got[oid]; !ok || is != critical {
			t.Errorf("extension %s: present %v, critical %v, want critical %v", oid, ok, is, critical)
		}
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &spki); err != nil {
		t.Fatal(err)
	}
	if sum := sha1.Sum(spki.Key.Bytes); !bytes.Equal(c.SubjectKeyId, sum[:]) {
		t.Error("subject key identifier does not follow from the key")
	}
	var authority []byte
	if issuer != nil {
		authority = issuer.SubjectKeyId
	}
	if !bytes.Equal(c.AuthorityKeyId, authority) {
		t.Errorf("authority key identifier %x, want %x", c.AuthorityKeyId, authority)
	}
	if n := len(c.SerialNumber.Bytes()); n != 16 || c.SerialNumber.Sign() != 1 {
		t.Errorf("serial number: %x", c.SerialNumber)
	}
}

// TestRootsSignThemselves: soundly, which crypto/x509 does not ask of an anchor.
func TestRootsSignThemselves(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	for _, root := range append(lab.CloudRoots(), lab.OrganisationRoot()) {
		if err := root.CheckSignature(root.SignatureAlgorithm, root.RawTBSCertificate, root.Signature); err != nil {
			t.Errorf("%s: %v", root.Subject.CommonName, err)
		}
	}
}

func TestSHA1RootIsATrustAnchor(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	root := lab.CloudRoots()[0]
	// Anywhere but on an anchor it would be refused.
	if err := root.CheckSignatureFrom(root); !errors.As(err, new(x509.InsecureAlgorithmError)) {
		t.Errorf("self-signature as a link of a path: %v", err)
	}
	chain := chainOf(t, newAuthority(t, lab), Healthy)
	for _, host := range use1.DNS {
		if err := verify(chain, host, testStart, root); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestUnknownHierarchy(t *testing.T) {
	_, err := openLab(t, stateCopy(t), at(testStart)).NewAuthority("none")
	wantLine(t, err, `"none"`)
}
