package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/simulator/record"
)

// OutboundCall judges a call from the cloud through the device to the carrier,
// with SRTP on the cloud's side and a different tone each way.
func OutboundCall(c Case) Verdict {
	with, where := c.security()
	v := Verdict{Expected: "The device takes the call over TLS with " + with + ", connects it, and both sides hear each other's tone: " + where + "."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, false)
	cloud, carrier := ls.cloud, ls.carrier
	if cloud == nil {
		return c.notReached(v, a)
	}
	if !cloud.answered {
		v.Status = unmet(c.Level)
		v.Observed = "The device did not connect the call: " + cloud.outcome()
		v.Hint = c.rejectionHint(cloud.rejected)
		v.show(a, cloud.last, "the call from the cloud ended without being answered")
		return v
	}
	if !c.secure(&v, a, cloud.answer, cloud.answerEvent, cloud.offer) || !c.recorded(&v, a, cloud) || !c.protected(&v, a, cloud) {
		return v
	}
	so := "The call was connected with " + cloud.agreed() + ", but "
	switch {
	case !c.CarrierHeard:
		v.Status = Inconclusive
		v.Observed = so + "there is no agent on the device's other side to tell whether audio passes through the device."
		v.Hint = "Configure carrier (listen, device) and numbers.outbound, and route that number to the carrier agent."
	case carrier == nil:
		v.Status = Inconclusive
		v.Observed = so + "no call arrived at the carrier agent, so it cannot be told whether audio passes through the device." + ls.elsewhere("carrier agent")
		v.Hint = "Route numbers.outbound to the carrier agent (carrier.listen)."
	case ls.carrierCalls > 1:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("%d calls arrived at the carrier agent for one call from the cloud.", ls.carrierCalls)
		v.Hint = "Reserve the numbers under numbers.outbound for this test."
	case !carrier.answered:
		v.Status = Inconclusive
		v.Observed = so + "the call was not connected at the carrier agent: " + carrier.outcome()
		v.Hint = "Follow the call in the device's log from the trunk to its carrier side."
		v.show(a, carrier.last, "the carrier's leg")
	case c.heard(&v, cloud, "carrier") && c.recorded(&v, a, carrier) && c.heard(&v, carrier, "cloud"):
		v.Status = Pass
		v.Observed = bothHeard(cloud, carrier)
	}
	return v
}

// InboundCall judges a call from the carrier through the device to the cloud.
func InboundCall(c Case) Verdict {
	with, where := c.security()
	v := Verdict{Expected: "The device connects a call from its carrier side to the cloud over TLS with " + with + ", and both sides hear each other's tone: " + where + "."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, true)
	cloud, carrier := ls.cloud, ls.carrier
	if cloud == nil {
		return c.notArrived(v, a, ls)
	}
	if ls.cloudCalls > 1 {
		return ls.tooMany(v)
	}
	if cloud.offerEvent.Body != nil && len(cloud.offer) == 0 {
		v.show(a, cloud.offerEvent, "the INVITE")
		return delayed(v)
	}
	if !c.secure(&v, a, cloud.offer, cloud.offerEvent, nil) {
		return v
	}
	switch {
	case cloud.rejected >= 500 && cloud.rejected < 600:
		v.Status = Error
		v.Observed = fmt.Sprintf("The simulated cloud could not take the call and answered %d.", cloud.rejected)
		v.show(a, cloud.last, "the cloud's leg")
		return v
	case !cloud.answered || carrier != nil && !carrier.answered:
		v.Status = unmet(c.Level)
		v.Observed = "The call reached the cloud but was not connected from end to end. At the cloud: " + cloud.outcome()
		if carrier != nil {
			v.Observed += " At the carrier: " + carrier.outcome()
			v.show(a, carrier.last, "the carrier's leg")
		}
		v.Hint = "Follow the call in the device's log from its carrier side to the trunk."
		v.show(a, cloud.last, "the cloud's leg")
		return v
	}
	if !c.recorded(&v, a, cloud) || !c.protected(&v, a, cloud) {
		return v
	}
	switch {
	case !c.CarrierHeard || carrier == nil:
		v.Status = Inconclusive
		v.Observed = "The call was connected with " + cloud.agreed() + ", but there is no agent on the device's other side to tell whether audio passes through the device."
		v.Hint = "Configure carrier (listen, device) and numbers.inbound, so that the call is made by the carrier agent."
	case c.heard(&v, cloud, "carrier") && c.recorded(&v, a, carrier) && c.heard(&v, carrier, "cloud"):
		v.Status = Pass
		v.Observed = bothHeard(cloud, carrier)
	}
	return v
}

func bothHeard(cloud, carrier *leg) string {
	return fmt.Sprintf("The call was connected with %s. The cloud heard the carrier's tone in %.0f %% of its audio, the carrier the cloud's in %.0f %%.",
		cloud.agreed(), 100*cloud.media.ToneShare, 100*carrier.media.ToneShare)
}

