package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites/config"
)

func load(t *testing.T, yaml string) config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComplete(t *testing.T) {
	found := func(addrs ...string) Resolver {
		return func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "sbc.customer.test" {
				return nil, errors.New("asked for " + host)
			}
			var out []netip.Addr
			for _, a := range addrs {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, nil
		}
	}
	failing := func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	unwanted := func(_ context.Context, host string) ([]netip.Addr, error) {
		t.Errorf("%s is looked up although its address is given", host)
		return nil, nil
	}
	const lo = "target: 127.0.0.20\n"
	for _, tt := range []struct {
		name, file string
		resolve    Resolver
		connect    string
		sources    []string
		err        string // what follows the name of the file, or all of it
	}{
		{"an address", lo, unwanted, "127.0.0.20:5061", []string{"127.0.0.20/32"}, ""},
		{"a name with connect", "target: sbc.customer.test:5071\nconnect: 127.0.0.20:5072\n", unwanted, "127.0.0.20:5072", []string{"127.0.0.20/32"}, ""},
		{"a name", "target: sbc.customer.test:5071\n", found("127.0.0.21", "127.0.0.22"), "127.0.0.21:5071", []string{"127.0.0.21/32"}, ""},
		{"a name with sources", "target: sbc.customer.test\ndevice: {sources: [127.0.0.0/8]}\n", found("127.0.0.21"), "127.0.0.21:5061", []string{"127.0.0.0/8"}, ""},
		{"an IPv4 address in IPv6 form", "target: sbc.customer.test\n", found("::ffff:127.0.0.21"), "127.0.0.21:5061", []string{"127.0.0.21/32"}, ""},
		{"a name beyond loopback", "target: sbc.customer.test\n", found("192.0.2.9"), "192.0.2.9:5061", []string{"192.0.2.9/32"}, ""},
		{"a name of a proxy's own address", "target: sbc.customer.test\n", found("127.0.1.3"), "", nil,
			"connect: 127.0.1.3:5061 is also the address of lb03 in listen; write the device's own address"},
		{"a name that is not found", "target: sbc.customer.test\n", failing, "", nil,
			":1:9: target: the name sbc.customer.test has no address that can be found here (no such host); correct it, or give connect with the device's address and port"},
		{"a name without addresses", "target: sbc.customer.test\n", found(), "", nil,
			":1:9: target: the name sbc.customer.test has no address that can be found here (the answer is empty); correct it, or give connect with the device's address and port"},
		{"nobody to ask", "target: sbc.customer.test:5071\n", nil, "", nil,
			"connect: missing; write the device's address and port, such as connect: 192.0.2.10:5071"},
		{"no target", "region: use1\n", unwanted, "", nil, "target: missing; "},
		{"unknown region", lo + "region: mars1\n", unwanted, "", nil, ":2:9: region: "},
		{"declared", lo + "declared:\n  calls-to-cloud: a trunk for outbound calls\n", unwanted, "127.0.0.20:5061", []string{"127.0.0.20/32"}, ""},
		{"unknown feature", lo + "declared:\n  calls-to-clod: a trunk for outbound calls\n", unwanted, "", nil,
			":3:3: declared.calls-to-clod: no scenario depends on it; write one of calls-from-cloud, calls-to-cloud"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, tt.file)
			err := Complete(t.Context(), &c, tt.resolve)
			if tt.err != "" {
				if err == nil {
					t.Fatalf("no error, want %s", tt.err)
				}
				_, place, _ := strings.Cut(err.Error(), "b.yaml")
				if !strings.HasPrefix(err.Error(), tt.err) && !strings.HasPrefix(place, tt.err) {
					t.Errorf("\ngot:  %v\nwant: …%s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Connect.String() != tt.connect {
				t.Errorf("connect = %s, want %s", c.Connect, tt.connect)
			}
			var sources []string
			for _, p := range c.Device.Sources {
				sources = append(sources, p.String())
			}
			if !slices.Equal(sources, tt.sources) {
				t.Errorf("sources = %v, want %v", sources, tt.sources)
			}
		})
	}
}

// full is a listener whose queue is full: it answers nobody, like a firewall.
func full(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 77, 90, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	in4 := sa.(*syscall.SockaddrInet4)
	addr := netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), uint16(in4.Port)).String()
	for { // until a connection is not taken any more
		conn, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { conn.Close() })
	}
}

func TestReachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.77.90.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	shut, err := net.Listen("tcp", "127.77.90.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut.Close()
	for _, tt := range []struct{ name, addr, err string }{
		{"something listens", ln.Addr().String(), ""},
		{"nothing listens", shut.Addr().String(), ": nothing listens there (connection refused); check the port, and that the device's TLS listener is up"},
		{"no answer", full(t), ": no answer within 50ms; check target, connect, routing and firewalls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config.Default()
			c.Target = config.Target{Host: "sbc.customer.test", Port: 5061}
			c.Connect = netip.MustParseAddrPort(tt.addr)
			c.Timeouts.Connect = 50 * time.Millisecond
			if tt.err == "" {
				c.Timeouts.Connect = 5 * time.Second
			}
			want := ""
			if tt.err != "" {
				want = "reaching the device sbc.customer.test:5061 at " + tt.addr + tt.err
			}
			got := ""
			if err := Reachable(t.Context(), c); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("\ngot:  %s\nwant: %s", got, want)
			}
		})
	}
}

func TestReachableSpeaksTLS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.77.90.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1))
			io.WriteString(c, "SIP/2.0 400 Bad Request\r\n\r\n")
			c.Close()
		}
	}()
	c := config.Default()
	c.Target, c.Connect = config.Target{Host: "sbc.customer.test", Port: 5061}, netip.MustParseAddrPort(ln.Addr().String())
	if err := Reachable(t.Context(), c); err == nil || !strings.Contains(err.Error(), `speaks no TLS (its answer to a ClientHello begins "SIP/2"); check the port`) {
		t.Error(err)
	}
}

// A device that does nothing by itself, where nothing makes it act, is waited for
// once and not in each scenario.
func TestNothingMakesItAct(t *testing.T) {
	c := load(t, "target: 127.77.93.20:20061\ndns: 127.77.93.53:20053\nmedia: 127.77.93.5\nrevocation: {listen: 127.77.93.80:20088}\ntrigger: [options]\n"+
		"listen: [127.77.93.1:20061, 127.77.93.2:20061, 127.77.93.3:20061, 127.77.93.4:20061]\ntimeouts: {attempt: 100ms}\ndevice: {recovery: 250ms}\n")
	c.State = filepath.Join(t.TempDir(), "state")
	if err := Complete(t.Context(), &c, nil); err != nil {
		t.Fatal(err)
	}
	var said []string
	l, err := open(c, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for n, id := range []string{"tls.inbound.offers-tls12", "cert.inbound.expired-refused", "tls.inbound.client-hello"} {
		s, _ := scenarios.Find(id)
		said = nil
		v, _ := l.stage.Play(t.Context(), s)
		waited := slices.ContainsFunc(said, func(x string) bool { return strings.Contains(x, "waiting for the device's own OPTIONS") })
		if v.Status != judge.Inconclusive || waited != (n == 0) {
			t.Errorf("%s is %s: %s; it was told: %q", id, v.Status, v.Observed, said)
		}
		if n > 0 && !strings.Contains(v.Hint, "carrier:") {
			t.Errorf("%s does not say what to add: %q", id, v.Hint)
		}
	}
}

// lab0 is a lab with a carrier on addresses that no other test uses.
const lab0 = `
target: 127.77.91.20:20061
listen: [127.77.91.1:20061, 127.77.91.2:20061, 127.77.91.3:20061, 127.77.91.4:20061]
dns: 127.77.91.53:20053
media: 127.77.91.5
revocation: {listen: 127.77.91.80:20088}
carrier: {listen: 127.77.91.6:20060, device: 127.77.91.21:20060}
numbers: {inbound: [3175550100], outbound: [3175550123]}
trigger: [carrier-call, options]
`

func silent(string, ...any) {}

// bound lists the ports of lab0 that somebody holds.
func bound(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, a := range []string{"127.77.91.1:20061", "127.77.91.2:20061", "127.77.91.3:20061", "127.77.91.4:20061", "127.77.91.53:20053", "127.77.91.80:20088"} {
		ln, err := net.Listen("tcp", a)
		if err != nil {
			out = append(out, "tcp "+a)
			continue
		}
		ln.Close()
	}
	for _, a := range []string{"127.77.91.6:20060", "127.77.91.53:20053"} {
		pc, err := net.ListenPacket("udp", a)
		if err != nil {
			out = append(out, "udp "+a)
			continue
		}
		pc.Close()
	}
	return out
}

func TestOpen(t *testing.T) {
	c := load(t, lab0)
	c.State = filepath.Join(t.TempDir(), "state")
	if err := Complete(t.Context(), &c, nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, network, addr string // what somebody else holds
		change              func(*config.Config)
		err                 string // part of it; empty for none
		note                string
	}{
		{name: "all free"},
		{name: "a proxy's port in use", network: "tcp", addr: "127.77.91.3:20061",
			err: "listening on 127.77.91.3:20061: the port is in use; stop the program that holds it"},
		{name: "the carrier's port in use", network: "udp", addr: "127.77.91.6:20060",
			err: "carrier.listen: starting the carrier: listening on 127.77.91.6:20060: the port is in use"},
		{name: "the revocation server's port in use", network: "tcp", addr: "127.77.91.80:20088",
			err: "starting the revocation server: listen tcp 127.77.91.80:20088: bind: address already in use; listen on an address of this machine and a port that is free"},
		{name: "the DNS port in use", network: "udp", addr: "127.77.91.53:20053",
			note: "127.77.91.53:20053 cannot be had (in use, or a port below 1024 needs root)"},
		{name: "a proxy elsewhere", change: func(c *config.Config) { c.Listen[1] = netip.MustParseAddrPort("192.0.2.1:20061") },
			err: "listening on 192.0.2.1:20061: this machine does not have that address"},
		{name: "revocation lists elsewhere", change: func(c *config.Config) { c.Revocation.Listen = netip.MustParseAddrPort("192.0.2.1:20088") },
			err: "starting the revocation server: listen tcp 192.0.2.1:20088: bind: cannot assign requested address"},
		{name: "DNS elsewhere", change: func(c *config.Config) { c.DNS = netip.MustParseAddrPort("192.0.2.1:20053") },
			err: "this machine does not have the address"},
		{name: "media elsewhere", change: func(c *config.Config) { c.Media = netip.MustParseAddr("192.0.2.1") },
			err: "b.yaml:5:8: media: 192.0.2.1 cannot be used (cannot assign requested address); write an address of this host"},
		{name: "the carrier's media elsewhere", change: func(c *config.Config) { c.Carrier.Media = netip.MustParseAddr("192.0.2.1") },
			err: "carrier.media: 192.0.2.1 cannot be used"},
		{name: "unknown region", change: func(c *config.Config) { c.Region = "mars1" }, err: "mars1"},
		{name: "a file for a state folder", change: func(c *config.Config) { c.State = "lab_test.go" }, err: "lab_test.go"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c
			c.Listen = slices.Clone(c.Listen)
			if tt.change != nil {
				tt.change(&c)
			}
			var release func() error
			switch tt.network {
			case "tcp":
				ln, err := net.Listen("tcp", tt.addr)
				if err != nil {
					t.Fatal(err)
				}
				release = ln.Close
			case "udp":
				pc, err := net.ListenPacket("udp", tt.addr)
				if err != nil {
					t.Fatal(err)
				}
				release = pc.Close
			}
			l, err := open(c, silent)
			if err == nil {
				if tt.note == "" && len(l.notes) > 0 || tt.note != "" && !strings.Contains(strings.Join(l.notes, "\n"), tt.note) {
					t.Errorf("notes %q, want %q", l.notes, tt.note)
				}
				if l.stage.Carrier == nil || !l.stage.CarrierCalls || len(l.stage.Ladder) != 1 {
					t.Errorf("stage without the carrier (%v) or the ladder (%v)", l.stage.Carrier, l.stage.Ladder)
				}
				if got := bound(t); tt.note == "" && len(got) != 8 {
					t.Errorf("open holds only %v", got)
				}
				l.close()
			}
			if release != nil {
				release()
			}
			if got := bound(t); len(got) > 0 {
				t.Errorf("afterwards somebody holds %v", got)
			}
			if text := errText(err); (tt.err == "") != (text == "") || !strings.Contains(text, tt.err) {
				t.Errorf("error %q, want one with %q", text, tt.err)
			}
		})
	}
}

