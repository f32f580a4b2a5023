package referencesbc

import (
	"crypto/x509"
	"encoding/asn1"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// named reports whether the certificate has the name as a SIP domain identity:
// letter for letter but for case, so wildcards do not count (RFC 5922 7.2). Nor
// does a common name (RFC 9525 2), nor an address. The dot at the end of an
// absolute name is no part of it, on either side.
func named(leaf *x509.Certificate, name string) bool { return contains(identities(leaf), name) }

// identities returns the SIP domain identities of a certificate (RFC 5922 7.1):
// the hosts of its sip URIs and, only where it has none, its dNSNames.
func identities(leaf *x509.Certificate) []string {
	var hosts []string
	for _, u := range leaf.URIs {
		if host, ok := domain(u); ok {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) > 0 {
		return hosts
	}
	return leaf.DNSNames
}

// domain returns the host of a sip URI without a user part; one with a user
// part names a person, not a domain. Port and parameters do not count.
func domain(u *url.URL) (string, bool) {
	if u.Scheme != "sip" || u.Opaque == "" || strings.Contains(u.Opaque, "@") {
		return "", false
	}
	host, _, _ := strings.Cut(u.Opaque, ";")
	host, _, _ = strings.Cut(host, ":")
	return host, true
}

// contains reports whether one of the identities is that host name.
func contains(identities []string, name string) bool {
	name = strings.TrimSuffix(name, ".")
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		return false
	}
	return slices.ContainsFunc(identities, func(i string) bool { return strings.EqualFold(strings.TrimSuffix(i, "."), name) })
}

// identified reports whether the certificate is one for the proxy of that name
// at addr, as this SBC sees it.
func (s *SBC) identified(leaf *x509.Certificate, name string, addr netip.Addr) bool {
	switch s.Mutant {
	case SkipsHostNameCheck:
		return true
	case ComparesCase:
		return slices.ContainsFunc(identities(leaf), func(i string) bool { return strings.TrimSuffix(i, ".") == strings.TrimSuffix(name, ".") })
	case CNOnly:
		return contains(commonNames(leaf), name)
	case AcceptsIPSAN:
		for _, ip := range leaf.IPAddresses {
			if a, ok := netip.AddrFromSlice(ip); ok && a.Unmap() == addr {
				return true
			}
		}
	}
	return named(leaf, name)
}

// commonNames returns all common names of the subject; it may have several.
func commonNames(leaf *x509.Certificate) []string {
	var out []string
	for _, a := range leaf.Subject.Names {
		if text, is := a.Value.(string); is && a.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
			out = append(out, text)
		}
	}
	return out
}
