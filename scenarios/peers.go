package scenarios

import (
	"slices"
	"strings"

	"byocheck/scenarios/judge"
)

// Confirmation is a verdict that an independent implementation, not written by
// us, was seen to get from a scenario. The check script of each peer, beside its
// configuration, holds it to that.
type Confirmation struct {
	Scenario string
	Status   judge.Status
	// Does is what the peer did where either passes: accepts or refuses. Empty
	// where the status says it.
	Does string
	// Peer is the implementation; Setting says how it was set, empty for rightly.
	Peer, Setting string
}

// Scenarios that peers behave alike in, by what a client needs for that.
var (
	shown = prefixed("cert.outbound.", "chain-complete", "name-matches", "ip-only-target", "dates-valid", "not-expiring-soon",
		"usage-fits", "strong-enough", "same-without-sni")
	handshakes = prefixed("tls.outbound.", "surviving-suite-accepted", "no-client-certificate-required", "handshake-within-500ms")
	tlsServer  = prefixed("tls.outbound.", "tls12-accepted", "old-versions-refused", "weak-suites-refused",
		"compression-refused", "secure-renegotiation")
	tlsClient = prefixed("tls.inbound.", "offers-surviving-suite", "offers-p384-for-ecdhe", "offers-no-weak-suite",
		"offers-signatures-for-g3", "each-offered-suite-works", "weak-suite-refused", "old-version-refused",
		"unoffered-suite-refused", "unoffered-group-refused", "unoffered-version-refused", "export-suite-refused",
		"compression-refused", "unsolicited-extension-refused", "bad-renegotiation-info-refused", "wrong-signature-refused",
		"wrong-finished-refused", "missing-certificate-refused", "malformed-certificate-refused", "reordered-done-refused",
		"reordered-key-exchange-refused", "unexpected-key-exchange-refused", "fragmented-flight-accepted",
		"coalesced-flight-accepted", "one-octet-segments-accepted", "empty-records-accepted")
	nextProxy = prefixed("tls.inbound.next-proxy-after-", "slow-handshake", "silent-handshake", "reset-handshake", "truncated-handshake")
	calls     = []string{"media.outbound.call-with-srtp-both-ways", "sip.outbound.release-by-each-side", "sip.outbound.cancel-while-ringing",
		"media.inbound.call-with-srtp-both-ways", "media.inbound.no-plain-rtp-offered", "sip.inbound.release-by-each-side",
		"cert.inbound.rotated-during-call-accepted"}

	goodChains = prefixed("cert.inbound.", "root-high-assurance-ev-accepted", "root-global-g2-accepted", "root-global-g3-accepted",
		"superfluous-root-accepted", "expires-soon-accepted", "uri-beside-dns-accepted", "upper-case-san-accepted",
		"with-client-auth-accepted", "rsa-3072-accepted", "rsa-4096-accepted", "rotated-leaf-accepted")
	oddChains = prefixed("cert.inbound.", "wrong-order", "cn-only", "no-eku", "no-key-encipherment")
	badChains = prefixed("cert.inbound.", "untrusted-root-refused", "self-signed-refused", "missing-intermediate-refused",
		"intermediate-not-ca-refused", "path-length-exceeded-refused", "expired-refused", "not-yet-valid-refused",
		"no-server-auth-refused", "unknown-signature-refused")
	weakChains = prefixed("cert.inbound.", "sha1-signature-refused", "md5-signature-refused", "rsa-1024-refused")
	// They come through another intermediate, which a client with lists has none of.
	otherIssuer    = prefixed("cert.inbound.", "rotated-intermediate-accepted")
	badOtherIssuer = prefixed("cert.inbound.", "name-constraints-exclude-refused", "expired-intermediate-refused")

	badNames = prefixed("cert.inbound.", "san-mismatch-refused", "other-region-refused", "ip-san-refused", "ip-as-dns-refused",
		"ip-as-cn-refused", "srv-name-san-refused")
	oddNames = prefixed("cert.inbound.", "right-cn-wrong-san", "uri-san", "trailing-dot-san")

	revokedByList   = prefixed("cert.inbound.", "crl-revoked-refused", "intermediate-revoked-refused")
	revokedByOCSP   = []string{"cert.inbound.ocsp-revoked-refused"}
	revokedByStaple = []string{"cert.inbound.staple-revoked-refused"}
	listsNotServed  = prefixed("cert.inbound.crl-", "unreachable", "silent", "slow", "wrong-signature", "not-found", "server-error")
	ocspNotServed   = prefixed("cert.inbound.ocsp-", "stale", "unreachable", "silent", "slow", "wrong-signature", "not-found", "server-error")
)

