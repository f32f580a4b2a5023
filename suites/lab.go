package suites

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"byocheck/certs"
	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/trigger"
	"byocheck/simulator/carrier"
	"byocheck/simulator/record"
	"byocheck/simulator/region"
	"byocheck/suites/config"
	"byocheck/suites/referencesbc"
)

// Resolver looks up the addresses of the target where connect does not say
// them. It is injected: nothing in the kit asks the system's resolver by itself.
type Resolver func(ctx context.Context, host string) ([]netip.Addr, error)

// Complete checks the configuration against what this program knows, and finds
// the device's address. It contacts nobody but the resolver.
func Complete(ctx context.Context, c *config.Config, resolve Resolver) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if _, err := Region(c); err != nil {
		return err
	}
	if _, err := ciphers(c); err != nil {
		return err
	}
	for feature := range c.Declared {
		if !slices.Contains(judge.Features(), feature) {
			return c.Errorf("declared."+feature, "no scenario depends on it; write one of %s", strings.Join(judge.Features(), ", "))
		}
	}
	if !c.Connect.IsValid() {
		if resolve == nil {
			return c.Errorf("connect", "missing; write the device's address and port, such as connect: 192.0.2.10:%d", c.Target.Port)
		}
		addrs, err := resolve(ctx, c.Target.Host)
		if err == nil && len(addrs) == 0 {
			err = errors.New("the answer is empty")
		}
		if err != nil {
			return c.Errorf("target", "the name %s has no address that can be found here (%w); correct it, or give connect with the device's address and port", c.Target.Host, err)
		}
		c.Connect = netip.AddrPortFrom(addrs[0].Unmap(), c.Target.Port)
		if err := c.Validate(); err != nil { // what could not be checked without the address
			return err
		}
	}
	if len(c.Device.Sources) == 0 {
		c.Device.Sources = []netip.Prefix{netip.PrefixFrom(c.Connect.Addr(), c.Connect.Addr().BitLen())}
	}
	return nil
}

// Region returns the region of the configuration, with what it overrides.
func Region(c *config.Config) (region.Region, error) {
	r, err := region.Lookup(c.Region)
	if err != nil {
		return r, c.Errorf("region", "%w", err)
	}
	if c.Root != "" && !slices.Contains(region.Roots(), region.Root(c.Root)) {
		return r, c.Errorf("root", "there is no root %q; write one of %v", c.Root, region.Roots())
	}
	if r, err = r.Override(c.SRVDomain, region.Root(c.Root)); err != nil {
		return r, c.Errorf("srv-domain", "%w", err)
	}
	return r, nil
}

// lab is everything that a run opens.
type lab struct {
	stage    *scenarios.Stage
	notes    []string // what the user should know of how the lab was set up
	recorder *record.Recorder
	home     *certs.Lab
	slow     time.Duration // how long the mutant slow-handshake waits; 0 is a little above the deadline
	watch    *watcher
	// reference is the device of a run without a target.
	reference *referencesbc.SBC
	jitter    float64 // the greatest lateness of ours that a scenario measured, in ms
}

// open puts the lab together. On an error nothing stays open.
func open(c config.Config, tell func(string, ...any)) (*lab, error) {
	if err := carriesMedia(&c, "media", c.Media); err != nil {
		return nil, err
	}
	home, err := certs.Open(c.State, certs.Options{})
	if err != nil {
		return nil, err
	}
	cloud, err := newCloud(&c, home)
	if err != nil {
		return nil, err
	}
	watch := &watcher{say: tell}
	rec := &record.Recorder{Watch: watch.see}
	heard := tell
	tell = func(format string, args ...any) {
		watch.flush(true) // what the device did before comes first
		heard(format, args...)
	}
	cloud.Recorder, cloud.Clear, cloud.NoLists = rec, clearPort(c), !c.TellsRevocation()
	cloud.Device, cloud.Target, cloud.DeviceRoots, cloud.Offline = c.Connect, c.Target.Host, [][]byte{home.DeviceRoot().Raw}, c.Offline
	cloud.Match, cloud.ConnectTimeout = c.Numbers.Match, c.Timeouts.Connect
	if err := cloud.Start(); err != nil {
		return nil, err
	}
	l := &lab{home: home, recorder: rec, watch: watch}
	if cloud.DNS != c.DNS {
		l.notes = append(l.notes, fmt.Sprintf("DNS answers on %s: %s cannot be had (in use, or a port below 1024 needs root)", cloud.DNS, c.DNS))
	}
	s := &scenarios.Stage{
		Recorder: rec, Cloud: cloud, Edition: c.Edition, Roots: [][]byte{home.DeviceRoot().Raw},
		Inbound: c.Numbers.Inbound, Outbound: c.Numbers.Outbound,
		InboundExpected: c.Numbers.InboundExpected, OutboundExpected: c.Numbers.OutboundExpected,
		MissingInbound: c.MissingForInbound(), MissingOutbound: c.MissingForOutbound(), Declared: c.Declared,
		Attempt: c.Timeouts.Attempt, CallTime: c.Timeouts.Call, Recovery: c.Device.Recovery, Tell: tell,
		Handshakes: c.Handshakes.Count, Parallel: c.Handshakes.Parallel,
	}
	if c.Device.Reset != "" {
		s.Reset = func(ctx context.Context) error {
			_, err := trigger.Run(ctx, c.Device.Reset, c.Dir)
			return err
		}
	}
	if err := l.provisioning(c, s); err != nil {
		cloud.Close()
		return nil, err
	}
	for _, r := range c.Trigger {
		if r.Kind == config.CarrierCall {
			s.CarrierCalls = !c.Carrier.None
			continue
		}
		if !c.OutboundOnly() { // else nothing that the device did could reach us
			s.Ladder = append(s.Ladder, rung(r, c.Dir))
		}
	}
	if err := l.openCarrier(c, s); err != nil {
		cloud.Close()
		return nil, err
	}
	if len(s.Ladder) == 1 && s.Ladder[0] == (trigger.Patience{}) && (!s.CarrierCalls || len(s.MissingInbound) > 0) {
		l.notes = append(l.notes, "nothing makes the device call the cloud: only what it sends by itself is seen, and what to add to the configuration is said at the end")
	}
	l.stage = s
	return l, nil
}

