package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
)

const lb01 = "lb01.voice.use1.pure.cloud."

// twoRegions is what the simulator serves: four proxies in each of two zones.
func twoRegions() Config {
	cfg := Config{Listen: "127.0.0.1:0", Hosts: make(map[string][]netip.Addr)}
	for _, region := range []string{"use1", "usw2"} {
		zone := "voice." + region + ".pure.cloud"
		cfg.Zones = append(cfg.Zones, region+".pure.cloud")
		for i := 1; i <= 4; i++ {
			cfg.Hosts[fmt.Sprintf("lb%02d.%s", i, zone)] = addrs(fmt.Sprintf("127.0.1.%d", i))
		}
	}
	return cfg
}

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func question(name string, qtype uint16) *miekg.Msg {
	return new(miekg.Msg).SetQuestion(name, qtype)
}

func TestAnswers(t *testing.T) {
	cfg := twoRegions()
	cfg.Zones = append(cfg.Zones, "apex.test", "test", "inner.between.test") // zones inside another
	cfg.Hosts["apex.test"] = addrs("127.0.9.1", "127.0.9.2", "127.0.9.1")
	cfg.Hosts["a.b.c.test"] = addrs("::ffff:127.0.9.3")
	var queries recorder
	cfg.OnQuery = queries.tell
	server := start(t, cfg)

	class := func(m *miekg.Msg, qclass uint16) *miekg.Msg { m.Question[0].Qclass = qclass; return m }
	opcode := func(m *miekg.Msg, opcode int) *miekg.Msg { m.Opcode = opcode; return m }
	version := func(m *miekg.Msg, v uint8) *miekg.Msg {
		m.SetEdns0(4096, true)
		m.IsEdns0().SetVersion(v)
		return m
	}
	twice := func(m *miekg.Msg) *miekg.Msg { m.Question = append(m.Question, m.Question[0]); return m }
	twoOPT := func(m *miekg.Msg) *miekg.Msg { m.SetEdns0(512, false); return m.SetEdns0(512, false) }
	none := func(m *miekg.Msg) *miekg.Msg { m.Question = nil; return m }

	for _, tc := range []struct {
		name    string
		ask     *miekg.Msg
		rcode   string
		answers []string // data
		soa     string   // owner of the SOA in the authority section
	}{
		{"A of a proxy", question(lb01, miekg.TypeA), "NOERROR", []string{"127.0.1.1"}, ""},
		{"A in the second zone", question("lb04.voice.usw2.pure.cloud.", miekg.TypeA), "NOERROR", []string{"127.0.1.4"}, ""},
		{"A in mixed case", question("Lb01.VOICE.usE1.pure.Cloud.", miekg.TypeA), "NOERROR", []string{"127.0.1.1"}, ""},
		{"A of an apex, two addresses, one given twice", question("apex.test.", miekg.TypeA), "NOERROR", []string{"127.0.9.1", "127.0.9.2"}, ""},
		{"A given as IPv4 in IPv6", question("a.b.c.test.", miekg.TypeA), "NOERROR", []string{"127.0.9.3"}, ""},
		{"ANY of a proxy", question(lb01, miekg.TypeANY), "NOERROR", []string{"127.0.1.1"}, ""},
		{"ANY of an apex without A", question("use1.pure.cloud.", miekg.TypeANY), "NOERROR", []string{"use1.pure.cloud. nobody.invalid. 1 3600 600 86400 1"}, ""},
		{"ANY of an apex with A", question("apex.test.", miekg.TypeANY), "NOERROR", []string{"127.0.9.1", "127.0.9.2"}, ""},
		{"SOA of an apex", question("USE1.pure.cloud.", miekg.TypeSOA), "NOERROR", []string{"USE1.pure.cloud. nobody.invalid. 1 3600 600 86400 1"}, ""},
		{"SOA of a proxy", question(lb01, miekg.TypeSOA), "NOERROR", nil, "use1.pure.cloud."},
		{"AAAA", question(lb01, miekg.TypeAAAA), "NOERROR", nil, "use1.pure.cloud."},
		{"NAPTR", question(lb01, miekg.TypeNAPTR), "NOERROR", nil, "use1.pure.cloud."},
		{"SRV", question(lb01, miekg.TypeSRV), "NOERROR", nil, "use1.pure.cloud."},
		{"type nobody knows", question(lb01, 65400), "NOERROR", nil, "use1.pure.cloud."},
		{"A of an apex without A", question("usw2.pure.cloud.", miekg.TypeA), "NOERROR", nil, "usw2.pure.cloud."},
		{"empty non-terminal", question("voice.use1.pure.cloud.", miekg.TypeA), "NOERROR", nil, "use1.pure.cloud."},
		{"empty non-terminal two above", question("c.test.", miekg.TypeANY), "NOERROR", nil, "test."},
		{"empty non-terminal above an apex alone", question("between.test.", miekg.TypeA), "NOERROR", nil, "test."},
		{"unknown proxy", question("lb05.voice.use1.pure.cloud.", miekg.TypeA), "NXDOMAIN", nil, "use1.pure.cloud."},
		{"unknown, any type", question("_sips._tcp.use1.pure.cloud.", miekg.TypeSRV), "NXDOMAIN", nil, "use1.pure.cloud."},
		{"below a proxy", question("x."+lb01, miekg.TypeA), "NXDOMAIN", nil, "use1.pure.cloud."},
		{"unknown in the inner zone", question("x.apex.test.", miekg.TypeA), "NXDOMAIN", nil, "apex.test."},
		{"unknown in the outer zone", question("xapex.test.", miekg.TypeA), "NXDOMAIN", nil, "test."},
		{"escaped dot is not a label", question(`lb01\.voice.use1.pure.cloud.`, miekg.TypeA), "NXDOMAIN", nil, "use1.pure.cloud."},
		{"other zone", question("www.example.com.", miekg.TypeA), "REFUSED", nil, ""},
		{"above our zone", question("pure.cloud.", miekg.TypeA), "REFUSED", nil, ""},
		{"zone as part of a label", question("xuse1.pure.cloud.", miekg.TypeA), "REFUSED", nil, ""},
		{"root", question(".", miekg.TypeNS), "REFUSED", nil, ""},
		{"class CHAOS", class(question(lb01, miekg.TypeA), miekg.ClassCHAOS), "REFUSED", nil, ""},
		{"class ANY", class(question(lb01, miekg.TypeA), miekg.ClassANY), "REFUSED", nil, ""},
		{"NOTIFY", opcode(question(lb01, miekg.TypeSOA), miekg.OpcodeNotify), "NOTIMP", nil, ""},
		{"UPDATE", opcode(question(lb01, miekg.TypeSOA), miekg.OpcodeUpdate), "NOTIMP", nil, ""},
		{"opcode unassigned", opcode(question(lb01, miekg.TypeA), 15), "NOTIMP", nil, ""},
		{"two questions", twice(question(lb01, miekg.TypeA)), "FORMERR", nil, ""},
		{"no question", none(question(lb01, miekg.TypeA)), "FORMERR", nil, ""},
		{"EDNS0", version(question(lb01, miekg.TypeA), 0), "NOERROR", []string{"127.0.1.1"}, ""},
		{"EDNS0 other zone", version(question("example.com.", miekg.TypeA), 0), "REFUSED", nil, ""},
		{"EDNS version 1", version(question(lb01, miekg.TypeA), 1), "BADVERS", nil, ""},
		{"two OPT records", twoOPT(question(lb01, miekg.TypeA)), "FORMERR", nil, ""},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(tc.name+"/"+network, func(t *testing.T) {
				queries.reset()
				tc.ask.RecursionDesired = true
				got := ask(t, server, network, tc.ask)

				if rcode := rcodeText(got); rcode != tc.rcode {
					t.Errorf("rcode %s, want %s", rcode, tc.rcode)
				}
				if data := rdata(got.Answer); !slices.Equal(data, tc.answers) {
					t.Errorf("answers %q, want %q", data, tc.answers)
				}
				for _, rr := range got.Answer {
					if rr.Header().Name != tc.ask.Question[0].Name {
						t.Errorf("owner %q does not carry the letter case of the question %q", rr.Header().Name, tc.ask.Question[0].Name)
					}
					if rr.Header().Rrtype == miekg.TypeA && rr.Header().Ttl != 5 {
						t.Errorf("ttl %d, want the default of 5 s", rr.Header().Ttl)
					}
				}
				checkAuthority(t, got.Ns, tc.soa)

				inZone := tc.rcode == "NOERROR" || tc.rcode == "NXDOMAIN"
				if got.Authoritative != inZone || got.RecursionAvailable || !got.RecursionDesired || got.Truncated {
					t.Errorf("flags aa=%v ra=%v rd=%v tc=%v, want aa=%v, no ra, rd as asked, no tc",
						got.Authoritative, got.RecursionAvailable, got.RecursionDesired, got.Truncated, inZone)
				}
				if tc.rcode != "FORMERR" && !slices.Equal(got.Question, tc.ask.Question) {
					t.Errorf("question %v, want it echoed as asked: %v", got.Question, tc.ask.Question)
				}
				opt := got.IsEdns0()
				if asked := tc.ask.IsEdns0(); (opt != nil) != (asked != nil && tc.rcode != "FORMERR") {
					t.Errorf("OPT in reply %v, OPT in query %v", opt, asked)
				} else if opt != nil && (opt.Version() != 0 || !opt.Do()) {
					t.Errorf("OPT version %d do=%v, want version 0 and the DO bit copied (RFC 3225)", opt.Version(), opt.Do())
				}

				told := queries.only(t)
				if told.Rcode != tc.rcode || !slices.Equal(told.Answers, tc.answers) || told.Transport != network {
					t.Errorf("told %+v, want %s %q over %s", told, tc.rcode, tc.answers, network)
				}
				if len(tc.ask.Question) > 0 {
					asked := tc.ask.Question[0]
					if told.Name != asked.Name || told.Type != miekg.Type(asked.Qtype).String() {
						t.Errorf("told %s %s, want %s %s", told.Name, told.Type, asked.Name, miekg.Type(asked.Qtype))
					}
				}
			})
		}
	}
}

