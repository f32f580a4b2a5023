package revocation

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"testing"
	"time"

	"byocheck/certs"
)

func parseList(t testing.TB, der []byte) *x509.RevocationList {
	t.Helper()
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestListForm(t *testing.T) {
	t.Parallel()
	s, _ := start(t, &Server{})
	for _, i := range []certs.Issuer{newIssuer(t, "root", p384), newIntermediate(t, "intermediate", p384)} {
		at := s.Publish(i)
		l := parseList(t, get(t, at.CRL).body)
		if !bytes.Equal(l.RawIssuer, i.Certificate.RawSubject) || !bytes.Equal(l.AuthorityKeyId, i.Certificate.SubjectKeyId) {
			t.Errorf("%s: issuer %v, authority key identifier %x", i.Name, l.Issuer, l.AuthorityKeyId)
		}
		if l.Number.Int64() != someday.Unix() || l.RevokedCertificateEntries != nil {
			t.Errorf("%s: number %v, entries %v", i.Name, l.Number, l.RevokedCertificateEntries)
		}
		// SEQUENCE { [0] { [0] { [6] URL } } }: RFC 5280 section 5.2.5, by hand.
		n := byte(len(at.CRL))
		want := append([]byte{0x30, n + 6, 0xa0, n + 4, 0xa0, n + 2, 0x86, n}, at.CRL...)
		if i.Name == "root" {
			want = nil
		}
		var got []byte
		for _, e := range l.Extensions {
			if e.Id.String() == "2.5.29.28" && e.Critical {
				got = e.Value
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: critical issuing distribution point %x, not %x", i.Name, got, want)
		}
		if err := s.Revoke(i.Name, revokedSerial, 0); err != nil {
			t.Fatal(err)
		}
		// Reason 0 is to be left out (section 5.3.1).
		if e := parseList(t, get(t, at.CRL).body).RevokedCertificateEntries; len(e) != 1 || len(e[0].Extensions) != 0 {
			t.Errorf("%s: entries %+v", i.Name, e)
		}
	}
}

// Numbers grow with every list, within a second, and from run to run.
func TestListNumbers(t *testing.T) {
	t.Parallel()
	c := &clock{t: someday}
	last := big.NewInt(0)
	i := newIssuer(t, "ca", p384)
	for run := range 3 {
		s, _ := start(t, &Server{Now: c.now, HugeEntries: 3})
		s.Publish(i)
		for n, change := range []func() error{
			func() error { return nil },
			func() error { return s.Revoke("ca", goodSerial, 1) },
			func() error { return s.Set("ca", Stale) },
			func() error { return s.Set("ca", Good) },
			func() error { return s.Revoke("ca", goodSerial, 4) },
			func() error { return s.Set("ca", Huge) },
			func() error { c.add(maxAge); return nil },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			number := parseList(t, must(s.CRL("ca"))).Number
			if number.Cmp(last) <= 0 {
				t.Errorf("run %d, list %d: number %v after %v", run, n, number, last)
			}
			last = number
		}
		c.add(10 * time.Second)
	}
}

func TestListIsSignedOnce(t *testing.T) {
	t.Parallel()
	c := &clock{t: someday}
	s, _, i, at := published(t, &Server{Now: c.now, HugeEntries: 3}, Huge)
	list := func() []byte { return get(t, at.CRL).body }
	for name, step := range map[string]struct {
		do  func() error
		new bool
	}{
		"nothing":        {func() error { return nil }, false},
		"the same state": {func() error { return s.Set(i.Name, Huge) }, false},
		"hours":          {func() error { c.add(maxAge - time.Second); return nil }, false},
		"a day":          {func() error { c.add(maxAge); return nil }, true},
		"a day back":     {func() error { c.add(-maxAge); return nil }, true},
		"a revocation":   {func() error { return s.Revoke(i.Name, newSerial(), 1) }, true},
		"there and back": {func() error { return errors.Join(s.Set(i.Name, Good), s.Set(i.Name, Huge)) }, true},
		"an error":       {func() error { s.Set(i.Name, "no state"); return nil }, false},
	} {
		c.mu.Lock()
		c.t = someday
		c.mu.Unlock()
		if err := s.Revoke(i.Name, goodSerial, 1); err != nil { // a fresh list
			t.Fatal(err)
		}
		before := list()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := !bytes.Equal(list(), before); got != step.new {
			t.Errorf("after %s there is a new list: %v", name, got)
		}
	}
	if !bytes.Equal(list(), must(s.CRL(i.Name))) {
		t.Error("the file is not what is served")
	}
}

// The device that asks first must not wait for a key or a long list to be made.
func TestWhatTakesLongIsMadeAhead(t *testing.T) {
	t.Parallel()
	s, _, i, _ := published(t, &Server{HugeEntries: 3}, Huge)
	inside := must(s.find(i.Name))
	if inside.lists[Huge].der == nil {
		t.Error("no list after Set")
	}
	if err := s.Revoke(i.Name, goodSerial, 1); err != nil || inside.lists[Huge].der == nil {
		t.Error("no list after Revoke, error", err)
	}
	if err := s.Set(i.Name, WrongSignature); err != nil || inside.other == nil {
		t.Error("no key after Set, error", err)
	}
}

// The list for a file: good where the state is about fetching or about signatures.
func TestListForFile(t *testing.T) {
	t.Parallel()
	s, d, i, _ := published(t, &Server{HugeEntries: 7}, Good)
	if err := s.Revoke(i.Name, revokedSerial, keyCompromise); err != nil {
		t.Fatal(err)
	}
	for _, info := range States() {
		if err := s.Set(i.Name, info.State); err != nil {
			t.Fatal(err)
		}
		l := parseList(t, must(s.CRL(i.Name)))
		if err := l.CheckSignatureFrom(i.Certificate); err != nil {
			t.Errorf("%s: %v", info.State, err)
		}
		checkDates(t, l.ThisUpdate, l.NextUpdate, info.State == Stale)
		want := 1
		if info.State == Huge {
			want += 7
		}
		if len(l.RevokedCertificateEntries) != want {
			t.Errorf("%s: %d entries", info.State, len(l.RevokedCertificateEntries))
		}
	}
	d.none(t)
}

// A revocation keeps its date, whatever happens after it, and takes a new reason.
func TestRevocationDate(t *testing.T) {
	t.Parallel()
	c := &clock{t: someday}
	s, _, i, _ := published(t, &Server{Now: c.now}, Good)
	for reason := range 3 {
		if err := s.Revoke(i.Name, revokedSerial, reason); err != nil {
			t.Fatal(err)
		}
		l := parseList(t, must(s.CRL(i.Name)))
		if got := l.RevokedCertificateEntries[0].RevocationTime; len(l.RevokedCertificateEntries) != 1 || !got.Equal(someday.Add(-time.Hour)) {
			t.Errorf("revoked on %v, one of %d", got, len(l.RevokedCertificateEntries))
		}
		if got := l.RevokedCertificateEntries[0].ReasonCode; got != reason {
			t.Errorf("revoked for %d, not for %d", got, reason)
		}
		c.add(time.Hour)
	}
}

// A faulty CA has a list as well, else two things were wrong with it.
func TestListOfNoSigner(t *testing.T) {
	t.Parallel()
	s, d := start(t, &Server{})
	i := newIssuer(t, "ca", p384)
	i.Certificate.KeyUsage = x509.KeyUsageDigitalSignature
	at := s.Publish(i)
	if r := get(t, at.CRL); r.status != 200 {
		t.Fatalf("status %d: %s", r.status, d.next(t).Error)
	}
	if i.Certificate.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Error("the certificate was changed")
	}
}

// brokenKey cannot sign.
type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key is gone")
}

func TestBrokenKey(t *testing.T) {
	t.Parallel()
	s, d := start(t, &Server{})
	i := newIssuer(t, "ca", p384)
	i.Key = brokenKey{i.Key}
	at := s.Publish(i)
	if r := get(t, at.CRL); r.status != 500 {
		t.Errorf("list: status %d", r.status)
	}
	if f := d.next(t); f.Error == "" || f.State != Good {
		t.Errorf("told %+v", f)
	}
	if r := get(t, at.OCSP+"/"+path64(t, i, goodSerial)); r.status != 200 || len(r.body) > 10 {
		t.Errorf("status: %d, %d octets", r.status, len(r.body))
	}
	if f := d.next(t); f.Error == "" {
		t.Errorf("told %+v", f)
	}
	if err := s.Set("ca", Huge); err == nil {
		t.Error("set to what cannot be signed")
	}
}
