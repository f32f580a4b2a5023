package sipua

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// The timers of RFC 3261 are the process's: shorter than the real ones, for the
// tests on sockets.
func TestMain(m *testing.M) {
	sip.SetTimers(100*time.Millisecond, 4*time.Second, 500*time.Millisecond)
	os.Exit(m.Run())
}

const (
	offer  = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
	answer = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/SAVP 0\r\n"
)

// bounded returns a context that no test should outlive.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// stream is one direction of a connection in memory. Its buffer has no bound,
// so a writer never waits.
type stream struct {
	mu     sync.Mutex
	wake   sync.Cond
	buf    []byte
	closed bool
}

type memoryConn struct {
	in, out       *stream
	local, remote string
}

// connect returns the two ends of a connection in memory.
func connect() (a, b net.Conn) {
	x, y := &stream{}, &stream{}
	x.wake.L, y.wake.L = &x.mu, &y.mu
	return &memoryConn{x, y, "127.0.1.1:5061", "127.0.0.9:40000"}, &memoryConn{y, x, "127.0.0.9:40000", "127.0.1.1:5061"}
}

func (c *memoryConn) Read(b []byte) (int, error) {
	s := c.in
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.buf) == 0 && !s.closed {
		s.wake.Wait()
	}
	if len(s.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

func (c *memoryConn) Write(b []byte) (int, error) {
	s := c.out
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	s.buf = append(s.buf, b...)
	s.wake.Broadcast()
	return len(b), nil
}

func (c *memoryConn) Close() error {
	for _, s := range []*stream{c.in, c.out} {
		s.mu.Lock()
		s.closed = true
		s.wake.Broadcast()
		s.mu.Unlock()
	}
	return nil
}

type memoryAddr string

func (memoryAddr) Network() string  { return "tcp" }
func (a memoryAddr) String() string { return string(a) }

func (c *memoryConn) LocalAddr() net.Addr              { return memoryAddr(c.local) }
func (c *memoryConn) RemoteAddr() net.Addr             { return memoryAddr(c.remote) }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

func newAgent(leg string) *Agent {
	return &Agent{Recorder: &record.Recorder{}, Leg: leg, Product: "byocheck"}
}

// attach makes the agent serve conn as its proxy until the test ends.
func attach(t testing.TB, a *Agent, conn net.Conn, proxy string) *Flow {
	f := a.Stream(conn, record.Origin{Generation: 1, Conn: a.Recorder.NextConn(), Proxy: proxy}, proxy+".voice.test:5061", func(string) { conn.Close() })
	served := make(chan struct{})
	go func() {
		defer close(served)
		f.Serve(conn)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-served
	})
	return f
}

// device is a far end that a test plays by hand.
type device struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// meet attaches a to a device that the test plays.
func meet(t testing.TB, a *Agent, proxy string) (*device, *Flow) {
	ours, theirs := connect()
	cut := time.AfterFunc(time.Minute, func() {
		t.Error("the test took a minute")
		theirs.Close()
	})
	t.Cleanup(func() { cut.Stop() })
	return &device{t, theirs, bufio.NewReaderSize(theirs, 16<<10)}, attach(t, a, ours, proxy)
}

