package sipua

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// Call is one call leg between the agent and the device: its INVITE and the
// dialog that it makes.
type Call struct {
	// Number of the call on this leg, as in recordings.
	Number uint64
	// Dialled is the user part of the INVITE's Request-URI without its parameters.
	Dialled string
	// Invite is the request that began the call.
	Invite *sip.Request

	agent    *Agent
	role     string // caller or callee, ours
	scheme   string // of our Contact
	user     string // of our Contact
	callID   string
	localTag string

	mu        sync.Mutex
	flow      *Flow // where the last message of the dialog passed
	remoteTag string
	remoteURI string // From or To of the far end, with its tag
	localURI  string // ours, with our tag
	target    string // remote target: the far end's Contact
	routes    []string
	cseq      uint32
	local     []byte // our session description
	remote    []byte // theirs
	accepted  bool   // a 2xx was sent or received
	leaving   bool   // HangUp was called
	withdrawn bool   // by CANCEL, ours or theirs
	ended     bool
	by        record.Party
	status    int // of the final response to the INVITE
	reason    string
	failure   error
	unacked   map[uint32]chan struct{} // our 2xx to INVITEs, by CSeq; closed at the ACK

	tx          *serverTransaction // as callee
	inviteTx    *sip.ClientTx      // as caller
	provisional chan struct{}      // closed at the first provisional response to our INVITE
	answered    chan struct{}      // closed after the final one
	ack         *sip.Request       // to its 2xx; set before answered is closed
	ackFlow     *Flow
	confirmed   chan struct{} // closed when the ACK came (callee) or was sent (caller)
	done        chan struct{} // closed when the call is over
}

// Done is closed when the call is over, by whomever.
func (c *Call) Done() <-chan struct{} { return c.done }

// Confirmed is closed when the ACK to the 2xx has passed.
func (c *Call) Confirmed() <-chan struct{} { return c.confirmed }

// EndedBy returns who ended the call; empty while it lasts.
func (c *Call) EndedBy() record.Party {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by
}

// Proxy returns the proxy on which the call now stands.
func (c *Call) Proxy() string { return c.Origin().Proxy }

// Origin returns that of the connection on which the call now stands.
func (c *Call) Origin() record.Origin { return c.on().origin }

func (c *Call) on() *Flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flow
}

// Remote returns the far end's session description; nil while there is none.
func (c *Call) Remote() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

func (c *Call) note(state string, status int, by record.Party, err error) {
	body := record.Call{Leg: c.agent.Leg, Call: c.Number, Role: c.role, Number: c.Dialled, State: state, Status: status, By: by}
	if err != nil {
		body.Error = err.Error()
	}
	c.agent.Recorder.Emit(c.Origin(), body)
}

// end finishes the call once. by is who ended it; err says why where nobody asked to.
func (c *Call) end(by record.Party, err error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended, c.by = true, by
	accepted, withdrawn, status := c.accepted, c.withdrawn, c.status
	c.mu.Unlock()
	c.agent.remove(c)
	switch {
	case err != nil:
		c.note("failed", status, by, err)
	case withdrawn && (!accepted || c.role == "callee"): // a 2xx that crossed our CANCEL stands
		c.note("cancelled", status, by, nil)
	case accepted:
		c.note("ended", 0, by, nil)
	case status >= 300:
		c.note("rejected", status, by, nil)
	default:
		c.note("cancelled", status, by, nil)
	}
	close(c.done)
}

// HangUp ends the call from our side: CANCEL while it rings, BYE once it is
// accepted, a rejection where it is ours to answer. It waits for the device's
// answer until ctx ends. On a call that is over it does nothing, on one that is
// being ended it waits.
func (c *Call) HangUp(ctx context.Context) error {
	c.mu.Lock()
	ended, accepted, leaving := c.ended, c.accepted, c.leaving
	c.leaving = true
	if !ended && !accepted && c.role == "caller" {
		c.withdrawn = true
	}
	c.mu.Unlock()
	switch {
	case ended:
		return nil
	case leaving:
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	case !accepted && c.role == "callee":
		return c.Reject(480, "Temporarily Unavailable")
	case !accepted:
		return c.cancel(ctx)
	}
	return c.bye(ctx)
}

func (c *Call) bye(ctx context.Context) error {
	// The call is over for us once the BYE is sent, whatever it is answered (RFC 3261 15.1.1).
	defer c.end(record.Us, nil)
	if c.role == "callee" { // no BYE from the callee before the ACK (RFC 3261 15)
		select {
		case <-c.confirmed:
		case <-c.done:
			return nil
		case <-ctx.Done():
		}
	}
	r, err := c.Do(ctx, sip.BYE, "", nil)
	if err != nil {
		return fmt.Errorf("ending call %d: %w", c.Number, err)
	}
	if r.StatusCode >= 300 {
		return fmt.Errorf("ending call %d: the device answered BYE with %d %s", c.Number, r.StatusCode, r.Reason)
	}
	return nil
}

// byed ends the call at the device's BYE. An INVITE that still waits for our
// answer gets 487 (RFC 3261 15.1.2).
func (c *Call) byed() {
	c.mu.Lock()
	pending := c.role == "callee" && !c.accepted && c.status < 300
	if pending {
		c.withdrawn, c.status = true, 487
	}
	c.mu.Unlock()
	if pending {
		c.respond(487, "Request Terminated", nil)
	}
	c.end(record.Device, nil)
}

// Do sends a request inside the dialog and returns its final response. INVITE,
// ACK and CANCEL are not for Do.
func (c *Call) Do(ctx context.Context, method sip.RequestMethod, contentType string, body []byte) (*sip.Response, error) {
	switch method {
	case sip.INVITE, sip.ACK, sip.CANCEL:
		return nil, fmt.Errorf("sending a request inside call %d: not with method %s", c.Number, method)
	}
	f, err := c.way(ctx)
	if err != nil {
		return nil, err
	}
	req, err := c.request(f, method, contentType, body)
	if err != nil {
		return nil, err
	}
	tx, err := f.table.start(f, req)
	if err != nil {
		return nil, fmt.Errorf("sending %s: %w", method, err)
	}
	return final(ctx, tx, method)
}

// final waits for the final response of a non-INVITE transaction.
func final(ctx context.Context, tx *sip.ClientTx, method sip.RequestMethod) (*sip.Response, error) {
	defer tx.Terminate()
	for {
		select {
		case r := <-tx.Responses():
			if r.StatusCode >= 200 {
				return r, nil
			}
		case <-tx.Done():
			return nil, fmt.Errorf("waiting for the answer to %s: %w", method, ended(tx))
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the answer to %s: %w", method, context.Cause(ctx))
		}
	}
}

// ended says in our words why a transaction is over.
func ended(tx *sip.ClientTx) error {
	if errors.Is(tx.Err(), sip.ErrTransactionTimeout) {
		return fmt.Errorf("no answer within %v (RFC 3261 timer B or F)", 64*sip.T1)
	}
	return errFlowClosed
}

// way returns the flow for the next request of ours inside the dialog.
func (c *Call) way(ctx context.Context) (*Flow, error) {
	f := c.on()
	if f.alive() {
		return f, nil
	}
	if c.agent.Reconnect == nil {
		return nil, errFlowClosed
	}
	f, err := c.agent.Reconnect(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("reaching the device for a request inside call %d: %w", c.Number, err)
	}
	c.mu.Lock()
	c.flow = f
	c.mu.Unlock()
	return f, nil
}

// cancelBound is how long a call that is given up may take to end.
const cancelBound = 3 * time.Second
