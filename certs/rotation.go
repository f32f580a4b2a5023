package certs

// Profiles of an operator who changes keys, which a device must not notice.
const (
	RotatedLeaf         Profile = "rotated-leaf"
	RotatedIntermediate Profile = "rotated-intermediate"
)

var rotationProfiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  RotatedLeaf,
			Sentence: "A valid certificate of the proxy with another key and serial number, new each time.",
			Citation: "byoc-022-no-leaf-pinning; byoc-037-renew-near-expiry; RFC 5280 section 6.1",
			Expect:   Accept,
		},
		change: func(a *Authority, r *recipe) (err error) {
			r.key, err = a.shape.leaf.key.make()
			return err
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  RotatedIntermediate,
			Sentence: "A valid chain through another intermediate of the same root, new each time.",
			Citation: "byoc-023-trust-root-only; byoc-028-sbc-must-not-need-ica; RFC 5280 section 6.1",
			Expect:   Accept,
		},
		change: newIntermediate,
	},
}
