package suites

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byocheck/certs"
	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/simulator"
	"byocheck/suites/config"
)

// keeps is a lab in a folder of its own.
func keeps(t *testing.T) *lab {
	t.Helper()
	home, err := certs.Open(filepath.Join(t.TempDir(), "state"), certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{home: home}
}

// hooked is a configuration with a hook for certificates.
func hooked(t *testing.T, line string) config.Config {
	t.Helper()
	c := config.Default()
	c.Target = config.Target{Host: "sbc.customer.test", Port: 5061}
	c.Dir = t.TempDir()
	c.Device.Provision = line
	c.Timeouts.Attempt = 20 * time.Second
	return c
}

// staged lets the lab prepare a stage for scenarios that give the device certificates.
func staged(t *testing.T, l *lab, c config.Config, declared map[string]string) *scenarios.Stage {
	t.Helper()
	s := &scenarios.Stage{Declared: declared, Cloud: &simulator.Cloud{NoLists: true}}
	if err := l.provisioning(c, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// read returns what a hook left in the folder in which it ran.
func read(t *testing.T, c config.Config, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// nothingLeft checks that the files a hook was given are gone, folder included.
func nothingLeft(t *testing.T, c config.Config) {
	t.Helper()
	for _, path := range strings.Fields(read(t, c, "paths")) {
		for _, p := range []string{path, filepath.Dir(path)} {
			if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there (%v)", p, err)
			}
		}
	}
}

const (
	keep  = `echo "$BYOCHECK_KEY" "$BYOCHECK_CHAIN" "$BYOCHECK_ROOT" > paths; `
	store = keep + `stat -c %a "$BYOCHECK_KEY" > mode; cp "$BYOCHECK_KEY" key; cp "$BYOCHECK_CHAIN" chain; cp "$BYOCHECK_ROOT" root`
)

// The hook finds key, chain and root as PEM files that belong together.
func TestProvision(t *testing.T) {
	l, c := keeps(t), hooked(t, store)
	s := staged(t, l, c, nil)
	if _, absent := s.Declared[judge.Provisioning]; absent {
		t.Errorf("declared absent although there is a hook: %q", s.Declared)
	}
	own, err := s.Own()
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Own()
	if err != nil || !bytes.Equal(own.Certificate[0], again.Certificate[0]) {
		t.Errorf("the device's own certificate is another one each time, error %v", err)
	}
	if leaf, err := x509.ParseCertificate(own.Certificate[0]); err != nil || leaf.VerifyHostname(c.Target.Host) != nil {
		t.Errorf("it is for %v, error %v", leaf.DNSNames, err)
	}
	names := certs.Names{CN: c.Target.Host, DNS: []string{c.Target.Host}}
	ecdsa, err := s.Wrong.Chain(certs.ECDSALeaf, names)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := s.Wrong.Chain(certs.SelfSigned, names)
	if err != nil {
		t.Fatal(err)
	}
	for name, cert := range map[string]tls.Certificate{"RSA": own, "ECDSA": ecdsa, "one certificate": alone} {
		t.Run(name, func(t *testing.T) {
			if err := s.Provision(t.Context(), cert); err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair([]byte(read(t, c, "chain")), []byte(read(t, c, "key")))
			if err != nil {
				t.Fatal(err)
			}
			if len(pair.Certificate) != len(cert.Certificate) {
				t.Fatalf("%d certificates, want %d", len(pair.Certificate), len(cert.Certificate))
			}
			for i, der := range cert.Certificate {
				if !bytes.Equal(pair.Certificate[i], der) {
					t.Errorf("certificate %d is another one", i+1)
				}
			}
			block, rest := pem.Decode([]byte(read(t, c, "root")))
			if block == nil || len(rest) > 0 || !bytes.Equal(block.Bytes, l.home.DeviceRoot().Raw) {
				t.Error("the root is not the lab's device root alone")
			}
			if mode := strings.TrimSpace(read(t, c, "mode")); mode != "600" {
				t.Errorf("the key can be read by others: mode %s", mode)
			}
			nothingLeft(t, c)
		})
	}
}

// A hook that fails or hangs is told, does not hold the run up, and leaves nothing.
func TestProvisionFails(t *testing.T) {
	l := keeps(t)
	for _, tt := range []struct {
		name, line string
		bound      time.Duration
		cancelled  bool
		want       string
	}{
		{"fails", keep + "echo no such slot; exit 3", 0, false, `exit status 3; it said "no such slot"`},
		{"is not there", keep + "./install-nothing", 0, false, "exit status 127"},
		{"hangs", keep + "sleep 60", 300 * time.Millisecond, false, "did not end in time and was killed"},
		{"hangs with a child", keep + "sleep 60 & wait", 300 * time.Millisecond, false, "did not end in time and was killed"},
		{"the run is interrupted", "sleep 60", 0, true, "did not end in time and was killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hooked(t, tt.line)
			if tt.bound > 0 {
				c.Timeouts.Attempt = tt.bound
			}
			s := staged(t, l, c, nil)
			cert, err := s.Own()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.cancelled {
				cancel()
			}
			begin := time.Now()
			err = s.Provision(ctx, cert)
			if err == nil || !strings.HasPrefix(err.Error(), "provisioning the device: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if !tt.cancelled {
				nothingLeft(t, c)
			}
		})
	}
	c := hooked(t, "true")
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	if err := l.runHook(t.Context(), c, tls.Certificate{PrivateKey: "no key"}); err == nil || !strings.Contains(err.Error(), "encoding the key") {
		t.Errorf("what is no key: error %v", err)
	}
	if err := withFiles(t.Context(), c, "true", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no place for the files: error %v", err)
	}
}

// Without a hook the device is declared not to be provisioned, with a reason; the
// user's own reason stays, and so does the configuration.
func TestNoProvision(t *testing.T) {
	l, c := keeps(t), hooked(t, "")
	for _, tt := range []struct {
		name     string
		declared map[string]string
		want     string
	}{
		{"nothing declared", nil, "no device.provision hook is configured"},
		{"something else declared", map[string]string{judge.CallsToCloud: "no route"}, "no device.provision hook is configured"},
		{"declared with a reason", map[string]string{judge.Provisioning: "it has no interface for that"}, "it has no interface for that"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(tt.declared)
			s := staged(t, l, c, tt.declared)
			if s.Provision != nil || s.Declared[judge.Provisioning] != tt.want || len(tt.declared) != before {
				t.Errorf("declared %q, hook %t", s.Declared, s.Provision != nil)
			}
			if reason := tt.declared[judge.CallsToCloud]; s.Declared[judge.CallsToCloud] != reason {
				t.Errorf("what was declared is lost: %q", s.Declared)
			}
		})
	}
}

// cloudOf runs a cloud, with or without revocation lists.
func cloudOf(t *testing.T, l *lab, noLists bool) *simulator.Cloud {
	t.Helper()
	a, err := l.home.NewAuthority(certs.HighAssuranceEV)
	if err != nil {
		t.Fatal(err)
	}
	cloud := &simulator.Cloud{Authority: a, NoLists: noLists, Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}}
	if err := cloud.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	return cloud
}

