package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/simulator/record"
)

// outcome is what the device made of a certificate.
type outcome int

const (
	unclear outcome = iota // it did not try, or it cannot be said
	refused
	accepted
)

// outcomeOf says what the device made of the certificate in the attempts, with
// the connection that shows it.
func outcomeOf(attempts []record.Attempt) (o outcome, a record.Attempt, conn *connection) {
	for _, a = range attempts {
		for _, conn = range tried(connections(a)) {
			if conn.done != nil && conn.data && len(conn.sip) > 0 {
				return accepted, a, conn
			}
		}
	}
	for _, a = range attempts {
		if _, is := truncated(a); is {
			return unclear, a, nil
		}
	}
	for _, a = range attempts {
		all := tried(connections(a))
		if len(all) == 0 {
			continue
		}
		for _, conn = range all {
			if !conn.refused() {
				return unclear, a, conn
			}
		}
		return refused, a, all[0]
	}
	return unclear, attempts[len(attempts)-1], nil
}

// refused reports whether the device ended the connection by itself, in time,
// and sent no application octet on it.
func (c *connection) refused() bool { return c.ender == record.Device && !c.data && !c.late() }

// late reports whether the connection ended only when it had long been in use.
func (c *connection) late() bool { return c.done != nil && c.end.Mono-c.doneAt > justAfter }

// although adds to the witnesses on how many connections the device refused what
// it accepted on another one.
func although(v *Verdict, a record.Attempt) {
	all := slices.DeleteFunc(tried(connections(a)), func(c *connection) bool { return !c.refused() })
	if len(all) > 0 {
		v.Witnesses = append(v.Witnesses, fmt.Sprintf("it also ended %d connection(s) without SIP: %s, %s", len(all), all[0].proxy, all[0].how()))
	}
}

