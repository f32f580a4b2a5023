package referencesbc

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// publisher serves lists and responses, and counts who asks.
type publisher struct {
	*httptest.Server

	mu     sync.Mutex
	serves map[string]http.HandlerFunc
	asked  map[string]int // by path
	conns  int
}

func publish(t testing.TB) *publisher {
	p := &publisher{serves: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.conns++
		}
	}
	p.Start()
	t.Cleanup(func() {
		p.CloseClientConnections() // also of what never answers
		p.Close()
	})
	return p
}

// ServeHTTP implements http.Handler.
func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.URL.Path]++
	serve := p.serves[r.URL.Path]
	p.mu.Unlock()
	if serve == nil {
		serve = http.NotFound
	}
	serve(w, r)
}

func (p *publisher) set(path string, serve http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serves[path] = serve
}

// fetches returns how often the path was asked for; empty is for all.
func (p *publisher) fetches(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for at, asked := range p.asked {
		if path == "" || at == path {
			n += asked
		}
	}
	return n
}

// body answers a request with it.
func body(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(b) }
}

// dumb answers nothing until the client is gone, which is noticed once the
// request has been read.
func dumb(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// speech is what is said of a certificate at each of the three places; nil names
// no such place in the certificate.
type speech struct {
	list   *listing // its serials are filled in where revoked
	listed bool
	ocsp   *reply
	staple *reply
}

var (
	good    = &reply{}
	revoked = &reply{status: ocsp.Revoked}
	old     = &reply{status: ocsp.Revoked, next: -time.Second}
	unknown = &reply{status: ocsp.Unknown}
	fresh   = &listing{}
	stale   = &listing{next: -time.Second}
)

// places returns the addresses that a certificate is to name.
func (s speech) places(p *publisher, name string) (crls, responders []string) {
	if s.list != nil {
		crls = []string{p.URL + "/" + name + ".crl"}
	}
	if s.ocsp != nil {
		responders = []string{p.URL + "/" + name + ".ocsp"}
	}
	return crls, responders
}

// said publishes it, and returns what is to be stapled.
func (s speech) said(t testing.TB, p *publisher, name string, cert *x509.Certificate, by *issuer) []byte {
	if s.list != nil {
		l := *s.list
		if s.listed {
			l.serials = []*big.Int{cert.SerialNumber}
		}
		p.set("/"+name+".crl", body(l.of(t, by)))
	}
	if s.ocsp != nil {
		p.set("/"+name+".ocsp", body(s.ocsp.about(t, cert, by)))
	}
	if s.staple != nil {
		return s.staple.about(t, cert, by)
	}
	return nil
}

// spoken makes a chain of which that is said: of the leaf, and of its intermediate.
func spoken(t testing.TB, p *publisher, leaf, above speech) tls.Certificate {
	t.Helper()
	root := cas(t)["root"]
	between := authority(t, "SIMULATED intermediate", caKey(t), root, func(c *x509.Certificate) {
		c.CRLDistributionPoints, c.OCSPServer = above.places(p, "above")
		c.IssuingCertificateURL = []string{p.URL + "/above.crt"}
	})
	above.said(t, p, "above", between.cert, root)
	s := shown{dns: names, cn: names}
	s.crls, s.ocsp = leaf.places(p, "leaf")
	c := s.of(t, between)
	c.OCSPStaple = leaf.said(t, p, "leaf", c.Leaf, between)
	return c
}

func TestRevocation(t *testing.T) {
	crl, responder := speech{list: fresh, listed: true}, speech{ocsp: revoked}
	for _, tt := range []struct {
		name        string
		leaf, above speech
		control     bool
		hard        bool // what it does with HardFail
		differ      []Mutant
	}{
		{"nothing said", speech{}, speech{}, true, true, nil},
		{"on no list", speech{list: fresh}, speech{list: fresh}, true, true, nil},
		{"good", speech{ocsp: good}, speech{ocsp: good}, true, true, nil},
		{"good in the handshake", speech{staple: good}, speech{}, true, true, nil},
		{"on the list", crl, speech{}, false, false, []Mutant{IgnoresCRL}},
		{"revoked", responder, speech{}, false, false, []Mutant{IgnoresOCSP}},
		{"revoked in the handshake", speech{staple: revoked}, speech{}, false, false, []Mutant{IgnoresOCSP}},
		{"on the list, but good", speech{list: fresh, listed: true, ocsp: good}, speech{}, false, false, []Mutant{IgnoresCRL}},
		{"on no list, but revoked", speech{list: fresh, ocsp: revoked}, speech{}, false, false, []Mutant{IgnoresOCSP}},
		{"good in the handshake, but on the list", speech{list: fresh, listed: true, staple: good}, speech{}, false, false, []Mutant{IgnoresCRL}},
		{"on the list and revoked", speech{list: fresh, listed: true, ocsp: revoked}, speech{}, false, false, nil},
		{"on a stale list", speech{list: stale, listed: true}, speech{}, true, false, nil},
		{"revoked by a stale response", speech{ocsp: old}, speech{}, true, false, nil},
		{"not known to the responder", speech{ocsp: unknown}, speech{}, true, false, nil},
		{"revoked by a stale response in the handshake", speech{staple: old}, speech{}, true, false, nil},
		{"on a stale list, but good", speech{list: stale, listed: true, ocsp: good}, speech{}, true, true, nil},
		{"stale in the handshake, but revoked", speech{staple: old, ocsp: revoked}, speech{}, false, false, []Mutant{IgnoresOCSP}},
		{"on no list, with a stale list above", speech{list: fresh}, speech{list: stale, listed: true}, true, false, nil},
		{"the intermediate on the list", speech{list: fresh}, crl, false, false, []Mutant{IgnoresCRL, AcceptsRevokedIntermediate}},
		{"the intermediate revoked", speech{ocsp: good}, responder, false, false, []Mutant{IgnoresOCSP, AcceptsRevokedIntermediate}},
		{"the intermediate revoked both ways", speech{}, speech{list: fresh, listed: true, ocsp: revoked}, false, false, []Mutant{AcceptsRevokedIntermediate}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := publish(t)
			state := parsed(t, spoken(t, p, tt.leaf, tt.above))
			disagree(t, tt.control, tt.differ, func(s *SBC) error { return s.verify(t.Context(), state, lb01, at) })
			s := device(t, "")
			s.HardFail = true
			if err := s.verify(t.Context(), state, lb01, at); (err == nil) != tt.hard {
				t.Errorf("with HardFail: %v", err)
			}
			if n := p.fetches("/above.crt"); n > 0 {
				t.Error("it fetched an issuer's certificate")
			}
		})
	}
}

