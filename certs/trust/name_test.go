package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

func nameRows() []row {
	lower, upper := lowerCA(), upperCA()
	named := func(name string, g grades, says, dialled string, do change) row {
		leaf := lower.leaf(func(c *x509.Certificate) { c.Subject, c.DNSNames = pkix.Name{}, nil }, do)
		return row{name, []made{leaf, lower, upper}, func(p *Presented) { p.Target = dialled }, g, []string{says}}
	}
	dns := func(names ...string) change { return func(c *x509.Certificate) { c.DNSNames = names } }
	common := func(names ...string) change {
		return func(c *x509.Certificate) {
			for _, n := range names {
				c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: oidCommonName, Value: n})
			}
		}
	}
	both := func(a, b change) change { return func(c *x509.Certificate) { a(c); b(c) } }
	ip := func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)} }
	uri := func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "sip", Opaque: target}} }
	wrong, none, numeric := grades{StepName: Bad}, grades{StepName: Bad, StepAddress: Bad}, grades{StepName: Bad, StepAddress: Bad}
	addressed := func(name, dialled string) row {
		return row{name, []made{lower.leaf(ip), lower, upper}, func(p *Presented) { p.Target = dialled }, numeric, []string{"is an IP address"}}
	}
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("h%d.other.test", i))
	}
	return []row{
		named("dNSName among others", nil, "", target, dns("other.test", target)),
		named("letter case", nil, "", "SBC.customer.test", dns("sbc.Customer.TEST")),
		named("trailing dot in the target", nil, "", target+".", dns(target)),
		named("trailing dot in the certificate", nil, "", target, dns(target+".")),
		named("common name only", nil, "", target, common("SBC.customer.test")),
		named("common name beside another dNSName", nil, "", target, both(common(target), dns("other.test"))),
		named("first of two common names", nil, "", target, common(target, "other.test")),
		named("second of two common names", nil, "", target, common("other.test", target)),

		named("another name", wrong, `names "cn.test" (common name), "other.test", but not "sbc.customer.test"`, target, both(common("cn.test"), dns("other.test"))),
		named("wildcard", wrong, `names "*.customer.test"`, target, dns("*.customer.test")),
		named("wildcard as common name", wrong, "but not", target, common("*.customer.test")),
		named("wildcard as target", wrong, "is no host name", "*.customer.test", dns("*.customer.test")),
		named("the domain above", wrong, `names "customer.test"`, target, dns("customer.test")),
		named("the name below", wrong, "a.sbc.customer.test", target, dns("a.sbc.customer.test")),
		named("two trailing dots", wrong, "is no host name", target+"..", dns(target)),
		named("long s in the common name", none, "but not", target, common("ſbc.customer.test")),
		named("SRV name", wrong, "but not", target, dns("_sips._tcp.customer.test")),
		named("thirty other names", wrong, `"h19.other.test", and 10 more`, target, dns(many...)),
		named("a name of a thousand letters", wrong, `names "`+strings.Repeat("a.", longest/2)+`…" (common name), but`, target, common(strings.Repeat("a.", 500))),
		named("control characters in the common name", none, `names "a�b" (common name)`, target, common("a\nb")),
		named("iPAddress only", none, "names 192.0.2.7", target, ip),
		named("IP address as dNSName", none, `names "192.0.2.7"`, target, dns("192.0.2.7")),
		named("IP address as common name", none, "but not", target, common("192.0.2.7")),
		named("IPv6 address as common name", none, "but not", target, common("2001:db8::7")),
		named("URI only", none, "sip:sbc.customer.test", target, uri),
		named("URI beside the dNSName", nil, "", target, both(uri, dns(target))),
		named("no name at all", none, "holds no name at all", target, func(*x509.Certificate) {}),
		addressed("IPv4 target", "192.0.2.7"),
		addressed("IPv6 target", "2001:db8::7"),
		addressed("IPv6 target in brackets", "[2001:db8::7]"),
		{"no target", []made{lower.leaf(), lower, upper}, func(p *Presented) { p.Target = "" }, grades{StepName: Unknown, StepAddress: Unknown}, []string{"not said which name"}},
		{"IP target, no certificate", nil, func(p *Presented) { p.Target = "192.0.2.7" }, nothing(grades{StepName: Bad, StepAddress: Bad}), []string{"no certificate"}},
	}
}

