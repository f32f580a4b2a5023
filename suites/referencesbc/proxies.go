package referencesbc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// proxy is one of the region's, by its name.
type proxy struct {
	name string

	connecting sync.Mutex // held while dialling, so that calls at once share one connection
	link       *link      // the last one, open or not

	mu   sync.Mutex
	down time.Time // until when it is passed over
}

// link is a connection that we opened to a proxy.
type link struct {
	flow *sipua.Flow
	addr netip.Addr
	gone context.Context // ends when the link is of no more use
	// close is called as soon as that is known; what reads from the connection learns of it later.
	close func()
}

func (l *link) open() bool { return l.gone.Err() == nil }

var errSlow = errors.New("the proxy does not go on with the handshake")

// mark passes the proxy over for a while.
func (p *proxy) mark(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = until
}

// candidates returns the proxies to try, in order.
func (s *SBC) candidates() []*proxy {
	var out []*proxy
	now := s.now()
	for _, p := range s.proxies {
		p.mu.Lock()
		if !now.Before(p.down) {
			out = append(out, p)
		}
		p.mu.Unlock()
		if s.Mutant == NoFailover {
			break
		}
	}
	return out
}

// Reset forgets which proxies were found down, and what it has learnt of revoked
// certificates.
func (s *SBC) Reset() {
	s.rulings.forget()
	for _, p := range s.proxies {
		p.mark(time.Time{})
	}
}

// connect returns a connection to a proxy: the one that is open, if the name
// still has its address, or a new one. reused tells which.
func (s *SBC) connect(ctx context.Context, p *proxy) (l *link, reused bool, err error) {
	p.connecting.Lock()
	defer p.connecting.Unlock()
	addrs, err := s.names.lookup(ctx, p.name)
	if err != nil {
		return nil, false, err
	}
	if p.link != nil && p.link.open() && slices.Contains(addrs, p.link.addr) {
		return p.link, true, nil
	}
	var failed []error
	for _, addr := range addrs {
		if l, err = s.dial(ctx, p, addr); err == nil {
			p.link = l
			return l, false, nil
		}
		failed = append(failed, err)
	}
	return nil, false, errors.Join(failed...)
}

// dialer connects from the address by which the trunk knows us.
func (s *SBC) dialer() *net.Dialer {
	d := &net.Dialer{Timeout: s.Timers.Connect}
	if own := s.tlsAddr.Addr(); own.IsValid() && !own.IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(own, 0))
	}
	return d
}

// dial opens a connection and does the handshake, in which the proxy's
// certificate is verified: a refusal is an alert.
func (s *SBC) dial(ctx context.Context, p *proxy, addr netip.Addr) (*link, error) {
	to := netip.AddrPortFrom(addr, s.Port)
	tcp, err := s.dialer().DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", p.name, err)
	}
	bound, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// It bounds what the proxy takes, before we verify its certificate and
	// after it, not what revocation lists take.
	limit := time.AfterFunc(s.Timers.Handshake, func() { cancel(errSlow) })
	defer limit.Stop()
	conn, err := s.secureProxy(bound, tcp, p.name, addr, func(state tls.ConnectionState) error {
		limit.Stop()
		defer limit.Reset(s.Timers.Handshake)
		return s.verify(bound, state, p.name, addr)
	})
	if err != nil {
		tcp.Close()
		if bound.Err() != nil {
			err = context.Cause(bound)
		}
		return nil, fmt.Errorf("doing the TLS handshake with %s at %s: %w", p.name, to, err)
	}
	if !s.keep(conn) {
		return nil, errClosing
	}
	gone, end := context.WithCancel(context.Background())
	l := &link{addr: addr, gone: gone, close: func() { end(); s.drop(conn) }}
	l.flow = s.cloud.agent.Stream(conn, record.Origin{Conn: s.cloud.recorder.NextConn(), Proxy: p.name}, s.tlsAddr.String(), func(string) { l.close() })
	serving := s.spawn(func() {
		l.flow.Serve(conn)
		l.close()
	})
	if !serving {
		l.close()
		return nil, errClosing
	}
	return l, nil
}

// reconnect opens a way to the cloud for a request inside a dialog whose own
// connection has ended: to the proxy that it stood on, or to any.
func (s *SBC) reconnect(ctx context.Context, old *sipua.Flow) (*sipua.Flow, error) {
	try := s.candidates()
	if i := slices.IndexFunc(s.proxies, func(p *proxy) bool { return p.name == old.Origin().Proxy }); i >= 0 {
		try = append([]*proxy{s.proxies[i]}, try...)
	}
	err := errNoProxy
	for _, p := range try {
		var l *link
		if l, _, err = s.connect(ctx, p); err == nil {
			return l.flow, nil
		}
	}
	return nil, err
}

// keepAlive sends OPTIONS to all proxies at the interval, until the SBC stops.
// What answers is up again, what does not is passed over.
func (s *SBC) keepAlive() {
	every := time.NewTicker(s.Timers.Options)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-s.ctx.Done():
			return
		}
		for _, p := range s.proxies {
			if err := s.ping(p); err == nil {
				p.mark(time.Time{})
			} else if s.ctx.Err() == nil {
				s.Log.Info("proxy does not answer OPTIONS", "proxy", p.name, "error", err)
				p.mark(s.now().Add(s.Timers.MarkDown))
			}
		}
	}
}

func (s *SBC) ping(p *proxy) error {
	l, _, err := s.connect(s.ctx, p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.Timers.FirstResponse)
	defer cancel()
	r, err := s.cloud.agent.Ask(ctx, l.flow, sip.OPTIONS, s.trunkHost(p, l.addr))
	if err != nil {
		l.close() // a connection that leads nowhere is not worth keeping
		return err
	}
	if r.StatusCode == 503 {
		return fmt.Errorf("answered %d %s", r.StatusCode, r.Reason)
	}
	return nil
}