// A device beyond loopback and a lab on it: only handshakes with the device can
// be played, and nothing that it does is waited for.
func TestOpenOutboundOnly(t *testing.T) {
	c := load(t, "target: 192.0.2.9\nnumbers: {inbound: [3175550100], outbound: [3175550123]}\ntrigger: [carrier-call, options, prompt]\ndns: 127.77.92.53:20053\n")
	c.State = filepath.Join(t.TempDir(), "state")
	// As if it were the default, which another test may be using.
	c.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.77.92.1:20061"), netip.MustParseAddrPort("127.77.92.2:20061"),
		netip.MustParseAddrPort("127.77.92.3:20061"), netip.MustParseAddrPort("127.77.92.4:20061")}
	if err := Complete(t.Context(), &c, nil); err != nil {
		t.Fatal(err)
	}
	l, err := open(c, silent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	s := l.stage
	if len(s.MissingInbound) == 0 || len(s.MissingOutbound) == 0 || len(s.Ladder) != 0 || s.Carrier != nil {
		t.Errorf("missing %q and %q, ladder %v, carrier %v", s.MissingInbound, s.MissingOutbound, s.Ladder, s.Carrier)
	}
	if s.Cloud.TellsRevocation() {
		t.Error("certificates carry addresses that the device cannot reach")
	}
	for _, sc := range scenarios.All() {
		if sc.Direction() == "outbound" && sc.Area() != "media" {
			continue // these would be played
		}
		if !sc.Scope.Covers(judge.Cloud) {
			continue // it does not apply
		}
		v, _ := s.Play(t.Context(), sc)
		if v.Status != judge.Inconclusive || !strings.Contains(v.Hint, "listen: [<address of this host>:5061") {
			t.Errorf("%s: %s, hint %q", sc.ID, v.Status, v.Hint)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
