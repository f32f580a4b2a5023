package sipua

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"byocheck/simulator/record"
)

func TestGarbage(t *testing.T) {
	for name, tt := range map[string]struct {
		send string
		want string // in the recorded error
	}{
		"HTTP":             {"GET / HTTP/1.1\r\nHost: lb01\r\n\r\n", "no Content-Length"},
		"TLS in TLS":       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\xa5", 17<<10), "a line longer than"},
		"a header flood":   {"INVITE sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 20_000), "headers longer than"},
		"a huge body":      {"INVITE sip:a SIP/2.0\r\nContent-Length: 4000000000\r\n\r\n", "Content-Length is"},
		"a cut message":    {"INVITE sip:a SIP/2.0\r\nContent-Length: 40\r\n\r\nv=0", "ended inside a message"},
		"a cut header":     {"INVITE sip:a SIP/2.0\r\nContent-", "ended inside a message"},
		"ten of any kind":  {strings.Repeat("\x00\xff\r\nl: 1\r\n\r\n!", 10), "is not a SIP message"},
		"no Via":           {strings.Repeat("INFO sip:a SIP/2.0\r\nl: 0\r\n\r\n", 10), "no Via"},
		"bare line feeds":  {strings.Repeat("INFO sip:a SIP/2.0\r\nl: 0\nX: y\r\n\n", 10), "Content-Length is"},
		"another method":   {strings.Repeat(strings.Replace(toAgent("BYE", "x", toNobody, 1, "", ""), "1 BYE", "1 INFO", 1), 10), "method BYE but CSeq INFO"},
		"a status of 99":   {strings.Repeat("SIP/2.0 99 Low\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK1\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 INFO\r\nl: 0\r\n\r\n", 10), "status 99"},
		"a flood of Vias":  {strings.Repeat("INFO sip:a SIP/2.0\r\nVia: "+strings.Repeat("a,", 8000)+"\r\nl: 0\r\n\r\n", 10), "more than the 1000 taken"},
		"a Via of nowhere": {strings.Repeat("INFO sip:a SIP/2.0\r\nVia: SIP/2.0/TLS lb01:sips\r\nl: 0\r\n\r\n", 10), "no host in Via"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				before := a.Recorder.Mark()
				io.WriteString(d.conn, tt.send)
				if strings.Contains(name, "cut") {
					d.conn.Close()
				}
				<-f.Closed()
				got := wait(t, a.Recorder, before, func(g record.SIPGarbage) bool { return strings.Contains(g.Error, tt.want) })
				if len(got.Raw) == 0 || len(got.Raw) > 4096 || !strings.HasPrefix(tt.send, string(got.Raw[:10])) {
					t.Errorf("recorded %d octets: %.40q", len(got.Raw), got.Raw)
				}
			})
		})
	}
}

func TestSomeGarbageIsBorne(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
		d.send(strings.Repeat("\x00\r\nl: 0\r\n\r\n", maxBadMessages-1), toAgent("OPTIONS", "x", toNobody, 1, "", ""))
		d.response("200 OPTIONS")
	})
}

func TestPingIsAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
		for _, part := range []string{"\r", "\n\r", "\n", "\r\n\r\n"} {
			d.send(part)
		}
		d.send(toAgent("OPTIONS", "x", toNobody, 1, "", ""))
		b, err := d.r.Peek(7)
		if err != nil || string(b) != "\r\n\r\nSIP" {
			t.Errorf("two pings were answered with %q, %v", b, err)
		}
	})
}

