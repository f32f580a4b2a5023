package scenarios

import (
	"context"
	"slices"
	"sync"
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
			Play:    playHandshakes(1, true),
			Judge:   judge.NoClientCertificate,
		},
		{
			ID:      "tls.outbound.handshake-within-500ms",
			Title:   "The device's TLS handshake is done within 500 ms",
			Level:   ledger.LevelMust,
			Clauses: []string{"byoc-030-handshake-500ms"},
			Needs:   judge.CallsFromCloud,
			Play:    playHandshakes(10, false),
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

// playHandshakes opens n connections to the device, one after the other, from
// the proxies in turn; with ping, OPTIONS is sent on each. Our own lateness is
// measured all the while.
func playHandshakes(n int, ping bool) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		w := s.Recorder.Open("handshakes")
		w.Under("healthy", s.Cloud.Generation())
		measured := lateness(ctx)
		s.tell("doing %d TLS handshake(s) with the device", n)
		for range n {
			if ctx.Err() != nil {
				break
			}
			l, err := s.Cloud.DialPatiently(ctx, s.Cloud.NextProxy())
			if err != nil {
				continue // recorded; the judge sees it
			}
			if ping {
				bound, cancel := context.WithTimeout(ctx, pinging)
				s.Cloud.Ping(bound, l) // the answer, or its absence, is recorded
				cancel()
			}
			l.Close("the handshake is measured")
			<-l.Flow.Closed()
		}
		c.Jitter = measured()
		c.Attempts = []record.Attempt{w.Close()}
		return nil
	}
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

// lateness measures how much later than asked a timer of ours fires, until the
// returned function is called: what our own process and machine can add to a
// measured time.
func lateness(ctx context.Context) func() judge.Jitter {
	const every, atLeast = 2 * time.Millisecond, 20
	ctx, cancel := context.WithCancel(ctx)
	var late []time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		for len(late) < 100_000 && (ctx.Err() == nil || len(late) < atLeast) {
			begin := time.Now()
			time.Sleep(every)
			late = append(late, time.Since(begin)-every)
		}
	})
	return func() judge.Jitter {
		cancel()
		wg.Wait()
		slices.Sort(late)
		return judge.Jitter{Samples: len(late), P50: late[len(late)/2], Max: late[len(late)-1]}
	}
}
