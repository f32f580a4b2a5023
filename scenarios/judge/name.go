package judge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"byocheck/certs/trust"
	"byocheck/simulator/record"
)

// ConnectsByName judges how the device addresses the cloud: by one of the
// region's names in the Request-URI, and in SNI where it sends that. A second
// attempt may show that it dials where the name leads: the names' addresses were
// changed before it, and the changes are in the recording.
func ConnectsByName(c Case) Verdict {
	v := Verdict{Expected: "The device dials the cloud by name: the host of its Request-URI is one of the region's names, and so is the name in SNI, if it sends one."}
	if !c.outside(&v) {
		return v
	}
	if len(c.Names) == 0 {
		v.Status = Error
		v.Observed = "The case does not say which names the region has."
		return v
	}
	first, ok := c.addressed(&v, c.Attempts[0])
	if !ok || !c.byName(&v, c.Attempts[0], first) {
		return v
	}
	v.Status = Pass
	v.Observed = fmt.Sprintf("The device addressed its call to %q (SNI %q).", first.host, first.sni)
	if len(c.Attempts) > 1 {
		c.followed(&v, first, c.Attempts[1])
	}
	return v
}

// address is how a call of the device was addressed.
type address struct {
	invite record.Event
	uri    string // the Request-URI
	host   string
	sni    string // of its connection; empty where none was seen
	fresh  bool   // the connection was opened within the attempt
}

