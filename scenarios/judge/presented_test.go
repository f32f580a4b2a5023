package judge

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"byocheck/simulator/record"
)

func datesCases() []expected {
	until := func(days int) func(*cert) { return func(x *cert) { x.from, x.to = -100, days } }
	cases := []expected{
		{"in force", trusting(presents(leaf, lower, upper)), Pass, []string{"in force"}, []string{"tls.peer-chain"}},
		{"on the last day", trusting(presents(leaf.changed(until(1)), lower, upper)), Pass, nil, nil},
		{"of no trusted root, but in force", trusting(presents(selfish)), Pass, nil, nil},

		{"expired", trusting(presents(leaf.changed(until(-1)), lower, upper)), Fail, []string{`"CN=sbc.customer.test" expired on`, "set the clock"}, nil},
		{"not yet valid", trusting(presents(leaf.changed(func(x *cert) { x.from, x.to = 1, 100 }), lower, upper)), Fail, []string{"is not valid before"}, nil},
		{"intermediate expired", trusting(presents(leaf, lower.changed(until(-1)), upper)), Fail, []string{`"CN=Lower CA" expired`}, nil},
		{"no two dates in common", trusting(presents(leaf.changed(func(x *cert) { x.from, x.to = -900, -800 }), lower, upper)), Fail, []string{`"CN=sbc.customer.test" expired`}, nil},
		{"root expired", with(trusting(presents(leaf, lower, upper)), func(c *Case) { c.Roots = [][]byte{root.changed(until(-1)).der()} }), Fail, []string{`"CN=Root" expired`}, nil},

		{"the time of the run not known", with(trusting(presents(leaf, lower, upper)), func(c *Case) { c.Now = time.Time{} }), Inconclusive, []string{"time of the check is not known"}, nil},
		{"not a certificate", trusting(presentsBytes("junk")), Inconclusive, []string{"cannot be parsed"}, nil},
		{"no root in the case", one(presents(leaf, lower, upper)), Error, []string{"no readable trusted root"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

func expiryCases() []expected {
	in := func(days int) Case {
		return trusting(presents(leaf.changed(func(x *cert) { x.from, x.to = -100, days }), lower, upper))
	}
	cases := []expected{
		{"long to go", in(300), Pass, []string{"another 300 day(s)"}, []string{"tls.peer-chain"}},
		{"30 days", in(30), Pass, nil, nil},
		{"29 days", in(29), Warn, []string{"expires in 29 day(s)", "Renew"}, nil},
		{"an intermediate with 29 days", trusting(presents(leaf, lower.changed(func(x *cert) { x.from, x.to = -100, 29 }), upper)), Pass, nil, nil},
		{"without a chain", trusting(presents(leaf)), Pass, nil, nil},
		{"expired", in(-1), Fail, []string{"expired on"}, nil},
		{"the time of the run not known", with(in(300), func(c *Case) { c.Now = time.Time{} }), Inconclusive, []string{"not known"}, nil},
		{"no target", with(in(300), func(c *Case) { c.Target = "" }), Error, []string{"does not say"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

// signsLists lets an authority sign revocation lists as well.
func signsLists(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign }

// listing is a list of the lower CA with a serial number on it, 0 for none.
func listing(serial int64) []byte {
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: played.Add(-time.Hour), NextUpdate: played.Add(time.Hour)}
	if serial > 0 {
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: played.Add(-time.Hour), ReasonCode: 1}}
	}
	issuer, err := x509.ParseCertificate(lower.changed(func(x *cert) {
		x.alter = func(c *x509.Certificate) { signsLists(c); c.SubjectKeyId = []byte{1} }
	}).der())
	if err != nil {
		panic(err)
	}
	b, err := x509.CreateRevocationList(rand.Reader, l, issuer, keys()[0])
	if err != nil {
		panic(err)
	}
	return b
}

func revocationCases() []expected {
	const url = "http://crl.test/lower.crl"
	// A hierarchy of one intermediate, so that one list is all there is to ask for.
	tell := func(address string) []string {
		names := func(c *x509.Certificate) {
			if address != "" {
				c.CRLDistributionPoints = []string{address}
			}
		}
		ca := lower.changed(func(x *cert) { x.issuer, x.alter = "Root", func(c *x509.Certificate) { signsLists(c); names(c) } })
		return []string{string(leaf.changed(func(x *cert) { x.serial, x.key, x.alter = 7, rsaKey, names }).der()), string(ca.der())}
	}
	chain, silent := tell(url), tell("")
	sum := func(der string) string { s := sha256.Sum256([]byte(der)); return hex.EncodeToString(s[:]) }
	says := func(about string, body []byte, failure string) step {
		return func(w *wire) {
			w.emit(link{}, record.RevocationAnswer{What: "crl", URL: url, Subject: sum(about), Body: body, Error: failure, Took: time.Millisecond})
		}
	}
	// The root's list is signed by the key that all made certificates have.
	rootsList := func() []byte {
		issuer, err := x509.ParseCertificate(root.changed(func(x *cert) {
			x.alter = func(c *x509.Certificate) { signsLists(c); c.SubjectKeyId = []byte{1} }
		}).der())
		if err != nil {
			panic(err)
		}
		b, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: played.Add(-time.Hour), NextUpdate: played.Add(time.Hour)}, issuer, keys()[0])
		if err != nil {
			panic(err)
		}
		return b
	}()
	made := func(chain []string, answers ...step) Case {
		return with(trusting(append([]step{presentsBytes(chain...)}, answers...)...), func(c *Case) {
			c.Roots = [][]byte{root.changed(func(x *cert) { x.alter = signsLists }).der()}
		})
	}
	upwards := says(chain[1], rootsList, "")
	good, bad := says(chain[0], listing(0), ""), says(chain[0], listing(7), "")
	cases := []expected{
		{"not on the lists", made(chain, good, upwards), Pass, []string{"is not revoked by the CRL"}, []string{"tls.peer-chain"}},
		{"another one on the list", made(chain, says(chain[0], listing(8), ""), upwards), Pass, nil, nil},

		{"on the list", made(chain, bad, upwards), Fail, []string{`"CN=sbc.customer.test" is revoked since`, "keyCompromise", "Replace the certificate"}, nil},
		{"on one of two lists", made(chain, good, bad, upwards), Fail, nil, nil},

		{"the list not to be had", made(chain, says(chain[0], nil, "connection refused"), upwards), Warn, []string{"connection refused", "not documented"}, nil},
		{"the list is junk", made(chain, says(chain[0], []byte("junk"), ""), upwards), Warn, []string{"no CRL"}, nil},
		{"one of two lists not to be had", made(chain, good, says(chain[1], nil, "connection refused")), Warn, []string{`"CN=Lower CA" could not be looked up`}, nil},

		{"of the lab, without an address", made(silent), NotApplicable, []string{"carries no address of a CRL"}, nil},
		{"of the lab, without an address, offline", with(made(silent), func(c *Case) { c.Offline = true }), NotApplicable, nil, nil},

		{"a list of another certificate", made(chain, says("other", listing(0), ""), upwards), Inconclusive, []string{"nothing was fetched for it"}, nil},
		{"nothing asked", made(chain), Inconclusive, []string{"nothing was fetched for it"}, nil},
		{"offline", with(made(chain), func(c *Case) { c.Offline = true }), Inconclusive, []string{"offline"}, nil},
		{"the time of the run not known", with(made(chain, good, upwards), func(c *Case) { c.Now = time.Time{} }), Inconclusive, []string{"without the time"}, nil},
		{"not a certificate", made([]string{"junk"}), Inconclusive, []string{"cannot be parsed"}, nil},
		{"no root in the case", one(presentsBytes(chain...), good, upwards), Error, []string{"no readable trusted root"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

func usageCases() []expected {
	use := func(usage x509.KeyUsage, extended ...x509.ExtKeyUsage) func(*cert) {
		return func(x *cert) {
			x.key, x.alter = rsaKey, func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage = usage, extended }
		}
	}
	const both = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	made := func(change func(*cert)) Case { return trusting(presents(leaf.changed(change), lower, upper)) }
	cases := []expected{
		{"for servers", made(use(both, x509.ExtKeyUsageServerAuth)), Pass, []string{"every cipher suite"}, []string{"tls.peer-chain"}},
		{"for servers and clients", made(use(both, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)), Pass, nil, nil},
		{"for anything", trusting(presents(leaf, lower, upper)), Pass, nil, nil},
		{"without a root", one(presents(leaf.changed(use(both, x509.ExtKeyUsageServerAuth)))), Pass, nil, nil},
		{"for no key encipherment", made(use(x509.KeyUsageDigitalSignature)), Warn, []string{"without ECDHE cannot be used"}, nil},
		{"for clients", made(use(both, x509.ExtKeyUsageClientAuth)), Fail, []string{"does not have serverAuth"}, nil},
		{"for no suite", made(use(x509.KeyUsageContentCommitment, x509.ExtKeyUsageServerAuth)), Fail, []string{"no cipher suite"}, nil},
		{"an intermediate for clients", trusting(presents(leaf, lower.changed(func(x *cert) {
			x.alter = func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
		}), upper)), Fail, []string{`extended key usage of "CN=Lower CA"`}, nil},
		{"not a certificate", trusting(presentsBytes("junk")), Inconclusive, []string{"cannot be parsed"}, nil},
		{"no target", with(made(use(both)), func(c *Case) { c.Target = "" }), Error, []string{"does not say"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

func strengthCases() []expected {
	rsa := leaf.changed(func(x *cert) { x.key = rsaKey })
	sha1 := func(x *cert) {
		x.signer, x.alter = rsaKey, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	}
	cases := []expected{
		{"RSA of 2048 bits", trusting(presents(rsa, lower, upper)), Pass, []string{"RSA 2048"}, []string{"tls.peer-chain"}},
		{"without a root", one(presents(rsa)), Pass, nil, nil},
		{"RSA of 1024 bits", trusting(presents(leaf.changed(func(x *cert) { x.key = shortKey }), lower, upper)), Fail, []string{"has 1024 bits, fewer than 2048"}, nil},
		{"an intermediate of 1024 bits", trusting(presents(rsa.changed(func(x *cert) { x.signer = shortKey }), lower.changed(func(x *cert) { x.key = shortKey }), upper)), Fail, []string{`"CN=Lower CA" has 1024 bits`}, nil},
		{"signed with SHA-1", trusting(presents(rsa.changed(sha1), lower.changed(func(x *cert) { x.key = rsaKey }), upper)), Fail, []string{"SHA1-RSA, which can be forged"}, nil},
		{"ECDSA", trusting(presents(leaf, lower, upper)), Fail, []string{"every cipher suite of the specification needs an RSA key"}, nil},
		{"not a certificate", trusting(presentsBytes("junk")), Inconclusive, []string{"cannot be parsed"}, nil},
		{"no target", with(trusting(presents(rsa)), func(c *Case) { c.Target = "" }), Error, []string{"does not say"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

// publicRoot is a public root of an organization.
func publicRoot(organization string) string {
	for r := range bundle.Roots() {
		if c, err := x509.ParseCertificate(r.Certificate); err == nil && slices.Contains(c.Subject.Organization, organization) {
			return string(r.Certificate)
		}
	}
	panic("there is no root of " + organization)
}

func providerCases() []expected {
	digicert, google := presentsBytes(publicRoot("DigiCert Inc")), presentsBytes(publicRoot("Google Trust Services LLC"))
	actalis := presentsBytes(publicRoot("Actalis S.p.A./03358520967"))
	older := func(c Case) Case { return with(c, func(c *Case) { c.Edition = "older" }) }
	cases := []expected{
		{"a listed provider's", trusting(digicert), Pass, []string{"DigiCert", "which the newer edition lists"}, []string{"tls.peer-chain"}},
		{"a listed provider's, by the older edition", older(trusting(digicert)), Pass, []string{"which the older edition lists"}, nil},
		{"of the lab", trusting(presents(leaf, lower, upper)), NotApplicable, []string{"passes here; would Genesys trust it?"}, nil},
		{"a public one of no listed provider", trusting(google), Fail, []string{"of no provider that the newer edition lists"}, nil},
		{"one that only the newer edition lists", older(trusting(actalis)), Fail, []string{"The newer edition lists it, as Actalis"}, nil},
		{"self-signed", trusting(presents(selfish)), Fail, []string{"no public root of a listed provider"}, nil},
		{"leads nowhere", trusting(presents(leaf)), Inconclusive, []string{"leads to no root", "cert.outbound.chain-complete"}, nil},
		{"a listed provider's, after the deprecation", with(trusting(digicert), func(c *Case) { c.Edition = "after-deprecation" }), Pass, []string{"which the newer edition lists"}, nil},
		{"not a certificate", trusting(presentsBytes("junk")), Inconclusive, []string{"cannot be parsed"}, nil},
		{"no root in the case", one(presents(leaf, lower, upper)), Error, []string{"no readable trusted root"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

func withoutSNICases() []expected {
	rsa := leaf.changed(func(x *cert) { x.key = rsaKey })
	right := func(x cert) step { return presents(x, lower, upper) }
	other := rsa.changed(func(x *cert) { x.subject, x.dns = "other.test", []string{"other.test"} })
	renewed := rsa.changed(func(x *cert) { x.serial = 2 })
	made := func(with, without step) Case {
		c := trusting(with)
		c.Attempts = append(c.Attempts, attempt("without-sni", without))
		return c
	}
	shown := right(rsa)
	same := string(rsa.der())
	bytes := presentsBytes(same, string(lower.der()), string(upper.der()))
	wrong := presentsBytes(string(other.der()))
	const none = "Without SNI the device presented no certificate, but it did not say that it will not."
	return []expected{
		{"the same", made(bytes, bytes), Pass, []string{"the same certificate as with it"}, []string{"tls.peer-chain"}},
		{"another that passes", made(shown, right(renewed)), Pass, []string{"another certificate, which passes"}, nil},
		{"a better one", made(right(other), shown), Pass, []string{"another certificate, which passes"}, nil},
		{"the same wrong one", made(wrong, wrong), Pass, []string{"the same certificate as with it"}, nil},
		{"the same, shown before the handshake fails", made(bytes, dial(ourHello, func(w *wire, l link) {
			w.emit(l, record.PeerChain{Certificates: [][]byte{[]byte(same), lower.der(), upper.der()}})
		}, alert("decrypt_error"))), Pass, nil, nil},
		{"another that names somebody else", made(shown, right(other)), Fail, []string{"does not pass the check", `"other.test"`, "the default one"}, nil},
		{"another without its intermediates", made(shown, presents(renewed)), Fail, []string{"does not pass the check", "Lower CA"}, nil},
		{"another wrong one", made(right(other), presents(selfish)), Fail, []string{"self-signed"}, nil},
		{"none, by an alert about it", made(shown, dial(ourHello, alert("unrecognized_name"))), Fail, []string{"it presents none: it ends the handshake (alert unrecognized_name during the handshake)", "default certificate"}, []string{"tls.alert"}},
		{"none, by an alert", made(shown, dial(refusesUs)), Fail, []string{"handshake failure"}, nil},

		{"none, hung up", made(shown, dial(ourHello, fin, failed)), Inconclusive, []string{none, "EOF"}, nil},
		{"none, by an alert about something else", made(shown, dial(ourHello, alert("protocol_version"))), Inconclusive, []string{none}, nil},
		{"none, ended by us before its alert", made(shown, dial(ourHello, ourAlert, alert("handshake_failure"))), Inconclusive, []string{none}, nil},
		{"none, cut by us", made(shown, dial(ourHello, after(5*time.Second), cut)), Inconclusive, []string{none, "deadline"}, nil},
		{"none, unreachable", made(shown, notDialled("unreachable: connection refused")), Inconclusive, []string{none, "connection refused"}, []string{"tcp.dialled"}},
		{"none, the recording truncated", made(shown, flooded), Inconclusive, []string{none, "17 could not be kept"}, nil},
		{"none with it either", made(dial(refusesUs), dial(refusesUs)), Inconclusive, []string{"presented no certificate", "handshake failure"}, nil},
		{"only without it", made(dial(refusesUs), shown), Inconclusive, []string{"presented no certificate"}, nil},
		{"nothing recorded without it", made(shown, came("lb01")), Error, []string{"nothing was recorded"}, nil},
		{"no root in the case", with(made(shown, shown), func(c *Case) { c.Roots = nil }), Error, []string{"no readable trusted root"}, nil},
		{"no target", with(made(shown, shown), func(c *Case) { c.Target = "" }), Error, []string{"does not say"}, nil},
	}
}

// TestWitnessesOfTheCertificate: what was presented is told, whatever the step.
func TestWitnessesOfTheCertificate(t *testing.T) {
	v := DatesValid(trusting(presents(leaf, lower, upper)))
	all := strings.Join(v.Witnesses, "\n")
	for _, want := range []string{
		"presented: CN=sbc.customer.test <- CN=Lower CA <- CN=Upper CA",
		`common name ["sbc.customer.test"]; dNSNames ["sbc.customer.test"]; ECDSA P-256, signed ECDSA-SHA256; valid to 2027-09-18`,
		"leads to CN=Root, a root of the lab",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("witnesses %q, want %q", all, want)
		}
	}
}
