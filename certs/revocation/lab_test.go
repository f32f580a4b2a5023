package revocation

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"byocheck/certs"
)

// TestLab is about the certificates that devices see: their addresses lead to
// lists, statuses and issuers that fit them, in every hierarchy.
func TestLab(t *testing.T) {
	t.Parallel()
	s, d := start(t, &Server{Now: time.Now})
	lab, err := certs.Open(t.TempDir(), certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []certs.Hierarchy{certs.HighAssuranceEV, certs.GlobalG2, certs.GlobalG3} {
		t.Run(string(h), func(t *testing.T) {
			a, err := lab.NewAuthority(h)
			if err != nil {
				t.Fatal(err)
			}
			a.Publish = s.Publish
			branch, err := a.Branch("list", nil)
			if err != nil {
				t.Fatal(err)
			}
			names := certs.Names{CN: "voice.use1.pure.cloud", DNS: []string{"voice.use1.pure.cloud", "lb01.voice.use1.pure.cloud"}}
			good, revoked := must(branch.Chain(names)), must(branch.Chain(names))
			issuer := branch.Issuer()
			if err := s.Revoke(issuer.Name, revoked.Leaf.SerialNumber, keyCompromise); err != nil {
				t.Fatal(err)
			}
			for leaf, want := range map[*x509.Certificate]int{good.Leaf: ocsp.Good, revoked.Leaf: ocsp.Revoked} {
				list := parseList(t, get(t, leaf.CRLDistributionPoints[0]).body)
				if err := list.CheckSignatureFrom(issuer.Certificate); err != nil {
					t.Error(err)
				}
				question := must(ocsp.CreateRequest(leaf, issuer.Certificate, nil))
				r, err := do(t, "POST", leaf.OCSPServer[0], question)
				if err != nil {
					t.Fatal(err)
				}
				if status, err := ocsp.ParseResponseForCert(r.body, leaf, issuer.Certificate); err != nil || status.Status != want {
					t.Errorf("status %+v, error %v", status, err)
				}
				if !bytes.Equal(get(t, leaf.IssuingCertificateURL[0]).body, issuer.Certificate.Raw) {
					t.Error("the address of the issuer's certificate leads elsewhere")
				}
			}
			for range 6 {
				if f := d.next(t); f.Issuer != issuer.Name || f.Status != 200 || f.Error != "" {
					t.Errorf("told %+v", f)
				}
			}

			verify := func(chain tls.Certificate, says string) {
				t.Helper()
				out, err := openssl(t, nil, verification(t, s, a.Root(), branch, chain)...)
				if !strings.Contains(out, says) || (err == nil) != (says == "OK") {
					t.Errorf("%v, %s", err, out)
				}
			}
			verify(good, "OK")
			verify(revoked, "error 23 at 0 depth lookup: certificate revoked")
			if err := s.Revoke(branch.Root().Name, issuer.Certificate.SerialNumber, 2); err != nil {
				t.Fatal(err)
			}
			verify(good, "error 23 at 1 depth lookup: certificate revoked")
			for len(d.told) > 0 {
				d.next(t)
			}
		})
	}
}

// verification is the command line that checks all of a chain, with the root's
// list from a file and the other one from where the leaf says.
func verification(t *testing.T, s *Server, root *x509.Certificate, b *certs.Branch, chain tls.Certificate) []string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, block string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const certificate = "CERTIFICATE"
	return []string{"verify", "-x509_strict", "-crl_check_all", "-crl_download",
		"-CRLfile", file("list", "X509 CRL", must(s.CRL(b.Root().Name))),
		"-CAfile", file("root", certificate, root.Raw),
		"-untrusted", file("intermediate", certificate, chain.Certificate[1]),
		file("leaf", certificate, chain.Certificate[0])}
}
