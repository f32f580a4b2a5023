package region

import "fmt"

// Who says so, where more than one row rests on it.
const (
	nameTable    = "TLS trunk specification, subject name validation, both editions"
	olderTable   = "TLS trunk specification, subject name validation, older edition"
	newerTable   = "TLS trunk specification, subject name validation, newer edition"
	londonSlip   = olderTable + "; the newer one repeats London's names here by mistake"
	awsSlip      = olderTable + "; the newer one has the code mistranslated"
	regionList   = "Genesys's public SDKs, list of regions"
	metaDocs     = "Meta's WhatsApp Business Calling documentation"
	metaCapture  = "openssl output in " + metaDocs
	evRegions    = "TLS trunk specification, newer edition, list of regions by root"
	evTrustAlso  = "TLS trunk specification, newer edition: trust G2 and G3 beside the EV root, ahead of a migration"
	g2TrustAlso  = "TLS trunk specification, newer edition: trust G3 beside G2, as the region may move to it"
	srvOfProxies = "the domain of the proxies, and use1's pattern of voice before the region's own domain"
	srvOfDomain  = "use1's pattern of voice before the region's own domain; the domain of the proxies would be the other reading"
	domainAsTC   = "domain of the region's trunk FQDNs, taken as trunk-context after the pattern of Meta's TGRP form"
	integratorTC = "domain in an integrator's published table of regions; no source shows it in a trunk-context"
)

// absent are the regions of Genesys Cloud that are not in the table, because
// no public source names their proxies, with their titles. There may be none
// of this platform in them. Do not guess the names: a run under wrong ones
// would judge a device by a cloud that does not exist.
var absent = map[string]string{
	"apse1": "Asia Pacific (Singapore)",
	"mxc1":  "Mexico (Central)",
	"edee1": "EU Sovereign (Germany)",
}

// lb returns the names of the four proxies in a domain.
func lb(domain string) []string {
	names := make([]string, 4)
	for i := range names {
		names[i] = fmt.Sprintf("lb%02d.%s", i+1, domain)
	}
	return names
}

// The roots of the rows: the one that is presented today.
var (
	evToday = Claim[Root]{HighAssuranceEV, Seed, evRegions}
	g2Today = Claim[Root]{GlobalG2, Seed, evRegions}
)

// evLater and g2Later are what a device should trust besides.
func evLater() Claim[[]Root] { return Claim[[]Root]{[]Root{GlobalG2, GlobalG3}, Seed, evTrustAlso} }
func g2Later() Claim[[]Root] { return Claim[[]Root]{[]Root{GlobalG3}, Seed, g2TrustAlso} }

