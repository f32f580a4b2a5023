// Package transport is how the simulator meets the device: TLS over TCP on the
// proxies, as server and as client, and UDP on the carrier's side. It decides
// what TLS is spoken, records every record and every end of a connection, and
// hands established connections on. It knows no SIP.
package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"byocheck/simulator/record"
)

// ErrDeadline is the cause of a handshake that we cut because it took longer
// than the deadline in force.
var ErrDeadline = errors.New("handshake deadline passed")

// Conn is an established TLS connection with the device.
type Conn struct {
	Session
	// Origin holds the connection's id, its proxy and the generation of the
	// profile under which it was accepted or dialled.
	Origin record.Origin
	// FromDevice: the device opened it. A call from the cloud never goes down it.
	FromDevice bool

	tap  *tap
	once sync.Once
	shut chan struct{} // closed when the connection is
	gone func(*Conn)
}

// Read reads application data. Where the device ends the connection with an
// alert, the alert is recorded.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.Session.Read(b)
	if err != nil {
		c.tap.noteAlert(err)
	}
	return n, err
}

// Shut ends the connection from our side; reason is recorded. Only the first
// call has an effect, and none if the device ended it before.
func (c *Conn) Shut(reason string) {
	c.once.Do(func() {
		c.tap.mu.Lock()
		c.tap.finish(record.Closed{By: record.Us, How: "close", Reason: reason}, c.tap.now())
		c.tap.mu.Unlock()
		// close_notify may wait for a peer that does not read: bounded. A write
		// deadline would not do, crypto/tls sets its own.
		cut := time.AfterFunc(200*time.Millisecond, func() { c.tap.Conn.Close() })
		c.Session.Close()
		cut.Stop()
		c.tap.Conn.Close()
		close(c.shut)
		if c.gone != nil {
			c.gone(c)
		}
	})
}

// parting bounds the wait for the device's end of a connection that we retire.
const parting = 300 * time.Millisecond

// retire ends the connection from our side and waits until the device has ended
// its side too, so that what it sends next does not go into a connection that
// is dying. Somebody must be reading from it.
func (c *Conn) retire(reason string) {
	c.tap.mu.Lock()
	c.tap.finish(record.Closed{By: record.Us, How: "close", Reason: reason}, c.tap.now())
	c.tap.mu.Unlock()
	cut := time.AfterFunc(parting, func() { c.Shut(reason) })
	defer cut.Stop()
	if half, can := c.Session.(interface{ CloseWrite() error }); can {
		half.CloseWrite() // close_notify
	}
	if half, can := c.tap.Conn.(interface{ CloseWrite() error }); can {
		half.CloseWrite() // FIN
	}
	<-c.shut
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.Shut("")
	return nil
}

// lingering bounds the wait for the device's FIN or RST after a handshake that
// it ended with an alert, and after one that we refused.
const lingering = time.Second

// finish runs one handshake on t: it applies the deadline, records the outcome
// and returns the connection, or closes it.
func finish(ctx context.Context, t *tap, deadline time.Duration, handshake func(context.Context) (Session, error)) (*Conn, error) {
	if deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, deadline, fmt.Errorf("%w: %v", ErrDeadline, deadline))
		defer cancel()
	}
	s, err := handshake(ctx)
	if err != nil {
		t.noteAlert(err)
		fail := record.HandshakeFailed{Error: err.Error(), By: t.endedBy(), ClientCertificateAsked: t.certificateRequested()}
		fail.Deadline = fail.By == record.Us && errors.Is(err, ErrDeadline) // the device may have given up at that very moment
		t.rec.Emit(t.origin, fail)
		reason := "handshake failed: " + err.Error()
		if fail.By == record.Us {
			t.hangUp(reason)
		}
		drain(t)
		t.shut(reason)
		return nil, err
	}
	n := s.Negotiated()
	t.rec.Emit(t.origin, record.HandshakeDone{
		Version: n.Version, Suite: n.Suite, Group: n.Group, ServerName: n.ServerName,
		Engine: n.Engine, ClientCertificateAsked: t.certificateRequested(),
	})
	return &Conn{shut: make(chan struct{}), Session: s, Origin: t.origin, tap: t}, nil
}

// drain reads until the device closes, at most for the lingering time. After an
// alert of the device's its FIN or RST is so recorded; after one of ours,
// closing with octets unread would send RST, which can overtake the alert.
func drain(t *tap) {
	t.Conn.SetReadDeadline(time.Now().Add(lingering))
	io.Copy(io.Discard, io.LimitReader(onlyReader{t}, 1<<20))
}

type onlyReader struct{ io.Reader }

// addrPort returns an address as host:port.
func addrPort(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
