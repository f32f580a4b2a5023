// Package simulator is the simulated BYOC Cloud region: four proxies with
// their certificates, SIP, SRTP and DNS, put together from the rooms below it.
// It can also be an Edge of BYOC Premises: one proxy that belongs to no region.
package simulator

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"byocheck/certs"
	"byocheck/certs/revocation"
	"byocheck/simulator/dns"
	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/region"
	"byocheck/simulator/sipua"
	"byocheck/simulator/transport"
)

// Cloud is a region. Its zero value plus Start works, on ports of 127.0.0.1
// that the kernel chooses. Fields are set before Start.
type Cloud struct {
	// Recorder receives the events; nil makes one of its own.
	Recorder *record.Recorder
	// Region is the one that is played; the zero value is use1.
	Region region.Region
	// Edge, if not empty, is the host name of the BYOC Premises Edge that is
	// played in place of a region: one proxy, and no name but its own.
	Edge string
	// Edition of the specification, older or newer (the default): it decides
	// which cipher suites are taken and offered, unless Suites says so.
	Edition string
	Suites  []uint16
	// MediaSecurity of the trunk: required (the default), optional, which offers
	// SRTP and accepts an offer of RTP, or off, which knows RTP only.
	MediaSecurity string
	// Authority makes the certificates; nil makes a lab in a temporary folder.
	Authority *certs.Authority
	// Authorities are those of the hierarchies that a face may name.
	Authorities map[certs.Hierarchy]*certs.Authority
	// Lists is where revocation lists and OCSP are served; the zero value is a
	// port of 127.0.0.1 that the kernel chooses. ListsAdvertise is the host:port
	// of the addresses in certificates; Lists where empty. NoLists serves none:
	// the certificates carry no addresses.
	Lists          netip.AddrPort
	ListsAdvertise string
	NoLists        bool
	// Listen are the proxies' addresses, lb01 first.
	Listen []netip.AddrPort
	// Clear is the port of the proxies on which SIP without TLS would be spoken,
	// TCP and UDP; whoever tries is recorded and not answered. 0 is none.
	Clear uint16
	// Advertise goes into DNS, Via, Contact and Record-Route; Listen where empty.
	Advertise []netip.AddrPort
	// Media is the RTP address; it should not be one of the proxies'.
	Media netip.Addr
	// DNS is where the region's zones are served; not valid serves none.
	DNS netip.AddrPort
	// DNSFallback takes another port where that of DNS cannot be had.
	DNSFallback bool
	// TTL of the region's DNS answers; 0 means 1 s, so that a change is seen soon.
	TTL time.Duration
	// Scheme of the cloud's URIs: sip (the default, with ;transport=tls) or sips.
	Scheme string
	// Sources are where the device connects from; empty accepts everybody.
	Sources []netip.Prefix
	// Device is where calls to the device are dialled, Target the host by
	// which they name it, in the Request-URI and in SNI.
	Device netip.AddrPort
	Target string
	// DeviceRoots are the lab's own trust anchors for the device's certificate, DER.
	DeviceRoots [][]byte
	// Offline: nothing is fetched to learn about the device's certificate.
	Offline bool
	// Match is how many last digits identify a call; 0 means 7.
	Match int
	// ConnectTimeout bounds a TCP connect; 0 means 5 s.
	ConnectTimeout time.Duration
	// Handshake is the deadline of a TLS handshake where a face has it on; 0 means 500 ms.
	Handshake time.Duration

	// AnswerAll answers every call, whoever expects it or not: the device hears
	// a tone until it hangs up.
	AnswerAll bool

	server    transport.Server
	agent     *sipua.Agent
	side      leg.Side
	reception leg.Reception
	names     *dns.Server
	lists     *revocation.Server
	tripwire  *transport.Tripwire
	issuers   []string       // the names of all issuers so far
	shown     map[Face]shown // what each face shows, once it was shown
	next      atomic.Uint64  // rotates the proxy that outbound calls come from
	temporary string

	mu       sync.Mutex
	closed   bool          // no link is opened any more
	stopping chan struct{} // closed with it
	links    map[*Link]struct{}
	work     sync.WaitGroup
}

