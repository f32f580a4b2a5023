package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/crypto/ocsp"
)

// FuzzEvaluate feeds octets as chain (certificates one behind the other), CRL
// and OCSP answer. Nothing may crash, and what is called a good chain must be one
// for crypto/x509.
func FuzzEvaluate(f *testing.F) {
	// Small ones: an engine spends its time on making large ones smaller.
	ca := upperCA()
	leaf := ca.leafFor(key("p384").Public(), func(c *x509.Certificate) { c.OCSPServer = []string{"http://ocsp.test"} })
	chain := bytes.Join(ders(leaf, ca), nil)
	f.Add(chain, target, ca.list(nil), ca.ocspAnswer(leaf, ca, nil))
	f.Add(chain, "192.0.2.7", ca.list(scoped(pointed(ca.listAddress())), leaf), ocsp.UnauthorizedErrorResponse)
	f.Add(bytes.Join(ders(leaf, labRoot()), nil), "*."+target, []byte{}, []byte{})
	f.Add([]byte{0x30, 0}, "", []byte{0x30, 0}, []byte{0x30, 0x03, 0x0a, 1, 0})
	f.Fuzz(func(t *testing.T, chain []byte, target string, crl, answer []byte) {
		p := Presented{Target: target, Now: now, Edition: Newer, Roots: ders(labRoot()), Answers: []Answer{}}
		for rest := chain; len(rest) > 0; {
			var one asn1.RawValue
			after, err := asn1.Unmarshal(rest, &one)
			if err != nil {
				p.Chain = append(p.Chain, rest)
				break
			}
			p.Chain = append(p.Chain, one.FullBytes)
			rest = after
		}
		for _, der := range p.Chain[:min(len(p.Chain), maxCertificates)] {
			if c, err := x509.ParseCertificate(der); err == nil {
				p.Answers = append(p.Answers, about(made{Certificate: c}, crl), Answer{Kind: KindOCSP, Subject: Fingerprint(c), Body: answer})
			}
		}
		begun := time.Now()
		r := evaluate(p, public())
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		if len(r.Findings) != len(steps) {
			t.Fatalf("%d findings", len(r.Findings))
		}
		for i, f := range r.Findings {
			if f.Step != steps[i].step || f.Grade.severity() < 0 || f.Observed == "" {
				t.Errorf("finding %d: %+v", i, f)
			}
			if strings.ContainsFunc(strings.ReplaceAll(f.Observed, target, ""), unicode.IsControl) {
				t.Errorf("finding %d holds control characters: %q", i, f.Observed)
			}
		}
		if r.Find(StepChain).Grade == OK && r.Find(StepStrength).Grade == OK {
			verified(t, p, r)
		}
		Links(p.Chain, p.Roots)
	})
}

// verified holds a good chain against crypto/x509.
func verified(t *testing.T, p Presented, r Report) {
	t.Helper()
	roots, sent := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(labRoot().Certificate)
	for _, a := range public() {
		roots.AddCert(a.cert)
	}
	at := time.Time{}
	for _, c := range r.Path {
		if c.NotBefore.After(at) {
			at = c.NotBefore
		}
	}
	var leaf *x509.Certificate
	for i, der := range p.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatalf("certificate %d: %v", i, err)
		}
		if sent.AddCert(c); i == 0 {
			leaf = c
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("a good chain is none for crypto/x509: %v", err)
	}
}

// FuzzReduce: with a reduced list it is as with the whole one.
func FuzzReduce(f *testing.F) {
	lower := lowerCA()
	a, b := lower.leaf(), lower.leaf()
	f.Add(lower.list(nil), a.SerialNumber.Int64())
	f.Add(lower.list(nil, a, b), a.SerialNumber.Int64())
	f.Add(lower.list(scoped(pointed("http://crl.test/")), a), b.SerialNumber.Int64())
	f.Add([]byte{0x30, 0x02, 0x30, 0}, int64(1))
	f.Fuzz(func(t *testing.T, der []byte, serial int64) {
		reduced, signed, err := reduce(der, big.NewInt(serial))
		whole, wrong := x509.ParseRevocationList(der)
		if err != nil {
			if wrong == nil {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if len(reduced) > len(der)+8 {
			t.Errorf("%d octets of %d", len(reduced), len(der))
		}
		list, err := x509.ParseRevocationList(reduced)
		if wrong != nil {
			return // such as one whose other entries are wrong
		}
		if err != nil {
			t.Fatalf("cannot be parsed: %v", err)
		}
		if !bytes.Equal(signed, whole.RawTBSRevocationList) || !bytes.Equal(list.Signature, whole.Signature) || list.SignatureAlgorithm != whole.SignatureAlgorithm ||
			!bytes.Equal(list.RawIssuer, whole.RawIssuer) || !list.ThisUpdate.Equal(whole.ThisUpdate) || !list.NextUpdate.Equal(whole.NextUpdate) || !reflect.DeepEqual(list.Extensions, whole.Extensions) {
			t.Errorf("%+v of %+v", list, whole)
		}
		var want []x509.RevocationListEntry
		for _, x := range whole.RevokedCertificateEntries {
			if x.SerialNumber.Cmp(big.NewInt(serial)) == 0 {
				want = append(want, x)
				break
			}
		}
		if !reflect.DeepEqual(list.RevokedCertificateEntries, want) {
			t.Errorf("entries %+v of %+v", list.RevokedCertificateEntries, want)
		}
	})
}