// A response in the handshake spares the way to the responder.
func TestStapleSparesAFetch(t *testing.T) {
	p := publish(t)
	state := parsed(t, spoken(t, p, speech{list: fresh, ocsp: revoked, staple: good}, speech{}))
	must(t, device(t, "").verify(t.Context(), state, lb01, at))
	if n := p.fetches("/leaf.ocsp"); n != 0 || p.fetches("/leaf.crl") != 1 {
		t.Errorf("the responder was asked %d times, for the list %d times", n, p.fetches("/leaf.crl"))
	}
}

// What is wrong with the way to a list that would revoke the certificate.
func TestNothingToBeHad(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(http.HandlerFunc) http.HandlerFunc // nil: nothing wrong
		url   func(string) string                     // nil: as it is
		says  string                                  // why nothing is to be had; empty: it is
		conns int                                     // to the server, each time
	}{
		{"nothing wrong", nil, nil, "", 1},
		{"in capitals", nil, func(u string) string { return strings.Replace(u, "http", "HTTP", 1) }, "", 1},
		{"404", status(http.StatusNotFound), nil, "404 Not Found", 1},
		{"500", status(http.StatusInternalServerError), nil, "500 Internal", 1},
		{"another kind of success", status(http.StatusPartialContent), nil, "206 Partial", 1},
		{"elsewhere", func(serve http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery == "" {
					http.Redirect(w, r, "?here", http.StatusFound)
					return
				}
				serve(w, r)
			}
		}, nil, "302 Found", 1},
		{"reset", func(http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
					c.(*net.TCPConn).SetLinger(0)
					c.Close()
				}
			}
		}, nil, "reset by peer", 1},
		{"endless", func(http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				for chunk := make([]byte, 1<<20); r.Context().Err() == nil; {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}
		}, nil, "longer than 20971520 octets", 1},
		{"empty", func(http.HandlerFunc) http.HandlerFunc { return body(nil) }, nil, "malformed crl", 1},
		{"closed", nil, func(string) string { return "http://" + closed(t) + "/leaf.crl" }, "connection refused", 0},
		{"https", nil, func(u string) string { return strings.Replace(u, "http", "https", 1) }, "only http is spoken", 0},
		{"LDAP", nil, func(string) string { return "ldap://127.0.0.1/cn=crl" }, "only http is spoken", 0},
		{"no URL", nil, func(string) string { return "http://%zz" }, "invalid URL escape", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := publish(t)
			url := p.URL + "/leaf.crl"
			if tt.url != nil {
				url = tt.url(url)
			}
			ca := cas(t)["intermediate"]
			c := shown{dns: names, crls: []string{url}}.of(t, ca)
			serve := body((&listing{serials: []*big.Int{c.Leaf.SerialNumber}}).of(t, ca))
			if tt.serve != nil {
				serve = tt.serve(serve)
			}
			p.set("/leaf.crl", serve)
			for _, hard := range []bool{false, true} {
				s := device(t, "")
				s.HardFail, s.Timers.Fetch = hard, 10*time.Second
				err := s.verify(t.Context(), parsed(t, c), lb01, at)
				if (err == nil) != (tt.says != "" && !hard) || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("HardFail %t: %v", hard, err)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.conns != 2*tt.conns {
				t.Errorf("%d connections", p.conns)
			}
		})
	}
}

