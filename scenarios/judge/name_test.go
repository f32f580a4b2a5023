package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// region are the names of the region that is played.
var region = []string{proxyName(1), proxyName(2), proxyName(3), proxyName(4), "voice.use1.pure.cloud"}

func proxyName(n int) string { return fmt.Sprintf("lb%02d.voice.use1.pure.cloud", n) }

// addressedCall is a call of the device to a proxy, by URI and SNI, on a connection that
// it opens in the attempt.
func addressedCall(proxy, uri, sni string) step {
	return device(proxy, func(w *wire, l link) {
		w.emit(l, record.ClientHello{ServerName: sni, Versions: []uint16{0x303}})
		w.emit(l, record.HandshakeDone{Version: 0x303})
		invited(uri)(w, l)
	})
}

// invited is the call itself.
func invited(uri string) act {
	return func(w *wire, l link) {
		w.emit(l, record.SIPMessage{Dir: record.In, Method: "INVITE", CallID: "c", Call: 1, Raw: record.Text("INVITE " + uri + " SIP/2.0\r\n\r\n" + secured)})
		for _, state := range []string{"invited", "answered", "ended"} {
			w.emit(l, record.Call{Leg: "cloud", Call: 1, Role: "callee", Number: "+13175550100", State: state})
		}
	}
}

// held is a connection that the device opened before the attempt.
func held(proxy string, acts ...act) step {
	return func(w *wire) {
		l := w.open(proxy)
		for _, do := range acts {
			do(w, l)
		}
	}
}

// moves: the name of each proxy leads to the next one's address.
func moves(w *wire) {
	for n := range 4 {
		to := (n+1)%4 + 1
		w.emit(link{}, record.DNSChange{Name: proxyName(n + 1), Address: fmt.Sprintf("127.0.1.%d", to), Proxy: fmt.Sprintf("lb%02d", to)})
	}
}

func asks(name string, answers ...string) step {
	return func(w *wire) {
		w.emit(link{}, record.DNSQuery{Name: name + ".", Type: "A", Rcode: "NOERROR", Answers: answers})
	}
}

// uncorroborated ends what is observed where nothing is said of a second call.
const uncorroborated = `(SNI "lb01.voice.use1.pure.cloud").`

