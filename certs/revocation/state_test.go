package revocation

import (
	"bytes"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"byocheck/certs"
)

var (
	goodSerial    = big.NewInt(0x600d)
	revokedSerial = big.NewInt(0xbad)
)

const keyCompromise = 1

// TestStates holds what a client meets in each state, for a list, a status and the
// issuer's certificate.
func TestStates(t *testing.T) {
	t.Parallel()
	type met struct {
		status int  // of HTTP; 0: none
		reset  bool // the connection
		stale  bool
		forged bool // signed by another key
		more   int  // entries
	}
	want := map[State]met{
		Good:           {status: 200},
		Stale:          {status: 200, stale: true},
		Unreachable:    {reset: true},
		Slow:           {status: 200},
		WrongSignature: {status: 200, forged: true},
		NotFound:       {status: 404},
		ServerError:    {status: 500},
		Huge:           {status: 200, more: 500},
		Silent:         {}, // TestSilent
	}
	for _, info := range States() {
		st := info.State
		w, ok := want[st]
		if !ok {
			t.Errorf("%s: the table does not have it", st)
		}
		if st == Silent {
			continue
		}
		for _, k := range []kind{rsa2048, p384} {
			t.Run(string(st)+" "+string(k), func(t *testing.T) {
				t.Parallel()
				s, d := start(t, &Server{HugeEntries: 500, SlowBy: 5 * time.Millisecond})
				i := newIssuer(t, "ca", k)
				at := s.Publish(i)
				if err := errors.Join(s.Revoke("ca", revokedSerial, keyCompromise), s.Set("ca", st)); err != nil {
					t.Fatal(err)
				}
				for url, check := range map[string]func(*testing.T, reply){
					at.CRL: func(t *testing.T, r reply) {
						checkMedia(t, r, "application/pkix-crl")
						l, err := x509.ParseRevocationList(r.body)
						if err != nil {
							t.Fatal(err)
						}
						if err := l.CheckSignatureFrom(i.Certificate); (err != nil) != w.forged {
							t.Errorf("signature: %v", err)
						}
						algorithm := map[kind]x509.SignatureAlgorithm{rsa2048: x509.SHA256WithRSA, p384: x509.ECDSAWithSHA384}[k]
						if l.SignatureAlgorithm != algorithm || k == rsa2048 && len(l.Signature) != 256 {
							t.Errorf("signed by %v, %d octets", l.SignatureAlgorithm, len(l.Signature))
						}
						checkDates(t, l.ThisUpdate, l.NextUpdate, w.stale)
						if n := len(l.RevokedCertificateEntries); n != 1+w.more {
							t.Fatalf("%d entries", n)
						}
						e := l.RevokedCertificateEntries[w.more]
						if e.SerialNumber.Cmp(revokedSerial) != 0 || e.ReasonCode != keyCompromise || e.RevocationTime.After(l.ThisUpdate) {
							t.Errorf("last entry %+v in a list of %v", e, l.ThisUpdate)
						}
					},
					at.OCSP + "/" + path64(t, i, revokedSerial): func(t *testing.T, r reply) {
						checkMedia(t, r, "application/ocsp-response")
						checkStatus(t, r.body, i, w.forged, w.stale, revokedSerial, ocsp.Revoked)
					},
					at.OCSP + "/" + path64(t, i, goodSerial): func(t *testing.T, r reply) {
						checkStatus(t, r.body, i, w.forged, w.stale, goodSerial, ocsp.Good)
					},
					at.Certificate: func(t *testing.T, r reply) {
						checkMedia(t, r, "application/pkix-cert")
						if !bytes.Equal(r.body, i.Certificate.Raw) {
							t.Errorf("got %x", r.body)
						}
					},
				} {
					r, err := do(t, http.MethodGet, url, nil)
					if errors.Is(err, syscall.ECONNRESET) != w.reset || err != nil && !w.reset {
						t.Fatalf("%s: error %v", url, err)
					}
					if r.status != w.status {
						t.Errorf("%s: status %d", url, r.status)
					}
					f := d.next(t)
					if f.Issuer != "ca" || f.State != st || f.Status != w.status || f.Error != "" || f.Octets != len(r.body) ||
						f.Method != "GET" || !strings.HasSuffix(url, f.Path) || !f.At.Equal(someday) || !f.Client.Addr().IsLoopback() {
						t.Errorf("%s: told %+v", url, f)
					}
					if w.status == 200 {
						check(t, r)
					}
				}
				d.none(t)
			})
		}
	}
}

