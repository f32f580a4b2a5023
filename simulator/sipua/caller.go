package sipua

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// Invitation says whom to call and with what.
type Invitation struct {
	// To is the number dialled, with its + where it has one.
	To string
	// From is our number.
	From string
	// Host is the device's host, with a port where it is not the default:
	// what stands behind the @ of the Request-URI.
	Host string
	// SDP is our offer.
	SDP []byte
	// Scheme of Request-URI, From, To and Contact; empty is the agent's.
	Scheme string
}

// Rejected is the error of a call that the device answered with a final
// response of 300 or more.
type Rejected struct {
	Status int
	Reason string
}

func (r *Rejected) Error() string {
	return fmt.Sprintf("the device answered %d %s", r.Status, r.Reason)
}

// Call sends an INVITE on f. It returns at once; Wait tells the outcome.
func (a *Agent) Call(f *Flow, in Invitation) (*Call, error) {
	callID, localTag := a.token()+"@byocheck", a.token()
	host := f.host()
	scheme := in.Scheme
	if scheme == "" {
		scheme = a.scheme()
	}
	to := fmt.Sprintf("%s:%s@%s", scheme, in.To, in.Host)
	c := &Call{
		Number: a.numberCallID(callID), Dialled: in.To, agent: a, role: "caller", scheme: scheme, user: in.From, callID: callID, localTag: localTag,
		flow: f, localURI: fmt.Sprintf("<%s:%s@%s>;tag=%s", scheme, in.From, host, localTag),
		remoteURI: "<" + to + ">", target: to + f.parameter(scheme), cseq: 1, local: in.SDP,
		provisional: make(chan struct{}), answered: make(chan struct{}),
		confirmed: make(chan struct{}), done: make(chan struct{}),
	}
	var b strings.Builder
	fmt.Fprintf(&b, "INVITE %s SIP/2.0\r\n", c.target)
	a.via(&b, f)
	if a.RecordRoute {
		fmt.Fprintf(&b, "Record-Route: %s\r\n", a.recordRoute(f))
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <%s>\r\nAllow: %s\r\n",
		c.localURI, c.remoteURI, callID, uri(scheme, f, in.From), allow)
	a.tail(&b, "application/sdp", in.SDP)
	req, err := parseRequest(b.String(), f)
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", in.To, err)
	}
	c.Invite = req
	if !a.add(c) {
		return nil, fmt.Errorf("calling %s: more than %d calls at once", in.To, maxCalls)
	}
	c.note("invited", 0, record.Us, nil)
	tx, err := f.table.start(f, req)
	if err != nil {
		err = fmt.Errorf("calling %s: %w", in.To, err)
		c.end("", err)
		close(c.answered)
		return nil, err
	}
	c.inviteTx = tx
	tx.OnRetransmission(func(*sip.Response) { c.ackAgain() })
	go c.follow(tx)
	return c, nil
}

// follow takes the responses to our INVITE in order.
func (c *Call) follow(tx *sip.ClientTx) {
	defer close(c.answered)
	var first sync.Once
	for {
		select {
		case r := <-tx.Responses():
			switch {
			case r.StatusCode < 200:
				c.progress(r)
				first.Do(func() { close(c.provisional) })
			case r.StatusCode < 300:
				c.acceptedBy(r)
				return
			default:
				c.mu.Lock()
				c.status, c.reason = r.StatusCode, r.Reason
				by := record.Device
				if c.withdrawn {
					by = record.Us
				}
				c.mu.Unlock()
				c.end(by, nil)
				return
			}
		case <-tx.Done():
			c.fail(fmt.Errorf("waiting for the answer to INVITE: %w", ended(tx)))
			return
		}
	}
}

// fail ends a call that we made and that came to nothing.
func (c *Call) fail(err error) {
	c.mu.Lock()
	c.failure = err
	c.mu.Unlock()
	c.end("", err)
}

func (c *Call) progress(r *sip.Response) {
	if r.StatusCode == 100 {
		return
	}
	c.mu.Lock()
	if tag, has := r.To().Params.Get("tag"); has { // an early dialog (RFC 3261 12.1)
		c.remoteTag, c.remoteURI = tag, r.To().Value()
		c.learn(r, true, true)
	}
	if len(r.Body()) > 0 {
		c.remote = r.Body()
	}
	c.mu.Unlock()
	c.note("progress", r.StatusCode, record.Device, nil)
}

