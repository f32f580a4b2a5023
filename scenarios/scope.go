package scenarios

import "byocheck/scenarios/judge"

// scopes are the scenarios that are about some trunks only, by id. Whatever the
// specification says of BYOC Cloud, where it says it of BYOC Cloud alone, is not
// held against a device at an Edge; what it says of TLS, certificates and SIP as
// such is.
var scopes = map[string]judge.Scope{
	"sip.inbound.next-proxy-after-refused-connection":    onlyCloud("byoc-044-tgrp-recommended", fourProxies),
	"sip.inbound.next-proxy-after-unanswered-connection": onlyCloud("byoc-044-tgrp-recommended", fourProxies),
	"tls.inbound.next-proxy-after-slow-handshake":        onlyCloud("byoc-044-tgrp-recommended", fourProxies),
	"tls.inbound.next-proxy-after-silent-handshake":      onlyCloud("byoc-044-tgrp-recommended", fourProxies),
	"tls.inbound.next-proxy-after-reset-handshake":       onlyCloud("byoc-044-tgrp-recommended", fourProxies),
	"tls.inbound.next-proxy-after-truncated-handshake":   onlyCloud("byoc-044-tgrp-recommended", fourProxies),

	"cert.inbound.root-high-assurance-ev-accepted": onlyCloud("byoc-018-trust-digicert-root", digiCert),
	"cert.inbound.root-global-g2-accepted":         onlyCloud("byoc-018-trust-digicert-root", digiCert),
	"cert.inbound.root-global-g3-accepted":         onlyCloud("byoc-018-trust-digicert-root", digiCert),
	"cert.inbound.ecdsa-leaf":                      onlyCloud("byoc-k12-g3-root-rsa-suites", "the question comes with Global Root G3, under which no Edge has its certificate"),
	"tls.inbound.offers-signatures-for-g3":         onlyCloud("byoc-k12-g3-root-rsa-suites", "the signature algorithms are those of chains under Global Root G3, under which no Edge has its certificate"),
	"cert.inbound.other-region-refused":            onlyCloud("byoc-032-genesys-names", "an Edge belongs to no region, and its name is the customer's"),
	"cert.inbound.srv-name-san-refused":            onlyCloud("byoc-048-srv-available", "SRV records are told of for the proxies of a region, and not for an Edge"),

	"cert.outbound.issuer-trusted":        onlyCloud("byoc-025-genesys-trusted-cas", "the authorities are those that the endpoints of BYOC Cloud trust; which ones an Edge trusts is not published"),
	"tls.outbound.handshake-within-500ms": onlyCloud("byoc-030-handshake-500ms", limit),
	"tls.outbound.handshake-under-load":   onlyCloud("byoc-030-handshake-500ms", limit),
	"tls.inbound.handshake-patience":      onlyCloud("byoc-030-handshake-500ms", limit),

	"cert.inbound.organisation-root-accepted": {System: judge.Edge, Clause: "byoc-052-edge-org-ca",
		Why: "an authority of the customer's organisation issues the certificate of an Edge, and none of a BYOC Cloud proxy"},
	"media.inbound.no-plain-rtp-offered": {MediaSecurity: "required", Clause: "byoc-053-edge-media-settings",
		Why: "the settings of the external trunk decide whether plain RTP may be offered, and here they allow it"},
}

const (
	fourProxies = "a region has four proxies with a URI each, and the trunk to an Edge ends at that one Edge"
	digiCert    = "the DigiCert roots are those of BYOC Cloud; an Edge has its certificate from the organisation's authority"
	limit       = "the limit is stated for BYOC Cloud trunks; none is published for an Edge"
)

func onlyCloud(clause, why string) judge.Scope {
	return judge.Scope{System: judge.Cloud, Clause: clause, Why: why}
}

// scoped gives scenarios their scopes.
func scoped(all []Scenario) []Scenario {
	for i := range all {
		all[i].Scope = scopes[all[i].ID]
	}
	return all
}
