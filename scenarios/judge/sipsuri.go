package judge

import "fmt"

// SIPSURI judges whether the device takes a call with a sips: Request-URI and
// Contact. A call that came as far as the carrier was taken by the device,
// whatever became of it there.
func SIPSURI(c Case) Verdict {
	v := Verdict{Expected: "The device takes a call whose Request-URI and Contact are sips: as it takes one with ;transport=tls."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, false)
	n, dropped := truncated(a)
	switch {
	case ls.cloud == nil:
		return c.notMeasured(v, a, "The call was not begun.")
	case ls.cloud.answered:
		v.Status = Pass
		v.Observed = "The device connected a call with sips: URIs."
		v.show(a, ls.cloud.answeredAt, "the answer")
	case ls.carrier != nil:
		v.Status = Inconclusive
		v.Observed = "The device passed a call with sips: URIs on to the carrier, but it was not connected. At the cloud: " + ls.cloud.outcome() + " At the carrier: " + ls.carrier.outcome()
		v.Hint = "The media scenarios say why calls do not connect."
		v.show(a, ls.carrier.last, "the carrier's leg")
	case dropped && ls.cloud.rejected == 0:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("There were so many events that %d could not be kept, and with them how the call ended.", n)
		v.Hint = "Find out why the device floods us, and run the scenario again."
	default:
		v.Status = unmet(c.Level)
		v.Observed = "The device did not connect a call with sips: URIs: " + ls.cloud.outcome()
		v.Hint = "Let the device accept sips: URIs on the TLS trunk; RFC 3261 26.2.2 asks for TLS, which is there. If it takes no other call from the cloud either, begin with those."
		v.show(a, ls.cloud.last, "the end of the call")
	}
	return v
}
