package referencesbc

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync"
	"testing"
)

// presented returns the names in the certificate that a caller is shown.
func presented(t testing.TB, w *world, sessions tls.ClientSessionCache) string {
	t.Helper()
	conn, err := tls.Dial("tcp", w.sbc.TLSAddr().String(), &tls.Config{ServerName: "sbc.customer.test", InsecureSkipVerify: true,
		MaxVersion: tls.VersionTLS12, CurvePreferences: curves, ClientSessionCache: sessions})
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if conn.ConnectionState().DidResume {
		return "resumed"
	}
	return strings.Join(conn.ConnectionState().PeerCertificates[0].DNSNames, ",")
}

func TestProvision(t *testing.T) {
	w, sessions := build(t, nil), tls.NewLRUClientSessionCache(1)
	f, err := w.dial() // stands all the time
	must(t, err)
	expect := func(want string) {
		t.Helper()
		if got := presented(t, w, sessions); got != want {
			t.Errorf("it presents %s, not %s", got, want)
		}
	}
	expect("sbc.customer.test")
	renewed := shown{dns: []string{"renewed.test"}, key: otherKey}.chain(t)
	must(t, w.sbc.Provision(renewed))
	expect("renewed.test")
	renewed.Certificate[0] = []byte("changed by whoever owns it")
	expect("renewed.test")

	misfit, unread := shown{dns: []string{"a.test"}}.chain(t), shown{dns: []string{"a.test"}}.chain(t)
	misfit.PrivateKey, unread.Certificate[0] = otherKey(t), []byte("garbage")
	keyless, odd := misfit, misfit
	keyless.PrivateKey, odd.PrivateKey = nil, "a key"
	other := misfit
	other.PrivateKey = curveKey(t)
	for name, bad := range map[string]tls.Certificate{"empty": {}, "unreadable": unread, "without a key": keyless, "with an odd key": odd,
		"with another's key": misfit, "with a key of another kind": other, "key alone": {PrivateKey: testKey(t)}, "nothing in it": {Certificate: [][]byte{nil}, PrivateKey: testKey(t)}} {
		if err := w.sbc.Provision(bad); err == nil {
			t.Errorf("%s: it is taken", name)
		}
		expect("renewed.test")
	}

	// What can be presented is, however bad it is, and can be replaced again.
	for name, tt := range map[string]struct {
		c    tls.Certificate
		want string
	}{
		"expired":     {shown{dns: []string{"a.test"}, days: -1}.chain(t), "a.test"},
		"self-signed": {shown{dns: []string{"b.test"}, under: "self"}.chain(t), "b.test"},
		"short":       {shown{dns: []string{"c.test"}, key: shortKey}.chain(t), "c.test"},
		"ECDSA":       {shown{dns: []string{"d.test"}, key: curveKey}.chain(t), "remote error: tls: handshake failure"}, // no suite for it
	} {
		must(t, w.sbc.Provision(tt.c))
		if got := presented(t, w, sessions); got != tt.want {
			t.Errorf("%s: it presents %s", name, got)
		}
	}
	must(t, w.sbc.Provision(shown{dns: []string{"sbc.customer.test"}}.chain(t)))
	expect("sbc.customer.test")
	select {
	case <-f.Closed():
		t.Error("a connection that stood is closed")
	default:
	}
}

func TestProvisionBeforeStart(t *testing.T) {
	w := build(t, func(s *SBC) {
		s.Certificate = tls.Certificate{}
		must(t, s.Provision(shown{dns: []string{"early.test"}}.chain(t)))
	})
	if got := presented(t, w, nil); got != "early.test" {
		t.Errorf("it presents %s", got)
	}
	s := &SBC{Carrier: listenerAddr, Certificate: tls.Certificate{Certificate: [][]byte{[]byte("garbage")}}, Roots: trusted(t), Proxies: names, Resolver: listenerAddr}
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), "reading the leaf") {
		t.Errorf("%v", err)
	}
}

// Certificates change while callers come.
func TestProvisionMeanwhile(t *testing.T) {
	w := build(t, nil)
	one, two := shown{dns: []string{"one.test"}}.chain(t), shown{dns: []string{"two.test"}, key: otherKey}.chain(t)
	must(t, w.sbc.Provision(one))
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 10 {
				if got := presented(t, w, nil); got != "one.test" && got != "two.test" {
					t.Errorf("it presents %s", got)
				}
			}
		})
	}
	for i := range 100 {
		must(t, w.sbc.Provision([]tls.Certificate{one, two}[i%2]))
	}
	work.Wait()
}

// The mutants that present something else do so with every certificate.
func TestProvisionedMutants(t *testing.T) {
	for _, tt := range []struct {
		mutant Mutant
		sends  int
		own    bool
	}{{Control, 2, false}, {SendsNoIntermediate, 1, false}, {SelfSigned, 1, true}} {
		m := tt.mutant
		s := device(t, m)
		given := shown{dns: []string{"a.test"}, cn: []string{"a.test"}, crls: []string{"http://127.0.0.1/a.crl"}, ocsp: []string{"http://127.0.0.1/a"}}.chain(t)
		must(t, s.Provision(given))
		got := *s.shows.Load()
		leaf := parsed(t, got).PeerCertificates[0]
		if len(got.Certificate) != tt.sends || selfSigned(leaf) != tt.own {
			t.Errorf("%s presents %d certificates, the first one issued by %s", m, len(got.Certificate), leaf.Issuer)
		}
		if leaf.Subject.String() != given.Leaf.Subject.String() || leaf.DNSNames[0] != "a.test" || !leaf.NotAfter.Equal(given.Leaf.NotAfter) ||
			leaf.KeyUsage != given.Leaf.KeyUsage || len(leaf.ExtKeyUsage) != 1 || !leaf.PublicKey.(*rsa.PublicKey).Equal(given.Leaf.PublicKey) {
			t.Errorf("%s presents another certificate: %v", m, leaf.Subject)
		}
		if (len(leaf.CRLDistributionPoints) == 0) != tt.own || (len(leaf.OCSPServer) == 0) != tt.own {
			t.Errorf("%s names %v and %v", m, leaf.CRLDistributionPoints, leaf.OCSPServer)
		}
	}
}

// The mutant says that it takes what it is given, until it has one that ended.
func TestKeepsWrongCertificate(t *testing.T) {
	for _, m := range []Mutant{Control, KeepsWrongCertificate} {
		s := device(t, m)
		for i, tt := range []struct {
			given shown
			kept  string // by the mutant
		}{
			{shown{dns: []string{"a.test"}}, "a.test"},
			{shown{dns: []string{"b.test"}, under: "self"}, "b.test"},
			{shown{dns: []string{"c.test"}, days: 40}, "c.test"},
			{shown{dns: []string{"d.test"}, days: -1}, "d.test"},
			{shown{dns: []string{"e.test"}}, "d.test"},
		} {
			must(t, s.Provision(tt.given.chain(t)))
			want := tt.kept
			if m == Control {
				want = tt.given.dns[0]
			}
			if got := s.shows.Load().Leaf.DNSNames[0]; got != want {
				t.Errorf("%s, certificate %d: it presents %s, not %s", m, i+1, got, want)
			}
		}
	}
}

func selfSigned(c *x509.Certificate) bool {
	return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil && bytes.Equal(c.RawIssuer, c.RawSubject)
}