// Acceptance judges scenarios in which the cloud shows what a device must take:
// it passes if the device completes a handshake and sends SIP over it.
func Acceptance(c Case) Verdict {
	v := Verdict{Expected: "The device completes the handshake and sends SIP over the connection, without having been set up anew."}
	if c.Fault != "" {
		v.Expected += " " + c.Fault
	}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	o, a, conn := outcomeOf(c.Attempts)
	switch o {
	case accepted:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device completed the handshake with %s and sent SIP %s.", conn.proxy, conn.sip[0].Method)
		v.show(a, conn.first, "%s: the device sent SIP over the connection", conn.proxy)
		although(&v, a)
	case refused:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device refused: it ended the connection to %s (%s). With what the control showed it came through.", conn.proxy, conn.how())
		v.Hint = differsHint(a, tried(connections(a)))
		v.show(a, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
	default:
		return undecided(v, a, conn)
	}
	if asked, is := c.inquired(a); is {
		asked.show(&v, a)
	}
	return v
}

// differsHint says what the device's alerts usually mean where it took another
// certificate under the same root.
func differsHint(a record.Attempt, conns []*connection) string {
	hint := alertHint(conns)
	for _, e := range a.Events {
		if b, is := e.Body.(record.Profile); is && b.Generation == a.Generation && strings.Contains(b.Name, " under ") {
			return hint // it is the root that differs
		}
	}
	for _, conn := range conns {
		for _, x := range conn.alerts {
			switch x.Name {
			case "unknown_ca", "bad_certificate", "certificate_unknown", "unsupported_certificate":
				return "It took what the control showed, so it is about what differs. Let the device trust the root alone: not the proxies' certificate, its key or its issuer, nor a list that it keeps of issuers. Its TLS log says why it refused."
			}
		}
	}
	return hint
}

// AcceptedThroughout is Acceptance for what goes on after the handshake: the
// device must not end the connection before it has sent a second message.
func AcceptedThroughout(c Case) Verdict {
	v := Acceptance(c)
	if v.Status != Pass || len(c.Attempts) == 0 {
		return v
	}
	o, a, conn := outcomeOf(c.Attempts)
	// After an OPTIONS it may: the answer may be all that it wanted.
	if o != accepted || len(conn.sip) > 1 || conn.sip[0].Method != "INVITE" || conn.ender != record.Device {
		return v
	}
	v.Status = unmet(c.Level)
	v.Observed = fmt.Sprintf("The device completed the handshake with %s and sent SIP %s, but then ended the connection (%s) when our answer came.", conn.proxy, conn.sip[0].Method, conn.how())
	v.Hint = "Bring the device's TLS software up to date: what came is unusual, but right."
	v.show(a, conn.end, "%s: the device ended the connection", conn.proxy)
	return v
}

// Told judges scenarios in which the sources disagree about what a device should
// do, or say nothing: whatever it does is told, never held against it.
func Told(c Case) Verdict {
	v := Verdict{Expected: "What the device does is told; either way is right by one of the sources."}
	if c.Readings != "" {
		v.Expected = "What the device does is told, not judged: " + c.Readings
	}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	o, a, conn := outcomeOf(c.Attempts)
	asked, revocation := c.inquired(a)
	v.Status = Pass
	switch o {
	case accepted:
		v.Observed = fmt.Sprintf("The device accepts: it completed the handshake with %s and sent SIP %s.", conn.proxy, conn.sip[0].Method)
		v.show(a, conn.first, "%s: the device sent SIP over the connection", conn.proxy)
		although(&v, a)
		if revocation {
			v.Observed += " " + asked.accepted(conn)
		}
	case refused:
		v.Observed = fmt.Sprintf("The device refuses: it ended the connection to %s (%s), and with the fault removed it came through.", conn.proxy, conn.how())
		v.show(a, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
		if revocation {
			v.Observed += " " + asked.refused()
		}
	default:
		return undecided(v, a, conn)
	}
	if revocation {
		asked.show(&v, a)
	}
	return v
}

// undecided is the verdict where what the device made of the certificate cannot
// be said; conn is the connection that leaves it open, nil for none.
func undecided(v Verdict, a record.Attempt, conn *connection) Verdict {
	v.Status = Inconclusive
	if n, is := truncated(a); is {
		v.Observed = fmt.Sprintf("The device made so many events that %d could not be kept, so what it did cannot be said.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
		return v
	}
	if conn == nil {
		v.Observed, v.Hint = silence(a)
		v.Observed = "The device did not try. " + v.Observed
		v.Hint = "If the device had marked the proxies as down, raise device.recovery or give a device.reset hook. " + v.Hint
		return v
	}
	v.Hint = "Look at the device's log for this connection, and run the scenario again."
	switch {
	case conn.failed != nil && conn.failed.By == record.Us:
		v.Observed = fmt.Sprintf("We could not go on with the handshake on the connection to %s: %s.", conn.proxy, conn.failed.Error)
		v.show(a, conn.failedAt, "%s: we ended the handshake", conn.proxy)
	case conn.data:
		v.Observed = fmt.Sprintf("The device sent octets to %s that are no SIP, so it neither refused nor came through.", conn.proxy)
		v.show(a, conn.first, "%s: the device sent application data", conn.proxy)
	case conn.ender == record.Device:
		v.Observed = fmt.Sprintf("The device ended the connection to %s without SIP, but only %.0f s after the handshake: that is no refusal.", conn.proxy, (conn.end.Mono - conn.doneAt).Seconds())
		v.show(a, conn.end, "%s: the device ended the connection", conn.proxy)
	default:
		v.Observed = fmt.Sprintf("The device's connection to %s neither came through nor was ended by the device.", conn.proxy)
		v.show(a, conn.opened, "%s: neither used nor ended by the device", conn.proxy)
	}
	return v
}

// ECDSALeaf is Told for a certificate that only suites with ECDSA can use: a
// device without them cannot use it, and that is no refusal.
func ECDSALeaf(c Case) Verdict {
	v := Told(c)
	if reached := (Verdict{}); v.Status != Inconclusive || !c.outside(&reached) || !c.controlled(&reached) {
		return v
	}
	var all []*connection
	for _, a := range c.Attempts {
		if _, is := truncated(a); is {
			return v
		}
		all = append(all, tried(connections(a))...)
	}
	if len(all) == 0 || slices.ContainsFunc(all, func(conn *connection) bool {
		return conn.done != nil || slices.ContainsFunc(conn.hello.Suites, func(s uint16) bool { return s == 0xc02b || s == 0xc02c })
	}) {
		return v
	}
	v.Status, v.Hint = Pass, ""
	v.Observed = "The device offers no suite that a certificate with an ECDSA key is tried with (ECDHE_ECDSA with AES-GCM), so it could not use one. None is needed today: every suite of the specification is authenticated by RSA."
	return v
}
