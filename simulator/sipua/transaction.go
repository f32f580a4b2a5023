package sipua

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"
)

// maxTransactions bounds the server transactions of one connection; what a
// flooding device sends beyond them is recorded and dropped.
const maxTransactions = 1000

// quiet is the logger of the transaction machines: what happens is in the recording.
var quiet = slog.New(slog.DiscardHandler)

// transactions are those of one connection, or of one UDP socket. The state
// machines are sipgo's; each has one FIFO, so that messages reach it in the
// order of the wire.
type transactions struct {
	agent  *Agent
	mu     sync.Mutex
	client map[string]*clientTransaction
	server map[string]*serverTransaction
	ended  bool
}

type clientTransaction struct {
	*sip.ClientTx
	fifo    fifo[*sip.Response]
	refused bool // an INVITE's final response of 300 or more has come; used in the FIFO only
}

// receive takes one response. sipgo would acknowledge a repeated refusal only
// after T2; RFC 3261 17.1.1.2 says each time.
func (t *clientTransaction) receive(f *Flow, r *sip.Response) {
	if t.Origin().IsInvite() && r.StatusCode >= 300 {
		if t.refused {
			if ack, err := hop(f, t.Origin(), sip.ACK, r.To().Value()); err == nil {
				f.WriteMsg(ack)
			}
			return
		}
		t.refused = true
	}
	t.Receive(r)
}

func newTransactions(a *Agent) *transactions {
	return &transactions{agent: a, client: map[string]*clientTransaction{}, server: map[string]*serverTransaction{}}
}

// start sends req on f as a new client transaction.
func (t *transactions) start(f *Flow, req *sip.Request) (*sip.ClientTx, error) {
	key, err := sip.ClientTxKeyMake(req)
	if err != nil {
		return nil, err
	}
	ct := &clientTransaction{ClientTx: sip.NewClientTx(key, req, f, quiet)}
	ct.fifo.take = func(r *sip.Response) { ct.receive(f, r) }
	// A response that overtook the end of Init would have its timers set after it.
	ct.fifo.busy = true
	ct.OnTerminate(func(string, error) {
		t.mu.Lock()
		delete(t.client, key)
		t.mu.Unlock()
	})
	t.mu.Lock()
	t.client[key] = ct
	ended := t.ended
	t.mu.Unlock()
	if ended {
		ct.Terminate()
		return nil, errFlowClosed
	}
	if err := ct.Init(); err != nil {
		ct.Terminate()
		return nil, err
	}
	go ct.fifo.run()
	return ct.ClientTx, nil
}

func (t *transactions) response(r *sip.Response) {
	key, err := sip.ClientTxKeyMake(r)
	if err != nil {
		return
	}
	t.mu.Lock()
	ct := t.client[key]
	t.mu.Unlock()
	if ct != nil {
		t.agent.early(r)
		ct.fifo.put(r)
	}
}

type serverTransaction struct {
	*sip.ServerTx
	fifo fifo[*sip.Request]
	// cancelled is closed when a CANCEL has made the machine answer 487.
	cancelled chan struct{}
	mu        sync.Mutex   // held while the machine is fed
	final     atomic.Int32 // status of the final response, once there is one
}

// Respond sends r, unless a final response was sent before: sipgo's machine
// would then keep the wrong one for repetition.
func (s *serverTransaction) Respond(r *sip.Response) error { return s.respond(r, func() {}) }

// respond calls note, which must not block, once r is sure to be sent.
func (s *serverTransaction) respond(r *sip.Response, note func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if final := s.final.Load(); final >= 300 || final != 0 && !r.IsSuccess() {
		return fmt.Errorf("sending %d %s: the request already has its final response, %d", r.StatusCode, r.Reason, final)
	}
	if !r.IsProvisional() {
		s.final.Store(int32(r.StatusCode))
	}
	note()
	return s.ServerTx.Respond(r)
}

