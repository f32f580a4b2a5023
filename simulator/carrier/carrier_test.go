package carrier

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/leg"
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

func start(t testing.TB, c *Carrier) *Carrier {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// opposite returns two carriers, each the other's device. The second plays and
// expects what a cloud would.
func opposite(t testing.TB) (a, b *Carrier) {
	a, b = start(t, &Carrier{}), start(t, &Carrier{})
	a.Device, b.Device = b.Listen, a.Listen
	b.side.SendHz, b.side.ExpectHz = a.side.ExpectHz, a.side.SendHz
	return a, b
}

func TestCall(t *testing.T) {
	a, b := opposite(t)
	at, err := b.Expect("5550100")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	answered := make(chan *leg.Leg, 1)
	go func() {
		defer close(answered)
		l, err := b.Answer(<-at.Calls)
		if err != nil {
			t.Error(err)
			return
		}
		answered <- l
	}()
	here, err := a.Call(bounded(t), "+13175550100", "+4940")
	if err != nil {
		t.Fatal(err)
	}
	there := <-answered
	for _, l := range []*leg.Leg{here, there} {
		if err := l.WaitHeard(bounded(t), 10); err != nil {
			t.Fatal(err)
		}
	}
	if err := there.HangUp(bounded(t)); err != nil {
		t.Error(err)
	}
	<-here.Call.Done()
	for _, c := range []*Carrier{a, b} {
		e, err := c.Recorder.Wait(bounded(t), 0, func(e record.Event) bool { _, is := e.Body.(record.Media); return is })
		if err != nil {
			t.Fatal(err)
		}
		m := e.Body.(record.Media)
		if e.Proxy != "carrier" || m.Leg != "carrier" || m.Encrypted || m.Received < 10 || m.AuthFailed+m.Clear+m.WrongPayload != 0 {
			t.Errorf("%s: %+v", e.Proxy, m)
		}
		if m.SentToneHz != c.side.SendHz || m.ToneShare < 0.8 || m.EchoShare != 0 {
			t.Errorf("heard %+v", m)
		}
	}
	if a.side.SendHz != leg.CarrierHz || a.side.ExpectHz != leg.CloudHz {
		t.Errorf("a carrier plays %g Hz and expects %g Hz", a.side.SendHz, a.side.ExpectHz)
	}
}

func TestCallIsRefused(t *testing.T) {
	a, b := opposite(t)
	at, err := b.Expect("5550100")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	go func() { (<-at.Calls).Reject(486, "Busy Here") }()
	for _, c := range []struct {
		number string
		status int
	}{
		{"+13175550101", 404}, {"+13175550100", 486},
	} {
		l, err := a.Call(bounded(t), c.number, "+4940")
		var refused *sipua.Rejected
		if l != nil || !errors.As(err, &refused) || refused.Status != c.status {
			t.Errorf("calling %s: leg %v, error %v, want %d", c.number, l, err, c.status)
		}
	}
}

// HangUp takes back a call that still rings.
func TestHangUpWhileItRings(t *testing.T) {
	a, b := opposite(t)
	at, err := b.Expect("5550100")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := a.Call(bounded(t), "5550100", "+4940")
		ended <- err
	}()
	call := <-at.Calls
	call.Ring(180, nil)
	a.HangUp(bounded(t))
	if err := <-ended; err == nil {
		t.Error("a call that was taken back: no error")
	}
	<-call.Done()
	if call.EndedBy() != record.Device {
		t.Errorf("for the other side it was ended by %q", call.EndedBy())
	}
}

func TestCallWithoutADevice(t *testing.T) {
	c := start(t, &Carrier{})
	if _, err := c.Call(bounded(t), "+13175550100", "+4940"); err == nil || !strings.Contains(err.Error(), "carrier.device") || !strings.Contains(err.Error(), "+13175550100") {
		t.Errorf("error %v, want one that says what is missing where", err)
	}
}

// options asks the carrier from a socket on the given address.
func options(t testing.TB, c *Carrier, from, callID string) *net.UDPConn {
	t.Helper()
	pc, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), net.UDPAddrFromAddrPort(c.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	fmt.Fprintf(pc, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=a\r\nTo: <sip:b@b>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		c.Listen, pc.LocalAddr(), callID, callID)
	return pc
}

func TestForeignSourcesAreLeftAlone(t *testing.T) {
	c := start(t, &Carrier{Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	options(t, c, "127.0.0.1", "foreign")
	known := options(t, c, "127.0.0.9", "known") // read after the foreign one
	known.SetReadDeadline(time.Now().Add(patience))
	answer := make([]byte, 2000)
	n, err := known.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "SIP/2.0 200") {
		t.Fatalf("the device's OPTIONS got %q, %v", answer[:n], err)
	}
	for _, e := range c.Recorder.Since(0) {
		if m, is := e.Body.(record.SIPMessage); !is || m.CallID != "known" {
			t.Errorf("recorded %+v", e.Body)
		}
	}
}

func TestStartOnAPortInUse(t *testing.T) {
	first := start(t, &Carrier{})
	second := &Carrier{Listen: first.Listen}
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), first.Listen.String()) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v, want one that says which port is in use", err)
	}
	second.Close()
}

func TestCloseLeavesNothing(t *testing.T) {
	before, open := runtime.NumGoroutine(), sockets(t)
	c := &Carrier{}
	c.Close() // never started
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	at, err := c.Expect("5550100")
	if err != nil {
		t.Fatal(err)
	}
	at.Close()
	c.HangUp(bounded(t))
	c.Close()
	if sockets(t) != open {
		t.Error("the socket is still open")
	}
	c.Close()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before || sockets(t) > open; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines and %d sockets, before %d and %d", runtime.NumGoroutine(), sockets(t), before, open)
		}
	}
	start(t, &Carrier{Listen: c.Listen}) // the port is free again
}

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
