package judge

import (
	"fmt"
	"strings"

	"byocheck/simulator/record"
)

// NoCleartext judges whether the device, when TLS with every proxy fails, falls
// back to SIP without it.
func NoCleartext(c Case) Verdict {
	v := Verdict{Expected: "When TLS with the proxies fails, the call fails: the device does not try them over TCP or UDP without TLS."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	for _, a := range c.Attempts {
		for _, e := range a.Events {
			b, is := e.Body.(record.Cleartext)
			if !is || b.Foreign {
				continue
			}
			what := "opened a connection"
			if first, _, _ := strings.Cut(string(b.Raw), "\r\n"); first != "" {
				what = fmt.Sprintf("sent %.80q", first)
			}
			v.Status = unmet(c.Level)
			v.Observed = fmt.Sprintf("After TLS had failed the device %s over %s without TLS, to %s.", what, b.Transport, b.Local)
			v.Hint = "Allow only TLS on the device's trunk to the proxies, and take TCP and UDP off its list of transports."
			v.show(a, e, "%s: %s without TLS", e.Proxy, b.Transport)
			return v
		}
	}
	o, a, conn := outcomeOf(c.Attempts)
	switch o {
	case refused:
		v.Status = Pass
		v.Observed = fmt.Sprintf("TLS with %s failed, and the device tried nothing without TLS.", proxies(tried(connections(a))))
		v.show(a, conn.end, "%s: the TLS connection failed", conn.proxy)
	case accepted:
		v.Status = Inconclusive
		v.Observed = "The device accepted a certificate that it must refuse, so TLS did not fail."
		v.Hint = "See what cert.inbound.untrusted-root-refused says."
	default:
		return undecided(v, a, conn)
	}
	return v
}

// Patience tells how long the device waits for a proxy that does not go on with
// the handshake. Each attempt is named after where the proxy stops.
func Patience(c Case) Verdict {
	v := Verdict{Expected: "How long the device waits for a proxy that stops in the handshake is told, not judged."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	var told []string
	for _, a := range c.Attempts {
		conn, given := gaveUp(a)
		switch {
		case conn == nil:
			told = append(told, fmt.Sprintf("%s: the device did not try that proxy", a.Name))
		case !given:
			told = append(told, fmt.Sprintf("%s: it did not give up within %.0f s", a.Name, (a.Ended-conn.opened.Mono).Seconds()))
			v.show(a, conn.opened, "%s: the connection still stood", conn.proxy)
		default:
			d := conn.end.Mono - conn.opened.Mono
			told = append(told, fmt.Sprintf("%s: it gave up after %.0f ms", a.Name, ms(d)))
			v.measure("gives up, "+a.Name, ms(d), "ms")
			v.show(a, conn.end, "%s: the device gave up", conn.proxy)
		}
	}
	v.Status = Pass
	v.Observed = strings.Join(told, "; ") + "."
	if len(v.Evidence) == 0 {
		v.Status = Inconclusive
		v.Hint = "If the device had marked the proxy as down, raise device.recovery or give a device.reset hook."
	}
	return v
}

// gaveUp finds the connection that was left without an answer, and whether the
// device ended it.
func gaveUp(a record.Attempt) (*connection, bool) {
	var odd []string
	for _, e := range a.Events {
		if b, is := e.Body.(record.Profile); is && b.Generation == a.Generation {
			odd = b.Odd
		}
	}
	for _, conn := range tried(connections(a)) {
		if len(odd) == 0 || conn.proxy == odd[0] {
			return conn, conn.ender == record.Device
		}
	}
	return nil, false
}