// elsewhere tells of calls to numbers that nobody waited for.
func (ls callLegs) elsewhere(at string) string {
	var numbers []string
	for _, l := range ls.strays {
		if n := fmt.Sprintf("%.40q", l.dialled); !slices.Contains(numbers, n) && len(numbers) < 5 {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return ""
	}
	return " The " + at + " was called at another number instead: " + strings.Join(numbers, ", ") + "."
}

// elsewhereOutbound says where to look further when the cloud's handshake with
// the device failed.
func (c Case) elsewhereOutbound(conn *connection) string {
	switch why := conn.failed.Error; {
	case strings.Contains(why, "wrong version number"), strings.Contains(why, "does not look like a TLS handshake"), strings.Contains(why, "no TLS record"):
		return "What answers there speaks no TLS: check the port, and that the device's listener there is one for TLS."
	case conn.failed.Deadline:
		return "The device accepts connections and does not go on: look for what listens there, and in the device's TLS log."
	case strings.HasPrefix(c.Scenario, "tls.outbound."), strings.HasPrefix(c.Scenario, "cert.outbound."):
		return "Look in the device's TLS log for why it ended the handshake."
	}
	return "The tls.outbound and cert.outbound scenarios say which requirement is not met."
}

// notReached is the verdict where the cloud did not get as far as it has to on
// the connections that it opened.
func (c Case) notReached(v Verdict, a record.Attempt) Verdict {
	v.Status = unmet(c.Level)
	var open *connection
	for _, conn := range connections(a) {
		d, _ := conn.opened.Body.(record.Dialled)
		switch {
		case !conn.dialled():
		case d.Error != "":
			v.Observed = "The cloud could not connect to the device: " + d.Error + "."
			v.Hint = "Check the device's TLS listener."
			v.show(a, conn.opened, "the TCP connect failed")
			return v
		case conn.failed != nil:
			v.Observed = "The TLS handshake with the device failed: " + conn.failed.Error + "."
			v.Hint = c.elsewhereOutbound(conn)
			v.show(a, conn.failedAt, "the handshake ended")
			return v
		case conn.done == nil:
			open = conn
		}
	}
	n, dropped := truncated(a)
	s, e, ok := stimulus(a)
	switch {
	case dropped:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("There were so many events that %d could not be kept; what happened cannot be told from the rest.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
	case open != nil:
		v.Status = Inconclusive
		v.Observed = "The TLS handshake with the device had not come to an end when the attempt did."
		v.Hint = "Look at the device's log for this connection; raise timeouts.attempt if the device is that slow."
		v.show(a, open.opened, "the connection")
	case ok && s.Error != "":
		v.Status = Error
		v.Observed = "The harness came no further: " + s.Error + "."
		v.show(a, e, "the stimulus")
	default:
		v.Status = Error
		v.Observed = "The harness came no further, and nothing was recorded that says why."
	}
	return v
}

// notMeasured is notReached for judges of something that only shows later: why
// says what is missing. The cause is told, but it is not what is judged.
func (c Case) notMeasured(v Verdict, a record.Attempt, why string) Verdict {
	v = c.notReached(v, a)
	if v.Status != Error {
		v.Status = Inconclusive
	}
	v.Observed = why + " " + v.Observed
	return v
}

// notArrived is the verdict where no INVITE of the call came to the cloud.
func (c Case) notArrived(v Verdict, a record.Attempt, ls callLegs) Verdict {
	carrier := ls.carrier
	if s, e, ok := stimulus(a); ok && s.Error != "" && carrier == nil {
		v.Status = Error
		v.Observed = "The call could not be placed: " + s.Error + "."
		v.show(a, e, "the stimulus")
		return v
	}
	// A device may keep a connection from before the attempt: then only what it sends shows.
	conns := slices.DeleteFunc(connections(a), func(conn *connection) bool {
		return conn.dialled() || conn.hello == nil && !conn.data
	})
	through := slices.ContainsFunc(conns, func(conn *connection) bool { return conn.done != nil || conn.data })
	n, dropped := truncated(a)
	switch {
	case dropped:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("No call with the number's last digits was seen at the cloud, but %d events could not be kept because there were so many.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
	case len(conns) == 0:
		v.Status = Inconclusive
		v.Observed, v.Hint = silence(a)
	case through || len(ls.strays) > 0:
		// What the device was asked for may not have been the cloud's number: that proves nothing.
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device is connected to %s over TLS, but no call with the number's last digits arrived.", proxies(conns)) + ls.elsewhere("cloud")
		v.Hint = "Route the numbers under numbers.inbound to the cloud; if the device changes the number on the way, say so in the configuration."
	default:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device tried %d TLS connection(s) to %s and came through on none, so the call did not reach the cloud.", len(conns), proxies(conns))
		if alerts := alertsOf(conns); alerts != "" {
			v.Observed += " Its alerts: " + alerts + "."
		}
		v.Hint = alertHint(conns)
		for _, conn := range conns {
			if conn.ender != "" {
				v.show(a, conn.end, "%s: the connection ended", conn.proxy)
			}
		}
	}
	if carrier != nil {
		v.Observed += " At the carrier: " + carrier.outcome()
		v.show(a, carrier.last, "the carrier's leg")
	}
	return v
}

func (c Case) rejectionHint(status int) string {
	switch {
	case (status == 488 || status == 606) && c.MediaSecurity == "off":
		return "The device refuses the media offered: allow RTP/AVP and G.711 on the trunk."
	case status == 488 || status == 606:
		return "The device refuses the media offered: allow RTP/SAVP with " + MandatorySuite + " and G.711 on the trunk."
	case status == 404 || status == 484 || status == 604:
		return "The device does not route this number: route numbers.outbound to the carrier side."
	case status == 401 || status == 407:
		return "The device asks for digest credentials; none are configured on the simulated trunk: switch authentication off for it."
	case status == 403:
		return "The device refuses the caller: allow the proxies' addresses on the trunk."
	case status >= 500:
		return "The device could not complete the call: check its route to the carrier side."
	}
	return "Look at the device's log for this call."
}
