package revocation

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"byocheck/certs"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	s, d := start(t, &Server{})
	first := newIssuer(t, "ca", p384)
	at := s.Publish(first)
	if again := s.Publish(first); again != at {
		t.Errorf("published again at %+v, first at %+v", again, at)
	}
	// Another CA of the name takes it over; the first one stays where it is.
	second := newIssuer(t, "ca", p384)
	second.Certificate = issue(t, "Lab ca", keys[p384]()[1], nil, certs.Locations{}, someday)
	second.Key = keys[p384]()[1]
	took := s.Publish(second)
	if s.Publish(second) != took || s.Publish(first) != at {
		t.Error("the addresses change when the same is published again")
	}
	if err := s.Set("ca", NotFound); err != nil {
		t.Fatal(err)
	}
	for u, want := range map[string]int{
		at.CRL: 200, at.Certificate: 200, at.OCSP + "/" + path64(t, first, goodSerial): 200,
		took.CRL: 404, took.Certificate: 404, took.OCSP + "/" + path64(t, second, goodSerial): 404,
	} {
		if r := get(t, u); r.status != want {
			t.Errorf("%s: status %d, not %d", u, r.status, want)
		}
		if f := d.next(t); f.Issuer != "ca" || f.Status != want {
			t.Errorf("%s: told %+v", u, f)
		}
	}
}

func TestPublishNothing(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", p384)
	s := &Server{}
	if at := s.Publish(i); at != (certs.Locations{}) {
		t.Errorf("before Start at %+v", at)
	}
	s, _ = start(t, s)
	for _, c := range []certs.Issuer{{}, {Name: "ca", Certificate: i.Certificate}, {Name: "ca", Key: i.Key}} {
		if at := s.Publish(c); at != (certs.Locations{}) {
			t.Errorf("%+v at %+v", c, at)
		}
	}
}

// Whatever an issuer is called, its addresses lead to it.
func TestPublishOddNames(t *testing.T) {
	t.Parallel()
	s, d := start(t, &Server{})
	seen := map[string]bool{}
	i := newIssuer(t, "ca", p384)
	for _, name := range []string{"a/b", "a?b", "a-b", "../x", "a b%2f", "ä", "", ".crl", "ocsp/x", "X", "x"} {
		i.Name = name
		at := s.Publish(i)
		for _, u := range []string{at.CRL, at.Certificate, at.OCSP} {
			if p, err := url.Parse(u); err != nil || p.Host != s.Addr().String() || seen[u] {
				t.Errorf("%q: %s, which is there before: %v; error %v", name, u, seen[u], err)
			}
			seen[u] = true
			get(t, u)
			if f := d.next(t); f.Issuer != name || f.Status != http.StatusOK {
				t.Errorf("%q: told %+v", name, f)
			}
		}
	}
}

