package revocation

import (
	"bytes"
	"context"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byocheck/certs"
)

// openssl runs the program and returns what it says; where the peers must be
// there, its lack fails.
func openssl(t *testing.T, stdin []byte, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatal("openssl missing, and BYOCHECK_REQUIRE_PEERS=1: install it")
		}
		t.Log("not run: openssl missing")
		t.SkipNow()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	// Not through a proxy of the environment.
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// pki is a root, an intermediate and two leaves, published, in PEM files.
type pki struct {
	server             *Server
	diary              diary
	root, intermediate certs.Issuer
	at                 certs.Locations // of the intermediate
	files              map[string]string
}

// newPKI makes one. The intermediate is in a state, one of its leaves is revoked.
func newPKI(t *testing.T, k kind, st State) pki {
	t.Helper()
	now := time.Now()
	p := pki{files: map[string]string{}}
	p.server, p.diary = start(t, &Server{Now: time.Now, HugeEntries: 5000, SlowBy: 50 * time.Millisecond})
	p.root = certs.Issuer{Name: "root", Key: keys[k]()[0]}
	p.root.Certificate = issue(t, "Lab root", p.root.Key, nil, certs.Locations{}, now)
	p.intermediate = certs.Issuer{Name: "intermediate", Key: keys[k]()[1]}
	p.intermediate.Certificate = issue(t, "Lab intermediate", p.intermediate.Key, &p.root, p.server.Publish(p.root), now)
	p.at = p.server.Publish(p.intermediate)
	good := issue(t, "good.example", nil, &p.intermediate, p.at, now)
	revoked := issue(t, "revoked.example", nil, &p.intermediate, p.at, now)
	if err := p.server.Revoke("intermediate", revoked.SerialNumber, keyCompromise); err != nil {
		t.Fatal(err)
	}
	if err := p.server.Set("intermediate", st); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, blocks string, ders ...[]byte) {
		var text []byte
		for _, der := range ders {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: blocks, Bytes: der})...)
		}
		p.files[name] = filepath.Join(dir, name+".pem")
		if err := os.WriteFile(p.files[name], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const certificate, list = "CERTIFICATE", "X509 CRL"
	write("root", certificate, p.root.Certificate.Raw)
	write("intermediate", certificate, p.intermediate.Certificate.Raw)
	write("good", certificate, good.Raw)
	write("revoked", certificate, revoked.Raw)
	write("root list", list, must(p.server.CRL("root")))
	write("lists", list, must(p.server.CRL("root")), must(p.server.CRL("intermediate")))
	if err := p.server.Revoke("root", p.intermediate.Certificate.SerialNumber, 2); err != nil {
		t.Fatal(err)
	}
	write("lists without intermediate", list, must(p.server.CRL("root")), must(p.server.CRL("intermediate")))
	return p
}

// TestOpenSSLFile is about a device that is fed by files and checks all of the chain.
func TestOpenSSLFile(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{rsa2048, p384} {
		p := newPKI(t, k, Unreachable)
		for _, c := range []struct{ leaf, lists, says string }{
			{"good", "lists", "OK"},
			{"revoked", "lists", "error 23 at 0 depth lookup: certificate revoked"},
			{"good", "lists without intermediate", "error 23 at 1 depth lookup: certificate revoked"},
			{"good", "root list", "error 3 at 0 depth lookup: unable to get certificate CRL"},
		} {
			out, err := openssl(t, nil, "verify", "-x509_strict", "-crl_check_all", "-CRLfile", p.files[c.lists],
				"-CAfile", p.files["root"], "-untrusted", p.files["intermediate"], p.files[c.leaf])
			if !strings.Contains(out, c.says) || (err == nil) != (c.says == "OK") {
				t.Errorf("%s, %s, %s: %v, %s", k, c.leaf, c.lists, err, out)
			}
		}
		p.diary.none(t)
	}
}

