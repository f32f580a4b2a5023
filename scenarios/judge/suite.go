package judge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"byocheck/simulator/record"
)

// SuitesOffered returns the suites of the first ClientHello in an attempt.
func SuitesOffered(a record.Attempt) []uint16 {
	for _, conn := range tried(connections(a)) {
		return slices.Clone(conn.hello.Suites)
	}
	return nil
}

// EachSuite judges whether calls come through on each suite alone that the
// device offers. Each attempt is named after its suite.
func EachSuite(c Case) Verdict {
	v := Verdict{Expected: "A call comes through on each of the specification's suites that the device offers, when the cloud takes that one alone."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	var works, broken, open, curveless []string
	var openIn record.Attempt
	for _, a := range c.Attempts {
		switch o, _, conn := outcomeOf([]record.Attempt{a}); {
		case a.Name == c.Control[0].Name:
		case o == accepted && conn.done != nil:
			works = append(works, a.Name)
			v.show(a, conn.first, "%s on %s: the device sent SIP", conn.proxy, a.Name)
		case o == refused:
			broken = append(broken, a.Name)
			v.show(a, conn.end, "%s on %s: the device ended the connection: %s", conn.proxy, a.Name, conn.how())
		case conn != nil && conn.byUs() && strings.Contains(a.Name, "_ECDHE_") && !slices.Contains(conn.hello.Groups, secp384r1):
			curveless = append(curveless, a.Name)
			v.show(a, conn.end, "%s on %s: no curve in common", conn.proxy, a.Name)
		default:
			open, openIn = append(open, a.Name), a
		}
	}
	v.measure("suites that work", float64(len(works)), "")
	switch {
	case len(broken) > 0:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device offers %s, but ends the connection when that is what is chosen.", strings.Join(broken, ", "))
		v.Hint = "Take the suite off the device's list, or look in its log for why it does not work."
	case len(open) > 0:
		_, _, conn := outcomeOf([]record.Attempt{openIn})
		v = undecided(v, openIn, conn)
		v.Observed = fmt.Sprintf("On %s no call came through: %s", strings.Join(open, ", "), v.Observed)
	case len(curveless) > 0:
		v.Status = Warn
		v.Observed = fmt.Sprintf("The device offers %s, but not the curve secp384r1, without which they cannot be used. A call came through on: %s.", strings.Join(curveless, ", "), listed(works))
		v.Hint = "Enable the curve secp384r1 (P-384) in the device's TLS profile for the trunk."
	case len(works) == 0:
		v.Status = Inconclusive
		v.Observed = "The device offers none of the specification's suites."
		v.Hint = "See what tls.inbound.offers-surviving-suite says."
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("A call came through on each suite of the specification that the device offers (%d): %s.", len(works), strings.Join(works, ", "))
	}
	return v
}

// byUs reports whether it was we who could not go on with the handshake. Our
// alert is enough: why it was sent may come after the attempt's end.
func (c *connection) byUs() bool {
	return c.done == nil && c.ender == record.Us && (c.failed == nil || !c.failed.Deadline)
}

// ScriptRefusal is Refusal, but for a handshake that may not be playable to the
// device because of what it offers, or that cannot be followed to SIP.
func ScriptRefusal(c Case) Verdict {
	const update = "Bring the device's TLS software up to date: it must end such a handshake with an alert."
	v := Refusal(c)
	if reached := (Verdict{}); !c.outside(&reached) || !c.controlled(&reached) {
		return v
	}
	if _, conn := taken(c.Attempts); conn != nil {
		v.Hint = update // it is no matter of certificates
		return v
	}
	var all []*connection
	dropped := false
	for _, a := range c.Attempts {
		_, is := truncated(a)
		dropped = dropped || is
		for _, conn := range tried(connections(a)) {
			all = append(all, conn)
			if conn.failed != nil && conn.failed.By == record.Us && strings.Contains(conn.failed.Error, "took what it must refuse") {
				v.Status = unmet(c.Level)
				v.Observed = fmt.Sprintf("The device went on with the handshake with %s: %s. We could not follow it further.", conn.proxy, conn.failed.Error)
				v.Hint = update
				v.show(a, conn.failedAt, "%s: the device went on", conn.proxy)
				return v
			}
		}
	}
	why := ""
	if v.Status != Inconclusive || dropped || slices.ContainsFunc(all, func(conn *connection) bool {
		if conn.byUs() && conn.failed != nil && strings.Contains(conn.failed.Error, "does not allow the script") {
			why = conn.failed.Error
		}
		return !conn.byUs() || conn.failed != nil && conn.failed.Error != why
	}) || why == "" {
		return v
	}
	v.Status = NotApplicable
	v.Observed = "This handshake cannot be played to the device, because of what its ClientHello offers: " + why + "."
	v.Hint = ""
	return v
}

// WeakSuiteRefused judges whether the device takes a weak suite that it offers.
// Not to offer one is the best refusal.
func WeakSuiteRefused(c Case) Verdict {
	v := Verdict{Expected: "The device offers no weak cipher suite, or ends the connection when one is chosen."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	weak := slices.DeleteFunc(SuitesOffered(c.Control[len(c.Control)-1]), func(s uint16) bool { return weakSuites[s] == "" })
	if len(weak) == 0 {
		v.Status, v.Observed = Pass, "The device offers no weak suite, so none can be chosen."
		return v
	}
	served := slices.DeleteFunc(c.faulty(), cannotServe)
	for _, a := range served {
		weak = slices.DeleteFunc(weak, func(s uint16) bool {
			return shownIn(a) == SuiteName(s)
		})
	}
	const remove = "Remove the suite from the device's cipher list."
	if len(served) > 0 {
		var all bool
		if v, all = c.eachRefused(v, served, nil, remove); !all {
			return v
		}
	}
	if len(weak) > 0 {
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device offers %s, which could not be served to it here, so it was not seen whether it takes that.", suiteNames(weak))
		v.Hint = remove
	}
	return v
}

// cannotServe reports whether in an attempt we could not do a handshake that the
// device began.
func cannotServe(a record.Attempt) bool {
	all := tried(connections(a))
	return len(all) > 0 && !slices.ContainsFunc(all, func(conn *connection) bool { return !conn.byUs() })
}

// faulty returns the attempts that are not the control.
func (c Case) faulty() []record.Attempt {
	return slices.DeleteFunc(slices.Clone(c.Attempts), func(a record.Attempt) bool { return a.Name == c.Control[len(c.Control)-1].Name })
}

// shownIn says what the proxies showed in an attempt, besides a good certificate.
func shownIn(a record.Attempt) string {
	said := strings.TrimPrefix(a.Name, "healthy with ")
	if id, err := strconv.ParseUint(said, 0, 16); err == nil { // a suite that crypto/tls has no name for
		return SuiteName(uint16(id))
	}
	return said
}

// suitesOfOld are those with RSA certificates that versions below TLS 1.2 have,
// but for the weak ones (RFC 5246 appendix C, RFC 8422 section 6, RFC 5932).
var suitesOfOld = []uint16{0x002f, 0x0033, 0x0035, 0x0039, 0x0041, 0x0045, 0x0084, 0x0088, 0xc013, 0xc014}

// OldVersionRefused judges whether the device takes a version of TLS below 1.2.
func OldVersionRefused(c Case) Verdict {
	v := Verdict{Expected: "The device ends the connection when the server speaks nothing above TLS 1.1."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	v, _ = c.eachRefused(v, c.faulty(), func(conn *connection) bool {
		return slices.ContainsFunc(conn.ours, aboutVersion) ||
			slices.ContainsFunc(conn.ours, aboutSuite) && len(greeting{ClientHello: *conn.hello}.of(slices.Concat(suitesOfOld, WeakSuites()))) == 0
	}, "Switch off versions below TLS 1.2 in the device's TLS profile.")
	return v
}

// eachRefused judges attempts each of which showed something that is to be
// refused. Where absent, if not nil, finds that the device offers nothing of the
// kind, our own end of the connection counts as its refusal. all: each was refused.
func (c Case) eachRefused(v Verdict, attempts []record.Attempt, absent func(*connection) bool, hint string) (judged Verdict, all bool) {
	var ended []string
	var open *record.Attempt
	var openConn *connection
	for _, a := range attempts {
		o, _, conn := outcomeOf([]record.Attempt{a})
		_, dropped := truncated(a)
		conns := tried(connections(a))
		unoffered := absent != nil && !dropped && len(conns) > 0 && !slices.ContainsFunc(conns, func(x *connection) bool {
			return !x.refused() && (!x.byUs() || !absent(x))
		})
		switch {
		case o == accepted:
			v.Status = unmet(c.Level)
			v.Observed = fmt.Sprintf("The device took %s: it completed the handshake with %s and sent SIP %s.", shownIn(a), conn.proxy, conn.sip[0].Method)
			v.Hint = hint
			v.show(a, conn.first, "%s: the device sent SIP", conn.proxy)
			return v, false
		case o == refused:
			v.show(a, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
		case unoffered:
			v.show(a, conns[0].end, "%s: the device offers nothing of the kind", conns[0].proxy)
		default:
			if open == nil {
				open, openConn = &a, conn
			}
			continue
		}
		ended = append(ended, shownIn(a))
	}
	switch {
	case open != nil:
		v = undecided(v, *open, openConn)
		v.Observed = fmt.Sprintf("With %s: %s", shownIn(*open), v.Observed)
	case len(ended) == 0:
		v.Status, v.Observed = Error, "The case holds no attempt with anything to refuse: the harness did not play the scenario to its end."
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device took none of it: %s.", strings.Join(ended, ", "))
	}
	return v, v.Status == Pass
}
