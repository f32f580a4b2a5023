package trust

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"sync"
	"time"
)

// edit makes a certificate again, with a change; a copy of an authority keeps
// its key.
func (m made) edit(issuer made, do change) made {
	t := *m.Certificate
	t.ExtraExtensions, t.SignatureAlgorithm, t.PublicKey = nil, 0, nil
	do(&t)
	if m.IsCA {
		return sign(&t, issuer, issuer.key, m.key.Public()).with(m.key).known()
	}
	return sign(&t, issuer, issuer.key, m.PublicKey)
}

func valid(from, to float64) change {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = at(from), at(to) }
}

// badChain is what is wrong when a chain leads to no trusted root.
func badChain(revocation Grade, more grades) grades {
	g := grades{StepChain: Bad}
	if revocation != OK {
		g[StepRevocation] = revocation
	}
	for s, x := range more {
		g[s] = x
	}
	return g
}

func chainRows() []row {
	root, upper, lower := labRoot(), upperCA(), lowerCA()
	leaf := lower.leaf()
	stray := newRoot(cn("Stray Root"), "stray")
	impostor := newRoot(cn("Root"), "impostor")
	impostorUpper := impostor.authority("Upper CA", "upper")
	forgedUpper := labRoot().authority("Upper CA", "another")
	sub := lower.authority("Sub CA", "sub")
	short := root.authority("Short CA", "short", func(c *x509.Certificate) { c.MaxPathLenZero = true })
	shortSub := short.authority("Sub of Short CA", "sub")
	noCA := upper.authority("Lower CA", "lower", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 })
	noSign := upper.authority("Lower CA", "lower", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	excluded := upper.authority("Lower CA", "lower", func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.ExcludedDNSDomains = true, []string{"customer.test"}
	})
	renewed := upper.authority("Upper CA", "renewed")
	renewedLeaf := renewed.leaf()
	excludedOld := upper.authority("Lower CA", "lower", valid(-900, -20), func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.ExcludedDNSDomains = true, []string{"customer.test"}
	})
	permitted := upper.authority("Lower CA", "lower", func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"customer.test"}
	})
	critical := func(id ...int) change {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier(id), Critical: true, Value: []byte{5, 0}}}
		}
	}
	selfSigned := newRoot(pkix.Name{CommonName: target}, "rsa", func(c *x509.Certificate) {
		c.IsCA, c.DNSNames = false, []string{target}
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	})
	expiredUpper := root.authority("Upper CA", "upper", valid(-900, -100))
	old := root.authority("Upper CA", "upper", valid(-900, -20))
	oldStray := newRoot(cn("Stray Root"), "stray", valid(-3000, -2000))
	// The intermediate's authority has another certificate, by a root of no account.
	cross := stray.authority("Upper CA", "upper")
	untrusted := []string{"not trusted"}
	return []row{
		{"complete", []made{leaf, lower, upper}, nil, nil, []string{"3 certificate(s) leads to a trusted root, the lab's CN=Root"}},
		{"complete with the root", []made{leaf, lower, upper, root}, nil, nil, nil},
		{"signed by the root itself", []made{root.leaf()}, nil, nil, []string{"1 certificate(s)"}},
		{"two ways, one to no root", []made{leaf, lower, upper, cross}, nil, grades{StepChain: Warn}, []string{"not in order"}},
		{"two ways, the first to no root", []made{leaf, lower, cross, upper}, nil, grades{StepChain: Warn}, []string{"not in order"}},
		{"two ways, the first expired", []made{leaf, lower, expiredUpper, upper}, nil, grades{StepChain: Warn}, nil},
		{"two ways, the first no CA", []made{leaf, noCA, lower, upper}, nil, grades{StepChain: Warn}, nil},
		{"out of order", []made{leaf, upper, lower}, nil, grades{StepChain: Warn}, []string{"certificate 2, CN=Upper CA, did not issue the one before it, CN=sbc.customer.test"}},
		{"root in the middle", []made{leaf, root, upper, lower}, nil, grades{StepChain: Warn}, nil},
		{"one that does not belong", []made{leaf, lower, upper, stray}, nil, grades{StepChain: Warn}, nil},
		{"an old one that does not belong", []made{leaf, lower, upper, oldStray}, nil, grades{StepChain: Warn}, nil},
		{"one twice", []made{leaf, lower, lower, upper}, nil, grades{StepChain: Warn}, []string{"certificate 3"}},

		{"leaf only", []made{leaf}, nil, badChain(Unknown, nil), []string{`stops at "CN=sbc.customer.test"`, `issuer "CN=Lower CA" was neither sent`}},
		{"one intermediate missing", []made{leaf, lower}, nil, badChain(Unknown, nil), []string{`stops at "CN=Lower CA"`, `issuer "CN=Upper CA"`}},
		{"first intermediate missing", []made{leaf, upper, root}, nil, badChain(Unknown, nil), []string{`issuer "CN=Lower CA"`}},
		{"leaf only, and expired", []made{lower.leaf(valid(-90, -10))}, nil, badChain(Unknown, grades{StepDates: Bad, StepExpiry: Bad}), []string{`issuer "CN=Lower CA"`}},
		{"self-signed", []made{selfSigned}, nil, badChain(Warn, grades{StepProvider: Bad}), []string{"self-signed certificate (CN=sbc.customer.test)"}},
		{"self-signed, with the lab's chain", []made{selfSigned, lower, upper}, nil, badChain(Warn, grades{StepProvider: Bad}), []string{"self-signed"}},
		{"self-signed, trusted by the lab", []made{selfSigned}, func(p *Presented) { p.Roots = ders(selfSigned) }, grades{StepChain: Warn, StepRevocation: Warn}, []string{"itself a trust anchor"}},
		{"bears the name of its issuer, which did not sign it", []made{root.leaf(func(c *x509.Certificate) { c.Subject = cn("Root") })}, func(p *Presented) { p.Roots = ders(stray) }, badChain(Unknown, nil), []string{`stops at "CN=Root"`}},
		{"renewed key of an intermediate", []made{renewed.leaf(), renewed, upper}, nil, nil, nil},
		{"renewed key of an intermediate, revoked", []made{renewedLeaf, renewed, upper}, func(p *Presented) {
			p.Answers = append(lists(renewedLeaf, upper), about(renewed, upper.list(nil, renewed)))
		}, grades{StepRevocation: Bad}, []string{`"CN=Upper CA" is revoked`}},
		{"unknown root", []made{stray.leaf(), stray}, nil, badChain(OK, grades{StepProvider: Bad}), []string{"root CN=Stray Root, which is not trusted"}},
		{"unknown root not sent", []made{stray.leaf()}, nil, badChain(Unknown, nil), []string{`issuer "CN=Stray Root"`}},
		{"root of the right name with another key", []made{leaf, lower, impostorUpper, impostor}, nil, badChain(OK, grades{StepProvider: Bad}), []string{"root CN=Root, which is not trusted here: it has the name of a trusted root, but another key"}},
		{"root of the right name with another key, not sent", []made{leaf, lower, impostorUpper}, nil, badChain(Unknown, nil), []string{"No certificate is missing", `beyond "CN=Upper CA"`, "did not sign it"}},
		{"intermediate of the right name with another key", []made{leaf, lower, forgedUpper}, nil, badChain(Unknown, nil), []string{"No certificate is missing", `beyond "CN=Lower CA"`, "did not sign it"}},
		{"intermediate that is no CA", []made{leaf, noCA, upper}, nil, badChain(OK, nil), []string{"No certificate is missing", `beyond "CN=sbc.customer.test": "CN=Lower CA", which signed it, is not marked as a CA`}},
		{"intermediate that may not sign", []made{leaf, noSign, upper}, nil, badChain(OK, nil), []string{`"CN=Lower CA", which signed it, may not sign certificates by its keyUsage`}},
		{"path length kept", []made{short.leaf(), short}, nil, nil, nil},
		{"path length exceeded", []made{shortSub.leaf(), shortSub, short}, nil, badChain(OK, nil), []string{`"CN=Short CA" allows 0 intermediate(s) below it, and there are 1`}},
		{"three intermediates", []made{sub.leaf(), sub, lower, upper}, nil, nil, nil},
		{"name constraints exclude", []made{excluded.leaf(), excluded, upper}, nil, badChain(OK, nil), []string{"name constraints", `beyond "CN=sbc.customer.test"`}},
		{"name constraints permit", []made{permitted.leaf(), permitted, upper}, nil, nil, nil},
		{"extension that nobody knows", []made{lower.leaf(critical(1, 2, 840, 77)), lower, upper}, nil, badChain(OK, nil), []string{"critical extension 1.2.840.77"}},
		{"extension of RFC 5280 that is not evaluated", []made{lower.leaf(critical(2, 5, 29, 46)), lower, upper}, nil, grades{StepChain: Unknown}, []string{"critical extension 2.5.29.46"}},
		{"never valid as a whole", []made{leaf, lower, old}, nil, grades{StepDates: Bad}, []string{`"CN=Upper CA" expired`}},
		{"never valid as a whole, and name constraints", []made{excludedOld.leaf(), excludedOld, upper}, nil, badChain(OK, grades{StepDates: Bad}), []string{"name constraints"}},
		{"never valid as a whole, time not known", []made{leaf, lower, old}, func(p *Presented) { p.Now = time.Time{} }, badChain(Unknown, grades{StepDates: Unknown, StepExpiry: Unknown}), []string{"never valid as a whole", "expired on 2026-05-12", "begins on 2026-05-22"}},
		{"two ways that end, the longer one second", []made{leaf, stray.authority("Lower CA", "lower"), lower, upper}, func(p *Presented) { p.Roots = nil }, badChain(Unknown, nil), []string{`stops at "CN=Upper CA"`}},
		{"no root at all", []made{leaf, lower, upper}, func(p *Presented) { p.Roots = nil }, badChain(Unknown, nil), append(untrusted[:0:0], `stops at "CN=Upper CA"`)},
		{"root that cannot be read", []made{leaf, lower, upper}, func(p *Presented) { p.Roots = [][]byte{[]byte("junk")} }, badChain(Unknown, nil), nil},
	}
}