var confirmations = slices.Concat(
	confirmed("Kamailio", "", judge.Pass, shown, handshakes, tlsServer, tlsClient, nextProxy, calls, goodChains, badChains, weakChains, revokedByList, []string{
		"cert.outbound.survives-wrong-certificates", "sip.outbound.sips-uri", "sip.inbound.connects-by-name",
		"sip.inbound.next-proxy-after-refused-connection", "sip.inbound.next-proxy-after-unanswered-connection", "cert.inbound.ecdsa-leaf",
		"tls.outbound.suites", "tls.outbound.handshake-under-load", "tls.inbound.offers-tls12", "tls.inbound.client-hello",
		"tls.inbound.handshake-patience", "tls.inbound.no-fallback-to-clear"}),
	confirmed("Kamailio", "", judge.Warn, []string{"cert.inbound.wildcard-san-refused"}),
	confirmed("Kamailio", "", judge.Fail, badNames),
	told("Kamailio", "", "accepts", oddChains, oddNames, listsNotServed, []string{"tls.inbound.unknown-extension"}),
	told("Kamailio", "", "refuses", []string{"cert.inbound.crl-stale", "cert.inbound.crl-huge"}),
	confirmed("Kamailio", "without revocation lists", judge.Pass, otherIssuer, badOtherIssuer),
	confirmed("Kamailio", "without revocation lists", judge.NotApplicable, revokedByStaple),
	confirmed("Kamailio", "without revocation lists", judge.Warn, revokedByOCSP),
	confirmed("Kamailio", "without revocation lists", judge.Fail, revokedByList),
	told("Kamailio", "without revocation lists", "accepts", ocspNotServed, []string{"cert.inbound.crl-stale", "cert.inbound.crl-huge"}),
	confirmed("Kamailio", "named by its address", judge.Fail, []string{"cert.outbound.name-matches", "cert.outbound.ip-only-target"}),
	confirmed("Kamailio", "verifying nothing", judge.Fail, []string{"cert.inbound.untrusted-root-refused", "cert.inbound.self-signed-refused",
		"cert.inbound.missing-intermediate-refused", "cert.inbound.expired-refused", "cert.inbound.no-server-auth-refused"}),
	confirmed("Kamailio", "demanding a client certificate", judge.Fail,
		[]string{"tls.outbound.no-client-certificate-required", "media.outbound.call-with-srtp-both-ways"}),
	confirmed("Kamailio", "with deprecated suites alone", judge.Warn, []string{"tls.inbound.offers-surviving-suite"}),
	confirmed("Kamailio", "with deprecated suites alone", judge.Fail, []string{"tls.outbound.surviving-suite-accepted"}),
	confirmed("Kamailio", "with every version and suite", judge.Warn, []string{"tls.outbound.old-versions-refused", "tls.outbound.weak-suites-refused",
		"tls.inbound.offers-tls12", "tls.inbound.offers-no-weak-suite", "tls.inbound.weak-suite-refused", "tls.inbound.old-version-refused"}),
	confirmed("Kamailio", "with TLS 1.1 alone", judge.Fail, []string{"tls.inbound.offers-tls12"}),

	confirmed("baresip", "", judge.Pass, shown, handshakes, tlsServer, tlsClient, calls, goodChains, otherIssuer),
	confirmed("baresip", "", judge.NotApplicable, revokedByStaple),
	confirmed("baresip", "", judge.Warn, weakChains, revokedByOCSP, nextProxy, []string{"tls.inbound.offers-tls12", "cert.inbound.wildcard-san-refused",
		"sip.outbound.sips-uri", "sip.inbound.next-proxy-after-refused-connection"}),
	confirmed("baresip", "", judge.Fail, badChains, badOtherIssuer, badNames, revokedByList, []string{"sip.inbound.connects-by-name"}),
	told("baresip", "", "accepts", oddChains, oddNames, listsNotServed, ocspNotServed,
		[]string{"cert.inbound.ecdsa-leaf", "cert.inbound.crl-stale", "cert.inbound.crl-huge", "tls.inbound.unknown-extension"}),
	confirmed("baresip", "with the leaf alone and RTP", judge.Fail, []string{"cert.outbound.chain-complete",
		"media.outbound.call-with-srtp-both-ways", "media.inbound.call-with-srtp-both-ways", "media.inbound.no-plain-rtp-offered"}),
	confirmed("baresip", "with a bad certificate", judge.Warn, []string{"cert.outbound.not-expiring-soon", "cert.outbound.not-revoked"}),
	confirmed("baresip", "with a bad certificate", judge.Fail, []string{"cert.outbound.chain-complete", "cert.outbound.dates-valid",
		"cert.outbound.usage-fits", "cert.outbound.strong-enough", "cert.outbound.issuer-trusted"}),

	confirmed("stunnel", "", judge.Pass, shown, handshakes, tlsServer, tlsClient, goodChains, badChains, weakChains, badNames,
		[]string{"cert.inbound.crl-revoked-refused", "cert.inbound.ecdsa-leaf", "tls.inbound.offers-tls12", "tls.inbound.no-fallback-to-clear"}),
	confirmed("stunnel", "", judge.Warn, []string{"cert.inbound.wildcard-san-refused"}),
	confirmed("stunnel", "", judge.Fail, []string{"cert.inbound.intermediate-revoked-refused"}),
	told("stunnel", "", "accepts", oddChains, listsNotServed, []string{"cert.inbound.crl-huge", "tls.inbound.unknown-extension"}),
	told("stunnel", "", "refuses", oddNames, []string{"cert.inbound.crl-stale"}),
	confirmed("stunnel", "checking the chain alone", judge.Pass, otherIssuer, badOtherIssuer),
	confirmed("stunnel", "checking the chain alone", judge.NotApplicable, revokedByStaple),
	confirmed("stunnel", "checking the chain alone", judge.Warn, revokedByOCSP),
	confirmed("stunnel", "checking the chain alone", judge.Fail, badNames, revokedByList),
	told("stunnel", "checking the chain alone", "accepts", oddNames, ocspNotServed, []string{"cert.inbound.crl-stale"}),
)

