package scenarios

import (
	"context"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
	"byocheck/simulator/transport/scripted"
)

// outboundProbes are the scenarios about what the device, as TLS server, takes
// that it should not, and about each suite of the specification.
func outboundProbes() []Scenario {
	var out []Scenario
	for _, x := range []struct {
		id      string
		level   ledger.Level
		title   string
		clauses []string
		play    func(context.Context, *Stage, *judge.Case) error
		judge   func(judge.Case) judge.Verdict
	}{
		{"tls12-accepted", ledger.LevelMust, "The device takes TLS 1.2",
			[]string{"byoc-011-tls12-only"}, playShown, judge.TLS12Accepted},
		{"suites", ledger.LevelInfo, "Which of the specification's cipher suites the device takes",
			[]string{"byoc-013-cipher-list", "byoc-014-cipher-deprecation", "byoc-015-ecdhe-p384-only"}, playEverySuite, judge.SuiteTable},
		{"old-versions-refused", ledger.LevelShould, "The device refuses TLS 1.1 and older",
			[]string{"byoc-011-tls12-only"}, playProbes(oldVersions), judge.OldVersionsRefused},
		{"weak-suites-refused", ledger.LevelShould, "The device refuses weak cipher suites",
			[]string{"byoc-013-cipher-list", "byoc-001-secure-trunk-both-planes"}, playProbes(weakSuites), judge.WeakSuitesRefused},
		{"compression-refused", ledger.LevelShould, "The device does not compress",
			[]string{"rfc5246-7.4.1.3-server-hello"}, playProbes(compressing), judge.CompressionRefused},
		{"secure-renegotiation", ledger.LevelShould, "The device knows secure renegotiation",
			[]string{"rfc5746-3.4-client-initial-handshake"}, playProbes(renegotiating), judge.SecureRenegotiation},
	} {
		out = append(out, Scenario{ID: "tls.outbound." + x.id, Level: x.level, Title: x.title, Clauses: x.clauses,
			Needs: judge.CallsFromCloud, Play: x.play, Judge: x.judge})
	}
	return out
}

// probe is a ClientHello that the device is offered.
type probe struct {
	name  string
	hello func(host string) scripted.Hello
}

// ordinary is what the cloud offers.
func ordinary(host string) scripted.Hello {
	h := scripted.NewHello(host, transport.SurvivingSuites()...)
	h.Suites = append(h.Suites, scripted.RenegotiationSCSV)
	return h
}

var (
	oldVersions   = []probe{atMost("TLS 1.1", 0x0302), atMost("TLS 1.0", 0x0301), atMost("SSL 3.0", 0x0300)}
	renegotiating = []probe{{"an ordinary ClientHello", ordinary}}
	compressing   = []probe{{"compression", func(host string) scripted.Hello {
		h := ordinary(host)
		h.Compression = []uint8{1, 0} // DEFLATE (RFC 3749) before none
		return h
	}}}
	weakSuites = func() (out []probe) {
		for _, id := range judge.WeakSuites() {
			out = append(out, probe{judge.SuiteName(id), func(host string) scripted.Hello {
				h := scripted.NewHello(host, id)
				h.Extensions = append(h.Extensions[:0:0], withAllGroups(h.Extensions)...)
				return h
			}})
		}
		return out
	}()
)

// withAllGroups offers the common curves, so that a suite is not refused for
// want of one.
func withAllGroups(extensions []scripted.Extension) []scripted.Extension {
	groups := scripted.SupportedGroups(23, 24, 25, 29)
	var out []scripted.Extension
	for _, e := range extensions {
		if e.Type == groups.Type {
			e = groups
		}
		out = append(out, e)
	}
	return out
}

// atMost offers no version above v, and for it the suites that such versions have.
func atMost(name string, v uint16) probe {
	return probe{name, func(host string) scripted.Hello {
		h := scripted.NewHello(host, 0xc014, 0xc013, 0x0035, 0x002f, 0xc012, 0x000a)
		h.Version = v
		h.Extensions = withAllGroups(h.Extensions)
		return h
	}}
}

// playProbes offers each, after an ordinary ClientHello that shows the device
// to answer.
func playProbes(probes []probe) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		control := s.Recorder.Open("control")
		control.Under("healthy", s.Cloud.Generation())
		s.Cloud.Probe(ctx, s.Cloud.NextProxy(), "an ordinary ClientHello", ordinary)
		c.Control = []record.Attempt{control.Close()}
		w := s.Recorder.Open("probes")
		w.Under("healthy", s.Cloud.Generation())
		for _, p := range probes {
			if ctx.Err() != nil {
				break
			}
			s.Cloud.Probe(ctx, s.Cloud.NextProxy(), p.name, p.hello)
		}
		c.Attempts = []record.Attempt{w.Close()}
		return nil
	}
}

// playEverySuite offers the device each suite of the edition alone.
func playEverySuite(ctx context.Context, s *Stage, c *judge.Case) error {
	return s.offerEach(ctx, c, transport.EditionSuites(s.Edition))
}
