package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"byocheck/simulator/record"
)

// Dialer opens connections to the device as a proxy of the cloud does.
type Dialer struct {
	// Recorder receives the events. It must be set.
	Recorder *record.Recorder
	// Engine does the TLS; nil means Engines.
	Engine Engine
	// Origin names the proxy that dials and the generation; Conn is set by Dial.
	Origin record.Origin
	// Local is the proxy's address, the source of the connection; the zero
	// value lets the kernel choose.
	Local netip.Addr
	// ServerName goes into SNI; empty sends none.
	ServerName string
	// Suites that are offered, as in ClientParameters; nil means SurvivingSuites.
	Suites []uint16
	// ConnectTimeout bounds the TCP connect; 0 means 5 s.
	ConnectTimeout time.Duration
	// Deadline bounds the handshake, from TCP established; 0 is off.
	Deadline time.Duration
	// Verify as in ClientParameters.
	Verify func([]*x509.Certificate) error
}

// Dial connects to remote and does the handshake. Errors are the device's
// doing as far as the network tells; they end in what was being dialled.
func (d Dialer) Dial(ctx context.Context, remote netip.AddrPort) (*Conn, error) {
	if d.Engine == nil {
		d.Engine = Engines{}
	}
	if d.Suites == nil {
		d.Suites = SurvivingSuites()
	}
	origin := d.Origin
	origin.Conn = d.Recorder.NextConn()
	now := time.Now
	if d.Recorder.Now != nil {
		now = d.Recorder.Now
	}
	nd := net.Dialer{Timeout: d.connectTimeout()}
	if d.Local.IsValid() {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.Local, 0))
	}
	begin := now()
	c, err := nd.DialContext(ctx, "tcp", remote.String())
	took := now().Sub(begin)
	if err != nil {
		err = explainDial(remote, err)
		d.Recorder.Emit(origin, record.Dialled{Remote: remote.String(), Connect: took, Error: err.Error()})
		return nil, err
	}
	d.Recorder.Emit(origin, record.Dialled{Local: addrPort(c.LocalAddr()), Remote: remote.String(), Connect: took})
	t := newTap(c, d.Recorder, origin)
	deadline := d.Deadline
	if deadline == 0 {
		deadline = idleHandshake
	}
	conn, err := finish(ctx, t, deadline, func(ctx context.Context) (Session, error) {
		return d.Engine.Client(ctx, t, ClientParameters{ServerName: d.ServerName, Suites: d.Suites, Verify: d.Verify})
	})
	if err != nil {
		return nil, fmt.Errorf("doing the TLS handshake with %s: %w", remote, err)
	}
	return conn, nil
}

func (d Dialer) connectTimeout() time.Duration {
	if d.ConnectTimeout == 0 {
		return 5 * time.Second
	}
	return d.ConnectTimeout
}

// ErrUnreachable is wrapped by the errors of a TCP connect that failed.
var ErrUnreachable = errors.New("unreachable")

func explainDial(remote netip.AddrPort, err error) error {
	switch {
	case errors.Is(err, context.Canceled): // our doing, not the device's
		return fmt.Errorf("connecting to %s: %w", remote, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("connecting to %s: %w: nothing listens there (connection refused); check the port and that the device's TLS listener is up", remote, ErrUnreachable)
	case timedOut(err):
		return fmt.Errorf("connecting to %s: %w: no answer; check the address, routing and firewalls between here and the device", remote, ErrUnreachable)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("connecting to %s: the local address is not on this machine: %w", remote, err)
	}
	return fmt.Errorf("connecting to %s: %w: %w", remote, ErrUnreachable, err)
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
