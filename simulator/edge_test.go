package simulator

import (
	"crypto/tls"
	"errors"
	"slices"
	"testing"

	resolver "github.com/miekg/dns"

	"byocheck/certs"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
	"byocheck/simulator/transport"
)

const edgeName = "edge01.customer.test"

// edge is a cloud that is an Edge, under the organisation's root.
func edge(t testing.TB, c *Cloud) *Cloud {
	t.Helper()
	c.Edge, c.Authority = edgeName, authority(t, certs.Organisation)
	return start(t, c)
}

// One proxy, with its own name and no other, and the organisation's root.
func TestEdge(t *testing.T) {
	c := edge(t, &Cloud{DNS: loopback})
	if len(c.Listen) != 1 || c.Region.Code != "" || !slices.Equal(c.Names(), []string{edgeName}) {
		t.Fatalf("it listens on %v in %q with the names %v", c.Listen, c.Region.Code, c.Names())
	}
	d := connect(t, c, 0)
	sent := d.conn.(*tls.Conn).ConnectionState().PeerCertificates
	if leaf := sent[0]; leaf.Subject.CommonName != edgeName || !slices.Equal(leaf.DNSNames, []string{edgeName}) {
		t.Errorf("the certificate is for %s and %v", leaf.Subject.CommonName, leaf.DNSNames)
	}
	if err := sent[1].CheckSignatureFrom(home().OrganisationRoot()); err != nil {
		t.Error(err)
	}
	d.request("OPTIONS", "ping", "", 1, "")
	d.next("SIP/2.0 200")
	wait(t, c.Recorder, func(e record.Event, m record.SIPMessage) bool { return m.Dir == record.In && e.Proxy == "edge" })
	for name, rcode := range map[string]int{
		edgeName + ".":                      resolver.RcodeSuccess,
		"mail.customer.test.":               resolver.RcodeRefused, // the rest of the domain is the customer's
		"lb01.voice.use1.pure.cloud.":       resolver.RcodeRefused,
		"_sips._tcp.voice.mypurecloud.com.": resolver.RcodeRefused,
		"_sips._tcp.edge01.customer.test.":  resolver.RcodeNameError,
	} {
		q := new(resolver.Msg)
		q.SetQuestion(name, resolver.TypeA)
		r, err := resolver.ExchangeContext(bounded(t), q, c.DNS.String())
		if err != nil || r.Rcode != rcode {
			t.Errorf("%s: %v, error %v", name, r, err)
		}
	}
	if c.MoveNames(1) {
		t.Error("the one name was moved")
	}
	if _, err := c.Show(Face{Certificate: certs.SANMismatch}); err != nil {
		t.Error(err)
	}
}

// The zero value of the rest makes itself a lab with an organisation.
func TestEdgeMakesItsAuthority(t *testing.T) {
	c := &Cloud{Edge: edgeName}
	if err := c.defaults(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.Authority.Root().Subject.CommonName; got != "SIMULATED Organisation Root CA" {
		t.Errorf("its root is %s", got)
	}
}

func TestSuitesInPlaceOfTheEditions(t *testing.T) {
	own := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}
	if got := (&Cloud{}).Offers(); !slices.Equal(got, transport.EditionSuites("newer")) {
		t.Errorf("without a list %v", got)
	}
	far := listen(t)
	c := edge(t, &Cloud{Suites: own, Target: "sbc.customer.test", Device: far.addr})
	if got := connect(t, c, 0).conn.(*tls.Conn).ConnectionState().CipherSuite; got != own[0] {
		t.Errorf("it took %s", transport.SuiteName(got))
	}
	l, err := c.Dial(bounded(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close("enough")
	_, done := wait(t, c.Recorder, func(e record.Event, b record.HandshakeDone) bool { return e.Conn == l.conn.Origin.Conn })
	if done.Suite != own[0] {
		t.Errorf("it offered %s", transport.SuiteName(done.Suite))
	}
}

// What a trunk of one media security makes of the offer of another one.
func TestMediaSecurity(t *testing.T) {
	for _, tt := range []struct {
		offers, takes string
		encrypted     bool
		refused       int // final response; 0 for a call that is connected
	}{
		{"required", "", true, 0},
		{"required", "optional", true, 0},
		{"required", "off", false, 488},
		{"optional", "required", true, 0},
		{"off", "required", false, 488},
		{"off", "optional", false, 0},
		{"off", "off", false, 0},
	} {
		t.Run(tt.offers+" to "+tt.takes, func(t *testing.T) {
			a, b := edge(t, &Cloud{Target: "b.test", MediaSecurity: tt.offers}), edge(t, &Cloud{Target: "a.test", MediaSecurity: tt.takes})
			a.Device, b.Device = b.Listen[0], a.Listen[0]
			b.side.SendHz, b.side.ExpectHz = leg.CarrierHz, leg.CloudHz
			at, err := b.Expect("+13175550100")
			if err != nil {
				t.Fatal(err)
			}
			defer at.Close()
			answered := make(chan *leg.Leg, 1)
			go func() {
				l, err := b.Answer(<-at.Calls)
				if (err != nil) != (tt.refused != 0) {
					t.Error(err)
				}
				answered <- l
			}()
			here, err := a.Call(bounded(t), "+13175550100", "+4940")
			there := <-answered
			var rejected *sipua.Rejected
			switch {
			case tt.refused != 0:
				if !errors.As(err, &rejected) || rejected.Status != tt.refused {
					t.Errorf("error %v", err)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			for _, l := range []*leg.Leg{here, there} {
				if err := l.WaitHeard(bounded(t), 10); err != nil {
					t.Fatal(err)
				}
			}
			if err := here.HangUp(bounded(t)); err != nil {
				t.Error(err)
			}
			<-there.Call.Done()
			for _, cloud := range []*Cloud{a, b} {
				_, m := wait(t, cloud.Recorder, func(record.Event, record.Media) bool { return true })
				if m.Encrypted != tt.encrypted || m.Blocks == 0 {
					t.Errorf("heard %+v", m)
				}
			}
		})
	}
}
