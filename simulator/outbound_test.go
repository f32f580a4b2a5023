package simulator

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

type dialled struct {
	leg *leg.Leg
	err error
}

// called lets the cloud call the device and returns the connection on which its
// INVITE arrives, the INVITE, and what will come of it.
func called(t testing.TB, c *Cloud, far *farEnd) (*device, message, chan dialled) {
	t.Helper()
	out := make(chan dialled, 1)
	ctx := bounded(t)
	go func() {
		l, err := c.Call(ctx, "+4940", "+13175550199")
		out <- dialled{l, err}
	}()
	d := far.next(t)
	return d, d.next("INVITE sip:+4940@" + c.Target), out
}

// Each call comes over a connection of its own, from the next proxy, and never
// down one that the device opened.
func TestCallsComeFromEveryProxy(t *testing.T) {
	far := listen(t)
	var addrs []netip.AddrPort
	for _, a := range []string{"127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0"} {
		addrs = append(addrs, netip.MustParseAddrPort(a))
	}
	c := start(t, &Cloud{Listen: addrs, Device: far.addr, Target: "sbc.customer.test"})
	opened := connect(t, c, 0)
	for i := range 6 {
		proxy := c.Listen[i%4]
		d, invite, out := called(t, c, far)
		if name := <-far.names; name != "sbc.customer.test" {
			t.Errorf("call %d: the name in SNI is %q", i, name)
		}
		from := d.conn.RemoteAddr().(*net.TCPAddr).AddrPort()
		if from.Addr() != proxy.Addr() || from.Port() == proxy.Port() {
			t.Errorf("call %d comes from %s, want a port of %s", i, from, proxy.Addr())
		}
		for _, name := range []string{"Via", "Contact", "Record-Route"} {
			if !strings.Contains(invite.get(name), proxy.String()) {
				t.Errorf("call %d: %s is %q, want %s in it", i, name, invite.get(name), proxy)
			}
		}
		d.reply(invite, 486, "")
		d.next("ACK")
		if got := <-out; got.err == nil {
			t.Error("no error")
		}
		d.ended()
		e, _ := wait(t, c.Recorder, func(e record.Event, b record.Dialled) bool { return b.Local == from.String() })
		if e.Proxy != names[i%4] || e.Generation != c.Generation() {
			t.Errorf("call %d is recorded as from %s, generation %d", i, e.Proxy, e.Generation)
		}
	}
	// Nothing has come down the device's connection: its answer is the first.
	opened.request("OPTIONS", "ping", "", 1, "")
	opened.next("SIP/2.0 200")
}

func TestAnAddressDoesNotGoIntoSNI(t *testing.T) {
	far := listen(t)
	c := start(t, &Cloud{Device: far.addr, Target: "192.0.2.5"})
	if _, err := c.Dial(bounded(t), 0); err != nil {
		t.Fatal(err)
	}
	if name := <-far.names; name != "" {
		t.Errorf("the name in SNI is %q", name)
	}
}

func TestCallEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(cloud *Cloud, d *device, invite message, l *leg.Leg)
		by   record.Party
	}{
		{"by the cloud", func(_ *Cloud, d *device, _ message, l *leg.Leg) {
			hung := make(chan error, 1)
			ctx := bounded(d.t)
			go func() { hung <- l.HangUp(ctx) }()
			d.reply(d.next("BYE"), 200, "")
			if err := <-hung; err != nil {
				d.t.Error(err)
			}
		}, record.Us},
		{"by the device", func(_ *Cloud, d *device, invite message, _ *leg.Leg) {
			d.request("BYE", invite.get("Call-ID"), invite.get("From"), 1, "")
			d.next("SIP/2.0 200")
		}, record.Device},
		{"by the device over a connection that it opened", func(cloud *Cloud, d *device, invite message, _ *leg.Leg) {
			other := connect(d.t, cloud, 3)
			other.request("BYE", invite.get("Call-ID"), invite.get("From"), 1, "")
			other.next("SIP/2.0 200")
			other.request("OPTIONS", "ping", "", 1, "") // that one stays
			other.next("SIP/2.0 200")
		}, record.Device},
	} {
		t.Run(c.name, func(t *testing.T) {
			far := listen(t)
			cloud := start(t, &Cloud{Device: far.addr, Target: "sbc.customer.test"})
			d, invite, out := called(t, cloud, far)
			d.reply(invite, 200, offer)
			d.next("ACK")
			l := (<-out).leg
			c.end(cloud, d, invite, l)
			d.ended()
			if by := l.Call.EndedBy(); by != c.by {
				t.Errorf("ended by %q, want %q", by, c.by)
			}
			wait(t, cloud.Recorder, func(_ record.Event, m record.Media) bool { return m.Encrypted && m.Leg == "cloud" })
		})
	}
}

func TestDialFails(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := far.Addr().(*net.TCPAddr).AddrPort()
	far.Close()
	c := start(t, &Cloud{Device: addr, Target: "sbc.customer.test"})
	if l, err := c.Call(bounded(t), "+4940", "+1317"); l != nil || !errors.Is(err, transport.ErrUnreachable) {
		t.Errorf("leg %v, error %v, want %v", l, err, transport.ErrUnreachable)
	}
}

// A device that does not speak is waited for as long as the deadline says, or
// until we give up.
func TestDialDeadline(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := start(t, &Cloud{Device: silent.Addr().(*net.TCPAddr).AddrPort()})
	c.Handshake = 1
	if _, err := c.Dial(bounded(t), 0); !errors.Is(err, transport.ErrDeadline) {
		t.Errorf("error %v, want %v", err, transport.ErrDeadline)
	}
	ctx, cancel := context.WithCancel(bounded(t))
	failed := make(chan error, 1)
	mark := c.Recorder.Mark()
	go func() {
		_, err := c.DialPatiently(ctx, 1)
		failed <- err
	}()
	sent := func(e record.Event) bool {
		b, is := e.Body.(record.TLSRecord)
		return is && b.Dir == record.Out && e.Proxy == "lb02"
	}
	if _, err := c.Recorder.Wait(bounded(t), mark, sent); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestPing(t *testing.T) {
	far := listen(t)
	c := start(t, &Cloud{Device: far.addr, Target: "sbc.customer.test"})
	l, err := c.Dial(bounded(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	d := far.next(t)
	for _, status := range []int{200, 404} {
		got, answered := 0, make(chan error, 1)
		go func() {
			var err error
			got, err = c.Ping(bounded(t), l)
			answered <- err
		}()
		d.reply(d.next("OPTIONS sip:sbc.customer.test"), status, "")
		if err := <-answered; err != nil || got != status {
			t.Errorf("status %d, error %v, want %d", got, err, status)
		}
	}
	l.Close("enough")
	d.ended()
	if _, err := c.Ping(bounded(t), l); err == nil {
		t.Error("on a connection that has ended: no error")
	}
	wait(t, c.Recorder, func(e record.Event, b record.Closed) bool {
		return b.Reason == "enough" && b.By == record.Us && e.Proxy == "lb02"
	})
}
