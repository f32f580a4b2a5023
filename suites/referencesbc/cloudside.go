package referencesbc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

const (
	// maxConns bounds the connections that the cloud may have open to us.
	maxConns = 200
	// accepting bounds the handshake with a caller.
	accepting = 5 * time.Second
)

var errNoProxy = errors.New("all proxies are down")

// accept takes the connections that the cloud opens, until the port is closed.
func (s *SBC) accept(config *tls.Config) {
	slots := make(chan struct{}, maxConns)
	for {
		tcp, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // of that connection, or no file descriptor for it: others may do better
			select {
			case <-time.After(10 * time.Millisecond):
			case <-s.ctx.Done():
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			tcp.Close()
			continue
		}
		s.work.Go(func() {
			defer func() { <-slots }()
			s.serve(tcp, config)
		})
	}
}

// serve speaks with the cloud on a connection that it opened, until it ends.
func (s *SBC) serve(tcp net.Conn, config *tls.Config) {
	ctx, cancel := context.WithTimeout(s.ctx, accepting)
	defer cancel()
	conn, err := s.secureCaller(ctx, tcp, config)
	if err != nil {
		tcp.Close()
		s.Log.Info("handshake with a caller failed", "remote", tcp.RemoteAddr(), "error", err)
		return
	}
	if !s.keep(conn) {
		return
	}
	defer s.drop(conn)
	if s.Mutant == ReusesPeerConnectionOnly {
		io.Copy(io.Discard, conn)
		return
	}
	origin := record.Origin{Conn: s.cloud.recorder.NextConn()}
	s.cloud.agent.Stream(conn, origin, s.tlsAddr.String(), func(string) { s.drop(conn) }).Serve(conn)
}

// fromCloud takes a call of the cloud to the carrier.
func (s *SBC) fromCloud(in *sipua.Call) {
	if s.Mutant == RefusesSIPS && in.Invite.Recipient.IsEncrypted() {
		in.Reject(416, "Unsupported URI Scheme")
		return
	}
	s.take(in, func(r *relay) { s.bridge(in, r.cloud, r.carrier, s.callCarrier) })
}

// callCloud calls number at the first proxy that takes the call. Where none
// does, the error is a 503.
func (s *SBC) callCloud(ctx context.Context, number, caller string, offer func() ([]byte, error), ring func(*sipua.Call, int)) (*sipua.Call, error) {
	for _, p := range s.candidates() {
		call, err := s.callProxy(ctx, p, number, caller, offer, ring)
		var rejected *sipua.Rejected
		switch {
		case err == nil:
			return call, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !errors.As(err, &rejected):
			p.mark(s.now().Add(s.Timers.MarkDown))
			if s.Mutant == NoFailoverOnTimeout && !errors.Is(err, syscall.ECONNREFUSED) {
				return nil, unavailable()
			}
		case rejected.Status != 503:
			return nil, err // it is the proxy's answer, and good for all of them
		}
		s.Log.Info("proxy does not take the call", "proxy", p.name, "error", err)
	}
	if s.Mutant == FallsBackToTCP || s.Mutant == FallsBackToUDP {
		if call, err := s.callClear(ctx, number, caller, offer, ring); err == nil {
			return call, nil
		}
	}
	return nil, unavailable()
}

// unavailable is the outcome of a call that no proxy takes.
func unavailable() error { return &sipua.Rejected{Status: 503, Reason: "Service Unavailable"} }

// callProxy calls number at one proxy. A connection that was kept may have
// ended unnoticed: then the call is placed again on a new one.
func (s *SBC) callProxy(ctx context.Context, p *proxy, number, caller string, offer func() ([]byte, error), ring func(*sipua.Call, int)) (*sipua.Call, error) {
	for {
		l, reused, err := s.connect(ctx, p)
		if err != nil {
			return nil, err
		}
		body, err := offer()
		if err != nil {
			return nil, err
		}
		call, heard, err := s.invite(ctx, s.cloud, l.flow,
			sipua.Invitation{To: s.trunkUser(number), From: caller, Host: s.trunkHost(p, l.addr), SDP: body}, ring)
		if err == nil || heard || ctx.Err() != nil {
			return call, err
		}
		l.close() // it leads nowhere
		if !reused || errors.Is(err, errSilent) {
			return nil, err
		}
	}
}
