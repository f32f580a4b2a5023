package judge

import (
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
)

func refusalCases() []expected {
	refused := device("lb01", hello, alert("unknown_ca"))
	control := func(name string, status Status, says []string, shows []string, steps ...step) expected {
		return expected{"control: " + name, with(faulty(refused), func(c *Case) {
			c.Control = []record.Attempt{attempt("control", steps...)}
		}), status, says, shows}
	}
	return []expected{
		{"refused by alert", faulty(refused), Pass, []string{"tried 1 time(s) (lb01)", "sent no SIP"}, []string{"tls.alert", "tls.record"}},
		{"refused on all four", faulty(refused, device("lb02", hello, alert("bad_certificate")), device("lb03", hello, fin, failed), device("lb04", hello, rst, failed)),
			Pass, []string{"4 time(s) (lb01, lb02, lb03, lb04)"}, []string{"tls.alert", "tcp.closed"}},
		{"refused by FIN", faulty(device("lb01", hello, fin, failed)), Pass, nil, []string{"tcp.closed"}},
		{"refused, told by the TLS stack alone", faulty(device("lb01", hello, failed)), Pass, nil, []string{"tls.handshake-failed"}},
		{"refused by RST", faulty(device("lb01", hello, rst, failed)), Pass, nil, []string{"tcp.closed"}},
		{"refused after the handshake by an encrypted alert", faulty(device("lb01", handshake, sealedAlert("bad_certificate"))), Pass, nil, []string{"tls.record"}},
		{"refused after the handshake by an alert without a name", faulty(device("lb01", handshake, sealedAlert(""))), Pass, nil, []string{"tls.record"}},
		{"refused after the handshake by FIN", faulty(device("lb01", handshake, after(300*time.Millisecond), fin)), Pass, nil, []string{"tcp.closed"}},
		{"refused, the profile swapped after that", faulty(device("lb01", hello, alert("unknown_ca"), swapped)), Pass, nil, []string{"tls.alert"}},
		{"refused beside a bare TCP probe and a foreign peer", faulty(device("lb02", fin), foreign, refused), Pass, []string{"1 time(s) (lb01)"}, nil},
		{"refused, with SIP on a connection of ours", faulty(refused, dial(shakes(20*time.Millisecond), answers(200))), Pass, []string{"1 time(s)"}, nil},
		{"SIP on the former profile's connection", faulty(earlier(device("lb01", handshake, sends("OPTIONS"), swapped)), refused), Pass, []string{"1 time(s)"}, nil},

		{"accepted", faulty(device("lb01", handshake, sends("OPTIONS"))), Fail, []string{"with lb01", "SIP OPTIONS", "check of the server certificate"}, []string{"tls.record"}},
		{"refused on lb01, SIP to lb02", faulty(refused, device("lb02", handshake, sends("INVITE"))), Fail, []string{"with lb02", "SIP INVITE"}, nil},
		{"octets that are no SIP", faulty(device("lb01", handshake, octets, fin)), Fail, []string{"application data"}, nil},
		{"an answer to our OPTIONS", faulty(device("lb01", handshake, answers(200))), Fail, []string{"SIP response 200 to OPTIONS"}, nil},
		{"octets before our close on one of four", faulty(refused, device("lb02", hello, fin), device("lb03", handshake, octets, swapped), device("lb04", hello, rst)), Fail, []string{"with lb03"}, nil},
		{"SIP in the second of two attempts", with(faulty(refused), func(c *Case) {
			c.Attempts = append(c.Attempts, attempt("again", device("lb02", handshake, sends("OPTIONS"))))
		}), Fail, []string{"with lb02"}, nil},
		{"SIP in the second attempt, the first truncated", with(faulty(refused, flooded), func(c *Case) {
			c.Attempts = append(c.Attempts, attempt("again", device("lb02", handshake, sends("OPTIONS"))))
		}), Fail, []string{"with lb02"}, nil},
		{"SIP on a connection whose beginning was not recorded", faulty(refused, standing(sends("OPTIONS"))), Fail, []string{"with lb03"}, nil},
		{"SIP seen before the recording was truncated", faulty(device("lb01", handshake, sends("OPTIONS")), flooded), Fail, nil, nil},

		{"cut by our deadline", faulty(device("lb01", hello, cut)), Inconclusive, []string{"1 we had to end"}, []string{"tls.handshake-failed"}},
		{"cut by a profile swap", faulty(refused, device("lb02", handshake, swapped)), Inconclusive, []string{"2 connection(s)", "1 we had to end"}, []string{"tcp.closed"}},
		{"still standing", faulty(device("lb01", handshake)), Inconclusive, []string{"1 still stood at the end"}, []string{"tcp.accepted"}},
		{"stalled in the handshake", faulty(device("lb01", hello)), Inconclusive, []string{"1 still stood"}, nil},
		{"an alert from us first", faulty(device("lb01", hello, ourAlert, fin)), Inconclusive, []string{"1 we had to end"}, []string{"tls.alert"}},
		{"an encrypted alert from us first", faulty(device("lb01", handshake, ourSealedAlert, fin)), Inconclusive, []string{"1 we had to end"}, nil},
		{"a warning is no refusal", faulty(device("lb01", hello, warning, cut)), Inconclusive, []string{"1 we had to end"}, nil},
		{"a warning, then still standing", faulty(device("lb01", hello, warning)), Inconclusive, []string{"1 still stood"}, nil},
		{"idle after the handshake, ended long after", faulty(device("lb01", handshake, after(30*time.Second), fin)), Inconclusive,
			[]string{"more than 5 s after the handshake", "ends the connection at once"}, []string{"tcp.closed"}},
		{"device idle", faulty(), Inconclusive, []string{"did not try", "Nothing of the device", "device.recovery"}, nil},
		{"device asks DNS only", faulty(dnsQuery, dnsQuery), Inconclusive, []string{"DNS was asked 2 time(s)"}, nil},
		{"only foreign connections", faulty(foreign), Inconclusive, []string{"203.0.113.9", "device.sources"}, nil},
		{"only a bare TCP probe", faulty(device("lb01", fin)), Inconclusive, []string{"1 TCP connection(s)", "began no TLS handshake"}, nil},
		{"only connections of the former profile", faulty(earlier(refused)), Inconclusive, []string{"did not try"}, nil},
		{"truncated recording", faulty(refused, flooded), Inconclusive, []string{"17 could not be kept"}, nil},

		{"no control", with(faulty(refused), func(c *Case) { c.Control = nil }), Error, []string{"no control"}, nil},
		control("refused too", Inconclusive, []string{"did not succeed", "unknown_ca", "byocheck certs export"}, nil, refused),
		control("refused as expired", Inconclusive, []string{"check its clock"}, nil, device("lb01", hello, alert("certificate_expired"))),
		control("refused for the version", Inconclusive, []string{"TLS 1.2"}, nil, device("lb01", hello, alert("protocol_version"))),
		control("refused for the suites", Inconclusive, []string{"secp384r1"}, nil, device("lb01", hello, alert("handshake_failure"))),
		control("refused the certificate, twice", Inconclusive, []string{"bad_certificate (2 times)", "by the name lbNN"}, nil,
			device("lb01", hello, alert("bad_certificate")), device("lb02", hello, alert("bad_certificate"))),
		control("we could not go on", Inconclusive, []string{"We could not go on", "no cipher suite in common"}, nil, device("lb01", hello, ourAlert)),
		control("handshake but no SIP", Inconclusive, []string{"did not come through", "TLS log"}, nil, device("lb01", handshake)),
		control("octets but no SIP", Inconclusive, []string{"did not come through"}, nil, device("lb01", handshake, octets)),
		control("device idle", Inconclusive, []string{"control did not succeed", "Nothing of the device"}, nil),
		control("on another generation only", Inconclusive, []string{"control did not succeed"}, nil, earlier(came("lb01"))),
		control("passed on one of two", Pass, []string{"With the fault removed it came through"}, []string{"tls.record"}, refused, came("lb02")),
		{"control: the last of two decides", with(faulty(refused), func(c *Case) {
			c.Control = []record.Attempt{attempt("control", came("lb01")), attempt("control-2", refused)}
		}), Inconclusive, []string{"control did not succeed"}, nil},
	}
}

