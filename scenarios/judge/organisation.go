package judge

import (
	"fmt"

	"byocheck/simulator/record"
)

// OrganisationRoot judges whether the device trusts the root of the organisation,
// under which an Edge has its certificate. That it comes through proves it. Where
// it refuses, the controls show the same Edge under the cloud's roots: a device
// that comes through then was given the wrong ones.
func OrganisationRoot(c Case) Verdict {
	v := Verdict{Expected: "The device completes the handshake with the Edge, whose certificate leads to the organisation's root, and sends SIP over the connection."}
	if !c.outside(&v) {
		return v
	}
	o, a, conn := outcomeOf(c.Attempts)
	switch o {
	case accepted:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device completed the handshake with the Edge and sent SIP %s.", conn.sip[0].Method)
		v.show(a, conn.first, "%s: the device sent SIP over the connection", conn.proxy)
		return v
	case unclear:
		return undecided(v, a, conn)
	}
	v.show(a, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
	v.Observed = fmt.Sprintf("The device refused the Edge's certificate (%s)", conn.how())
	if alerts := alertsOf(tried(connections(a))); alerts != "" {
		v.Witnesses = append(v.Witnesses, "alerts from the device: "+alerts)
	}
	if instead, first, is := c.insteadOf(); is {
		v.Status = unmet(c.Level)
		v.Observed += fmt.Sprintf(", but came through when the same Edge showed the certificate %q: it trusts that root of the cloud, and not the organisation's.", instead.Profile)
		v.Hint = "Install the organisation's root on the device as trusted CA of the trunk (byocheck certs export --premises; in Genesys Cloud the page Configure certificate authorities has the real one)."
		v.show(instead, first, "under a root of the cloud the device sent SIP")
		return v
	}
	v.Status = Inconclusive
	v.Observed += ", and under the cloud's roots it did not come through either, so it is not shown that this is for the root."
	v.Hint = alertHint(tried(connections(a)))
	return v
}

// insteadOf finds the control in which the device came through, and its SIP.
func (c Case) insteadOf() (record.Attempt, record.Event, bool) {
	for _, a := range c.Control {
		if o, _, conn := outcomeOf([]record.Attempt{a}); o == accepted {
			return a, conn.first, true
		}
	}
	return record.Attempt{}, record.Event{}, false
}