func byNameCases() []expected {
	made := func(first step, then ...step) Case {
		return with(one(carrierCall(call{}), first), func(c *Case) {
			c.Names = region
			if len(then) > 0 {
				c.Attempts = append(c.Attempts, attempt("moved", append([]step{moves, carrierCall(call{})}, then...)...))
			}
		})
	}
	const number, tail = "sip:+13175550100@", ";transport=tls"
	lb01, lb02 := proxyName(1), proxyName(2)
	uri := func(name string, status Status, says, uri string) expected {
		return expected{"Request-URI: " + name, made(addressedCall("lb01", uri, "")), status, []string{says}, []string{"sip.message"}}
	}
	sni := func(name string, status Status, says, sni string) expected {
		return expected{"SNI: " + name, made(addressedCall("lb01", number+lb01+tail, sni)), status, []string{says}, []string{"sip.message"}}
	}
	good := addressedCall("lb01", number+lb01+tail, lb01)
	told := asks(lb01, "127.0.1.2")
	again := func(proxy string) step { return addressedCall(proxy, number+lb01+tail, lb01) }
	const followed = "it dialled the new one after the TTL"
	moved := func(name string, status Status, says string, then ...step) expected {
		return expected{"moved: " + name, made(good, then...), status, []string{says}, []string{"sip.message"}}
	}
	const edge01 = "edge01.customer.test"
	edge := func(name string, status Status, says, uri, sni string) expected {
		return expected{"Edge: " + name, atEdge(one(carrierCall(call{}), addressedCall("edge", uri, sni))), status, []string{says}, []string{"sip.message"}}
	}
	return []expected{
		edge("its name", Pass, `addressed its call to "edge01.customer.test" (SNI "edge01.customer.test")`, number+edge01+tail, edge01),
		edge("its name without SNI", Pass, `(SNI "")`, number+edge01, ""),
		edge("another host, its name in SNI", Pass, `addressed its call to "customer.test"`, number+"customer.test"+tail, edge01),
		edge("another host, no SNI", Inconclusive, "not shown that it dials the Edge by its name, edge01.customer.test", number+"customer.test"+tail, ""),
		edge("another host, another name in SNI", Fail, `asked for "customer.test" in SNI`, number+"customer.test"+tail, "customer.test"),
		edge("its name, another name in SNI", Fail, `asked for "other.test" in SNI`, number+edge01, "other.test"),
		edge("its address", Fail, "Give the trunk the Edge by its name", number+"127.0.1.1:5061"+tail, ""),
		uri("proxy", Pass, `addressed its call to "lb01.voice`, number+lb01+tail),
		uri("TGRP", Pass, `addressed its call to "lb01.voice`, "sip:+13175550100;tgrp=trunk-1;trunk-context=byoc.customer.test@"+lb01+tail),
		uri("TGRP, an address in trunk-context", Pass, `"lb01.voice`, "sip:+13175550100;tgrp=t;trunk-context=192.0.2.1@"+lb01+":5061"+tail),
		uri("with a port", Pass, `"lb01.voice`, number+lb01+":5061"),
		uri("with headers", Pass, `"lb01.voice`, number+lb01+"?Subject=a:b"),
		uri("letter case", Pass, `"LB01.Voice`, "SIP:+13175550100@LB01.Voice.USE1.Pure.Cloud"),
		uri("trailing dot", Pass, `"lb01.voice`, number+lb01+".:5061"),
		uri("SRV domain", Pass, `"voice.use1.pure.cloud"`, number+"voice.use1.pure.cloud"+tail),
		uri("sips", Pass, `"lb01.voice`, "sips:+13175550100@"+lb01),
		uri("no user", Pass, `"lb01.voice`, "sip:"+lb01+tail),
		uri("IPv4", Fail, "to 127.0.1.1, an IP address", number+"127.0.1.1:5061"+tail),
		uri("IPv4, the name in the user part", Fail, "127.0.1.1, an IP address", "sip:+13175550100;trunk-context="+lb01+"@127.0.1.1"),
		uri("IPv4, the name in a parameter", Fail, "127.0.1.1, an IP address", number+"127.0.1.1;maddr="+lb01),
		uri("IPv4 with a trailing dot", Fail, "127.0.1.1., an IP address", number+"127.0.1.1."),
		uri("IPv6", Fail, "to [2001:db8::1], an IP address", number+"[2001:db8::1]:5061"+tail),
		uri("another name", Fail, "none of the region's names", number+"byoc.customer.test"),
		uri("a name below", Fail, "none of the region's names", number+"a."+lb01),
		uri("a name beyond", Fail, "none of the region's names", number+lb01+".customer.test"),
		uri("another region's proxy", Fail, "none of the region's names", number+"lb01.voice.usw2.pure.cloud"),
		uri("the trunk's name as host", Fail, "TGRP form", number+"trunk-1"),
		uri("tel", Fail, `names no host: "tel:+13175550100"`, "tel:+13175550100"),
		uri("none", Fail, "names no host", ""),
		sni("the same name", Pass, `(SNI "lb01.voice`, lb01),
		sni("another name of the region", Pass, `(SNI "lb02.voice`, lb02),
		sni("SRV domain", Pass, `(SNI "voice.use1`, "voice.use1.pure.cloud"),
		sni("foreign", Fail, `asked for "sbc.customer.test" in SNI`, "sbc.customer.test"),
		sni("an address", Fail, `asked for "127.0.1.1" in SNI`, "127.0.1.1"),
		{"a connection from before", made(held("lb01", octets, invited(number+lb01))), Pass, []string{`(SNI "")`}, nil},
		{"beside a call to another number", with(made(good), func(c *Case) {
			c.Attempts = []record.Attempt{attempt("call", carrierCall(call{}), cloudTakes(call{number: 9, called: "911", status: 404}), good)}
		}), Pass, nil, nil},

		moved("followed", Pass, followed, told, again("lb02")),
		moved("followed, no query seen", Pass, followed, again("lb02")),
		moved("followed by the Request-URI, no SNI", Pass, followed, told, addressedCall("lb02", number+lb01, "")),
		moved("followed by the Request-URI, the SRV domain in SNI", Pass, followed, told, addressedCall("lb02", number+lb01, "voice.use1.pure.cloud")),
		moved("followed by SNI, the SRV domain in the Request-URI", Pass, followed, told, addressedCall("lb02", number+"voice.use1.pure.cloud", lb01)),
		moved("at the new address, without SNI or query", Pass, uncorroborated, addressedCall("lb02", number+lb01, "")),
		moved("query and old address, which another name that was asked for leads to", Pass, uncorroborated, told, asks(proxyName(4), "127.0.1.1"), addressedCall("lb01", number+lb01, "")),
		moved("query and old address, no SNI", Warn, "still dialled the old address", told, addressedCall("lb01", number+lb01, "")),
		moved("queries for all and old address, as SNI tells", Warn, "still dialled the old address", told, asks(proxyName(4), "127.0.1.1"), again("lb01")),
		moved("query and old address", Warn, "asked our DNS and still dialled the old address", told, again("lb01")),
		moved("query in other letter case and old address", Warn, "still dialled the old address", asks("LB01.voice.use1.pure.cloud", "127.0.1.2"), again("lb01")),
		moved("no query, old address", Pass, uncorroborated, again("lb01")),
		moved("query for another type, old address", Pass, uncorroborated, asks(lb01), again("lb01")),
		moved("query for another name, old address", Pass, uncorroborated, asks(lb02, "127.0.1.3"), again("lb01")),
		moved("query after the call, old address", Pass, uncorroborated, again("lb01"), told),
		moved("query and old address, on a connection from before", Pass, uncorroborated, told, held("lb01", octets, invited(number+lb01))),
		moved("on a connection from before, at the new address", Pass, uncorroborated, held("lb02", octets, invited(number+lb01))),
		moved("another proxy's name dialled, as SNI tells", Pass, followed, asks(proxyName(4), "127.0.1.1"), addressedCall("lb01", number+lb01, proxyName(4))),
		moved("query, a third proxy", Pass, uncorroborated, told, again("lb03")),
		moved("SRV domain only", Pass, uncorroborated, addressedCall("lb02", number+"voice.use1.pure.cloud", "")),
		moved("no call", Pass, uncorroborated, told),
		moved("no call, which could not be placed", Pass, uncorroborated, stimulusEnded("no route to host")),
		moved("an address now", Fail, "127.0.1.1, an IP address", addressedCall("lb01", number+"127.0.1.1", "")),
		moved("a foreign SNI now", Fail, "in SNI", addressedCall("lb02", number+lb01, "sbc.customer.test")),
		{"moved to where the call came before", made(addressedCall("lb02", number+lb01, ""), told, addressedCall("lb02", number+lb01, "")), Pass, []string{`(SNI "")`}, nil},
		{"two names that lead to each other's addresses", made(addressedCall("lb01", number+lb01, lb01), asks(lb02, "127.0.1.3"), addressedCall("lb01", number+lb02, lb02)), Pass, []string{uncorroborated}, nil},

		{"device refuses our certificate", made(device("lb01", hello, alert("unknown_ca"))), Inconclusive, []string{"tried 1 TLS connection(s)", "unknown_ca"}, []string{"tls.alert"}},
		{"connected, but no call", made(came("lb01")), Inconclusive, []string{"no call with the number's last digits"}, nil},
		{"device idle", made(wait(time.Second)), Inconclusive, []string{"Nothing of the device"}, nil},
		{"INVITE not kept, truncated", with(made(good), func(c *Case) {
			c.Attempts = []record.Attempt{attempt("call", cloudTakes(call{lost: true}), flooded)}
		}), Inconclusive, []string{"The INVITE is among the 17"}, nil},
		{"INVITE not recorded", made(cloudTakes(call{lost: true})), Error, []string{"recorded no INVITE"}, nil},
		{"no names in the case", with(made(good), func(c *Case) { c.Names = nil }), Error, []string{"which names the region has"}, nil},
		{"call could not be placed", with(one(stimulusEnded("no route to host")), func(c *Case) { c.Names = region }), Error, []string{"no route to host"}, []string{"stimulus"}},
	}
}

