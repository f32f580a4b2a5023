package simulator

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/leg"
	"byocheck/simulator/record"
)

// answered lets the device call through a proxy. The call is up when it returns;
// to names the cloud's side of the dialog.
func answered(t testing.TB, c *Cloud, proxy int) (d *device, l *leg.Leg, to string) {
	t.Helper()
	at, err := c.Expect("5550100")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	d = connect(t, c, proxy)
	d.request("INVITE", "call", "", 1, offer)
	d.next("SIP/2.0 100")
	select {
	case call := <-at.Calls:
		if l, err = c.Answer(call); err != nil {
			t.Fatal(err)
		}
	case <-bounded(t).Done():
		t.Fatal("the call does not arrive")
	}
	d.next("SIP/2.0 180")
	ok := d.next("SIP/2.0 200")
	for _, name := range []string{"Contact", "Record-Route"} {
		if !strings.Contains(ok.get(name), c.Listen[proxy].String()) {
			t.Errorf("%s is %q, want %s in it", name, ok.get(name), c.Listen[proxy])
		}
	}
	d.request("ACK", "call", ok.get("To"), 1, "")
	select {
	case <-l.Call.Confirmed():
	case <-bounded(t).Done():
		t.Fatal("the ACK does not arrive")
	}
	return d, l, ok.get("To")
}

func TestAnswerAll(t *testing.T) {
	c := start(t, &Cloud{AnswerAll: true})
	d := connect(t, c, 0)
	d.request("INVITE", "call", "", 1, offer)
	for _, want := range []string{"SIP/2.0 100", "SIP/2.0 180"} {
		d.next(want)
	}
	ok := d.next("SIP/2.0 200")
	d.request("ACK", "call", ok.get("To"), 1, "")
	d.request("BYE", "call", ok.get("To"), 2, "")
	d.next("SIP/2.0 200")
	wait(t, c.Recorder, func(_ record.Event, m record.Media) bool { return m.Encrypted })
}

// Dialogs belong to the cloud: the BYE may come through any proxy.
func TestBYEThroughAnotherProxy(t *testing.T) {
	c := start(t, &Cloud{})
	first, l, to := answered(t, c, 0)
	other := connect(t, c, 2)
	other.request("BYE", "call", to, 2, "")
	other.next("SIP/2.0 200")
	select {
	case <-l.Call.Done():
	case <-bounded(t).Done():
		t.Fatal("the call does not end")
	}
	if by := l.Call.EndedBy(); by != record.Device {
		t.Errorf("ended by %q", by)
	}
	e, m := wait(t, c.Recorder, func(record.Event, record.Media) bool { return true })
	if e.Proxy != "lb03" || !m.Encrypted || m.Suite != "AES_CM_128_HMAC_SHA1_80" {
		t.Errorf("on %s: %+v", e.Proxy, m)
	}
	other.request("BYE", "call", to, 3, "") // which is over
	other.next("SIP/2.0 481")
	first.request("OPTIONS", "ping", "", 1, "") // both connections stay
	first.next("SIP/2.0 200")
}

// A BYE that names no dialog of ours ends nothing, wherever it comes.
func TestBYEOfAStranger(t *testing.T) {
	c := start(t, &Cloud{})
	_, l, to := answered(t, c, 0)
	other := connect(t, c, 2)
	for i, s := range []struct{ callID, to string }{
		{"another", to}, {"call", to + "x"}, {"call", "<sip:+13175550100@lb01.test>"},
	} {
		other.request("BYE", s.callID, s.to, 2+i, "")
		other.next("SIP/2.0 481")
	}
	select {
	case <-l.Call.Done():
		t.Error("the call ended")
	default:
	}
}

// A device that drops the connection in mid-call still gets our BYE: the proxy
// opens one to the device, and closes it when that is done.
func TestBYEAfterTheConnectionEnded(t *testing.T) {
	for _, c := range []struct {
		name    string
		proxy   string
		arrange func(t *testing.T, c *Cloud, far *farEnd) (*device, *leg.Leg)
	}{
		{"of a call of the device", "lb02", func(t *testing.T, c *Cloud, _ *farEnd) (*device, *leg.Leg) {
			d, l, _ := answered(t, c, 1)
			return d, l
		}},
		{"of a call to the device", "lb01", func(t *testing.T, c *Cloud, far *farEnd) (*device, *leg.Leg) {
			d, invite, out := called(t, c, far)
			d.reply(invite, 200, offer)
			d.next("ACK")
			return d, (<-out).leg
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			far := listen(t)
			cloud := start(t, &Cloud{Device: far.addr, Target: "sbc.customer.test"})
			d, l := c.arrange(t, cloud, far)
			before := l.Call.Origin().Conn
			d.conn.(interface{ NetConn() net.Conn }).NetConn().Close() // without a word
			ctx := bounded(t)
			again := reached(ctx, t, l, far)
			hung := make(chan error, 1)
			go func() { hung <- l.HangUp(ctx) }()
			if again == nil {
				again = far.next(t)
			}
			bye := again.next("BYE")
			if proxy := l.Call.Proxy(); proxy != c.proxy {
				t.Errorf("the BYE comes from %s, want %s", proxy, c.proxy)
			}
			if l.Call.Origin().Conn == before {
				t.Error("the call still stands on the connection that has ended")
			}
			again.reply(bye, 200, "")
			if err := <-hung; err != nil {
				t.Error(err)
			}
			if by := l.Call.EndedBy(); by != record.Us {
				t.Errorf("ended by %q", by)
			}
			again.ended()
		})
	}
}

// reached asks the device something inside the call, which comes back once the
// agent knows that the connection has ended: with an error, or over a new one,
// which is returned.
func reached(ctx context.Context, t *testing.T, l *leg.Leg, far *farEnd) *device {
	t.Helper()
	asked := make(chan error, 1)
	go func() {
		_, err := l.Call.Do(ctx, sip.OPTIONS, "", nil)
		asked <- err
	}()
	select {
	case <-asked:
		return nil
	case d := <-far.arrived:
		d.reply(d.next("OPTIONS"), 200, "")
		if err := <-asked; err != nil {
			t.Error(err)
		}
		return d
	}
}

// What is dialled while the cloud stops does not outlive it.
func TestDialWhileTheCloudStops(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far := listen(t)
	c := start(t, &Cloud{Device: ln.Addr().(*net.TCPAddr).AddrPort()})
	failed := make(chan error, 1)
	go func() {
		_, err := c.Dial(bounded(t), 0)
		failed <- err
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c.Close()
	// Only now the device does its handshake: the far end's, at second hand.
	through, err := net.Dial("tcp", far.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer through.Close()
	relay(t, conn, through)
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want %v", err, net.ErrClosed)
	}
	far.next(t).ended()
}
