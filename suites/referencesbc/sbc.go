// Package referencesbc is the built-in reference SBC: a back-to-back user agent
// between a BYOC Cloud trunk (TLS, SRTP) and a carrier (UDP, RTP), on real
// sockets, in the process that starts it.
//
// It does what the specification asks of a customer's device, as plainly as
// possible, so that the kit has something to run against that is known to be
// right. Its mutants have one defect each, so that every scenario can be seen
// to fail. The checks that matter (a proxy's certificate and its revocation,
// DNS, failover, the trunk group in the Request-URI) are written here a second
// time and do not share the simulator's code, nor its errors.
//
// It relays G.711 and DTMF events without RTCP, does not pass on re-INVITEs
// (hold is answered with the session as it stands), and is no SBC for
// production.
package referencesbc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// SBC is the device. Carrier, Certificate, Roots, Proxies and Resolver must be
// set; the zero value of every other field works. Fields are set before Start.
type SBC struct {
	// TLS is where it takes calls from the cloud, and the address that its own
	// connections come from; UDP where it takes calls from the carrier. Port 0
	// chooses one, the zero value is a port of 127.0.0.1.
	TLS, UDP netip.AddrPort
	// Carrier is where calls to the carrier are sent, over UDP.
	Carrier netip.AddrPort
	// Media is the address of its RTP ports, on both sides; 127.0.0.1 where not valid.
	Media netip.Addr
	// Certificate is presented to the cloud: the leaf and its intermediates.
	// The cipher suites of these trunks need an RSA key. Provision changes it.
	Certificate tls.Certificate
	// Roots are the trust anchors for the cloud's certificates.
	Roots *x509.CertPool
	// HardFail refuses a cloud whose certificates name lists or responders from
	// which nothing good can be had; otherwise it goes on without them. One that
	// is found revoked is refused either way.
	HardFail bool
	// Proxies are the names of the region's proxies in the order in which they
	// are tried; Port is theirs, 5061 where 0.
	Proxies []string
	Port    uint16
	// Resolver is the DNS server that is asked for the proxies' addresses, and
	// for those of hosts that revocation lists come from.
	Resolver netip.AddrPort
	// TrunkGroup and TrunkContext go into the Request-URI towards the cloud
	// (RFC 4904); without the first both are left out.
	TrunkGroup, TrunkContext string
	// Timers bound what it waits for.
	Timers Timers
	// Mutant is the one defect that it has; empty or Control is none.
	Mutant Mutant
	// Now is the clock for certificates, DNS and down marks; nil is time.Now.
	Now func() time.Time
	// Rand feeds keys, tags and branches. It must be safe for concurrent use;
	// nil is crypto/rand.
	Rand io.Reader
	// Log is told why calls and connections fail; nil tells nobody.
	Log *slog.Logger

	ctx      context.Context // ends when the SBC stops
	cancel   context.CancelFunc
	tlsAddr  netip.AddrPort
	udpAddr  netip.AddrPort
	listener net.Listener
	packets  *net.UDPConn
	udp      *sipua.UDP
	cloud    *party
	carrier  *party
	names    *resolver
	proxies  []*proxy
	shows    atomic.Pointer[tls.Certificate] // what is presented, as it is presented
	shaking  atomic.Int64                    // handshakes with callers that go on
	rulings  rulings
	work     sync.WaitGroup

	clearPort uint16 // where proxies would speak SIP without TLS

	mu      sync.Mutex
	closing bool
	conns   map[net.Conn]struct{}
	pin     []byte // the key that a mutant that pins keeps to
}

// Timers are the bounds of an SBC. 0 means the default.
type Timers struct {
	// Resolve bounds a DNS query (1 s), Connect a TCP connect (1 s), Handshake a
	// TLS handshake as client up to the verification of the proxy's certificate,
	// and again from there (1 s); Fetch all that is fetched in between, of lists
	// and OCSP responses (1 s).
	Resolve, Connect, Handshake, Fetch time.Duration
	// FirstResponse is how long an INVITE waits for any response, 100 included,
	// before the call goes to the next proxy (2 s).
	FirstResponse time.Duration
	// MarkDown is how long a proxy is passed over that could not be reached or
	// gave no response (30 s). If all are, calls get 503 at once.
	MarkDown time.Duration
	// Options is the interval of OPTIONS to every proxy; 0 sends none.
	Options time.Duration
	// Slow is how long the mutants SlowHandshake and SlowUnderLoad wait (700 ms).
	Slow time.Duration
	// Clear is how long the mutants that fall back to SIP without TLS wait there
	// for an answer (200 ms).
	Clear time.Duration
}

var errClosing = errors.New("the SBC is stopping")

