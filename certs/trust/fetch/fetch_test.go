package fetch

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http/cookiejar"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/certs/trust"
)

func TestAnswers(t *testing.T) {
	fetcher := Fetcher{Timeout: 10 * time.Second, MaxOctets: 2000}
	impatient := Fetcher{Timeout: 50 * time.Millisecond, MaxOctets: 2000}
	tests := []struct {
		name      string
		fetcher   Fetcher
		crl, ocsp string   // the addresses in the certificate; a path is the responder's
		fails     string   // the errors hold this; empty: there is a body
		asked     []string // of the responder
	}{
		{"list", fetcher, "/crl", "", "", []string{"GET /crl"}},
		{"OCSP", fetcher, "", "/ocsp", "", []string{"POST /ocsp application/ocsp-request 7"}},
		{"both", fetcher, "/crl", "/ocsp", "", []string{"GET /crl", "POST /ocsp application/ocsp-request 7"}},
		{"neither", fetcher, "", "", "", nil},
		{"redirected", fetcher, "/once", "", "", []string{"GET /crl", "GET /once"}},
		{"redirected twice", fetcher, "/twice", "", "", []string{"GET /crl", "GET /once", "GET /twice"}},
		{"redirected thrice", fetcher, "/thrice", "", "more than 2 redirects", []string{"GET /once", "GET /thrice", "GET /twice"}},
		{"redirected to https", fetcher, "/secure", "", `scheme "https", not http`, []string{"GET /secure"}},
		{"redirected to a file", fetcher, "/file", "", `scheme "file", not http`, []string{"GET /file"}},
		{"not there", fetcher, "/missing", "", "HTTP 404", []string{"GET /missing"}},
		{"empty", fetcher, "/empty", "", "is empty", []string{"GET /empty"}},
		{"large", fetcher, "/large", "", "more octets than are read", []string{"GET /large"}},
		{"endless", fetcher, "/endless", "", "more octets than are read", []string{"GET /endless"}},
		{"silent", impatient, "/silent", "", "no answer in time", []string{"GET /silent"}},
		{"stalled in the body", impatient, "/stalled", "", "no answer in time", []string{"GET /stalled"}},
		{"OCSP not there", fetcher, "", "/missing", "HTTP 404", []string{"POST /missing application/ocsp-request 7"}},
		{"https", fetcher, "https://crl.test/", "https://ocsp.test/", `scheme "https", not http`, nil},
		{"ldap", fetcher, "ldap://crl.test/cn=x", "", `scheme "ldap", not http`, nil},
		{"file", fetcher, "file:///etc/hostname", "", `scheme "file", not http`, nil},
		{"no scheme", fetcher, "crl.test/x.crl", "", `scheme "", not http`, nil},
		{"no host", fetcher, "http:///x.crl", "", "names no host", nil},
		{"a user name", fetcher, "http://user:secret@127.0.0.1/x.crl", "", "user name", nil},
		{"no URL", fetcher, "http://%zz/", "", "cannot be parsed", nil},
		{"nobody listens", fetcher, closed(t), "", "connection refused", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newResponder(t)
			at := func(address string) []string {
				switch {
				case address == "":
					return nil
				case strings.HasPrefix(address, "/"):
					return []string{r.URL + address}
				}
				return []string{address}
			}
			leaf := r.leaf(t, at(tt.crl), at(tt.ocsp))
			got := tt.fetcher.Answers(context.Background(), [][]byte{leaf.Raw}, [][]byte{r.cert.Raw})
			if got == nil || len(got) != len(at(tt.crl))+len(at(tt.ocsp)) {
				t.Fatalf("%d answers: %+v", len(got), got)
			}
			for i, a := range got {
				kind, address, body := trust.KindCRL, at(tt.crl), r.crl
				if i >= len(address) {
					kind, address, body = trust.KindOCSP, at(tt.ocsp), r.ocsp
				}
				if a.Kind != kind || a.URL != address[0] || a.Subject != trust.Fingerprint(leaf) {
					t.Errorf("answer %d: %+v", i, a)
				}
				if tt.fails == "" && (a.Error != "" || !bytes.Equal(a.Body, body) || a.Took <= 0) {
					t.Errorf("%s: error %q, %d octets in %s", a.Kind, a.Error, len(a.Body), a.Took)
				}
				if tt.fails != "" && (!strings.Contains(a.Error, tt.fails) || a.Body != nil || strings.Contains(a.Error, "\n")) {
					t.Errorf("%s: error %q, %d octets, want %q", a.Kind, a.Error, len(a.Body), tt.fails)
				}
			}
			if got := r.asked(); !slices.Equal(got, tt.asked) {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
		})
	}
}

