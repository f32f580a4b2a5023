package trust

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// TestProviders: the lists of the editions, and how many public roots each entry
// stands for. A new bundle may change the numbers: read which came and went.
func TestProviders(t *testing.T) {
	want := map[string][]struct {
		name  string
		roots int
	}{
		Older: {
			{"Amazon Trust Services", 5}, {"Comodo / Sectigo", 6}, {"DigiCert / Symantec / QuoVadis / Verisign", 10}, {"Entrust", 0}, {"GlobalSign", 5},
			{"GoDaddy / Starfield", 2}, {"Network Solutions", 0}, {"Telia Sonera", 3}, {"Thawte", 0},
		},
		Newer: {
			{"Actalis", 1}, {"Amazon Trust Services", 5}, {"Certum", 4}, {"Deutsche Telekom / T-TelSec", 4}, {"DigiCert / QuoVadis / Symantec / Thawte / Verisign", 10},
			{"Entrust / SSL.com", 6}, {"GlobalSign", 5}, {"Go Daddy / Starfield", 2}, {"Harica", 4}, {"IdenTrust", 2}, {"Internet Security Research Group", 2},
			{"Network Solutions", 0}, {"Sectigo / AddTrust / Comodo / UserTrust", 6}, {"SwissSign", 1}, {"Telia / TeliaSonera", 3}, {"Trustwave / SecureTrust / Viking Cloud", 0},
		},
	}
	for edition, rows := range want {
		list := Providers(edition)
		if len(list) != len(rows) {
			t.Fatalf("%s edition: %d providers, want %d", edition, len(list), len(rows))
		}
		for i, p := range list {
			if roots := p.Roots(); p.Name != rows[i].name || len(roots) != rows[i].roots {
				t.Errorf("%s edition, %d: %s with %d roots, want %s with %d: %q", edition, i+1, p.Name, len(roots), rows[i].name, rows[i].roots, roots)
			}
		}
		for _, a := range publicRoots() {
			var of []string
			for _, p := range list {
				if p.owns(a.cert.Subject) {
					of = append(of, p.Name)
				}
			}
			if len(of) > 1 {
				t.Errorf("%s edition: %s is of %q", edition, a.cert.Subject, of)
			}
		}
	}
	if Providers("newest") != nil {
		t.Error("there are providers of an edition that there is not")
	}
}

// TestPublicRoots: all of the bundle can be read, and some of them are nobody's.
func TestPublicRoots(t *testing.T) {
	n := 0
	for range bundle.Roots() {
		n++
	}
	if len(publicRoots()) != n || n < 100 {
		t.Fatalf("%d roots parsed of %d", len(publicRoots()), n)
	}
	unlisted := []string{"GTS Root R1", "GTS Root R4", "GlobalSign ECC Root CA - R4", "Microsoft RSA Root Certificate Authority 2017", "Buypass Class 2 Root CA", "D-TRUST BR Root CA 1 2020", "Certainly Root R1"}
	for _, name := range unlisted {
		i := slices.IndexFunc(publicRoots(), func(a anchor) bool {
			return a.cert.Subject.CommonName == name || slices.Contains(a.cert.Subject.OrganizationalUnit, name)
		})
		if i < 0 {
			t.Errorf("%s is not in the bundle", name)
			continue
		}
		for edition := range editions {
			if p, is := listed(publicRoots()[i].cert.Subject, edition); is {
				t.Errorf("%s edition: %s is of %s", edition, name, p.Name)
			}
		}
	}
	// Retired roots and strangers, by name alone.
	for name, want := range map[string]string{
		"Entrust, Inc.": "Entrust / SSL.com", "SecureTrust Corporation": "Trustwave / SecureTrust / Viking Cloud", "Network Solutions L.L.C.": "Network Solutions",
		"byocheck SIMULATED DigiCert": "", "DigiCert Incorporated": "", "": "",
	} {
		if p, _ := listed(pkix.Name{Organization: []string{name}}, Newer); p.Name != want {
			t.Errorf("%q is of %q, want %q", name, p.Name, want)
		}
	}
}

// TestPublicAnchor: the whole way with a root of the real bundle. Its own
// certificate is all that can be shown, since nobody here has its key.
func TestPublicAnchor(t *testing.T) {
	for _, a := range publicRoots() {
		r := Evaluate(Presented{Chain: [][]byte{a.cert.Raw}, Target: "example.test", Now: now, Edition: Newer})
		p, is := listed(a.cert.Subject, Newer)
		want := Bad
		if is {
			want = OK
		}
		if !r.Public || r.Lab || r.Provider != p.Name || r.Find(StepProvider).Grade != want {
			t.Errorf("%s: public %v, lab %v, provider %q, %+v", a.cert.Subject, r.Public, r.Lab, r.Provider, r.Find(StepProvider))
		}
	}
}

// TestFingerprint: an Answer finds its certificate by this.
func TestFingerprint(t *testing.T) {
	c := labRoot()
	sum := sha256.Sum256(c.Raw)
	if got := Fingerprint(c.Certificate); got != hex.EncodeToString(sum[:]) || strings.ToLower(got) != got {
		t.Errorf("fingerprint %s", got)
	}
}

// TestLinks: the certificates that revocation information is to be had for.
func TestLinks(t *testing.T) {
	lower, upper, root := lowerCA(), upperCA(), labRoot()
	leaf := lower.leaf()
	stray := newRoot(cn("Stray Root"), "stray")
	cross := stray.authority("Upper CA", "upper")
	tests := []struct {
		name  string
		chain []made
		want  string
	}{
		{"complete", []made{leaf, lower, upper}, "sbc.customer.test < Lower CA, Lower CA < Upper CA, Upper CA < Root"},
		{"with the root", []made{leaf, lower, upper, root}, "sbc.customer.test < Lower CA, Lower CA < Upper CA, Upper CA < Root"},
		{"leaf only", []made{leaf}, "sbc.customer.test < "},
		{"one missing", []made{leaf, lower}, "sbc.customer.test < Lower CA, Lower CA < "},
		{"two ways", []made{leaf, lower, cross, upper, stray}, "sbc.customer.test < Lower CA, Lower CA < Upper CA, Upper CA < Root, Upper CA < Stray Root"},
		{"one that does not belong", []made{leaf, stray.authority("Other CA", "sub"), lower, upper}, "sbc.customer.test < Lower CA, Lower CA < Upper CA, Upper CA < Root"},
		{"self-signed", []made{newRoot(cn(target), "rsa")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, l := range Links(ders(tt.chain...), ders(root)) {
				issuer := ""
				if l.Issuer != nil {
					issuer = l.Issuer.Subject.CommonName
				}
				got = append(got, l.Certificate.Subject.CommonName+" < "+issuer)
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
		})
	}
	if Links(nil, nil) != nil || Links([][]byte{{1}}, nil) != nil {
		t.Error("links of nothing")
	}
}

// TestUnknownSignature: the object identifier of an algorithm is shown.
func TestUnknownSignature(t *testing.T) {
	ca := newRoot(cn("RSA Root"), "rsa other")
	for want, id := range map[string]asn1.ObjectIdentifier{"2.25.4711": oidNone, "MD5-RSA": oidMD5} {
		c := ca.leaf().signedBy(ca.key, id, crypto.SHA256)
		if got := signatureName(c.Certificate); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if c := (&x509.Certificate{}); signatureName(c) != "unknown" {
		t.Errorf("no certificate: %s", signatureName(c))
	}
}