// message is text with CRLF and a Content-Length for the given body.
func message(head, body string) string {
	head = strings.TrimSpace(strings.ReplaceAll(head, "\t", ""))
	return strings.ReplaceAll(head, "\n", "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func (d *device) send(texts ...string) {
	if _, err := io.WriteString(d.conn, strings.Join(texts, "")); err != nil {
		d.t.Errorf("sending to the agent: %v", err)
	}
}

// next returns the next message from the agent.
func (d *device) next() sip.Message {
	d.t.Helper()
	raw, _, err := readFrame(d.r)
	if err != nil {
		d.t.Fatalf("reading from the agent: %v (%q)", err, raw)
	}
	m, err := parse(raw)
	if err != nil {
		d.t.Fatalf("reading from the agent: %v (%q)", err, raw)
	}
	return m
}

// name is how tests name a message: its method, or its status and method.
func name(m sip.Message) string {
	switch m := m.(type) {
	case *sip.Request:
		return string(m.Method)
	case *sip.Response:
		return fmt.Sprintf("%d %s", m.StatusCode, m.CSeq().MethodName)
	}
	return ""
}

func (d *device) expect(want string) sip.Message {
	d.t.Helper()
	m := d.next()
	if name(m) != want {
		d.t.Fatalf("the agent sent %s, want %s:\n%s", name(m), want, m)
	}
	return m
}

func (d *device) request(want string) *sip.Request {
	d.t.Helper()
	return d.expect(want).(*sip.Request)
}
func (d *device) response(want string) *sip.Response {
	d.t.Helper()
	return d.expect(want).(*sip.Response)
}

// reply writes a response to a request of the agent's, with the device's tag
// and Contact, further header lines, and body.
func reply(req *sip.Request, status int, extra, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Reason\n", status)
	for _, h := range req.GetHeaders("Via") {
		fmt.Fprintf(&b, "Via: %s\n", h.Value())
	}
	to := req.To().Value()
	if !req.To().Params.Has("tag") && status > 100 {
		to += ";tag=device"
	}
	fmt.Fprintf(&b, "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %s\n", req.From().Value(), to, req.CallID().Value(), req.CSeq().Value())
	if !strings.Contains(extra, "Contact:") && status > 100 && status < 300 {
		b.WriteString("Contact: <sip:device@127.0.0.9:5061;transport=tls>\n")
	}
	return message(b.String()+extra, body)
}

// toAgent writes a request of the device's. to carries the agent's tag where it has one.
func toAgent(method, callID, to string, seq int, extra, body string) string {
	return message(fmt.Sprintf(`%s sip:+13175550100@lb01.voice.test:5061;transport=tls SIP/2.0
		Via: SIP/2.0/TLS 127.0.0.9:5061;branch=z9hG4bK%s%s%d
		Max-Forwards: 70
		From: <sip:+4940@127.0.0.9>;tag=device
		To: %s
		Call-ID: %s
		CSeq: %d %s
		Contact: <sip:device@127.0.0.9:5061;transport=tls>
		%s`, method, callID, method, seq, to, callID, seq, method, extra), body)
}

const toNobody = "<sip:+13175550100@lb01.voice.test>"

// wait returns the first event after mark that has a B for which match is true.
func wait[B record.Body](t testing.TB, r *record.Recorder, mark uint64, match func(B) bool) B {
	t.Helper()
	e, err := r.Wait(bounded(t), mark, func(e record.Event) bool {
		b, ok := e.Body.(B)
		return ok && match(b)
	})
	if err != nil {
		var b B
		t.Fatalf("waiting for %s: %v; seen: %.2000s", b.Kind(), err, fmt.Sprint(story(r)))
	}
	return e.Body.(B)
}

// state matches the call event of that name.
func state(want string) func(record.Call) bool {
	return func(c record.Call) bool { return c.State == want }
}

// story is what a recorder holds, in short.
func story(r *record.Recorder) []string {
	var out []string
	for _, e := range r.Since(0) {
		switch b := e.Body.(type) {
		case record.SIPMessage:
			what := b.Method
			if b.Status != 0 {
				what = fmt.Sprintf("%d %s", b.Status, b.Method)
			}
			out = append(out, string(b.Dir)+" "+what)
		case record.Call:
			what := b.State
			if b.Status != 0 {
				what += fmt.Sprintf(" %d", b.Status)
			}
			if b.By != "" {
				what += " by " + string(b.By)
			}
			out = append(out, what)
		default:
			out = append(out, e.Body.Kind())
		}
	}
	return out
}

// over waits until the call is over.
func over(t testing.TB, c *Call) {
	t.Helper()
	select {
	case <-c.Done():
	case <-bounded(t).Done():
		t.Fatal("the call does not end")
	}
}

// count returns how many transactions there are.
func (t *transactions) count() (client, server int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.client), len(t.server)
}
