package referencesbc

import "slices"

// Mutant names the one defect that an SBC has on purpose.
type Mutant string

// The mutants. Each breaks one thing and leaves all else as it is.
const (
	// Control breaks nothing. It shows that a mutant differs from the correct
	// device by its defect and by nothing else.
	Control Mutant = "control"
	// SkipsHostNameCheck verifies chain and dates of a proxy's certificate, but
	// not that it names the proxy: any customer of the same CA could pose as one.
	SkipsHostNameCheck Mutant = "skips-host-name-check"
	// TrustsAnything accepts a proxy's certificate from any issuer: where there is
	// no path to a root it takes what was sent for one, whoever signed what, with
	// what and for what use. Dates, name and revocation are still checked.
	TrustsAnything Mutant = "trusts-anything"
	// RequiresClientCertificate ends a handshake with a caller that has no
	// certificate of its own: mutual TLS, which the cloud does not do.
	RequiresClientCertificate Mutant = "requires-client-certificate"
	// SendsPlainRTP knows only RTP/AVP on the cloud's side too: it offers it,
	// answers an offer of RTP/SAVP with it, and sends audio in the clear.
	SendsPlainRTP Mutant = "sends-plain-rtp"
	// NoFailover knows lb01 alone: a call fails where that proxy does.
	NoFailover Mutant = "no-failover"
	// SlowHandshake waits, as TLS server, before it answers a ClientHello.
	SlowHandshake Mutant = "slow-handshake"
	// DialsIP puts a proxy's address where its name belongs: into the
	// Request-URI, and so no SNI either, since that holds no addresses (RFC 6066
	// 3). It checks the certificate against the name that it was configured
	// with, as devices do that have a setting for the TLS peer's subject name:
	// compared with the address nothing would match and no call would pass, and
	// without a check it would have two defects.
	DialsIP Mutant = "dials-ip"
	// NoP384 takes calls with ECDHE on P-256 only, and nothing without ECDHE: a
	// list that is good for the web and common with none of these trunks.
	NoP384 Mutant = "no-p384"
	// SendsNoIntermediate presents its own certificate alone: nobody who trusts
	// only roots can verify it.
	SendsNoIntermediate Mutant = "sends-no-intermediate"
	// WrongName presents a certificate for another host. Whoever starts the SBC
	// gives it that one.
	WrongName Mutant = "wrong-name"
	// SwallowsBYE answers BYE and does not release the other side.
	SwallowsBYE Mutant = "swallows-bye"
	// IgnoresCancel answers CANCEL and lets the other side ring on.
	IgnoresCancel Mutant = "ignores-cancel"
	// RefusesSIPS answers calls to sips: URIs with 416.
	RefusesSIPS Mutant = "refuses-sips"
	// AcceptsExpired does not look at the end of a certificate's validity, of the
	// leaf or of one above it.
	AcceptsExpired Mutant = "accepts-expired"
	// AcceptsNotYetValid does not look at its beginning.
	AcceptsNotYetValid Mutant = "accepts-not-yet-valid"
	// AcceptsIPSAN takes an iPAddress entry that equals the address that was
	// dialled for the proxy's name.
	AcceptsIPSAN Mutant = "accepts-ip-san"
	// CNOnly compares common names alone, as devices did before RFC 2818. The
	// common name of a healthy certificate is the SRV domain, and the proxies
	// stand in the alternative names: it refuses every proxy.
	CNOnly Mutant = "cn-only"
	// IgnoresCRL asks OCSP responders only.
	IgnoresCRL Mutant = "ignores-crl"
	// IgnoresOCSP fetches lists only, and does not look at a stapled response.
	IgnoresOCSP Mutant = "ignores-ocsp"
	// AcceptsRevokedIntermediate asks whether the leaf is revoked, and no more.
	AcceptsRevokedIntermediate Mutant = "accepts-revoked-intermediate"
	// PinsLeaf remembers the key of the first good certificate that a proxy shows
	// it, for as long as it runs, and refuses every other, whichever proxy shows it.
	PinsLeaf Mutant = "pins-leaf"
	// PinsIntermediate does the same with the key of the certificate's issuer.
	PinsIntermediate Mutant = "pins-intermediate"
	// EVRootOnly was given but the EV root of the three that the cloud may use.
	// Whoever starts the SBC gives it that one alone.
	EVRootOnly Mutant = "ev-root-only"
	// TrustsCloudRootsOnly was given the cloud's roots and not the one of the
	// organisation, from which an Edge has its certificate (BYOC Premises).
	// Whoever starts the SBC gives it those alone.
	TrustsCloudRootsOnly Mutant = "trusts-cloud-roots-only"
	// SelfSigned presents a certificate that differs from the one that it was
	// given in that it signed it itself.
	SelfSigned Mutant = "self-signed"
	// ExpiresSoon presents a certificate that ends in 10 days. Whoever starts the
	// SBC gives it that one.
	ExpiresSoon Mutant = "expires-soon"
	// PresentsExpired presents a certificate that has ended. Whoever starts the
	// SBC gives it that one, as with the next three.
	PresentsExpired Mutant = "presents-expired"
	// PresentsRevoked presents a certificate that is on its issuer's list.
	PresentsRevoked Mutant = "presents-revoked"
	// PresentsClientEKU presents a certificate that is for TLS clients only.
	PresentsClientEKU Mutant = "presents-client-eku"
	// PresentsSHA1 presents a certificate that is signed with SHA-1.
	PresentsSHA1 Mutant = "presents-sha1"
)

