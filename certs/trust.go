package certs

// Profiles whose fault, or peculiarity, is the path to the trust anchor.
const (
	SelfSigned             Profile = "self-signed"
	UntrustedRoot          Profile = "untrusted-root"
	MissingIntermediate    Profile = "missing-intermediate"
	WrongOrder             Profile = "wrong-order"
	SuperfluousRoot        Profile = "superfluous-root"
	IntermediateNotCA      Profile = "intermediate-not-ca"
	PathLengthExceeded     Profile = "path-length-exceeded"
	NameConstraintsExclude Profile = "name-constraints-exclude"
)

var trustProfiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  SelfSigned,
			Sentence: "The proxy's certificate is signed with its own key, by no authority, and comes alone.",
			Citation: "byoc-017-reputable-ca; byoc-018-trust-digicert-root; RFC 5280 section 6.1",
			Expect:   Refuse,
		},
		change: simply(func(r *recipe) {
			r.issuer, r.leaf.SignatureAlgorithm = nil, 0 // the one that goes with the leaf's key
		}),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  UntrustedRoot,
			Sentence: "The whole chain comes from another root that has the same subject as the trusted one but another key.",
			Citation: "byoc-008-client-trusts-server-ca; RFC 5280 section 6.1: a path must begin at a trust anchor; RFC 5246 section 7.2.2: unknown_ca",
			Expect:   Refuse,
		},
		change: func(a *Authority, r *recipe) (err error) {
			r.issuer, err = a.impostor()
			return err
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  MissingIntermediate,
			Sentence: "The proxy's certificate comes without its intermediate, which was never sent before.",
			Citation: "byoc-028-sbc-must-not-need-ica; RFC 5246 section 7.4.2; RFC 5280 section 6.1",
			Expect:   Refuse,
		},
		base:   newIntermediate,
		change: sending(func(path [][]byte) [][]byte { return path[:1] }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  WrongOrder,
			Sentence: "The right chain, sent in the wrong order: leaf, root, intermediate.",
			Citation: "RFC 5246 section 7.4.2; RFC 8446 section 4.4.2; byoc-027-genesys-sends-full-chain",
			Expect:   Either,
			Readings: "accept: RFC 8446 section 4.4.2 tells clients to be ready for any order, and most stacks look for issuers among all that was sent; " +
				"refuse: RFC 5246 section 7.4.2, which holds for TLS 1.2, wants each certificate to certify the one before it",
		},
		base:   withRoot,
		change: sending(func(path [][]byte) [][]byte { return [][]byte{path[0], path[2], path[1]} }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  SuperfluousRoot,
			Sentence: "The right chain, sent with the root at its end.",
			Citation: "RFC 5246 section 7.4.2: the root may be left out, and so may be sent",
			Expect:   Accept,
		},
		change: withRoot,
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  IntermediateNotCA,
			Sentence: "The certificate of the intermediate says that it is no certificate authority.",
			Citation: "RFC 5280 section 6.1.4 (k); byoc-016-client-validates",
			Expect:   Refuse,
		},
		base: ownIntermediate,
		change: simply(func(r *recipe) {
			t := r.drafts[0].template
			t.IsCA, t.MaxPathLenZero = false, false // no authority, so no length of path either
		}),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  PathLengthExceeded,
			Sentence: "Between the intermediate, which may issue leaves only, and the proxy's certificate there is one authority more.",
			Citation: "RFC 5280 section 6.1.4 (l); byoc-016-client-validates",
			Expect:   Refuse,
		},
		base:   twoIntermediates,
		change: simply(func(r *recipe) { r.drafts[0].template.MaxPathLen, r.drafts[0].template.MaxPathLenZero = 0, true }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  NameConstraintsExclude,
			Sentence: "The certificate of the intermediate forbids it to issue for the names of the proxies.",
			Citation: "RFC 5280 section 4.2.1.10; RFC 5280 section 6.1.3 (c); byoc-016-client-validates",
			Expect:   Refuse,
		},
		base: ownIntermediate,
		change: simply(func(r *recipe) {
			t := r.drafts[0].template
			t.ExcludedDNSDomains, t.PermittedDNSDomainsCritical = r.asked.dialled(), true
		}),
	},
}

// sending changes what of the path, leaf to root, is sent.
func sending(what func(path [][]byte) [][]byte) alteration {
	return simply(func(r *recipe) { r.send = what })
}

var withRoot = sending(func(path [][]byte) [][]byte { return path })

// twoIntermediates puts two intermediates between root and leaf, as the upper
// one allows.
func twoIntermediates(a *Authority, r *recipe) error {
	if err := ownIntermediate(a, r); err != nil {
		return err
	}
	r.drafts[0].template.MaxPathLen, r.drafts[0].template.MaxPathLenZero = 1, false
	key, err := a.keptKey("profile-"+r.role+"-lower", a.shape.intermediate.key)
	if err != nil {
		return err
	}
	return a.below(r, r.role+"-lower", a.shape.intermediate, key)
}