// TestSizes: 60 A records are about 1000 bytes, so that they do not fit where a
// client says nothing, and fit where it takes 1232 bytes or comes by TCP. 100 of
// them fit in no datagram of ours.
func TestSizes(t *testing.T) {
	server := start(t, twoRegions())
	for _, tc := range []struct {
		name, network string
		records       int
		edns          uint16
		limit         int
		whole         bool
	}{
		{"plain udp", "udp", 60, 0, 512, false},
		{"EDNS0 says too little", "udp", 60, 100, 512, false},
		{"EDNS0 says 900", "udp", 60, 900, 900, false},
		{"EDNS0 says 1232", "udp", 60, 1232, 1232, true},
		{"EDNS0 says more than we send", "udp", 60, 65535, 1232, true},
		{"EDNS0 says much more than we send", "udp", 100, 65535, 1232, false},
		{"plain tcp", "tcp", 100, 0, 65535, true},
		{"EDNS0 size is for udp", "tcp", 100, 512, 65535, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var list []netip.Addr
			for i := range tc.records {
				list = append(list, netip.AddrFrom4([4]byte{127, 0, 8, byte(i)}))
			}
			if err := server.Set(lb01, list); err != nil {
				t.Fatal(err)
			}
			m := question(lb01, miekg.TypeA)
			if tc.edns != 0 {
				m.SetEdns0(tc.edns, false)
			}
			got := ask(t, server, tc.network, m)
			if got.Truncated == tc.whole || (len(got.Answer) == tc.records) != tc.whole || len(got.Answer) == 0 {
				t.Errorf("%d answers, tc=%v, want whole=%v", len(got.Answer), got.Truncated, tc.whole)
			}
			got.Compress = true
			if got.Len() > tc.limit {
				t.Errorf("%d bytes, want at most %d", got.Len(), tc.limit)
			}
		})
	}
}

func checkAuthority(t *testing.T, records []miekg.RR, owner string) {
	t.Helper()
	if owner == "" {
		if len(records) != 0 {
			t.Errorf("authority %v, want none", records)
		}
		return
	}
	if len(records) != 1 {
		t.Fatalf("authority %v, want one SOA", records)
	}
	record, ok := records[0].(*miekg.SOA)
	if !ok || record.Hdr.Name != owner || record.Minttl != 1 || record.Hdr.Ttl != 1 {
		t.Errorf("authority %v, want the SOA of %s with minimum 1 and ttl 1", records[0], owner)
	}
}

func rcodeText(m *miekg.Msg) string {
	if m.Rcode == miekg.RcodeBadVers {
		return "BADVERS"
	}
	return miekg.RcodeToString[m.Rcode]
}

func rdata(records []miekg.RR) []string {
	var data []string
	for _, rr := range records {
		data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return data
}
