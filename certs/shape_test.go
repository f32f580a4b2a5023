package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"errors"
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
}

func newAuthority(t *testing.T, lab *Lab) *Authority {
	t.Helper()
	a, err := lab.NewAuthority(HighAssuranceEV)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// chainOf gives the parsed chain of a profile: leaf, intermediate.
func chainOf(t *testing.T, a *Authority, p Profile) []*x509.Certificate {
	t.Helper()
	c, err := a.Chain(p, use1)
	if err != nil {
		t.Fatal(err)
	}
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

func TestShapeOfHighAssuranceEV(t *testing.T) {
	now := testStart.Add(300 * 24 * time.Hour)
	lab := openLab(t, stateCopy(t), at(now))
	chain := chainOf(t, newAuthority(t, lab), Healthy)
	if len(chain) != 2 {
		t.Fatalf("%d certificates, want leaf and intermediate", len(chain))
	}
	caUsage := x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	const rootDN = "CN=SIMULATED DigiCert High Assurance EV Root CA,OU=www.digicert.example,O=byocheck SIMULATED DigiCert,C=US"
	const icaDN = "CN=SIMULATED DigiCert SHA2 Extended Validation Server CA,OU=www.digicert.example,O=byocheck SIMULATED DigiCert,C=US"
	tests := []struct {
		name              string
		cert              *x509.Certificate
		issuer            *x509.Certificate
		subject           string
		signature         x509.SignatureAlgorithm
		ca                bool
		pathLen           int // -1: none
		usage             x509.KeyUsage
		extUsage          []x509.ExtKeyUsage
		policies          []string
		notBefore, notEnd time.Time
		extensions        map[string]bool
	}{
		{
			"root", lab.CloudRoots()[0], lab.CloudRoots()[0], rootDN,
			x509.SHA1WithRSA, true, -1, caUsage, nil, nil,
			testStart.Add(-48 * time.Hour), testStart.Add(20 * year),
			map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false},
		},
		{
			"intermediate", chain[1], lab.CloudRoots()[0], icaDN,
			x509.SHA256WithRSA, true, 0, caUsage, []x509.ExtKeyUsage{server, client}, []string{"2.5.29.32.0"},
			now.Add(-24 * time.Hour), now.Add(5 * year),
			map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false, extEKU: false, extPolicies: false},
		},
		{
			"leaf", chain[0], chain[1],
			// In hexadecimal what pkix has no name for: the EV attributes.
			"SERIALNUMBER=0000000,CN=voice.mypurecloud.com,O=byocheck SIMULATED Cloud,L=Indianapolis,ST=Indiana,C=US," +
				"2.5.4.15=#131450726976617465204f7267616e697a6174696f6e," +
				"1.3.6.1.4.1.311.60.2.1.2=#130a43616c69666f726e6961,1.3.6.1.4.1.311.60.2.1.3=#13025553",
			x509.SHA256WithRSA, false, -1, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
			[]x509.ExtKeyUsage{server}, []string{"2.16.840.1.114412.2.1", "2.23.140.1.1"},
			now.Add(-time.Hour), now.Add(180 * 24 * time.Hour),
			map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false, extEKU: false, extPolicies: false, extSAN: false},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.cert
			key, ok := c.PublicKey.(*rsa.PublicKey)
			if !ok || key.N.BitLen() != 2048 {
				t.Fatalf("key: %T, want RSA 2048", c.PublicKey)
			}
			if got := c.Subject.String(); got != tt.subject {
				t.Errorf("subject: %s\nwant: %s", got, tt.subject)
			}
			if c.SignatureAlgorithm != tt.signature {
				t.Errorf("signature: %s, want %s", c.SignatureAlgorithm, tt.signature)
			}
			if c.IsCA != tt.ca || !c.BasicConstraintsValid || c.MaxPathLen != tt.pathLen {
				t.Errorf("basic constraints: CA %v, pathlen %d", c.IsCA, c.MaxPathLen)
			}
			if c.KeyUsage != tt.usage || !slices.Equal(c.ExtKeyUsage, tt.extUsage) {
				t.Errorf("key usage %b, extended %v", c.KeyUsage, c.ExtKeyUsage)
			}
			var policies []string
			for _, p := range c.Policies {
				policies = append(policies, p.String())
			}
			if !slices.Equal(policies, tt.policies) {
				t.Errorf("policies: %v, want %v", policies, tt.policies)
			}
			if !c.NotBefore.Equal(tt.notBefore) || !c.NotAfter.Equal(tt.notEnd) {
				t.Errorf("valid %v to %v, want %v to %v", c.NotBefore, c.NotAfter, tt.notBefore, tt.notEnd)
			}
			got := extensions(c)
			if len(got) != len(tt.extensions) || len(c.Extensions) != len(got) {
				t.Errorf("extensions: %v, want %v", got, tt.extensions)
			}
			for oid, critical := range tt.extensions {
				if is, ok := got[oid]; !ok || is != critical {
					t.Errorf("extension %s: present %v, critical %v, want critical %v", oid, ok, is, critical)
				}
			}
			sum := sha1.Sum(x509.MarshalPKCS1PublicKey(key))
			if !bytes.Equal(c.SubjectKeyId, sum[:]) || !bytes.Equal(c.AuthorityKeyId, tt.issuer.SubjectKeyId) {
				t.Error("key identifiers do not follow from the keys")
			}
			if n := len(c.SerialNumber.Bytes()); n != 16 || c.SerialNumber.Sign() != 1 {
				t.Errorf("serial number: %x", c.SerialNumber)
			}
		})
	}
	if !slices.Equal(chain[0].DNSNames, use1.DNS) || len(chain[0].IPAddresses)+len(chain[0].URIs)+len(chain[0].EmailAddresses) != 0 {
		t.Errorf("alternative names: %v", chain[0].DNSNames)
	}
}

func TestSHA1RootIsATrustAnchor(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	root := lab.CloudRoots()[0]
	// The signature itself is sound: SHA-1 with the root's own key.
	if err := root.CheckSignature(root.SignatureAlgorithm, root.RawTBSCertificate, root.Signature); err != nil {
		t.Errorf("self-signature: %v", err)
	}
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

func TestRunsDiffer(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	first, second := newAuthority(t, lab), newAuthority(t, lab)
	a, again, b := chainOf(t, first, Healthy), chainOf(t, first, Healthy), chainOf(t, second, Healthy)
	if a[0].SerialNumber.Cmp(again[0].SerialNumber) == 0 {
		t.Error("two leaves have one serial number")
	}
	if !bytes.Equal(a[0].RawSubjectPublicKeyInfo, again[0].RawSubjectPublicKeyInfo) {
		t.Error("leaf key changed within a run")
	}
	for i := range a {
		if bytes.Equal(a[i].RawSubjectPublicKeyInfo, b[i].RawSubjectPublicKeyInfo) {
			t.Errorf("certificate %d has the same key in two runs", i)
		}
	}
	if !first.Root().Equal(second.Root()) {
		t.Error("two runs have two roots")
	}
}

func TestUnknownHierarchy(t *testing.T) {
	_, err := openLab(t, stateCopy(t), at(testStart)).NewAuthority("none")
	wantLine(t, err, `"none"`)
}