// Start opens all ports and shows the healthy face. On an error nothing stays open.
func (c *Cloud) Start() (err error) {
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err := c.defaults(); err != nil {
		return err
	}
	c.shown, c.links, c.stopping = map[Face]shown{}, map[*Link]struct{}{}, make(chan struct{})
	if err := c.startLists(); err != nil {
		return err
	}
	c.reception.Match = c.Match
	incoming := c.reception.Incoming
	if c.AnswerAll {
		incoming = func(call *sipua.Call) { c.Answer(call) } // a refused offer is recorded
	}
	c.agent = &sipua.Agent{
		Recorder: c.Recorder, Leg: "cloud", Product: "byocheck simulated cloud", RecordRoute: true, Scheme: c.Scheme,
		Incoming: incoming,
		Reconnect: func(ctx context.Context, old *sipua.Flow) (*sipua.Flow, error) {
			l, err := c.Dial(ctx, c.index(old.Origin().Proxy))
			if err != nil {
				return nil, err
			}
			return l.Flow, nil
		},
	}
	c.side = leg.Side{Name: "cloud", Recorder: c.Recorder, Agent: c.agent, Media: c.Media,
		Secure: c.MediaSecurity != "off", Optional: c.MediaSecurity == "optional", SendHz: leg.CloudHz, ExpectHz: leg.CarrierHz}
	c.server = transport.Server{Recorder: c.Recorder, Listen: c.Listen, Sources: c.Sources, Accept: c.accept}
	if c.Edge != "" {
		c.server.Names = []string{"edge"}
	}
	face, err := c.face(Face{})
	if err != nil {
		return err
	}
	if err := c.server.Start(face); err != nil {
		return err
	}
	// Nothing that serves a connection reads Listen: some may stand already.
	for i := range c.Listen {
		c.Listen[i] = c.server.Addr(i)
	}
	if err := c.startTripwire(); err != nil {
		return err
	}
	return c.startDNS()
}

// startTripwire listens on the proxies' port for SIP without TLS.
func (c *Cloud) startTripwire() error {
	if c.Clear == 0 {
		return nil
	}
	w := &transport.Tripwire{Recorder: c.Recorder, Sources: c.Sources, Generation: c.Generation}
	for i, l := range c.Listen {
		at := netip.AddrPortFrom(l.Addr(), c.Clear)
		if slices.Contains(w.Listen, at) { // one address, four ports
			continue
		}
		w.Listen, w.Names = append(w.Listen, at), append(w.Names, c.server.Names[i])
	}
	if err := w.Start(); err != nil {
		return err
	}
	c.tripwire = w
	return nil
}

// SeesCleartext reports whether SIP without TLS would be noticed.
func (c *Cloud) SeesCleartext() bool { return c.tripwire != nil }

func (c *Cloud) defaults() error {
	if c.Recorder == nil {
		c.Recorder = &record.Recorder{}
	}
	hierarchy := certs.HighAssuranceEV
	if c.Edge != "" {
		hierarchy, c.Region = certs.Organisation, region.Region{}
	} else if c.Region.Code == "" {
		r, err := region.Lookup("use1")
		if err != nil {
			return err
		}
		c.Region = r
	}
	if c.Authority == nil {
		dir, err := os.MkdirTemp("", "byocheck-lab-")
		if err != nil {
			return fmt.Errorf("making a temporary lab: %w", err)
		}
		c.temporary = dir
		lab, err := certs.Open(dir+"/state", certs.Options{})
		if err != nil {
			return err
		}
		if c.Authority, err = lab.NewAuthority(hierarchy); err != nil {
			return err
		}
	}
	for len(c.Listen) < len(c.Hosts()) {
		c.Listen = append(c.Listen, netip.MustParseAddrPort("127.0.0.1:0"))
	}
	if !c.Media.IsValid() {
		c.Media = netip.MustParseAddr("127.0.0.1")
	}
	if c.TTL == 0 {
		c.TTL = time.Second
	}
	if c.Handshake == 0 {
		c.Handshake = transport.HandshakeDeadline
	}
	return nil
}

func (c *Cloud) now() time.Time {
	if c.Recorder.Now != nil {
		return c.Recorder.Now()
	}
	return time.Now()
}

func (c *Cloud) startDNS() error {
	if !c.DNS.IsValid() {
		return nil
	}
	hosts := map[string][]netip.Addr{}
	for i, name := range c.Hosts() {
		hosts[name] = []netip.Addr{c.advertised(i).Addr()}
	}
	services := map[string][]dns.SRV{}
	if domain := c.Region.SRVDomain.Value; domain != "" {
		for i, name := range c.Hosts() {
			services["_sips._tcp."+domain] = append(services["_sips._tcp."+domain], dns.SRV{Priority: 10, Weight: 10, Port: c.advertised(i).Port(), Target: name})
		}
	}
	s, err := dns.Start(dns.Config{
		Listen: c.DNS.String(), FallbackPort: c.DNSFallback, Zones: c.Zones(), Hosts: hosts,
		Services: services, TTL: c.TTL, Now: c.Recorder.Now,
		OnQuery: func(q dns.Query) {
			c.Recorder.EmitAt(record.Origin{}, record.DNSQuery{Name: q.Name, Type: q.Type, Rcode: q.Rcode,
				Answers: q.Answers, Client: q.Client.String(), Transport: q.Transport}, q.At)
		},
	})
	if err != nil {
		return err
	}
	c.names = s
	c.DNS = s.Addr()
	return nil
}