// MutantInfo tells about a mutant.
type MutantInfo struct {
	Mutant Mutant
	// Sentence says for a person what it does wrong.
	Sentence string
	// Kills are the ids of the scenarios that must fail (or warn) with it; where
	// there are several, the list of the mutants says why.
	Kills []string
	// Hinders are those that come to nothing, since what they are about cannot
	// be reached with it: inconclusive, never pass. All others must pass.
	Hinders []string
}

var mutants = slices.Concat([]MutantInfo{
	{Control, "Nothing is wrong with it.", nil, nil},
	{SkipsHostNameCheck, "It does not check that a proxy's certificate names the proxy that it dialled.",
		// All that is wrong with these is the name.
		[]string{"cert.inbound.san-mismatch-refused", "cert.inbound.other-region-refused", "cert.inbound.ip-san-refused", "cert.inbound.ip-as-dns-refused",
			"cert.inbound.ip-as-cn-refused", "cert.inbound.srv-name-san-refused", "cert.inbound.wildcard-san-refused"}, nil},
	{TrustsAnything, "It accepts certificates from any issuer.",
		// All of these break the path to a trusted root (RFC 5280 6.1), which it does not look for.
		[]string{"cert.inbound.untrusted-root-refused", "cert.inbound.self-signed-refused", "cert.inbound.missing-intermediate-refused",
			"cert.inbound.intermediate-not-ca-refused", "cert.inbound.path-length-exceeded-refused", "cert.inbound.name-constraints-exclude-refused",
			"cert.inbound.no-server-auth-refused", "cert.inbound.sha1-signature-refused", "cert.inbound.md5-signature-refused",
			"cert.inbound.unknown-signature-refused", "cert.inbound.rsa-1024-refused"},
		// It is an untrusted root that is to make TLS fail there.
		[]string{"tls.inbound.no-fallback-to-clear"}},
	{RequiresClientCertificate, "It demands a client certificate from the cloud, which has none.",
		// No connection can be made then, and no call.
		[]string{"tls.outbound.no-client-certificate-required", "media.outbound.call-with-srtp-both-ways"},
		append([]string{"tls.outbound.handshake-within-500ms", "tls.outbound.handshake-under-load", "tls.outbound.surviving-suite-accepted", "tls.outbound.tls12-accepted",
			"cert.outbound.survives-wrong-certificates"}, outboundCalls...)},
	{SendsPlainRTP, "It offers, answers with and sends plain RTP on the cloud's side.",
		// The cloud refuses that in either direction, so no call is connected.
		[]string{"media.inbound.no-plain-rtp-offered", "media.inbound.call-with-srtp-both-ways", "media.outbound.call-with-srtp-both-ways"},
		slices.Concat([]string{"sip.inbound.next-proxy-after-refused-connection", "sip.inbound.next-proxy-after-unanswered-connection",
			"sip.outbound.release-by-each-side", "sip.inbound.release-by-each-side", "cert.inbound.rotated-during-call-accepted"}, stalls)},
	{NoFailover, "It tries lb01 only.",
		// Whatever keeps it from lb01.
		slices.Concat([]string{"sip.inbound.next-proxy-after-refused-connection", "sip.inbound.next-proxy-after-unanswered-connection"}, stalls), nil},
	{SlowHandshake, "It takes more than the 500 ms for a TLS handshake that the cloud allows.",
		// The cloud gives up at its deadline, so the call cannot come about.
		[]string{"tls.outbound.handshake-within-500ms", "media.outbound.call-with-srtp-both-ways"}, append([]string{"tls.outbound.handshake-under-load"}, outboundCalls...)},
	{DialsIP, "It names the proxies by address: no SNI, and an address in the Request-URI.",
		[]string{"sip.inbound.connects-by-name"}, nil},
	{NoP384, "As TLS server it knows P-256 only, and no suite without ECDHE.",
		// Nothing can be negotiated with it, so nothing else can be seen of it.
		[]string{"tls.outbound.surviving-suite-accepted", "media.outbound.call-with-srtp-both-ways"},
		slices.Concat(certificateShown, []string{"cert.outbound.survives-wrong-certificates", "tls.outbound.tls12-accepted",
			"tls.outbound.no-client-certificate-required", "tls.outbound.handshake-within-500ms", "tls.outbound.handshake-under-load"}, probes, outboundCalls)},
	{SendsNoIntermediate, "It presents its certificate without the intermediate.",
		// Nor can it be told then whose it is, and whether it is revoked; and no
		// certificate that it is given comes out whole.
		[]string{"cert.outbound.chain-complete"},
		[]string{"cert.outbound.issuer-trusted", "cert.outbound.not-revoked", "cert.outbound.survives-wrong-certificates"}},
	{WrongName, "Its certificate names another host.",
		[]string{"cert.outbound.name-matches"}, nil},
	{SwallowsBYE, "It answers BYE, but does not release the other side.",
		[]string{"sip.outbound.release-by-each-side", "sip.inbound.release-by-each-side"}, nil},
	{IgnoresCancel, "It answers CANCEL, but lets the other side ring on.",
		[]string{"sip.outbound.cancel-while-ringing"}, nil},
	{RefusesSIPS, "It refuses calls to sips: URIs.",
		[]string{"sip.outbound.sips-uri"}, nil},
	{AcceptsExpired, "It does not look at the end of a certificate's validity.",
		[]string{"cert.inbound.expired-refused", "cert.inbound.expired-intermediate-refused"}, nil},
	{AcceptsNotYetValid, "It does not look at the beginning of a certificate's validity.",
		[]string{"cert.inbound.not-yet-valid-refused"}, nil},
	{AcceptsIPSAN, "It takes the address that it dialled for the proxy's name, where a certificate has it.",
		[]string{"cert.inbound.ip-san-refused"}, nil},
	{CNOnly, "It compares the common name alone, which is never a proxy's.",
		// No proxy is good enough for it, so no call comes through.
		[]string{"media.inbound.call-with-srtp-both-ways"}, inboundCalls},
	{IgnoresCRL, "It fetches no revocation list.",
		[]string{"cert.inbound.crl-revoked-refused"}, nil},
	{IgnoresOCSP, "It asks no OCSP responder and does not look at a stapled response.",
		[]string{"cert.inbound.ocsp-revoked-refused", "cert.inbound.staple-revoked-refused"}, nil},
	{AcceptsRevokedIntermediate, "It does not ask whether an intermediate is revoked.",
		[]string{"cert.inbound.intermediate-revoked-refused"}, nil},
	{PinsLeaf, "It remembers the first key that a proxy shows it and refuses another.",
		// A key of another size is another key, and each hierarchy has its own.
		[]string{"cert.inbound.rotated-leaf-accepted", "cert.inbound.rotated-during-call-accepted", "cert.inbound.rsa-3072-accepted",
			"cert.inbound.rsa-4096-accepted", "cert.inbound.root-global-g2-accepted", "cert.inbound.root-global-g3-accepted"}, nil},
	{PinsIntermediate, "It remembers the first intermediate that a proxy shows it and refuses another.",
		// Each hierarchy has its own, and each condition of revocation, for the control too.
		[]string{"cert.inbound.rotated-intermediate-accepted", "cert.inbound.root-global-g2-accepted", "cert.inbound.root-global-g3-accepted"}, revocation},
	{EVRootOnly, "It trusts the EV root, but not Global Root G2 and G3.",
		[]string{"cert.inbound.root-global-g2-accepted", "cert.inbound.root-global-g3-accepted"}, nil},
	{TrustsCloudRootsOnly, "It trusts the roots of the cloud, but not the organisation's.",
		[]string{"cert.inbound.organisation-root-accepted"}, nil},
	{SelfSigned, "It presents a certificate that it signed itself.",
		// Nobody is behind it: no authority, and no revocation list.
		[]string{"cert.outbound.chain-complete", "cert.outbound.issuer-trusted", "cert.outbound.not-revoked"},
		[]string{"cert.outbound.survives-wrong-certificates"}},
	{ExpiresSoon, "Its certificate ends in 10 days.",
		[]string{"cert.outbound.not-expiring-soon"}, nil},
	{PresentsExpired, "Its certificate has ended.",
		[]string{"cert.outbound.dates-valid", "cert.outbound.not-expiring-soon"}, nil},
	{PresentsRevoked, "Its certificate is revoked.",
		[]string{"cert.outbound.not-revoked"}, nil},
	{PresentsClientEKU, "Its certificate is for TLS clients only.",
		[]string{"cert.outbound.usage-fits"}, nil},
	{PresentsSHA1, "Its certificate is signed with SHA-1.",
		[]string{"cert.outbound.strong-enough"}, nil},
}, certificateMutants, tlsMutants)

// Mutants lists all mutants, Control first.
func Mutants() []MutantInfo {
	out := slices.Clone(mutants)
	for i := range out {
		out[i].Kills, out[i].Hinders = slices.Clone(out[i].Kills), slices.Clone(out[i].Hinders)
	}
	return out
}

func (m Mutant) known() bool {
	return m == "" || slices.ContainsFunc(mutants, func(i MutantInfo) bool { return i.Mutant == m })
}