// The hook for lists finds all of them in one PEM file; without one, or without
// lists, nothing is run.
func TestGiveLists(t *testing.T) {
	l, c := keeps(t), hooked(t, "")
	c.Device.CRLs = `echo "$BYOCHECK_CRLS" > paths; cp "$BYOCHECK_CRLS" crls`
	cloud := cloudOf(t, l, false)
	if err := giveLists(t.Context(), c, cloud); err != nil {
		t.Fatal(err)
	}
	want, err := cloud.RevocationLists()
	if err != nil {
		t.Fatal(err)
	}
	issuers := map[string]bool{}
	for rest := []byte(read(t, c, "crls")); len(rest) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "X509 CRL" {
			t.Fatalf("no list in %.80q", rest)
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		issuers[string(list.RawIssuer)] = true
	}
	if len(issuers) != len(want) || len(want) <= len(simulator.Conditions()) {
		t.Errorf("lists of %d issuers, the lab has %d", len(issuers), len(want))
	}
	nothingLeft(t, c)

	c.Device.CRLs = ""
	if err := giveLists(t.Context(), c, cloud); err != nil {
		t.Errorf("no hook: error %v", err)
	}
	c.Device.CRLs = "echo no space left; exit 1"
	const failure = `giving the device revocation lists: running "echo no space left; exit 1": exit status 1; it said "no space left"`
	if err := giveLists(t.Context(), c, cloud); err == nil || err.Error() != failure {
		t.Errorf("error %v, want %s", err, failure)
	}
	if err := giveLists(t.Context(), c, cloudOf(t, l, true)); err != nil {
		t.Errorf("no lists, and the hook was run: error %v", err)
	}
}
