package simulator

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
	"byocheck/simulator/transport"
	"byocheck/simulator/transport/scripted"
)

// Link is a connection that the cloud opened to the device.
type Link struct {
	Flow *sipua.Flow
	conn *transport.Conn
}

// Close ends the link from our side.
func (l *Link) Close(reason string) { l.conn.Shut(reason) }

// NextProxy returns the proxy from which the next call should come: Genesys
// sends calls from any of a region's addresses.
func (c *Cloud) NextProxy() int { return int(c.next.Add(1)-1) % len(c.Listen) }

// Dial opens a connection of its own from a proxy to the device and does the
// handshake: TLS 1.2, P-384, no client certificate, the target's name in SNI.
// The device's certificate is recorded and not judged here.
func (c *Cloud) Dial(ctx context.Context, proxy int) (*Link, error) {
	return c.dial(ctx, proxy, proposal{deadline: c.Handshake})
}

// patient is how long a handshake may take where its time is what is measured,
// or where a device that is slow shall show what it has.
const patient = 5 * time.Second

// DialPatiently is Dial with ten times the deadline of a trunk, to see what a
// slow device would have shown. Suites, if any, are offered instead of all.
func (c *Cloud) DialPatiently(ctx context.Context, proxy int, suites ...uint16) (*Link, error) {
	return c.dial(ctx, proxy, proposal{deadline: max(patient, c.Handshake), suites: suites})
}

// DialWithoutSNI is DialPatiently without a name in the ClientHello.
func (c *Cloud) DialWithoutSNI(ctx context.Context, proxy int) (*Link, error) {
	return c.dial(ctx, proxy, proposal{deadline: max(patient, c.Handshake), nameless: true})
}

// DialVerifying is DialPatiently, but the device's certificate is checked as
// Genesys is documented to, and refused in the handshake if it does not pass.
func (c *Cloud) DialVerifying(ctx context.Context, proxy int) (*Link, error) {
	return c.dial(ctx, proxy, proposal{deadline: max(patient, c.Handshake), verify: c.verify})
}

// proposal is what a handshake with the device begins with.
type proposal struct {
	deadline time.Duration
	suites   []uint16 // nil: those of the edition
	nameless bool     // no SNI
	verify   func(context.Context, record.Origin, []*x509.Certificate) error
}

func (c *Cloud) dial(ctx context.Context, proxy int, o proposal) (*Link, error) {
	if len(o.suites) == 0 {
		o.suites = c.Offers()
	}
	d := c.dialer(proxy)
	d.Deadline, d.Suites = o.deadline, o.suites
	if _, err := netip.ParseAddr(c.Target); err != nil && !o.nameless {
		d.ServerName = c.Target // an address does not go into SNI (RFC 6066 3)
	}
	if o.verify != nil {
		d.Verify = func(chain []*x509.Certificate) error { return o.verify(ctx, d.Origin, chain) }
	}
	conn, err := d.Dial(ctx, c.Device)
	if err != nil {
		return nil, err
	}
	l := &Link{conn: conn}
	l.Flow = c.agent.Stream(conn, conn.Origin, c.advertised(proxy).String(), conn.Shut)
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		l.Close("the simulator stops")
		return nil, fmt.Errorf("connecting to %s: the simulator stops: %w", c.Device, net.ErrClosed)
	}
	c.links[l] = struct{}{}
	c.work.Go(func() {
		l.Flow.Serve(conn)
		c.mu.Lock()
		delete(c.links, l)
		c.mu.Unlock()
	})
	c.mu.Unlock()
	return l, nil
}

// Probe sends one ClientHello to the device from a proxy, with the target's name
// in SNI where it has one, and records what the device makes of it.
func (c *Cloud) Probe(ctx context.Context, proxy int, name string, hello func(host string) scripted.Hello) {
	host := c.Target
	if _, err := netip.ParseAddr(host); err == nil {
		host = ""
	}
	c.dialer(proxy).Probe(ctx, c.Device, name, hello(host))
}

func (c *Cloud) dialer(proxy int) transport.Dialer {
	return transport.Dialer{
		Recorder: c.Recorder, Origin: record.Origin{Generation: c.Generation(), Proxy: c.server.Names[proxy]},
		Local: c.source(proxy), ConnectTimeout: c.ConnectTimeout,
	}
}

// source is the proxy's own address, where the device can be reached from it:
// a loopback address cannot send to another machine.
func (c *Cloud) source(proxy int) netip.Addr {
	a := c.Listen[proxy].Addr()
	if a.IsUnspecified() || a.IsLoopback() != c.Device.Addr().IsLoopback() {
		return netip.Addr{}
	}
	return a
}

// Call calls number on the device, over a connection of its own, and waits for
// the answer. The connection is closed when the call is over.
func (c *Cloud) Call(ctx context.Context, number, from string) (*leg.Leg, error) {
	return c.call(ctx, number, from, "")
}

// CallSIPS is Call with sips: URIs.
func (c *Cloud) CallSIPS(ctx context.Context, number, from string) (*leg.Leg, error) {
	return c.call(ctx, number, from, "sips")
}

func (c *Cloud) call(ctx context.Context, number, from, scheme string) (*leg.Leg, error) {
	link, err := c.Dial(ctx, c.NextProxy())
	if err != nil {
		return nil, err
	}
	call, err := c.side.Dial(ctx, link.Flow, sipua.Invitation{To: number, From: from, Host: c.Target, Scheme: scheme})
	if err != nil {
		link.Close("the call is over")
		return nil, err
	}
	c.release(call.Call, link.conn.Origin.Conn)
	return call, nil
}

// release closes what we opened for a call when the call is over: its first
// connection, and the one for its BYE where the device had ended the first.
func (c *Cloud) release(call *sipua.Call, first uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.work.Go(func() {
		select {
		case <-call.Done():
		case <-c.stopping:
			return
		}
		last := call.Origin().Conn
		c.mu.Lock()
		var open []*Link
		for l := range c.links {
			if id := l.conn.Origin.Conn; id == first || id == last {
				open = append(open, l)
			}
		}
		c.mu.Unlock()
		for _, l := range open {
			l.Close("the call is over")
		}
	})
}

// Ping sends OPTIONS on a link and returns the status of the answer.
func (c *Cloud) Ping(ctx context.Context, l *Link) (int, error) {
	r, err := c.agent.Ask(ctx, l.Flow, sip.OPTIONS, c.Target)
	if err != nil {
		return 0, err
	}
	return r.StatusCode, nil
}