// The roots that stand for public ones.
var (
	digiRoot = sync.OnceValue(func() made {
		return newRoot(pkix.Name{CommonName: "DigiCert Test Root", Organization: []string{"DigiCert Inc"}}, "digi")
	})
	googleRoot = sync.OnceValue(func() made {
		return newRoot(pkix.Name{CommonName: "GTS Test Root", Organization: []string{"Google Trust Services LLC"}}, "google")
	})
	sslRoot = sync.OnceValue(func() made {
		return newRoot(pkix.Name{CommonName: "SSL.com Test Root", Organization: []string{"SSL Corporation"}}, "ssl")
	})
	izenRoot = sync.OnceValue(func() made {
		return newRoot(pkix.Name{CommonName: "Telia Test Root", Organization: []string{"Telia Company AB"}}, "izen")
	})
)

var errDistrusted = errors.New("issued after the date")

func izenDistrusted(chain []*x509.Certificate) error {
	for _, c := range chain {
		if c.NotBefore.After(at(-5)) {
			return errDistrusted
		}
	}
	return nil
}

func anchorRows() []row {
	digi, google, ssl, izen := digiRoot().authority("Digi CA", "x"), googleRoot().authority("GTS CA", "y"), sslRoot().authority("SSL CA", "z"), izenRoot().authority("Telia CA", "w")
	retired := newRoot(pkix.Name{CommonName: "DigiCert Retired Root", Organization: []string{"DigiCert Inc"}}, "retired")
	under := retired.authority("Retired CA", "v")
	global := newRoot(pkix.Name{CommonName: "GlobalSign Test Root", Organization: []string{"GlobalSign nv-sa"}}, "global")
	crossed := sign(authority(googleRoot().Subject, []change{func(c *x509.Certificate) {
		c.CRLDistributionPoints, c.SubjectKeyId = []string{"http://crl.test/"}, googleRoot().SubjectKeyId
	}}), global, global.key, googleRoot().key.Public()).with(googleRoot().key)
	digiCross := sign(authority(googleRoot().Subject, []change{func(c *x509.Certificate) {
		c.CRLDistributionPoints, c.SubjectKeyId = []string{"http://crl.test/"}, googleRoot().SubjectKeyId
	}}), digiRoot(), digiRoot().key, googleRoot().key.Public()).with(googleRoot().key)
	impostor := newRoot(digiRoot().Subject, "impostor")
	edition := func(name string) func(*Presented) { return func(p *Presented) { p.Edition = name } }
	return []row{
		{"public root of a listed provider", []made{digi.leaf(), digi}, nil, grades{StepProvider: OK}, []string{"DigiCert / QuoVadis / Symantec / Thawte / Verisign, which the newer edition lists"}},
		{"public root of a listed provider, older edition", []made{digi.leaf(), digi}, edition(Older), grades{StepProvider: OK}, []string{"DigiCert / Symantec / QuoVadis / Verisign, which the older edition lists"}},
		{"public root of a provider that is not listed", []made{google.leaf(), google}, nil, grades{StepProvider: Bad}, []string{"GTS Test Root", "of no provider that the newer edition lists."}},
		{"public root of a provider that the newer edition lists only", []made{ssl.leaf(), ssl}, edition(Older), grades{StepProvider: Bad}, []string{"no provider that the older edition lists. The newer edition lists it, as Entrust / SSL.com."}},
		{"no such edition", []made{ssl.leaf(), ssl}, edition("newest"), grades{StepProvider: Unknown}, []string{`no edition "newest"`}},
		{"lab root", []made{lowerCA().leaf(), lowerCA(), upperCA()}, nil, grades{StepProvider: Unknown}, []string{"passes here; would Genesys trust it? It would not"}},
		{"public root that the lab trusts too", []made{digi.leaf(), digi}, func(p *Presented) { p.Roots = ders(labRoot(), digiRoot()) }, grades{StepProvider: OK}, nil},
		{"listed provider's root that is not known here", []made{under.leaf(), under}, nil, grades{StepChain: Unknown, StepRevocation: Unknown}, []string{"whose root is not known here", "DigiCert / QuoVadis"}},
		{"listed provider's root that is not known here, sent", []made{under.leaf(), under, retired}, nil, grades{StepChain: Unknown}, nil},
		{"listed provider's intermediate missing", []made{retired.leaf()}, nil, badChain(Unknown, nil), []string{"was neither sent"}},
		{"another key under a public root's name", []made{impostor.leaf(), impostor}, nil, badChain(OK, grades{StepProvider: Bad}), []string{"another key"}},
		{"cross certificate of a listed provider that is not known here", []made{google.leaf(), google, crossed}, nil, grades{StepProvider: Unknown}, []string{"also sends a certificate issued by CN=GlobalSign Test Root", "a root of GlobalSign"}},
		{"cross certificate of a listed root", []made{google.leaf(), google, digiCross}, nil, grades{StepProvider: OK}, []string{"DigiCert Test Root"}},
		{"cross certificate that only another edition lists", []made{google.leaf(), google, crossed}, edition("none"), grades{StepProvider: Unknown}, nil},
		{"root with conditions that are met", []made{izen.leaf(), izen}, nil, grades{StepProvider: OK}, nil},
		{"root with conditions that are not met", []made{izen.leaf(valid(-1, 80)), izen}, nil, grades{StepChain: Warn, StepProvider: OK}, []string{"Mozilla does not accept it", "issued after the date"}},
	}
}

