package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// ocspAnswer is what the authority, or a responder by its leave, says of a
// certificate.
func (m made) ocspAnswer(about made, responder made, do func(*ocsp.Response)) []byte {
	t := ocsp.Response{Status: ocsp.Good, SerialNumber: about.SerialNumber, ThisUpdate: at(-1), NextUpdate: at(1)}
	if responder.Certificate != m.Certificate {
		t.Certificate = responder.Certificate
	}
	if do != nil {
		do(&t)
	}
	der, err := ocsp.CreateResponse(m.Certificate, responder.Certificate, t, responder.key)
	must(err)
	return der
}

// scoped puts issuingDistributionPoint into a list.
func scoped(s any) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		der, err := asn1.Marshal(s)
		must(err)
		l.ExtraExtensions = []pkix.Extension{{Id: oidIssuingPoint, Critical: true, Value: der}}
	}
}

// pointed is issuingDistributionPoint with a URL.
func pointed(url string) any {
	name := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(url)}
	der, err := asn1.Marshal(name)
	must(err)
	full, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der})
	must(err)
	return struct{ Point asn1.RawValue }{asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: full}}
}

func revocationRows() []row {
	lower, upper, root := lowerCA(), upperCA(), labRoot()
	leaf := lower.leaf()
	chain := []made{leaf, lower, upper}
	// listed gives the leaf's answers instead of a list with nothing on it.
	listed := func(name string, g Grade, says string, answers ...Answer) row {
		return row{name, chain, func(p *Presented) { p.Answers = slices.Concat(answers, lists(lower, upper)) }, grades{StepRevocation: g}, []string{says}}
	}
	list := func(name string, g Grade, says string, der []byte) row {
		return listed(name, g, says, about(leaf, der))
	}
	updated := func(from, to float64) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.ThisUpdate, l.NextUpdate = at(from), at(to) }
	}
	extra := func(id asn1.ObjectIdentifier, critical bool) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.ExtraExtensions = []pkix.Extension{{Id: id, Critical: critical, Value: []byte{2, 1, 1}}}
		}
	}
	entries := func(do func(*x509.RevocationListEntry)) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { do(&l.RevokedCertificateEntries[0]) }
	}
	reason := func(n int) func(*x509.RevocationList) {
		return entries(func(x *x509.RevocationListEntry) { x.ReasonCode = n })
	}
	noSign := upper.authority("Lower CA", "lower", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	renamed := made{upper.authority("Lower CA 2", "lower").Certificate, lower.key}
	bare := lower.leaf(func(c *x509.Certificate) { c.CRLDistributionPoints = nil })
	failed := func(what string) Answer {
		return Answer{Kind: KindCRL, URL: "http://crl.test/", Subject: Fingerprint(leaf.Certificate), Error: what}
	}
	var many []Answer
	for range 100 {
		many = append(many, failed("no answer in time"))
	}
	answers := func(name string, g Grade, says string, do func(*Presented)) row {
		return row{name, chain, do, grades{StepRevocation: g}, []string{says}}
	}
	big := func(l *x509.RevocationList) {
		for i := range 50 {
			l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(int64(5000 + i)), RevocationTime: at(-3)})
		}
	}
	return []row{
		list("list that holds others", OK, `"CN=sbc.customer.test" is not revoked by the CRL`, lower.list(big)),
		list("leaf revoked", Bad, `"CN=sbc.customer.test" is revoked since 2026-05-30T12:00:00Z, reason keyCompromise, by the CRL`, lower.list(nil, leaf)),
		list("leaf revoked, no reason", Bad, "reason unspecified", lower.list(reason(0), leaf)),
		list("leaf on hold", Bad, "reason certificateHold", lower.list(reason(6), leaf)),
		list("leaf revoked for a reason that there is not", Bad, "reason 42", lower.list(reason(42), leaf)),
		list("leaf revoked, among many", Bad, "is revoked", lower.list(big, leaf)),
		list("leaf revoked on a stale list", Bad, "is revoked", lower.list(updated(-20, -10), leaf)),
		list("leaf to be revoked tomorrow", Bad, "is revoked since 2026-06-02", lower.list(entries(func(x *x509.RevocationListEntry) { x.RevocationTime = at(1) }), leaf)),
		list("list stale", Warn, "it is stale: a newer one was due on 2026-05-22T12:00:00Z", lower.list(updated(-20, -10))),
		list("list in its last second", OK, "", lower.list(updated(-20, 0))),
		list("list of tomorrow", Warn, "which is yet to come", lower.list(updated(1, 10))),
		list("list with a wrong signature", Warn, "its signature is wrong", made{lower.Certificate, key("stray")}.list(nil)),
		list("list of the same key under another name", Warn, "it is that of CN=Lower CA 2", renamed.list(nil, leaf)),
		list("list of another authority", Warn, "not of the certificate's issuer", upper.list(nil)),
		list("no list but garbage", Warn, "is of no use", []byte("<html>")),
		list("empty list", Warn, "is of no use", nil),
		list("list of too many octets", Warn, "more than the", make([]byte, maxCRL+1)),
		list("delta list", Warn, "delta list", lower.list(extra(oidDeltaCRL, true))),
		list("list with a critical extension that is not known", Warn, "critical extension 2.25.8", lower.list(extra(asn1.ObjectIdentifier{2, 25, 8}, true))),
		list("list with an extension that is not known", OK, "", lower.list(extra(asn1.ObjectIdentifier{2, 25, 8}, false))),
		list("entry with a critical extension that is not known", Warn, "its entry has the critical extension 2.25.8", lower.list(entries(func(x *x509.RevocationListEntry) {
			x.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 25, 8}, Critical: true, Value: []byte{5, 0}}}
		}), leaf)),
		list("list for its own address", OK, "", lower.list(scoped(pointed(lower.listAddress())))),
		list("list for another address", Warn, `of those with the address http://crl.test/2.crl`, lower.list(scoped(pointed("http://crl.test/2.crl")))),
		list("list for another address, with the leaf", Bad, "is revoked", lower.list(scoped(pointed("http://crl.test/2.crl")), leaf)),
		list("list of user certificates", OK, "", lower.list(scoped(scope{UserOnly: true}))),
		list("list of CAs", Warn, "list of other certificates: of CAs", lower.list(scoped(scope{AuthorityOnly: true}))),
		list("list of attribute certificates", Warn, "attribute certificates", lower.list(scoped(scope{AttributesOnly: true}))),
		list("list for certain reasons", Warn, "certain reasons", lower.list(scoped(scope{Reasons: asn1.BitString{Bytes: []byte{0x40}, BitLength: 2}}))),
		list("indirect list", Warn, "indirect list", lower.list(scoped(scope{Indirect: true}), leaf)),
		list("list whose scope is garbage", Warn, "cannot be parsed", lower.list(scoped(7))),

		answers("intermediate revoked", Bad, `"CN=Lower CA" is revoked`, func(p *Presented) { p.Answers = append(lists(leaf, upper), about(lower, upper.list(nil, lower))) }),
		answers("intermediate under the root revoked", Bad, `"CN=Upper CA" is revoked`, func(p *Presented) { p.Answers = append(lists(leaf, lower), about(upper, root.list(nil, upper))) }),
		answers("list of CAs for an intermediate", OK, "", func(p *Presented) {
			p.Answers = append(lists(leaf, upper), about(lower, upper.list(scoped(scope{AuthorityOnly: true}))))
		}),
		answers("list of user certificates for an intermediate", Warn, "that are no CA", func(p *Presented) {
			p.Answers = append(lists(leaf, upper), about(lower, upper.list(scoped(scope{UserOnly: true}))))
		}),
		answers("offline", Unknown, "offline", func(p *Presented) { p.Answers, p.Offline = nil, true }),
		answers("nothing tried", Unknown, "nothing was fetched", func(p *Presented) { p.Answers = nil }),
		answers("the leaf not tried", Unknown, `"CN=sbc.customer.test" was not looked up`, func(p *Presented) { p.Answers = lists(lower, upper) }),
		answers("the upper intermediate not tried, the leaf unreachable", Unknown, "no answer in time", func(p *Presented) { p.Answers = append(lists(lower), failed("no answer in time")) }),

		listed("unreachable", Warn, "the CRL was not had: connection refused (http://crl.test/); what Genesys does then is not documented", failed("connection refused")),
		listed("one address of two unreachable", OK, "", failed("no answer in time"), about(leaf, lower.list(nil))),
		listed("revoked by one list of two", Bad, "is revoked", about(leaf, lower.list(nil)), about(leaf, lower.list(nil, leaf))),
		listed("one address of two unreachable, the second", OK, "", about(leaf, lower.list(nil)), failed("no answer in time")),
		listed("revoked by one list of two, the first", Bad, "is revoked", about(leaf, lower.list(nil, leaf)), about(leaf, lower.list(nil))),
		listed("a hundred answers", Warn, `"CN=sbc.customer.test" `+strings.Repeat("could not be looked up: the CRL was not had: no answer in time (http://crl.test/), ", maxAnswers-1)+"could not be looked up: the CRL was not had: no answer in time (http://crl.test/);", many...),
		listed("an answer of an unknown kind", Unknown, "nothing was fetched for it", Answer{Kind: "scvp", Subject: Fingerprint(leaf.Certificate)}),

		{"no address", []made{bare, lower, upper}, nil, grades{StepRevocation: Warn}, []string{`"CN=sbc.customer.test" carries no address of a CRL`}},
		{"no address, offline", []made{bare, lower, upper}, func(p *Presented) { p.Offline = true }, grades{StepRevocation: Unknown}, []string{"carries no address", "offline"}},
		{"issuer that may not sign lists", []made{leaf, noSign, upper}, nil, grades{StepRevocation: Warn}, []string{"does not allow it to sign lists"}},
	}
}

