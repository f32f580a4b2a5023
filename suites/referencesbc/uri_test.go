package referencesbc

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestTrunkURI(t *testing.T) {
	p, addr := &proxy{name: "lb02.voice.use1.pure.cloud"}, netip.MustParseAddr("127.0.1.2")
	for _, tt := range []struct {
		name string
		sbc  *SBC
		want string
	}{
		{"trunk group", &SBC{TrunkGroup: "g", TrunkContext: "byoc.mypurecloud.com"}, "+1317;tgrp=g;trunk-context=byoc.mypurecloud.com@lb02.voice.use1.pure.cloud:5061"},
		{"without a context", &SBC{TrunkGroup: "g"}, "+1317;tgrp=g@lb02.voice.use1.pure.cloud:5061"},
		{"without a trunk group", &SBC{TrunkContext: "byoc.mypurecloud.com"}, "+1317@lb02.voice.use1.pure.cloud:5061"},
		{"by address", &SBC{TrunkGroup: "g", Mutant: DialsIP}, "+1317;tgrp=g@127.0.1.2:5061"},
	} {
		tt.sbc.Port = 5061
		if got := tt.sbc.trunkUser("+1317") + "@" + tt.sbc.trunkHost(p, addr); got != tt.want {
			t.Errorf("%s: %s, not %s", tt.name, got, tt.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for user, want := range map[string]bool{
		"+13175550100": true, "100": true, "*72": true, "alice.b-c_d": true,
		"": false, "1+2": false, "1 2": false, "1;tgrp=x": false, "1@x": false, "1\r\n": false, "%31": false, strings.Repeat("1", 65): false,
	} {
		if got, ok := number(user); ok != want || ok && got != user {
			t.Errorf("%.20q: %q, %v", user, got, ok)
		}
	}
}

func question() dns.Question {
	return dns.Question{Name: "lb01.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET}
}

func response(t testing.TB, rcode int, lines ...string) *dns.Msg {
	q := question()
	m := new(dns.Msg).SetQuestion(q.Name, q.Qtype)
	m.Response, m.Rcode = true, rcode
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		must(t, err)
		m.Answer = append(m.Answer, rr)
	}
	return m
}

func TestReadDNS(t *testing.T) {
	now := time.Unix(1000, 0)
	other := response(t, 0, "lb01.test. 5 IN A 127.0.1.1")
	other.Question[0].Name = "lb02.test."
	cut := response(t, 0, "lb01.test. 5 IN A 127.0.1.1")
	cut.Truncated = true
	var many []string
	for range 20 {
		many = append(many, "lb01.test. 5 IN A 127.0.1.1")
	}
	for _, tt := range []struct {
		name  string
		msg   *dns.Msg
		addrs int // 0: an error
		ttl   time.Duration
	}{
		{"one", response(t, 0, "lb01.test. 5 IN A 127.0.1.1"), 1, 5 * time.Second},
		{"in another case", response(t, 0, "LB01.Test. 5 IN A 127.0.1.1"), 1, 5 * time.Second},
		{"two, the shorter time counts", response(t, 0, "lb01.test. 9 IN A 127.0.1.1", "lb01.test. 3 IN A 127.0.1.2"), 2, 3 * time.Second},
		{"not to be kept", response(t, 0, "lb01.test. 0 IN A 127.0.1.1"), 1, 0},
		{"too many", response(t, 0, many...), maxAddresses, 5 * time.Second},
		{"of another name", response(t, 0, "lb02.test. 5 IN A 127.0.1.1"), 0, 0},
		{"no address", response(t, 0, "lb01.test. 5 IN TXT x"), 0, 0},
		{"no such name", response(t, dns.RcodeNameError), 0, 0},
		{"to another question", other, 0, 0},
		{"cut off", cut, 0, 0},
	} {
		got, err := read(tt.msg, question(), now)
		if (err == nil) != (tt.addrs > 0) || len(got.addrs) != tt.addrs || err == nil && got.until.Sub(now) != tt.ttl {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func FuzzReadDNS(f *testing.F) {
	b, err := response(f, 0, "lb01.test. 5 IN A 127.0.1.1").Pack()
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		got, err := read(m, question(), time.Unix(0, 0))
		if err == nil && (len(got.addrs) == 0 || len(got.addrs) > maxAddresses) {
			t.Errorf("%d addresses", len(got.addrs))
		}
	})
}

func FuzzNumber(f *testing.F) {
	f.Add("+13175550100")
	f.Add("1;x=\r\n")
	f.Fuzz(func(t *testing.T, user string) {
		if n, ok := number(user); ok && (strings.ContainsAny(n, ";@:<>\" \r\n%,?&=/") || len(n) > maxNumber) {
			t.Errorf("%q is taken", n)
		}
	})
}
