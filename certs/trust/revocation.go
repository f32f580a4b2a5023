package trust

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// maxAnswers is how many answers about a certificate are looked at.
const maxAnswers = 8

// outcome is what an answer says of a certificate.
type outcome int

const (
	unusable outcome = iota
	good
	revoked
)

// revocation asks the fetched lists and answers about every certificate of the
// chain but the root: the CRL, as documented, and OCSP where that says nothing.
// A certificate that either calls revoked is.
func (e *evaluation) revocation() Finding {
	if e.leaf == nil {
		return noLeaf
	}
	out := Finding{Grade: OK}
	var said []string
	certs := e.path.certs
	for i, c := range certs {
		if i > 0 && e.path.isRoot(i) {
			break // a root is withdrawn by not trusting it any longer
		}
		var issuer *x509.Certificate
		if i+1 < len(certs) {
			issuer = certs[i+1]
		}
		f := e.lookUp(c, issuer)
		said = append(said, fmt.Sprintf("%q %s.", subject(c), f.Observed))
		if f.Grade.severity() > out.Grade.severity() {
			out.Grade, out.Hint = f.Grade, f.Hint
		}
	}
	out.Observed = strings.Join(said, " ")
	return out
}

// lookUp judges one certificate. Its finding is a predicate: the caller says of
// which certificate.
func (e *evaluation) lookUp(c, issuer *x509.Certificate) Finding {
	const undocumented = "what Genesys does then is not documented"
	crl, ocsp := len(c.CRLDistributionPoints) > 0, len(c.OCSPServer) > 0
	switch {
	case !crl && !ocsp:
		return Finding{Grade: Warn, Hint: "Have the certificate issued with a CRL distribution point.",
			Observed: "carries no address of a CRL, which the specification says that a certificate has, nor of OCSP; " + undocumented}
	case e.Offline:
		return Finding{Grade: Unknown, Observed: "was not looked up, as nothing may be fetched (offline)"}
	case e.Now.IsZero():
		return Finding{Grade: Unknown, Observed: "cannot be looked up without the time of the check"}
	case issuer == nil:
		return Finding{Grade: Unknown, Observed: "cannot be looked up, since the certificate of its issuer, which signs the list, is not there"}
	}
	var said []string
	found := map[string]outcome{}
	n := 0
	for _, kind := range []string{KindCRL, KindOCSP} {
		for _, a := range e.Answers {
			if a.Kind != kind || a.Subject != Fingerprint(c) || n == maxAnswers {
				continue
			}
			n++
			o, words := a.read(c, issuer, e.Now)
			found[kind] = max(found[kind], o)
			if o == revoked || kind == KindCRL || found[KindCRL] != good {
				said = append(said, fmt.Sprintf("%s (%s)", words, printable(a.URL)))
			}
		}
	}
	text := strings.Join(said, ", ")
	if max(found[KindCRL], found[KindOCSP]) == revoked {
		return Finding{Grade: Bad, Observed: text, Hint: "Replace the certificate, and its key if that was compromised."}
	}
	const reachable = "See that the revocation lists of the certificate's authority can be fetched and are current."
	switch {
	case n == 0:
		return Finding{Grade: Unknown, Observed: "was not looked up, as nothing was fetched for it"}
	case found[KindCRL] == good:
		return Finding{Grade: OK, Observed: text}
	case crl:
		return Finding{Grade: Warn, Observed: text + "; " + undocumented, Hint: reachable}
	case found[KindOCSP] == good:
		return Finding{Grade: Warn, Observed: text + ", but carries no address of a CRL, and that Genesys asks OCSP is not documented", Hint: "Have the certificate issued with a CRL distribution point."}
	}
	return Finding{Grade: Warn, Observed: text + "; " + undocumented, Hint: reachable}
}

// read says what an answer is worth at a time, for a certificate and the one
// that signed it, in a predicate about the certificate.
func (a Answer) read(c, issuer *x509.Certificate, now time.Time) (outcome, string) {
	name, read := "the CRL", readCRL
	if a.Kind == KindOCSP {
		name, read = "the OCSP answer", readOCSP
	}
	if a.Error != "" {
		return unusable, fmt.Sprintf("could not be looked up: %s was not had: %s", name, printable(a.Error))
	}
	o, r, err := read(a.Body, c, issuer, now)
	switch {
	case err != nil:
		return unusable, fmt.Sprintf("could not be looked up: %s is of no use: %s", name, printable(err.Error()))
	case o == revoked:
		return revoked, fmt.Sprintf("is revoked since %s, reason %s, by %s", instant(r.at), r.name(), name)
	}
	return good, fmt.Sprintf("is not revoked by %s", name)
}

// entry is a revocation.
type entry struct {
	at     time.Time
	reason int
}

// reasons are the names of CRLReason (RFC 5280 section 5.3.1).
var reasons = []string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}

func (r entry) name() string {
	if r.reason >= 0 && r.reason < len(reasons) {
		return cmp.Or(reasons[r.reason], "7")
	}
	return fmt.Sprint(r.reason)
}

// current checks the period of a list or an answer. Without nextUpdate newer
// information is there all the time, and this is as good as any.
func current(thisUpdate, nextUpdate, now time.Time) error {
	switch {
	case now.Before(thisUpdate):
		return fmt.Errorf("it is valid from %s on, which is yet to come", instant(thisUpdate))
	case !nextUpdate.IsZero() && now.After(nextUpdate):
		return fmt.Errorf("it is stale: a newer one was due on %s", instant(nextUpdate))
	}
	return nil
}
