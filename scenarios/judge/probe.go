package judge

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"

	"byocheck/simulator/record"
)

// The judges of what the device, as TLS server, makes of single ClientHellos.

// WeakSuites lists the suites that nobody should take, in the order of their numbers.
func WeakSuites() []uint16 { return slices.Sorted(maps.Keys(weakSuites)) }

// SuiteName returns the IANA name of a suite, or its number.
func SuiteName(id uint16) string { return suiteNames([]uint16{id}) }

// probes returns the answers in an attempt.
func probes(a record.Attempt) (all []record.TLSProbe, at []record.Event) {
	for _, e := range a.Events {
		if p, is := e.Body.(record.TLSProbe); is {
			all, at = append(all, p), append(at, e)
		}
	}
	return all, at
}

// refuses judges probes that the device should refuse. It refused if it sent an
// alert or hung up, while an ordinary ClientHello before was answered.
func (c Case) refuses(expected, took, hint string, took1 func(record.TLSProbe) bool) Verdict {
	v := Verdict{Expected: expected}
	if !c.outside(&v) {
		return v
	}
	if len(c.Control) == 0 {
		v.Status, v.Observed = Error, "The case holds no control: the harness did not play the scenario to its end."
		return v
	}
	control, at := probes(c.Control[0])
	if len(control) == 0 || !control[0].Complete {
		v.Status = Inconclusive
		v.Observed, v.Hint = "An ordinary ClientHello was not answered either, so a refusal would prove nothing.", "See what tls.outbound.tls12-accepted says."
		if len(control) > 0 {
			v.Observed += " " + ended(control[0])
			v.show(c.Control[0], at[0], "the device's answer to an ordinary ClientHello")
		}
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	all, events := probes(a)
	var taken, silent []string
	for i, p := range all {
		switch {
		case p.Complete && took1(p):
			taken = append(taken, p.Name)
			v.show(a, events[i], "taken: %s", p.Name)
		case !p.Complete && p.Alert == "" && p.Closed == "":
			silent = append(silent, p.Name)
			v.show(a, events[i], "no answer: %s", p.Error)
		}
	}
	v.measure("ClientHellos offered", float64(len(all)), "")
	switch {
	case len(taken) > 0:
		v.Status, v.Observed, v.Hint = unmet(c.Level), fmt.Sprintf(took, strings.Join(taken, ", ")), hint
	case len(silent) > 0 || len(all) == 0:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("Of %d ClientHellos the device answered none to %s, so it cannot be said whether it refuses.", len(all), strings.Join(silent, ", "))
		v.Hint = "Look at the device's log for these connections, and run the scenario again."
	default:
		v.Status, v.Observed = Pass, fmt.Sprintf("The device took none of the %d ClientHellos, and an ordinary one beside them.", len(all))
	}
	return v
}

// ended says how a probe ended that was not answered with a first flight.
func ended(p record.TLSProbe) string {
	switch {
	case p.Alert != "":
		return "The device sent the alert " + p.Alert + "."
	case p.Closed != "":
		return "The device ended the connection (" + strings.ToUpper(p.Closed) + ")."
	}
	return "It ended with: " + p.Error + "."
}

// OldVersionsRefused judges whether the device, as server, speaks versions below TLS 1.2.
func OldVersionsRefused(c Case) Verdict {
	return c.refuses("Offered nothing above TLS 1.1, the device refuses.",
		"The device still speaks %s, which RFC 8996 forbids. The cloud offers TLS 1.2 only, so calls are not hurt; others may be led to the old version.",
		"Switch off versions below TLS 1.2 on the device's TLS listener.",
		func(p record.TLSProbe) bool { return p.Version < tls.VersionTLS12 })
}

// WeakSuitesRefused judges whether the device, as server, takes suites that
// nobody should use.
func WeakSuitesRefused(c Case) Verdict {
	return c.refuses("Offered a suite without encryption or authentication, of export strength, or with RC4, DES or 3DES, the device refuses.",
		"The device takes %s. The cloud offers none of them, so calls are not hurt, but whoever stands between may make use of it.",
		"Remove the suites from the device's cipher list.",
		func(p record.TLSProbe) bool { return slices.Contains(p.Suites, p.Suite) })
}

// CompressionRefused judges whether the device, as server, compresses.
func CompressionRefused(c Case) Verdict {
	v := c.refuses("Offered TLS compression, the device chooses none.",
		"The device chose compression for %s, which gives away what is encrypted (RFC 7525 section 3.3).",
		"Switch off TLS compression on the device.",
		func(p record.TLSProbe) bool { return p.Compression != 0 })
	if v.Status == Pass {
		v.Observed = "The device chose no compression."
	}
	return v
}

// SecureRenegotiation judges whether the device, as server, knows RFC 5746.
func SecureRenegotiation(c Case) Verdict {
	v := c.refuses("The device answers with renegotiation_info, which shows that it knows secure renegotiation.",
		"The device's answer to %s has no renegotiation_info: it does not know secure renegotiation, and somebody may put octets before a client's.",
		"Bring the device's TLS software up to date, or switch renegotiation off.",
		func(p record.TLSProbe) bool { return !p.RenegotiationInfo })
	if v.Status == Pass {
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
	a := c.Attempts[len(c.Attempts)-1]
	conn := attempted(a)
	switch {
	case conn != nil && conn.done != nil:
		v.Status = Pass
		v.Observed = "The device completed a handshake with " + tls.VersionName(conn.done.Version) + "."
		v.show(a, conn.opened, "the connection with TLS 1.2")
	case conn != nil && conn.ender == record.Device && slices.ContainsFunc(conn.alerts, func(x record.Alert) bool { return x.Name == "protocol_version" }):
		v.Status = unmet(c.Level)
		v.Observed = "The device refuses TLS 1.2 (alert protocol_version)."
		v.Hint = "Enable TLS 1.2, the only version on these trunks, on the device's TLS listener."
		v.show(a, conn.end, "the device refused TLS 1.2")
	default:
		return c.notMeasured(v, a, "Whether the device takes TLS 1.2 was not seen.")
	}
	return v
}

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
		case conn != nil && conn.refusedSuite():
			refused = append(refused, name)
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

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
