// Package revocation answers for the lab's CAs when a device asks whether a
// certificate is revoked: certificate revocation lists (RFC 5280 section 5), OCSP
// (RFC 6960) and the CA certificates themselves (section 4.2.2.1), all over plain
// HTTP and on one port.
//
// How the server behaves belongs to an issuer, never to time: devices keep lists
// and statuses until they run out, so that what they learned of one issuer must
// not be wanted again. Every fetch is told through a callback, because "asked and
// went on" and "never asked" look the same from elsewhere.
package revocation

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultSlowBy      = 3 * time.Second
	defaultHugeEntries = 100_000
)

// Server is the HTTP server of a run. Its zero value works; fields are set before
// Start and not changed after it. Its methods may be called from several goroutines.
type Server struct {
	// Listen is where devices ask; the zero value is 127.0.0.1 and a port of the
	// kernel's choice.
	Listen netip.AddrPort
	// Advertise is the host and port in the URLs; empty means where it listens.
	Advertise string
	// Now is the clock of lists, statuses and fetches; nil means time.Now.
	Now func() time.Time
	// Rand is the source of keys, serial numbers and the path of the run. It must
	// be safe for concurrent use. Nil means crypto/rand.
	Rand io.Reader
	// OnFetch is told every fetch, before the client has the last octet of its
	// answer: what a device does because of an answer comes after it. It is called
	// from several goroutines, must return soon, and must not call Close.
	OnFetch func(Fetch)
	// SlowBy is how late the state Slow answers; 0 means 3 s.
	SlowBy time.Duration
	// HugeEntries is how many entries a list has in the state Huge, beside the
	// revoked ones; 0 means 100 000, which are 3.5 MB.
	HugeEntries int

	limits limits // the zero value means the usual ones

	http http.Server
	addr netip.AddrPort
	run  string // the first part of every path

	done    chan struct{}
	served  chan struct{} // closed when no more connections are accepted
	running sync.WaitGroup
	once    sync.Once

	connections, refused, asking atomic.Int64
	open                         atomic.Int64

	mu     sync.Mutex
	byID   map[string]*issuer // by the part of the path; nil until Start
	byName map[string]*issuer
}

// Start binds the address and answers until Close. It fails when a field is wrong
// or the address cannot be bound, and when it was called before.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID != nil {
		return errors.New("starting the revocation server: it was started before: make another one")
	}
	if err := s.complete(); err != nil {
		return fmt.Errorf("starting the revocation server: %w", err)
	}
	// The paths of another run must not come again: devices keep lists by URL.
	var token [4]byte
	if _, err := io.ReadFull(s.Rand, token[:]); err != nil {
		return fmt.Errorf("drawing the path of the run: %w", err)
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(s.Listen))
	if err != nil {
		return fmt.Errorf("starting the revocation server: %w; listen on an address of this machine and a port that is free, above 1023 unless you are root", err)
	}
	s.addr = l.Addr().(*net.TCPAddr).AddrPort()
	s.Advertise = cmp.Or(s.Advertise, s.addr.String())
	s.run = fmt.Sprintf("%x", token)
	s.byID, s.byName = make(map[string]*issuer), make(map[string]*issuer)
	s.done, s.served = make(chan struct{}), make(chan struct{})
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: s.limits.header,
		ReadTimeout:       s.limits.request,
		IdleTimeout:       s.limits.idle,
		MaxHeaderBytes:    maxHeader,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, visitKey{}, new(visit))
		},
		ConnState: s.follow,
		ErrorLog:  log.New(io.Discard, "", 0), // what cannot be read is in the Tally
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(gate{l, s}) // it ends when Close closes the listener
	}()
	return nil
}

// complete fills in the defaults.
func (s *Server) complete() error {
	if !s.Listen.IsValid() {
		s.Listen = netip.MustParseAddrPort("127.0.0.1:0")
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Rand == nil {
		s.Rand = rand.Reader
	}
	s.SlowBy = cmp.Or(s.SlowBy, defaultSlowBy)
	s.HugeEntries = cmp.Or(s.HugeEntries, defaultHugeEntries)
	s.limits = cmp.Or(s.limits, usual)
	switch {
	case s.SlowBy < 0:
		return fmt.Errorf("slow by %v: want a time above 0", s.SlowBy)
	case s.HugeEntries < 0:
		return fmt.Errorf("%d entries in a huge list: want a number above 0", s.HugeEntries)
	case s.Advertise == "" && s.Listen.Addr().IsUnspecified():
		return fmt.Errorf("%v is every address of this machine: say which one devices can reach", s.Listen.Addr())
	case s.Advertise == "":
		return nil
	}
	host, port, err := net.SplitHostPort(s.Advertise)
	if err == nil {
		if n, e := strconv.ParseUint(port, 10, 16); host == "" || e != nil || n == 0 {
			err = errors.New("want host:port")
		}
	}
	if err != nil {
		return fmt.Errorf("reading the advertised address %q: %w", s.Advertise, err)
	}
	return nil
}

// Addr is the address that is really listened on; the zero value before Start.
func (s *Server) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Close ends the server with all its connections and answers, the silent and slow
// ones too, and returns when all of its goroutines have ended. Later calls do
// nothing. CRL and Staple still work afterwards.
func (s *Server) Close() {
	s.mu.Lock()
	started := s.byID != nil
	s.mu.Unlock()
	if !started {
		return
	}
	s.once.Do(func() {
		close(s.done)
		s.http.Close()
		<-s.served
		s.http.Close() // connections that were accepted meanwhile
	})
	s.running.Wait()
}
