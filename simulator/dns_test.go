package simulator

import (
	"net/netip"
	"slices"
	"testing"

	resolver "github.com/miekg/dns"

	"byocheck/simulator/record"
)

func TestDNS(t *testing.T) {
	advertise := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.11:5061"), netip.MustParseAddrPort("192.0.2.12:5061")}
	for _, c := range []struct {
		name      string
		advertise []netip.AddrPort
		want      []string
	}{
		{"the proxies' own addresses", nil, []string{"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"}},
		{"advertised ones where there are any", advertise, []string{"192.0.2.11", "192.0.2.12", "127.0.0.1", "127.0.0.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud := start(t, &Cloud{DNS: loopback, Advertise: c.advertise})
			if cloud.DNS.Port() == 0 {
				t.Fatalf("DNS is on %s", cloud.DNS)
			}
			ask := func(name, kind string) (answers []string, rcode string) {
				q := new(resolver.Msg)
				q.SetQuestion(name+".", resolver.StringToType[kind])
				r, err := resolver.ExchangeContext(bounded(t), q, cloud.DNS.String())
				if err != nil {
					t.Fatal(err)
				}
				for _, rr := range r.Answer {
					if a, is := rr.(*resolver.A); is {
						answers = append(answers, a.A.String())
					}
				}
				return answers, resolver.RcodeToString[r.Rcode]
			}
			proxies := cloud.Region.Proxies.Value
			for i, q := range []struct {
				name, kind, rcode string
				answers           []string
			}{
				{proxies[0], "A", "NOERROR", c.want[:1]},
				{proxies[1], "A", "NOERROR", c.want[1:2]},
				{proxies[2], "A", "NOERROR", c.want[2:3]},
				{proxies[3], "A", "NOERROR", c.want[3:4]},
				{proxies[0], "AAAA", "NOERROR", nil},
				{"lb05" + proxies[0][4:], "A", "NXDOMAIN", nil},
				{"customer.test", "A", "REFUSED", nil},
			} {
				answers, rcode := ask(q.name, q.kind)
				if !slices.Equal(answers, q.answers) || rcode != q.rcode {
					t.Errorf("%s %s: %v %s, want %v %s", q.kind, q.name, answers, rcode, q.answers, q.rcode)
				}
				var asked []record.DNSQuery
				for _, e := range cloud.Recorder.Since(0) {
					if b, is := e.Body.(record.DNSQuery); is {
						asked = append(asked, b)
					}
				}
				if len(asked) != i+1 {
					t.Fatalf("%d queries are recorded, want %d", len(asked), i+1)
				}
				if e := asked[i]; e.Name != q.name+"." && e.Name != q.name || e.Type != q.kind || e.Rcode != q.rcode ||
					!slices.Equal(e.Answers, q.answers) || e.Transport != "udp" || e.Client == "" {
					t.Errorf("recorded %+v", e)
				}
			}
		})
	}
	if c := start(t, &Cloud{}); c.names != nil || c.DNS.IsValid() {
		t.Error("DNS is served though nobody asked for it")
	}
}

func TestMoveNames(t *testing.T) {
	if c := start(t, &Cloud{DNS: loopback}); c.MoveNames(1) {
		t.Error("names were moved among proxies that share an address")
	}
	if c := start(t, &Cloud{}); c.MoveNames(1) {
		t.Error("names were moved without DNS")
	}
	var addrs []netip.AddrPort
	for _, a := range []string{"127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0"} {
		addrs = append(addrs, netip.MustParseAddrPort(a))
	}
	c := start(t, &Cloud{Listen: addrs, DNS: loopback})
	for _, steps := range []int{1, 3, 0} {
		if !c.MoveNames(steps) {
			t.Fatalf("names cannot be moved by %d", steps)
		}
		for i, name := range c.Region.Proxies.Value {
			q := new(resolver.Msg)
			q.SetQuestion(name+".", resolver.TypeA)
			r, err := resolver.ExchangeContext(bounded(t), q, c.DNS.String())
			if err != nil {
				t.Fatal(err)
			}
			to := (i + steps) % 4
			if len(r.Answer) != 1 || r.Answer[0].(*resolver.A).A.String() != c.Listen[to].Addr().String() {
				t.Errorf("moved by %d, %s leads to %v, want %s", steps, name, r.Answer, c.Listen[to].Addr())
			}
		}
	}
}
