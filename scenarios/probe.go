package scenarios

import (
	"context"
	"slices"

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
		fault   string
		play    func(context.Context, *Stage, *judge.Case) error
		judge   func(judge.Case) judge.Verdict
	}{
		{"tls12-accepted", ledger.LevelMust, "The device takes TLS 1.2",
			[]string{"byoc-011-tls12-only"}, "", playShown, judge.TLS12Accepted},
		{"suites", ledger.LevelInfo, "Which of the specification's cipher suites the device takes",
			[]string{"byoc-013-cipher-list", "byoc-014-cipher-deprecation", "byoc-015-ecdhe-p384-only"}, "", playEverySuite, judge.SuiteTable},
		{"old-versions-refused", ledger.LevelShould, "The device refuses TLS 1.1 and older",
			[]string{"rfc8996-2-deprecated-versions", "byoc-011-tls12-only"}, "The cloud offers nothing above TLS 1.1.", playProbes(oldVersions), judge.OldVersionsRefused},
		{"weak-suites-refused", ledger.LevelShould, "The device refuses weak cipher suites",
			[]string{"byoc-013-cipher-list", "byoc-001-secure-trunk-both-planes"}, "The cloud offers weak suites only.", playProbing(weakSuites), judge.WeakSuitesRefused},
		{"compression-refused", ledger.LevelShould, "The device does not compress",
			[]string{"rfc9325-3.3-compression"}, "The cloud offers to compress.", playProbes(compressing), judge.CompressionRefused},
		{"secure-renegotiation", ledger.LevelShould, "The device knows secure renegotiation",
			[]string{"rfc5746-3.6-server-initial-handshake"}, "", playProbes(renegotiating), judge.SecureRenegotiation},
	} {
		out = append(out, Scenario{ID: "tls.outbound." + x.id, Level: x.level, Title: x.title, Clauses: x.clauses, Fault: x.fault,
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
)

// weakOnly offers the weak suites but for those that were taken already.
func weakOnly(taken []uint16) probe {
	return probe{"weak suites", func(host string) scripted.Hello {
		h := scripted.NewHello(host, slices.DeleteFunc(judge.WeakSuites(), func(s uint16) bool { return slices.Contains(taken, s) })...)
		h.Extensions = withAllGroups(h.Extensions)
		return h
	}}
}

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

// probing opens an attempt, offers the device what do says, and closes it.
func (s *Stage) probing(name string, do func()) record.Attempt {
	w := s.Recorder.Open(name)
	w.Under("healthy", s.Cloud.Generation())
	do()
	return w.Close()
}

// offer sends the device a ClientHello.
func (s *Stage) offer(ctx context.Context, p probe) {
	s.Cloud.Probe(ctx, s.Cloud.NextProxy(), p.name, p.hello)
}

// playProbing returns the Play of scenarios that offer the device single
// ClientHellos, with an ordinary one before and after, which show that it answers.
func playProbing(do func(context.Context, *Stage)) func(context.Context, *Stage, *judge.Case) error {
	return func(ctx context.Context, s *Stage, c *judge.Case) error {
		usual := probe{"an ordinary ClientHello", ordinary}
		before := s.probing("before", func() { s.offer(ctx, usual) })
		c.Attempts = []record.Attempt{s.probing("probes", func() { do(ctx, s) })}
		c.Control = []record.Attempt{before, s.probing("after", func() { s.offer(ctx, usual) })}
		return nil
	}
}

// playProbes offers each.
func playProbes(probes []probe) func(context.Context, *Stage, *judge.Case) error {
	return playProbing(func(ctx context.Context, s *Stage) {
		for _, p := range probes {
			if ctx.Err() == nil {
				s.offer(ctx, p)
			}
		}
	})
}

// takenAtMost bounds the weak suites that are found out one after the other.
const takenAtMost = 20

// weakSuites offers all weak suites at once, and then all but those that were
// taken until none is: a connection for each would be a flood to many devices.
func weakSuites(ctx context.Context, s *Stage) {
	var taken []uint16
	for range takenAtMost {
		mark := s.Recorder.Mark()
		s.offer(ctx, weakOnly(taken))
		before := len(taken)
		for _, e := range s.Recorder.Since(mark) {
			if p, is := e.Body.(record.TLSProbe); is && p.Complete && slices.Contains(p.Suites, p.Suite) {
				taken = append(taken, p.Suite)
			}
		}
		if len(taken) == before || ctx.Err() != nil {
			return
		}
	}
}

// playEverySuite offers the device each suite of the edition alone.
func playEverySuite(ctx context.Context, s *Stage, c *judge.Case) error {
	return s.offerEach(ctx, c, transport.EditionSuites(s.Edition))
}