func prefixed(prefix string, slugs ...string) []string {
	out := slices.Clone(slugs)
	for i := range out {
		out[i] = prefix + out[i]
	}
	return out
}

func confirmed(peer, setting string, status judge.Status, ids ...[]string) []Confirmation {
	var out []Confirmation
	for _, id := range slices.Concat(ids...) {
		out = append(out, Confirmation{Scenario: id, Status: status, Peer: peer, Setting: setting})
	}
	return out
}

// told is confirmed, for scenarios that pass whatever the peer does.
func told(peer, setting, does string, ids ...[]string) []Confirmation {
	out := confirmed(peer, setting, judge.Pass, ids...)
	for i := range out {
		out[i].Does = does
	}
	return out
}

// Confirmations lists all of them.
func Confirmations() []Confirmation { return slices.Clone(confirmations) }

// Confirmed says in words which independent peers got which verdict from a
// scenario; empty where none was tried.
func Confirmed(id string) string {
	var out []string
	for _, what := range []string{string(judge.Pass), "accepts", "refuses", string(judge.NotApplicable), string(judge.Warn), string(judge.Fail)} {
		var peers []string
		for _, c := range confirmations {
			if c.Scenario != id || c.outcome() != what {
				continue
			}
			name := c.Peer
			if c.Setting != "" {
				name += " (" + c.Setting + ")"
			}
			peers = append(peers, name)
		}
		if len(peers) > 0 {
			out = append(out, what+": "+strings.Join(peers, ", "))
		}
	}
	return strings.Join(out, "; ")
}

// outcome is what the peer did where that is not judged, else its verdict.
func (c Confirmation) outcome() string {
	if c.Does != "" {
		return c.Does
	}
	return string(c.Status)
}
