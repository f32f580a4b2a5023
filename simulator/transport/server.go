package transport

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

	"byocheck/simulator/record"
)

// HandshakeDeadline is how long a TLS handshake may take on a BYOC Cloud trunk
// (clause byoc-030-handshake-500ms). Where its clock starts is not published;
// here it starts when TCP is established.
const HandshakeDeadline = 500 * time.Millisecond

// maxConns bounds the connections that stand at once; more are closed at once
// and recorded as ours. A device opens a handful.
const maxConns = 512

// idleHandshake bounds a handshake while the deadline is off, so that a silent
// peer does not hold a connection for ever.
const idleHandshake = 30 * time.Second

// Face is what the proxies show: the profile's transport part.
type Face struct {
	// Profile is its name, for recordings.
	Profile string
	// About is what else the recording is to say of the certificate; Show fills
	// in what the other fields say.
	About record.Profile
	// Certificate is presented by every proxy.
	Certificate tls.Certificate
	// Suites are those the edition allows.
	Suites []uint16
	// Deadline of a handshake; 0 is off.
	Deadline time.Duration
	// Refusing lists the proxies (by index) whose ports answer RST.
	Refusing []int
	// Dropping lists those whose ports answer nothing: no SYN-ACK, no RST.
	// Refusing counts where a proxy is in both.
	Dropping []int
	// Engine does the TLS of the proxies in Odd, of all where that is empty; nil
	// is the server's.
	Engine Engine
	Odd    []int
}

// Server is the listening side of the proxies.
type Server struct {
	// Recorder receives the events. It must be set.
	Recorder *record.Recorder
	// Engine does the TLS; nil means Engines.
	Engine Engine
	// Listen are the proxies' addresses, lb01 first; port 0 lets the kernel choose.
	Listen []netip.AddrPort
	// Names are the proxies' names in recordings; lb01, lb02, … where empty.
	Names []string
	// Sources are where the device connects from; others are recorded as
	// foreign and closed. Empty accepts everybody.
	Sources []netip.Prefix
	// Accept receives each established connection, on a goroutine of its own.
	// It must be set.
	Accept func(*Conn)

	mu         sync.Mutex
	ports      []*port
	face       Face
	generation int
	conns      map[*Conn]struct{}
	raw        map[*tap]struct{} // in handshake
	closed     bool
	work       sync.WaitGroup
}

// Start binds all ports and shows the first face. On an error nothing stays bound.
func (s *Server) Start(face Face) error {
	if s.Engine == nil {
		s.Engine = Engines{}
	}
	for i := len(s.Names); i < len(s.Listen); i++ {
		s.Names = append(s.Names, fmt.Sprintf("lb%02d", i+1))
	}
	s.conns, s.raw = map[*Conn]struct{}{}, map[*tap]struct{}{}
	for _, a := range s.Listen {
		p, err := openPort(a)
		if err != nil {
			s.Close()
			return err
		}
		s.ports = append(s.ports, p)
	}
	if _, err := s.Show(face); err != nil {
		s.Close()
		return err
	}
	return nil
}

// Addr returns the address of proxy i.
func (s *Server) Addr(i int) netip.AddrPort { return s.ports[i].addr }

// Generation returns that of the face now shown.
func (s *Server) Generation() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

