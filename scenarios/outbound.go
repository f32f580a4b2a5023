package scenarios

import (
	"context"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

// outbound are the scenarios in which the device is the TLS server.
func outbound() []Scenario {
	return append(outboundCertificates(), []Scenario{
		{
			ID:      "tls.outbound.surviving-suite-accepted",
			Title:   "The device accepts a cipher suite that stays when the deprecated ones are gone",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-013-cipher-list", "byoc-014-cipher-deprecation", "byoc-015-ecdhe-p384-only"},
			Needs:   judge.CallsFromCloud,
			Play:    playSuites,
			Judge:   judge.SurvivingSuite,
		},
		{
			ID:      "tls.outbound.no-client-certificate-required",
			Title:   "The device takes calls without asking the cloud for a client certificate that it must have",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-009-no-mtls", "rfc5246-7.4.6-client-certificate-empty", "byoc-k13-client-authentication-usage"},
			Needs:   judge.CallsFromCloud,
			Play:    playPing,
			Judge:   judge.NoClientCertificate,
		},
		{
			ID:      "tls.outbound.handshake-within-500ms",
			Title:   "The device's TLS handshake is done within 500 ms",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-030-handshake-500ms"},
			Needs:   judge.CallsFromCloud,
			Play:    playHandshakes,
			Judge:   judge.HandshakeTime,
		},
		{
			ID:      "media.outbound.call-with-srtp-both-ways",
			Usually: 1500 * time.Millisecond,
			Title:   "A call from the cloud is connected with SRTP, and both sides hear each other",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-004-carrier-must-do-tls-srtp", "byoc-001-secure-trunk-both-planes", "rfc4568-5.1.2-answer-crypto", "rfc4568-6.2.1-aes-cm-128-hmac-sha1-80", "rfc3711-3.3-authentication-failure"},
			Needs:   judge.CallsFromCloud,
			Play:    playOutboundCall,
			Judge:   judge.OutboundCall,
		},
	}...)
}

// pinging bounds the wait for the answer to OPTIONS.
const pinging = 5 * time.Second

// playPing opens a connection to the device and sends OPTIONS on it.
func playPing(ctx context.Context, s *Stage, c *judge.Case) error {
	w := s.Recorder.Open("handshake")
	w.Under("healthy", s.Cloud.Generation())
	s.tell("doing a TLS handshake with the device")
	if l, err := s.Cloud.DialPatiently(ctx, s.Cloud.NextProxy()); err == nil { // else it is recorded; the judge sees it
		bound, cancel := context.WithTimeout(ctx, pinging)
		s.Cloud.Ping(bound, l) // the answer, or its absence, is recorded
		cancel()
		l.Close("the device has answered")
		<-l.Flow.Closed()
	}
	c.Attempts = []record.Attempt{w.Close()}
	return nil
}

// playSuites offers the device one of the surviving suites after the other.
func playSuites(ctx context.Context, s *Stage, c *judge.Case) error {
	return s.offerEach(ctx, c, s.lasting())
}

// offerEach offers the device each of the suites alone.
func (s *Stage) offerEach(ctx context.Context, c *judge.Case, suites []uint16) error {
	s.tell("offering the device each of %d cipher suites alone", len(suites))
	for _, suite := range suites {
		if ctx.Err() != nil {
			return nil
		}
		w := s.Recorder.Open(transport.SuiteName(suite))
		w.Under("healthy", s.Cloud.Generation())
		if l, err := s.Cloud.DialPatiently(ctx, s.Cloud.NextProxy(), suite); err == nil {
			l.Close("the suite is tried")
			<-l.Flow.Closed()
		}
		c.Attempts = append(c.Attempts, w.Close())
	}
	return nil
}

// lasting are the suites of the trunk that are not slated for removal; one with a
// list of its own (an Edge) has that.
func (s *Stage) lasting() []uint16 {
	if len(s.Cloud.Suites) > 0 {
		return s.Cloud.Offers()
	}
	return transport.LastingSuites(s.Edition)
}
