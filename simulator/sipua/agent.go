// Package sipua is the SIP user agent of the simulator: the cloud is one agent
// over all its proxies, the carrier another over UDP. It keeps message order,
// raw bytes and connection of everything it sees, and tells the recorder.
//
// Transactions belong to a connection, dialogs to the agent: a BYE may come on
// another connection, and through another proxy, than the INVITE did.
// Message syntax and transaction machines are those of github.com/emiago/sipgo;
// connections, dispatch and dialogs are this package's.
package sipua

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

var errFlowClosed = errors.New("the connection has ended")

// maxCalls bounds the calls an agent has at once; further INVITEs get 503.
const maxCalls = 500

// Agent is a SIP user agent. Set its fields before the first flow.
type Agent struct {
	// Recorder receives the events. It must be set.
	Recorder *record.Recorder
	// Leg names the agent in recordings: cloud or carrier.
	Leg string
	// Product goes into User-Agent and Server; empty leaves both out.
	Product string
	// Scheme of our Contact and Request-URI: sip (the default) or sips.
	Scheme string
	// RecordRoute: our requests and responses carry a Record-Route of the
	// advertised address, as those of a proxy in front of the agent would.
	RecordRoute bool
	// Incoming is told each call that the device sends, on a goroutine of its
	// own. It must answer or reject. Nil rejects with 404.
	Incoming func(*Call)
	// Reconnect opens a connection for a request inside a dialog whose own
	// connection has ended. Nil: such requests fail.
	Reconnect func(ctx context.Context, old *Flow) (*Flow, error)
	// Rand feeds tags, branches and Call-IDs; nil is crypto/rand.
	Rand io.Reader

	drawing sync.Mutex // guards Rand

	mu     sync.Mutex
	calls  map[dialog]*Call // by Call-ID and our tag
	counts map[string]uint64
	order  []string // of counts, oldest first
	last   uint64
}

// dialog identifies a call by what is ours to choose: the far end's tag is
// compared apart, since it is not known at first.
type dialog struct{ callID, localTag string }

// maxRemembered bounds the Call-IDs whose numbers are remembered.
const maxRemembered = 4096

// token returns a fresh tag, branch suffix or Call-ID.
func (a *Agent) token() string {
	src := a.Rand
	if src == nil {
		src = rand.Reader
	}
	b := make([]byte, 8)
	a.drawing.Lock()
	defer a.drawing.Unlock()
	if _, err := io.ReadFull(src, b); err != nil {
		panic(fmt.Sprintf("reading randomness: %v", err)) // a broken source has no remedy
	}
	return hex.EncodeToString(b)
}

// numberCallID returns the number of a call, the agent's next one if it is new.
func (a *Agent) numberCallID(callID string) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n, known := a.counts[callID]; known {
		return n
	}
	if a.counts == nil {
		a.counts = map[string]uint64{}
	}
	if len(a.order) >= maxRemembered {
		delete(a.counts, a.order[0])
		a.order = a.order[1:]
	}
	a.last++
	a.counts[callID] = a.last
	a.order = append(a.order, callID)
	return a.last
}

func (a *Agent) callNumber(callID string) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts[callID]
}

func (a *Agent) add(c *Call) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls == nil {
		a.calls = map[dialog]*Call{}
	}
	if len(a.calls) >= maxCalls {
		return false
	}
	a.calls[dialog{c.callID, c.localTag}] = c
	return true
}

func (a *Agent) remove(c *Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.calls, dialog{c.callID, c.localTag})
}

// find returns the call that a request inside a dialog belongs to. The call
// then stands on f.
func (a *Agent) find(f *Flow, req *sip.Request) *Call {
	tag, _ := req.To().Params.Get("tag")
	c := a.lookup(req.CallID().Value(), tag)
	if c == nil {
		return nil
	}
	theirs, _ := req.From().Params.Get("tag")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remoteTag != theirs {
		return nil
	}
	c.flow = f
	return c
}

func (a *Agent) lookup(callID, localTag string) *Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[dialog{callID, localTag}]
}

