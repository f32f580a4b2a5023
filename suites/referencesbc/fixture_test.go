package referencesbc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/miekg/dns"

	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// The timers of RFC 3261 are the process's: a tenth of the real ones.
func TestMain(m *testing.M) {
	sip.SetTimers(50*time.Millisecond, 400*time.Millisecond, 500*time.Millisecond)
	os.Exit(m.Run())
}

const (
	toCloud   = "+13175550100"
	toCarrier = "+13175550123"
	from      = "+13175550199"
)

// bounded returns a context that no test should outlive.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// state of a proxy's port.
type state int

const (
	listening   state = iota
	refusing          // closes at once; the port of a proxy that is down answers the same, RST
	noHandshake       // accepts TCP and says nothing
	mute              // does the handshake and answers no SIP
	stalling          // begins the handshake and does not end it
)

// stalled lets the first flight of a server through, and nothing after it.
type stalled struct {
	net.Conn
	flights int
}

// Write implements net.Conn.
func (s *stalled) Write(b []byte) (int, error) {
	if s.flights++; s.flights > 1 {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

// fakeProxy is a proxy of the cloud on a socket of its own.
type fakeProxy struct {
	name     string
	listener net.Listener

	mu     sync.Mutex
	state  state
	shows  tls.Certificate
	hellos []tls.ClientHelloInfo
	conns  []net.Conn
	failed []error
	tries  int // TCP connections
}

// world is the SBC between a fake cloud and a fake carrier.
type world struct {
	t        testing.TB
	sbc      *SBC
	cloud    leg.Side
	carrier  leg.Side
	udp      *sipua.UDP
	proxies  []*fakeProxy
	region   fakeDNS
	atCloud  chan *sipua.Call // calls that came there
	atTrunk  chan *sipua.Call // calls that came to the carrier
	cloudRec *record.Recorder
	skipped  atomic.Int64 // ns that the SBC's clock is ahead
	work     sync.WaitGroup

	presented []*x509.Certificate // by the SBC, at the last dial
}

// build makes a world; set changes the SBC before it is started.
func build(t testing.TB, set func(*SBC)) *world {
	w := &world{t: t, atCloud: make(chan *sipua.Call, 16), atTrunk: make(chan *sipua.Call, 16), cloudRec: &record.Recorder{}}
	local := netip.MustParseAddr("127.0.0.1")
	cloud := &sipua.Agent{Recorder: w.cloudRec, Leg: "cloud", RecordRoute: true, Incoming: func(c *sipua.Call) { w.atCloud <- c }}
	w.cloud = leg.Side{Name: "cloud", Recorder: w.cloudRec, Agent: cloud, Media: local, Secure: true, SendHz: leg.CloudHz, ExpectHz: leg.CarrierHz}
	rec := &record.Recorder{}
	carrier := &sipua.Agent{Recorder: rec, Leg: "carrier", Incoming: func(c *sipua.Call) { w.atTrunk <- c }}
	w.carrier = leg.Side{Name: "carrier", Recorder: rec, Agent: carrier, Media: local, SendHz: leg.CarrierHz, ExpectHz: leg.CloudHz}
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	w.udp = carrier.UDP(pc, record.Origin{Conn: 1})
	w.work.Go(w.udp.Serve)
	t.Cleanup(func() { pc.Close(); w.work.Wait() })

	port := w.openProxies()
	w.region.start(t)
	s := &SBC{
		Carrier: pc.LocalAddr().(*net.UDPAddr).AddrPort(), Certificate: shown{dns: []string{"sbc.customer.test"}}.chain(t),
		Roots: trusted(t), Port: port, Resolver: w.region.addr, TrunkGroup: "lab", TrunkContext: "byoc.example.test",
		Timers: Timers{Handshake: 5 * time.Second, Connect: 5 * time.Second, FirstResponse: 5 * time.Second},
		Now:    func() time.Time { return time.Now().Add(time.Duration(w.skipped.Load())) },
	}
	for i, p := range w.proxies {
		s.Proxies = append(s.Proxies, p.name)
		w.region.set(p.name, netip.MustParseAddr(fmt.Sprintf("127.0.41.%d", i+1)), 5)
	}
	if set != nil {
		set(s)
	}
	must(t, s.Start())
	w.sbc = s
	t.Cleanup(func() { must(t, s.Close()) })
	return w
}

// openProxies opens one port on four addresses.
func (w *world) openProxies() uint16 {
	for range 50 {
		port, ok := uint16(0), true
		for i := range 4 {
			l, err := net.Listen("tcp4", fmt.Sprintf("127.0.41.%d:%d", i+1, port))
			if ok = err == nil; !ok {
				break
			}
			port = l.Addr().(*net.TCPAddr).AddrPort().Port()
			w.proxies = append(w.proxies, &fakeProxy{name: fmt.Sprintf("lb%02d.voice.example.test", i+1), listener: l})
		}
		if ok {
			break
		}
		for _, p := range w.proxies {
			p.listener.Close()
		}
		w.proxies = nil
	}
	if len(w.proxies) < 4 {
		w.t.Fatal("no port is free on all four addresses")
	}
	var names []string
	for _, p := range w.proxies {
		names = append(names, p.name)
	}
	good := shown{dns: names}.chain(w.t)
	for _, p := range w.proxies {
		p.shows = good
		w.work.Go(func() { w.accept(p) })
		w.t.Cleanup(p.close)
	}
	return w.proxies[0].listener.Addr().(*net.TCPAddr).AddrPort().Port()
}

func (p *fakeProxy) close() {
	p.listener.Close()
	p.hangUp()
}

// hangUp closes the connections.
func (p *fakeProxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *fakeProxy) set(s state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
}

func (p *fakeProxy) show(c tls.Certificate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shows = c
}

// tried returns how many connections were made to the proxy.
func (p *fakeProxy) tried() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries
}

func (p *fakeProxy) hello() tls.ClientHelloInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.hellos) == 0 {
		return tls.ClientHelloInfo{}
	}
	return p.hellos[len(p.hellos)-1]
}

