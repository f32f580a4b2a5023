package scenarios

import (
	"context"
	"fmt"
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// inboundStalls are the scenarios in which the proxy that the device prefers
// accepts connections but does not go on. No clause obliges the device to try
// another one, but without that every call is lost.
func inboundStalls() []Scenario {
	return append(nextProxies(), Scenario{
		ID: "tls.inbound.handshake-patience", Usually: 6 * time.Second,
		Title:   "How long the device waits for a proxy that stops in the handshake",
		Level:   ledger.LevelInfo,
		Clauses: []string{"byoc-030-handshake-500ms"},
		Fault:   "The proxy that the device used in the control stops in the handshake and leaves the connection open.",
		Needs:   judge.CallsToCloud, Play: playPatience, Judge: judge.Patience,
	}, Scenario{
		ID: "tls.inbound.no-fallback-to-clear", Usually: time.Second,
		Title:   "When TLS fails, the device does not call without it",
		Level:   ledger.LevelMust,
		Clauses: []string{"byoc-001-secure-trunk-both-planes", "byoc-003-same-protocol-both-ends", "byoc-012-port-5061-tls-only"},
		Fault:   "The proxies' certificates come from a root that the device was not told to trust, so that TLS with all of them fails.",
		Needs:   judge.CallsToCloud, Play: playCleartext, Judge: judge.NoCleartext,
	})
}

// waiting bounds how long a device is watched that waits for a proxy.
const waiting = 10 * time.Second

// shares of the time after which a device gave up a proxy that stalled, after
// which one goes on: less than that it should bear, and more not.
var shares = []float64{0.75, 1.25}

// playPatience lets the preferred proxy stop at two points of the handshake. Where
// the device gave it up, it is shown a proxy that goes on a little earlier than
// that, and one that does so later.
func playPatience(ctx context.Context, s *Stage, c *judge.Case) error {
	if c.Missing = s.missingFace(simulator.Face{}); len(c.Missing) > 0 {
		return nil
	}
	defer s.restore()
	show := func(name string, face simulator.Face) (record.Attempt, error) {
		control, err := s.control(ctx, "control", simulator.Face{})
		c.Control = []record.Attempt{control}
		if err != nil || ctx.Err() != nil {
			return record.Attempt{}, err
		}
		bound := s.Attempt
		s.Attempt = min(bound, waiting)
		face.Odd = simulator.Only(usedProxy(control))
		a, err := s.attempt(ctx, name, face)
		s.Attempt = bound
		c.Attempts = append(c.Attempts, a)
		s.shaken = true
		return a, err
	}
	for _, stop := range []struct {
		script     scripted.Script
		name, late string
		delayed    func(time.Duration) simulator.Face
	}{
		{"stall-before-server-hello", "without a ServerHello", "with the ServerHello", func(d time.Duration) simulator.Face {
			return simulator.Face{Script: scripted.Honest, DelayHello: d}
		}},
		{"stall-after-client-finished", "without the server's Finished", "with the server's Finished", func(d time.Duration) simulator.Face {
			return simulator.Face{Script: scripted.Honest, DelayFinished: d}
		}},
	} {
		a, err := show(stop.name, simulator.Face{Script: stop.script})
		if err != nil || ctx.Err() != nil {
			return err
		}
		for _, share := range shares {
			d := time.Duration(share * float64(judge.GaveUp(a))).Round(time.Millisecond)
			if d == 0 {
				break
			}
			if _, err := show(fmt.Sprintf("%s %d ms late", stop.late, d.Milliseconds()), stop.delayed(d)); err != nil || ctx.Err() != nil {
				return err
			}
		}
	}
	return nil
}

// playCleartext makes TLS fail with every proxy.
func playCleartext(ctx context.Context, s *Stage, c *judge.Case) error {
	if !s.Cloud.SeesCleartext() {
		c.Missing = []string{"listen: <addresses of this machine whose port 5060 is free>  # to notice SIP without TLS"}
		return nil
	}
	return playFace(simulator.Face{}, simulator.Face{Certificate: certs.UntrustedRoot})(ctx, s, c)
}

// nextProxies are those in which another proxy is the way out.
func nextProxies() []Scenario {
	stall := func(id, title, fault string, face func(simulator.Proxies) simulator.Face) Scenario {
		return Scenario{
			ID: "tls.inbound." + id, Usually: 2 * time.Second, Title: title, Level: ledger.LevelShould,
			Clauses: []string{"byoc-030-handshake-500ms", "byoc-044-tgrp-recommended", "byoc-049-all-proxies-listed"},
			Fault:   fault, Needs: judge.CallsToCloud, Play: playNextProxy(face), Judge: judge.NextProxy,
		}
	}
	return []Scenario{
		{
			ID: "sip.inbound.next-proxy-after-unanswered-connection", Usually: 6 * time.Second,
			Title: "When a proxy does not answer at all, the call goes through another one", Level: ledger.LevelShould,
			Clauses: []string{"byoc-044-tgrp-recommended", "byoc-049-all-proxies-listed"},
			Fault:   "The proxy that the device used in the control answers no TCP connection, not even with a reset, as if it were switched off.",
			Needs:   judge.CallsToCloud, Judge: judge.NextProxy,
			Play: playNextProxy(func(used simulator.Proxies) simulator.Face { return simulator.Face{Dropping: used} }),
		},
		stall("next-proxy-after-slow-handshake", "When a proxy takes too long for the handshake, the call goes through another one",
			"The proxy that the device used in the control does not answer the ClientHello, and ends the connection after the handshake deadline, as Genesys does.",
			func(used simulator.Proxies) simulator.Face {
				return simulator.Face{Script: "stall-before-server-hello", Odd: used, Cut: true}
			}),
		stall("next-proxy-after-silent-handshake", "When a proxy never answers a ClientHello, the call goes through another one",
			"The proxy that the device used in the control does not answer the ClientHello, and leaves the connection open.",
			func(used simulator.Proxies) simulator.Face {
				return simulator.Face{Script: "stall-before-server-hello", Odd: used}
			}),
		stall("next-proxy-after-reset-handshake", "When a proxy resets the connection in the handshake, the call goes through another one",
			"The proxy that the device used in the control answers the ClientHello with a TCP reset.",
			func(used simulator.Proxies) simulator.Face {
				return simulator.Face{Script: "reset-after-hello", Odd: used}
			}),
		stall("next-proxy-after-truncated-handshake", "When a proxy ends the connection in its Certificate, the call goes through another one",
			"The proxy that the device used in the control ends the connection in the middle of its Certificate message.",
			func(used simulator.Proxies) simulator.Face {
				return simulator.Face{Script: "truncated-certificate", Odd: used}
			}),
	}
}