// A device that kept a list of an earlier run by its URL must not find it again.
func TestRunsHaveTheirOwnPaths(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", p384)
	one, _ := start(t, &Server{Advertise: "lab.example:8080"})
	two, _ := start(t, &Server{Advertise: "lab.example:8080"})
	a, b := one.Publish(i), two.Publish(i)
	if a.CRL == b.CRL || a.OCSP == b.OCSP || a.Certificate == b.Certificate || !strings.HasPrefix(a.CRL, "http://lab.example:8080/") {
		t.Errorf("%+v and %+v", a, b)
	}
	fixed, _ := start(t, &Server{Rand: bytes.NewReader([]byte{1, 2, 3, 4})})
	if got, want := fixed.Publish(i).CRL, "http://"+fixed.Addr().String()+"/01020304/ca.crl"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s, d := start(t, &Server{})
	s.Publish(newIssuer(t, "ca", p384))
	s.Publish(newIssuer(t, "", p384))
	for path, kind := range map[string]string{
		"/": "", "": "", "/x": "", "/" + s.run: "", "/" + s.run + "/": "", "/" + s.run + "/ca": "", "//": "",
		"/deadbeef/ca.crl": kindCRL, "/" + s.run + "/cb.crl": kindCRL,
		"/deadbeef/ca.crt": kindCertificate, "/deadbeef/ocsp/ca": kindOCSP,
		"/" + strings.Repeat("long", 1000): "",
	} {
		if r := get(t, "http://"+s.Addr().String()+path); r.status != http.StatusNotFound {
			t.Errorf("%.80s: status %d", path, r.status)
		}
		f := d.next(t)
		if f.Kind != kind || f.Issuer != "" || f.State != "" || f.Error == "" || len(f.Path) > 512 {
			t.Errorf("%.80s: told %+v", path, f)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	_, d, _, at := published(t, &Server{}, Good)
	for _, c := range []struct {
		method, url string
		status      int
	}{
		{"HEAD", at.CRL, 200}, {"HEAD", at.Certificate, 200}, {"HEAD", at.OCSP, 405},
		{"POST", at.CRL, 405}, {"DELETE", at.Certificate, 405}, {"OPTIONS", at.OCSP, 405},
	} {
		r, err := do(t, c.method, c.url, nil)
		if err != nil || r.status != c.status || (r.header.Get("Allow") != "") != (c.status == 405) {
			t.Errorf("%s %s: status %d, allow %q, error %v", c.method, c.url, r.status, r.header.Get("Allow"), err)
		}
		if f := d.next(t); f.Method != c.method || f.Status != c.status || f.Octets != len(r.body) {
			t.Errorf("%s: told %+v", c.method, f)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s, _, i, _ := published(t, &Server{}, Good)
	if err := s.Revoke(i.Name, goodSerial, keyCompromise); err != nil {
		t.Fatal(err)
	}
	before := must(s.CRL(i.Name))
	for name, err := range map[string]error{
		"state":               s.Set(i.Name, "better"),
		"issuer to set":       s.Set("cb", Good),
		"issuer to revoke":    s.Revoke("cb", goodSerial, 1),
		"issuer of a list":    second(s.CRL("cb")),
		"issuer of a staple":  second(s.Staple("cb", goodSerial)),
		"no serial number":    s.Revoke(i.Name, nil, 1),
		"serial number 0":     s.Revoke(i.Name, new(big.Int), 1),
		"serial number below": s.Revoke(i.Name, big.NewInt(-1), 1),
		"serial number long":  s.Revoke(i.Name, new(big.Int).Lsh(big.NewInt(1), 160), 1),
		"reason below":        s.Revoke(i.Name, goodSerial, -1),
		"reason 7":            s.Revoke(i.Name, goodSerial, 7),
		"removeFromCRL":       s.Revoke(i.Name, goodSerial, 8),
		"reason above":        s.Revoke(i.Name, goodSerial, 11),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !bytes.Equal(must(s.CRL(i.Name)), before) {
		t.Error("something was changed")
	}
	for _, reason := range []int{0, 1, 6, 9, 10} {
		if err := s.Revoke(i.Name, goodSerial, reason); err != nil {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStartErrors(t *testing.T) {
	t.Parallel()
	taken, _ := start(t, &Server{})
	for name, s := range map[string]*Server{
		"port in use":       {Listen: taken.Addr()},
		"all addresses":     {Listen: netip.MustParseAddrPort("0.0.0.0:0")},
		"no port":           {Advertise: "lab.example"},
		"port 0":            {Advertise: "lab.example:0"},
		"no host":           {Advertise: ":80"},
		"no number":         {Advertise: "lab.example:http"},
		"slow by less":      {SlowBy: -1},
		"less than nothing": {HugeEntries: -1},
		"no chance":         {Rand: bytes.NewReader(nil)},
	} {
		if err := s.Start(); err == nil {
			t.Errorf("%s: no error", name)
		}
		s.Close()
		if s.Addr().IsValid() {
			t.Errorf("%s: it listens on %v", name, s.Addr())
		}
	}
	if err := taken.Start(); err == nil {
		t.Error("started twice")
	}
	for _, s := range []*Server{
		{Listen: netip.MustParseAddrPort("0.0.0.0:0"), Advertise: "[2001:db8::1]:80"},
		{Listen: netip.MustParseAddrPort("127.0.0.9:0")},
	} {
		start(t, s)
	}
}

// What a device does because of an answer must come after the fetch was told: the
// last octet is held back until then.
func TestFetchIsToldFirst(t *testing.T) {
	t.Parallel()
	for _, st := range []State{Good, Huge, NotFound, Unreachable} {
		t.Run(string(st), func(t *testing.T) {
			t.Parallel()
			told, release := make(chan Fetch), make(chan struct{})
			s := &Server{HugeEntries: 5000, OnFetch: func(f Fetch) { told <- f; <-release }}
			s, _, i, at := published(t, s, st)
			t.Cleanup(sync.OnceFunc(func() { close(release) })) // before Close
			size := len(must(s.CRL(i.Name)))
			c := dial(t, s)
			ask(t, c, at.CRL)
			ended := make(chan error, 1)
			go func() {
				r, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
				}
				ended <- err
			}()
			f := <-told
			if st.content() == st && f.Octets != size {
				t.Errorf("told of %d octets of %d", f.Octets, size)
			}
			select {
			case err := <-ended:
				t.Fatalf("the client has its answer before the fetch was told, error %v", err)
			case <-time.After(50 * time.Millisecond):
			}
			release <- struct{}{}
			if err := <-ended; (err != nil) != (st == Unreachable) {
				t.Errorf("the client got error %v", err)
			}
		})
	}
}

// Publishing, changing and asking at the same time is for the race detector.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	s, _, i, at := published(t, &Server{HugeEntries: 100, SlowBy: 1}, Good)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for k := range 20 {
				st := []State{Good, Stale, Huge, NotFound, Slow}[(n+k)%5]
				err := errors.Join(s.Set(i.Name, st), s.Revoke(i.Name, big.NewInt(int64(1+n+k)), 0))
				s.Publish(newIssuer(t, hex.EncodeToString([]byte{byte(n), byte(k)}), p384))
				if _, e := s.CRL(i.Name); e != nil || err != nil {
					t.Error(e, err)
				}
				if _, err := s.Staple(i.Name, goodSerial); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 20 {
				for _, u := range []string{at.CRL, at.Certificate, at.OCSP + "/" + path64(t, i, goodSerial)} {
					if _, err := do(t, http.MethodGet, u, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}