// What a device sends and never takes further must not gather without bound.
func TestFloods(t *testing.T) {
	const many = 3 * maxTransactions
	t.Run("INVITE", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			a.Recorder.Limit = 1000
			a.Incoming = func(c *Call) { c.Ring(180, nil) }
			go func() {
				for i := range many {
					d.send(toAgent("INVITE", fmt.Sprint("x", i), toNobody, 1, "", offer))
				}
				d.send(toAgent("ACK", "end", toNobody, 1, "", ""), toCancel("x1"))
			}()
			refused := 0
			for {
				m := d.next()
				if name(m) == "503 INVITE" {
					refused++
				}
				if name(m) == "200 CANCEL" {
					break
				}
			}
			if refused != maxTransactions-maxCalls {
				t.Errorf("%d calls refused, want %d", refused, maxTransactions-maxCalls)
			}
			if _, server := f.table.count(); server > maxTransactions {
				t.Errorf("%d server transactions", server)
			}
			if n := len(a.Calls()); n > maxCalls {
				t.Errorf("%d calls", n)
			}
		})
	})
	t.Run("other requests and responses", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			a.Recorder.Limit = 1000
			call, invite := begin(d, a, f)
			go func() {
				for i := range many {
					d.send(toAgent("ACK", "x", toNobody, i, "", ""), reply(invite, 180, "", ""), toAgent("OPTIONS", "x", toNobody, i, "", ""))
				}
			}()
			for range many {
				d.response("200 OPTIONS")
			}
			d.send(reply(invite, 486, "", ""))
			d.request("ACK")
			over(t, call)
			d.send(toAgent("OPTIONS", "y", toNobody, 1, "", ""))
			d.response("200 OPTIONS")
			if _, server := f.table.count(); server > maxTransactions {
				t.Errorf("%d server transactions", server)
			}
		})
	})
	t.Run("Call-IDs", func(t *testing.T) {
		a := newAgent("cloud")
		for i := range 3 * maxRemembered {
			if n := a.numberCallID(fmt.Sprint(i)); n != uint64(i+1) {
				t.Fatalf("call %d has number %d", i+1, n)
			}
		}
		if len(a.counts) > maxRemembered || len(a.order) > maxRemembered {
			t.Errorf("%d and %d remembered", len(a.counts), len(a.order))
		}
	})
	t.Run("sources", func(t *testing.T) {
		u := listen(t, newAgent("carrier"))
		for port := range uint16(3 * maxFlows) {
			u.To(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port+1))
		}
		if len(u.flows) > maxFlows {
			t.Errorf("%d flows", len(u.flows))
		}
	})
}

// brokenConn fails to write after the first messages.
type brokenConn struct {
	net.Conn
	left atomic.Int32
}

func (c *brokenConn) Write(b []byte) (int, error) {
	if c.left.Add(-1) < 0 {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(b)
}

func TestWritingFails(t *testing.T) {
	a := newAgent("cloud")
	ours, theirs := connect()
	t.Cleanup(func() { theirs.Close() })
	broken := &brokenConn{Conn: ours}
	broken.left.Store(1)
	reasons := make(chan string, 10)
	f := a.Stream(broken, record.Origin{Conn: 1, Proxy: "lb01"}, "lb01.voice.test:5061", func(reason string) {
		reasons <- reason
		ours.Close()
	})
	go f.Serve(broken)
	call, err := a.Call(f, Invitation{To: "+1", From: "+2", Host: "sbc.test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Ask(bounded(t), f, "OPTIONS", "sbc.test"); err == nil {
		t.Error("the second write did not fail")
	}
	<-f.Closed()
	over(t, call)
	if _, err := a.Call(f, Invitation{To: "+1", From: "+2", Host: "sbc.test"}); !errors.Is(err, errFlowClosed) {
		t.Errorf("calling on a closed flow: %v", err)
	}
	if got := <-reasons; !strings.Contains(got, "broken pipe") || len(reasons) > 0 {
		t.Errorf("shut with %q and %d more", got, len(reasons))
	}
}

func TestUDPTakesOnlyTheDevice(t *testing.T) {
	a := newAgent("carrier")
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	u := a.UDP(pc, record.Origin{Conn: 1, Proxy: "carrier"})
	u.Sources = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
	go u.Serve()
	t.Cleanup(func() { pc.Close() })
	from := func(ip string, text ...string) {
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)}, pc.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, s := range text {
			io.WriteString(c, s)
		}
	}
	from("127.0.0.8", toAgent("OPTIONS", "foreign", toNobody, 1, "", ""), "garbage")
	from("127.0.0.9", "\r\n\r\n", "\x00", "garbage", toAgent("OPTIONS", "own", toNobody, 1, "", ""))
	wait(t, a.Recorder, 0, func(m record.SIPMessage) bool { return m.CallID == "own" })
	for i, e := range a.Recorder.Since(0) {
		switch b := e.Body.(type) {
		case record.SIPGarbage:
			if i != 0 || string(b.Raw) != "garbage" || !strings.HasPrefix(b.Remote, "127.0.0.9:") {
				t.Errorf("recorded %+v", b)
			}
		case record.SIPMessage:
			if b.CallID != "own" {
				t.Errorf("recorded %+v", b)
			}
		}
	}
	f := u.To(netip.MustParseAddrPort("127.0.0.9:5060"))
	pc.Close()
	<-f.Closed()
	if _, err := a.Ask(bounded(t), f, "OPTIONS", "sbc.test"); err == nil {
		t.Error("sent on a closed socket")
	}
}