// addressed finds the address of the call that arrived, or reaches a verdict why
// there is none: that no call came is not what is judged here.
func (c Case) addressed(v *Verdict, a record.Attempt) (address, bool) {
	ls := legs(a, true)
	n, dropped := truncated(a)
	switch {
	case ls.cloud == nil:
		if *v = c.notArrived(*v, a, ls); v.Status != Error {
			v.Status = Inconclusive
		}
		return address{}, false
	case ls.cloud.offerEvent.Body == nil && dropped:
		v.Status, v.Observed = Inconclusive, fmt.Sprintf("The INVITE is among the %d events that could not be kept because there were so many.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
		return address{}, false
	case ls.cloud.offerEvent.Body == nil:
		v.Status, v.Observed = Error, "A call arrived, but the harness recorded no INVITE of it, so it cannot be said how it was addressed."
		return address{}, false
	}
	out := address{invite: ls.cloud.offerEvent}
	out.uri = requestURI(out.invite.Body.(record.SIPMessage).Raw)
	out.host = uriHost(out.uri)
	for _, conn := range connections(a) {
		if conn.id == out.invite.Conn {
			out.fresh = conn.accepted
			if conn.hello != nil {
				out.sni = conn.hello.ServerName
			}
		}
	}
	return out, true
}

// byName checks the host and the SNI of a call.
func (c Case) byName(v *Verdict, a record.Attempt, x address) bool {
	v.show(a, x.invite, "the INVITE at %s: its Request-URI names %q", x.invite.Proxy, x.host)
	switch {
	case x.host == "":
		v.Observed = fmt.Sprintf("The Request-URI of the device's call names no host: %.80q.", x.uri)
		v.Hint = "Let the device send sip: URIs whose host is the proxy's name."
	case isAddress(x.host):
		v.Observed = fmt.Sprintf("The device addressed its call to %s, an IP address. A name cannot be validated then.", x.host)
		v.Hint = "Give the trunk the proxies by their names, lb01 to lb04, each with ;transport=tls."
		if c.System == Edge {
			v.Hint = "Give the trunk the Edge by its name, with ;transport=tls."
		}
	case !c.regional(x.host) && c.System == Edge && x.sni == "":
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device addressed its call to %q and sent no SNI, so it is not shown that it dials the Edge by its name, %s.", x.host, strings.Join(c.Names, ", "))
		v.Hint = "Let the device send SNI, or the Edge's name as the host of the Request-URI."
		return false
	case !c.regional(x.host) && c.System == Edge && c.regional(x.sni):
		v.Witnesses = append(v.Witnesses, fmt.Sprintf("the Request-URI names %q and not the Edge: how calls are routed there is the customer's to set", x.host))
		return true
	case !c.regional(x.host) && c.System != Edge:
		v.Observed = fmt.Sprintf("The device addressed its call to %q, which is none of the region's names (%s).", x.host, strings.Join(c.Names, ", "))
		v.Hint = "Use the TGRP form: the host of the Request-URI is the proxy's name, the trunk goes into tgrp and trunk-context of the user part."
	case x.sni != "" && !c.regional(x.sni):
		v.Observed = fmt.Sprintf("The device addressed its call to %q, but asked for %q in SNI.", x.host, x.sni)
		v.Hint = "SNI must be the name that the device dials."
	default:
		switch {
		case x.sni == "":
			v.Witnesses = append(v.Witnesses, "the device sent no SNI on the connection of its call, or had opened it before")
		case !sameName(x.host, x.sni): // every proxy's certificate has every name
			v.Witnesses = append(v.Witnesses, fmt.Sprintf("the device asked for %q in SNI, another name of the region than the Request-URI's %q", x.sni, x.host))
		}
		return true
	}
	v.Status = unmet(c.Level)
	return false
}

// followed adds what the attempt after the change of addresses shows. Only a
// connection that was opened within it shows where a name led.
func (c Case) followed(v *Verdict, first address, a record.Attempt) {
	doubt := func(format string, args ...any) {
		v.Witnesses = append(v.Witnesses, fmt.Sprintf(format, args...)+", so that the device dials by DNS was not corroborated")
	}
	x, ok := c.addressed(&Verdict{}, a)
	if !ok {
		doubt("after the proxies' addresses were changed in DNS no call arrived")
		return
	}
	if !c.byName(v, a, x) {
		return
	}
	// What it dialled is in SNI if anywhere: a device may fill the Request-URI from elsewhere.
	name := x.sni
	moved := x.moved(a, name)
	certain := moved.Name != ""
	if !certain {
		name = x.host
		moved = x.moved(a, name)
	}
	asked := x.asked(a, moved)
	same := sameName(first.host, name)
	if certain {
		same = sameName(first.sni, name)
	}
	switch {
	case moved.Name == "":
		doubt("the address of %s itself was not changed in DNS", name)
	case !x.fresh:
		doubt("after the change the call came over a connection that stood before")
	case x.invite.Proxy == moved.Proxy && (asked || certain) && !(same && first.invite.Proxy == moved.Proxy):
		v.Observed += fmt.Sprintf(" When the address of %s was changed in DNS, it dialled the new one after the TTL.", name)
	case !asked:
		doubt("the device did not ask our DNS for %s in that attempt (a hosts file?)", name)
	case same && x.invite.Proxy == first.invite.Proxy && x.invite.Proxy != moved.Proxy && (certain || !x.alias(a)):
		v.Status = Warn
		v.Observed += fmt.Sprintf(" But when the address of %s was changed and its TTL had passed, the device asked our DNS and still dialled the old address.", name)
		v.Hint = "Let the device honour the TTL of DNS answers: the proxies' addresses may change."
		v.show(a, x.invite, "the INVITE for %s arrived at %s instead of %s", name, x.invite.Proxy, moved.Proxy)
	default:
		doubt("after the change the call for %s came to %s, which may be dialled under another name", name, x.invite.Proxy)
	}
}

// moved finds the change of a name's address; its Name is empty where there is none.
func (x address) moved(a record.Attempt, name string) (change record.DNSChange) {
	for _, e := range a.Events {
		if b, is := e.Body.(record.DNSChange); is && sameName(b.Name, name) && b.Proxy != "" {
			change = b
		}
	}
	return change
}

// asked reports whether our DNS told the new address before the call came.
func (x address) asked(a record.Attempt, change record.DNSChange) bool {
	for _, e := range a.Events {
		if b, is := e.Body.(record.DNSQuery); is && sameName(b.Name, change.Name) && slices.Contains(b.Answers, change.Address) {
			return true
		}
		if e.Seq == x.invite.Seq {
			break
		}
	}
	return false
}

// alias reports whether the device asked for a name that now leads to the proxy
// at which its call came.
func (x address) alias(a record.Attempt) bool {
	return slices.ContainsFunc(a.Events, func(e record.Event) bool {
		b, is := e.Body.(record.DNSChange)
		return is && b.Proxy == x.invite.Proxy && x.asked(a, b)
	})
}

// requestURI returns the Request-URI of a request.
func requestURI(raw record.Text) string {
	line, _, _ := strings.Cut(string(raw), "\r\n")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}

// uriHost returns the host of a SIP or SIPS URI (RFC 3261 25.1), without its
// port, an IPv6 address in its brackets. Other URIs have none.
func uriHost(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	if !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return ""
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 { // the user part may hold ; and ? (RFC 4904)
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

// isAddress reports whether a host is an IP address, in brackets or not.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return err == nil
}

func (c Case) regional(name string) bool {
	return slices.ContainsFunc(c.Names, func(n string) bool { return sameName(n, name) })
}

// sameName compares host names as DNS does: letter case does not count, nor
// does one trailing dot.
func sameName(a, b string) bool { return trust.SameName(a, b) }
