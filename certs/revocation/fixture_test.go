package revocation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"byocheck/certs"
)

// patience bounds waits for what ought to come at once.
const patience = 10 * time.Second

// someday is the moment at which tests play that need no other program.
var someday = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

// clock is one that is set by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time       { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) add(by time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(by) }

// diary keeps what OnFetch tells.
type diary struct {
	told chan Fetch
}

func newDiary() diary { return diary{make(chan Fetch, 1000)} }

// next waits for the next fetch.
func (d diary) next(t *testing.T) Fetch {
	t.Helper()
	select {
	case f := <-d.told:
		return f
	case <-time.After(patience):
		t.Fatal("no fetch was told")
	}
	return Fetch{}
}

// none fails if a fetch was told.
func (d diary) none(t *testing.T) {
	t.Helper()
	select {
	case f := <-d.told:
		t.Errorf("told of %+v", f)
	default:
	}
}

// start starts a server for the test. Without a clock it is someday.
func start(t testing.TB, s *Server) (*Server, diary) {
	t.Helper()
	d := newDiary()
	if s.Now == nil {
		s.Now = func() time.Time { return someday }
	}
	if s.OnFetch == nil {
		s.OnFetch = func(f Fetch) {
			select {
			case d.told <- f:
			default: // a flood; nobody reads on
			}
		}
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, d
}

// kind is a kind of key.
type kind string

const (
	rsa2048 kind = "RSA 2048"
	p384    kind = "P-384"
)

// keys holds two keys of a kind; RSA keys take long to make.
var keys = map[kind]func() [2]crypto.Signer{
	rsa2048: sync.OnceValue(func() (out [2]crypto.Signer) {
		for i := range out {
			out[i] = must(rsa.GenerateKey(rand.Reader, 2048))
		}
		return out
	}),
	p384: sync.OnceValue(func() (out [2]crypto.Signer) {
		for i := range out {
			out[i] = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
		}
		return out
	}),
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var serials struct {
	sync.Mutex
	last int64
}

func newSerial() *big.Int {
	serials.Lock()
	defer serials.Unlock()
	serials.last++
	return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 100), big.NewInt(serials.last))
}

// issue makes a certificate by a parent, or by itself when that is nil.
func issue(t testing.TB, name string, key crypto.Signer, parent *certs.Issuer, at certs.Locations, now time.Time) *x509.Certificate {
	t.Helper()
	isCA := key != nil
	template := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
		BasicConstraintsValid: true, IsCA: isCA, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	for to, url := range map[*[]string]string{&template.CRLDistributionPoints: at.CRL, &template.OCSPServer: at.OCSP} {
		if url != "" {
			*to = []string{url}
		}
	}
	if isCA {
		template.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	} else {
		template.DNSNames = []string{name}
		key = keys[p384]()[0]
	}
	up, signer := template, key
	if parent != nil {
		up, signer = parent.Certificate, parent.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, up, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return must(x509.ParseCertificate(der))
}

// newIssuer makes a root.
func newIssuer(t testing.TB, name string, k kind) certs.Issuer {
	t.Helper()
	key := keys[k]()[0]
	return certs.Issuer{Name: name, Certificate: issue(t, "Lab "+name, key, nil, certs.Locations{}, someday), Key: key}
}

// newIntermediate makes a CA under another root.
func newIntermediate(t testing.TB, name string, k kind) certs.Issuer {
	t.Helper()
	up := newIssuer(t, name+" root", k)
	key := keys[k]()[1]
	return certs.Issuer{Name: name, Certificate: issue(t, "Lab "+name, key, &up, certs.Locations{}, someday), Key: key}
}

// published is a server with one issuer in a state.
func published(t testing.TB, s *Server, st State) (*Server, diary, certs.Issuer, certs.Locations) {
	t.Helper()
	s, d := start(t, s)
	i := newIssuer(t, "ca", p384)
	at := s.Publish(i)
	if err := s.Set(i.Name, st); err != nil {
		t.Fatal(err)
	}
	return s, d, i, at
}

// client is one that opens a connection for each request.
func client(t testing.TB) *http.Client {
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// reply is a whole HTTP response.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request; a body makes it a POST.
func do(t testing.TB, method, url string, body []byte) (reply, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t).Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

func get(t testing.TB, url string) reply {
	t.Helper()
	r, err := do(t, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// dial opens a bare connection to a server; it is closed with the test.
func dial(t testing.TB, s *Server) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", s.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}
