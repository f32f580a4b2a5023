package certs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// peer finds a program; where the peers must be there, its lack fails.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s missing, and BYOCHECK_REQUIRE_PEERS=1: install it", name)
		}
		t.Logf("not run: %s missing", name)
		t.SkipNow()
	}
	return path
}

// verifier is another implementation of path validation. It runs where root
// holds the trust anchor, leaf the leaf and chain all that was sent.
type verifier struct {
	program string
	args    []string
	// strays are the profiles for which it does the contrary of what is
	// expected, with the reason, and open what it does where either will do.
	strays map[Profile]string
	open   map[Profile]Outcome
}

const (
	weakKey  = "80 bits of security will do"
	weakHash = "any signature will do"
)

// openSSL at a level of security. 2 is what Debian builds devices with, and the
// first that wants 112 bits, as RFC 9325 does; the levels below show what a laxer
// device accepts.
func openSSL(level int, strays map[Profile]string) verifier {
	return verifier{
		program: "openssl",
		args: []string{
			"verify", "-no-CApath", "-no-CAstore", "-CAfile", "root", "-untrusted", "chain", "-x509_strict", "-auth_level", fmt.Sprint(level),
			"-purpose", "sslserver", "-verify_hostname", use1.DNS[1], "-attime", fmt.Sprint(testStart.Unix()), "leaf",
		},
		strays: strays,
		open: map[Profile]Outcome{
			RightCNWrongSAN: Refuse,
			CNOnly:          Accept, // each common name counts, if there is no dNSName
			WildcardSAN:     Accept,
			URISAN:          Refuse,
			TrailingDotSAN:  Refuse,
			WrongOrder:      Accept, // as it has no order to see
			NoEKU:           Accept,
			// The suite is not known when a chain is verified.
			NoKeyEncipherment: Accept,
			ECDSALeaf:         Accept,
		},
	}
}

// gnuTLS has the real clock.
func gnuTLS() verifier {
	v := openSSL(0, map[Profile]string{RSA1024: weakKey})
	v.program = "certtool"
	v.args = []string{
		"--verify", "--load-ca-certificate", "root", "--infile", "chain",
		"--verify-purpose", "1.3.6.1.5.5.7.3.1", "--verify-hostname", use1.DNS[1],
	}
	v.open[CNOnly] = Refuse // where there is more than one
	return v
}

func (v verifier) check(t *testing.T, c sample) {
	cmd := exec.Command(peer(t, v.program), v.args...)
	cmd.Dir = t.TempDir()
	chain := c.chain.Certificate
	for name, ders := range map[string][][]byte{"root": {c.authority.Root().Raw}, "leaf": chain[:1], "chain": chain} {
		if err := os.WriteFile(filepath.Join(cmd.Dir, name), encodeCertificates(ders...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cmd.CombinedOutput()
	outcome, said := Accept, strings.TrimSpace(string(out))
	if err != nil {
		outcome = Refuse
		if !strings.Contains(said, "verification failed") && !strings.Contains(said, "Not verified") {
			t.Fatalf("it could not be asked: %v: %s", err, said)
		}
	}
	why, stray := v.strays[c.Profile]
	if contrary(c.Expect, outcome == Accept) != stray {
		t.Errorf("expected to %s, and it does %s (%s): %s", c.Expect, outcome, why, said)
	}
	if c.Expect == Either && v.open[c.Profile] != outcome {
		t.Errorf("either will do, and it does %s, not %q: %s", outcome, v.open[c.Profile], said)
	}
}

// TestOpenSSLAgrees with the expected outcomes, without exception.
func TestOpenSSLAgrees(t *testing.T) {
	forEveryChain(t, func(t *testing.T, c sample) {
		t.Parallel()
		openSSL(2, nil).check(t, c)
	})
}

func TestLaxOpenSSLAgrees(t *testing.T) {
	forEveryChain(t, func(t *testing.T, c sample) {
		if c.authority.shape.id != HighAssuranceEV {
			return
		}
		t.Parallel()
		openSSL(1, map[Profile]string{RSA1024: weakKey}).check(t, c)
		openSSL(0, map[Profile]string{RSA1024: weakKey, SHA1Signature: weakHash, MD5Signature: weakHash}).check(t, c)
	})
}

func TestGnuTLSAgrees(t *testing.T) {
	lab := openLab(t, filepath.Join(t.TempDir(), "state"), Options{})
	from, err := template()
	if err == nil {
		err = os.CopyFS(filepath.Join(lab.Dir(), "keys"), os.DirFS(filepath.Join(from, "keys")))
	}
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t, lab)
	for _, info := range Profiles() {
		t.Run(string(info.Profile), func(t *testing.T) {
			gnuTLS().check(t, sample{ProfileInfo: info, authority: a, chain: made(t, a.Chain, info.Profile)})
		})
	}
}
