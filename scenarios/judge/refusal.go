package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// justAfter is how long after the handshake the device may take to end a
// connection that it refuses: some stacks check the name only then, and may
// fetch a revocation list before. What it ends later it had taken into use.
const justAfter = 5 * time.Second

// Refusal judges scenarios in which the device, as TLS client, must not use a
// connection. It passes only if with the fault removed the device came through,
// and with the fault it tried, and it ended every connection itself, and no
// application octet came on any of them.
func Refusal(c Case) Verdict {
	v := Verdict{Expected: "The device tries, then ends every connection by itself (alert, FIN or RST) without sending one octet of SIP."}
	if c.Fault != "" {
		v.Expected += " " + c.Fault
	}
	if !c.outside(&v) {
		return v
	}
	if !c.controlled(&v) {
		return v
	}
	if a, conn := taken(c.Attempts); conn != nil {
		return c.accepted(v, a, conn)
	}
	var all []*connection
	cut, late, standing := 0, 0, 0
	for _, a := range c.Attempts {
		if n, is := truncated(a); is {
			v.Status = Inconclusive
			v.Observed = fmt.Sprintf("The device made so many events that %d could not be kept: that it sent nothing cannot be shown.", n)
			v.Hint = "Find out why the device floods the proxies, and run the scenario again."
			return v
		}
		conns := tried(connections(a))
		all = append(all, conns...)
		for _, conn := range conns {
			switch {
			case conn.ender == record.Device && conn.late():
				late++
				v.show(a, conn.end, "%s: the device ended the connection only %.0f s after the handshake", conn.proxy, (conn.end.Mono - conn.doneAt).Seconds())
			case conn.ender == record.Device:
				v.show(a, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
			case conn.ender == record.Us:
				cut++
				v.show(a, conn.end, "%s: we ended the connection before the device did", conn.proxy)
			default:
				standing++
				v.show(a, conn.opened, "%s: the connection still stood at the end of the attempt", conn.proxy)
			}
		}
	}
	if alerts := alertsOf(all); alerts != "" {
		v.Witnesses = append(v.Witnesses, "alerts from the device: "+alerts)
	}
	v.measure("connections tried", float64(len(all)), "")
	switch {
	case len(all) == 0:
		v.Status = Inconclusive
		v.Observed, v.Hint = silence(c.Attempts[len(c.Attempts)-1])
		v.Observed = "With the fault in place the device did not try. " + v.Observed
		v.Hint = "If the device had marked the proxies as down, raise device.recovery or give a device.reset hook. " + v.Hint
	case cut+late+standing > 0:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("No SIP came, but that alone is no refusal: of the device's %d connection(s) %s.", len(all), tally(cut, late, standing))
		v.Hint = "Look at the device's log for these connections: a device that refuses ends the connection at once."
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device tried %d time(s) (%s), ended every connection itself and sent no SIP. With the fault removed it came through.", len(all), proxies(all))
		for _, a := range c.Attempts {
			if asked, is := c.inquired(a); is && Tried(a) {
				v.Observed += " " + asked.refused()
				asked.show(&v, a)
				break
			}
		}
	}
	return v
}

// taken finds the first connection of the device on which application data came.
func taken(attempts []record.Attempt) (record.Attempt, *connection) {
	for _, a := range attempts {
		for _, conn := range connections(a) {
			if conn.data && !conn.dialled() {
				return a, conn
			}
		}
	}
	return record.Attempt{}, nil
}

// tally says how connections stood that were not refused.
func tally(cut, late, standing int) string {
	var parts []string
	if standing > 0 {
		parts = append(parts, fmt.Sprintf("%d still stood at the end of the attempt", standing))
	}
	if late > 0 {
		parts = append(parts, fmt.Sprintf("%d ended more than %.0f s after the handshake", late, justAfter.Seconds()))
	}
	if cut > 0 {
		parts = append(parts, fmt.Sprintf("%d we had to end", cut))
	}
	return strings.Join(parts, ", ")
}

// controlled checks the controls: at least one, and in the last one the device
// completed a handshake and sent SIP.
func (c Case) controlled(v *Verdict) bool {
	if len(c.Control) == 0 {
		v.Status = Error
		v.Observed = "The case holds no control: the harness did not play the scenario to its end."
		return false
	}
	a := c.Control[len(c.Control)-1]
	conns := tried(connections(a))
	for _, conn := range conns {
		if conn.done != nil && conn.data && len(conn.sip) > 0 {
			v.show(a, conn.first, "control: with the fault removed the device came through (%s) and sent SIP", conn.proxy)
			return true
		}
	}
	v.Status = Inconclusive
	if len(conns) == 0 {
		v.Observed, v.Hint = silence(a)
		v.Observed = "The control did not succeed, so a refusal would prove nothing. " + v.Observed
		return false
	}
	v.Observed = "The control did not succeed: with a good certificate the device did not come through either"
	if alerts := alertsOf(conns); alerts != "" {
		v.Observed += "; its alerts: " + alerts
	}
	v.Observed += "."
	v.Hint = alertHint(conns)
	if ofOwnIssuer(a) {
		v.Hint = "The good certificate of this control has an intermediate of its own under the same root. Let the device trust the root, not intermediates that it knows; where it holds chains against revocation lists, it needs one of each issuer. If it takes no certificate of the lab, " + strings.ToLower(v.Hint[:1]) + v.Hint[1:]
	}
	return false
}

func (c Case) accepted(v Verdict, a record.Attempt, conn *connection) Verdict {
	v.Status = unmet(c.Level)
	what := "application data"
	if len(conn.sip) > 0 {
		m := conn.sip[0]
		what = "SIP " + m.Method
		if m.Status > 0 {
			what = fmt.Sprintf("a SIP response %d to %s", m.Status, m.Method)
		}
	}
	v.Observed = fmt.Sprintf("The device completed the handshake with %s and sent %s over the connection.", conn.proxy, what)
	v.Hint = "Switch on the device's check of the server certificate for the trunk: the chain up to the given roots, and the name it dialled."
	v.show(a, conn.first, "%s: the device sent %s to a server that it must refuse", conn.proxy, what)
	if asked, is := c.inquired(a); is {
		if asked.stapled && asked.hello != nil && asked.asked() == "" {
			v.Status = NotApplicable
			v.Observed = fmt.Sprintf("The device completed the handshake with %s, but asks for no stapled OCSP response (status_request), so there was none that it could hold against the certificate.", conn.proxy)
			v.Hint = ""
			return v
		}
		v.Observed += " " + asked.accepted(conn)
		v.Hint = asked.hint()
		asked.show(&v, a)
	}
	return v
}

// ofOwnIssuer reports whether the cloud showed a certificate of an issuer that
// scenarios of revocation have for themselves.
func ofOwnIssuer(a record.Attempt) bool {
	return slices.ContainsFunc(a.Events, func(e record.Event) bool {
		b, is := e.Body.(record.Profile)
		return is && b.Generation == a.Generation && strings.HasSuffix(b.Name, ", good")
	})
}

// how says in words how a connection was ended by the device.
func (c *connection) how() string {
	after := "during the handshake"
	if c.done != nil {
		after = "after the handshake"
	}
	switch b := c.end.Body.(type) {
	case record.Alert:
		return "alert " + b.Name + " " + after
	case record.TLSRecord:
		for _, a := range c.alerts {
			if a.Encrypted {
				return "alert " + a.Name + " " + after
			}
		}
		return "an encrypted alert " + after
	case record.Closed:
		return strings.ToUpper(b.How) + " " + after
	}
	return after
}

// alertHint says what the device's alerts usually mean.
func alertHint(conns []*connection) string {
	for _, c := range conns {
		for _, a := range c.alerts {
			switch a.Name {
			case "unknown_ca":
				return "The device does not trust the lab's roots: export them (byocheck certs export, with --premises for an Edge) and install them as trusted CAs for the trunk."
			case "bad_certificate", "certificate_unknown", "unsupported_certificate":
				return "The device refused the certificate. Install the lab's roots (byocheck certs export), and check that it dials a proxy by the name lbNN.voice.<region>, or the Edge by its own, not by an address."
			case "certificate_expired":
				return "The device finds the certificate expired or not yet valid: check its clock."
			case "protocol_version":
				return "The device does not accept TLS 1.2, the only version on these trunks."
			case "handshake_failure", "insufficient_security":
				return "No common cipher suite or group: the device must offer one of the six suites of the edition, with secp384r1 for ECDHE."
			}
		}
		if c.failed != nil && c.failed.By == record.Us {
			if c.hello != nil && len(c.hello.Versions) > 0 && !slices.Contains(c.hello.Versions, 0x0303) {
				return "The device offers no TLS 1.2, the only version on these trunks: enable it in its TLS profile."
			}
			return "We could not go on with the handshake: " + c.failed.Error + "."
		}
	}
	return "Look at the device's TLS log for these connections."
}
