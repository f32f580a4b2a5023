package certs

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// Profiles whose fault, or peculiarity, is an algorithm or the size of a key.
// Everywhere else a leaf has an RSA key of 2048 bits.
const (
	SHA1Signature    Profile = "sha1-signature"
	MD5Signature     Profile = "md5-signature"
	UnknownSignature Profile = "unknown-signature"
	RSA1024          Profile = "rsa-1024"
	RSA3072          Profile = "rsa-3072"
	RSA4096          Profile = "rsa-4096"
	ECDSALeaf        Profile = "ecdsa-leaf"
)

var algorithmProfiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  SHA1Signature,
			Sentence: "The proxy's certificate is signed with SHA-1.",
			Citation: "RFC 9325 section 4.5; RFC 9155",
			Expect:   Refuse,
		},
		change: simply(func(r *recipe) {
			r.leaf.SignatureAlgorithm = x509.ECDSAWithSHA1
			if _, is := r.issuer.key.(*rsa.PrivateKey); is {
				r.leaf.SignatureAlgorithm = x509.SHA1WithRSA
			}
		}),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  MD5Signature,
			Sentence: "The proxy's certificate is signed with MD5.",
			Citation: "RFC 6151 section 2; RFC 9325 section 4.5",
			Expect:   Refuse,
		},
		base:   rsaIssuer,
		change: simply(func(r *recipe) { r.resign = md5WithRSA }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  UnknownSignature,
			Sentence: "The proxy's certificate is signed with an algorithm that nobody has defined.",
			Citation: "RFC 5280 section 6.1.3 (a)(1): the signature must be verified",
			Expect:   Refuse,
		},
		change: simply(func(r *recipe) { r.resign = undefinedAlgorithm }),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  RSA1024,
			Sentence: "The proxy's key is RSA of 1024 bits.",
			Citation: "RFC 9325 section 4.5",
			Expect:   Refuse,
		},
		change: leafKind(rsa1024),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  RSA3072,
			Sentence: "The proxy's key is RSA of 3072 bits.",
			Citation: "RFC 9325 section 4.5: 2048 bits are the least; byoc-022-no-leaf-pinning: keys are replaced without notice",
			Expect:   Accept,
		},
		change: leafKind(rsa3072),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  RSA4096,
			Sentence: "The proxy's key is RSA of 4096 bits.",
			Citation: "RFC 9325 section 4.5: 2048 bits are the least; byoc-022-no-leaf-pinning: keys are replaced without notice",
			Expect:   Accept,
		},
		change: leafKind(rsa4096),
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  ECDSALeaf,
			Sentence: "The proxy's key is ECDSA on P-384.",
			Citation: "byoc-013-cipher-list; byoc-021-g2g3-regions; RFC 8422 section 5.3",
			Expect:   Either,
			Readings: "accept: a device that offers ECDHE_ECDSA suites is ready for a cloud that comes to use them; " +
				"refuse: every suite of the specification is authenticated by RSA, so a device that offers no others has none in common with the proxy",
		},
		change: func(a *Authority, r *recipe) error {
			// An ECDSA key enciphers nothing (RFC 8422 section 5.3).
			r.leaf.KeyUsage = x509.KeyUsageDigitalSignature
			return leafKind(p384)(a, r)
		},
	},
}

// leafKind gives the leaf a key of another kind, which is kept for all
// hierarchies.
func leafKind(kind keyKind) alteration {
	return func(a *Authority, r *recipe) error {
		keys, err := a.lab.keptKeys(leafKeys, nil, wanted{fmt.Sprint(kind), kind})
		if err == nil {
			r.key = keys[0]
		}
		return err
	}
}

// rsaIssuer puts the leaf below an RSA intermediate where the hierarchy has
// another one: MD5 goes with no other kind of key.
func rsaIssuer(a *Authority, r *recipe) error {
	if a.shape.intermediate.key != p384 {
		return nil
	}
	key, err := a.keptKey("profile-"+r.role, rsa2048)
	if err != nil {
		return err
	}
	r.leaf.SignatureAlgorithm = 0 // the one that goes with the issuer's key
	return a.below(r, r.role, a.shape.intermediate, key)
}
