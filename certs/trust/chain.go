package trust

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// follow searches the ways from the leaf, chooses the best one, and says what
// there is to say about it. A client that finds a good way does not care that
// others, over cross certificates say, are not good.
func (e *evaluation) follow() {
	switch {
	case len(e.sent) == 0:
		e.chain = Finding{Grade: Unknown, Observed: "The device presented no certificate."}
		return
	case e.leaf == nil:
		e.chain = e.notReadable()
		return
	}
	f := newForest(e.sent, e.Roots, e.public)
	f.walk(e.sent[:1:1])
	e.ends = f.ends
	e.choose(f)
	switch {
	case f.visits > maxVisits && e.path.anchor == nil:
		e.chain = Finding{Grade: Bad, Hint: leafFirst, Observed: fmt.Sprintf("The %d certificates are so entangled that no way to a trusted root was found in %d steps.", len(e.sent), maxVisits)}
	case e.unreadable != "":
		e.chain = e.notReadable()
	}
}

const leafFirst = "Install the device's certificate and its intermediates, leaf first, each followed by the one that signed it."

func (e *evaluation) notReadable() Finding {
	return Finding{Grade: Bad, Observed: e.unreadable, Hint: "Install a well-formed certificate chain on the device."}
}

// choose takes the complete way with the least against it. If there is none, it
// takes one that may go on to a trusted root, else one to a root that is not
// trusted, else the one that leads furthest.
func (e *evaluation) choose(f *forest) {
	if len(f.complete) == 0 {
		if len(f.ends) == 0 {
			f.ends = []path{{certs: e.sent[:1]}}
		}
		e.path = slices.MinFunc(f.ends, func(a, b path) int { return slices.Compare(e.rankEnd(a), e.rankEnd(b)) })
		e.chain = e.ended(e.path)
		return
	}
	var rank []int
	for _, p := range f.complete {
		found := e.examine(p)
		_, provided := listed(p.anchor.cert.Subject, e.Edition)
		r := []int{found.Grade.severity(), -bit(e.Now.IsZero() || p.validAt(e.Now)), -bit(p.anchor.lab || provided), len(p.certs)}
		if rank == nil || slices.Compare(r, rank) < 0 {
			rank, e.path, e.chain = r, p, found
		}
	}
}

