package referencesbc

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// callClear is the defect of the mutants that fall back: what could not be had
// over TLS it tries without, at the first proxy.
func (s *SBC) callClear(ctx context.Context, number, caller string, offer func() ([]byte, error), ring func(*sipua.Call, int)) (*sipua.Call, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timers.Clear)
	defer cancel()
	p := s.proxies[0]
	addrs, err := s.names.lookup(ctx, p.name)
	if err != nil {
		return nil, err
	}
	body, err := offer()
	if err != nil {
		return nil, err
	}
	flow, end, err := s.clearFlow(ctx, netip.AddrPortFrom(addrs[0], s.clearPort))
	if err != nil {
		return nil, fmt.Errorf("calling %s without TLS: %w", p.name, err)
	}
	late := context.AfterFunc(ctx, end) // else it would wait for an answer to CANCEL too
	call, _, err := s.invite(ctx, s.cloud, flow, sipua.Invitation{To: s.trunkUser(number), From: caller, Host: p.name, SDP: body}, ring)
	late()
	if err != nil {
		end()
	}
	return call, err
}

// clearFlow opens a way to an address without TLS, until it is ended or the SBC
// stops.
func (s *SBC) clearFlow(ctx context.Context, to netip.AddrPort) (flow *sipua.Flow, end func(), err error) {
	origin, d := record.Origin{Conn: s.cloud.recorder.NextConn()}, s.dialer()
	var conn net.Conn
	var serve func()
	if s.Mutant == FallsBackToUDP {
		pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.tlsAddr.Addr(), 0)))
		if err != nil {
			return nil, nil, err
		}
		u := s.cloud.agent.UDP(pc, origin)
		conn, flow, serve = pc, u.To(to), u.Serve
	} else {
		tcp, err := d.DialContext(ctx, "tcp", to.String())
		if err != nil {
			return nil, nil, err
		}
		conn = unsecured{tcp}
		flow = s.cloud.agent.Stream(conn, origin, s.tlsAddr.String(), func(string) { s.drop(conn) })
		serve = func() { flow.Serve(conn) }
	}
	if !s.keep(conn) {
		return nil, nil, errClosing
	}
	if !s.spawn(serve) {
		s.drop(conn)
		return nil, nil, errClosing
	}
	return flow, func() { s.drop(conn) }, nil
}

// unsecured is a TCP connection on which messages say that they go over TCP: the
// agent writes them for TLS.
type unsecured struct{ net.Conn }

// Write implements net.Conn.
func (u unsecured) Write(b []byte) (int, error) {
	said := bytes.ReplaceAll(b, []byte("SIP/2.0/TLS"), []byte("SIP/2.0/TCP"))
	said = bytes.ReplaceAll(said, []byte("transport=tls"), []byte("transport=tcp"))
	return u.Conn.Write(said) // of the same length
}