// early notes the far end's tag in a response to our INVITE, on the reading
// goroutine: a request inside the dialog may stand right behind it on the wire.
func (a *Agent) early(r *sip.Response) {
	theirs, has := r.To().Params.Get("tag")
	if !has || r.CSeq().MethodName != sip.INVITE || r.StatusCode >= 300 {
		return
	}
	tag, _ := r.From().Params.Get("tag")
	c := a.lookup(r.CallID().Value(), tag)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remoteTag == "" {
		c.remoteTag = theirs
	}
}

// Calls returns the calls that have not ended.
func (a *Agent) Calls() []*Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*Call
	for _, c := range a.calls {
		out = append(out, c)
	}
	return out
}

// HangUp ends all calls, each with BYE or CANCEL, and waits for the answers
// until ctx ends.
func (a *Agent) HangUp(ctx context.Context) {
	var wg sync.WaitGroup
	for _, c := range a.Calls() {
		wg.Go(func() { c.HangUp(ctx) })
	}
	wg.Wait()
}

// ack handles an ACK to a 2xx.
func (a *Agent) ack(f *Flow, req *sip.Request) {
	if c := a.find(f, req); c != nil {
		c.acknowledged(req.CSeq().SeqNo)
	}
}

// allow lists what request answers with something else than 405.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"

// request answers a request that began a transaction. It runs on the reading
// goroutine, so calls and dialogs are known in the order of the wire.
func (a *Agent) request(f *Flow, req *sip.Request, tx *serverTransaction, inDialog bool) {
	var c *Call
	if inDialog {
		if c = a.find(f, req); c == nil && req.Method != sip.OPTIONS {
			a.respond(tx, req, 481, "Call/Transaction Does Not Exist")
			return
		}
	}
	switch req.Method {
	case sip.OPTIONS:
		r := sip.NewResponseFromRequest(req, 200, "OK", nil)
		r.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		a.finish(r)
		tx.Respond(r)
	case sip.INVITE:
		if c != nil {
			c.refresh(req, tx)
			return
		}
		a.invited(f, req, tx)
	case sip.BYE:
		if c == nil {
			a.respond(tx, req, 481, "Call/Transaction Does Not Exist")
			return
		}
		a.respond(tx, req, 200, "OK")
		c.byed()
	case sip.UPDATE:
		if c == nil {
			a.respond(tx, req, 481, "Call/Transaction Does Not Exist")
			return
		}
		c.refresh(req, tx)
	case sip.INFO:
		a.respond(tx, req, 200, "OK")
	case sip.CANCEL:
		a.respond(tx, req, 481, "Call/Transaction Does Not Exist")
	default:
		a.respond(tx, req, 405, "Method Not Allowed")
	}
}

func (a *Agent) respond(tx *serverTransaction, req *sip.Request, code int, reason string) {
	r := sip.NewResponseFromRequest(req, code, reason, nil)
	a.finish(r)
	tx.Respond(r)
}

// finish adds the headers that every response of ours has.
func (a *Agent) finish(r *sip.Response) {
	if r.StatusCode >= 200 {
		r.AppendHeader(sip.NewHeader("Allow", allow))
	}
	if a.Product != "" {
		r.AppendHeader(sip.NewHeader("Server", a.Product))
	}
}

func (a *Agent) scheme() string {
	if a.Scheme == "" {
		return "sip"
	}
	return a.Scheme
}

// uri returns the URI under which the agent is reached on flow f.
func (a *Agent) uri(f *Flow, user string) string { return uri(a.scheme(), f, user) }

func uri(scheme string, f *Flow, user string) string {
	if user != "" {
		user += "@"
	}
	return scheme + ":" + user + f.advertise + f.parameter(scheme)
}

// parameter is the transport parameter of a URI on the flow: none over UDP, and
// none with sips, which means TLS by itself (RFC 3261 26.2.2).
func (f *Flow) parameter(scheme string) string {
	if f.transport == "UDP" || scheme == "sips" {
		return ""
	}
	return ";transport=" + strings.ToLower(f.transport)
}
