package certs

import "crypto/x509"

// Profiles whose fault, or peculiarity, is what the proxy's key may be used for.
const (
	NoServerAuth      Profile = "no-server-auth"
	WithClientAuth    Profile = "with-client-auth"
	NoEKU             Profile = "no-eku"
	NoKeyEncipherment Profile = "no-key-encipherment"
)

var usageProfiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  NoServerAuth,
			Sentence: "The extended key usage of the proxy's certificate is for TLS clients only.",
			Citation: "RFC 5280 section 4.2.1.12; byoc-016-client-validates",
			Expect:   Refuse,
		},
		change: extendedUsage(x509.ExtKeyUsageClientAuth),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  WithClientAuth,
			Sentence: "The extended key usage of the proxy's certificate is for TLS servers and clients, as it was until 2026.",
			Citation: "RFC 5280 section 4.2.1.12: the intended purpose must be among those given",
			Expect:   Accept,
		},
		change: extendedUsage(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  NoEKU,
			Sentence: "The proxy's certificate has no extended key usage.",
			Citation: "RFC 5280 section 4.2.1.12",
			Expect:   Either,
			Readings: "accept: RFC 5280 section 4.2.1.12 restricts a key only if the extension is there; " +
				"refuse: the same section lets an application require the extension and its purpose",
		},
		change: extendedUsage(),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  NoKeyEncipherment,
			Sentence: "The key usage of the proxy's certificate is for signatures, not for the encipherment of keys.",
			Citation: "RFC 5246 section 7.4.2; RFC 5280 section 4.2.1.3",
			Expect:   Either,
			Readings: "accept: an ECDHE suite needs the key for signatures only; " +
				"refuse: under a static RSA suite the key enciphers the premaster secret, which RFC 5246 section 7.4.2 lets a key do only with keyEncipherment",
		},
		change: simply(func(r *recipe) { r.leaf.KeyUsage = x509.KeyUsageDigitalSignature }),
	},
}

func extendedUsage(usages ...x509.ExtKeyUsage) alteration {
	return simply(func(r *recipe) { r.leaf.ExtKeyUsage = usages })
}
