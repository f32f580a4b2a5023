package transport

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// without are engines on a machine that has no libssl.
func without() Engines {
	return Engines{missing: func() error { return errors.New("no libssl here: install OpenSSL 3") }}
}

// lenient is a device that offers suites with these signature algorithms, none
// at all where there are none, and takes any signature.
func lenient(suites, schemes []uint16) scripted.Client {
	h := scripted.NewHello("lb01.test", suites...)
	const signatureAlgorithms = 13
	i := slices.IndexFunc(h.Extensions, func(e scripted.Extension) bool { return e.Type == signatureAlgorithms })
	h.Extensions[i] = scripted.SignatureAlgorithms(schemes...)
	if len(schemes) == 0 {
		h.Extensions = slices.Delete(h.Extensions, i, i+1)
	}
	return scripted.Client{Hello: h, Lacks: scripted.CheckSignature}
}

// The first of the device's suites that the edition allows is taken, and then
// the engine that has it and can sign for the device.
func TestEnginesByPolicy(t *testing.T) {
	const sha1RSA, sha256RSA, sha256ECDSA = 0x0201, 0x0401, 0x0403
	any, old := []uint16{sha256RSA}, []uint16{sha1RSA}
	withLib, withoutLib := Engines{}, without()
	for _, tt := range []struct {
		name    string
		engines Engines
		suites  []uint16
		schemes []uint16
		suite   uint16
		engine  string
		fails   string // in place of the last two: what the recorded error says
	}{
		{"a suite that stays", withLib, []uint16{rsaGCM128}, any, rsaGCM128, "crypto/tls", ""},
		{"a suite that stays, before a deprecated one", withLib, []uint16{ecdheGCM128, ecdheRSAAES256CBCSHA384}, any, ecdheGCM128, "crypto/tls", ""},
		{"a suite that stays, after a deprecated one", withLib, []uint16{rsaAES256CBCSHA256, ecdheGCM256}, any, rsaAES256CBCSHA256, "libssl", ""},
		{"a suite that stays, after one that is not allowed", withLib, []uint16{chacha, ecdheRSAAES256CBCSHA384, ecdheGCM256}, any, ecdheRSAAES256CBCSHA384, "libssl", ""},
		{"SHA-1 only", withLib, []uint16{ecdheGCM256}, old, ecdheGCM256, "libssl", ""},
		{"SHA-1 only for RSA", withLib, []uint16{ecdheGCM256}, []uint16{sha256ECDSA, sha1RSA}, ecdheGCM256, "libssl", ""},
		{"no signature_algorithms", withLib, []uint16{ecdheGCM256}, nil, ecdheGCM256, "libssl", ""},
		{"no signature_algorithms, static RSA", withLib, []uint16{rsaCBC}, nil, rsaCBC, "libssl", ""},
		{"none of ours", withLib, []uint16{chacha}, any, 0, "", "none of the 1 suites offered"},
		{"without libssl, a suite that stays", withoutLib, []uint16{rsaGCM128}, any, rsaGCM128, "crypto/tls", ""},
		{"without libssl, another suite than the first", withoutLib, []uint16{ecdheRSAAES256CBCSHA384, rsaGCM256}, any, rsaGCM256, "crypto/tls", ""},
		{"without libssl, no other suite", withoutLib, []uint16{ecdheRSAAES256CBCSHA384}, any, 0, "", "crypto/tls does not have TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384: no libssl here"},
		{"without libssl, SHA-1 only", withoutLib, []uint16{ecdheGCM256}, old, 0, "", "crypto/tls signs with nothing that the device takes: no libssl here"},
		{"without libssl, none of ours", withoutLib, []uint16{chacha}, any, 0, "", "none of the 1 suites offered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.engine == "libssl" {
				needLibSSL(t)
			}
			s := start(t, &Server{Engine: tt.engines}, eight())
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			raw := plain(t, s.Addr(0))
			c, err := lenient(tt.suites, tt.schemes).Handshake(ctx, raw)
			if tt.fails != "" {
				raw.Close()
				_, failed := wait[record.HandshakeFailed](t, s.Recorder, 0, nil)
				if err == nil || failed.By != record.Us || !strings.Contains(failed.Error, tt.fails) {
					t.Errorf("got %v, recorded %+v", err, failed)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, story(s.Recorder, 0))
			}
			exchange(t, c, "OPTIONS")
			group := uint16(0)
			if ecdhe(tt.suite) {
				group = uint16(P384)
			}
			want := record.HandshakeDone{Version: tls.VersionTLS12, Suite: tt.suite, Group: group, ServerName: "lb01.test", Engine: tt.engine}
			if _, done := wait[record.HandshakeDone](t, s.Recorder, 0, nil); done != want {
				t.Errorf("got %+v, want %+v", done, want)
			}
		})
	}
}