func (e *evaluation) rankEnd(p path) []int {
	_, may := e.mayLead(p)
	return []int{-bit(may), -bit(p.root), -len(p.certs)}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// examine checks a way to an anchor by RFC 5280 section 6.1, less the dates,
// the usage and the strength of signatures, which are steps of their own.
func (e *evaluation) examine(p path) Finding {
	unverified := func(c *x509.Certificate, why, hint string) Finding {
		return Finding{Grade: Bad, Hint: hint, Observed: fmt.Sprintf("No certificate is missing, but the chain cannot be verified beyond %q: %s.", subject(c), why)}
	}
	below := 0 // intermediates that do not count as self-issued
	for i, c := range p.certs {
		if unknown, known := criticals(c); len(unknown) > 0 {
			return unverified(c, fmt.Sprintf("it has the critical extension %s, which no client knows and every client must refuse (RFC 5280 section 4.2)", unknown[0]), "Install a certificate without that extension.")
		} else if len(known) > 0 {
			return Finding{Grade: Unknown, Observed: fmt.Sprintf("The chain leads to a trusted root, but %q has the critical extension %s, which is not evaluated here.", subject(c), known[0])}
		}
		if i == 0 {
			continue
		}
		child := p.certs[i-1]
		// Who trusts a certificate of version 1 says by that that it may sign.
		old := c.Version < 3 && i == len(p.certs)-1
		switch {
		case !old && (!c.BasicConstraintsValid || !c.IsCA):
			return unverified(child, fmt.Sprintf("%q, which signed it, is not marked as a CA", subject(c)), "Have the intermediate issued anew: a CA certificate must be marked as one (RFC 5280 section 4.2.1.9).")
		case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
			return unverified(child, fmt.Sprintf("%q, which signed it, may not sign certificates by its keyUsage", subject(c)), "Have the intermediate issued anew, with keyCertSign (RFC 5280 section 4.2.1.3).")
		case c.MaxPathLen >= 0 && c.BasicConstraintsValid && below > c.MaxPathLen:
			return unverified(child, fmt.Sprintf("%q allows %d intermediate(s) below it, and there are %d", subject(c), c.MaxPathLen, below), "Have the leaf issued by a CA that may issue it: pathLenConstraint is exceeded (RFC 5280 section 4.2.1.9).")
		}
		if !selfIssued(c) {
			below++
		}
	}
	if from, to := p.period(); from.After(to) && e.Now.IsZero() { // else it is said of the dates
		return unverified(p.certs[0], fmt.Sprintf("the chain was never valid as a whole, as one certificate expired on %s and another begins on %s", day(to), day(from)), "Install the intermediates that were in force when the device's certificate was issued.")
	}
	if f, bad := p.constrained(); bad {
		return f
	}
	return e.inOrder(p)
}

// constrained has crypto/x509 check what is left: name constraints and policies.
// It cannot where a signature is of a kind that it does not take. It is told that
// all certificates are in force: dates are another step.
func (p path) constrained() (Finding, bool) {
	n := len(p.certs)
	if n == 1 {
		return Finding{}, false
	}
	for _, c := range p.certs[:n-1] {
		if !weak(c.SignatureAlgorithm) {
			continue
		}
		if slices.ContainsFunc(p.certs, func(c *x509.Certificate) bool { return hasExtension(c, oidNameConstraints) }) {
			return Finding{Grade: Unknown, Observed: fmt.Sprintf("The chain leads to a trusted root, but whether its name constraints are met was not checked, because %q is signed with %s.", subject(c), signatureName(c))}, true
		}
		return Finding{}, false
	}
	at := time.Unix(0, 0)
	inForce := func(c *x509.Certificate) *x509.Certificate {
		c = new(*c)
		c.NotBefore, c.NotAfter = at, at
		return c
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(inForce(p.certs[n-1]))
	for _, c := range p.certs[1 : n-1] {
		between.AddCert(inForce(c))
	}
	_, err := inForce(p.certs[0]).Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err == nil {
		return Finding{}, false
	}
	why, hint := printable(err.Error()), "Install the intermediate certificate(s) that really signed the device's certificate."
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.CANotAuthorizedForThisName {
		why = fmt.Sprintf("the name constraints of an authority above it do not allow its names (%s)", printable(invalid.Detail))
		hint = "Have the certificate issued by an authority that may issue for these names (RFC 5280 section 4.2.1.10)."
	}
	return Finding{Grade: Bad, Hint: hint, Observed: fmt.Sprintf("No certificate is missing, but the chain cannot be verified beyond %q: %s.", subject(p.certs[0]), why)}, true
}

// inOrder is the finding for a way with nothing against it: what was sent must
// also be in order (RFC 5246 section 7.4.2). Clients tolerate another one.
func (e *evaluation) inOrder(p path) Finding {
	kind := "lab's"
	if p.anchor.public {
		kind = "public"
	}
	ok := fmt.Sprintf("The chain of %d certificate(s) leads to a trusted root, the %s %s", len(e.sent)+e.ignored, kind, subject(p.anchor.cert))
	if e.ignored > 0 {
		return Finding{Grade: Warn, Hint: leafFirst, Observed: fmt.Sprintf("%s; only the first %d were looked at.", ok, len(e.sent))}
	}
	if len(p.certs) == 1 {
		return Finding{Grade: Warn, Hint: "Install a certificate that a CA issued.", Observed: fmt.Sprintf("The device presents %s, which is itself a trust anchor of the lab. Genesys trusts public roots only.", subject(e.leaf))}
	}
	if err := p.objection(); err != nil {
		return Finding{Grade: Warn, Hint: "Ask the provider for a certificate under another root.", Observed: fmt.Sprintf("%s. Mozilla does not accept it: %s. Whether Genesys does is not documented.", ok, printable(err.Error()))}
	}
	for i, c := range e.sent {
		if i > 0 && c != nil && e.sent[i-1] != nil && !bytes.Equal(c.RawSubject, e.sent[i-1].RawIssuer) {
			return Finding{Grade: Warn, Hint: leafFirst + " Leave out what does not belong (RFC 5246 section 7.4.2): some clients go no other way than the first that they find.",
				Observed: fmt.Sprintf("%s, but they are not in order: certificate %d, %s, did not issue the one before it, %s.", ok, i+1, subject(c), subject(e.sent[i-1]))}
		}
	}
	return Finding{Grade: OK, Observed: ok + "."}
}

func (p path) objection() error {
	if p.anchor.distrusted == nil || p.anchor.lab {
		return nil
	}
	return p.anchor.distrusted(p.certs[:len(p.certs)-1])
}

// ended is the finding for a way that leads to no trusted root.
func (e *evaluation) ended(p path) Finding {
	last := p.certs[len(p.certs)-1]
	f := Finding{Grade: Bad, Hint: "In the lab, give the device a certificate of the lab's device CA: byocheck certs issue."}
	switch provider, may := e.mayLead(p); {
	case may:
		f.Grade = Unknown
		f.Observed = fmt.Sprintf("The chain leads to %s, whose root is not known here. By its name it is of %s, which the %s edition lists, so Genesys may have it.", issuer(last), provider.Name, e.Edition)
		f.Hint = "Find out whether the authority's root is current; if not, install a certificate under one that is. If an intermediate is missing, install it."
	case p.root && len(p.certs) == 1:
		f.Observed = fmt.Sprintf("The device presents a self-signed certificate (%s).", subject(last))
		f.Hint = "Install a certificate issued by a CA that Genesys trusts; in the lab: byocheck certs issue."
	case p.root:
		f.Observed = fmt.Sprintf("The chain leads to the root %s, which is not trusted here.", subject(last))
		if p.namesake {
			f.Observed = fmt.Sprintf("The chain leads to the root %s, which is not trusted here: it has the name of a trusted root, but another key.", subject(last))
		}
	case p.broken != nil:
		f.Observed = fmt.Sprintf("No certificate is missing, but the chain cannot be verified beyond %q: there is a certificate of its issuer %q, but %v.", subject(last), issuer(last), p.broken)
		f.Hint = "Install the intermediate certificate(s) that really signed the device's certificate; a CA certificate must be marked as one."
	default:
		f.Observed = fmt.Sprintf("The chain stops at %q: the certificate of its issuer %q was neither sent nor is it a trusted root.", subject(last), issuer(last))
		f.Hint = "Install the intermediate certificate(s) on the device, leaf first; if they are there, the issuer is one that is not trusted here."
	}
	return f
}

// period is when all certificates of a way are valid; to is before from where
// there is no such time.
func (p path) period() (from, to time.Time) {
	from, to = p.certs[0].NotBefore, p.certs[0].NotAfter
	for _, c := range p.certs[1:] {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	return from, to
}

func (p path) validAt(t time.Time) bool {
	from, to := p.period()
	return !t.Before(from) && !t.After(to)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
