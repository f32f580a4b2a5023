package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openssl finds the program; where the peers must be there, its lack fails.
func openssl(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatal("openssl missing, and BYOCHECK_REQUIRE_PEERS=1: install it")
		}
		t.Log("not run: openssl missing")
		t.SkipNow()
	}
	return path
}

// differences are the rows that OpenSSL and we judge differently, each with the
// reason. What OpenSSL says is part of it.
var differences = map[string]struct{ says, reason string }{
	"common name beside another dNSName": {"hostname mismatch", "the specification takes the name as common name or alternative name; RFC 5922 and OpenSSL ignore the first beside the second"},
	"trailing dot in the certificate":    {"hostname mismatch", "one trailing dot is ignored here, as in DNS"},
	"wildcard":                           {": OK", "RFC 5922 section 7.2 does not expand wildcards, and the specification does not use them"},
	"wildcard as common name":            {": OK", "as above"},
	"wildcard as target":                 {": OK", "OpenSSL compares the texts; a trunk cannot have such a target"},
	"in its last second":                 {"certificate has expired", "RFC 5280 section 4.1.2.5 includes the last second; OpenSSL does not"},
	"list in its last second":            {"CRL has expired", "as above"},

	"ECDSA leaf":             {": OK", "openssl verify knows no cipher suites; those of the specification need RSA"},
	"leaf of very many bits": {": OK", "openssl verify has no use for the leaf's key; where it has, it takes no more than 16384 bits"},
	"neither":                {": OK", "as above: no suite has a use for a key that neither signs nor encrypts"},
	"any extended usage":     {"unsuitable certificate purpose", "RFC 5280 section 4.2.1.12 lets anyExtendedKeyUsage stand for all, but a client may demand the one; OpenSSL does"},

	"public root of a provider that is not listed":                {": OK", "openssl has no list of providers"},
	"public root of a provider that the newer edition lists only": {": OK", "as above"},

	"two ways, the first no CA":      {"invalid CA certificate", "OpenSSL goes no other way than the first; RFC 5280 is about any way, and we warn"},
	"two ways, the first to no root": {"unable to get local issuer certificate", "as above"},

	"no address":                      {": OK", "OpenSSL was given the lists, and does not ask how a client comes by them"},
	"self-signed, trusted by the lab": {": OK", "as above"},
	"OCSP revoked, list good":         {": OK", "openssl verify does not look at OCSP answers"},
	"revoked by one list of two":      {": OK", "OpenSSL takes the newest list, of equally new ones the first; we take a revocation wherever it stands"},
	"list whose scope is garbage":     {": OK", "OpenSSL 3.0 does not mind an issuingDistributionPoint that it cannot parse"},
}

// TestAgreesWithOpenSSL: every row, given to openssl verify with the strictest
// checks that are comparable. Security level 2 is 112 bits: RSA of 2048 bits,
// and no SHA-1 or MD5, as in StepStrength.
func TestAgreesWithOpenSSL(t *testing.T) {
	program := openssl(t)
	compared := 0
	for _, r := range allRows() {
		p := r.presented()
		if len(p.Chain) == 0 || len(p.Chain) > maxCertificates || p.Now.IsZero() || parse(p.Chain).unreadable != "" || p.Target == "" {
			continue // there is nothing that openssl could be asked
		}
		compared++
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			report := evaluate(p, public())
			refused, us := report.Refused()
			// OpenSSL knows no doubt: without a current list it refuses, and so it
			// does where we cannot say whether there is a root.
			for _, s := range []Step{StepChain, StepRevocation} {
				asked := p.Answers != nil && !p.Offline || s == StepChain
				if f := report.Find(s); !us && asked && (f.Grade == Unknown || f.Grade == Warn && s == StepRevocation) {
					refused, us = f, true
				}
			}
			said, them := verifies(t, program, p)
			known, differs := differences[r.name]
			switch {
			case differs && us == !them:
				t.Errorf("no longer a difference: we say %q, openssl %q", refused.Observed, said)
			case differs && !strings.Contains(said, known.says):
				t.Errorf("openssl says %q, want %q", said, known.says)
			case !differs && us != !them:
				t.Errorf("we say %q, openssl %q", refused.Observed, said)
			}
		})
	}
	if compared < 100 {
		t.Errorf("only %d rows compared", compared)
	}
}

// verifies asks openssl verify.
func verifies(t *testing.T, program string, p Presented) (said string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, ders ...[]byte) string {
		var b bytes.Buffer
		for _, der := range ders {
			pem.Encode(&b, &pem.Block{Type: kind, Bytes: der})
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const certificate = "CERTIFICATE"
	roots := p.Roots
	for _, a := range public() {
		roots = append(roots, a.cert.Raw)
	}
	args := []string{"verify", "-no-CAfile", "-no-CApath", "-no-CAstore", "-x509_strict", "-auth_level", "2", "-purpose", "sslserver",
		"-attime", fmt.Sprint(p.Now.Unix()), "-verify_hostname", strings.TrimSuffix(p.Target, "."),
		"-trusted", write("roots.pem", certificate, roots...)}
	var lists [][]byte
	for _, a := range p.Answers {
		if p.Offline {
			break
		}
		if _, err := x509.ParseRevocationList(a.Body); err == nil {
			lists = append(lists, a.Body)
		}
	}
	if len(lists) > 0 {
		lists = append(lists, labRoot().list(nil)) // openssl looks the root up as well
		args = append(args, "-crl_check_all", "-CRLfile", write("crl.pem", "X509 CRL", lists...))
	}
	if len(p.Chain) > 1 {
		args = append(args, "-untrusted", write("sent.pem", certificate, p.Chain[1:]...))
	}
	out, err := exec.Command(program, append(args, write("leaf.pem", certificate, p.Chain[0]))...).CombinedOutput()
	return string(out), err == nil
}
