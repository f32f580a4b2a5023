// Package trust checks the certificate of a device as Genesys does when it
// calls the device: as the specification documents that check, not as any one
// library does it. It also holds the CA providers that Genesys trusts.
//
// [Evaluate] is pure: what it needs from the network, revocation lists and OCSP
// answers, is fetched beforehand (package fetch) and handed to it, so that a
// recorded case can be judged again.
//
// The public roots are those of golang.org/x/crypto/x509roots/fallback/bundle,
// Mozilla's for TLS servers, compiled in. The system's bundle was not chosen: it
// differs from machine to machine, and so would the verdicts. What Genesys
// really holds is not published, and may be older than Mozilla's list. So a
// chain that ends at an authority which by its name is of a listed provider,
// but whose root is not in the bundle, is unknown and not refused.
package trust

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Presented is what a device showed as TLS server, and what it is held against.
type Presented struct {
	Chain   [][]byte  // the certificates as the device sent them, leaf first, DER
	Target  string    // the trunk's SIP Servers or Proxies value, without port
	Now     time.Time // the time of the check; zero: not known
	Edition string    // of the specification, older or newer
	Roots   [][]byte  // the lab's own trust anchors, DER
	Answers []Answer  // what was fetched; nil with Offline false means that nothing was tried
	Offline bool      // nothing may be fetched
}

// Answer is what came of asking for revocation information.
type Answer struct {
	Kind    string        // crl or ocsp
	URL     string        // of the certificate
	Subject string        // SHA-256 of the certificate that it is about, in hexadecimal
	Body    []byte        // DER
	Error   string        // why there is no body
	Took    time.Duration // until the end of the body or the error
}

// The kinds of an answer.
const (
	KindCRL  = "crl"
	KindOCSP = "ocsp"
)

// Step is one part of the check.
type Step string

// The steps, in their order.
const (
	// StepChain: what was sent alone leads from the leaf to a trusted root.
	StepChain Step = "chain"
	// StepName: the leaf has the target as common name or as dNSName.
	StepName Step = "name"
	// StepAddress: neither the target nor the leaf rests on an IP address alone.
	StepAddress Step = "address"
	// StepDates: every certificate of the chain is within its period.
	StepDates Step = "dates"
	// StepExpiry: the leaf has at least 30 days left.
	StepExpiry Step = "expiry"
	// StepRevocation: no certificate of the chain is revoked.
	StepRevocation Step = "revocation"
	// StepUsage: the extensions allow the leaf to be a TLS server's.
	StepUsage Step = "usage"
	// StepStrength: keys and signatures are strong enough, and fit the suites.
	StepStrength Step = "strength"
	// StepProvider: the root is that of a provider that Genesys lists.
	StepProvider Step = "provider"
)

// Grade is what a step comes to.
type Grade string

const (
	// OK: nothing stands against it.
	OK Grade = "ok"
	// Warn: Genesys as documented would go on, or what it does is not documented.
	Warn Grade = "warn"
	// Bad: Genesys as documented would refuse.
	Bad Grade = "bad"
	// Unknown: it could not be found out.
	Unknown Grade = "unknown"
)

// severity orders grades: what was not found out outweighs a warning, since
// the step as a whole is then not known to be met.
func (g Grade) severity() int { return slices.Index([]Grade{OK, Warn, Unknown, Bad}, g) }

// Finding is the outcome of a step, in sentences for the person at the device.
type Finding struct {
	Step     Step
	Grade    Grade
	Observed string
	Hint     string // what to do; empty where there is nothing to do
}

// Certificate holds the facts of a certificate that a report shows.
type Certificate struct {
	Subject, Issuer     string
	Serial              string // hexadecimal
	SHA256              string // of the certificate, hexadecimal
	NotBefore, NotAfter time.Time
	Key                 string // such as RSA 2048
	Signature           string // such as SHA256-RSA; an object identifier where it is unknown
	CRL, OCSP           []string
}

// Leaf is the device's own certificate with its names.
type Leaf struct {
	Certificate
	CommonNames, DNSNames, Addresses, URIs []string
}

// Report is what Evaluate found.
type Report struct {
	Findings []Finding     // one for each step, in order
	Anchor   string        // subject of the root that the chain leads to; empty: it leads to none
	Lab      bool          // the root is one of the lab's
	Public   bool          // the root is a public one
	Provider string        // of the edition's list, whose root it is; empty: none's
	Leaf     Leaf          // zero if there is none that can be read
	Sent     []Certificate // as the device sent them, up to the first 20 that can be read
	Path     []Certificate // from the leaf to the root, or as far as the sent ones lead
	// Unreadable says which of the certificates cannot be parsed, and why; empty: all can.
	Unreadable string
}

// Find returns the finding of a step; an unknown step has an unknown grade.
func (r Report) Find(s Step) Finding {
	for _, f := range r.Findings {
		if f.Step == s {
			return f
		}
	}
	return Finding{Step: s, Grade: Unknown, Observed: fmt.Sprintf("There is no step %q.", string(s))}
}

// Refused returns the first finding for which Genesys, as documented, would
// refuse the device.
func (r Report) Refused() (Finding, bool) {
	for _, f := range r.Findings {
		if f.Grade == Bad {
			return f, true
		}
	}
	return Finding{}, false
}

// evaluation is what the steps look at.
type evaluation struct {
	Presented
	parsed
	public []anchor
	leaf   *x509.Certificate // nil: there is none that can be read
	path   path              // the best one from the leaf; empty without a leaf
	chain  Finding           // what there is to say about that path
	ends   []path            // where other ways end without a trusted root
}

var steps = []struct {
	step  Step
	check func(*evaluation) Finding
}{
	{StepChain, func(e *evaluation) Finding { return e.chain }},
	{StepName, (*evaluation).name},
	{StepAddress, (*evaluation).address},
	{StepDates, (*evaluation).dates},
	{StepExpiry, (*evaluation).expiry},
	{StepRevocation, (*evaluation).revocation},
	{StepUsage, (*evaluation).usage},
	{StepStrength, (*evaluation).strength},
	{StepProvider, (*evaluation).provider},
}

// Evaluate checks what a device presented. Its work is bounded whatever was
// sent: it looks at the first 20 certificates, and checks at most 100
// signatures of certificates.
func Evaluate(p Presented) Report { return evaluate(p, publicRoots()) }

func evaluate(p Presented, public []anchor) Report {
	e := evaluation{Presented: p, parsed: parse(p.Chain), public: public}
	if len(e.sent) > 0 && e.sent[0] != nil {
		e.leaf = e.sent[0]
	}
	e.follow()

	r := Report{Unreadable: e.unreadable}
	for _, s := range steps {
		f := s.check(&e)
		f.Step = s.step
		r.Findings = append(r.Findings, f)
	}
	if a := e.path.anchor; a != nil {
		r.Anchor, r.Lab, r.Public = subject(a.cert), a.lab, a.public
		if p, listed := listed(a.cert.Subject, p.Edition); listed && a.public {
			r.Provider = p.Name
		}
	}
	if e.leaf != nil {
		r.Leaf = leafFacts(e.leaf)
	}
	for _, c := range e.sent {
		if c != nil {
			r.Sent = append(r.Sent, facts(c))
		}
	}
	for _, c := range e.path.certs {
		r.Path = append(r.Path, facts(c))
	}
	return r
}

// noLeaf is the finding of a step that has no certificate to look at.
var noLeaf = Finding{Grade: Unknown, Observed: "There is no certificate of the device that could be looked at."}
