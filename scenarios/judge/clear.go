package judge

import (
	"fmt"
	"net/netip"
	"slices"
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
	const only = "Allow only TLS on the device's trunk to the proxies, and take TCP and UDP off its list of transports."
	control := c.Control[len(c.Control)-1]
	before := inClear(control)
	var doubtful, always *cleartext
	for _, a := range c.Attempts {
		for _, p := range inClear(a) {
			switch {
			case p.method != "INVITE" && slices.ContainsFunc(before, p.alike):
				if always == nil {
					always = &p
				}
			case !slices.ContainsFunc(slices.Concat(c.Control, c.Attempts), p.fromDevice):
				if doubtful == nil {
					doubtful = &p
				}
			default:
				v.Status = unmet(c.Level)
				v.Observed = fmt.Sprintf("When TLS with the proxies failed, the device %s.", p.did())
				v.Hint = only
				v.show(a, p.e, "%s: %s without TLS", p.e.Proxy, p.transport)
				return v
			}
		}
	}
	o, a, conn := outcomeOf(c.Attempts)
	switch {
	case doubtful != nil:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("When TLS with the proxies failed, somebody %s, from %s, where the device's TLS connections do not come from.", doubtful.did(), doubtful.remote)
		v.Hint = "If that is the device, " + strings.ToLower(only[:1]) + only[1:] + " If not, say in device.sources where the device connects from."
		v.show(doubtful.a, doubtful.e, "%s: %s without TLS", doubtful.e.Proxy, doubtful.transport)
	case o == accepted:
		v.Status = Inconclusive
		v.Observed = "The device accepted a certificate that it must refuse, so TLS did not fail."
		v.Hint = "See what cert.inbound.untrusted-root-refused says."
	case o != refused:
		return undecided(v, a, conn)
	case always != nil:
		v.Status = Warn
		v.Observed = fmt.Sprintf("TLS with %s failed, and the device did not call without it. But it speaks to the proxies without TLS all the time: it %s.", proxies(tried(connections(a))), always.did())
		v.Hint = only
		v.show(always.a, always.e, "%s: %s without TLS", always.e.Proxy, always.transport)
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("TLS with %s failed, and the device tried nothing without TLS.", proxies(tried(connections(a))))
		v.show(a, conn.end, "%s: the TLS connection failed", conn.proxy)
	}
	return v
}

// cleartext is something that came to a proxy without TLS.
type cleartext struct {
	a                        record.Attempt
	e                        record.Event
	transport, local, remote string
	// first is the first line of what came, and method its first word; both are
	// empty where TCP was opened and nothing sent.
	first, method string
}

// inClear finds what came without TLS in an attempt: to the port without a
// service, or to that of TLS in place of a handshake.
func inClear(a record.Attempt) (out []cleartext) {
	opened := map[uint64]record.Accepted{}
	for _, e := range a.Events {
		if e.Generation != a.Generation {
			continue
		}
		switch b := e.Body.(type) {
		case record.Accepted:
			opened[e.Conn] = b
		case record.HandshakeFailed:
			at, is := opened[e.Conn]
			if is && !at.Foreign && b.By == record.Us && strings.Contains(b.Error, "does not look like a TLS handshake") {
				out = append(out, cleartext{a: a, e: e, transport: "TCP", local: at.Local, remote: at.Remote, first: "what is no TLS"})
			}
		case record.Cleartext:
			if b.Foreign {
				continue
			}
			first, _, _ := strings.Cut(string(b.Raw), "\r\n")
			method, _, _ := strings.Cut(first, " ")
			out = append(out, cleartext{a: a, e: e, transport: b.Transport, local: b.Local, remote: b.Remote, first: fmt.Sprintf("%.80q", first), method: method})
		}
	}
	return out
}

// did says what was done, as "the device …".
func (p cleartext) did() string {
	what := "sent " + p.first
	if p.first == `""` {
		what = "opened a connection"
	}
	return fmt.Sprintf("%s over %s without TLS, to %s", what, p.transport, p.local)
}

// alike reports whether other is of the same kind.
func (p cleartext) alike(other cleartext) bool {
	return p.transport == other.transport && p.method == other.method
}

// fromDevice reports whether a TLS connection of the device in the attempt came
// from the same host.
func (p cleartext) fromDevice(a record.Attempt) bool {
	return slices.ContainsFunc(tried(connections(a)), func(conn *connection) bool {
		b, is := conn.opened.Body.(record.Accepted)
		return is && host(b.Remote) == host(p.remote)
	})
}

// host is an address without its port.
func host(address string) string {
	if at, err := netip.ParseAddrPort(address); err == nil {
		return at.Addr().Unmap().String()
	}
	return address
}
