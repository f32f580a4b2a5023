package referencesbc

import (
	"crypto/x509"
	"net/url"
	"testing"
)

func TestDomain(t *testing.T) {
	for _, tt := range []struct{ uri, want string }{
		{"sip:lb01.test", "lb01.test"},
		{"SIP:lb01.test", "lb01.test"},
		{"sip:lb01.test:5061", "lb01.test"},
		{"sip:lb01.test;transport=tls", "lb01.test"},
		{"sip:lb01.test:5061;transport=tls?Subject=x", "lb01.test"},
		{"sip:user@lb01.test", ""},
		{"sip:user:secret@lb01.test;transport=tls", ""},
		{"sips:lb01.test", ""},
		{"sip://lb01.test", ""},
		{"sip:", ""},
		{"https://lb01.test", ""},
		{"lb01.test", ""},
	} {
		u, err := url.Parse(tt.uri)
		must(t, err)
		if got, ok := domain(u); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v", tt.uri, got, ok)
		}
	}
}

func TestNamed(t *testing.T) {
	leaf := &x509.Certificate{DNSNames: []string{"127.0.0.1", "::1", "", ".", "lb01.test", "*.test"}}
	for name, want := range map[string]bool{"lb01.test": true, "LB01.TEST.": true, "lb01.test..": false, "lb02.test": false, "test": false, "*.test": true,
		"127.0.0.1": false, "::1": false, "": false, ".": false} {
		if named(leaf, name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// Whatever stands in a certificate, it is compared and nothing else.
func FuzzDomain(f *testing.F) {
	for _, s := range []string{"sip:lb01.test:5061;transport=tls", "sip:a@b", "sip:[::1]:5061", "https://x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		if host, ok := domain(u); ok && u.Scheme != "sip" {
			t.Errorf("%q is taken for the domain %q", text, host)
		}
		named(&x509.Certificate{URIs: []*url.URL{u}, DNSNames: []string{text}}, text)
	})
}
