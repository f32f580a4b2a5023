package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// NoClientCertificate judges whether the device, as TLS server, gets on with a
// client that has no certificate: the cloud presents none.
func NoClientCertificate(c Case) Verdict {
	v := Verdict{Expected: "The device completes the handshake with a client that presents no certificate, and answers SIP on that connection."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	for _, conn := range connections(a) {
		if !conn.dialled() {
			continue
		}
		asked := conn.asked || conn.done != nil && conn.done.ClientCertificateAsked || conn.failed != nil && conn.failed.ClientCertificateAsked
		answered := slices.ContainsFunc(conn.sip, func(m record.SIPMessage) bool { return m.Status > 0 })
		switch {
		case conn.done != nil && answered:
			v.Status = Pass
			v.Observed = "The device completed the handshake without a client certificate and answered SIP."
			if asked {
				v.Observed = "The device asked for a client certificate, accepted that there was none, and answered SIP."
				v.Hint = "Switch off the request for a client certificate: Genesys does not support mutual TLS."
			}
			v.show(a, conn.opened, "the connection without a client certificate")
			return v
		case asked && conn.empty && conn.ender == record.Device && !conn.elsewhere():
			v.Status = unmet(c.Level)
			v.Observed = "The device demands a client certificate and ended the connection without one: " + conn.how() + "."
			v.Hint = "Switch off mutual TLS (verification of client certificates) on the device's trunk towards Genesys."
			v.show(a, conn.end, "the device ended the connection after our empty Certificate message")
			return v
		case conn.done != nil && conn.ender == record.Device && !asked:
			v.Status = Inconclusive
			v.Observed = "The handshake completed and no client certificate was asked for, but the device ended the connection before it answered SIP: " + conn.how() + "."
			v.Hint = "Look in the device's log for why it hung up on our OPTIONS; let it answer OPTIONS from the proxies."
			v.show(a, conn.end, "the device ended the connection")
			return v
		case conn.done != nil && conn.ender != record.Device:
			v.Status = Inconclusive
			v.Observed = "The handshake completed without a client certificate, but the device did not answer our OPTIONS."
			v.Hint = "Let the device answer OPTIONS from the proxies."
			v.show(a, conn.opened, "the connection without a client certificate")
			return v
		case asked:
			v.Status = Inconclusive
			v.Observed = "The device asked for a client certificate, but the connection ended for another reason before it showed whether it demands one."
			if conn.failed != nil {
				v.Observed += " It ended with: " + conn.failed.Error + "."
			}
			v.Hint = "The other tls.outbound scenarios say which requirement is not met."
			v.show(a, conn.opened, "the connection on which a client certificate was asked for")
			return v
		}
	}
	return c.notMeasured(v, a, "No client certificate was asked for.")
}

// SurvivingSuite judges whether the device, as TLS server, accepts at least one
// of the suites that stay. Each attempt offered one alone and is named after it.
// A suite is refused where the device ends the handshake without a ServerHello;
// since hanging up without an alert may have any reason, one alert at least must
// say that it is for the suite.
func SurvivingSuite(c Case) Verdict {
	v := Verdict{Expected: "Offered the surviving cipher suites one at a time, with secp384r1 as the only group, the device accepts at least one."}
	if !c.outside(&v) {
		return v
	}
	var taken, refused, open []string
	var opened record.Attempt // the first that stayed open
	told := false
	for _, a := range c.Attempts {
		conn := attempted(a)
		switch {
		case conn != nil && conn.done != nil:
			taken = append(taken, a.Name)
			v.show(a, conn.opened, "accepted %s", a.Name)
		case conn != nil && conn.refusedSuite():
			refused = append(refused, a.Name)
			told = told || slices.ContainsFunc(conn.alerts, aboutSuite)
			v.show(a, conn.end, "refused %s: %s", a.Name, conn.how())
		default:
			if open = append(open, a.Name); len(open) == 1 {
				opened = a
			}
		}
	}
	if len(refused) > 0 {
		v.Witnesses = append(v.Witnesses, "refused: "+strings.Join(refused, ", "))
	}
	if len(open) > 0 {
		v.Witnesses = append(v.Witnesses, "neither accepted nor refused: "+strings.Join(open, ", "))
	}
	v.measure("surviving suites accepted", float64(len(taken)), "")
	switch {
	case len(taken) > 0:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device accepts %d of the %d surviving suites: %s.", len(taken), len(c.Attempts), strings.Join(taken, ", "))
	case len(open) > 0:
		why := "Not every suite could be tried."
		if conn := attempted(opened); conn != nil && conn.chose {
			why = fmt.Sprintf("The device chose %s, but the handshake did not end well.", opened.Name)
		}
		return c.notMeasured(v, opened, why)
	case !told:
		v.Status = Inconclusive
		v.Observed = "The device hung up on every one of the surviving suites without an alert, so it is not known whether that was for the suite."
		v.Hint = "Look at the device's log for these connections; if it does not accept the proxies' addresses, allow them. Otherwise enable one of the suites on its TLS listener, ECDHE ones with the curve secp384r1 (P-384)."
	default:
		v.Status = unmet(c.Level)
		v.Observed = "The device refuses every one of the surviving suites."
		v.Hint = "Enable one of the suites on the device's TLS listener, ECDHE ones with the curve secp384r1 (P-384)."
	}
	return v
}

// attempted returns the connection that the cloud dialled in the attempt, the
// best if there are more; nil where there is none.
func attempted(a record.Attempt) *connection {
	var best *connection
	for _, conn := range connections(a) {
		if conn.dialled() && (best == nil || best.done == nil && conn.done != nil) {
			best = conn
		}
	}
	return best
}

// refusedSuite reports whether the device, as server, ended the handshake before
// its ServerHello, and said nothing that lays it to something else.
func (c *connection) refusedSuite() bool {
	return c.ender == record.Device && !c.chose && !slices.ContainsFunc(c.alerts, func(a record.Alert) bool {
		return a.Level != 1 && !aboutSuite(a)
	})
}

// aboutSuite reports whether an alert says that no suite is in common (RFC 5246 7.2.2).
func aboutSuite(a record.Alert) bool {
	return a.Name == "handshake_failure" || a.Name == "insufficient_security"
}

// elsewhere reports whether the device's alert names a cause that has nothing to
// do with a certificate. Other alerts prove nothing: stacks differ.
func (c *connection) elsewhere() bool {
	return slices.ContainsFunc(c.alerts, func(a record.Alert) bool {
		return slices.Contains([]string{"bad_record_mac", "decrypt_error", "decode_error", "illegal_parameter", "protocol_version"}, a.Name)
	})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
