package dns

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	defaultListen = "127.0.1.53:53"
	defaultTTL    = 5 * time.Second
	defaultIdle   = 5 * time.Second
	maxTTL        = (1<<31 - 1) * time.Second // RFC 2181 section 8

	// maxConns bounds TCP connections. One goroutine serves each, and one more
	// serves all datagrams, so a flood of queries makes no more of them.
	maxConns = 32
)

// Config says what a Server answers and where. Zones must be given; every other
// field may be left out.
type Config struct {
	// Listen is the IP address and port for UDP and TCP alike; default
	// "127.0.1.53:53". Port 0 takes a free one. It must be one address, not
	// 0.0.0.0 or ::, so that replies come from where the query was sent.
	Listen string
	// FallbackPort takes a free port of the same IP address when that of Listen
	// is in use or not permitted. Server.Addr tells which.
	FallbackPort bool
	// Zones are the names under which the server is authoritative.
	Zones []string
	// Hosts are the A records: name, in one of the zones, to IPv4 addresses, which
	// are answered in the order given. A name without addresses does not exist.
	Hosts map[string][]netip.Addr
	// Services are the SRV records (RFC 2782): the name of a service, such as
	// "_sips._tcp.voice.mypurecloud.com", in one of the zones, to the hosts that
	// give it, which are answered in the order given. None by default: RFC 3263
	// section 4.2 then lets clients look for the addresses of the domain itself.
	Services map[string][]SRV
	// TTL is the time to live of A and SRV records, rounded up to whole seconds; default
	// 5 s. Negative answers live for 1 s.
	TTL time.Duration
	// IdleTimeout closes a TCP connection on which no whole query came, or no
	// reply could be written, for so long; default 5 s.
	IdleTimeout time.Duration
	// OnQuery is told every query before its reply is sent, one at a time. It must
	// return soon, since the server waits, and must not call Server.Close.
	OnQuery func(Query)
	// Now is the clock that stamps queries; default time.Now.
	Now func() time.Time
}

// Query is one query and what the server answered.
type Query struct {
	Name      string         // absolute, in the letter case of the question; empty when it could not be read
	Type      string         // such as "A" or "NAPTR", or "TYPE65400" (RFC 3597); empty when it could not be read
	Rcode     string         // such as "NOERROR" or "NXDOMAIN"
	Answers   []string       // the data of the records in the answer section, such as "127.0.1.1"
	Client    netip.AddrPort // who asked
	Transport string         // "udp" or "tcp"
	At        time.Time      // when the query had been read
}

// Server is a running DNS server. Start makes one; all methods may be called from
// several goroutines.
type Server struct {
	cfg     Config
	records *authority
	udp     *net.UDPConn
	tcp     *net.TCPListener

	tell    sync.Mutex // one OnQuery at a time
	done    chan struct{}
	running sync.WaitGroup
	once    sync.Once
	closing error

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
}

// Start binds the address and answers until Close. It fails when the configuration
// is wrong or the address cannot be bound, and then leaves nothing behind.
func Start(cfg Config) (*Server, error) {
	cfg.Listen = cmp.Or(cfg.Listen, defaultListen)
	cfg.TTL = cmp.Or(cfg.TTL, defaultTTL)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, defaultIdle)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	addr, err := netip.ParseAddrPort(cfg.Listen)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading DNS listen address: want an IP address and a port, such as %s: %w", defaultListen, err)
	case addr.Addr().IsUnspecified():
		return nil, fmt.Errorf("reading DNS listen address: give the one address that is asked, not all of them: %q", cfg.Listen)
	case cfg.TTL < 0 || cfg.TTL > maxTTL:
		return nil, fmt.Errorf("reading DNS TTL: not between 0 and %v: %v", maxTTL, cfg.TTL)
	case cfg.IdleTimeout < 0:
		return nil, fmt.Errorf("reading DNS idle timeout: negative: %v", cfg.IdleTimeout)
	}
	records, err := newAuthority(cfg.Zones, cfg.Hosts, cfg.Services, uint32((cfg.TTL+time.Second-1)/time.Second))
	if err != nil {
		return nil, err
	}
	udp, tcp, err := open(addr, cfg.FallbackPort)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, records: records, udp: udp, tcp: tcp,
		done: make(chan struct{}), conns: make(map[net.Conn]struct{}),
	}
	s.running.Go(s.serveUDP)
	s.running.Go(s.serveTCP)
	return s, nil
}

// Addr is the address that is really listened on, the same for UDP and TCP.
func (s *Server) Addr() netip.AddrPort {
	return s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Set replaces the addresses of one host at once: a query sees all the old ones or
// all the new ones. Without addresses the host is removed. It fails, and changes
// nothing, when the name is in none of the zones or an address is not IPv4.
func (s *Server) Set(name string, addrs []netip.Addr) error {
	return s.records.set(name, addrs)
}

// Close stops the server, cuts its TCP connections and returns when all of its
// goroutines have ended. Later calls do the same nothing and return the same error.
func (s *Server) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.closing = errors.Join(s.udp.Close(), s.tcp.Close())
		s.mu.Lock()
		for conn := range s.conns {
			conn.Close() // the reader that it wakes has no use for the error
		}
		s.conns = nil
		s.mu.Unlock()
		s.running.Wait()
	})
	return s.closing
}

func (s *Server) serveUDP() {
	// A longer datagram is cut at the end of the buffer and then is malformed.
	buf := make([]byte, messageSize)
	for {
		n, client, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if s.retry() {
				continue
			}
			return
		}
		if reply := s.handle(buf[:n], client, "udp"); reply != nil {
			// A reply that cannot be sent is a lost datagram: the client asks again.
			_, _ = s.udp.WriteToUDPAddrPort(reply, client)
		}
	}
}

func (s *Server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			if s.retry() {
				continue
			}
			return
		}
		s.mu.Lock()
		if s.conns == nil || len(s.conns) >= maxConns {
			s.mu.Unlock()
			conn.Close()
			continue
		}
		s.conns[conn] = struct{}{}
		s.running.Go(func() { s.serveConn(conn) })
		s.mu.Unlock()
	}
}

// serveConn answers one query after the other, each with its length before it
// (RFC 7766 section 8), until the client has no more, is too slow, or announces a
// message larger than any query is.
func (s *Server) serveConn(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	client := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	var prefix [2]byte
	buf := make([]byte, messageSize)
	for {
		// In wall time: the injected clock may stand still. An error here is one
		// for the read as well.
		_ = conn.SetDeadline(time.Now().Add(s.cfg.IdleTimeout))
		if _, err := io.ReadFull(conn, prefix[:]); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint16(prefix[:]))
		if size > len(buf) {
			return
		}
		if _, err := io.ReadFull(conn, buf[:size]); err != nil {
			return
		}
		reply := s.handle(buf[:size], client, "tcp")
		if reply == nil {
			return
		}
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)
		if _, err := conn.Write(framed); err != nil {
			return
		}
	}
}

// handle answers one message and tells of it. The reply is nil when none is owed.
func (s *Server) handle(wire []byte, client netip.AddrPort, transport string) []byte {
	at := s.cfg.Now()
	reply, query := s.records.respond(wire, transport == "tcp")
	if reply != nil && s.cfg.OnQuery != nil {
		query.Client, query.Transport, query.At = client, transport, at
		s.tell.Lock()
		defer s.tell.Unlock()
		s.cfg.OnQuery(query)
	}
	return reply
}

// retry reports whether to read on after an error, which it does not do at once,
// lest an error that stays (no file descriptors left) becomes a busy loop.
func (s *Server) retry() bool {
	select {
	case <-s.done:
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}
