package revocation

import (
	"net"
	"net/http"
	"time"
)

const maxHeader = 16 << 10 // octets; net/http allows 4096 more

// limits are what clients can cost. 256 connections with 20 kB of header and 64 kB
// of body are about 22 MB; lists are shared by all who fetch them.
type limits struct {
	conns   int64
	header  time.Duration // for the header of a request
	request time.Duration // for all of a request
	idle    time.Duration // between two requests
	write   time.Duration // for an answer
	silence time.Duration // in the state Silent
}

var usual = limits{
	conns:   256,
	header:  10 * time.Second,
	request: 20 * time.Second,
	idle:    30 * time.Second,
	write:   2 * time.Minute,  // a huge list on a slow line
	silence: 10 * time.Minute, // no client waits so long
}

// Tally counts connections since Start. The difference between Connections and
// Asking are those that ended, or are still open, without a request that could be
// read: of no HTTP, too large, too slow, or none at all. No Fetch tells of them.
type Tally struct {
	Connections int64 // accepted
	Asking      int64 // of these, with a request at least
	Refused     int64 // closed at once, because 256 were open
}

// Tally returns the counts so far.
func (s *Server) Tally() Tally {
	return Tally{Connections: s.connections.Load(), Asking: s.asking.Load(), Refused: s.refused.Load()}
}

// gate is a listener that closes the connections that are too many as they come.
type gate struct {
	net.Listener
	server *Server
}

func (g gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil || g.server.open.Load() < g.server.limits.conns {
			return conn, err
		}
		g.server.refused.Add(1)
		conn.Close()
	}
}

// follow keeps count of connections. It is told of a new one in the goroutine that
// calls Accept.
func (s *Server) follow(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.connections.Add(1)
		s.open.Add(1)
		s.running.Add(1)
	case http.StateHijacked, http.StateClosed:
		s.open.Add(-1)
		s.running.Done()
	}
}

type visitKey struct{}

// visit is what is known of a connection; its requests come one after the other.
type visit struct{ asked bool }

// meet counts the connection of a request, once.
func (s *Server) meet(r *http.Request) {
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok && !v.asked {
		v.asked = true
		s.asking.Add(1)
	}
}
