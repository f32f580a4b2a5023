package command

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"byocheck/certs"
	"byocheck/certs/revocation"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

type deviceKey struct{}

// device is a device under test that lives in the test process: good enough to
// be called, or bad in one way.
type device struct {
	recorder record.Recorder
	agent    sipua.Agent
	side     leg.Side
	config   *tls.Config

	mu   sync.Mutex
	open map[net.Conn]struct{}
	work sync.WaitGroup

	asked       atomic.Int32 // questions about its certificate's revocation
	interrupted *exec.Cmd
	awaited     uint64 // the event that was awaited last
}

// behaviours are what a device does with a connection, which it then closes.
var behaviours = map[string]func(*device, net.Conn){
	"good":   good,
	"listed": good, // its certificate says where it would be revoked,
	// and so does this one's, which is.
	"revoked": good,
	"silent":  func(d *device, c net.Conn) { d.drain(c) },
	"hang-up": func(_ *device, c net.Conn) {
		c.Read(make([]byte, 1))
	},
	"reset": func(_ *device, c net.Conn) {
		c.Read(make([]byte, 1))
		c.(*net.TCPConn).SetLinger(0)
	},
	"flood": func(_ *device, c net.Conn) { flood(c) },
	"plain-http": func(_ *device, c net.Conn) {
		c.Read(make([]byte, 1))
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	},
	"tls-hang-up": func(d *device, c net.Conn) {
		d.afterHandshake(c, func(*tls.Conn) {})
	},
	"tls-flood": func(d *device, c net.Conn) {
		d.afterHandshake(c, func(c *tls.Conn) { flood(c) })
	},
	"tls-silent": func(d *device, c net.Conn) {
		d.afterHandshake(c, func(c *tls.Conn) { d.drain(c) })
	},
	"tls-http": func(d *device, c net.Conn) {
		d.afterHandshake(c, func(c *tls.Conn) {
			c.Read(make([]byte, 1))
			io.WriteString(c, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 99999999\r\n\r\n")
			d.drain(c)
		})
	},
	"tls-huge": func(d *device, c net.Conn) {
		d.afterHandshake(c, func(c *tls.Conn) { // a message that never ends its header
			io.WriteString(c, "SIP/2.0 200 OK\r\nSubject: ")
			for {
				if _, err := c.Write(bytes.Repeat([]byte("a"), 16<<10)); err != nil {
					return
				}
			}
		})
	},
}

// good takes every call.
func good(d *device, c net.Conn) {
	d.afterHandshake(c, func(c *tls.Conn) {
		f := d.agent.Stream(c, record.Origin{Conn: d.recorder.NextConn(), Proxy: "lb01"}, c.LocalAddr().String(), func(string) { c.Close() })
		f.Serve(c)
	})
}

// flood writes noise for as long as somebody takes it, the same in each run.
func flood(w io.Writer) {
	noise := rand.NewChaCha8([32]byte{})
	b := make([]byte, 4096)
	for {
		noise.Read(b)
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// drain reads until the far end has had enough.
func (d *device) drain(c net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if n > 0 {
			d.recorder.Emit(record.Origin{}, record.Stimulus{Rung: "read"})
		}
		if err != nil {
			return
		}
	}
}

func (d *device) afterHandshake(c net.Conn, do func(*tls.Conn)) {
	t := tls.Server(c, d.config)
	if t.HandshakeContext(context.Background()) == nil {
		do(t)
	}
}

// startDevice starts a device, with the certificate that the lab has issued for
// sbc.customer.test: device BEHAVIOUR ADDRESS
func startDevice(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || behaviours[args[0]] == nil {
		ts.Fatalf("usage: device BEHAVIOUR ADDRESS")
	}
	d := ts.Value(deviceKey{}).(*device)
	lab, err := certs.Open(ts.MkAbs("state"), certs.Options{})
	ts.Check(err)
	issued, err := lab.IssueDevice("sbc.customer.test", certs.DeviceOptions{})
	ts.Check(err)
	presents := issued.Certificate
	if args[0] == "listed" || args[0] == "revoked" {
		presents = d.listed(ts, lab, args[0] == "revoked")
	}
	d.config = &tls.Config{Certificates: []tls.Certificate{presents}, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384}}
	ln, err := net.Listen("tcp", args[1])
	ts.Check(err)
	d.agent = sipua.Agent{Recorder: &d.recorder, Leg: "device", Incoming: func(c *sipua.Call) { d.side.Answer(c) }}
	d.side = leg.Side{Name: "device", Recorder: &d.recorder, Agent: &d.agent, Secure: true, SendHz: leg.CarrierHz, ExpectHz: leg.CloudHz,
		Media: netip.MustParseAddrPort(ln.Addr().String()).Addr()}
	d.open = map[net.Conn]struct{}{}
	d.work.Go(func() { d.serve(ln, behaviours[args[0]]) })
	ts.Defer(func() {
		ln.Close()
		d.mu.Lock()
		for c := range d.open {
			c.Close()
		}
		d.mu.Unlock()
		d.work.Wait()
	})
}

// listed makes a certificate whose revocation is told by a server of the device's
// authority, which keeps count of questions.
func (d *device) listed(ts *testscript.TestScript, lab *certs.Lab, revoked bool) tls.Certificate {
	lists := &revocation.Server{OnFetch: func(revocation.Fetch) { d.asked.Add(1) }}
	ts.Check(lists.Start())
	ts.Defer(lists.Close)
	authority, err := lab.DeviceAuthority()
	ts.Check(err)
	authority.Publish = lists.Publish
	branch, err := authority.Branch("listed", nil)
	ts.Check(err)
	chain, err := branch.Chain(certs.Names{CN: "sbc.customer.test", DNS: []string{"sbc.customer.test"}})
	ts.Check(err)
	if revoked {
		ts.Check(lists.Revoke(branch.Issuer().Name, chain.Leaf.SerialNumber, 1))
	}
	return chain
}

// asked checks that somebody asked whether the device's certificate is revoked, or
// that nobody did: [!] asked
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 0 {
		ts.Fatalf("usage: [!] asked")
	}
	if n := ts.Value(deviceKey{}).(*device).asked.Load(); (n > 0) == neg {
		ts.Fatalf("%d questions", n)
	}
}

func (d *device) serve(ln net.Listener, behave func(*device, net.Conn)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.open[c] = struct{}{}
		d.mu.Unlock()
		d.work.Go(func() {
			behave(d, c)
			c.Close()
			d.mu.Lock()
			delete(d.open, c)
			d.mu.Unlock()
		})
	}
}

// await waits until something has happened at the device, after what was awaited
// before: await read|call|bye
func await(ts *testscript.TestScript, neg bool, args []string) {
	events := map[string]func(record.Event) bool{
		// Somebody spoke to a silent device.
		"read": func(e record.Event) bool { s, is := e.Body.(record.Stimulus); return is && s.Rung == "read" },
		"call": sip("ACK"),
		"bye":  sip("BYE"),
	}
	if neg || len(args) != 1 || events[args[0]] == nil {
		ts.Fatalf("usage: await read|call|bye")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	d := ts.Value(deviceKey{}).(*device)
	e, err := d.recorder.Wait(ctx, d.awaited, events[args[0]])
	ts.Check(err)
	d.awaited = e.Seq
}

// sip matches a request that the device receives.
func sip(method string) func(record.Event) bool {
	return func(e record.Event) bool {
		m, is := e.Body.(record.SIPMessage)
		return is && m.Dir == record.In && m.Method == method && m.Status == 0
	}
}