// acceptedBy takes the first 2xx. One to a call that was given up meanwhile is
// acknowledged and the call ended with BYE (RFC 3261 9.1, 13.2.2.4).
func (c *Call) acceptedBy(r *sip.Response) {
	c.mu.Lock()
	c.accepted, c.status, c.reason = true, r.StatusCode, r.Reason
	c.remoteURI = r.To().Value()
	c.remoteTag, _ = r.To().Params.Get("tag")
	c.learn(r, true, true)
	if len(r.Body()) > 0 {
		c.remote = r.Body()
	}
	withdrawn, over := c.withdrawn, c.ended
	c.mu.Unlock()
	if !over {
		c.note("answered", r.StatusCode, record.Device, nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 64*sip.T1)
	defer cancel()
	if err := c.sendAck(ctx, over); err != nil {
		c.fail(fmt.Errorf("acknowledging the answer to INVITE: %w", err))
	} else if withdrawn {
		c.bye(ctx)
	}
}

// sendAck acknowledges the 2xx.
func (c *Call) sendAck(ctx context.Context, over bool) error {
	f, err := c.way(ctx)
	if err != nil {
		return err
	}
	ack, err := c.request(f, sip.ACK, "", nil)
	if err != nil {
		return err
	}
	// The ACK repeats the INVITE's number (RFC 3261 13.2.2.4), whatever was sent since.
	ack.CSeq().SeqNo = c.Invite.CSeq().SeqNo
	c.ack, c.ackFlow = ack, f
	if !over { // recorded before it is sent: what the device does upon it comes later
		c.note("confirmed", 0, "", nil)
	}
	if err := f.WriteMsg(ack); err != nil {
		return err
	}
	close(c.confirmed)
	return nil
}

// ackAgain repeats the ACK for a 2xx that was repeated.
func (c *Call) ackAgain() {
	select {
	case <-c.confirmed:
	case <-c.answered:
	}
	select {
	case <-c.confirmed:
		c.ackFlow.WriteMsg(c.ack)
	default: // it could not be sent
	}
}

// Wait returns when our INVITE has its final response: nil for a 2xx, a
// *Rejected for another, an error where none came. When ctx ends first, the
// call is cancelled and the context's error returned.
func (c *Call) Wait(ctx context.Context) error {
	select {
	case <-c.answered:
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelBound)
		defer cancel()
		c.HangUp(stop)
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != nil:
		return c.failure
	case c.status >= 300:
		return &Rejected{c.status, c.reason}
	case c.withdrawn:
		return errors.New("the call was given up before its answer")
	}
	return nil
}

// Status returns the final response's code; 0 while there is none.
func (c *Call) Status() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// cancel gives up a call that is not answered and waits for its end.
func (c *Call) cancel(ctx context.Context) error {
	go c.withdraw()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		err := errors.New("the device did not end the INVITE when we gave it up")
		c.end(record.Us, err)
		return err
	}
}

// withdraw sends CANCEL, as soon as a provisional response has come (RFC 3261
// 9.1), and drops the INVITE 64*T1 later if the device does not end it.
func (c *Call) withdraw() {
	select {
	case <-c.provisional:
	case <-c.answered:
		return
	}
	f := c.inviteTx.Connection().(*Flow)
	req, err := hop(f, c.Invite, sip.CANCEL, c.Invite.To().Value())
	if err != nil { // cannot be: the INVITE was built of the same
		c.inviteTx.Terminate()
		return
	}
	tx, err := f.table.start(f, req)
	if err != nil {
		c.inviteTx.Terminate()
		return
	}
	defer tx.Terminate()
	giveUp := time.NewTimer(64 * sip.T1)
	defer giveUp.Stop()
	for {
		select {
		case <-tx.Responses(): // says nothing about the INVITE
		case <-c.answered:
			return
		case <-giveUp.C:
			c.inviteTx.Terminate()
			return
		}
	}
}

// userOf returns the user part of a URI without its parameters (RFC 4904 puts
// tgrp and trunk-context there).
func userOf(u sip.Uri) string {
	user, _, _ := strings.Cut(u.User, ";")
	return user
}

// Ask sends a request outside any dialog, OPTIONS for one, and returns its
// final response.
func (a *Agent) Ask(ctx context.Context, f *Flow, method sip.RequestMethod, host string) (*sip.Response, error) {
	advertised := f.host()
	target := a.scheme() + ":" + host + f.parameter(a.scheme())
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, target)
	a.via(&b, f)
	fmt.Fprintf(&b, "From: <%s:ping@%s>;tag=%s\r\nTo: <%s:%s>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <%s>\r\n",
		a.scheme(), advertised, a.token(), a.scheme(), host, a.token()+"@byocheck", method, a.uri(f, ""))
	a.tail(&b, "", nil)
	req, err := parseRequest(b.String(), f)
	if err != nil {
		return nil, err
	}
	tx, err := f.table.start(f, req)
	if err != nil {
		return nil, fmt.Errorf("sending %s: %w", method, err)
	}
	return final(ctx, tx, method)
}