func status(code int) func(http.HandlerFunc) http.HandlerFunc {
	return func(serve http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			serve(w, r)
		}
	}
}

// closed returns an address where nobody listens.
func closed(t testing.TB) string {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A list that is had is one too many: of two addresses one is enough.
func TestSecondAddress(t *testing.T) {
	p, ca := publish(t), cas(t)["intermediate"]
	c := shown{dns: names, crls: []string{p.URL + "/gone.crl", p.URL + "/leaf.crl"}}.of(t, ca)
	p.set("/leaf.crl", body((&listing{serials: []*big.Int{c.Leaf.SerialNumber}}).of(t, ca)))
	if err := device(t, "").verify(t.Context(), parsed(t, c), lb01, at); err == nil {
		t.Error("the second address was not asked")
	}
	p.set("/leaf.crl", body(fresh.of(t, ca)))
	s := device(t, "")
	s.HardFail = true
	must(t, s.verify(t.Context(), parsed(t, c), lb01, at))
	c = shown{dns: names, crls: many(p.URL+"/many.crl", 50)}.of(t, ca)
	must(t, device(t, "").verify(t.Context(), parsed(t, c), lb01, at))
	if n := p.fetches("/many.crl"); n != 1*maxAsked {
		t.Errorf("of 50 addresses %d were asked", n)
	}
}

func many(url string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, url+"?"+string(rune('A'+i)))
	}
	return out
}

// The OCSP request is one about the certificate.
func TestRequest(t *testing.T) {
	p, ca := publish(t), cas(t)["curve"]
	c := shown{dns: names, ocsp: []string{p.URL + "/leaf.ocsp"}}.of(t, ca)
	requests := make(chan *ocsp.Request, 1)
	p.set("/leaf.ocsp", func(w http.ResponseWriter, r *http.Request) {
		der, err := io.ReadAll(r.Body)
		q, parseErr := ocsp.ParseRequest(der)
		if err != nil || parseErr != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/ocsp-request" {
			t.Errorf("%s of %s: %v, %v", r.Method, r.Header.Get("Content-Type"), err, parseErr)
		}
		requests <- q
		w.Write(revoked.about(t, c.Leaf, ca))
	})
	if err := device(t, "").verify(t.Context(), parsed(t, c), lb01, at); err == nil {
		t.Error("it is taken")
	}
	if q := <-requests; q.SerialNumber.Cmp(c.Leaf.SerialNumber) != 0 {
		t.Errorf("it asks about %s", q.SerialNumber)
	}
}