func checkMedia(t *testing.T, r reply, want string) {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != want {
		t.Errorf("content type %q", got)
	}
	if got := r.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("cache control %q", got)
	}
}

func checkDates(t *testing.T, this, next time.Time, stale bool) {
	t.Helper()
	if !this.Before(next) || !this.Before(someday) || next.Before(someday) != stale {
		t.Errorf("from %v to %v", this, next)
	}
	if !stale && (someday.Sub(this) != time.Hour || next.Sub(someday) != 7*24*time.Hour) {
		t.Errorf("from %v to %v, not from an hour ago to in a week", this, next)
	}
}

func checkStatus(t *testing.T, der []byte, i certs.Issuer, forged, stale bool, serial *big.Int, want int) {
	t.Helper()
	if _, err := ocsp.ParseResponse(der, i.Certificate); (err != nil) != forged {
		t.Errorf("signature: %v", err)
	}
	r, err := ocsp.ParseResponse(der, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.SerialNumber.Cmp(serial) != 0 || r.Status != want {
		t.Errorf("serial %x, status %d", r.SerialNumber, r.Status)
	}
	checkDates(t, r.ThisUpdate, r.NextUpdate, stale)
	if want == ocsp.Revoked && (r.RevocationReason != keyCompromise || r.RevokedAt.After(r.ThisUpdate)) {
		t.Errorf("revoked %v for %d, in a status of %v", r.RevokedAt, r.RevocationReason, r.ThisUpdate)
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	const late = 80 * time.Millisecond
	_, d, _, at := published(t, &Server{Now: time.Now, SlowBy: late}, Slow)
	begun := time.Now()
	r := get(t, at.CRL)
	if took := time.Since(begun); r.status != http.StatusOK || took < late {
		t.Errorf("status %d after %v", r.status, took)
	}
	if f := d.next(t); f.Took < late || f.State != Slow || f.Status != http.StatusOK {
		t.Errorf("told %+v", f)
	}
}

// A client that gives up is told at once, not when the answer would be due.
func TestSlowIsLeft(t *testing.T) {
	t.Parallel()
	s, d, _, at := published(t, &Server{SlowBy: time.Hour}, Slow)
	c := dial(t, s)
	ask(t, c, at.CRL)
	c.Close()
	if f := d.next(t); f.Status != 0 || f.Octets != 0 || f.Error != errLeft.Error() {
		t.Errorf("told %+v", f)
	}
}

// ask sends a bare GET.
func ask(t testing.TB, c net.Conn, url string) {
	t.Helper()
	_, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if _, err := c.Write([]byte("GET /" + path + " HTTP/1.1\r\nHost: lab\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
}

// A silent fetch is told while the client still waits.
func TestSilent(t *testing.T) {
	t.Parallel()
	s, d, _, at := published(t, &Server{}, Silent)
	c := dial(t, s)
	ask(t, c, at.CRL)
	if f := d.next(t); f.Kind != kindCRL || f.State != Silent || f.Status != 0 || f.Octets != 0 {
		t.Errorf("told %+v", f)
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(make([]byte, 1))
	if timeout, ok := err.(net.Error); n != 0 || !ok || !timeout.Timeout() {
		t.Errorf("%d octets came, error %v", n, err)
	}
	s.Close()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("after Close: %d octets, error %v", n, err)
	}
	d.none(t)
}

// A request for which nobody has patience does not hold its connection for ever,
// though the deadline for requests does not end it.
func TestSilenceEnds(t *testing.T) {
	t.Parallel()
	l := usual
	l.request, l.silence = 20*time.Millisecond, 100*time.Millisecond
	s, _, _, at := published(t, &Server{limits: l}, Silent)
	c := dial(t, s)
	begun := time.Now()
	ask(t, c, at.CRL)
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d octets, error %v", n, err)
	}
	if took := time.Since(begun); took < l.silence {
		t.Errorf("ended after %v", took)
	}
}