// request runs on the reading goroutine. It finds or makes the transaction;
// what takes time happens elsewhere.
func (t *transactions) request(f *Flow, req *sip.Request) {
	key, err := sip.ServerTxKeyMake(req)
	if err != nil {
		return
	}
	t.mu.Lock()
	st := t.server[key]
	var invite *serverTransaction
	if req.IsCancel() {
		invite = t.invite(req)
	}
	t.mu.Unlock()
	switch {
	case invite != nil:
		ok := sip.NewResponseFromRequest(req, 200, "OK", nil)
		if tag, has := invite.Origin().To().Params.Get("tag"); has { // RFC 3261 9.2
			ok.To().Params.Add("tag", tag)
		}
		t.agent.finish(ok)
		f.WriteMsg(ok)
		invite.fifo.put(req)
	case req.IsAck():
		// The one to a 2xx has no transaction of its own, though some send it
		// with the INVITE's branch. (sipgo's machine would start a goroutine for each.)
		if st == nil || st.final.Load() < 300 {
			t.agent.ack(f, req)
		} else {
			st.fifo.put(req)
		}
	case st != nil:
		st.fifo.put(req)
	default:
		t.begin(f, req, key)
	}
}

// invite returns the transaction that a CANCEL is for. mu is held.
func (t *transactions) invite(cancel *sip.Request) *serverTransaction {
	like := cancel.Clone()
	like.CSeq().MethodName = sip.INVITE
	key, err := sip.ServerTxKeyMake(like)
	if err != nil {
		return nil
	}
	return t.server[key]
}

// begin makes the transaction of a request that is new.
func (t *transactions) begin(f *Flow, req *sip.Request, key string) {
	st := &serverTransaction{cancelled: make(chan struct{})}
	st.fifo.take = func(r *sip.Request) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.Receive(r)
	}
	_, inDialog := req.To().Params.Get("tag")
	if !inDialog {
		// One tag for all responses, those that the machine makes included (RFC 3261 8.2.6.2).
		req.To().Params.Add("tag", t.agent.token())
	}
	st.ServerTx = sip.NewServerTx(key, req, f, quiet)
	t.mu.Lock()
	if len(t.server) >= maxTransactions || t.ended {
		t.mu.Unlock()
		return
	}
	t.server[key] = st
	t.mu.Unlock()
	st.OnCancel(func(*sip.Request) {
		st.final.Store(487)
		close(st.cancelled) // once: the machine passes no second CANCEL on
	})
	st.OnTerminate(func(string, error) {
		t.mu.Lock()
		delete(t.server, key)
		t.mu.Unlock()
	})
	st.Init()
	t.agent.request(f, req, st, inDialog)
}

// close ends all transactions: their connection is gone.
func (t *transactions) close() {
	t.mu.Lock()
	t.ended = true
	var end []interface{ Terminate() }
	for _, c := range t.client {
		end = append(end, c)
	}
	for _, s := range t.server {
		end = append(end, s)
	}
	t.mu.Unlock()
	for _, x := range end {
		x.Terminate()
	}
}

// fifo hands messages to one consumer in order, without ever blocking the
// reader, on a goroutine that lasts as long as there are any.
type fifo[T any] struct {
	take func(T)

	mu    sync.Mutex
	queue []T
	busy  bool // run is under way
}

// maxQueued bounds what one transaction has waiting: retransmissions beyond it are lost.
const maxQueued = 256

func (q *fifo[T]) put(m T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= maxQueued {
		return
	}
	q.queue = append(q.queue, m)
	if !q.busy {
		q.busy = true
		go q.run()
	}
}

func (q *fifo[T]) run() {
	for {
		q.mu.Lock()
		if len(q.queue) == 0 {
			q.busy = false
			q.queue = nil
			q.mu.Unlock()
			return
		}
		m := q.queue[0]
		q.queue = q.queue[1:]
		q.mu.Unlock()
		q.take(m)
	}
}
