// Package dns is a small authoritative DNS server for the simulated names.
//
// A device under test that asks it for lb01..lb04 of a region, or for the SRV
// records that lead to them, gets the addresses of the simulator's proxies. Every
// question is told through a callback, so that what the device looked up, when and
// with what result is evidence.
//
// The server is authoritative and nothing else (RFC 1034 section 4.3.1): it never
// recurses, never forwards, and refuses whatever lies outside its own zones. Only
// those zones should be forwarded to it. Names that exist answer at once for any
// type, with an empty answer where there is no such record, so that a device that
// tries NAPTR, SRV and AAAA before A (RFC 3263 section 4) does not wait.
//
// The zero value of each knob works; zones are what the caller must give:
//
//	server, err := dns.Start(dns.Config{
//		Zones: []string{"voice.use1.pure.cloud"},
//		Hosts: map[string][]netip.Addr{
//			"lb01.voice.use1.pure.cloud": {netip.MustParseAddr("127.0.1.1")},
//		},
//		Services: map[string][]dns.SRV{
//			"_sips._tcp.voice.use1.pure.cloud": {{Port: 5061, Target: "lb01.voice.use1.pure.cloud"}},
//		},
//		OnQuery: func(q dns.Query) { fmt.Println(q.Client, q.Type, q.Name, q.Rcode) },
//	})
package dns
