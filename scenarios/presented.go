package scenarios

import (
	"context"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
	"byocheck/simulator/record"
)

// outboundCertificates are the scenarios about the certificate that the device
// shows as TLS server. Each is one step of the check that Genesys is documented
// to make of it.
func outboundCertificates() []Scenario {
	var out []Scenario
	for _, x := range []struct {
		id      string
		level   ledger.Level
		title   string
		clauses []string
		play    func(context.Context, *Stage, *judge.Case) error
		judge   func(judge.Case) judge.Verdict
	}{
		{"chain-complete", ledger.LevelMust, "The device presents its certificate with every intermediate, up to a trusted root",
			[]string{"byoc-029-sbc-sends-full-chain", "byoc-026-cert-required-on-receiver", "rfc5246-7.4.2-server-certificate-order", "rfc5280-6.1-path-validation"}, playShown, judge.ChainComplete},
		{"name-matches", ledger.LevelMust, "The device's certificate names the trunk's SIP Servers or Proxies value",
			[]string{"byoc-033-sbc-name-matches-trunk", "byoc-034-no-ip-target", "rfc6125-6.4.4-common-name-last"}, playShown, judge.NameMatches},
		{"ip-only-target", ledger.LevelMust, "The trunk names the device by a host name, and its certificate does not rest on an IP address",
			[]string{"byoc-034-no-ip-target", "byoc-033-sbc-name-matches-trunk"}, playShown, judge.IPOnly},
		{"dates-valid", ledger.LevelMust, "Every certificate that the device presents is in force",
			[]string{"byoc-036-date-window", "byoc-038-date-fail-closed", "rfc5280-6.1.3-basic-certificate-processing"}, playShown, judge.DatesValid},
		{"not-expiring-soon", ledger.LevelShould, "The device's certificate has at least 30 days left",
			[]string{"byoc-040-bad-sbc-cert-breaks-outbound", "byoc-036-date-window"}, playShown, judge.NotExpiringSoon},
		{"not-revoked", ledger.LevelMust, "The device's certificate is not revoked",
			[]string{"byoc-039-revocation", "rfc5280-6.3-crl-validation"}, playInquired, judge.NotRevoked},
		{"usage-fits", ledger.LevelMust, "The device's certificate is for TLS servers",
			[]string{"rfc5280-4.2.1.12-extended-key-usage", "rfc5280-4.2.1.3-key-usage"}, playShown, judge.UsageFits},
		{"strong-enough", ledger.LevelMust, "The device's key and the signatures of its chain are strong enough, and fit the cipher suites",
			[]string{"byoc-013-cipher-list", "byoc-017-reputable-ca", "rfc6194-3.1-collision-resistance"}, playShown, judge.StrongEnough},
		{"issuer-trusted", ledger.LevelMust, "The device's certificate comes from a certificate authority that Genesys trusts",
			[]string{"byoc-025-genesys-trusted-cas", "byoc-017-reputable-ca", "byoc-007-both-have-public-ca-cert"}, playShown, judge.IssuerTrusted},
		{"same-without-sni", ledger.LevelShould, "Also without SNI the device presents a certificate that passes the check",
			[]string{"byoc-033-sbc-name-matches-trunk", "byoc-029-sbc-sends-full-chain"}, playWithoutSNI, judge.SameWithoutSNI},
	} {
		out = append(out, Scenario{ID: "cert.outbound." + x.id, Level: x.level, Title: x.title, Clauses: x.clauses,
			Needs: judge.CallsFromCloud, Play: x.play, Judge: x.judge})
	}
	return append(out, Scenario{
		ID:      "cert.outbound.survives-wrong-certificates",
		Usually: 5 * time.Second,
		Title:   "Given a wrong certificate, the device presents it or keeps the old one, and recovers with a right one",
		Level:   ledger.LevelMust,
		Clauses: []string{"byoc-040-bad-sbc-cert-breaks-outbound", "byoc-033-sbc-name-matches-trunk"},
		Fault:   "The device is given one certificate after the other that Genesys would refuse, with a right one after each.",
		Needs:   judge.Provisioning,
		Play:    playWrongCertificates,
		Judge:   judge.WrongCertificates,
	})
}

// shownOnce opens one connection, without an offer of its own unless dial makes it.
func (s *Stage) shownOnce(ctx context.Context, name string, dial func(context.Context, int) (*simulator.Link, error)) *record.Window {
	w := s.Recorder.Open(name)
	w.Under("healthy", s.Cloud.Generation())
	if l, err := dial(ctx, s.Cloud.NextProxy()); err == nil { // else recorded; the judge sees it
		l.Close("the certificate is seen")
		<-l.Flow.Closed()
	}
	return w
}

func (s *Stage) patiently(ctx context.Context, proxy int) (*simulator.Link, error) {
	return s.Cloud.DialPatiently(ctx, proxy)
}

// playShown looks at the certificate that the device shows.
func playShown(ctx context.Context, s *Stage, c *judge.Case) error {
	s.tell("looking at the device's certificate")
	c.Attempts = []record.Attempt{s.shownOnce(ctx, "certificate", s.patiently).Close()}
	return nil
}

// playInquired asks after its revocation as well.
func playInquired(ctx context.Context, s *Stage, c *judge.Case) error {
	s.tell("looking at the device's certificate, and asking after its revocation")
	c.Offline = s.Cloud.Offline
	w := s.shownOnce(ctx, "certificate", s.patiently)
	for _, e := range w.SoFar().Events {
		if b, is := e.Body.(record.PeerChain); is {
			s.Cloud.Inquire(ctx, record.Origin{}, b.Certificates)
			break
		}
	}
	c.Attempts = []record.Attempt{w.Close()}
	return nil
}

// playWithoutSNI looks at it with and without a name in the ClientHello.
func playWithoutSNI(ctx context.Context, s *Stage, c *judge.Case) error {
	s.tell("looking at the device's certificate with and without SNI")
	c.Attempts = []record.Attempt{
		s.shownOnce(ctx, "with-sni", s.patiently).Close(),
		s.shownOnce(ctx, "without-sni", s.Cloud.DialWithoutSNI).Close(),
	}
	return nil
}
