package scenarios

import (
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

// inboundCalls are the scenarios in which the device calls a healthy cloud.
func inboundCalls() []Scenario {
	return []Scenario{
		{
			ID:      "media.inbound.call-with-srtp-both-ways",
			Usually: 1500 * time.Millisecond,
			Title:   "A call to the cloud is connected with SRTP, and both sides hear each other",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-004-carrier-must-do-tls-srtp", "byoc-001-secure-trunk-both-planes", "rfc4568-6.2.1-aes-cm-128-hmac-sha1-80", "rfc3711-3.3-authentication-failure"},
			Needs:   judge.CallsToCloud,
			Play:    playInboundCall,
			Judge:   judge.InboundCall,
		},
		{
			ID:      "media.inbound.no-plain-rtp-offered",
			Usually: 1500 * time.Millisecond,
			Title:   "The device offers no plain RTP in a call over TLS",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-004-carrier-must-do-tls-srtp", "byoc-001-secure-trunk-both-planes"},
			Needs:   judge.CallsToCloud,
			Play:    playInboundCall,
			Judge:   judge.NoPlainRTP,
		},
	}
}

// inboundCertificates are the scenarios in which the cloud presents a
// certificate that the device must refuse.
func inboundCertificates() []Scenario {
	return []Scenario{
		{
			ID:      "cert.inbound.untrusted-root-refused",
			Usually: 5 * time.Second,
			Title:   "The device refuses a cloud whose certificate comes from a root that it was not told to trust",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-008-client-trusts-server-ca", "byoc-016-client-validates", "rfc5280-6.1-path-validation"},
			Fault:   "The proxies' certificates come from another root than the one the device was told to trust; the subjects are the same, the keys are not.",
			Needs:   judge.CallsToCloud,
			Play:    playRefusal(certs.UntrustedRoot),
			Judge:   judge.Refusal,
		},
		{
			// The specification says of one and the same check that a valid
			// certificate must contain the name (a must), and that the client
			// should refuse otherwise (a should). Without the refusal the must
			// has no effect, so the scenario is a must.
			ID:      "cert.inbound.san-mismatch-refused",
			Usually: 5 * time.Second,
			Title:   "The device refuses a cloud whose certificate does not name the proxy that it dialled",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-031-name-validation", "byoc-035-spoofing-warning", "rfc5922-7.3-client-behaviour"},
			Fault:   "The proxies' certificates come from the trusted root but name other hosts.",
			Needs:   judge.CallsToCloud,
			Play:    playRefusal(certs.SANMismatch),
			Judge:   judge.Refusal,
		},
	}
}