func (w *world) accept(p *fakeProxy) {
	for {
		tcp, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.tries++
		p.conns = append(p.conns, tcp)
		state, shows := p.state, p.shows
		p.mu.Unlock()
		if state == refusing {
			tcp.(*net.TCPConn).SetLinger(0)
			tcp.Close()
		}
		if state == refusing || state == noHandshake {
			continue
		}
		w.work.Go(func() { w.serve(p, tcp, state, shows) })
	}
}

func (w *world) serve(p *fakeProxy, tcp net.Conn, state state, shows tls.Certificate) {
	if state == stalling {
		tcp = &stalled{Conn: tcp}
	}
	conn := tls.Server(tcp, &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
		CipherSuites: suites, CurvePreferences: curves, Certificates: []tls.Certificate{shows},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.hellos = append(p.hellos, *h)
			return nil, nil
		}})
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		p.mu.Lock()
		p.failed = append(p.failed, err)
		p.mu.Unlock()
		return
	}
	if state == mute || state == stalling {
		buf := make([]byte, 4096)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}
	origin := record.Origin{Conn: w.cloudRec.NextConn(), Proxy: p.name}
	w.cloud.Agent.Stream(conn, origin, p.listener.Addr().String(), func(string) { conn.Close() }).Serve(conn)
}

// dial opens a connection from the cloud to the SBC, whatever it presents.
func (w *world) dial() (*sipua.Flow, error) {
	conn, err := tls.Dial("tcp", w.sbc.TLSAddr().String(), &tls.Config{ServerName: "sbc.customer.test", InsecureSkipVerify: true,
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384}})
	if err != nil {
		return nil, err
	}
	w.presented = conn.ConnectionState().PeerCertificates
	origin := record.Origin{Conn: w.cloudRec.NextConn(), Proxy: "lb03.voice.example.test"}
	f := w.cloud.Agent.Stream(conn, origin, "127.0.41.3:5061", func(string) { conn.Close() })
	w.work.Go(func() { f.Serve(conn) })
	w.t.Cleanup(func() { conn.Close() })
	return f, nil
}

