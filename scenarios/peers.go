package scenarios

import "strings"

// confirmation is a verdict that an independent implementation, not written by
// us, was seen to get from a scenario. suites/targets/check holds all of them.
type confirmation struct {
	scenario, status, peer string
}

var confirmations = []confirmation{
	{"cert.outbound.chain-complete", "pass", "Kamailio"},
	{"cert.outbound.name-matches", "pass", "Kamailio"},
	{"cert.outbound.name-matches", "fail", "Kamailio, reached by its address"},
	{"tls.outbound.no-client-certificate-required", "pass", "Kamailio"},
	{"tls.outbound.no-client-certificate-required", "fail", "Kamailio that requires a client certificate"},
	{"tls.outbound.handshake-within-500ms", "pass", "Kamailio"},
	{"media.outbound.call-with-srtp-both-ways", "pass", "Kamailio"},
	{"media.inbound.call-with-srtp-both-ways", "pass", "Kamailio"},
	{"media.inbound.no-plain-rtp-offered", "pass", "Kamailio"},
	{"cert.inbound.untrusted-root-refused", "pass", "Kamailio"},
	{"cert.inbound.untrusted-root-refused", "fail", "Kamailio without verification"},
	{"cert.inbound.san-mismatch-refused", "fail", "Kamailio"},
}

// Confirmed says which independent peers got which verdict from a scenario;
// empty where none was tried.
func Confirmed(id string) string {
	var out []string
	for _, status := range []string{"pass", "warn", "fail"} {
		var peers []string
		for _, c := range confirmations {
			if c.scenario == id && c.status == status {
				peers = append(peers, c.peer)
			}
		}
		if len(peers) > 0 {
			out = append(out, status+": "+strings.Join(peers, ", "))
		}
	}
	return strings.Join(out, "; ")
}