// table returns the rows, new on each call so that nobody can change them for
// another. They are sorted by code.
func table() []Region {
	return []Region{
		{
			Code: "apne1", Title: "Asia Pacific (Tokyo)",
			AWS:          Claim[string]{"ap-northeast-1", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.apne1.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.mypurecloud.jp", Inferred, srvOfDomain},
			Namespaces:   []Claim[string]{{"byoc.mypurecloud.jp", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "apne2", Title: "Asia Pacific (Seoul)",
			AWS:          Claim[string]{"ap-northeast-2", Seed, awsSlip},
			Proxies:      Claim[[]string]{lb("voice.apne2.pure.cloud"), Seed, londonSlip},
			SRVDomain:    Claim[string]{"voice.apne2.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.apne2.pure.cloud", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "apne3", Title: "Asia Pacific (Osaka)",
			AWS: Claim[string]{"ap-northeast-3", Confirmed, regionList},
			Proxies: Claim[[]string]{lb("voice.apne3.pure.cloud"), Inferred,
				"the pattern of all other rows; the only edition with the region gives it names of euw2 and of euw3, which is no region"},
			SRVDomain:    Claim[string]{"voice.apne3.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.apne3.pure.cloud", Inferred, integratorTC}},
			Root:         g2Today,
			TrustBesides: g2Later(),
		},
		{
			Code: "aps1", Title: "Asia Pacific (Mumbai)",
			AWS:          Claim[string]{"ap-south-1", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.aps1.pure.cloud"), Seed, londonSlip},
			SRVDomain:    Claim[string]{"voice.aps1.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.aps1.pure.cloud", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "apse2", Title: "Asia Pacific (Sydney)",
			AWS:          Claim[string]{"ap-southeast-2", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.apse2.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.mypurecloud.com.au", Inferred, srvOfDomain},
			Namespaces:   []Claim[string]{{"byoc.mypurecloud.com.au", Inferred, integratorTC + "; a Pexip plugin has it too"}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "cac1", Title: "Canada (Central)",
			AWS:          Claim[string]{"ca-central-1", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.cac1.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.cac1.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.cac1.pure.cloud", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "euc1", Title: "EU (Frankfurt)",
			AWS:          Claim[string]{"eu-central-1", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.euc1.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.mypurecloud.de", Inferred, srvOfDomain},
			Namespaces:   []Claim[string]{{"byoc.mypurecloud.de", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "euc2", Title: "EU (Zurich)",
			AWS:          Claim[string]{"eu-central-2", Confirmed, regionList},
			Proxies:      Claim[[]string]{lb("voice.euc2.pure.cloud"), Seed, newerTable},
			SRVDomain:    Claim[string]{"voice.euc2.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.euc2.pure.cloud", Inferred, integratorTC}},
			Root:         g2Today,
			TrustBesides: g2Later(),
		},
		{
			Code: "euw1", Title: "EU (Ireland)",
			AWS:          Claim[string]{"eu-west-1", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.euw1.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.mypurecloud.ie", Inferred, srvOfDomain},
			Namespaces:   []Claim[string]{{"byoc.mypurecloud.ie", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "euw2", Title: "EU (London)",
			AWS:          Claim[string]{"eu-west-2", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.euw2.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.euw2.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.euw2.pure.cloud", Inferred, integratorTC + "; a second repository has it too"}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "mec1", Title: "Middle East (UAE)",
			AWS:          Claim[string]{"me-central-1", Confirmed, regionList},
			Proxies:      Claim[[]string]{lb("voice.mec1.pure.cloud"), Seed, newerTable},
			SRVDomain:    Claim[string]{"voice.mec1.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.mec1.pure.cloud", Inferred, integratorTC}},
			Root:         g2Today,
			TrustBesides: g2Later(),
		},
		{
			Code: "sae1", Title: "South America (Sao Paulo)",
			AWS:          Claim[string]{"sa-east-1", Confirmed, regionList},
			Proxies:      Claim[[]string]{lb("voice.sae1.pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.sae1.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.sae1.pure.cloud", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "use1", Title: "US East (N. Virginia)",
			AWS:       Claim[string]{"us-east-1", Seed, awsSlip},
			Proxies:   Claim[[]string]{lb("voice.use1.pure.cloud"), Seed, nameTable},
			SRVDomain: Claim[string]{"voice.mypurecloud.com", Confirmed, "common name of the certificate in " + metaCapture},
			Namespaces: []Claim[string]{
				{"byoc.mypurecloud.com", Inferred, domainAsTC},
				{"byoc.use1.pure.cloud", Inferred, integratorTC},
			},
			Root:         Claim[Root]{HighAssuranceEV, Confirmed, evRegions + "; chain in " + metaCapture},
			TrustBesides: evLater(),
		},
		{
			// The heading reads like a sibling of use1, but it is the region for
			// the US government: hence the other domain, which is no slip.
			Code: "use2", Title: "US East 2 (Ohio, FedRAMP)",
			AWS:          Claim[string]{"us-east-2", Confirmed, nameTable + "; " + regionList},
			Proxies:      Claim[[]string]{lb("voice.use2.us-gov-pure.cloud"), Seed, nameTable},
			SRVDomain:    Claim[string]{"voice.use2.us-gov-pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.use2.us-gov-pure.cloud", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
		{
			Code: "usw2", Title: "US West (Oregon)",
			AWS:          Claim[string]{"us-west-2", Seed, nameTable},
			Proxies:      Claim[[]string]{lb("voice.usw2.pure.cloud"), Confirmed, nameTable + "; lb01 also in " + metaDocs},
			SRVDomain:    Claim[string]{"voice.usw2.pure.cloud", Inferred, srvOfProxies},
			Namespaces:   []Claim[string]{{"byoc.usw2.pure.cloud", Inferred, integratorTC}},
			Root:         evToday,
			TrustBesides: evLater(),
		},
	}
}