// TestOpenSSLDownload holds what openssl makes of each state when it fetches the
// list of the leaf's issuer by itself. It has that of the root from a file, since
// it asks for the root as well, which carries no address.
func TestOpenSSLDownload(t *testing.T) {
	t.Parallel()
	want := map[State]struct{ good, revoked string }{
		Good:           {"OK", "certificate revoked"},
		Stale:          {"CRL has expired", "CRL has expired"},
		Unreachable:    {"unable to get certificate CRL", "unable to get certificate CRL"},
		Slow:           {"OK", "certificate revoked"},
		WrongSignature: {"CRL signature failure", "CRL signature failure"},
		NotFound:       {"unable to get certificate CRL", "unable to get certificate CRL"},
		ServerError:    {"unable to get certificate CRL", "unable to get certificate CRL"},
		Huge:           {"OK", "certificate revoked"},
	}
	for _, k := range []kind{rsa2048, p384} {
		for st, w := range want {
			t.Run(string(k)+" "+string(st), func(t *testing.T) {
				t.Parallel()
				p := newPKI(t, k, st)
				for leaf, says := range map[string]string{"good": w.good, "revoked": w.revoked} {
					out, err := openssl(t, nil, "verify", "-x509_strict", "-crl_check_all", "-crl_download", "-CRLfile", p.files["root list"],
						"-CAfile", p.files["root"], "-untrusted", p.files["intermediate"], p.files[leaf])
					if !strings.Contains(out, says) || (err == nil) != (says == "OK") {
						t.Errorf("%s: %v, %s", leaf, err, out)
					}
					if f := p.diary.next(t); f.Kind != kindCRL || f.Issuer != "intermediate" {
						t.Errorf("%s: told %+v", leaf, f)
					}
					for len(p.diary.told) > 0 {
						if f := p.diary.next(t); f.Kind != kindCRL {
							t.Errorf("%s: told %+v", leaf, f)
						}
					}
				}
			})
		}
	}
}

func TestOpenSSLList(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{rsa2048, p384} {
		for st, says := range map[State]string{Good: "verify OK", Stale: "verify OK", Huge: "verify OK", WrongSignature: "verify failure"} {
			t.Run(string(k)+" "+string(st), func(t *testing.T) {
				t.Parallel()
				p := newPKI(t, k, st)
				out, err := openssl(t, get(t, p.at.CRL).body, "crl", "-inform", "der", "-noout", "-text", "-CAfile", p.files["intermediate"])
				if err != nil {
					t.Fatal(err, out)
				}
				for _, line := range []string{says, "Version 2", "X509v3 Authority Key Identifier", "X509v3 CRL Number", "Key Compromise",
					"X509v3 Issuing Distribution Point: critical", "URI:" + p.at.CRL} {
					if !strings.Contains(out, line) {
						t.Errorf("it does not say %q: %.3000s", line, out)
					}
				}
			})
		}
	}
}

// openssl as an OCSP client, which sends a nonce unless told otherwise.
func TestOpenSSLStatus(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{rsa2048, p384} {
		for st, says := range map[State]struct{ good, revoked, verify string }{
			Good:           {": good", ": revoked", "Response verify OK"},
			Huge:           {": good", ": revoked", "Response verify OK"},
			Slow:           {": good", ": revoked", "Response verify OK"},
			Stale:          {"Status times invalid", "Status times invalid", "Response verify OK"},
			WrongSignature: {": good", ": revoked", "Response Verify Failure"},
			NotFound:       {"404", "404", ""},
			ServerError:    {"500", "500", ""},
			Unreachable:    {"rror", "rror", ""},
		} {
			t.Run(string(k)+" "+string(st), func(t *testing.T) {
				t.Parallel()
				p := newPKI(t, k, st)
				for leaf, want := range map[string]string{"good": says.good, "revoked": says.revoked} {
					for _, options := range [][]string{{"-sha1", "-nonce"}, {"-sha256", "-no_nonce"}} {
						// The hash is an option of the certificate that follows it.
						args := append([]string{"ocsp", "-url", p.at.OCSP, "-CAfile", p.files["root"], "-verify_other", p.files["intermediate"],
							"-issuer", p.files["intermediate"]}, options[0], "-cert", p.files[leaf], options[1])
						out, err := openssl(t, nil, args...)
						if !strings.Contains(out, want) || !strings.Contains(out, says.verify) {
							t.Errorf("%s %v: %v, %s", leaf, options, err, out)
						}
						if strings.Contains(want, "revoked") && !strings.Contains(out, "Reason: keyCompromise") {
							t.Errorf("%s: no reason in %s", leaf, out)
						}
						if f := p.diary.next(t); f.Kind != kindOCSP || f.Issuer != "intermediate" || f.Serial == nil || f.Method != "POST" {
							t.Errorf("%s: told %+v", leaf, f)
						}
					}
				}
			})
		}
	}
}