// A device that refuses us where libssl is missing is recorded with its alert,
// as it is where nothing is missing.
func TestDeviceRefusesWithoutLibSSL(t *testing.T) {
	s := start(t, &Server{Engine: without()}, eight())
	raw := plain(t, s.Addr(0))
	client := lenient([]uint16{ecdheRSAAES256CBCSHA384, rsaGCM256}, []uint16{0x0401})
	client.Verify = func([][]byte) error { return errors.New("not trusted") }
	if _, err := client.Handshake(t.Context(), raw); err == nil {
		t.Fatal("the device accepted")
	}
	raw.CloseWrite()
	e, _ := wait[record.Closed](t, s.Recorder, 0, nil)
	if got, want := outcome(s.Recorder, e.Conn), "alert in 42; failed by device; closed by device fin"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An ECDSA leaf is signed for with crypto/tls, where the device can check that.
func TestSignable(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		schemes []uint16
		rsa, ec bool
	}{
		{"none", nil, false, false},
		{"SHA-1", []uint16{0x0201, 0x0203}, false, false},
		{"PKCS #1", []uint16{0x0203, 0x0601}, true, false},
		{"PSS", []uint16{0x0804}, true, false},
		{"ECDSA", []uint16{0x0201, 0x0503}, false, true},
		{"both", []uint16{0x0403, 0x0401}, true, true},
	} {
		if r, e := signable(tt.schemes, identity().PrivateKey), signable(tt.schemes, ec); r != tt.rsa || e != tt.ec {
			t.Errorf("%s: RSA %v, ECDSA %v", tt.name, r, e)
		}
	}
}

// offered does a handshake of d with a peer that takes the ClientHello and
// closes, and returns the suites that were offered, but for the SCSV.
func offered(t *testing.T, d Dialer) ([]uint16, error) {
	t.Helper()
	ln := silent(t)
	hellos := make(chan record.ClientHello, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			hellos <- record.ClientHello{}
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		h, _, _ := peek(context.Background(), c)
		hellos <- h
	}()
	d.Recorder = &record.Recorder{}
	_, err := d.Dial(t.Context(), local(ln))
	ln.Close()
	return slices.DeleteFunc((<-hellos).Suites, func(s uint16) bool { return s == scripted.RenegotiationSCSV }), err
}

// What is offered, and in which order: ours where libssl does it. The order of
// crypto/tls is its own.
func TestEnginesOffer(t *testing.T) {
	backwards := EditionSuites(Newer)
	slices.Reverse(backwards)
	for _, tt := range []struct {
		name    string
		engines Engines
		suites  []uint16
		want    []uint16
		fails   string
	}{
		{"the newer edition, deprecated last", Engines{}, EditionSuites(Newer), EditionSuites(Newer), ""},
		{"the older edition", Engines{}, EditionSuites(Older), EditionSuites(Older), ""},
		{"backwards", Engines{}, backwards, backwards, ""},
		{"those that stay", Engines{}, SurvivingSuites(), SurvivingSuites(), ""},
		{"a deprecated one alone", Engines{}, []uint16{rsaAES256CBCSHA256}, []uint16{rsaAES256CBCSHA256}, ""},
		{"without libssl, the newer edition", without(), EditionSuites(Newer), SurvivingSuites(), ""},
		{"without libssl, deprecated ones alone", without(), DeprecatedSuites(), nil, "offering a suite that crypto/tls does not have: no libssl here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ordered := slices.ContainsFunc(tt.suites, func(s uint16) bool { return !goCan(s) }) && tt.engines.missing == nil
			if ordered {
				needLibSSL(t)
			}
			given := slices.Clone(tt.suites)
			got, err := offered(t, Dialer{Engine: tt.engines, Suites: given})
			if !ordered {
				slices.Sort(got)
				slices.Sort(tt.want)
			}
			if !slices.Equal(got, tt.want) || err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %#04x, %v\nwant %#04x", got, err, tt.want)
			}
			if !slices.Equal(given, tt.suites) {
				t.Errorf("the caller's list was changed to %#04x", given)
			}
		})
	}
}

