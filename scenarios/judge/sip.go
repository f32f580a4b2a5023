package judge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// ConnectsByName judges how the device addresses the cloud: by the name of a
// proxy in the Request-URI, and in SNI where it sends that. A second attempt
// may show that it dials where the name leads: the name's address was changed
// before it, and the change is in the recording.
func ConnectsByName(c Case) Verdict {
	v := Verdict{Expected: "The device dials the cloud by name: the host of its Request-URI is one of the region's names, and so is the name in SNI, if it sends one."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[0]
	host, e, ok := c.dialledHost(&v, a)
	if !ok {
		return v
	}
	v.show(a, e, "the INVITE at %s: its Request-URI names %q", e.Proxy, host)
	if isAddress(host) {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device addressed its call to %s, an IP address. A name cannot be validated then.", host)
		v.Hint = "Give the trunk the proxies by their names, lb01 to lb04, each with ;transport=tls."
		return v
	}
	if !c.regional(host) {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device addressed its call to %q, which is none of the region's names (%s).", host, strings.Join(c.Names, ", "))
		v.Hint = "Use the TGRP form: the host of the Request-URI is the proxy's name, the trunk goes into tgrp and trunk-context of the user part."
		return v
	}
	sni := ""
	for _, conn := range connections(a) {
		if conn.id == e.Conn && conn.hello != nil {
			sni = conn.hello.ServerName
		}
	}
	switch {
	case sni == "":
		v.Witnesses = append(v.Witnesses, "the device sent no SNI on this connection, or had opened it before")
	case !c.regional(sni):
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device addressed its call to %q, but asked for %q in SNI.", host, sni)
		v.Hint = "SNI must be the name that the device dials."
		return v
	}
	v.Status = Pass
	v.Observed = fmt.Sprintf("The device addressed its call to %q (SNI %q).", host, sni)
	if len(c.Attempts) > 1 {
		c.followed(&v, c.Attempts[1])
	}
	return v
}

// followed adds what the attempt after the change of addresses shows.
func (c Case) followed(v *Verdict, a record.Attempt) {
	var w Verdict
	host, e, ok := c.dialledHost(&w, a)
	if !ok {
		v.Witnesses = append(v.Witnesses, "after the proxies' addresses were changed in DNS no call arrived, so that the device dials by DNS was not corroborated")
		return
	}
	var moved record.DNSChange
	asked := false
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.DNSChange:
			if sameName(b.Name, host) {
				moved = b
			}
		case record.DNSQuery:
			asked = asked || sameName(b.Name, host) && len(b.Answers) > 0
		}
	}
	switch {
	case e.Proxy == moved.Proxy:
		v.Observed += fmt.Sprintf(" When the address of %s was changed in DNS, it dialled the new one after the TTL.", host)
		v.show(a, e, "the INVITE for %s arrived at the address that it has now", host)
	case asked:
		v.Status = Warn
		v.Observed += fmt.Sprintf(" But when the address of %s was changed and its TTL had passed, the device asked our DNS and still dialled the old address.", host)
		v.Hint = "Let the device honour the TTL of DNS answers: the proxies' addresses may change."
		v.show(a, e, "the INVITE for %s arrived at %s instead of %s", host, e.Proxy, moved.Proxy)
	default:
		v.Witnesses = append(v.Witnesses, "the device did not ask our DNS for "+host+", so that it dials by DNS could not be corroborated (a hosts file?)")
	}
}

// dialledHost finds the host of the Request-URI of the call that arrived.
func (c Case) dialledHost(v *Verdict, a record.Attempt) (string, record.Event, bool) {
	ls := legs(a, true)
	if ls.cloud == nil || ls.cloud.offerEvent.Body == nil {
		*v = c.notArrived(*v, a, ls)
		if v.Status != Error {
			v.Status = Inconclusive
		}
		return "", record.Event{}, false
	}
	m := ls.cloud.offerEvent.Body.(record.SIPMessage)
	return uriHost(m.Raw), ls.cloud.offerEvent, true
}

// uriHost returns the host of the Request-URI (RFC 3261 25.1), without its port.
func uriHost(raw record.Text) string {
	line, _, _ := strings.Cut(string(raw), "\r\n")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return ""
	}
	_, rest, _ := strings.Cut(fields[1], ":")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "?")
	if strings.HasPrefix(rest, "[") {
		host, _, _ := strings.Cut(rest, "]")
		return host + "]"
	}
	host, _, _ := strings.Cut(rest, ":")
	return host
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