func (w *world) toSBC() *sipua.Flow { return w.udp.To(w.sbc.UDPAddr()) }

// reach calls the SBC from one side and waits for the answer.
func reach(ctx context.Context, side *leg.Side, f *sipua.Flow, to string) (*leg.Leg, error) {
	return side.Dial(ctx, f, sipua.Invitation{To: to, From: from, Host: "sbc.customer.test"})
}

// expect returns the next call on a side.
func (w *world) expect(calls chan *sipua.Call) *sipua.Call {
	w.t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(10 * time.Second):
		w.t.Fatal("no call came")
		return nil
	}
}

// skip sets the SBC's clock forward.
func (w *world) skip(d time.Duration) { w.skipped.Add(int64(d)) }

// call places a call from the carrier and returns the final status; calls that
// come to the cloud are answered by take.
func (w *world) call(take func(*sipua.Call)) int {
	w.t.Helper()
	ctx := bounded(w.t)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case c := <-w.atCloud:
				take(c)
			case <-stop:
				return
			}
		}
	}()
	l, err := reach(ctx, &w.carrier, w.toSBC(), toCloud)
	close(stop)
	<-done
	if err != nil {
		var rejected *sipua.Rejected
		if !errors.As(err, &rejected) {
			w.t.Fatal(err)
		}
		return rejected.Status
	}
	must(w.t, l.HangUp(ctx))
	return 200
}

// answer takes a call at the cloud.
func (w *world) answer(c *sipua.Call) { w.cloud.Answer(c) }

// over waits for the end of a call.
func over(t testing.TB, c *sipua.Call) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the call is not over")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settled waits until the number of goroutines is no more than before.
func settled(t testing.TB, before int) {
	t.Helper()
	end := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// fakeDNS answers A queries.
type fakeDNS struct {
	addr netip.AddrPort

	mu    sync.Mutex
	known map[string]string // zone file lines by name
	asked int
}

func (d *fakeDNS) start(t testing.TB) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	d.addr = pc.LocalAddr().(*net.UDPAddr).AddrPort()
	ready := make(chan struct{})
	server := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(d.handle), NotifyStartedFunc: func() { close(ready) }}
	go server.ActivateAndServe()
	<-ready
	t.Cleanup(func() { server.Shutdown() })
}

func (d *fakeDNS) set(name string, addr netip.Addr, ttl int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[string]string{}
	}
	d.known[name+"."] = fmt.Sprintf("%s. %d IN A %s", name, ttl, addr)
}

func (d *fakeDNS) handle(w dns.ResponseWriter, q *dns.Msg) {
	d.mu.Lock()
	d.asked++
	line, ok := d.known[strings.ToLower(q.Question[0].Name)]
	d.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	if !ok {
		m.Rcode = dns.RcodeNameError
	} else if rr, err := dns.NewRR(line); err == nil {
		m.Answer = []dns.RR{rr}
	}
	w.WriteMsg(m)
}

// serveClear lets the cloud take calls without TLS.
func (w *world) serveClear(l net.Listener, pc *net.UDPConn) {
	u := w.cloud.Agent.UDP(pc, record.Origin{Conn: w.cloudRec.NextConn(), Proxy: "clear"})
	w.work.Go(u.Serve)
	w.work.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		w.cloud.Agent.Stream(c, record.Origin{Conn: w.cloudRec.NextConn(), Proxy: "clear"}, l.Addr().String(), func(string) { c.Close() }).Serve(c)
	})
	w.t.Cleanup(func() { pc.Close(); l.Close() })
}