// TestDoubtsAboutName: what was not corroborated is told as a witness.
func TestDoubtsAboutName(t *testing.T) {
	want := map[string]string{
		"SNI: another name of the region":                           "another name of the region than",
		"a connection from before":                                  "sent no SNI on the connection of its call",
		"moved: no query, old address":                              "did not ask our DNS for lb01.voice.use1.pure.cloud in that attempt (a hosts file?)",
		"moved: query after the call, old address":                  "did not ask our DNS",
		"moved: query and old address, on a connection from before": "over a connection that stood before",
		"moved: query, a third proxy":                               "came to lb03, which may be dialled under another name",
		"moved: SRV domain only":                                    "the address of voice.use1.pure.cloud itself was not changed",
		"moved: no call":                                            "no call arrived",
		"moved to where the call came before":                       "may be dialled under another name",
	}
	for _, x := range byNameCases() {
		words, asked := want[x.name]
		delete(want, x.name)
		v := ConnectsByName(x.c)
		if asked && !slices.ContainsFunc(v.Witnesses, func(w string) bool { return strings.Contains(w, words) }) {
			t.Errorf("%s: witnesses %q, want %q", x.name, v.Witnesses, words)
		}
	}
	for _, x := range byNameCases() {
		v := ConnectsByName(x.c)
		if slices.Contains(x.says, uncorroborated) && (!strings.HasSuffix(v.Observed, uncorroborated) || !slices.ContainsFunc(v.Witnesses, func(w string) bool { return strings.HasSuffix(w, "was not corroborated") })) {
			t.Errorf("%s: observed %q, witnesses %q", x.name, v.Observed, v.Witnesses)
		}
	}
	if len(want) > 0 {
		t.Errorf("no such cases: %v", want)
	}
}
