package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/simulator/record"
)

// The judges of what the device, as TLS server, makes of single ClientHellos.

// probes returns the answers in an attempt.
func probes(a record.Attempt) (all []record.TLSProbe, at []record.Event) {
	for _, e := range a.Events {
		if p, is := e.Body.(record.TLSProbe); is {
			all, at = append(all, p), append(at, e)
		}
	}
	return all, at
}

// answers judges the device's answers to ClientHellos. The ordinary ones of the
// controls, before and after, must have been answered: a device that has had
// enough of us refuses everything. bad names what is wrong with an answer, empty
// for nothing; a ClientHello that is refused is as good as a right answer unless
// it must be answered.
func (c Case) answers(expected, took, hint string, must bool, bad func(record.TLSProbe) string) (v Verdict, answered int) {
	v = Verdict{Expected: expected}
	if !c.outside(&v) {
		return v, 0
	}
	if len(c.Control) == 0 {
		v.Status, v.Observed = Error, "The case holds no control: the harness did not play the scenario to its end."
		return v, 0
	}
	a := c.Attempts[len(c.Attempts)-1]
	all, events := probes(a)
	var taken, open []string
	var first record.TLSProbe // of the open ones
	for i, p := range all {
		name := ""
		if p.Complete {
			name = bad(p)
			answered++
		}
		switch {
		case name != "" && !slices.Contains(taken, name):
			taken = append(taken, name)
			v.show(a, events[i], "the device's answer to %s", p.Name)
		case !p.Complete && (must || !refusedProbe(p)):
			if open = append(open, p.Name); len(open) == 1 {
				first = p
			}
			v.show(a, events[i], "%s: %s", p.Name, ended(p))
		}
	}
	v.measure("ClientHellos offered", float64(len(all)), "")
	if len(taken) > 0 { // that speaks for itself
		v.Status, v.Observed, v.Hint = unmet(c.Level), fmt.Sprintf(took, strings.Join(taken, ", ")), hint
		return v, answered
	}
	for _, control := range c.Control {
		ordinary, at := probes(control)
		if len(ordinary) > 0 && ordinary[0].Complete {
			continue
		}
		v.Status = Inconclusive
		v.Observed, v.Hint = "An ordinary ClientHello was not answered either, so a refusal would prove nothing.", "See what tls.outbound.tls12-accepted says. If that passes, the device may limit how often one peer connects: allow the proxies' addresses more."
		if len(ordinary) > 0 {
			v.Observed += " " + ended(ordinary[0])
			v.show(control, at[0], "the device's answer to an ordinary ClientHello")
		}
		return v, answered
	}
	switch {
	case len(all) == 0:
		v.Status, v.Observed = Error, "The case holds no ClientHello: the harness did not play the scenario to its end."
	case len(open) > 0:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device neither took nor refused: %s. %s It answered ordinary ClientHellos.", strings.Join(open, ", "), ended(first))
		v.Hint = "Look at the device's log for these connections: a device that refuses says so at once, by an alert or by hanging up."
	default:
		v.Status = Pass
	}
	return v, answered
}

// refusedProbe reports whether the device ended the handshake before it had chosen anything.
func refusedProbe(p record.TLSProbe) bool { return p.Version == 0 && (p.Alert != "" || p.Closed != "") }

// ended says how a probe ended that was not answered with a whole first flight.
func ended(p record.TLSProbe) string {
	after := "."
	if p.Version != 0 {
		after = fmt.Sprintf(", after it had chosen %s and %s.", versionName(p.Version), SuiteName(p.Suite))
	}
	switch {
	case p.Alert != "":
		return "The device sent the alert " + p.Alert + after
	case p.Closed != "":
		return "The device ended the connection (" + strings.ToUpper(p.Closed) + ")" + after
	case p.Error != "":
		return "There was no whole answer (" + p.Error + ")" + after
	}
	return "There was no whole answer" + after
}

// tookNone says that nothing was taken.
func tookNone(v Verdict) Verdict {
	if v.Status == Pass && v.Observed == "" {
		v.Observed = "The device took nothing of the kind, and answered ordinary ClientHellos before and after."
	}
	return v
}

// OldVersionsRefused judges whether the device, as server, speaks versions below TLS 1.2.
func OldVersionsRefused(c Case) Verdict {
	v, _ := c.answers("Offered nothing above TLS 1.1, the device refuses.",
		"The device still speaks %s, which RFC 8996 forbids. The cloud offers TLS 1.2 only, so calls are not hurt; others may be led to the old version.",
		"Switch off versions below TLS 1.2 on the device's TLS listener.", false,
		func(p record.TLSProbe) string {
			if p.Version >= tls12 {
				return ""
			}
			return versionName(p.Version)
		})
	return tookNone(v)
}