func ocspRows() []row {
	lower, upper := lowerCA(), upperCA()
	address := func(c *x509.Certificate) { c.OCSPServer = []string{"http://ocsp.test"} }
	noList := func(c *x509.Certificate) { c.CRLDistributionPoints = nil }
	both := lower.leaf(address)
	alone := lower.leaf(address, noList)
	responder := lower.leaf(func(c *x509.Certificate) {
		c.Subject, c.ExtKeyUsage = cn("Responder"), []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	}).with(key("rsa"))
	server := lower.leaf().with(key("rsa"))
	late := responder.edit(lower, valid(-20, -10)).with(key("rsa"))
	foreign := upper.leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }).with(key("rsa"))
	impostor := made{lower.Certificate, key("stray")}
	forged := upper.authority("Lower CA", "stray").leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }).with(key("rsa"))
	is := func(status int) func(*ocsp.Response) {
		return func(r *ocsp.Response) {
			r.Status, r.RevokedAt, r.RevocationReason = status, at(-2), ocsp.Superseded
		}
	}
	answer := func(c made, der []byte) Answer {
		return Answer{Kind: KindOCSP, URL: "http://ocsp.test", Subject: Fingerprint(c.Certificate), Body: der}
	}
	asked := func(name string, c made, g Grade, says string, answers ...Answer) row {
		return row{name, []made{c, lower, upper}, func(p *Presented) { p.Answers = slices.Concat(answers, lists(lower, upper)) }, grades{StepRevocation: g}, []string{says}}
	}
	by := func(name string, g Grade, says string, by made) row {
		return asked(name, both, g, says, answer(both, lower.ocspAnswer(both, by, is(ocsp.Revoked))))
	}
	timed := func(name string, says string, this, next time.Time) row {
		return asked(name, alone, Warn, says, answer(alone, lower.ocspAnswer(alone, lower, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = this, next })))
	}
	return []row{
		asked("OCSP good, no list", alone, Warn, "is not revoked by the OCSP answer (http://ocsp.test), but carries no address of a CRL", answer(alone, lower.ocspAnswer(alone, lower, nil))),
		asked("OCSP revoked, no list", alone, Bad, "is revoked since 2026-05-30T12:00:00Z, reason superseded, by the OCSP answer", answer(alone, lower.ocspAnswer(alone, lower, is(ocsp.Revoked)))),
		asked("OCSP unknown, no list", alone, Warn, "does not know the certificate", answer(alone, lower.ocspAnswer(alone, lower, is(ocsp.Unknown)))),
		asked("OCSP says nothing", alone, Warn, "the responder says try later", answer(alone, ocsp.TryLaterErrorResponse)),
		asked("OCSP unreachable", alone, Warn, "the OCSP answer was not had: no answer in time", Answer{Kind: KindOCSP, Subject: Fingerprint(alone.Certificate), Error: "no answer in time"}),
		asked("OCSP garbage", alone, Warn, "is of no use", answer(alone, []byte("junk"))),
		asked("OCSP empty", alone, Warn, "is of no use", answer(alone, nil)),
		asked("OCSP of too many octets", alone, Warn, "more than the", answer(alone, make([]byte, maxOCSP+1))),
		asked("OCSP about another certificate", alone, Warn, "is of no use", answer(alone, lower.ocspAnswer(server, lower, nil))),
		timed("OCSP stale", "it is stale", at(-3), at(-2)),
		timed("OCSP of tomorrow", "yet to come", at(1), at(2)),
		asked("OCSP without an end", alone, Warn, "is not revoked by the OCSP answer", answer(alone, lower.ocspAnswer(alone, lower, func(r *ocsp.Response) { r.NextUpdate = time.Time{} }))),

		asked("OCSP good, list stale", both, Warn, "is not revoked by the OCSP answer (http://ocsp.test); what Genesys does then", about(both, lower.list(func(l *x509.RevocationList) { l.ThisUpdate, l.NextUpdate = at(-3), at(-2) })), answer(both, lower.ocspAnswer(both, lower, nil))),
		asked("OCSP revoked, list stale", both, Bad, "is revoked", about(both, lower.list(func(l *x509.RevocationList) { l.ThisUpdate, l.NextUpdate = at(-3), at(-2) })), answer(both, lower.ocspAnswer(both, lower, is(ocsp.Revoked)))),
		asked("OCSP revoked, list good", both, Bad, "is not revoked by the CRL (http://crl.test/list.crl), is revoked", about(both, lower.list(nil)), answer(both, lower.ocspAnswer(both, lower, is(ocsp.Revoked)))),
		asked("OCSP unreachable, list good", both, OK, `"CN=sbc.customer.test" is not revoked by the CRL (http://crl.test/list.crl). "CN=Lower CA"`, about(both, lower.list(nil)), Answer{Kind: KindOCSP, Subject: Fingerprint(both.Certificate), Error: "no answer in time"}),
		asked("OCSP good, list revoked", both, Bad, "by the CRL", about(both, lower.list(nil, both)), answer(both, lower.ocspAnswer(both, lower, nil))),

		by("OCSP by a delegated responder", Bad, "is revoked", responder),
		by("OCSP by a responder out of its period", Warn, "out of its period", late),
		by("OCSP by another leaf of the authority", Warn, "may not sign OCSP answers", server),
		by("OCSP by a responder that only names the authority", Warn, "was not certified by the certificate's issuer", forged),
		by("OCSP by a responder of another authority", Warn, "was not certified by the certificate's issuer", foreign),
		asked("OCSP with the issuer's certificate in it", both, Bad, "is revoked", answer(both, lower.ocspAnswer(both, lower, func(r *ocsp.Response) { is(ocsp.Revoked)(r); r.Certificate = lower.Certificate }))),
		asked("OCSP signed by another key", both, Warn, "its signature is wrong", answer(both, impostor.ocspAnswer(both, impostor, is(ocsp.Revoked)))),
	}
}
