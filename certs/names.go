package certs

import (
	"errors"
	"strings"
)

// Profiles whose fault, or peculiarity, is the names in the proxy's certificate.
const (
	SANMismatch     Profile = "san-mismatch"
	OtherRegion     Profile = "other-region"
	RightCNWrongSAN Profile = "right-cn-wrong-san"
	CNOnly          Profile = "cn-only"
	WildcardSAN     Profile = "wildcard-san"
	IPSAN           Profile = "ip-san"
	IPAsDNS         Profile = "ip-as-dns"
	IPAsCN          Profile = "ip-as-cn"
	URISAN          Profile = "uri-san"
	URIBesideDNS    Profile = "uri-beside-dns"
	SRVNameSAN      Profile = "srv-name-san"
	UpperCaseSAN    Profile = "upper-case-san"
	TrailingDotSAN  Profile = "trailing-dot-san"
)

// Where a profile is about the alternative names, no common name is left that
// matches: the specification would accept the certificate for it.
var nameProfiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  SANMismatch,
			Sentence: "A chain under the trusted root whose common name and alternative names are host names of somebody else.",
			Citation: "byoc-031-name-validation; RFC 5922 section 7.3",
			Expect:   Refuse,
		},
		change: named(func(n Names) (identifiers, error) {
			other, err := otherNames(n)
			return other.identifiers(), err
		}),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  OtherRegion,
			Sentence: "A chain under the trusted root whose names are those of the proxies of another region.",
			Citation: "byoc-031-name-validation; RFC 5922 section 7.2: names match as a whole",
			Expect:   Refuse,
		},
		change: named(otherRegion),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  RightCNWrongSAN,
			Sentence: "The names of the proxies are common names of the subject, and the alternative names are host names of somebody else.",
			Citation: "byoc-031-name-validation; RFC 5922 section 7.1",
			Expect:   Either,
			Readings: "accept: the specification takes the name as common name or as alternative name; " +
				"refuse: RFC 5922 section 7.1 and RFC 9525 section 2 read no common name beside alternative names",
		},
		change: named(func(n Names) (identifiers, error) {
			other, err := otherNames(n)
			return identifiers{cn: n.dialled(), dns: other.dialled()}, err
		}),
	},
	{
		// One common name cannot fit four proxies, so there is one for each, as is
		// seen in practice. OpenSSL's X509_check_host looks at all of them, if
		// there is no dNSName, while crypto/x509 parses the last, and GnuTLS
		// matches none if there is more than one (RFC 6125 section 1.8). Asked for
		// one name, the certificate has one.
		ProfileInfo: ProfileInfo{
			Profile:  CNOnly,
			Sentence: "The names of the proxies are common names of the subject, and there are no alternative names.",
			Citation: "byoc-031-name-validation; RFC 5922 section 7.1; RFC 9525 section 2",
			Expect:   Either,
			Readings: "accept: the specification takes the name as common name, and RFC 5922 section 7.1 allows that where there are no alternative names; " +
				"refuse: RFC 9525 section 2 has done away with common names",
		},
		change: named(func(n Names) (identifiers, error) { return identifiers{cn: n.dialled()}, nil }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  WildcardSAN,
			Sentence: "The names are wildcards, with an asterisk in place of the first label of each name of a proxy.",
			Citation: "byoc-047-fqdn-limits; RFC 5922 section 7.2; RFC 9525 section 6.3",
			Expect:   Either,
			Readings: "accept: RFC 9525 section 6.3 lets an asterisk stand for the whole of the first label; " +
				"refuse: RFC 5922 section 7.2 forbids wildcards for SIP, and the specification says that they are not used",
		},
		change: named(wildcards),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  IPSAN,
			Sentence: "The only alternative names are the addresses of the proxies, as iPAddress, and there is no common name.",
			Citation: "byoc-034-no-ip-target; RFC 5922 section 7.1: only URIs and DNS names are identities",
			Expect:   Refuse,
		},
		change: addressed(func(n Names) identifiers { return identifiers{ip: n.IP} }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  IPAsDNS,
			Sentence: "The only alternative names are the addresses of the proxies, written as text in dNSName, and there is no common name.",
			Citation: "byoc-034-no-ip-target; RFC 5280 section 4.2.1.6",
			Expect:   Refuse,
		},
		change: addressed(func(n Names) identifiers { return identifiers{dns: addresses(n)} }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  IPAsCN,
			Sentence: "The common names are the addresses of the proxies, and there are no alternative names.",
			Citation: "byoc-034-no-ip-target; RFC 5922 section 7.1: a common name counts only if it is a DNS name",
			Expect:   Refuse,
		},
		change: addressed(func(n Names) identifiers { return identifiers{cn: addresses(n)} }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  URISAN,
			Sentence: "The only alternative names are SIP URIs of the right domains, and there is no common name.",
			Citation: "RFC 5922 section 7.1; byoc-031-name-validation",
			Expect:   Either,
			Readings: "accept: RFC 5922 section 7.1 reads sip URIs without a user part before all else; " +
				"refuse: stacks made for the web know DNS names only, and the specification tells of no URIs",
		},
		change: named(func(n Names) (identifiers, error) { return identifiers{uri: n.dialled()}, nil }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  URIBesideDNS,
			Sentence: "Beside the right DNS names there are SIP URIs of the same domains.",
			Citation: "RFC 5922 section 7.1; byoc-031-name-validation",
			Expect:   Accept,
		},
		change: simply(func(r *recipe) { r.names.uri = r.asked.dialled() }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  SRVNameSAN,
			Sentence: "The only alternative name is the owner name of the SRV record, with its underscores, and there is no common name.",
			Citation: "byoc-048-srv-available; byoc-k10-srv-record-name; RFC 5922 section 7.3: the domain itself is compared",
			Expect:   Refuse,
		},
		change: named(func(n Names) (identifiers, error) {
			domain := n.CN
			if domain == "" {
				domain = n.DNS[0]
			}
			return identifiers{dns: []string{"_sips._tcp." + domain}}, nil
		}),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  UpperCaseSAN,
			Sentence: "The right names, in capital letters.",
			Citation: "RFC 4343 section 3; RFC 5922 section 7.2",
			Expect:   Accept,
		},
		change: named(func(n Names) (identifiers, error) { return n.each(strings.ToUpper).identifiers(), nil }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  TrailingDotSAN,
			Sentence: "The right names, each with a dot at its end.",
			Citation: "RFC 1034 section 3.1; RFC 5280 section 4.2.1.6",
			Expect:   Either,
			Readings: "accept: the dot only marks the name as absolute (RFC 1034 section 3.1), so it is the same name; " +
				"refuse: RFC 5280 section 4.2.1.6 wants the preferred syntax of names, which has no dot at the end",
		},
		change: named(func(n Names) (identifiers, error) {
			return n.each(func(name string) string { return name + "." }).identifiers(), nil
		}),
	},
}

// named puts other names into the leaf.
func named(as func(Names) (identifiers, error)) alteration {
	return func(_ *Authority, r *recipe) (err error) {
		r.names, err = as(r.asked)
		return err
	}
}

// addressed is named, for names that are made of addresses.
func addressed(as func(Names) identifiers) alteration {
	return named(func(n Names) (identifiers, error) {
		if len(n.IP) == 0 {
			return identifiers{}, errors.New("naming addresses: give the addresses where the hosts are reached")
		}
		for _, ip := range n.IP {
			if !ip.IsValid() {
				return identifiers{}, errors.New("naming addresses: one of them is no address")
			}
		}
		return as(n), nil
	})
}

func addresses(n Names) []string {
	var texts []string
	for _, ip := range n.IP {
		texts = append(texts, ip.Unmap().WithZone("").String())
	}
	return texts
}