// Start opens the ports. On an error nothing stays open. An SBC can be started once.
func (s *SBC) Start() error {
	if err := s.check(); err != nil {
		return fmt.Errorf("starting the reference SBC: %w", err)
	}
	if s.shows.Load() == nil { // else Provision was quicker
		if err := s.Provision(s.Certificate); err != nil {
			return fmt.Errorf("starting the reference SBC: %w", err)
		}
	}
	s.defaults()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(s.TLS))
	if err != nil {
		return fmt.Errorf("starting the reference SBC: opening its TLS port: %w", err)
	}
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.UDP))
	if err != nil {
		l.Close()
		return fmt.Errorf("starting the reference SBC: opening its UDP port: %w", err)
	}
	s.listener, s.packets = l, pc
	s.tlsAddr, s.udpAddr = l.Addr().(*net.TCPAddr).AddrPort(), pc.LocalAddr().(*net.UDPAddr).AddrPort()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.conns = map[net.Conn]struct{}{}
	s.names = &resolver{server: s.Resolver, timeout: s.Timers.Resolve, now: s.now}
	for _, name := range s.Proxies {
		s.proxies = append(s.proxies, &proxy{name: name})
	}
	const product = "byocheck reference SBC"
	s.cloud = newParty(&sipua.Agent{Leg: "cloud", Product: product, Rand: s.Rand, Incoming: s.fromCloud, Reconnect: s.reconnect}, s.Now)
	s.carrier = newParty(&sipua.Agent{Leg: "carrier", Product: product, Rand: s.Rand, Incoming: s.fromCarrier}, s.Now)
	s.udp = s.carrier.agent.UDP(pc, record.Origin{Conn: s.carrier.recorder.NextConn()})
	s.work.Go(func() { s.cloud.forget(s.ctx) })
	s.work.Go(func() { s.carrier.forget(s.ctx) })
	s.work.Go(s.udp.Serve)
	s.work.Go(func() { s.accept(s.serverConfig()) })
	if s.Timers.Options > 0 {
		s.work.Go(s.keepAlive)
	}
	return nil
}

func (s *SBC) check() error {
	switch {
	case s.ctx != nil:
		return errors.New("it was started before; make a new one")
	case !s.Mutant.known():
		return fmt.Errorf("choosing its defect: no mutant is called %q", s.Mutant)
	case s.Mutant.buildable() != nil:
		return fmt.Errorf("making the mutant %s: %w", s.Mutant, s.Mutant.buildable())
	case !s.Carrier.IsValid():
		return errors.New("field Carrier is not set: where are calls to the carrier sent?")
	case len(s.Certificate.Certificate) == 0 && s.shows.Load() == nil:
		return errors.New("field Certificate is not set: what does it present to the cloud?")
	case s.Roots == nil:
		return errors.New("field Roots is not set: which roots of the cloud does it trust?")
	case len(s.Proxies) == 0:
		return errors.New("field Proxies is empty: name at least one")
	case !s.Resolver.IsValid():
		return errors.New("field Resolver is not set: which DNS server knows the proxies?")
	}
	return nil
}

func (s *SBC) defaults() {
	local := netip.MustParseAddr("127.0.0.1")
	if !s.TLS.IsValid() {
		s.TLS = netip.AddrPortFrom(local, 0)
	}
	if !s.UDP.IsValid() {
		s.UDP = netip.AddrPortFrom(local, 0)
	}
	if !s.Media.IsValid() {
		s.Media = local
	}
	if s.Port == 0 {
		s.Port = 5061
	}
	if s.clearPort == 0 {
		s.clearPort = 5060 // RFC 3261 19.1.2
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	for _, t := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&s.Timers.Resolve, time.Second}, {&s.Timers.Connect, time.Second}, {&s.Timers.Handshake, time.Second}, {&s.Timers.Fetch, time.Second},
		{&s.Timers.FirstResponse, 2 * time.Second}, {&s.Timers.MarkDown, 30 * time.Second}, {&s.Timers.Slow, 700 * time.Millisecond},
		{&s.Timers.Clear, 200 * time.Millisecond},
	} {
		if *t.value == 0 {
			*t.value = t.usual
		}
	}
}

func (s *SBC) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// TLSAddr returns where the SBC takes calls from the cloud, once it is started.
func (s *SBC) TLSAddr() netip.AddrPort { return s.tlsAddr }

// UDPAddr returns where the SBC takes calls from the carrier, once it is started.
func (s *SBC) UDPAddr() netip.AddrPort { return s.udpAddr }

// take handles a call, unless the SBC is stopping, with a relay for its audio.
func (s *SBC) take(in *sipua.Call, handle func(*relay)) {
	taken := s.spawn(func() {
		r, err := s.openRelay()
		if err != nil {
			s.Log.Error("no audio for a call", "error", err)
			in.Reject(500, "Server Internal Error")
			return
		}
		defer r.close()
		handle(r)
	})
	if !taken {
		in.Reject(503, "Service Unavailable")
	}
}

// spawn runs f on a goroutine that Close waits for; false if the SBC is stopping.
func (s *SBC) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.work.Go(f)
	return true
}

// keep remembers a connection, so that Close ends it. If the SBC is stopping it
// closes the connection and returns false.
func (s *SBC) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		c.Close()
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// drop closes a connection and forgets it.
func (s *SBC) drop(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.Close()
}

// Close ends all calls, with BYE, CANCEL or a refusal, then all connections and
// ports, and returns when nothing is left running. It may be called more than
// once, and on an SBC that was not started.
func (s *SBC) Close() error {
	s.mu.Lock()
	if s.closing || s.ctx == nil {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	s.mu.Unlock()
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	var ends sync.WaitGroup
	ends.Go(func() { s.cloud.agent.HangUp(ctx) })
	ends.Go(func() { s.carrier.agent.HangUp(ctx) })
	ends.Wait()
	err := errors.Join(s.listener.Close(), s.packets.Close())
	s.mu.Lock()
	var open []net.Conn
	for c := range s.conns {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	s.work.Wait()
	return err
}
