package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"reflect"
	"regexp"
	"slices"
	"testing"
)

// aspects are the properties that the fields of a certificate belong to, and
// those that its extensions belong to, by OID. Nothing may differ that is not
// among them, and an empty one is not looked at.
var aspects = map[string]string{
	"Raw": "", "RawTBSCertificate": "", "Signature": "", "SerialNumber": "", "Extensions": "", // extensions are compared one by one
	"NotBefore": "validity", "NotAfter": "validity",
	"RawSubject": "subject", "Subject": "subject",
	"DNSNames": "names", "IPAddresses": "names", "URIs": "names", extSAN: "names",
	"PublicKey": "key", "PublicKeyAlgorithm": "key", "RawSubjectPublicKeyInfo": "key", "SubjectKeyId": "key", extSKI: "key",
	"SignatureAlgorithm": "signature",
	"IsCA":               "basic constraints", "MaxPathLen": "basic constraints", "MaxPathLenZero": "basic constraints", extBC: "basic constraints",
	"ExcludedDNSDomains": "name constraints", "PermittedDNSDomainsCritical": "name constraints", "2.5.29.30": "name constraints",
	"KeyUsage": "key usage", extKU: "key usage",
	"ExtKeyUsage": "extended key usage", extEKU: "extended key usage",
	"RawIssuer": "issuer", "Issuer": "issuer", "AuthorityKeyId": "issuer", extAKI: "issuer",
	"CRLDistributionPoints": "issuer", "2.5.29.31": "issuer",
	"OCSPServer": "issuer", "IssuingCertificateURL": "issuer", "1.3.6.1.5.5.7.1.1": "issuer",
}

// differences names the properties in which two certificates differ.
func differences(t *testing.T, a, b *x509.Certificate) []string {
	t.Helper()
	var names []string
	found := func(field string) {
		t.Helper()
		name, known := aspects[field]
		if !known {
			t.Errorf("they differ in %s", field)
		} else if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	va, vb := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			found(va.Type().Field(i).Name)
		}
	}
	for _, pair := range [][2]*x509.Certificate{{a, b}, {b, a}} {
		for _, e := range pair[0].Extensions {
			if !slices.ContainsFunc(pair[1].Extensions, func(o pkix.Extension) bool { return reflect.DeepEqual(e, o) }) {
				found(e.Id.String())
			}
		}
	}
	slices.Sort(names)
	return names
}

// random is what the common name of an intermediate of a chain's own ends in.
var random = regexp.MustCompile(` [0-9a-f]{8}$`)

// form of a path is what each certificate that is sent is.
func formOf(chain []*x509.Certificate) []string {
	form := []string{"leaf"}
	for _, c := range chain[1:] {
		form = append(form, random.ReplaceAllString(c.Subject.CommonName, " *"))
	}
	return form
}

// compared names all in which a chain differs from its twin. Certificates other
// than the leaf are compared with those of the same form.
func compared(t *testing.T, twin, chain []*x509.Certificate) []string {
	t.Helper()
	var all []string
	forms, others := formOf(twin), formOf(chain)
	if !slices.Equal(forms, others) {
		all = append(all, "sent")
	}
	for i, c := range chain {
		j := i
		if j >= len(forms) || forms[j] != others[i] { // sent elsewhere, or not at all
			if j = slices.Index(forms, others[i]); j < 0 {
				continue
			}
		}
		what := "intermediate "
		if i == 0 {
			what = "leaf "
		}
		for _, d := range differences(t, twin[j], c) {
			all = append(all, what+d)
		}
		if i == 0 && twin[j].SerialNumber.Cmp(c.SerialNumber) == 0 {
			t.Error("two leaves have one serial number")
		}
	}
	return all
}

// anotherIntermediate is in what a chain differs from one through another
// intermediate of the same form: by nothing that a device may mind.
var anotherIntermediate = []string{"leaf issuer", "intermediate key", "intermediate subject"}

