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
	// Peer is the implementation; Setting says how it was set, empty for rightly.
	Peer, Setting string
}

var confirmations = slices.Concat(
	confirmed("Kamailio", "", judge.Pass,
		"cert.outbound.chain-complete", "cert.outbound.name-matches", "cert.outbound.ip-only-target",
		"tls.outbound.surviving-suite-accepted", "tls.outbound.no-client-certificate-required", "tls.outbound.handshake-within-500ms",
		"media.outbound.call-with-srtp-both-ways", "sip.outbound.release-by-each-side", "sip.outbound.cancel-while-ringing", "sip.outbound.sips-uri",
		"media.inbound.call-with-srtp-both-ways", "media.inbound.no-plain-rtp-offered", "sip.inbound.release-by-each-side",
		"sip.inbound.connects-by-name", "sip.inbound.next-proxy-after-refused-connection", "cert.inbound.untrusted-root-refused"),
	confirmed("Kamailio", "", judge.Fail, "cert.inbound.san-mismatch-refused"),
	confirmed("Kamailio", "named by its address", judge.Fail, "cert.outbound.name-matches", "cert.outbound.ip-only-target"),
	confirmed("Kamailio", "verifying nothing", judge.Fail, "cert.inbound.untrusted-root-refused"),
	confirmed("Kamailio", "demanding a client certificate", judge.Fail,
		"tls.outbound.no-client-certificate-required", "media.outbound.call-with-srtp-both-ways"),
	confirmed("baresip", "", judge.Pass,
		"cert.outbound.chain-complete", "cert.outbound.name-matches", "tls.outbound.no-client-certificate-required", "tls.outbound.handshake-within-500ms",
		"media.outbound.call-with-srtp-both-ways", "media.inbound.call-with-srtp-both-ways", "media.inbound.no-plain-rtp-offered"),
	confirmed("baresip", "", judge.Fail, "cert.inbound.untrusted-root-refused", "cert.inbound.san-mismatch-refused"),
	confirmed("baresip", "with the leaf alone and RTP", judge.Fail,
		"cert.outbound.chain-complete", "media.outbound.call-with-srtp-both-ways", "media.inbound.call-with-srtp-both-ways", "media.inbound.no-plain-rtp-offered"),
	confirmed("stunnel", "checking the chain", judge.Pass,
		"cert.outbound.chain-complete", "cert.outbound.name-matches", "tls.outbound.no-client-certificate-required", "tls.outbound.handshake-within-500ms",
		"cert.inbound.untrusted-root-refused"),
	confirmed("stunnel", "checking the chain", judge.Fail, "cert.inbound.san-mismatch-refused"),
	confirmed("stunnel", "checking chain and host", judge.Pass, "cert.inbound.san-mismatch-refused"),
)

func confirmed(peer, setting string, status judge.Status, ids ...string) []Confirmation {
	var out []Confirmation
	for _, id := range ids {
		out = append(out, Confirmation{id, status, peer, setting})
	}
	return out
}

// Confirmations lists all of them.
func Confirmations() []Confirmation { return slices.Clone(confirmations) }

// Confirmed says in words which independent peers got which verdict from a
// scenario; empty where none was tried.
func Confirmed(id string) string {
	var out []string
	for _, status := range []judge.Status{judge.Pass, judge.Warn, judge.Fail} {
		var peers []string
		for _, c := range confirmations {
			if c.Scenario != id || c.Status != status {
				continue
			}
			name := c.Peer
			if c.Setting != "" {
				name += " (" + c.Setting + ")"
			}
			peers = append(peers, name)
		}
		if len(peers) > 0 {
			out = append(out, string(status)+": "+strings.Join(peers, ", "))
		}
	}
	return strings.Join(out, "; ")
}
