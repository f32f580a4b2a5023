package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The editions of the specification, which list different providers.
const (
	Older = "older"
	Newer = "newer"
)

// Provider is an entry of an edition's list of the authorities whose
// certificates Genesys trusts. The lists name providers, not roots; which root is
// whose is our reading of the subjects.
type Provider struct {
	Name string // as the edition has it; German words of the newer one restored
	// Organizations are the values of O in the subjects of the provider's
	// certificates. Letter case does not count.
	Organizations []string
}

// Roots lists the subjects of the provider's public roots that this program
// knows. It is empty for a provider that has none in Mozilla's list.
func (p Provider) Roots() []string {
	var out []string
	for _, a := range publicRoots() {
		if p.owns(a.cert.Subject) {
			out = append(out, a.cert.Subject.String())
		}
	}
	return out
}

func (p Provider) owns(name pkix.Name) bool {
	return slices.ContainsFunc(p.Organizations, func(o string) bool { return strings.EqualFold(o, owner(name)) })
}

// transferred are roots that bear the name of one provider and are another's,
// by common name or unit.
var transferred = map[string]string{
	"Starfield Services Root Certificate Authority - G2": "Amazon",
	"GlobalSign Root CA - R2":                            "Google Trust Services LLC", // both sold to Google
	"GlobalSign ECC Root CA - R4":                        "Google Trust Services LLC",
}

// owner is the organisation behind a name.
func owner(name pkix.Name) string {
	for _, n := range append([]string{name.CommonName}, name.OrganizationalUnit...) {
		if to, is := transferred[n]; is {
			return to
		}
	}
	if len(name.Organization) == 0 {
		return ""
	}
	return name.Organization[0]
}

// Organizations by brand. Brands without a root of today keep the names that
// their last roots had.
var (
	actalis          = []string{"Actalis S.p.A./03358520967", "Actalis S.p.A."}
	amazon           = []string{"Amazon"}
	certum           = []string{"Unizeto Technologies S.A.", "Asseco Data Systems S.A.", "Unizeto Sp. z o.o."}
	telekom          = []string{"T-Systems Enterprise Services GmbH", "Deutsche Telekom Security GmbH", "T-Systems International GmbH", "Deutsche Telekom AG"}
	digicert         = []string{"DigiCert Inc", "DigiCert, Inc."}
	quovadis         = []string{"QuoVadis Limited"}
	symantec         = []string{"Symantec Corporation"}
	thawte           = []string{"thawte, Inc."}
	verisign         = []string{"VeriSign, Inc."}
	entrust          = []string{"Entrust, Inc.", "Entrust.net", "Entrust Corporation"}
	sslcom           = []string{"SSL Corporation"}
	globalsign       = []string{"GlobalSign", "GlobalSign nv-sa"}
	godaddy          = []string{"GoDaddy.com, Inc.", "The Go Daddy Group, Inc."}
	starfield        = []string{"Starfield Technologies, Inc."}
	harica           = []string{"Hellenic Academic and Research Institutions CA", "Hellenic Academic and Research Institutions Cert. Authority"}
	identrust        = []string{"IdenTrust", "Digital Signature Trust Co."}
	isrg             = []string{"Internet Security Research Group"}
	networkSolutions = []string{"Network Solutions L.L.C."}
	comodo           = []string{"COMODO CA Limited"}
	sectigo          = []string{"Sectigo Limited"}
	usertrust        = []string{"The USERTRUST Network"}
	addtrust         = []string{"AddTrust AB"}
	swisssign        = []string{"SwissSign AG"}
	telia            = []string{"TeliaSonera", "Telia Finland Oyj", "Telia Company AB"}
	trustwave        = []string{"Trustwave Holdings, Inc.", "SecureTrust Corporation"}
)

var editions = map[string][]Provider{
	Older: {
		{"Amazon Trust Services", amazon},
		// USERTrust's roots are Sectigo's by ownership, and its certificates come from them.
		{"Comodo / Sectigo", slices.Concat(comodo, sectigo, usertrust, addtrust)},
		{"DigiCert / Symantec / QuoVadis / Verisign", slices.Concat(digicert, symantec, quovadis, verisign)},
		{"Entrust", entrust},
		{"GlobalSign", globalsign},
		{"GoDaddy / Starfield", slices.Concat(godaddy, starfield)},
		{"Network Solutions", networkSolutions},
		{"Telia Sonera", telia},
		{"Thawte", thawte},
	},
	Newer: {
		{"Actalis", actalis},
		{"Amazon Trust Services", amazon},
		{"Certum", certum},
		{"Deutsche Telekom / T-TelSec", telekom},
		{"DigiCert / QuoVadis / Symantec / Thawte / Verisign", slices.Concat(digicert, quovadis, symantec, thawte, verisign)},
		{"Entrust / SSL.com", slices.Concat(entrust, sslcom)},
		{"GlobalSign", globalsign},
		{"Go Daddy / Starfield", slices.Concat(godaddy, starfield)},
		{"Harica", harica},
		{"IdenTrust", identrust},
		{"Internet Security Research Group", isrg},
		{"Network Solutions", networkSolutions},
		{"Sectigo / AddTrust / Comodo / UserTrust", slices.Concat(sectigo, addtrust, comodo, usertrust)},
		{"SwissSign", swisssign},
		{"Telia / TeliaSonera", telia},
		{"Trustwave / SecureTrust / Viking Cloud", trustwave},
	},
}

