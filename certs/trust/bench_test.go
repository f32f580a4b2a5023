package trust

import (
	"crypto/x509"
	"math/big"
	"testing"
)

// BenchmarkEvaluate: a chain of three, its lists fetched.
func BenchmarkEvaluate(b *testing.B) {
	lower, upper := lowerCA(), upperCA()
	rsaRoot := newRoot(cn("RSA Root"), "rsa other")
	rsaCA := rsaRoot.authority("RSA CA", "rsa ca")
	for name, p := range map[string]Presented{
		"ecdsa":       row{chain: []made{lower.leaf(), lower, upper}}.presented(),
		"rsa":         row{chain: []made{rsaCA.leaf(), rsaCA}, set: func(p *Presented) { p.Roots = ders(rsaRoot) }}.presented(),
		"rsa-offline": row{chain: []made{rsaCA.leaf(), rsaCA}, set: func(p *Presented) { p.Roots, p.Offline = ders(rsaRoot), true }}.presented(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f, refused := Evaluate(p).Refused(); refused {
					b.Fatal(f)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "chains/s")
		})
	}
}

// BenchmarkList: a list of 100 000 certificates.
func BenchmarkList(b *testing.B) {
	lower, upper := lowerCA(), upperCA()
	leaf := lower.leaf()
	list := lower.list(func(l *x509.RevocationList) {
		for i := range int64(100_000) {
			l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: new(big.Int).Lsh(big.NewInt(i+1), 100), RevocationTime: at(-3), ReasonCode: 1})
		}
	})
	p := row{chain: []made{leaf, lower, upper}, set: func(p *Presented) { p.Answers = append(lists(lower, upper), about(leaf, list)) }}.presented()
	b.ReportAllocs()
	b.SetBytes(int64(len(list)))
	for b.Loop() {
		if g := Evaluate(p).Find(StepRevocation); g.Grade != OK {
			b.Fatal(g)
		}
	}
}