var (
	oidMD5  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}
	oidNone = asn1.ObjectIdentifier{2, 25, 4711}
)

func strengthRows() []row {
	rsaRoot := newRoot(cn("RSA Root"), "rsa other", func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA })
	rsaCA := rsaRoot.authority("RSA CA", "rsa ca")
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	sha1CA := rsaRoot.authority("SHA-1 CA", "rsa ca", sha1)
	small := rsaRoot.authority("Small CA", "rsa 1024")
	constrained := rsaRoot.authority("Constrained CA", "rsa ca", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"customer.test"} })
	weakRoot := newRoot(cn("Weak Root"), "rsa 1024")
	huge := new(big.Int).Lsh(big.NewInt(1), maxRSA+8)
	hugeCA := sign(authority(cn("Huge CA"), []change{func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://crl.test/"} }}),
		rsaRoot, rsaRoot.key, &rsa.PublicKey{N: huge.Add(huge, big.NewInt(1)), E: 65537}).with(key("rsa ca"))
	roots := func(p *Presented) { p.Roots = ders(rsaRoot, weakRoot) }
	only := func(g Grade) grades { return grades{StepStrength: g} }
	md5Leaf := rsaCA.leaf().signedBy(rsaCA.key, oidMD5, crypto.MD5)
	forged := rsaCA.leaf().signedBy(key("rsa"), oidMD5, crypto.MD5)
	unknown := rsaCA.leaf().signedBy(rsaCA.key, oidNone, crypto.SHA256)
	return []row{
		{"SHA-256 under a root that signed itself with SHA-1", []made{rsaCA.leaf(), rsaCA, rsaRoot}, roots, nil, nil},
		{"leaf signed with SHA-1", []made{rsaCA.leaf(sha1), rsaCA}, roots, only(Bad), []string{`"CN=sbc.customer.test" is signed with SHA1-RSA`}},
		{"intermediate signed with SHA-1", []made{sha1CA.leaf(), sha1CA}, roots, only(Bad), []string{`"CN=SHA-1 CA" is signed with SHA1-RSA`}},
		{"leaf signed with SHA-1 under name constraints", []made{constrained.leaf(sha1), constrained}, roots, grades{StepChain: Unknown, StepStrength: Bad}, []string{"name constraints are met was not checked"}},
		{"leaf signed with MD5", []made{md5Leaf, rsaCA}, roots, only(Bad), []string{"is signed with MD5-RSA"}},
		{"leaf signed with MD5 by somebody else", []made{forged, rsaCA}, roots, badChain(Unknown, grades{StepStrength: Bad}), []string{"did not sign it"}},
		{"leaf signed with an unknown algorithm", []made{unknown, rsaCA}, roots, badChain(Unknown, grades{StepStrength: Bad}), []string{"its signature algorithm 2.25.4711 is not supported"}},
		{"leaf of 1024 bits", []made{rsaCA.leafFor(key("rsa 1024").Public()), rsaCA}, roots, only(Bad), []string{`"CN=sbc.customer.test" has 1024 bits`}},
		{"intermediate of 1024 bits", []made{small.leaf(), small}, roots, only(Bad), []string{`"CN=Small CA" has 1024 bits`}},
		{"root of 1024 bits", []made{weakRoot.leaf()}, roots, only(Bad), []string{`"CN=Weak Root" has 1024 bits`}},
		{"leaf of very many bits", []made{rsaCA.leafFor(&rsa.PublicKey{N: huge, E: 65537}), rsaCA}, roots, only(Bad), []string{"has 16393 bits, more than the 16384"}},
		{"intermediate of very many bits", []made{rsaCA.edit(rsaRoot, func(c *x509.Certificate) { c.Subject, c.RawSubject = cn("Huge CA"), nil }).leaf(), hugeCA}, roots, badChain(Unknown, nil), []string{"key cannot be used: it has 16393 bits"}},
		{"ECDSA leaf", []made{rsaCA.leafFor(key("p384").Public(), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), rsaCA}, roots, only(Bad), []string{"key is ECDSA P-384, and every cipher suite"}},
	}
}
