package revocation

import (
	"crypto"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/ocsp"

	"byocheck/certs"
)

// question is an OCSP request for a serial number.
func question(t testing.TB, i certs.Issuer, serial *big.Int, h crypto.Hash) []byte {
	t.Helper()
	about := *i.Certificate
	about.SerialNumber = serial
	q, err := ocsp.CreateRequest(&about, i.Certificate, &ocsp.RequestOptions{Hash: h})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// path64 is an OCSP request as a part of a path.
func path64(t testing.TB, i certs.Issuer, serial *big.Int) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString(question(t, i, serial, 0))
}

func TestStatusForms(t *testing.T) {
	t.Parallel()
	s, d, i, at := published(t, &Server{}, Good)
	if err := s.Revoke(i.Name, revokedSerial, keyCompromise); err != nil {
		t.Fatal(err)
	}
	// One whose base64 has both octets that clients write in two ways.
	serial := new(big.Int).Set(revokedSerial)
	var text string
	for !strings.Contains(text, "+") || !strings.Contains(text, "/") {
		serial.Add(serial, big.NewInt(0xfefefe))
		text = path64(t, i, serial)
	}
	for name, c := range map[string]struct {
		method, rest string
		body         []byte
		hash         crypto.Hash
	}{
		"GET, bare":        {method: "GET", rest: "/" + text},
		"GET, escaped":     {method: "GET", rest: "/" + url.QueryEscape(text)},
		"GET, unpadded":    {method: "GET", rest: "/" + strings.TrimRight(text, "=")},
		"POST":             {method: "POST", body: question(t, i, serial, 0)},
		"POST, path after": {method: "POST", rest: "/x/y", body: question(t, i, serial, 0)},
		"POST, SHA-256":    {method: "POST", body: question(t, i, serial, crypto.SHA256), hash: crypto.SHA256},
		"POST, SHA-512":    {method: "POST", body: question(t, i, serial, crypto.SHA512), hash: crypto.SHA512},
		"POST, with nonce": {method: "POST", body: withNonce(t, question(t, i, serial, 0))},
	} {
		r, err := do(t, c.method, at.OCSP+c.rest, c.body)
		if err != nil || r.status != http.StatusOK {
			t.Fatalf("%s: status %d, error %v", name, r.status, err)
		}
		checkStatus(t, r.body, i, false, false, serial, ocsp.Good)
		if got := must(ocsp.ParseResponse(r.body, i.Certificate)).IssuerHash; c.hash != 0 && got != c.hash {
			t.Errorf("%s: the response identifies by %v", name, got)
		}
		if f := d.next(t); f.Kind != kindOCSP || f.Serial.Cmp(serial) != 0 || f.Error != "" || f.Method != c.method {
			t.Errorf("%s: told %+v", name, f)
		}
	}
}

// withNonce adds the extension of RFC 8954 to a request.
func withNonce(t *testing.T, der []byte) []byte {
	t.Helper()
	var request struct{ TBS asn1.RawValue }
	if _, err := asn1.Unmarshal(der, &request); err != nil {
		t.Fatal(err)
	}
	nonce := must(asn1.Marshal([]struct {
		ID    asn1.ObjectIdentifier
		Value []byte
	}{{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, []byte{4, 2, 0xca, 0xfe}}}))
	extensions := must(asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, IsCompound: true, Bytes: nonce}))
	request.TBS = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(request.TBS.Bytes, extensions...)}
	return must(asn1.Marshal(request))
}

func TestStatusRefusals(t *testing.T) {
	t.Parallel()
	s, d, i, at := published(t, &Server{}, Good)
	named := func(name string, key int) certs.Issuer {
		k := keys[p384]()[key]
		other := certs.Issuer{Name: name, Certificate: issue(t, "Lab "+name, k, nil, certs.Locations{}, someday), Key: k}
		s.Publish(other)
		return other
	}
	long := new(big.Int).Lsh(big.NewInt(1), 8*maxSerial)
	for name, c := range map[string]struct {
		method, rest string
		body         []byte
		status       int
		want         ocsp.ResponseStatus // if the HTTP status is 200
		says         string
	}{
		"no DER":                    {"POST", "", []byte("who is it?"), 200, ocsp.Malformed, "reading an OCSP request"},
		"nothing":                   {"POST", "", nil, 200, ocsp.Malformed, "reading an OCSP request"},
		"GET without a request":     {"GET", "", nil, 200, ocsp.Malformed, "reading an OCSP request"},
		"no base64":                 {"GET", "/~~~", nil, 200, ocsp.Malformed, "base64"},
		"serial number of 21 octet": {"POST", "", question(t, i, long, 0), 200, ocsp.Malformed, "more than 20 octets"},
		"another name":              {"POST", "", question(t, named("other", 0), goodSerial, 0), 200, ocsp.Unauthorized, "another issuer"},
		"another key":               {"POST", "", question(t, named(i.Name, 1), goodSerial, 0), 200, ocsp.Unauthorized, "another issuer"},
		"too large":                 {"POST", "", make([]byte, maxRequest+1), 413, 0, "more than 65536 octets"},
		"another method":            {"PUT", "", question(t, i, goodSerial, 0), 405, 0, `the method "PUT"`},
	} {
		r, err := do(t, c.method, at.OCSP+c.rest, c.body)
		if err != nil || r.status != c.status {
			t.Errorf("%s: status %d, error %v", name, r.status, err)
			continue
		}
		if c.status == http.StatusOK {
			_, err := ocsp.ParseResponse(r.body, i.Certificate)
			if refused := (ocsp.ResponseError{}); !errors.As(err, &refused) || refused.Status != c.want {
				t.Errorf("%s: the response says %v", name, err)
			}
		}
		if f := d.next(t); f.Status != c.status || !strings.Contains(f.Error, c.says) || f.Issuer != i.Name || f.Kind != kindOCSP {
			t.Errorf("%s: told %+v", name, f)
		}
	}
}

// The serial number is told in the states too that have no answer.
func TestSerialIsTold(t *testing.T) {
	t.Parallel()
	for _, st := range []State{Unreachable, Silent, NotFound, ServerError} {
		s, d, i, at := published(t, &Server{}, st)
		c := dial(t, s)
		ask(t, c, at.OCSP+"/"+path64(t, i, goodSerial))
		if f := d.next(t); f.Serial == nil || f.Serial.Cmp(goodSerial) != 0 || f.Kind != kindOCSP {
			t.Errorf("%s: told %+v", st, f)
		}
	}
}

func TestStaple(t *testing.T) {
	t.Parallel()
	s, d, i, _ := published(t, &Server{}, Good)
	if err := s.Revoke(i.Name, revokedSerial, keyCompromise); err != nil {
		t.Fatal(err)
	}
	for _, info := range States() {
		if err := s.Set(i.Name, info.State); err != nil {
			t.Fatal(err)
		}
		for serial, want := range map[*big.Int]int{goodSerial: ocsp.Good, revokedSerial: ocsp.Revoked} {
			der, err := s.Staple(i.Name, serial)
			if err != nil {
				t.Fatalf("%s: %v", info.State, err)
			}
			checkStatus(t, der, i, info.State == WrongSignature, info.State == Stale, serial, want)
		}
	}
	d.none(t)
	if _, err := s.Staple(i.Name, nil); err == nil {
		t.Error("a staple without serial number")
	}
}
