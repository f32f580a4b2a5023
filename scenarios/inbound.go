package scenarios

import (
	"time"

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
