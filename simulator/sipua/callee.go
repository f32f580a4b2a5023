package sipua

import (
	"context"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// invited makes a call of an INVITE and hands it on.
func (a *Agent) invited(f *Flow, req *sip.Request, tx *serverTransaction) {
	localTag, _ := req.To().Params.Get("tag")
	remoteTag, _ := req.From().Params.Get("tag")
	c := &Call{
		Number: a.numberCallID(req.CallID().Value()), Dialled: userOf(req.Recipient), Invite: req,
		agent: a, role: "callee", scheme: a.scheme(), user: userOf(req.Recipient), callID: req.CallID().Value(), localTag: localTag,
		flow: f, remoteTag: remoteTag, remoteURI: req.From().Value(), localURI: req.To().Value(),
		remote: req.Body(), tx: tx,
		confirmed: make(chan struct{}), done: make(chan struct{}),
	}
	if req.Recipient.IsEncrypted() { // RFC 3261 12.1.1
		c.scheme = req.Recipient.Scheme
	}
	c.learn(req, true, false)
	if !a.add(c) {
		a.respond(tx, req, 503, "Service Unavailable")
		return
	}
	c.note("invited", 0, record.Device, nil)
	go c.watch()
	if a.Incoming == nil {
		c.Reject(404, "Not Found")
		return
	}
	// At once, so that the machine's own 100 cannot come between later responses.
	a.respond(tx, req, 100, "Trying")
	go a.Incoming(c)
}

// watch ends a call that is not accepted when the device cancels it or its
// connection ends.
func (c *Call) watch() {
	select {
	case <-c.done:
		return
	case <-c.tx.cancelled:
	case <-c.tx.Done():
	}
	select {
	case <-c.tx.cancelled:
		c.mu.Lock()
		c.withdrawn, c.status = true, 487
		c.mu.Unlock()
		c.end(record.Device, nil)
	default:
		c.mu.Lock()
		answered := c.accepted || c.status >= 300
		c.mu.Unlock()
		if !answered {
			c.end("", errFlowClosed)
		}
	}
}

// Ring sends a provisional response, with a session description if sdp is not nil.
func (c *Call) Ring(code int, sdp []byte) error {
	reason := "Ringing"
	if code == 183 {
		reason = "Session Progress"
	}
	return c.respond(code, reason, sdp)
}

// Answer accepts the call with 200 and our session description. It returns
// once the response is sent; Confirmed tells the ACK, until which it is
// repeated (RFC 3261 13.3.1.4). Without an ACK in 64*T1 the call is ended with BYE.
func (c *Call) Answer(sdp []byte) error {
	c.mu.Lock()
	if c.ended || c.accepted || c.status >= 300 {
		c.mu.Unlock()
		return fmt.Errorf("answering call %d: it is answered or over", c.Number)
	}
	c.accepted, c.local = true, sdp
	acked := c.expectAck(c.Invite, c.confirmed)
	c.mu.Unlock()
	r := c.response(200, "OK", sdp)
	// Recorded before it is sent: what the device does upon it comes later.
	if err := c.tx.respond(r, func() { c.note("answered", 200, record.Us, nil) }); err != nil {
		err = fmt.Errorf("answering call %d: %w", c.Number, err)
		select {
		case <-c.tx.cancelled:
		default:
			c.end("", err)
		}
		return err
	}
	go c.repeat(c.tx, r, acked)
	return nil
}

// expectAck makes ready for the ACK to a 2xx to the INVITE, which closes acked. mu is held.
func (c *Call) expectAck(invite *sip.Request, acked chan struct{}) <-chan struct{} {
	seq := invite.CSeq().SeqNo
	if known := c.unacked[seq]; known != nil {
		return known
	}
	if c.unacked == nil {
		c.unacked = map[uint32]chan struct{}{}
	}
	c.unacked[seq] = acked
	return acked
}

// acknowledged takes the ACK to the 2xx to the INVITE of that number.
func (c *Call) acknowledged(seq uint32) {
	c.mu.Lock()
	acked := c.unacked[seq]
	delete(c.unacked, seq)
	c.mu.Unlock()
	switch acked {
	case nil:
		return
	case c.confirmed:
		c.note("confirmed", 0, "", nil)
	}
	close(acked)
}

// repeat sends the 2xx again until its ACK comes, over any transport (RFC 3261
// 13.3.1.4), and ends the call if none does.
func (c *Call) repeat(tx *serverTransaction, r *sip.Response, acked <-chan struct{}) {
	wait := sip.T1
	giveUp := time.NewTimer(64 * sip.T1)
	defer giveUp.Stop()
	for {
		again := time.NewTimer(wait)
		select {
		case <-acked:
			if sip.IsReliable(r.Transport()) {
				tx.Terminate() // no INVITE will be repeated
			}
		case <-c.done:
		case <-giveUp.C:
			ctx, cancel := context.WithTimeout(context.Background(), cancelBound)
			c.Do(ctx, sip.BYE, "", nil)
			cancel()
			c.end(record.Us, fmt.Errorf("no ACK to our 200 within %v", 64*sip.T1))
		case <-again.C:
			tx.Respond(r)
			wait = min(2*wait, sip.T2)
			continue
		}
		again.Stop()
		return
	}
}

// Reject refuses the call.
func (c *Call) Reject(code int, reason string) error {
	c.mu.Lock()
	if c.ended || c.accepted || c.status >= 300 {
		c.mu.Unlock()
		return fmt.Errorf("rejecting call %d: it is answered or over", c.Number)
	}
	c.status = code
	c.mu.Unlock()
	err := c.respond(code, reason, nil)
	select {
	case <-c.tx.cancelled: // before: the device ended it
	default:
		c.end(record.Us, nil)
	}
	return err
}

func (c *Call) respond(code int, reason string, sdp []byte) error {
	return c.tx.Respond(c.response(code, reason, sdp))
}

func (c *Call) response(code int, reason string, sdp []byte) *sip.Response {
	f := c.on()
	r := sip.NewResponseFromRequest(c.Invite, code, reason, sdp)
	if c.agent.RecordRoute && code > 100 && code < 300 {
		r.PrependHeader(sip.NewHeader("Record-Route", c.agent.recordRoute(f)))
	}
	if code > 100 && code < 300 {
		r.AppendHeader(c.contact(f))
	}
	if len(sdp) > 0 {
		r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	c.agent.finish(r)
	return r
}
