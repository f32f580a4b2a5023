package simulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"byocheck/certs"
	"byocheck/simulator/record"
)

// patience bounds every wait: reaching it is a failure, never a pass.
const patience = 20 * time.Second

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

var lab string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "simulator-test-")
	if err != nil {
		panic(err)
	}
	lab = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// home is the lab of all tests: keys take their time.
var home = sync.OnceValue(func() *certs.Lab {
	l, err := certs.Open(lab+"/state", certs.Options{})
	if err != nil {
		panic(err)
	}
	return l
})

// authority begins a run: it tells one cloud, and no other, of its issuers.
func authority(t testing.TB, h certs.Hierarchy) *certs.Authority {
	t.Helper()
	a, err := home().NewAuthority(h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// start runs a cloud until the test ends.
func start(t testing.TB, c *Cloud) *Cloud {
	t.Helper()
	if c.Authority == nil {
		c.Authority = authority(t, certs.HighAssuranceEV)
	}
	c.Handshake = patience // the deadline is not what is tested, and the machine may be slow
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// trusting is how a good device dials a proxy.
func trusting(c *Cloud, proxy int) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(c.Authority.Root())
	return &tls.Config{RootCAs: roots, ServerName: c.Hosts()[proxy]}
}

// connect opens a connection to a proxy as the device.
func connect(t testing.TB, c *Cloud, proxy int) *device {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: trusting(c, proxy)}
	conn, err := d.DialContext(bounded(t), "tcp", c.Listen[proxy].String())
	if err != nil {
		t.Fatalf("connecting to proxy %d: %v", proxy, err)
	}
	return newDevice(t, conn)
}

// farEnd is the device's own TLS listener.
type farEnd struct {
	addr netip.AddrPort
	// arrived gives each connection once its handshake is done, names what it asked for.
	arrived chan *device
	names   chan string
}

func listen(t testing.TB) *farEnd {
	t.Helper()
	chain, err := authority(t, certs.HighAssuranceEV).Chain(certs.Healthy, certs.Names{CN: "sbc.customer.test", DNS: []string{"sbc.customer.test"}})
	if err != nil {
		t.Fatal(err)
	}
	f := &farEnd{arrived: make(chan *device, 16), names: make(chan string, 16)}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		f.names <- h.ServerName
		return &chain, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.addr = ln.Addr().(*net.TCPAddr).AddrPort()
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			if err := conn.(*tls.Conn).Handshake(); err != nil {
				t.Errorf("the device's side of a handshake: %v", err)
				conn.Close()
				continue
			}
			f.arrived <- newDevice(t, conn)
		}
	})
	t.Cleanup(func() {
		ln.Close()
		work.Wait()
	})
	return f
}

// next returns the next connection of the cloud's.
func (f *farEnd) next(t testing.TB) *device {
	t.Helper()
	select {
	case d := <-f.arrived:
		return d
	case <-bounded(t).Done():
		t.Fatal("no connection of the cloud's arrives")
		return nil
	}
}

// device is the end of a connection that a test plays by hand.
type device struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func newDevice(t testing.TB, conn net.Conn) *device {
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return &device{t, conn, bufio.NewReader(conn)}
}

// message is one SIP message in parts.
type message struct {
	start  string
	header textproto.MIMEHeader
	body   string
}

func (m message) get(name string) string { return m.header.Get(name) }

// next returns the cloud's next message; it must begin with want.
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
		d.t.Fatalf("the cloud sent %q, want %s", start, want)
	}
	return message{start, header, string(body)}
}

// ended waits until the cloud ends the connection, without a further message.
func (d *device) ended() {
	d.t.Helper()
	if rest, err := io.ReadAll(d.r); err != nil || len(rest) > 0 {
		d.t.Errorf("waiting for the end of the connection: %q, %v", rest, err)
	}
}

func (d *device) send(start string, lines []string, body string) {
	text := start + "\r\n" + strings.Join(lines, "\r\n")
	if body != "" {
		text += "\r\nContent-Type: application/sdp"
	}
	if _, err := fmt.Fprintf(d.conn, "%s\r\nContent-Length: %d\r\n\r\n%s", text, len(body), body); err != nil {
		d.t.Errorf("sending to the cloud: %v", err)
	}
}

// reply answers a request of the cloud's.
func (d *device) reply(req message, status int, body string) {
	lines := []string{"Contact: <sip:device@127.0.0.1:9>", "From: " + req.get("From"), "Call-ID: " + req.get("Call-ID"), "CSeq: " + req.get("CSeq")}
	for _, name := range []string{"Via", "Record-Route"} {
		for _, value := range req.header[name] {
			lines = append(lines, name+": "+value)
		}
	}
	to := req.get("To")
	if status > 100 && !strings.Contains(to, "tag=") {
		to += ";tag=device"
	}
	d.send(fmt.Sprintf("SIP/2.0 %d Reason", status), append(lines, "To: "+to), body)
}

// request sends a request to the cloud. to carries the cloud's tag inside a dialog.
func (d *device) request(method, callID, to string, seq int, body string) {
	if to == "" {
		to = "<sip:+13175550100@lb01.test>"
	}
	d.send(method+" sip:+13175550100@127.0.0.1:5061;transport=tls SIP/2.0", []string{
		fmt.Sprintf("Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK%s%s%d", method, callID, seq), "Max-Forwards: 70",
		"From: <sip:+4940@127.0.0.1>;tag=device", "To: " + to, "Call-ID: " + callID,
		fmt.Sprintf("CSeq: %d %s", seq, method), "Contact: <sip:device@127.0.0.1:9>",
	}, body)
}

// offer is also good as an answer. Its audio goes nowhere: port 9 is discard.
const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/SAVP 0\r\n" +
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"

// wait returns the first event with a B for which match is true.
func wait[B record.Body](t testing.TB, r *record.Recorder, match func(record.Event, B) bool) (record.Event, B) {
	t.Helper()
	e, err := r.Wait(bounded(t), 0, func(e record.Event) bool {
		b, ok := e.Body.(B)
		return ok && match(e, b)
	})
	if err != nil {
		var none B
		t.Fatalf("waiting for %s: %v", none.Kind(), err)
	}
	return e, e.Body.(B)
}