// MoveNames lets the name of each proxy lead to the address of the next one, by
// steps places, and records it; 0 puts all back. ok is false where there is no
// DNS or only one proxy, or where they share an address, so that names cannot be
// moved.
func (c *Cloud) MoveNames(steps int) (ok bool) {
	if c.names == nil || len(c.Hosts()) < 2 || c.advertised(0).Addr() == c.advertised(1).Addr() {
		return false
	}
	n := len(c.Listen)
	for i, name := range c.Hosts() {
		to := (i + steps) % n
		if err := c.names.Set(name, []netip.Addr{c.advertised(to).Addr()}); err != nil {
			return false
		}
		c.Recorder.Emit(record.Origin{}, record.DNSChange{Name: name, Address: c.advertised(to).Addr().String(), Proxy: c.server.Names[to]})
	}
	return true
}

// Hosts returns the names of the proxies, lb01 first, or the Edge's own.
func (c *Cloud) Hosts() []string {
	if c.Edge != "" {
		return []string{c.Edge}
	}
	return slices.Clone(c.Region.Proxies.Value)
}

// Names returns all names that the certificates are for: the proxies', and the
// SRV domain; those of an Edge are its own alone.
func (c *Cloud) Names() []string {
	if c.Edge != "" {
		return c.Hosts()
	}
	return append(c.Hosts(), c.Region.SRVDomain.Value)
}

// Zones returns the DNS zones that are served: the region's, or an Edge's own
// name, since the rest of its domain is the customer's.
func (c *Cloud) Zones() []string {
	if c.Edge != "" {
		return c.Hosts()
	}
	return c.Region.Zones()
}

// Offers returns the cipher suites that are taken and offered.
func (c *Cloud) Offers() []uint16 {
	if len(c.Suites) > 0 {
		return slices.Clone(c.Suites)
	}
	return transport.EditionSuites(c.Edition)
}

// Show swaps the face, then closes the connections that the device opened
// before. It returns the generation that begins. It must not be called from
// two goroutines at once.
func (c *Cloud) Show(f Face) (int, error) {
	face, err := c.face(f)
	if err != nil {
		return 0, err
	}
	return c.server.Show(face)
}

// Generation returns that of the face now shown.
func (c *Cloud) Generation() int { return c.server.Generation() }

// Close ends everything and waits for it. Calls should be hung up before.
func (c *Cloud) Close() {
	c.server.Close()
	c.mu.Lock()
	if !c.closed && c.stopping != nil {
		close(c.stopping)
	}
	c.closed = true
	var open []*Link
	for l := range c.links {
		open = append(open, l)
	}
	c.mu.Unlock()
	for _, l := range open {
		l.Close("the simulator stops")
	}
	c.work.Wait()
	if c.names != nil {
		c.names.Close()
	}
	if c.lists != nil {
		c.lists.Close()
	}
	if c.tripwire != nil {
		c.tripwire.Close()
	}
	if c.temporary != "" {
		os.RemoveAll(c.temporary)
	}
}

// accept serves a connection that the device opened, until it ends.
func (c *Cloud) accept(conn *transport.Conn) {
	f := c.agent.Stream(conn, conn.Origin, c.advertised(c.index(conn.Origin.Proxy)).String(), conn.Shut)
	f.Serve(conn)
}

// index returns the proxy of that name in recordings.
func (c *Cloud) index(proxy string) int { return max(0, slices.Index(c.server.Names, proxy)) }

// advertised is the address under which a proxy is reached.
func (c *Cloud) advertised(proxy int) netip.AddrPort {
	if proxy < len(c.Advertise) {
		return c.Advertise[proxy]
	}
	return c.server.Addr(proxy)
}

// HangUp ends all calls.
func (c *Cloud) HangUp(ctx context.Context) { c.agent.HangUp(ctx) }

// Expect makes calls to the number wait for Answer.
func (c *Cloud) Expect(number string) (*leg.Expected, error) { return c.reception.Expect(number) }

// Answer accepts a call of the device.
func (c *Cloud) Answer(call *sipua.Call) (*leg.Leg, error) {
	l, err := c.side.Answer(call)
	if err == nil {
		c.release(call, 0)
	}
	return l, err
}
