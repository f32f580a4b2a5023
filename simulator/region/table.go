package region

// Who says so, where more than one row rests on it.
const (
	nameTable    = "TLS trunk specification, subject name validation, both editions"
	metaCapture  = "openssl output in Meta's WhatsApp Business Calling documentation"
	evRegions    = "TLS trunk specification, newer edition, list of regions by root"
	evTrustAlso  = "TLS trunk specification, newer edition: trust G2 and G3 beside the EV root, ahead of a migration"
	domainAsTC   = "domain of the region's trunk FQDNs, taken as trunk-context after the pattern of Meta's TGRP form"
	integratorTC = "domain in an integrator's published table of regions; no source shows it in a trunk-context"
)

// table returns the rows, new on each call so that nobody can change them for
// another.
func table() []Region {
	return []Region{
		{
			Code:  "use1",
			Title: "US East (N. Virginia)",
			AWS:   Claim[string]{"us-east-1", Seed, nameTable},
			Proxies: Claim[[]string]{[]string{
				"lb01.voice.use1.pure.cloud",
				"lb02.voice.use1.pure.cloud",
				"lb03.voice.use1.pure.cloud",
				"lb04.voice.use1.pure.cloud",
			}, Seed, nameTable},
			SRVDomain: Claim[string]{"voice.mypurecloud.com", Confirmed, "common name of the certificate in " + metaCapture},
			Namespaces: []Claim[string]{
				{"byoc.mypurecloud.com", Inferred, domainAsTC},
				{"byoc.use1.pure.cloud", Inferred, integratorTC},
			},
			Root:         Claim[Root]{HighAssuranceEV, Confirmed, evRegions + "; chain in " + metaCapture},
			TrustBesides: Claim[[]Root]{[]Root{GlobalG2, GlobalG3}, Seed, evTrustAlso},
		},
		{
			Code:  "usw2",
			Title: "US West (Oregon)",
			AWS:   Claim[string]{"us-west-2", Seed, nameTable},
			Proxies: Claim[[]string]{[]string{
				"lb01.voice.usw2.pure.cloud",
				"lb02.voice.usw2.pure.cloud",
				"lb03.voice.usw2.pure.cloud",
				"lb04.voice.usw2.pure.cloud",
			}, Confirmed, nameTable + "; lb01 also in Meta's WhatsApp Business Calling documentation"},
			SRVDomain: Claim[string]{"voice.usw2.pure.cloud", Inferred,
				"the domain of the proxies, and use1's pattern of voice before the region's own domain"},
			Namespaces: []Claim[string]{
				{"byoc.usw2.pure.cloud", Inferred, integratorTC},
			},
			Root:         Claim[Root]{HighAssuranceEV, Seed, evRegions},
			TrustBesides: Claim[[]Root]{[]Root{GlobalG2, GlobalG3}, Seed, evTrustAlso},
		},
	}
}