func TestProfileDiffersFromItsTwinInOneProperty(t *testing.T) {
	tests := map[Profile]struct {
		own  bool     // both have an intermediate of their own, and so also differ in anotherIntermediate
		want []string // the one property; more where one follows from the other
	}{
		Healthy:             {},
		Expired:             {want: []string{"leaf validity"}},
		NotYetValid:         {want: []string{"leaf validity"}},
		ExpiredIntermediate: {own: true, want: []string{"intermediate validity"}},
		ExpiresSoon:         {want: []string{"leaf validity"}},

		// The subject holds the common name.
		SANMismatch:     {want: []string{"leaf names", "leaf subject"}},
		OtherRegion:     {want: []string{"leaf names", "leaf subject"}},
		RightCNWrongSAN: {want: []string{"leaf names", "leaf subject"}},
		CNOnly:          {want: []string{"leaf names", "leaf subject"}},
		WildcardSAN:     {want: []string{"leaf names", "leaf subject"}},
		IPSAN:           {want: []string{"leaf names", "leaf subject"}},
		IPAsDNS:         {want: []string{"leaf names", "leaf subject"}},
		IPAsCN:          {want: []string{"leaf names", "leaf subject"}},
		URISAN:          {want: []string{"leaf names", "leaf subject"}},
		URIBesideDNS:    {want: []string{"leaf names"}},
		SRVNameSAN:      {want: []string{"leaf names", "leaf subject"}},
		UpperCaseSAN:    {want: []string{"leaf names", "leaf subject"}},
		TrailingDotSAN:  {want: []string{"leaf names", "leaf subject"}},

		// Under the ECDSA hierarchy its own key also makes another kind of signature.
		SelfSigned: {want: []string{"sent", "leaf issuer"}},
		// Another issuer of the same name: its key, and what points to it.
		UntrustedRoot:          {want: []string{"leaf issuer", "intermediate issuer", "intermediate key"}},
		MissingIntermediate:    {own: true, want: []string{"sent"}},
		WrongOrder:             {want: []string{"sent"}},
		SuperfluousRoot:        {want: []string{"sent"}},
		IntermediateNotCA:      {own: true, want: []string{"intermediate basic constraints"}},
		PathLengthExceeded:     {own: true, want: []string{"intermediate basic constraints"}},
		NameConstraintsExclude: {own: true, want: []string{"intermediate name constraints"}},

		NoServerAuth:      {want: []string{"leaf extended key usage"}},
		WithClientAuth:    {want: []string{"leaf extended key usage"}},
		NoEKU:             {want: []string{"leaf extended key usage"}},
		NoKeyEncipherment: {want: []string{"leaf key usage"}},

		SHA1Signature:    {want: []string{"leaf signature"}},
		MD5Signature:     {want: []string{"leaf signature"}},
		UnknownSignature: {want: []string{"leaf signature"}},
		RSA1024:          {want: []string{"leaf key"}},
		RSA3072:          {want: []string{"leaf key"}},
		RSA4096:          {want: []string{"leaf key"}},
		// Such a key enciphers nothing.
		ECDSALeaf: {want: []string{"leaf key", "leaf key usage"}},

		RotatedLeaf: {want: []string{"leaf key"}},
		// The other intermediate is sent, and signed the leaf.
		RotatedIntermediate: {want: []string{"sent", "leaf issuer"}},
	}
	forEveryChain(t, func(t *testing.T, c sample) {
		tt, ok := tests[c.Profile]
		if !ok {
			t.Fatal("not in the table")
		}
		want := slices.Clone(tt.want)
		if c.authority.shape.intermediate.key == p384 {
			switch c.Profile {
			case SelfSigned:
				want = append(want, "leaf signature")
			case MD5Signature: // below an RSA intermediate of its own
				tt.own = true
			}
		}
		if tt.own {
			want = append(want, anotherIntermediate...)
		}
		if c.Profile == MissingIntermediate { // what is not sent is not compared
			want = []string{"sent", "leaf issuer"}
		}
		if c.Profile == PathLengthExceeded { // the lower one of the two
			want = append(want, "intermediate issuer")
		}
		got := compared(t, parsed(t, c.twin), parsed(t, c.chain))
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("differs in %q, want %q", got, want)
		}
		for _, c := range []tls.Certificate{c.twin, c.chain} {
			if !bytes.Equal(c.Leaf.Raw, c.Certificate[0]) {
				t.Error("Leaf is not what is sent first")
			}
			if key, ok := c.Leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(c.PrivateKey.(crypto.Signer).Public()) {
				t.Error("the key is not the leaf's")
			}
		}
		for _, host := range use1.DNS {
			if err := verify(parsed(t, c.twin), host, testStart, c.authority.Root()); err != nil {
				t.Errorf("the twin is not healthy for %s: %v", host, err)
			}
		}
	})
}
