package certs

import (
	"net/netip"
	"slices"
	"testing"
)

// presented are the names in a leaf: CN, DNS, IP and URI, in that order.
func presented(t *testing.T, a *Authority, p Profile, names Names) []string {
	t.Helper()
	c, err := a.Chain(p, names)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, attribute := range c.Leaf.Subject.Names {
		if attribute.Type.Equal(oidCN) {
			got = append(got, "CN "+attribute.Value.(string))
		}
	}
	for _, name := range c.Leaf.DNSNames {
		got = append(got, "DNS "+name)
	}
	for _, ip := range c.Leaf.IPAddresses {
		got = append(got, "IP "+ip.String())
	}
	for _, uri := range c.Leaf.URIs {
		got = append(got, "URI "+uri.String())
	}
	return got
}

func TestNamesOfProfiles(t *testing.T) {
	cloud := Names{
		CN:  "voice.example.com",
		DNS: []string{"voice.example.com", "lb01.voice.usw2.pure.cloud", "lb02.voice.usw2.pure.cloud"},
		IP:  []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
	}
	device := Names{CN: "sbc.customer.test", DNS: []string{"sbc.customer.test"}, IP: []netip.Addr{netip.MustParseAddr("192.0.2.9")}}
	tests := []struct {
		profile Profile
		names   Names
		want    []string
	}{
		{Healthy, cloud, []string{"CN voice.example.com", "DNS voice.example.com", "DNS lb01.voice.usw2.pure.cloud", "DNS lb02.voice.usw2.pure.cloud"}},
		{Healthy, Names{DNS: cloud.DNS[1:2]}, []string{"DNS lb01.voice.usw2.pure.cloud"}},
		{Healthy, Names{CN: "sbc.customer.test"}, []string{"CN sbc.customer.test"}},

		{SANMismatch, cloud, []string{"CN voice.other.example", "DNS voice.other.example", "DNS lb01.voice.other.example", "DNS lb02.voice.other.example"}},
		{SANMismatch, Names{DNS: device.DNS}, []string{"DNS sbc.voice.other.example"}},
		{OtherRegion, cloud, []string{"CN voice.use1.pure.cloud", "DNS voice.use1.pure.cloud", "DNS lb01.voice.use1.pure.cloud", "DNS lb02.voice.use1.pure.cloud"}},
		{OtherRegion, Names{CN: "voice.euc2.pure.cloud", DNS: []string{"LB01.Voice.EUC2.pure.cloud"}}, []string{"CN voice.usw2.pure.cloud", "DNS LB01.Voice.usw2.pure.cloud"}},
		{OtherRegion, Names{CN: "voice.use2.us-gov-pure.cloud", DNS: []string{"lb01.voice.use2.us-gov-pure.cloud"}}, []string{"CN voice.usw2.us-gov-pure.cloud", "DNS lb01.voice.usw2.us-gov-pure.cloud"}},
		{OtherRegion, device, []string{"CN voice.other.example", "DNS voice.other.example"}},
		{RightCNWrongSAN, cloud, []string{
			"CN voice.example.com", "CN lb01.voice.usw2.pure.cloud", "CN lb02.voice.usw2.pure.cloud",
			"DNS voice.other.example", "DNS lb01.voice.other.example", "DNS lb02.voice.other.example",
		}},
		{CNOnly, cloud, []string{"CN voice.example.com", "CN lb01.voice.usw2.pure.cloud", "CN lb02.voice.usw2.pure.cloud"}},
		{CNOnly, Names{CN: "voice.example.com", DNS: cloud.DNS[1:2]}, []string{"CN lb01.voice.usw2.pure.cloud"}},
		{WildcardSAN, cloud, []string{"CN *.example.com", "DNS *.example.com", "DNS *.voice.usw2.pure.cloud"}},
		{WildcardSAN, device, []string{"CN *.customer.test", "DNS *.customer.test"}},
		{IPSAN, cloud, []string{"IP 192.0.2.1", "IP 2001:db8::1"}},
		{IPAsDNS, cloud, []string{"DNS 192.0.2.1", "DNS 2001:db8::1"}},
		{IPAsCN, cloud, []string{"CN 192.0.2.1", "CN 2001:db8::1"}},
		{URISAN, cloud, []string{"URI sip:voice.example.com", "URI sip:lb01.voice.usw2.pure.cloud", "URI sip:lb02.voice.usw2.pure.cloud"}},
		{URIBesideDNS, device, []string{"CN sbc.customer.test", "DNS sbc.customer.test", "URI sip:sbc.customer.test"}},
		{SRVNameSAN, cloud, []string{"DNS _sips._tcp.voice.example.com"}},
		{SRVNameSAN, Names{DNS: device.DNS}, []string{"DNS _sips._tcp.sbc.customer.test"}},
		{UpperCaseSAN, device, []string{"CN SBC.CUSTOMER.TEST", "DNS SBC.CUSTOMER.TEST"}},
		{TrailingDotSAN, device, []string{"CN sbc.customer.test.", "DNS sbc.customer.test."}},
	}
	a := newAuthority(t, openLab(t, stateCopy(t), at(testStart)))
	tested := map[Profile]bool{}
	for _, tt := range tests {
		tested[tt.profile] = true
		if got := presented(t, a, tt.profile, tt.names); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.profile, got, tt.want)
		}
	}
	for _, row := range nameProfiles {
		if !tested[row.Profile] {
			t.Errorf("%s is not in the table", row.Profile)
		}
	}
}

// TestAddressesStandInNoOtherProfile: an address counts for some devices.
func TestAddressesStandInNoOtherProfile(t *testing.T) {
	forEveryChain(t, func(t *testing.T, c sample) {
		if ips := c.chain.Leaf.IPAddresses; (len(ips) > 0) != (c.Profile == IPSAN) {
			t.Errorf("addresses %v", ips)
		}
	})
}
