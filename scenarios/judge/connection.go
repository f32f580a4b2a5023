package judge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// connection is what an attempt shows of one TCP connection.
type connection struct {
	id       uint64
	proxy    string
	opened   record.Event // tcp.accepted or tcp.dialled
	accepted bool         // the device opened it
	foreign  bool
	hello    *record.ClientHello
	done     *record.HandshakeDone
	doneAt   time.Duration
	failed   *record.HandshakeFailed
	failedAt record.Event
	chain    [][]byte
	chose    bool         // the device's ServerHello came
	asked    bool         // a CertificateRequest came
	empty    bool         // our Certificate message, which is empty, was sent
	first    record.Event // first application data from the device
	data     bool
	alerts   []record.Alert // from the device
	ours     []record.Alert // from us
	ender    record.Party   // who ended it first, empty while it stands
	end      record.Event
	sip      []record.SIPMessage // from the device
}

// connections sorts an attempt's events by connection, in the order in which
// the connections appeared. Those of other profiles' generations are left out.
func connections(a record.Attempt) []*connection {
	var out []*connection
	byID := map[uint64]*connection{}
	for _, e := range a.Events {
		if e.Conn == 0 || e.Generation != a.Generation {
			continue
		}
		c := byID[e.Conn]
		if c == nil {
			c = &connection{id: e.Conn, proxy: e.Proxy, opened: e}
			byID[e.Conn] = c
			out = append(out, c)
		}
		c.see(e)
	}
	return slices.DeleteFunc(out, func(c *connection) bool { return c.foreign })
}

func (c *connection) see(e record.Event) {
	ended := func(by record.Party) {
		if c.ender == "" {
			c.ender, c.end = by, e
		}
	}
	switch b := e.Body.(type) {
	case record.Accepted:
		c.accepted, c.foreign = true, b.Foreign
	case record.ClientHello:
		c.hello = &b
	case record.TLSRecord:
		if b.Dir == record.In && b.Type == 23 && !c.data {
			c.data, c.first = true, e
		}
		if b.Type == 21 && b.Encrypted {
			ended(sender(b.Dir))
		}
		if b.Dir == record.In && slices.Contains(b.Handshake, 2) {
			c.chose = true
		}
		if b.Dir == record.In && slices.Contains(b.Handshake, 13) {
			c.asked = true
		}
		if b.Dir == record.Out && slices.Contains(b.Handshake, 11) {
			c.empty = true
		}
	case record.Alert:
		if b.Dir == record.In {
			c.alerts = append(c.alerts, b)
		} else {
			c.ours = append(c.ours, b)
		}
		if b.Level != 1 || b.Code == 0 { // after a warning other than close_notify the connection goes on
			ended(sender(b.Dir))
		}
	case record.Closed:
		ended(b.By)
	case record.HandshakeDone:
		c.done, c.doneAt = &b, e.Mono
	case record.HandshakeFailed:
		c.failed, c.failedAt = &b, e
		ended(b.By)
	case record.PeerChain:
		c.chain = b.Certificates
	case record.SIPMessage:
		if b.Dir == record.In {
			c.sip = append(c.sip, b)
		}
	}
}

// dialled reports whether the cloud opened the connection, or tried to.
func (c *connection) dialled() bool {
	_, is := c.opened.Body.(record.Dialled)
	return is
}

func sender(d record.Direction) record.Party {
	if d == record.In {
		return record.Device
	}
	return record.Us
}

// tried returns those that the device opened and on which it began a handshake.
func tried(conns []*connection) []*connection {
	return slices.DeleteFunc(slices.Clone(conns), func(c *connection) bool { return !c.accepted || c.hello == nil })
}

// alertsOf counts the device's alerts by name, in order of appearance.
func alertsOf(conns []*connection) string {
	var names []string
	count := map[string]int{}
	for _, c := range conns {
		for _, a := range c.alerts {
			if count[a.Name] == 0 {
				names = append(names, a.Name)
			}
			count[a.Name]++
		}
	}
	for i, n := range names {
		if count[n] > 1 {
			names[i] = fmt.Sprintf("%s (%d times)", n, count[n])
		}
	}
	return strings.Join(names, ", ")
}

func proxies(conns []*connection) string {
	var names []string
	for _, c := range conns {
		if !slices.Contains(names, c.proxy) {
			names = append(names, c.proxy)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// foreigners lists the addresses of peers outside device.sources.
func foreigners(a record.Attempt) string {
	var out []string
	for _, e := range a.Events {
		if b, is := e.Body.(record.Accepted); is && b.Foreign {
			host := b.Remote
			if ap, err := netip.ParseAddrPort(b.Remote); err == nil {
				host = ap.Addr().String()
			}
			if !slices.Contains(out, host) {
				out = append(out, host)
			}
		}
	}
	return strings.Join(out, ", ")
}

// silence explains why nothing of the device was seen at the proxies.
func silence(a record.Attempt) (observed, hint string) {
	bare := 0
	for _, c := range connections(a) {
		if c.accepted && c.hello == nil {
			bare++
		}
	}
	if bare > 0 {
		return fmt.Sprintf("The device opened %d TCP connection(s) to the proxies, but began no TLS handshake on them.", bare),
			"Check that the device's trunk to the proxies uses TLS, not TCP."
	}
	if f := foreigners(a); f != "" {
		return "Only connections from " + f + " reached the proxies, and those addresses are not among device.sources.",
			"If the device connects from there, add the address to device.sources."
	}
	asked := 0
	for _, e := range a.Events {
		if _, is := e.Body.(record.DNSQuery); is {
			asked++
		}
	}
	if asked > 0 {
		return fmt.Sprintf("The simulator's DNS was asked %d time(s), but no connection to a proxy was opened.", asked),
			"Check that the device can reach the proxies' addresses and port, and that its trunk uses TLS."
	}
	return "Nothing of the device reached the simulated cloud: no DNS query, no new connection.",
		"Check that the device resolves the lbNN names, or the Edge's, through the simulator's DNS (or a hosts file), and that its trunk and route to the cloud are up."
}

// stimulus returns the last stimulus event of the attempt that ended.
func stimulus(a record.Attempt) (record.Stimulus, record.Event, bool) {
	for _, e := range slices.Backward(a.Events) {
		if s, is := e.Body.(record.Stimulus); is && s.State == "ended" {
			return s, e, true
		}
	}
	return record.Stimulus{}, record.Event{}, false
}

// truncated reports that the recorder had to leave out events, so that the
// absence of something proves nothing.
func truncated(a record.Attempt) (uint64, bool) {
	for _, e := range a.Events {
		if t, is := e.Body.(record.Truncated); is {
			return t.Dropped, true
		}
	}
	return 0, false
}

// Tried reports whether the device, in the attempt, began a TLS handshake with
// a proxy.
func Tried(a record.Attempt) bool { return len(tried(connections(a))) > 0 }

// CameThrough reports whether the device, in the attempt, completed a TLS
// handshake with a proxy and sent SIP over it.
func CameThrough(a record.Attempt) bool {
	for _, c := range tried(connections(a)) {
		if c.done != nil && c.data && len(c.sip) > 0 {
			return true
		}
	}
	return false
}

// Standing counts the connections of the device that neither side has ended, and
// those whose handshake has an end that is not told yet.
func Standing(a record.Attempt) int {
	n := 0
	for _, c := range connections(a) {
		if c.accepted && (c.ender == "" || c.hello != nil && c.done == nil && c.failed == nil) {
			n++
		}
	}
	return n
}