// Show swaps the face first, then closes what the device opened before, so that
// it meets the new face with a full handshake. It waits until the device has
// closed its side too, or for a moment. It returns the new generation.
func (s *Server) Show(face Face) (int, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, fmt.Errorf("showing profile %s: the server is stopped: %w", face.Profile, net.ErrClosed)
	}
	s.face = face
	s.generation++
	generation := s.generation
	shown := face.About
	shown.Name, shown.Generation, shown.Chain, shown.Deadline = face.Profile, generation, face.Certificate.Certificate, face.Deadline
	for _, i := range face.Refusing {
		shown.Refusing = append(shown.Refusing, s.Names[i])
	}
	for _, i := range face.Dropping {
		shown.Dropping = append(shown.Dropping, s.Names[i])
	}
	for _, i := range face.Odd {
		shown.Odd = append(shown.Odd, s.Names[i])
	}
	s.Recorder.Emit(record.Origin{Generation: generation}, shown)
	for i, p := range s.ports {
		switch {
		case slices.Contains(face.Refusing, i):
			p.refuse()
		case slices.Contains(face.Dropping, i):
			if err := p.drop(); err != nil {
				s.mu.Unlock()
				return generation, err
			}
		case p.ln == nil:
			if err := p.listen(); err != nil {
				s.mu.Unlock()
				return generation, err
			}
			s.work.Add(1)
			go s.acceptAll(i, p.ln)
		}
	}
	var old []*Conn
	for c := range s.conns {
		old = append(old, c)
	}
	var shaking []*tap
	for t := range s.raw {
		shaking = append(shaking, t)
	}
	s.mu.Unlock()
	for _, t := range shaking {
		t.shut("the cloud shows another profile now")
	}
	var parted sync.WaitGroup
	for _, c := range old {
		parted.Go(func() { c.retire("the cloud shows another profile now") })
	}
	parted.Wait()
	return generation, nil
}

// Close closes all connections and ports, and waits until nothing runs.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, p := range s.ports {
		p.close()
	}
	var old []*Conn
	for c := range s.conns {
		old = append(old, c)
	}
	for t := range s.raw {
		t.Conn.Close()
	}
	s.mu.Unlock()
	for _, c := range old {
		c.Shut("the simulator stops")
	}
	s.work.Wait()
}

func (s *Server) acceptAll(i int, ln net.Listener) {
	defer s.work.Done()
	for {
		c, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: let some close
			continue
		}
		s.accepted(i, c)
	}
}

// accepted decides what becomes of a new TCP connection.
func (s *Server) accepted(i int, c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	origin := record.Origin{Generation: s.generation, Conn: s.Recorder.NextConn(), Proxy: s.Names[i]}
	peer, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	foreign := len(s.Sources) > 0 && !slices.ContainsFunc(s.Sources, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
	s.Recorder.Emit(origin, record.Accepted{Local: addrPort(c.LocalAddr()), Remote: addrPort(c.RemoteAddr()), Foreign: foreign})
	t := newTap(c, s.Recorder, origin)
	switch {
	case s.closed:
		t.shut("the simulator stops")
	case foreign:
		t.shut("the peer is not among device.sources")
	case slices.Contains(s.face.Refusing, i), slices.Contains(s.face.Dropping, i): // taken off the queue just before the port closed
		t.shut("the port takes no connections now")
	case len(s.conns)+len(s.raw) >= maxConns:
		t.shut(fmt.Sprintf("more than %d connections at once", maxConns))
	default:
		s.raw[t] = struct{}{}
		s.work.Add(1)
		go s.handshake(t, i, s.face)
	}
}

func (s *Server) handshake(t *tap, proxy int, face Face) {
	defer s.work.Done()
	deadline := face.Deadline
	if deadline == 0 {
		deadline = idleHandshake
	}
	c, err := finish(context.Background(), t, deadline, func(ctx context.Context) (Session, error) {
		engine := s.Engine
		if face.Engine != nil && (len(face.Odd) == 0 || slices.Contains(face.Odd, proxy)) {
			engine = face.Engine
		}
		return engine.Server(ctx, t, ServerParameters{Certificate: &face.Certificate, Suites: face.Suites})
	})
	s.mu.Lock()
	delete(s.raw, t)
	if err != nil {
		s.mu.Unlock()
		return
	}
	c.FromDevice = true
	c.gone = func(c *Conn) {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}
	stale := s.closed || t.origin.Generation != s.generation
	if !stale {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	if stale { // the face was swapped while the handshake ended
		c.Shut("the cloud shows another profile now")
		return
	}
	s.Accept(c)
}
