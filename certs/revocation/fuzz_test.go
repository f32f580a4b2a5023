package revocation

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// FuzzOCSP: whatever comes as an OCSP request, by POST or by GET, there is one
// answer and one fetch. The answer is a status for the serial number that was
// told, signed by the issuer, or one of the errors, and it is of a status for no
// issuer but this one.
func FuzzOCSP(f *testing.F) {
	var told []Fetch
	s, _, i, at := published(f, &Server{OnFetch: func(f Fetch) { told = append(told, f) }}, Good)
	whole := question(f, i, goodSerial, 0)
	for _, post := range []bool{true, false} {
		f.Add(whole, post)
		f.Add(question(f, i, goodSerial, crypto.SHA384), post)
		f.Add(whole[:40], post)
		f.Add(append(whole[:len(whole):len(whole)], 0), post)
		f.Add([]byte{0x30, 0x80}, post)
		f.Add([]byte{}, post)
	}
	base, err := url.Parse(at.OCSP)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wire []byte, post bool) {
		told = told[:0]
		r := httptest.NewRequest(http.MethodPost, at.OCSP, bytes.NewReader(wire))
		if !post {
			r = httptest.NewRequest(http.MethodGet, base.JoinPath(url.PathEscape(base64.StdEncoding.EncodeToString(wire))).String(), nil)
		}
		w := httptest.NewRecorder()
		s.serve(w, r)
		if len(told) != 1 || told[0].Status != w.Code || told[0].Octets != w.Body.Len() {
			t.Fatalf("told %+v of status %d, %d octets", told, w.Code, w.Body.Len())
		}
		if w.Code != http.StatusOK {
			if w.Code != http.StatusRequestEntityTooLarge || len(wire) <= maxRequest {
				t.Errorf("status %d to %x", w.Code, wire)
			}
			return
		}
		got, err := ocsp.ParseResponse(w.Body.Bytes(), i.Certificate)
		refused := ocsp.ResponseError{}
		switch {
		case errors.As(err, &refused):
			if told[0].Error == "" {
				t.Errorf("no error was told of %v to %x", refused, wire)
			}
		case err != nil:
			t.Errorf("%x to %x cannot be read: %v", w.Body.Bytes(), wire, err)
		case got.Status != ocsp.Good || got.SerialNumber.Cmp(told[0].Serial) != 0:
			t.Errorf("status %d of %x, told %+v", got.Status, got.SerialNumber, told[0])
		case !bytes.Contains(wire, must(ocsp.ParseRequest(question(t, i, goodSerial, got.IssuerHash))).IssuerKeyHash):
			t.Errorf("a status for %x, which is about another issuer", wire)
		}
	})
}

// FuzzConnection: whatever octets come on a connection, it ends, and the server
// serves the next one.
func FuzzConnection(f *testing.F) {
	l := usual
	l.header, l.request, l.idle = time.Second, time.Second, time.Second
	s, _, i, at := published(f, &Server{limits: l}, Good)
	line := func(method, u string) []byte {
		p := must(url.Parse(u))
		return []byte(method + " " + p.EscapedPath() + " HTTP/1.1\r\nHost: lab\r\nContent-Length: 3\r\n\r\nabc")
	}
	f.Add(line("GET", at.CRL))
	f.Add(line("POST", at.OCSP))
	f.Add(append(line("HEAD", at.Certificate), line("GET", at.OCSP+"/"+path64(f, i, goodSerial))...))
	f.Add([]byte("POST /x HTTP/1.1\r\nHost: lab\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01\x02\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		c := dial(t, s)
		defer c.Close()
		if _, err := c.Write(wire); err == nil { // else it had enough
			c.CloseWrite()
		}
		_, err := io.Copy(io.Discard, c)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Fatalf("the connection stays open after %q", wire)
		}
		good := dial(t, s)
		defer good.Close()
		ask(t, good, at.CRL)
		var status [12]byte
		if _, err := io.ReadFull(good, status[:]); err != nil || string(status[:]) != "HTTP/1.1 200" {
			t.Fatalf("after %q: %q, error %v", wire, status, err)
		}
	})
}