func (c Case) regional(name string) bool {
	return slices.ContainsFunc(c.Names, func(n string) bool { return sameName(n, name) })
}

// NextProxy judges whether a call goes through another proxy when the one that
// the device prefers refuses connections.
func NextProxy(c Case) Verdict {
	v := Verdict{Expected: "When the proxy that the device prefers refuses TCP connections, the same call goes through another one."}
	if !c.outside(&v) {
		return v
	}
	if !c.controlled(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	var begin, arrived record.Event
	refusing := ""
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.Profile:
			refusing = strings.Join(b.Refusing, ", ")
		case record.Stimulus:
			if b.State == "started" {
				begin = e
			}
		case record.SIPMessage:
			if arrived.Body == nil && b.Dir == record.In && b.Method == "INVITE" && b.Status == 0 && e.Generation == a.Generation && e.Proxy != "carrier" {
				arrived = e
			}
		}
	}
	ls := legs(a, true)
	switch {
	case ls.carrier == nil:
		nv := c.notArrived(v, a, ls)
		nv.Status = Inconclusive
		return nv
	case arrived.Body != nil && ls.carrier.answered:
		v.Status = Pass
		took := arrived.Mono - begin.Mono
		v.measure("time to the next proxy", ms(took), "ms")
		v.Observed = fmt.Sprintf("With %s refusing, the call went through %s; its INVITE arrived %.1f s after the carrier had begun to call.", refusing, arrived.Proxy, took.Seconds())
		v.show(a, arrived, "the INVITE at %s", arrived.Proxy)
		if took > 10*time.Second {
			v.Hint = "Callers hang up sooner than that: shorten the device's timer for a proxy that does not answer."
		}
	default:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("With %s refusing, the call was lost. At the carrier: %s", refusing, ls.carrier.outcome())
		v.Hint = "List all four proxies on the trunk, and let the device try the next one when a connection is refused."
		v.show(a, ls.carrier.last, "the carrier's leg")
	}
	return v
}

// releasing bounds how long a BYE may take through the device.
const releasing = 5 * time.Second

// Release judges whether a call that one side hangs up is released on the other
// side too. There is an attempt for each side, named after it.
func Release(c Case) Verdict {
	v := Verdict{Expected: fmt.Sprintf("Whichever side hangs up, the device answers the BYE with 200 and releases the other side within %d s.", int(releasing.Seconds()))}
	if !c.outside(&v) {
		return v
	}
	var said []string
	for _, a := range c.Attempts {
		side := strings.TrimPrefix(a.Name, "released-by-")
		ls := legs(a, c.inbound())
		near, far := ls.cloud, ls.carrier
		if side == "carrier" {
			near, far = far, near
		}
		if near == nil || far == nil || !near.answered || !far.answered {
			v.Status = Inconclusive
			v.Observed = "The call that the " + side + " was to hang up was not connected, so its release cannot be judged."
			v.Hint = "The media scenarios say why calls do not connect."
			return v
		}
		bye, answer := near.bye(a)
		switch {
		case bye.Body == nil:
			v.Status = Inconclusive
			v.Observed = "The call was over before the " + side + " could hang it up."
			return v
		case answer.Body == nil || answer.Body.(record.SIPMessage).Status >= 300:
			v.Status = unmet(c.Level)
			v.Observed = "The device did not answer the BYE of the " + side + " with 200."
			if answer.Body != nil {
				v.Observed = fmt.Sprintf("The device answered the BYE of the %s with %d.", side, answer.Body.(record.SIPMessage).Status)
				v.show(a, answer, "the answer")
			}
			v.Hint = "Check that the device finds the call by its dialog, whatever connection the BYE comes on."
			v.show(a, bye, "the BYE")
			return v
		case far.last.Body.(record.Call).By != record.Device || far.last.Mono-bye.Mono > releasing:
			v.Status = unmet(c.Level)
			v.Observed = fmt.Sprintf("The %s hung up, but the %s was not released within %d s.", side, far.name, int(releasing.Seconds()))
			v.Hint = "The device must pass BYE on to the other side."
			v.show(a, bye, "the BYE of the %s", side)
			v.show(a, far.last, "how the call ended at the %s", far.name)
			return v
		}
		took := far.last.Mono - bye.Mono
		v.measure("release by the "+side, ms(took), "ms")
		v.show(a, far.last, "the %s was released", far.name)
		said = append(said, fmt.Sprintf("when the %s hung up, the %s was released after %.0f ms", side, far.name, ms(took)))
	}
	v.Status = Pass
	v.Observed = "The device released both sides: " + strings.Join(said, "; ") + "."
	return v
}

