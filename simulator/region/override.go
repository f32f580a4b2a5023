package region

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// maxSRVDomain is ub-common-name of RFC 5280 appendix A.1, in characters: the
// SRV domain is the common name of the proxies' certificate.
const maxSRVDomain = 64

// Roots returns the roots that a region can be on, the oldest first.
func Roots() []Root { return []Root{HighAssuranceEV, GlobalG2, GlobalG3} }

// Override returns the region with another SRV domain, another root, or both,
// for when the person at the keyboard knows better than the table; an empty
// value leaves the table's. What is overridden has the confidence Given. Under
// another root, the region's former ones are all to be trusted besides, as a
// device that follows the specification trusts them already. It fails on a
// domain that is no host name of at least two labels or is above 64
// characters, and on a root that is none of Roots. A letter case and a dot at
// the end of the domain make no difference.
func (r Region) Override(srvDomain string, root Root) (Region, error) {
	const given = "given for this run"
	if srvDomain != "" {
		domain, err := parseSRVDomain(srvDomain)
		if err != nil {
			return Region{}, fmt.Errorf("overriding SRV domain of %s: %w", r.Code, err)
		}
		r.SRVDomain = Claim[string]{domain, Given, given}
	}
	if root != "" && root != r.Root.Value {
		if !slices.Contains(Roots(), root) {
			var known []string
			for _, k := range Roots() {
				known = append(known, string(k))
			}
			return Region{}, fmt.Errorf("overriding root of %s: write one of %s instead of %.80q", r.Code, strings.Join(known, ", "), root)
		}
		var besides []Root
		for _, k := range Roots() { // in the order of age, whichever was the row's
			if k != root && (k == r.Root.Value || slices.Contains(r.TrustBesides.Value, k)) {
				besides = append(besides, k)
			}
		}
		r.TrustBesides = Claim[[]Root]{besides, Given, "the roots of the region that are not presented under the root " + given}
	}
	if root != "" {
		r.Root = Claim[Root]{root, Given, given}
	}
	return r, nil
}

// domainName is RFC 1123 section 2.1, in lower case and with at least two labels.
var domainName = func() *regexp.Regexp {
	const label = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	return regexp.MustCompile(`^` + label + `(\.` + label + `)+$`)
}()

func parseSRVDomain(text string) (string, error) {
	domain := strings.TrimSuffix(strings.ToLower(text), ".")
	if strings.HasPrefix(domain, "_") {
		return "", fmt.Errorf("write it without the labels of service and transport, such as voice.mypurecloud.com: %.80q", text)
	}
	if len(domain) > maxSRVDomain {
		return "", fmt.Errorf("it is the common name of a certificate, so write at most %d characters instead of %d: %.80q", maxSRVDomain, len(domain), text)
	}
	if _, err := netip.ParseAddr(domain); err == nil || !domainName.MatchString(domain) {
		return "", fmt.Errorf("write a domain name, such as voice.mypurecloud.com, instead of %.80q", text)
	}
	return domain, nil
}
