package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
)

const sipsName = "_sips._tcp.voice.use1.pure.cloud."

// sips is the service of use1 on its four proxies, of which the last two have
// one name, and another of a host that is not ours.
func sips() map[string][]SRV {
	all := map[string][]SRV{"_SIPS._tcp.Away.use1.pure.cloud": {
		{Priority: 1, Weight: 2, Port: 5061, Target: "proxy.example.com"},
		{Priority: 1, Weight: 2, Port: 5061, Target: "Proxy.Example.com."},
	}, "_none._tcp.use1.pure.cloud": nil}
	for i, host := range []string{"lb01", "lb02", "LB03", "lb03"} {
		all[sipsName] = append(all[sipsName], SRV{Priority: 10, Weight: 5, Port: uint16(5061 + i), Target: host + ".voice.use1.pure.cloud"})
	}
	return all
}

func TestServices(t *testing.T) {
	cfg := twoRegions()
	cfg.Services = sips()
	cfg.Hosts["lb02.voice.use1.pure.cloud"] = addrs("127.0.1.2", "127.0.2.2")
	server := start(t, cfg)
	srv := []string{
		"10 5 5061 lb01.voice.use1.pure.cloud.", "10 5 5062 lb02.voice.use1.pure.cloud.",
		"10 5 5063 lb03.voice.use1.pure.cloud.", "10 5 5064 lb03.voice.use1.pure.cloud.",
	}
	glue := []string{
		"lb01.voice.use1.pure.cloud. 127.0.1.1", "lb02.voice.use1.pure.cloud. 127.0.1.2",
		"lb02.voice.use1.pure.cloud. 127.0.2.2", "lb03.voice.use1.pure.cloud. 127.0.1.3",
	}
	for _, tc := range []struct {
		name    string
		ask     string
		qtype   uint16
		rcode   string
		answers []string
		beside  []string // owner and address in the additional section
	}{
		{"SRV", sipsName, miekg.TypeSRV, "NOERROR", srv, glue},
		{"SRV in mixed case", "_SipS._TCP.voice.USE1.pure.cloud.", miekg.TypeSRV, "NOERROR", srv, glue},
		{"ANY", sipsName, miekg.TypeANY, "NOERROR", srv, glue},
		{"target that is not ours, given twice", "_sips._tcp.away.use1.pure.cloud.", miekg.TypeSRV, "NOERROR", []string{"1 2 5061 proxy.example.com."}, nil},
		{"A of the service", sipsName, miekg.TypeA, "NOERROR", nil, nil},
		{"NAPTR of the service", sipsName, miekg.TypeNAPTR, "NOERROR", nil, nil},
		{"empty non-terminal", "_tcp.voice.use1.pure.cloud.", miekg.TypeSRV, "NOERROR", nil, nil},
		{"empty non-terminal that only a service makes", "away.use1.pure.cloud.", miekg.TypeA, "NOERROR", nil, nil},
		{"domain of the service", "voice.use1.pure.cloud.", miekg.TypeSRV, "NOERROR", nil, nil},
		{"sip, not sips", "_sip._tcp.voice.use1.pure.cloud.", miekg.TypeSRV, "NXDOMAIN", nil, nil},
		{"UDP", "_sip._udp.voice.use1.pure.cloud.", miekg.TypeSRV, "NXDOMAIN", nil, nil},
		{"transport without services", "_udp.voice.use1.pure.cloud.", miekg.TypeSRV, "NXDOMAIN", nil, nil},
		{"below the service", "x." + sipsName, miekg.TypeSRV, "NXDOMAIN", nil, nil},
		{"service of the other region", "_sips._tcp.voice.usw2.pure.cloud.", miekg.TypeSRV, "NXDOMAIN", nil, nil},
		{"service without records", "_none._tcp.use1.pure.cloud.", miekg.TypeSRV, "NXDOMAIN", nil, nil},
		{"SRV of a proxy", lb01, miekg.TypeSRV, "NOERROR", nil, nil},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(tc.name+"/"+network, func(t *testing.T) {
				got := ask(t, server, network, question(tc.ask, tc.qtype).SetEdns0(1232, false))
				if rcode := rcodeText(got); rcode != tc.rcode {
					t.Errorf("rcode %s, want %s", rcode, tc.rcode)
				}
				if data := rdata(got.Answer); !slices.Equal(data, tc.answers) {
					t.Errorf("answers %q, want %q", data, tc.answers)
				}
				for _, rr := range got.Answer {
					if h := rr.Header(); h.Name != tc.ask || h.Ttl != 5 {
						t.Errorf("owner %q with ttl %d, want %q as asked with 5", h.Name, h.Ttl, tc.ask)
					}
				}
				if data := beside(got); !slices.Equal(data, tc.beside) {
					t.Errorf("beside it %q, want %q", data, tc.beside)
				}
				if got.IsEdns0() == nil || got.Truncated || !got.Authoritative {
					t.Errorf("OPT %v, tc=%v, aa=%v", got.IsEdns0(), got.Truncated, got.Authoritative)
				}
				soa := "use1.pure.cloud."
				if strings.Contains(tc.ask, "usw2") {
					soa = "usw2.pure.cloud."
				}
				if len(tc.answers) > 0 {
					soa = ""
				}
				checkAuthority(t, got.Ns, soa)
			})
		}
	}
}

