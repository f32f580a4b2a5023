package sipua

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// maxBadMessages is how many unreadable messages a connection may carry before
// it is closed.
const maxBadMessages = 10

// Flow is one way to the device: a TLS connection, or one remote address on the
// carrier's UDP socket. What arrives on it is handled in the order of arrival.
type Flow struct {
	agent  *Agent
	origin record.Origin
	// transport is TLS or UDP, as it stands in Via.
	transport     string
	local, remote string
	localAddr     net.Addr
	// advertise is the host:port that goes into Via, Contact and Record-Route.
	advertise string
	send      func([]byte) error
	hangUp    func(reason string)
	table     *transactions

	writing sync.Mutex // so that messages are recorded in the order in which they are sent
	once    sync.Once
	closed  chan struct{}
	hung    sync.Once
}

// Closed is closed when nothing more comes from the flow.
func (f *Flow) Closed() <-chan struct{} { return f.closed }

// Origin returns the connection's id, proxy and profile generation.
func (f *Flow) Origin() record.Origin { return f.origin }

// Remote returns the device's address and port.
func (f *Flow) Remote() string { return f.remote }

// host returns the advertised address without its port, as it stands in a URI.
func (f *Flow) host() string {
	return f.advertise[:strings.LastIndexByte(f.advertise, ':')]
}

func (f *Flow) alive() bool {
	select {
	case <-f.closed:
		return false
	default:
		return true
	}
}

func (f *Flow) end() { f.once.Do(func() { close(f.closed) }) }

// shut tells the connection's owner, once, that it is of no more use.
func (f *Flow) shut(reason string) { f.hung.Do(func() { f.hangUp(reason) }) }

// The methods that sipgo's transactions want of a connection. References are
// not counted: the connection's owner ends it, not a transaction.

// LocalAddr implements sip.Connection.
func (f *Flow) LocalAddr() net.Addr { return f.localAddr }

// Ref implements sip.Connection.
func (f *Flow) Ref(int) int { return 1 }

// TryClose implements sip.Connection.
func (f *Flow) TryClose() (int, error) { return 1, nil }

// Close implements sip.Connection.
func (f *Flow) Close() error {
	f.shut("")
	return nil
}

// WriteMsg implements sip.Connection: it records the message, then sends it.
func (f *Flow) WriteMsg(m sip.Message) error {
	raw := []byte(m.String())
	f.writing.Lock()
	defer f.writing.Unlock()
	f.agent.Recorder.Emit(f.origin, f.describe(record.Out, m, raw))
	return f.send(raw)
}

// pong answers a keep-alive of two CRLF with one (RFC 5626 3.5.1).
func (f *Flow) pong() {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.send([]byte("\r\n"))
}

func (f *Flow) describe(dir record.Direction, m sip.Message, raw []byte) record.SIPMessage {
	e := record.SIPMessage{Dir: dir, Transport: f.transport, Local: f.local, Remote: f.remote, Raw: raw}
	if h := m.CallID(); h != nil {
		e.CallID = h.Value()
		e.Call = f.agent.callNumber(e.CallID)
	}
	switch m := m.(type) {
	case *sip.Request:
		e.Method = string(m.Method)
	case *sip.Response:
		e.Status = m.StatusCode
		if h := m.CSeq(); h != nil {
			e.Method = string(h.MethodName)
		}
	}
	return e
}

// handle takes one whole message off the wire.
func (f *Flow) handle(raw []byte) error {
	m, err := parse(raw)
	if err != nil {
		f.garbage(raw, err)
		return err
	}
	m.SetTransport(f.transport)
	m.SetSource(f.remote)
	if req, ok := m.(*sip.Request); ok && req.Method == sip.INVITE {
		f.agent.numberCallID(req.CallID().Value()) // so that the INVITE itself carries the call's number
	}
	f.agent.Recorder.Emit(f.origin, f.describe(record.In, m, raw))
	switch m := m.(type) {
	case *sip.Response:
		f.table.response(m)
	case *sip.Request:
		if source, err := netip.ParseAddrPort(f.remote); err == nil {
			received(m, source)
		}
		f.table.request(f, m)
	}
	return nil
}

// parse reads one message and checks what every later step relies on.
func parse(raw []byte) (m sip.Message, err error) {
	defer func() { // the parser is not ours, the bytes are the device's
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("parsing SIP message: %v", p)
		}
	}()
	text, err := normal(raw)
	if err != nil {
		return nil, fmt.Errorf("parsing SIP message: %w", err)
	}
	m, err = parser.ParseSIP(text)
	if err != nil {
		return nil, fmt.Errorf("parsing SIP message: %w", err)
	}
	// Each is read from its text at the first use: here, before others see the message.
	switch {
	case m.Via() == nil:
		return nil, errors.New("parsing SIP message: no Via")
	case m.From() == nil, m.To() == nil:
		return nil, errors.New("parsing SIP message: no From or To")
	case m.CallID() == nil:
		return nil, errors.New("parsing SIP message: no Call-ID")
	case m.CSeq() == nil:
		return nil, errors.New("parsing SIP message: no CSeq")
	}
	seq := m.CSeq()
	seq.MethodName = sip.RequestMethod(strings.TrimSpace(string(seq.MethodName)))
	switch m := m.(type) {
	case *sip.Request:
		if m.Method != seq.MethodName {
			return nil, fmt.Errorf("parsing SIP message: method %.20s but CSeq %.20s", m.Method, seq.MethodName)
		}
	case *sip.Response:
		if m.StatusCode < 100 || m.StatusCode > 699 {
			return nil, fmt.Errorf("parsing SIP message: status %d", m.StatusCode)
		}
	}
	return m, nil
}

