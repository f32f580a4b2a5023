package referencesbc

import "slices"

// What comes to nothing with some mutants, and says nothing of them.
var (
	// outboundCalls need a call of the cloud that is connected.
	outboundCalls = []string{"sip.outbound.release-by-each-side", "sip.outbound.cancel-while-ringing", "sip.outbound.sips-uri"}

	// probes need an answer to an ordinary ClientHello.
	probes = []string{"tls.outbound.old-versions-refused", "tls.outbound.weak-suites-refused", "tls.outbound.compression-refused", "tls.outbound.secure-renegotiation"}

	// certificateShown need a certificate of the device.
	certificateShown = []string{"cert.outbound.chain-complete", "cert.outbound.name-matches", "cert.outbound.ip-only-target", "cert.outbound.dates-valid",
		"cert.outbound.not-expiring-soon", "cert.outbound.not-revoked", "cert.outbound.usage-fits", "cert.outbound.strong-enough",
		"cert.outbound.issuer-trusted", "cert.outbound.same-without-sni"}

	// inboundCalls need a call to the cloud that comes through, be it as a control.
	inboundCalls = slices.Concat([]string{"media.inbound.no-plain-rtp-offered", "sip.inbound.release-by-each-side", "sip.inbound.connects-by-name",
		"sip.inbound.next-proxy-after-refused-connection", "sip.inbound.next-proxy-after-unanswered-connection"}, stalls, inboundHandshakes, profiles, revocation)

	// inboundHandshakes play with the handshake, after one as it should be.
	inboundHandshakes = inbound("tls", "each-offered-suite-works", "weak-suite-refused", "old-version-refused",
		"handshake-patience", "no-fallback-to-clear",
		"unoffered-suite-refused", "unoffered-group-refused", "unoffered-version-refused", "export-suite-refused", "compression-refused",
		"unsolicited-extension-refused", "unknown-extension", "bad-renegotiation-info-refused", "wrong-signature-refused", "wrong-finished-refused",
		"missing-certificate-refused", "malformed-certificate-refused", "reordered-done-refused", "reordered-key-exchange-refused",
		"unexpected-key-exchange-refused", "fragmented-flight-accepted", "coalesced-flight-accepted", "one-octet-segments-accepted", "empty-records-accepted")

	// stalls are those in which a proxy does not go on with the handshake.
	stalls = inbound("tls", "next-proxy-after-slow-handshake", "next-proxy-after-silent-handshake", "next-proxy-after-reset-handshake",
		"next-proxy-after-truncated-handshake")

	// profiles present a certificate, after one without a fault.
	profiles = inbound("cert", "untrusted-root-refused", "self-signed-refused", "missing-intermediate-refused", "wrong-order",
		"superfluous-root-accepted", "intermediate-not-ca-refused", "path-length-exceeded-refused", "name-constraints-exclude-refused",
		"expired-refused", "not-yet-valid-refused", "expired-intermediate-refused", "expires-soon-accepted",
		"san-mismatch-refused", "other-region-refused", "ip-san-refused", "ip-as-dns-refused", "ip-as-cn-refused", "srv-name-san-refused",
		"wildcard-san-refused", "right-cn-wrong-san", "cn-only", "uri-san", "uri-beside-dns-accepted", "upper-case-san-accepted", "trailing-dot-san",
		"no-server-auth-refused", "with-client-auth-accepted", "no-eku", "no-key-encipherment",
		"sha1-signature-refused", "md5-signature-refused", "unknown-signature-refused", "rsa-1024-refused", "rsa-3072-accepted", "rsa-4096-accepted",
		"ecdsa-leaf", "rotated-leaf-accepted", "rotated-intermediate-accepted", "rotated-during-call-accepted",
		"root-high-assurance-ev-accepted", "root-global-g2-accepted", "root-global-g3-accepted")

	// revocation presents a certificate with an intermediate of its own, after
	// another one with one of its own.
	revocation = inbound("cert", "crl-revoked-refused", "ocsp-revoked-refused", "staple-revoked-refused", "intermediate-revoked-refused",
		"crl-stale", "crl-unreachable", "crl-silent", "crl-slow", "crl-wrong-signature", "crl-not-found", "crl-server-error", "crl-huge",
		"ocsp-stale", "ocsp-unreachable", "ocsp-silent", "ocsp-slow", "ocsp-wrong-signature", "ocsp-not-found", "ocsp-server-error")
)

// inbound returns the ids of scenarios of an area in which the device calls.
func inbound(area string, slugs ...string) []string {
	var out []string
	for _, s := range slugs {
		out = append(out, area+".inbound."+s)
	}
	return out
}