// inbound reports whether the scenario's calls come from the device.
func (c Case) inbound() bool { return strings.Contains(c.Scenario, ".inbound.") }

// bye returns our BYE on the leg and the final response to it.
func (l *leg) bye(a record.Attempt) (bye, answer record.Event) {
	for _, e := range a.Events {
		m, is := e.Body.(record.SIPMessage)
		if !is || m.Method != "BYE" || m.Call != l.number || (l.name == "carrier") != (e.Proxy == "carrier") {
			continue
		}
		switch {
		case m.Dir == record.Out && m.Status == 0 && bye.Body == nil:
			bye = e
		case m.Dir == record.In && m.Status >= 200 && answer.Body == nil:
			answer = e
		}
	}
	return bye, answer
}

// CancelWhileRinging judges whether a call of the cloud that is given up while
// it rings stops ringing.
func CancelWhileRinging(c Case) Verdict {
	v := Verdict{Expected: "When the cloud cancels a call that rings, the device ends the INVITE with 487 and cancels it on the carrier's side."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, false)
	var cancel, ringing record.Event
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.SIPMessage:
			if b.Dir == record.Out && b.Method == "CANCEL" && b.Status == 0 && cancel.Body == nil {
				cancel = e
			}
		case record.Call:
			if b.Leg == "cloud" && b.State == "progress" {
				ringing = e
			}
		}
	}
	switch {
	case ls.cloud == nil:
		return c.notMeasured(v, a, "The call was not begun.")
	case ls.carrier == nil || ringing.Body == nil || cancel.Body == nil:
		v.Status = Inconclusive
		v.Observed = "The call did not ring at the carrier and, by a 18x response, at the cloud, so it could not be cancelled while ringing. At the cloud: " + ls.cloud.outcome()
		v.Hint = "Let the device pass 180 Ringing on to the cloud, and route numbers.outbound to the carrier agent."
		return v
	}
	v.show(a, cancel, "the CANCEL of the cloud")
	near, _ := ls.cloud.last.Body.(record.Call)
	far, _ := ls.carrier.last.Body.(record.Call)
	switch {
	case near.Status != 487:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device did not end the cancelled INVITE with 487; its last response was %d.", near.Status)
		v.Hint = "RFC 3261 9.2: the device answers CANCEL with 200 and the INVITE with 487."
		v.show(a, ls.cloud.last, "the end of the INVITE at the cloud")
	case far.State != "cancelled" || far.By != record.Device || ls.carrier.last.Mono-cancel.Mono > releasing:
		v.Status = unmet(c.Level)
		v.Observed = "The device ended the INVITE towards the cloud, but the carrier's side went on ringing."
		v.Hint = "The device must pass CANCEL on to the other side."
		v.show(a, ls.carrier.last, "how the call ended at the carrier")
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device ended the INVITE with 487, and the carrier's side stopped ringing %.0f ms after the CANCEL.", ms(ls.carrier.last.Mono-cancel.Mono))
		v.show(a, ls.carrier.last, "the carrier's side was cancelled")
	}
	return v
}

// SIPSURI judges whether the device takes a call with a sips: Request-URI and Contact.
func SIPSURI(c Case) Verdict {
	v := Verdict{Expected: "The device takes a call whose Request-URI and Contact are sips: as it takes one with ;transport=tls."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, false)
	switch {
	case ls.cloud == nil:
		return c.notMeasured(v, a, "The call was not begun.")
	case ls.cloud.answered:
		v.Status = Pass
		v.Observed = "The device connected a call with sips: URIs."
		v.show(a, ls.cloud.answerEvent, "the answer")
	default:
		v.Status = unmet(c.Level)
		v.Observed = "The device did not connect a call with sips: URIs: " + ls.cloud.outcome()
		v.Hint = "Let the device accept sips: URIs on the TLS trunk; RFC 3261 26.2.2 asks for TLS, which is there."
		v.show(a, ls.cloud.last, "the end of the call")
	}
	return v
}