// Providers are the CA providers that an edition of the specification lists,
// in its order; nil for an edition that there is not.
func Providers(edition string) []Provider { return slices.Clone(editions[edition]) }

// listed finds the provider of an edition that a name belongs to.
func listed(name pkix.Name, edition string) (Provider, bool) {
	for _, p := range editions[edition] {
		if p.owns(name) {
			return p, true
		}
	}
	return Provider{}, false
}

// anchor is a certificate that a chain may lead to.
type anchor struct {
	cert        *x509.Certificate
	lab, public bool
	// distrusted is Mozilla's objection to a chain that leads to a public root;
	// nil where it has none.
	distrusted func([]*x509.Certificate) error
}

// publicRoots parses the bundle when it is first needed.
var publicRoots = sync.OnceValue(func() []anchor {
	var out []anchor
	for r := range bundle.Roots() {
		if c, err := x509.ParseCertificate(r.Certificate); err == nil {
			out = append(out, anchor{cert: c, public: true, distrusted: r.Constraint})
		}
	}
	return out
})

// provider judges whose root the chain leads to.
func (e *evaluation) provider() Finding {
	const hint = "Install a certificate of one of the providers that Genesys lists for customer endpoints."
	if _, known := editions[e.Edition]; !known {
		return Finding{Grade: Unknown, Observed: fmt.Sprintf("There is no edition %q of the specification, so no list of providers.", e.Edition)}
	}
	if e.leaf == nil {
		return noLeaf
	}
	top := e.path.certs[len(e.path.certs)-1]
	a := e.path.anchor
	switch {
	case a != nil && a.public:
		p, ok := listed(a.cert.Subject, e.Edition)
		if ok {
			return Finding{Grade: OK, Observed: fmt.Sprintf("The root %s is one of %s, which the %s edition lists.", subject(top), p.Name, e.Edition)}
		}
		if p, end, ok := e.otherWay(); ok {
			return Finding{Grade: Unknown, Hint: hint, Observed: fmt.Sprintf("The root %s is of no provider that the %s edition lists. The device also sends a certificate issued by %s, which may be a root of %s; whether Genesys would go that way cannot be found out here.", subject(top), e.Edition, issuer(end), p.Name)}
		}
		f := Finding{Grade: Bad, Hint: hint, Observed: fmt.Sprintf("The root %s is of no provider that the %s edition lists.", subject(top), e.Edition)}
		for edition := range editions {
			if p, ok := listed(a.cert.Subject, edition); ok {
				f.Observed += fmt.Sprintf(" The %s edition lists it, as %s.", edition, p.Name)
			}
		}
		return f
	case a != nil:
		return Finding{Grade: Unknown, Hint: hint,
			Observed: fmt.Sprintf("A lab certificate, under the lab's root %s: passes here; would Genesys trust it? It would not: it trusts public roots of listed providers only.", subject(top))}
	}
	if p, may := e.mayLead(e.path); may {
		return Finding{Grade: Unknown, Hint: hint, Observed: fmt.Sprintf("By its name, %s is of %s, which the %s edition lists; but the chain leads to no public root that is known here.", issuer(top), p.Name, e.Edition)}
	}
	if e.path.root {
		return Finding{Grade: Bad, Hint: hint, Observed: fmt.Sprintf("The chain ends at %s, which is no public root of a listed provider.", subject(top))}
	}
	return Finding{Grade: Unknown, Hint: hint, Observed: "The chain leads to no root, so it cannot be said whose it is."}
}

// issuer shows the name of a certificate's issuer.
func issuer(c *x509.Certificate) string { return printable(c.Issuer.String()) }

// mayLead tells whether a way that ends may go on, beyond what is known here, to
// a root of a listed provider: an authority's certificate ends it, and bears
// the name of one whose root of that name is not in the bundle.
func (e *evaluation) mayLead(p path) (Provider, bool) {
	top := p.certs[len(p.certs)-1]
	if p.broken != nil || len(p.certs) < 2 {
		return Provider{}, false
	}
	return listed(top.Issuer, e.Edition)
}

// otherWay finds a way beside the chosen one that may lead to a listed root.
func (e *evaluation) otherWay() (Provider, *x509.Certificate, bool) {
	for _, end := range e.ends {
		if p, may := e.mayLead(end); may {
			return p, end.certs[len(end.certs)-1], true
		}
	}
	return Provider{}, nil, false
}