func (f *Flow) garbage(raw []byte, err error) {
	f.agent.Recorder.Emit(f.origin, record.SIPGarbage{
		Transport: f.transport, Remote: f.remote, Error: err.Error(), Raw: bytes.Clone(raw[:min(len(raw), 4096)]),
	})
}

// writeBound is how long a peer may take to read what is sent to it.
const writeBound = 5 * time.Second

// Stream makes a flow of an established connection. Serve must be called to
// read from it. shut is told, at most once, why the connection is of no more
// use: it should close it.
func (a *Agent) Stream(c net.Conn, origin record.Origin, advertise string, shut func(reason string)) *Flow {
	f := &Flow{
		agent: a, origin: origin, transport: "TLS", advertise: advertise,
		local: c.LocalAddr().String(), remote: c.RemoteAddr().String(), localAddr: c.LocalAddr(),
		closed: make(chan struct{}), hangUp: shut, table: newTransactions(a),
	}
	f.send = func(b []byte) error {
		c.SetWriteDeadline(time.Now().Add(writeBound))
		_, err := c.Write(b)
		if err != nil { // part of it may have gone out
			go f.shut("writing to the device: " + err.Error()) // the owner may take its time
		}
		return err
	}
	return f
}

// Serve reads from a stream flow until it ends. It returns when nothing more
// can come, with the connection shut.
func (f *Flow) Serve(c io.Reader) {
	defer f.table.close()
	defer f.end()
	r := bufio.NewReaderSize(c, 16<<10)
	bad := 0
	for {
		raw, ping, err := readFrame(r)
		switch {
		case ping:
			f.pong()
		case errors.Is(err, errFraming):
			f.garbage(raw, err)
			f.shut(err.Error())
			return
		case err != nil:
			if len(raw) > 0 {
				f.garbage(raw, fmt.Errorf("the connection ended inside a message: %w", err))
			}
			f.shut("the connection ended")
			return
		default:
			if f.handle(raw) == nil {
				continue
			}
			if bad++; bad >= maxBadMessages {
				f.shut(fmt.Sprintf("%d unreadable SIP messages", bad))
				return
			}
		}
	}
}

// UDP is the agent on one UDP socket.
type UDP struct {
	agent *Agent
	pc    *net.UDPConn
	// Sources are where the device sends from; datagrams from elsewhere are
	// left alone. Empty accepts everybody.
	Sources []netip.Prefix
	origin  record.Origin
	table   *transactions

	mu     sync.Mutex
	flows  map[string]*Flow
	closed chan struct{} // that of every flow
}

// maxFlows bounds the remote addresses remembered on one UDP socket.
const maxFlows = 1024

// UDP makes the agent speak on pc. Serve must be called to read from it.
func (a *Agent) UDP(pc *net.UDPConn, origin record.Origin) *UDP {
	return &UDP{agent: a, pc: pc, origin: origin, table: newTransactions(a), flows: map[string]*Flow{}, closed: make(chan struct{})}
}

// To returns the flow to a remote address.
func (u *UDP) To(remote netip.AddrPort) *Flow {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := remote.String()
	if f := u.flows[key]; f != nil {
		return f
	}
	if len(u.flows) >= maxFlows {
		clear(u.flows)
	}
	f := &Flow{
		agent: u.agent, origin: u.origin, transport: "UDP", advertise: u.pc.LocalAddr().String(),
		local: u.pc.LocalAddr().String(), remote: key, localAddr: u.pc.LocalAddr(),
		closed: u.closed, hangUp: func(string) {}, table: u.table,
		send: func(b []byte) error {
			_, err := u.pc.WriteToUDPAddrPort(b, remote)
			return err
		},
	}
	u.flows[key] = f
	return f
}

// Serve reads datagrams until the socket is closed.
func (u *UDP) Serve() {
	defer u.table.close()
	defer close(u.closed)
	buf := make([]byte, maxMessage)
	for {
		n, from, err := u.pc.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an ICMP error of an earlier send: the socket is still good
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if len(u.Sources) > 0 && !slices.ContainsFunc(u.Sources, func(p netip.Prefix) bool { return p.Contains(from.Addr()) }) {
			continue
		}
		if raw := bytes.Clone(buf[:n]); len(bytes.Trim(raw, "\r\n\x00")) > 0 {
			u.To(from).handle(raw)
		}
	}
}