// nothing are the grades where there is no certificate, but for the given.
func nothing(but grades) grades {
	out := grades{}
	for _, s := range steps {
		out[s.step] = Unknown
		if g, given := but[s.step]; given {
			out[s.step] = g
		}
	}
	return out
}

func dateRows() []row {
	root, upper, lower := labRoot(), upperCA(), lowerCA()
	dated := func(name string, g grades, says string, from, to float64) row {
		return row{name, []made{lower.leaf(valid(from, to)), lower, upper}, nil, g, []string{says}}
	}
	late := upper.authority("Lower CA", "lower", valid(-1000, -5))
	early := upper.authority("Lower CA", "lower", valid(5, 1000))
	ended := newRoot(cn("Ended Root"), "ended", valid(-3000, -1))
	const second = 1. / 86400
	return []row{
		dated("expired", grades{StepDates: Bad, StepExpiry: Bad}, `"CN=sbc.customer.test" expired on 2026-05-31`, -90, -1),
		dated("not yet valid", grades{StepDates: Bad}, `"CN=sbc.customer.test" is not valid before 2026-06-02`, 1, 90),
		dated("in its last second", grades{StepExpiry: Warn}, "expires in 0 hour(s), on 2026-06-01T12:00:00Z", -90, 0),
		dated("past its last second", grades{StepDates: Bad, StepExpiry: Bad}, "expired on 2026-06-01T11:59:59Z", -90, -second),
		dated("in its first second", nil, "", 0, 90),
		dated("a second before its first", grades{StepDates: Bad}, "not valid before", second, 90),
		dated("30 days left", nil, "", -90, 30),
		dated("a second less than 30 days left", grades{StepExpiry: Warn}, "expires in 29 day(s), on 2026-07-01T11:59:59Z", -90, 30-second),
		dated("hours left", grades{StepExpiry: Warn}, "expires in 6 hour(s)", -90, .25),
		{"intermediate expired", []made{late.leaf(), late, upper}, nil, grades{StepDates: Bad}, []string{`"CN=Lower CA" expired on 2026-05-27`}},
		{"intermediate not yet valid", []made{early.leaf(), early, upper}, nil, grades{StepDates: Bad}, []string{`"CN=Lower CA" is not valid before`}},
		{"root expired", []made{ended.leaf()}, func(p *Presented) { p.Roots = ders(root, ended) }, grades{StepDates: Bad}, []string{`"CN=Ended Root" expired`}},
		{"time not known", []made{lower.leaf(), lower, upper}, func(p *Presented) { p.Now = time.Time{} }, grades{StepDates: Unknown, StepExpiry: Unknown, StepRevocation: Unknown}, []string{"time of the check is not known"}},
	}
}

func usageRows() []row {
	lower, upper := lowerCA(), upperCA()
	used := func(name string, g grades, says string, do change) row {
		return row{name, []made{lower.leaf(do), lower, upper}, nil, g, []string{says}}
	}
	extended := func(u ...x509.ExtKeyUsage) change { return func(c *x509.Certificate) { c.ExtKeyUsage = u } }
	plain := func(u x509.KeyUsage) change { return func(c *x509.Certificate) { c.KeyUsage = u } }
	clientCA := upper.authority("Client CA", "lower", extended(x509.ExtKeyUsageClientAuth))
	serverCA := upper.authority("Server CA", "lower", extended(x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth))
	only := func(g Grade) grades { return grades{StepUsage: g} }
	return []row{
		used("serverAuth and clientAuth", nil, "", extended(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)),
		used("no extended usage", nil, "", extended()),
		used("any extended usage", nil, "", extended(x509.ExtKeyUsageAny)),
		used("clientAuth only", only(Bad), "does not have serverAuth", extended(x509.ExtKeyUsageClientAuth)),
		used("an unknown extended usage", only(Bad), "does not have serverAuth", func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{2, 25, 9}}
		}),
		used("no key usage", nil, "", plain(0)),
		used("no keyEncipherment", only(Warn), "suites without ECDHE", plain(x509.KeyUsageDigitalSignature)),
		used("no digitalSignature", only(Warn), "suites with ECDHE", plain(x509.KeyUsageKeyEncipherment)),
		used("neither", only(Bad), "neither digitalSignature nor keyEncipherment", plain(x509.KeyUsageKeyAgreement)),
		{"authority for clients", []made{clientCA.leaf(), clientCA, upper}, nil, only(Bad), []string{`of "CN=Client CA", an authority above`}},
		{"authority for servers", []made{serverCA.leaf(), serverCA, upper}, nil, nil, nil},
	}
}
