package leg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// patience bounds every wait: reaching it is a failure, never a pass.
const patience = 20 * time.Second

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// pair returns the two ends of a TCP connection on loopback.
func pair(t testing.TB) (a, b net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// party is a side under test with what stands around it.
type party struct {
	*Side
	Reception
	flow *sipua.Flow
}

// cloudSide and carrierSide make the two kinds of sides.
func cloudSide() *Side {
	return &Side{Name: "cloud", Secure: true, SendHz: CloudHz, ExpectHz: CarrierHz}
}
func carrierSide() *Side {
	return &Side{Name: "carrier", SendHz: CarrierHz, ExpectHz: CloudHz}
}

// attach puts a side behind conn until the test ends.
func attach(t testing.TB, s *Side, conn net.Conn) *party {
	p := &party{Side: s}
	s.Recorder, s.Media = &record.Recorder{}, netip.MustParseAddr("127.0.0.1")
	s.Agent = &sipua.Agent{Recorder: s.Recorder, Leg: s.Name, Incoming: p.Incoming}
	p.flow = s.Agent.Stream(conn, record.Origin{Generation: 1, Conn: 1, Proxy: "lb01"}, "127.0.0.1:5061", func(string) { conn.Close() })
	served := make(chan struct{})
	go func() {
		defer close(served)
		p.flow.Serve(conn)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-served
	})
	return p
}

// meet puts a side opposite a device that the test plays.
func meet(t testing.TB, s *Side) (*party, *device) {
	ours, theirs := pair(t)
	theirs.SetDeadline(time.Now().Add(patience))
	return attach(t, s, ours), &device{t, theirs, bufio.NewReader(theirs)}
}

// device is a far end that a test plays by hand.
type device struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// message is one SIP message in parts.
type message struct {
	start  string
	header textproto.MIMEHeader
	body   string
}

func (m message) get(name string) string { return m.header.Get(name) }

// next returns the side's next message; it must begin with want.
func (d *device) next(want string) message {
	d.t.Helper()
	text := textproto.NewReader(d.r)
	start, err := text.ReadLine()
	if err != nil {
		d.t.Fatalf("waiting for %s: %v", want, err)
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		d.t.Fatalf("waiting for %s: %v", want, err)
	}
	n, _ := strconv.Atoi(header.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(d.r, body); err != nil {
		d.t.Fatalf("waiting for %s: %v", want, err)
	}
	if !strings.HasPrefix(start, want) {
		d.t.Fatalf("the side sent %q, want %s", start, want)
	}
	return message{start, header, string(body)}
}

func (d *device) send(start string, lines []string, body string) {
	text := start + "\r\n" + strings.Join(lines, "\r\n")
	if body != "" {
		text += "\r\nContent-Type: application/sdp"
	}
	if _, err := fmt.Fprintf(d.conn, "%s\r\nContent-Length: %d\r\n\r\n%s", text, len(body), body); err != nil {
		d.t.Errorf("sending to the side: %v", err)
	}
}

// reply answers a request of the side's.
func (d *device) reply(req message, status int, body string) {
	lines := []string{"Contact: <sip:device@127.0.0.1:9>", "From: " + req.get("From"), "Call-ID: " + req.get("Call-ID"), "CSeq: " + req.get("CSeq")}
	for _, via := range req.header["Via"] {
		lines = append(lines, "Via: "+via)
	}
	to := req.get("To")
	if status > 100 && !strings.Contains(to, "tag=") {
		to += ";tag=device"
	}
	d.send(fmt.Sprintf("SIP/2.0 %d Reason", status), append(lines, "To: "+to), body)
}

// request sends a request to the side. to carries the side's tag inside a dialog.
func (d *device) request(method, number, callID, to string, seq int, body string) {
	if to == "" {
		to = "<sip:" + number + "@127.0.0.1>"
	}
	branch := method
	if method == "CANCEL" || method == "ACK" { // that of what they belong to (RFC 3261 9.1, 17.1.1.3)
		branch = "INVITE"
	}
	d.send(fmt.Sprintf("%s sip:%s@127.0.0.1:5061 SIP/2.0", method, number), []string{
		fmt.Sprintf("Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK%s%s%d", branch, callID, seq), "Max-Forwards: 70",
		"From: <sip:+4940@127.0.0.1>;tag=device", "To: " + to, "Call-ID: " + callID,
		fmt.Sprintf("CSeq: %d %s", seq, method), "Contact: <sip:device@127.0.0.1:9>",
	}, body)
}

// described makes a session description of m= and further lines.
func described(lines ...string) string {
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n"
}

// events returns what a recorder holds of one kind.
func events[B record.Body](r *record.Recorder) (out []B) {
	for _, e := range r.Since(0) {
		if b, ok := e.Body.(B); ok {
			out = append(out, b)
		}
	}
	return out
}

// wait returns the first event for which match is true.
func wait[B record.Body](t testing.TB, r *record.Recorder, match func(B) bool) B {
	t.Helper()
	e, err := r.Wait(bounded(t), 0, func(e record.Event) bool {
		b, ok := e.Body.(B)
		return ok && match(b)
	})
	if err != nil {
		var none B
		t.Fatalf("waiting for %s: %v", none.Kind(), err)
	}
	return e.Body.(B)
}

func state(want string) func(record.Call) bool {
	return func(c record.Call) bool { return c.State == want }
}

// over waits until the call is over.
func over(t testing.TB, c *sipua.Call) {
	t.Helper()
	select {
	case <-c.Done():
	case <-bounded(t).Done():
		t.Fatal("the call does not end")
	}
}

func heard(record.Media) bool { return true }

// sockets counts those that are open.
func sockets(t testing.TB) (n int) {
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// sameSockets waits until as many sockets are open as before. The collector, which
// would close those that were forgotten, waits meanwhile.
func sameSockets(t testing.TB, before int) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for end := time.Now().Add(patience); sockets(t) != before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d sockets before, %d after", before, sockets(t))
		}
	}
}
