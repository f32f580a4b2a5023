package fetch

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// authority is a root that issues a device's certificate, and answers for it.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key}
	a.cert = a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
	return a
}

// issue signs a certificate for the authority's own key.
func (a authority) issue(t testing.TB, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	c.SerialNumber, c.NotBefore, c.NotAfter, c.BasicConstraintsValid = big.NewInt(7), now.AddDate(0, 0, -1), now.AddDate(0, 1, 0), true
	issuer := a.cert
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (a authority) leaf(t testing.TB, crl, ocsp []string) *x509.Certificate {
	t.Helper()
	return a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "sbc.customer.test"}, CRLDistributionPoints: crl, OCSPServer: ocsp})
}

// responder serves lists and answers, rightly and wrongly, and keeps what it was asked.
type responder struct {
	*httptest.Server
	authority
	crl, ocsp []byte
	release   chan struct{} // ends silence

	mu   sync.Mutex
	seen []string
}

func newResponder(t *testing.T) *responder {
	t.Helper()
	r := &responder{authority: newAuthority(t), release: make(chan struct{})}
	var err error
	if r.crl, err = x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}, r.cert, r.key); err != nil {
		t.Fatal(err)
	}
	if r.ocsp, err = ocsp.CreateResponse(r.cert, r.cert, ocsp.Response{Status: ocsp.Good, SerialNumber: big.NewInt(7), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}, r.key); err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() { close(r.release); r.Close() })
	return r
}

func (r *responder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	said := q.Method + " " + q.URL.Path
	if q.Method == http.MethodPost {
		said += " " + q.Header.Get("Content-Type")
		if asked, err := ocsp.ParseRequest(body); err != nil {
			said += " garbage"
		} else {
			said += " " + asked.SerialNumber.String()
		}
	}
	if len(q.Cookies()) > 0 || q.Header.Get("Authorization") != "" || q.Header.Get("Referer") != "" {
		said += " with more than it needs"
	}
	r.mu.Lock()
	r.seen = append(r.seen, said)
	r.mu.Unlock()
	switch q.URL.Path {
	case "/crl":
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.Write(r.crl)
	case "/ocsp":
		w.Write(r.ocsp)
	case "/empty":
	case "/missing":
		http.NotFound(w, q)
	case "/once":
		http.Redirect(w, q, "/crl", http.StatusFound)
	case "/twice":
		http.Redirect(w, q, "/once", http.StatusFound)
	case "/thrice":
		http.Redirect(w, q, "/twice", http.StatusFound)
	case "/secure":
		http.Redirect(w, q, "https://"+q.Host+"/crl", http.StatusFound)
	case "/file":
		http.Redirect(w, q, "file:///etc/hostname", http.StatusFound)
	case "/large":
		w.Write(bytes.Repeat([]byte{1}, 3000))
	case "/endless":
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	case "/silent":
		<-r.release
	case "/stalled":
		w.Write([]byte{0x30})
		w.(http.Flusher).Flush()
		<-r.release
	}
}

func (r *responder) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.seen))
}

// closed is an address at which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "/crl"
}
