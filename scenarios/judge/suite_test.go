package judge

import (
	"net"
	"testing"

	"byocheck/simulator/record"
)

// offered are the suites of these tests.
var offered = []string{"ECDHE_RSA_AES256_GCM", "ECDHE_RSA_AES128_GCM", "RSA_AES128_GCM"}

// tries makes a case with an attempt for each suite; the last step is repeated.
func tries(all ...step) Case {
	return with(one(), func(c *Case) {
		c.Attempts = nil
		for i, name := range offered {
			c.Attempts = append(c.Attempts, attempt(name, all[min(i, len(all)-1)]))
		}
	})
}

func suiteCases() []expected {
	shaken := dial(ourHello, flight, ourFlight, finished)
	refused := dial(ourHello, alert("handshake_failure"))
	insecure := dial(ourHello, alert("insufficient_security"))
	hungUp := dial(ourHello, fin, failed)
	reset := dial(ourHello, rst, failed)
	notice := func(w *wire, l link) { w.emit(l, record.Alert{Dir: record.In, Level: 1, Name: "close_notify"}) }
	unreached := notDialled("unreachable: connection refused")
	open := func(name string, says string, s step) expected {
		return expected{name, tries(refused, s, refused), Inconclusive, []string{says}, nil}
	}
	return []expected{
		{"all accepted", tries(shaken), Pass, []string{"accepts 3 of the 3 surviving suites: ECDHE_RSA_AES256_GCM, "}, []string{"tcp.dialled"}},
		{"the last accepted", tries(refused, hungUp, shaken), Pass, []string{"accepts 1 of the 3 surviving suites: RSA_AES128_GCM."}, []string{"tcp.dialled", "tls.alert"}},
		{"accepted, then ended by the device", tries(dial(ourHello, flight, ourFlight, finished, sealedAlert("bad_certificate")), refused), Pass, []string{"accepts 1 of the 3"}, nil},
		{"one accepted, the others not dialled", tries(unreached, unreached, shaken), Pass, []string{"accepts 1 of the 3"}, nil},
		{"one accepted, another cut by us", tries(dial(ourHello, cut), shaken, refused), Pass, []string{"accepts 1 of the 3"}, nil},
		{"accepted at the second dial", tries(steps(unreached, shaken), refused), Pass, []string{"accepts 1 of the 3"}, nil},

		{"all refused", tries(refused), Fail, []string{"refuses every one", "secp384r1"}, []string{"tls.alert"}},
		{"all refused as too weak", tries(insecure), Fail, []string{"refuses every one"}, nil},
		{"one refused by alert, the others by hanging up", tries(hungUp, refused, reset), Fail, []string{"refuses every one"}, []string{"tls.alert", "tcp.closed"}},
		{"refused after a warning about the name", tries(dial(ourHello, warning, alert("handshake_failure"))), Fail, []string{"refuses every one"}, nil},

		{"all ended without an alert", tries(hungUp), Inconclusive, []string{"without an alert", "accept the proxies' addresses"}, []string{"tcp.closed"}},
		{"all reset", tries(reset), Inconclusive, []string{"without an alert"}, nil},
		{"all ended with close_notify", tries(dial(ourHello, notice, failed)), Inconclusive, []string{"without an alert"}, nil},
		{"none dialled", tries(unreached), Inconclusive, []string{"Not every suite could be tried", "connection refused"}, []string{"tcp.dialled"}},
		{"all cut by us", tries(dial(ourHello, cut)), Inconclusive, []string{"Not every suite could be tried", "deadline"}, nil},
		open("one not dialled, the others refused", "connection refused", unreached),
		open("one cut by us, the others refused", "deadline", dial(ourHello, cut)),
		open("one ended by our alert, the others refused", "no cipher suite in common", dial(ourHello, ourAlert)),
		open("one still under way, the others refused", "had not come to an end", dial(ourHello)),
		open("one refused for the version", "protocol_version", dial(ourHello, alert("protocol_version"))),
		open("one refused for the name", "unrecognized_name", dial(ourHello, alert("unrecognized_name"))),
		open("one chosen, then refused for want of a client certificate", "chose ECDHE_RSA_AES128_GCM, but the handshake did not end well", dial(ourHello, flightAsking, emptyFlight, alert("handshake_failure"))),
		open("one chosen, then the device hung up", "chose ECDHE_RSA_AES128_GCM", dial(ourHello, flight, fin, failed)),
		open("one chosen, its signature wrong", "chose ECDHE_RSA_AES128_GCM", dial(ourHello, flight, ourAlert)),
		open("one not kept, the others refused", "17 could not be kept", flooded),
		{"the device refuses on its own connections", tries(refused, device("lb01", hello, alert("handshake_failure"))), Error, []string{"nothing was recorded"}, nil},
		{"under the former profile only", tries(earlier(shaken)), Error, []string{"nothing was recorded"}, nil},
		{"our own mishap", tries(stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
	}
}

// TestSuitesAreTold: what became of each suite is told.
func TestSuitesAreTold(t *testing.T) {
	v := SurvivingSuite(tries(dial(ourHello, flight, ourFlight, finished), dial(ourHello, alert("handshake_failure")), notDialled("unreachable")))
	want := []string{"refused: ECDHE_RSA_AES128_GCM", "neither accepted nor refused: RSA_AES128_GCM"}
	if len(v.Witnesses) != 2 || v.Witnesses[0] != want[0] || v.Witnesses[1] != want[1] {
		t.Errorf("witnesses %q, want %q", v.Witnesses, want)
	}
	if len(v.Measurements) != 1 || v.Measurements[0].Value != 1 {
		t.Errorf("measured %+v", v.Measurements)
	}
}

// addressCases: a trunk that rests on an IP address.
func addressCases() []expected {
	holds := func(name string, status Status, says string, change func(*cert)) expected {
		x := leaf
		x.subject, x.dns = "", nil
		change(&x)
		return expected{"certificate: " + name, one(presents(x)), status, []string{says}, []string{"tls.peer-chain"}}
	}
	target := func(name, target string) expected {
		return expected{"target: " + name, with(one(presents(leaf)), func(c *Case) { c.Target = target }), Fail, []string{"is an IP address", "Give the device a DNS name"}, nil}
	}
	ip := []net.IP{net.IPv4(192, 0, 2, 7), net.ParseIP("2001:db8::7")}
	cn := func(subject string) func(*cert) { return func(x *cert) { x.subject, x.ips = subject, ip } }
	dns := func(names ...string) func(*cert) { return func(x *cert) { x.dns, x.ips = names, ip } }
	cases := []expected{
		holds("dNSName beside addresses", Pass, `names "sbc.customer.test"`, dns("sbc.customer.test")),
		holds("host as dNSName beside an address as one", Pass, `"192.0.2.7", "sbc.customer.test"`, dns("192.0.2.7", "sbc.customer.test")),
		holds("host as common name only", Pass, `"sbc.customer.test" (common name), 192.0.2.7`, cn("sbc.customer.test")),
		holds("another host, which NameMatches judges", Pass, `"other.test"`, dns("other.test")),
		holds("wildcard", Pass, `"*.customer.test"`, dns("*.customer.test")),
		holds("name with a trailing dot", Pass, `"sbc.customer.test."`, dns("sbc.customer.test.")),
		holds("name that begins like an address", Pass, `"192.0.2.7.customer.test"`, dns("192.0.2.7.customer.test")),

		holds("IP SAN only", Fail, "names no host, only 192.0.2.7, 2001:db8::7", dns()),
		holds("IP as dNSName", Fail, `only "192.0.2.7"`, dns("192.0.2.7")),
		holds("IP with a trailing dot as dNSName", Fail, `only "192.0.2.7."`, dns("192.0.2.7.")),
		holds("IP as common name", Fail, `only "192.0.2.7" (common name)`, cn("192.0.2.7")),
		holds("IPv6 in brackets as common name", Fail, "names no host", cn("[2001:db8::7]")),
		holds("common name that is no host's", Fail, `only "Edge SBC, unit 7" (common name)`, cn("Edge SBC, unit 7")),
		holds("no name at all", Fail, "holds no name at all", func(*cert) {}),
		target("IPv4", "192.0.2.7"),
		target("IPv4 with a trailing dot", "192.0.2.7."),
		target("IPv6", "2001:db8::7"),
		target("IPv6 in brackets", "[2001:db8::7]"),
		{"IP target, the device unreachable", with(one(notDialled("unreachable")), func(c *Case) { c.Target = "192.0.2.7" }), Fail, []string{"is an IP address"}, nil},
		{"not a certificate", one(presentsBytes("junk")), Inconclusive, []string{"cannot be parsed"}, nil},
		{"no target", with(one(presents(leaf)), func(c *Case) { c.Target = "" }), Error, []string{"does not say"}, nil},
	}
	return append(cases, nothingPresented(one)...)
}