// TestAlertIsAWitness: which alert came is told, but proves nothing.
func TestAlertIsAWitness(t *testing.T) {
	for name, want := range map[string]string{"unknown_ca": "unknown_ca", "internal_error": "internal_error"} {
		v := Refusal(faulty(device("lb01", hello, alert(name)), device("lb02", hello, alert(name))))
		if v.Status != Pass || len(v.Witnesses) != 1 || !strings.Contains(v.Witnesses[0], want+" (2 times)") {
			t.Errorf("%s: %s, witnesses %q", name, v.Status, v.Witnesses)
		}
	}
}

// TestHowItWasRefused: evidence says by what and when a connection was ended.
func TestHowItWasRefused(t *testing.T) {
	for want, s := range map[string]step{
		"alert unknown_ca during the handshake":     device("lb01", hello, warning, alert("unknown_ca")),
		"alert bad_certificate after the handshake": device("lb01", handshake, sealedAlert("bad_certificate")),
		"an encrypted alert after the handshake":    device("lb01", handshake, sealedAlert("")),
		"FIN during the handshake":                  device("lb01", hello, fin, failed),
		"RST after the handshake":                   device("lb01", handshake, rst),
	} {
		v := Refusal(faulty(s))
		if shows := v.Evidence[len(v.Evidence)-1].Shows; !strings.HasSuffix(shows, want) {
			t.Errorf("evidence %q, want %q", shows, want)
		}
	}
}

// TestSights: what the scenarios ask while they play.
func TestSights(t *testing.T) {
	for _, x := range []struct {
		name               string
		s                  step
		tried, cameThrough bool
		standing           int
	}{
		{"nothing", dnsQuery, false, false, 0},
		{"bare TCP", device("lb01"), false, false, 1},
		{"foreign", foreign, false, false, 0},
		{"refused", device("lb01", hello, alert("unknown_ca")), true, false, 0},
		{"a warning only", device("lb01", hello, warning), true, false, 1},
		{"idle", device("lb01", handshake), true, false, 1},
		{"octets", device("lb01", handshake, octets), true, false, 1},
		{"came through", came("lb01"), true, true, 1},
		{"on the former profile", earlier(came("lb01")), false, false, 0},
		{"the cloud's own", dial(shakes(20*time.Millisecond), answers(200)), false, false, 0},
	} {
		a := attempt("fault", x.s)
		if Tried(a) != x.tried || CameThrough(a) != x.cameThrough || Standing(a) != x.standing {
			t.Errorf("%s: %v %v %d", x.name, Tried(a), CameThrough(a), Standing(a))
		}
	}
}
