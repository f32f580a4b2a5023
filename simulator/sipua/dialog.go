package sipua

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// request builds a request inside the dialog (RFC 3261 12.2.1.1). Requests are
// written as text and parsed, so that what is sent is what stands here.
func (c *Call) request(f *Flow, method sip.RequestMethod, contentType string, body []byte) (*sip.Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq := c.cseq
	if method != sip.ACK {
		c.cseq++
		seq = c.cseq
	}
	uri, routes := route(c.target, c.routes)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, uri)
	c.agent.via(&b, f)
	for _, r := range routes {
		fmt.Fprintf(&b, "Route: %s\r\n", r)
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", c.localURI, c.remoteURI, c.callID, seq, method)
	if method == sip.INVITE || method == sip.UPDATE {
		fmt.Fprintf(&b, "%s\r\n", c.contact(f))
	}
	c.agent.tail(&b, contentType, body)
	return parseRequest(b.String(), f)
}

// hop builds what an INVITE's transaction itself needs, CANCEL (RFC 3261 9.1) or
// the ACK to a refusal (17.1.1.3): with the INVITE's own Request-URI, Via and number.
func hop(f *Flow, invite *sip.Request, method sip.RequestMethod, to string) (*sip.Request, error) {
	return parseRequest(fmt.Sprintf("%s %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n",
		method, invite.Recipient.String(), invite.Via().Value(), invite.From().Value(), to,
		invite.CallID().Value(), invite.CSeq().SeqNo, method), f)
}

// route applies the route set (RFC 3261 12.2.1.1): a strict router, one without
// the lr parameter, takes the Request-URI's place.
func route(target string, set []string) (uri string, routes []string) {
	if len(set) == 0 {
		return target, nil
	}
	var first sip.Uri
	uri = target
	loose := func(p sip.HeaderKV) bool { return strings.EqualFold(p.K, "lr") }
	if err := sip.ParseUri(set[0], &first); err == nil && !slices.ContainsFunc(first.UriParams, loose) {
		uri, set = set[0], append(slices.Clone(set[1:]), target)
	}
	for _, r := range set {
		routes = append(routes, "<"+r+">")
	}
	return uri, routes
}

func (a *Agent) via(b *strings.Builder, f *Flow) {
	fmt.Fprintf(b, "Via: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\n", f.transport, f.advertise, a.token())
}

func (a *Agent) tail(b *strings.Builder, contentType string, body []byte) {
	if a.Product != "" {
		fmt.Fprintf(b, "User-Agent: %s\r\n", a.Product)
	}
	if len(body) > 0 {
		fmt.Fprintf(b, "Content-Type: %s\r\n", contentType)
	}
	fmt.Fprintf(b, "Content-Length: %d\r\n\r\n%s", len(body), body)
}

func parseRequest(text string, f *Flow) (*sip.Request, error) {
	m, err := parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("writing a request: %w", err) // a number or name that cannot stand in SIP
	}
	m.SetTransport(f.transport)
	return m.(*sip.Request), nil
}

// learn takes remote target and route set from the message that makes or
// refreshes the dialog. mu is held. reverse: the route set of a caller is the
// Record-Route of the response read backwards (RFC 3261 12.1.2).
func (c *Call) learn(m interface {
	Contact() *sip.ContactHeader
	GetHeaders(name string) []sip.Header
}, makesDialog, reverse bool) {
	if h := m.Contact(); h != nil {
		c.target = h.Address.String()
	}
	if !makesDialog {
		return
	}
	c.routes = nil
	for _, h := range m.GetHeaders("Record-Route") {
		if uri := uriOf(h.Value()); !c.ours(uri) {
			c.routes = append(c.routes, uri)
		}
	}
	if reverse {
		slices.Reverse(c.routes)
	}
}

// ours tells the Record-Route that a caller of ours added itself, as the proxy
// in front of it would: that proxy would take it off before the device sees it.
func (c *Call) ours(uri string) bool {
	var u sip.Uri
	if c.role != "caller" || !c.agent.RecordRoute || sip.ParseUri(uri, &u) != nil {
		return false
	}
	host := u.Host
	if u.Port > 0 {
		host += fmt.Sprintf(":%d", u.Port)
	}
	return host == c.flow.advertise
}

// refresh answers an INVITE or UPDATE inside the dialog with the session as it
// stands: hold and codec changes are accepted, our media stays what it was.
func (c *Call) refresh(req *sip.Request, tx *serverTransaction) {
	c.mu.Lock()
	if req.Method == sip.INVITE && !c.accepted { // RFC 3261 14.2
		c.mu.Unlock()
		if c.role == "caller" {
			c.agent.respond(tx, req, 491, "Request Pending")
		} else {
			c.agent.respond(tx, req, 500, "Server Internal Error")
		}
		return
	}
	c.learn(req, false, false)
	var body []byte
	if len(req.Body()) > 0 || req.Method == sip.INVITE {
		body = c.local
	}
	r := sip.NewResponseFromRequest(req, 200, "OK", body)
	r.AppendHeader(c.contact(c.flow))
	var acked <-chan struct{}
	if req.Method == sip.INVITE {
		acked = c.expectAck(req, make(chan struct{}))
	}
	c.mu.Unlock()
	if len(body) > 0 {
		r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	c.agent.finish(r)
	tx.Respond(r)
	c.note("refreshed", 200, record.Device, nil)
	if acked != nil {
		go c.repeat(tx, r, acked)
	}
}

func (c *Call) contact(f *Flow) sip.Header {
	return sip.NewHeader("Contact", "<"+uri(c.scheme, f, c.user)+">")
}

// recordRoute is the header value of a proxy at the flow's advertised address.
func (a *Agent) recordRoute(f *Flow) string { return "<" + a.uri(f, "") + ";lr>" }