// clearPort is where the proxies would take SIP without TLS, 0 where that port
// of theirs cannot be had: then the scenario about it says what it needs.
func clearPort(c config.Config) uint16 {
	const port = 5060 // RFC 3261 section 19.1.2
	listen, _ := c.Proxies()
	for _, l := range listen {
		at := netip.AddrPortFrom(l.Addr(), port)
		if at == c.Carrier.Listen || l.Port() == port {
			return 0
		}
		probe, err := net.Listen("tcp", at.String())
		if err != nil {
			return 0
		}
		probe.Close()
	}
	return port
}

func (l *lab) openCarrier(c config.Config, s *scenarios.Stage) error {
	// Without an address of the device's carrier side there is nobody to
	// exchange calls with, and no reason to open a port.
	if c.Carrier.None || !c.Carrier.Device.IsValid() {
		return nil
	}
	if err := carriesMedia(&c, "carrier.media", c.Carrier.Media); err != nil {
		return err
	}
	a := c.Carrier.Device.Addr()
	k := &carrier.Carrier{
		Recorder: l.recorder, Listen: c.Carrier.Listen, Device: c.Carrier.Device, Media: c.Carrier.Media,
		Sources: append(slices.Clone(c.Device.Sources), netip.PrefixFrom(a, a.BitLen())), Match: c.Numbers.Match,
	}
	if err := k.Start(); err != nil {
		return c.Errorf("carrier.listen", "%w", err)
	}
	s.Carrier = k
	return nil
}

// carriesMedia checks that an RTP port can be opened at an address: a call would
// find out too late, and look like the harness's fault.
func carriesMedia(c *config.Config, key string, a netip.Addr) error {
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return c.Errorf(key, "%s cannot be used (%w); write an address of this host", a, unwrapped(err))
	}
	return pc.Close()
}

func rung(r config.Rung, dir string) trigger.Rung {
	switch r.Kind {
	case config.Command:
		return trigger.Command{Line: r.Command, Dir: dir}
	case config.HTTP:
		return trigger.HTTP{Method: r.Method, URL: r.URL, Body: r.Body, Client: &http.Client{Transport: &http.Transport{Proxy: nil}}}
	case config.Prompt:
		return trigger.Prompt{Out: promptOut, Ask: "Make the device place a call to the cloud, or restart its trunk, now."}
	}
	return trigger.Patience{}
}

// promptOut is where a person is asked to act.
var promptOut io.Writer = io.Discard

// closing bounds the end of calls that are still up.
const closing = 5 * time.Second

// close hangs up what is still up, by BYE or CANCEL, then closes everything.
func (l *lab) close() {
	if l.reference != nil {
		l.reference.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	l.stage.Cloud.HangUp(ctx)
	if l.stage.Carrier != nil {
		l.stage.Carrier.HangUp(ctx)
		l.stage.Carrier.Close()
	}
	l.stage.Cloud.Close()
}

// Reachable checks that something accepts TCP connections at the device's
// address: a wrong address is a mistake of the set-up, not of the device.
func Reachable(ctx context.Context, c config.Config) error {
	d := net.Dialer{Timeout: c.Timeouts.Connect}
	conn, err := d.DialContext(ctx, "tcp", c.Connect.String())
	if err == nil {
		defer conn.Close()
		return speaksTLS(ctx, conn, c)
	}
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNRESET): // somebody is there; what it does is for the scenarios to judge
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("reaching the device %s at %s: nothing listens there (%w); check the port, and that the device's TLS listener is up", c.Target, c.Connect, unwrapped(err))
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("reaching the device %s at %s: no answer within %v; check target, connect, routing and firewalls", c.Target, c.Connect, c.Timeouts.Connect)
	}
	return fmt.Errorf("reaching the device %s at %s: %w; check target, connect, routing and firewalls", c.Target, c.Connect, unwrapped(err))
}

// speaksTLS refuses a listener that answers a ClientHello with what is no TLS
// record: its port is another one. All else is for the scenarios to judge.
func speaksTLS(ctx context.Context, conn net.Conn, c config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, min(c.Timeouts.Connect, time.Second))
	defer cancel()
	var no tls.RecordHeaderError
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx); !errors.As(err, &no) {
		return nil
	}
	return fmt.Errorf("reaching the device %s at %s: what listens there speaks no TLS (its answer to a ClientHello begins %q); check the port: SIP over TLS has 5061 as a rule", c.Target, c.Connect, no.RecordHeader[:])
}

// unwrapped returns the innermost error: what the system said.
func unwrapped(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