// TestEvaluated: what is fetched is what Evaluate wants.
func TestEvaluated(t *testing.T) {
	r := newResponder(t)
	leaf := r.leaf(t, []string{r.URL + "/crl"}, []string{r.URL + "/ocsp"})
	p := trust.Presented{Chain: [][]byte{leaf.Raw}, Target: "sbc.customer.test", Now: now, Edition: trust.Newer, Roots: [][]byte{r.cert.Raw}}
	if f := trust.Evaluate(p).Find(trust.StepRevocation); f.Grade != trust.Unknown {
		t.Errorf("before: %+v", f)
	}
	p.Answers = Fetcher{}.Answers(context.Background(), p.Chain, p.Roots)
	if f := trust.Evaluate(p).Find(trust.StepRevocation); f.Grade != trust.OK || !strings.Contains(f.Observed, r.URL+"/crl") {
		t.Errorf("after: %+v", f)
	}
}

// TestBounds: however many addresses there are, few are asked; without an issuer
// there is no OCSP request; and the caller may end it all.
func TestBounds(t *testing.T) {
	r := newResponder(t)
	var many []string
	for range 100 {
		many = append(many, r.URL+"/crl")
	}
	leaf := r.leaf(t, many, many)
	for _, chain := range [][][]byte{{leaf.Raw}, {leaf.Raw, r.cert.Raw}} {
		if got := (Fetcher{}).Answers(context.Background(), chain, [][]byte{r.cert.Raw}); len(got) != 2*maxEach {
			t.Errorf("%d answers", len(got))
		}
	}

	// A row of intermediates, all with addresses.
	var chain [][]byte
	above := r.cert
	for i := range 8 {
		c := authority{above, r.key}.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "CA", SerialNumber: string(rune('a' + i))}, IsCA: true, KeyUsage: x509.KeyUsageCertSign, CRLDistributionPoints: many})
		above, chain = c, append([][]byte{c.Raw}, chain...)
	}
	before := len(r.asked())
	got := Fetcher{}.Answers(context.Background(), chain, [][]byte{r.cert.Raw})
	left := 0
	for _, a := range got {
		if strings.Contains(a.Error, "more than 12 addresses") {
			left++
		}
	}
	if asked := len(r.asked()) - before; asked != maxURLs || len(got) != 8*maxEach || left != len(got)-maxURLs {
		t.Errorf("%d answers, %d asked, %d left out", len(got), asked, left)
	}

	// The allowance is for all together.
	before = len(r.crl)
	got = Fetcher{MaxOctets: int64(before + before/2)}.Answers(context.Background(), [][]byte{r.leaf(t, many[:2], nil).Raw}, [][]byte{r.cert.Raw})
	if ok := slices.DeleteFunc(slices.Clone(got), func(a trust.Answer) bool { return a.Error != "" }); len(got) != 2 || len(ok) > 1 {
		t.Errorf("%d of %d answers within an allowance for one and a half", len(ok), len(got))
	}

	for _, a := range (Fetcher{}).Answers(context.Background(), [][]byte{r.leaf(t, nil, many[:1]).Raw}, nil) {
		if !strings.Contains(a.Error, "the issuer's certificate is not there") {
			t.Errorf("OCSP without an issuer: %q", a.Error)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, a := range (Fetcher{}).Answers(ended, [][]byte{leaf.Raw}, [][]byte{r.cert.Raw}) {
		if a.Error != "context canceled" {
			t.Errorf("after the end: %q", a.Error)
		}
	}
	for _, chain := range [][][]byte{nil, {nil}, {[]byte("junk")}, {r.cert.Raw}} {
		if got := (Fetcher{}).Answers(context.Background(), chain, nil); got == nil || len(got) != 0 {
			t.Errorf("answers without an address: %v", got)
		}
	}
}

// TestClient: the caller's client is used, but for its rule of redirects, and is
// left as it was.
func TestClient(t *testing.T) {
	r := newResponder(t)
	own := r.Client()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	own.Jar = jar
	for range 2 { // a list comes with a cookie
		Fetcher{Client: own}.Answers(context.Background(), [][]byte{r.leaf(t, []string{r.URL + "/crl"}, nil).Raw}, [][]byte{r.cert.Raw})
	}
	if got := r.asked(); !slices.Equal(got, []string{"GET /crl", "GET /crl"}) {
		t.Errorf("asked %q", got)
	}
	leaf := r.leaf(t, []string{r.URL + "/secure"}, nil)
	got := Fetcher{Client: own}.Answers(context.Background(), [][]byte{leaf.Raw}, [][]byte{r.cert.Raw})
	if len(got) != 1 || !strings.Contains(got[0].Error, "https") || own.CheckRedirect != nil || own.Jar != jar {
		t.Errorf("%+v", got)
	}
}