// Each weak suite has an engine, and the engine does have it: a device that
// offers it alone is served.
func TestWeakEngine(t *testing.T) {
	for _, tt := range []struct {
		suite  uint16
		engine string // empty: none
	}{
		{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "crypto/tls"},
		{tls.TLS_RSA_WITH_RC4_128_SHA, "crypto/tls"},
		{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, "crypto/tls"},
		{0x0002, "libssl"}, // RSA_WITH_NULL_SHA
		{0x003b, "libssl"}, // RSA_WITH_NULL_SHA256
		{0xc010, "libssl"}, // ECDHE_RSA_WITH_NULL_SHA
		{0xc015, "libssl"}, // ECDH_anon_WITH_NULL_SHA
		{0xc018, "libssl"}, // ECDH_anon_WITH_AES_128_CBC_SHA
		{0xc019, "libssl"}, // ECDH_anon_WITH_AES_256_CBC_SHA
		{0x0003, ""},       // RSA_EXPORT_WITH_RC4_40_MD5
	} {
		t.Run(cmp.Or(SuiteName(tt.suite), "?"), func(t *testing.T) {
			if tt.engine == "libssl" {
				needLibSSL(t)
			}
			e := WeakEngine(tt.suite)
			if tt.engine == "" {
				if e != nil {
					t.Errorf("got %s", e.Name())
				}
				return
			}
			if e == nil || e.Name() != tt.engine {
				t.Fatalf("got %v, want %s", e, tt.engine)
			}
			f := healthy()
			f.Suites = []uint16{tt.suite}
			s := start(t, &Server{Engine: e}, f)
			c := weakDevice(t, plain(t, s.Addr(0)), tt.suite)
			exchange(t, c, "OPTIONS")
			if _, done := wait[record.HandshakeDone](t, s.Recorder, 0, nil); done.Suite != tt.suite || done.Engine != tt.engine {
				t.Errorf("recorded %+v", done)
			}
		})
	}
}

// weakDevice does a handshake with a suite that nobody should take.
func weakDevice(t *testing.T, raw net.Conn, suite uint16) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := ClientParameters{Suites: []uint16{suite}}
	c, err := WeakEngine(suite).Client(ctx, raw, p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Versions below TLS 1.2 are spoken where that is asked for, on both sides.
func TestLibSSLVersions(t *testing.T) {
	needLibSSL(t)
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		f := healthy()
		f.Engine = LibSSLEngine{Version: version}
		f.Suites = []uint16{ecdheCBC, rsaCBC}
		s := start(t, &Server{}, f)
		d := Dialer{Recorder: &record.Recorder{}, Engine: LibSSLEngine{Version: version}, Suites: f.Suites}
		c, err := d.Dial(t.Context(), s.Addr(0))
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, c, "OPTIONS")
		c.Close()
		for _, rec := range []*record.Recorder{s.Recorder, d.Recorder} {
			if _, done := wait[record.HandshakeDone](t, rec, 0, nil); done.Version != version || done.Group != uint16(P384) {
				t.Errorf("recorded %+v", done)
			}
		}
		if _, err := call(t, s, device()); err == nil {
			t.Errorf("TLS 1.2 was spoken where %s was to be the only one", tls.VersionName(version))
		}
	}
}
