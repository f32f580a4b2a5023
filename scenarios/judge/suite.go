package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/simulator/record"
)

// SuitesOffered returns the suites of the first ClientHello in an attempt.
func SuitesOffered(a record.Attempt) []uint16 {
	for _, conn := range tried(connections(a)) {
		return conn.hello.Suites
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
	var works, broken, open []string
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
	case len(works) == 0:
		v.Status = Inconclusive
		v.Observed = "The device offers none of the specification's suites."
		v.Hint = "See what tls.inbound.offers-surviving-suite says."
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("A call came through on each of the %d suites of the specification that the device offers: %s.", len(works), strings.Join(works, ", "))
	}
	return v
}

// ScriptRefusal is Refusal, but for a handshake that cannot be played to the
// device because of what it offers.
func ScriptRefusal(c Case) Verdict {
	v := Refusal(c)
	if v.Status != Inconclusive || len(c.Attempts) == 0 {
		return v
	}
	for _, a := range c.Attempts {
		for _, conn := range tried(connections(a)) {
			if conn.failed != nil && conn.failed.By == record.Us && strings.Contains(conn.failed.Error, "took what it must refuse") {
				v.Status = unmet(c.Level)
				v.Observed = fmt.Sprintf("The device went on with the handshake with %s: %s. We could not follow it further.", conn.proxy, conn.failed.Error)
				v.Hint = "Bring the device's TLS software up to date: it must end such a handshake with an alert."
				v.show(a, conn.failedAt, "%s: the device went on", conn.proxy)
				return v
			}
		}
	}
	why := ""
	for _, conn := range tried(connections(c.Attempts[len(c.Attempts)-1])) {
		if conn.failed == nil || conn.failed.By != record.Us || !strings.Contains(conn.failed.Error, "does not allow the script") {
			return v
		}
		why = conn.failed.Error
	}
	if why != "" {
		v.Status = NotApplicable
		v.Observed = "This handshake cannot be played to the device, because of what its ClientHello offers: " + why + "."
		v.Hint = ""
	}
	return v
}

// WeakSuiteRefused judges whether the device takes a weak suite that it offers.
// Not to offer one is the best refusal.
func WeakSuiteRefused(c Case) Verdict {
	v := Verdict{Expected: "The device offers no weak cipher suite, or ends the connection when one is chosen."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	var weak, cannot []uint16
	for _, s := range SuitesOffered(c.Control[len(c.Control)-1]) {
		if _, is := weakSuites[s]; is {
			weak = append(weak, s)
			if !slices.ContainsFunc(c.Attempts, func(a record.Attempt) bool {
				return strings.Contains(a.Name, SuiteName(s)) || strings.Contains(a.Name, fmt.Sprintf("0x%04X", s))
			}) {
				cannot = append(cannot, s)
			}
		}
	}
	if len(weak) == 0 {
		v.Status, v.Observed = Pass, "The device offers no weak suite, so none can be chosen."
		return v
	}
	if v = c.eachRefused(v, false, "Remove the suite from the device's cipher list."); v.Status == Pass && len(cannot) > 0 {
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device offers %s, which no TLS library here can serve, so it was not seen whether it takes that.", suiteNames(cannot))
		v.Hint = "Remove the suite from the device's cipher list."
	}
	return v
}

// OldVersionRefused judges whether the device takes a version of TLS below 1.2.
func OldVersionRefused(c Case) Verdict {
	v := Verdict{Expected: "The device ends the connection when the server speaks nothing above TLS 1.1."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	return c.eachRefused(v, true, "Switch off versions below TLS 1.2 in the device's TLS profile.")
}

// eachRefused judges attempts each of which showed something that is to be
// refused. Where the device need not have offered it, our own alert that nothing
// is in common counts as its refusal.
func (c Case) eachRefused(v Verdict, optional bool, hint string) Verdict {
	var ended []string
	for _, a := range c.Attempts {
		o, _, conn := outcomeOf([]record.Attempt{a})
		all := tried(connections(a))
		unoffered := optional && len(all) > 0 && !slices.ContainsFunc(all, func(x *connection) bool {
			return x.done != nil || !slices.ContainsFunc(x.ours, func(b record.Alert) bool {
				return b.Name == "protocol_version" || b.Name == "handshake_failure"
			})
		})
		switch {
		case o == accepted:
			v.Status = unmet(c.Level)
			v.Observed = fmt.Sprintf("The device took it: with the proxies %s, it completed the handshake with %s and sent SIP %s.", a.Name, conn.proxy, conn.sip[0].Method)
			v.Hint = hint
			v.show(a, conn.first, "%s: the device sent SIP", conn.proxy)
			return v
		case o == refused:
			v.show(a, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
		case unoffered:
			v.show(a, all[0].end, "%s: the device offers nothing of the kind", all[0].proxy)
		default:
			return undecided(v, a, conn)
		}
		ended = append(ended, a.Name)
	}
	v.Status = Pass
	v.Observed = fmt.Sprintf("The device took none of it: %s.", strings.Join(ended, "; "))
	return v
}
