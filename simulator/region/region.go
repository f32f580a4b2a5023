// Package region is the table of Genesys Cloud regions in which BYOC Cloud
// trunks end: the names of the four proxies, the domain of their SRV records,
// the namespaces that routing accepts and the DigiCert roots that their
// certificates chain to.
//
// Genesys does not publish all of this in one place, and some of it nowhere.
// So every column that can be doubted is a Claim: a value, how sure we are of
// it, and who says so. Adding a region is adding a row to table.
package region

import (
	"fmt"
	"slices"
	"strings"
)

// Confidence says how well a value of the table is known.
type Confidence string

// The degrees of confidence, best first. In the table there is no Given.
const (
	// Confirmed: a source other than Genesys's TLS trunk specification shows it.
	Confirmed Confidence = "confirmed"
	// Seed: stated by Genesys's TLS trunk specification, the document that this
	// project starts from, and so far by nobody else.
	Seed Confidence = "seed"
	// Inferred: our reading; no source says it outright.
	Inferred Confidence = "inferred"
	// Unknown: looked for and not found. The value is empty; do not guess one.
	Unknown Confidence = "unknown"
	// Given: no row has it; the person who runs the simulator says so
	// (Region.Override).
	Given Confidence = "given"
)

// Claim is a value of the table together with the ground it stands on.
type Claim[T any] struct {
	// Value is empty exactly when Confidence is Unknown.
	Value      T
	Confidence Confidence
	// Source says in a few words who states the value, or why we infer it.
	Source string
}

// Root names one of the DigiCert root certificates that Genesys uses.
type Root string

// The roots named in the specification. Only the first signs with SHA-1.
const (
	HighAssuranceEV Root = "high-assurance-ev" // DigiCert High Assurance EV Root CA, RSA
	GlobalG2        Root = "global-g2"         // DigiCert Global Root G2, RSA
	GlobalG3        Root = "global-g3"         // DigiCert Global Root G3, P-384
)

// Region is one row of the table.
type Region struct {
	// Code is Genesys's short code, such as "use1". It is the key of the table.
	Code string
	// Title is the name that Genesys shows to people.
	Title string
	// AWS is the code of the AWS region below it, such as "us-east-1".
	AWS Claim[string]
	// Proxies are the host names of the SIP proxies, lb01 first. A trunk uses
	// all of them.
	Proxies Claim[[]string]
	// SRVDomain is the domain that owns the SRV records, without the service
	// and transport labels. It is also the common name of the proxies'
	// certificate, as far as that has been seen.
	SRVDomain Claim[string]
	// Namespaces are the values of trunk-context (RFC 4904) that are taken for
	// this region, the likeliest first.
	Namespaces []Claim[string]
	// Root is the root that the proxies' chain ends in today.
	Root Claim[Root]
	// TrustBesides are the roots that a device should trust as well, because
	// the region may move to them. The older edition of the specification knows
	// none: it names one root for all regions.
	TrustBesides Claim[[]Root]
}

// Proxy returns the host name of proxy n, counted from 1 as in lb01. It fails
// when the region has no such proxy or its names are unknown.
func (r Region) Proxy(n int) (string, error) {
	if n < 1 || n > len(r.Proxies.Value) {
		return "", fmt.Errorf("naming proxy of %s: it has %d, none with number %d", r.Code, len(r.Proxies.Value), n)
	}
	return r.Proxies.Value[n-1], nil
}

// Zones returns the DNS zones that hold the region's names, sorted and each
// once: the domain of the proxies and the SRV domain. A resolver in front of a
// device has to forward these, and no others.
func (r Region) Zones() []string {
	var zones []string
	for _, host := range r.Proxies.Value {
		_, domain, _ := strings.Cut(host, ".")
		zones = append(zones, domain)
	}
	if r.SRVDomain.Value != "" {
		zones = append(zones, r.SRVDomain.Value)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// Names returns the short codes of all regions in the table, sorted.
func Names() []string {
	var codes []string
	for _, r := range table() {
		codes = append(codes, r.Code)
	}
	slices.Sort(codes)
	return codes
}

// Lookup returns the region with the short code, which is compared exactly.
// The error for a code that is not in the table lists those that are, and
// says so where Genesys has such a region, but nobody tells its names. The
// region is the caller's own: changing it does not change the table.
func Lookup(code string) (Region, error) {
	for _, r := range table() {
		if r.Code == code {
			return r, nil
		}
	}
	known := strings.Join(Names(), ", ")
	if title, ok := absent[code]; ok {
		return Region{}, fmt.Errorf("looking up region: no public source names the proxies of %s; write one of %s instead of %q", title, known, code)
	}
	return Region{}, fmt.Errorf("looking up region: write one of %s instead of %.80q", known, code)
}