// WeakSuitesRefused judges whether the device, as server, takes suites that
// nobody should use.
func WeakSuitesRefused(c Case) Verdict {
	v, _ := c.answers("Offered only suites without encryption or authentication, of export strength, or with RC4, DES or 3DES, the device refuses.",
		"The device takes %s. The cloud offers none of them, so calls are not hurt, but whoever stands between may make use of it.",
		"Remove the suites from the device's cipher list.", false,
		func(p record.TLSProbe) string { return weakSuites[p.Suite] })
	return tookNone(v)
}

// CompressionRefused judges whether the device, as server, compresses.
func CompressionRefused(c Case) Verdict {
	v, answered := c.answers("Offered TLS compression, the device chooses none.",
		"The device chose %s, which gives away what is encrypted (RFC 9325 section 3.3).",
		"Switch off TLS compression on the device.", false,
		func(p record.TLSProbe) string {
			if p.Compression == 0 {
				return ""
			}
			return fmt.Sprintf("compression (method %d)", p.Compression)
		})
	if v.Status == Pass && v.Observed == "" {
		v.Observed = "Offered compression, the device chose none."
		if answered == 0 {
			v.Observed = "Offered compression, the device refused the whole handshake; without that offer it answers."
		}
	}
	return v
}

// SecureRenegotiation judges whether the device, as server, knows RFC 5746.
func SecureRenegotiation(c Case) Verdict {
	v, _ := c.answers("The device answers with renegotiation_info, which shows that it knows secure renegotiation.",
		"The device's answer has %s: it does not know secure renegotiation, and somebody may put octets before a client's.",
		"Bring the device's TLS software up to date, or switch renegotiation off.", true,
		func(p record.TLSProbe) string {
			if p.RenegotiationInfo {
				return ""
			}
			return "no renegotiation_info (RFC 5746 section 3.6)"
		})
	if v.Status == Pass && v.Observed == "" {
		v.Observed = "The device answers with renegotiation_info."
	}
	return v
}

// TLS12Accepted judges whether the device, as server, takes TLS 1.2 when nothing
// else is offered.
func TLS12Accepted(c Case) Verdict {
	v := Verdict{Expected: "Offered TLS 1.2 only, the device completes the handshake."}
	if !c.outside(&v) {
		return v
	}
	const enable = "Enable TLS 1.2, the only version on these trunks, on the device's TLS listener."
	a := c.Attempts[len(c.Attempts)-1]
	conn := attempted(a)
	switch {
	case conn != nil && conn.done != nil:
		v.Status = Pass
		v.Observed = "The device completed a handshake with " + versionName(conn.done.Version) + "."
		v.show(a, conn.opened, "the connection with TLS 1.2")
	case conn != nil && conn.ender == record.Device && slices.ContainsFunc(conn.alerts, aboutVersion):
		v.Status = unmet(c.Level)
		v.Observed = "The device refuses TLS 1.2 (alert protocol_version)."
		v.Hint = enable
		v.show(a, conn.end, "the device refused TLS 1.2")
	case conn != nil && conn.chose && conn.ender == record.Us && slices.ContainsFunc(conn.ours, aboutVersion):
		v.Status = unmet(c.Level)
		v.Observed = "Offered TLS 1.2 only, the device chose another version."
		v.Hint = enable
		v.show(a, conn.end, "we ended the handshake, which went on in another version")
	default:
		return c.notMeasured(v, a, "Whether the device takes TLS 1.2 was not seen.")
	}
	return v
}

// aboutVersion reports whether an alert says that no version is in common (RFC 5246 7.2.2).
func aboutVersion(a record.Alert) bool { return a.Name == "protocol_version" }

// SuiteTable tells which of the edition's suites the device takes. Each attempt
// offered one alone and is named after it.
func SuiteTable(c Case) Verdict {
	v := Verdict{Expected: "Which of the specification's suites the device takes, each offered alone with secp384r1, is told, not judged."}
	if !c.outside(&v) {
		return v
	}
	var taken, refused, open []string
	var openIn record.Attempt
	for _, a := range c.Attempts {
		name := a.Name
		for _, d := range deprecated {
			if name == SuiteName(d) {
				name += " (deprecated)"
			}
		}
		conn := attempted(a)
		switch {
		case conn != nil && conn.done != nil:
			taken = append(taken, name)
			v.show(a, conn.opened, "accepted %s", a.Name)
		case conn != nil && conn.refusedSuite():
			refused = append(refused, name)
			v.show(a, conn.end, "refused %s: %s", a.Name, conn.how())
		default:
			open, openIn = append(open, name), a
		}
	}
	v.measure("suites taken", float64(len(taken)), "")
	if len(taken)+len(refused) == 0 {
		return c.notMeasured(v, openIn, "No suite could be tried.")
	}
	v.Status = Pass
	v.Observed = fmt.Sprintf("The device takes %d of %d suites: %s.", len(taken), len(c.Attempts), listed(taken))
	if len(refused) > 0 {
		v.Observed += " It refuses " + listed(refused) + "."
	}
	if len(open) > 0 {
		v.Observed += " Not measured: " + listed(open) + "."
	}
	return v
}