// beside is what the additional section has of addresses.
func beside(m *miekg.Msg) []string {
	var data []string
	for _, rr := range m.Extra {
		if a, ok := rr.(*miekg.A); ok {
			data = append(data, a.Hdr.Name+" "+a.A.String())
		}
	}
	return data
}

// TestAddressesBesideGiveWay: four proxies with one address each fit in 512 bytes;
// when the addresses do not fit, the answer comes without them and is still whole;
// when it does not fit itself, it is truncated.
func TestAddressesBesideGiveWay(t *testing.T) {
	for _, tc := range []struct {
		name             string
		records, perHost int
		edns             uint16
		answers, beside  int // -1: fewer than there are
		truncated        bool
	}{
		{"all fit", 4, 1, 0, 4, 4, false},
		{"addresses do not", 4, 10, 0, 4, 0, false},
		{"more room", 4, 10, 1232, 4, 40, false},
		{"nothing does", 40, 1, 0, -1, 0, true},
		{"nothing does, with EDNS0", 40, 1, 600, -1, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := twoRegions()
			cfg.Services = map[string][]SRV{}
			for i := range tc.records {
				host := fmt.Sprintf("lb%02d.voice.use1.pure.cloud", i+1)
				cfg.Services[sipsName] = append(cfg.Services[sipsName], SRV{Port: 5061, Target: host})
				cfg.Hosts[host] = nil
				for j := range tc.perHost {
					cfg.Hosts[host] = append(cfg.Hosts[host], netip.AddrFrom4([4]byte{127, 0, byte(i), byte(j)}))
				}
			}
			m := question(sipsName, miekg.TypeSRV)
			if tc.edns != 0 {
				m.SetEdns0(tc.edns, false)
			}
			got := ask(t, start(t, cfg), "udp", m)
			if n := len(got.Answer); n != tc.answers && (tc.answers >= 0 || n == 0 || n >= tc.records) {
				t.Errorf("%d answers, want %d", n, tc.answers)
			}
			if n := len(beside(got)); n != tc.beside || got.Truncated != tc.truncated {
				t.Errorf("%d addresses beside it, tc=%v, want %d and %v", n, got.Truncated, tc.beside, tc.truncated)
			}
			if (got.IsEdns0() != nil) != (tc.edns != 0) {
				t.Errorf("OPT %v", got.IsEdns0())
			}
		})
	}
}

// TestAddressesBesideFollowSet: what is set later goes along from then on.
func TestAddressesBesideFollowSet(t *testing.T) {
	cfg := twoRegions()
	cfg.Services = map[string][]SRV{sipsName: {{Port: 5061, Target: lb01}}}
	server := start(t, cfg)
	for _, want := range [][]string{{"127.0.7.7"}, nil} {
		if err := server.Set(lb01, addrs(want...)); err != nil {
			t.Fatal(err)
		}
		got := ask(t, server, "udp", question(sipsName, miekg.TypeSRV))
		var have []string
		for _, line := range beside(got) {
			have = append(have, strings.TrimPrefix(line, lb01+" "))
		}
		if !slices.Equal(have, want) || len(got.Answer) != 1 {
			t.Errorf("beside it %v, want %v", have, want)
		}
	}
}
