package judge

import (
	"fmt"

	"byocheck/simulator/record"
)

// RotationDuringCall judges a call during which the cloud's certificate was
// replaced: it must stay, and the next call must come through. The first attempt
// is the call before, the second the call after.
func RotationDuringCall(c Case) Verdict {
	v := Verdict{Expected: "The call stays when the proxies' certificate is replaced and their connections are closed, and the next call comes through under the new certificate."}
	if !c.outside(&v) {
		return v
	}
	first := legs(c.Attempts[0], true)
	if len(c.Attempts) < 2 || !first.connected() {
		v.Status = Inconclusive
		v.Observed, v.Hint = "The first call, under the certificate that the device knows, was not connected, so nothing could be replaced during it.", "See what the scenario media.inbound.call-with-srtp-both-ways says."
		return v
	}
	a := c.Attempts[1]
	next := legs(a, true)
	o, at, conn := outcomeOf(c.Attempts[1:])
	dropped, wasDropped := first.dropped(a)
	switch {
	case o == refused:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("After the certificate was replaced the device refused: it ended the connection to %s (%s).", conn.proxy, conn.how())
		v.Hint = "Let the device trust the root, not the proxies' certificate itself."
		v.show(at, conn.end, "%s: the device ended the connection: %s", conn.proxy, conn.how())
	case wasDropped:
		v.Status = unmet(c.Level)
		v.Observed = "The device ended the call that was up when the connections were closed."
		v.Hint = "A dialog outlives its connection: the device should open another for the next request, not end the call."
		v.show(a, dropped, "the device ended the call")
	case o == unclear:
		return undecided(v, at, conn)
	case !next.connected():
		// A device may hold a proxy to be down that closed its connections.
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device completed a handshake with %s under the new certificate, but the next call was not connected.", conn.proxy)
		for _, l := range []*leg{next.carrier, next.cloud} {
			if l != nil {
				v.Observed += fmt.Sprintf(" At the %s: %s", l.name, l.outcome())
				v.show(a, l.last, "the %s's leg of the next call", l.name)
			}
		}
		v.Hint = "See what the media scenarios say; if the device had marked the proxies as down, look for a setting that shortens that."
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The call stayed, and under the new certificate the device completed a handshake with %s and connected the next call.", conn.proxy)
		v.show(at, conn.first, "%s: the device sent SIP under the new certificate", conn.proxy)
		if first.left(a) {
			v.Witnesses = append(v.Witnesses, "when the carrier hung up the first call, the device did not end it at the cloud")
		}
	}
	return v
}

// connected reports whether the call was answered on both sides.
func (ls callLegs) connected() bool {
	return ls.cloud != nil && ls.cloud.answered && ls.carrier != nil && ls.carrier.answered
}

// has reports whether a leg of the call has that name and number.
func (ls callLegs) has(name string, number uint64) bool {
	for _, l := range []*leg{ls.cloud, ls.carrier} {
		if l != nil && l.name == name && l.number == number {
			return true
		}
	}
	return false
}

// dropped finds the end that the device made of the call, in a later attempt,
// before we hung it up.
func (ls callLegs) dropped(a record.Attempt) (record.Event, bool) {
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.SIPMessage:
			name := "cloud"
			if e.Proxy == "carrier" {
				name = e.Proxy
			}
			if b.Dir == record.Out && b.Method == "BYE" && b.Status == 0 && ls.has(name, b.Call) {
				return record.Event{}, false
			}
		case record.Call:
			if b.State == "ended" && b.By == record.Device && ls.has(b.Leg, b.Call) {
				return e, true
			}
		}
	}
	return record.Event{}, false
}

// left reports whether we had to end the cloud's leg of the call ourselves.
func (ls callLegs) left(a record.Attempt) bool {
	for _, e := range a.Events {
		if b, is := e.Body.(record.Call); is && b.State == "ended" && b.By == record.Us && b.Leg == "cloud" && ls.has(b.Leg, b.Call) {
			return true
		}
	}
	return false
}
