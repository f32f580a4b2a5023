package dns

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

func TestPortInUse(t *testing.T) {
	for _, tc := range []struct {
		network string
		occupy  func(t *testing.T) (addr string)
	}{
		{"udp", func(t *testing.T) string {
			conn, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn.LocalAddr().String()
		}},
		{"tcp", func(t *testing.T) string {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			return listener.Addr().String()
		}},
	} {
		t.Run(tc.network, func(t *testing.T) {
			cfg := twoRegions()
			cfg.Listen = tc.occupy(t)
			server, err := Start(cfg)
			if err == nil {
				server.Close()
				t.Fatalf("started on %s, which is in use", cfg.Listen)
			}
			if !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("error %v does not wrap EADDRINUSE", err)
			}
			for _, part := range []string{tc.network, cfg.Listen, "address already in use", "stop the server that has this port"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if tc.network == "tcp" {
				freed, err := net.ListenPacket("udp", cfg.Listen)
				if err != nil {
					t.Fatalf("the UDP half was left open: %v", err)
				}
				freed.Close()
			}

			cfg.FallbackPort = true
			server = start(t, cfg)
			wanted := netip.MustParseAddrPort(cfg.Listen)
			if got := server.Addr(); got.Addr() != wanted.Addr() || got.Port() == wanted.Port() || got.Port() == 0 {
				t.Errorf("fell back from %v to %v, want another port of the same address", wanted, got)
			}
			for _, network := range []string{"udp", "tcp"} {
				ask(t, server, network, question(lb01, miekg.TypeA))
			}
		})
	}
}

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		errno    syscall.Errno
		fallback bool
		says     string
	}{
		{syscall.EADDRINUSE, true, "stop the server that has this port"},
		{syscall.EACCES, true, "CAP_NET_BIND_SERVICE"},
		{syscall.EPERM, true, "CAP_NET_BIND_SERVICE"},
		{syscall.EADDRNOTAVAIL, false, "does not have the address"},
		{syscall.ENOBUFS, false, "check the address"},
	} {
		t.Run(tc.errno.Error(), func(t *testing.T) {
			addr := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(defaultListen))
			cause := &net.OpError{Op: "listen", Net: "udp", Addr: addr, Err: os.NewSyscallError("bind", tc.errno)}
			err := explain(cause)
			if !errors.Is(err, tc.errno) || unavailable(err) != tc.fallback {
				t.Errorf("wraps cause: %v, another port may do: %v, want true and %v", errors.Is(err, tc.errno), unavailable(err), tc.fallback)
			}
			for _, part := range []string{tc.says, "udp " + defaultListen} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Config)
		says   string
	}{
		{"zero value", func(c *Config) { *c = Config{} }, "none given"},
		{"zone empty", func(c *Config) { c.Zones = []string{""} }, `reading DNS zone: want a name such as lb01.example.com: ""`},
		{"zone is the root", func(c *Config) { c.Zones = []string{"."} }, "reading DNS zone"},
		{"zone with an empty label", func(c *Config) { c.Zones = []string{"a..test"} }, `"a..test"`},
		{"zone with a space", func(c *Config) { c.Zones = []string{"a b.test"} }, `"a b.test"`},
		{"zone not ASCII", func(c *Config) { c.Zones = []string{"zürich.test"} }, `"zürich.test"`},
		{"host with a long label", func(c *Config) { c.Hosts[strings.Repeat("a", 64)+".use1.pure.cloud"] = addrs("127.0.0.1") }, "reading DNS host"},
		{"host outside the zones", func(c *Config) { c.Hosts["lb01.example.com"] = addrs("127.0.0.1") }, `in none of the zones [use1.pure.cloud. usw2.pure.cloud.]: "lb01.example.com."`},
		{"host twice", func(c *Config) { c.Hosts["LB01.voice.use1.pure.cloud."] = addrs("127.0.0.1") }, "given twice"},
		{"host with IPv6", func(c *Config) { c.Hosts[lb01] = addrs("::1"); delete(c.Hosts, strings.TrimSuffix(lb01, ".")) }, `"::1"`},
		{"host with an invalid address", func(c *Config) {
			c.Hosts[lb01] = []netip.Addr{{}}
			delete(c.Hosts, strings.TrimSuffix(lb01, "."))
		}, "not IPv4"},
		{"service without labels", func(c *Config) { c.Services = map[string][]SRV{"voice.use1.pure.cloud": nil} }, `labels of service and transport before a domain, such as _sips._tcp.example.com: "voice.use1.pure.cloud."`},
		{"service without a transport", func(c *Config) { c.Services = map[string][]SRV{"_sips.use1.pure.cloud": nil} }, "labels of service and transport"},
		{"service without a domain", func(c *Config) { c.Services = map[string][]SRV{"_sips._tcp": nil} }, "labels of service and transport"},
		{"service not a name", func(c *Config) { c.Services = map[string][]SRV{"_sips. _tcp.x": nil} }, `reading DNS service: want a name such as`},
		{"service outside the zones", func(c *Config) { c.Services = map[string][]SRV{"_sips._tcp.example.com": nil} }, `in none of the zones [use1.pure.cloud. usw2.pure.cloud.]: "_sips._tcp.example.com."`},
		{"service twice", func(c *Config) {
			c.Services = map[string][]SRV{sipsName: {{Port: 5061, Target: lb01}}, strings.ToUpper(sipsName): {{Port: 5061, Target: lb01}}}
		}, "reading DNS service: given twice"},
		{"service without a port", func(c *Config) { c.Services = map[string][]SRV{sipsName: {{Target: lb01}}} }, `reading port of DNS service ` + sipsName + `: want 1 to 65535 for target "` + lb01 + `"`},
		{"service without a target", func(c *Config) { c.Services = map[string][]SRV{sipsName: {{Port: 5061}}} }, `reading target of DNS service ` + sipsName + `: want a name such as`},
		{"listen by name", func(c *Config) { c.Listen = "localhost:53" }, `"localhost"`},
		{"listen without port", func(c *Config) { c.Listen = "127.0.1.53" }, "want an IP address and a port"},
		{"listen everywhere", func(c *Config) { c.Listen = "0.0.0.0:0" }, `"0.0.0.0:0"`},
		{"listen on an address of nobody", func(c *Config) { c.Listen = "192.0.2.1:0"; c.FallbackPort = true }, "does not have the address"},
		{"TTL negative", func(c *Config) { c.TTL = -time.Second }, "-1s"},
		{"TTL beyond 31 bits", func(c *Config) { c.TTL = maxTTL + 1 }, "reading DNS TTL"},
		{"idle timeout negative", func(c *Config) { c.IdleTimeout = -1 }, "-1ns"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := twoRegions()
			tc.change(&cfg)
			server, err := Start(cfg)
			if err == nil {
				server.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %q does not say %q", err, tc.says)
			}
		})
	}
}

func TestSetRefused(t *testing.T) {
	server := start(t, twoRegions())
	for name, addr := range map[string]string{"lb01.example.com": "127.0.0.1", lb01: "::1", "": "127.0.0.1"} {
		if err := server.Set(name, addrs(addr)); err == nil {
			t.Errorf("Set(%q, %s) took it", name, addr)
		}
	}
	if got := ask(t, server, "udp", question(lb01, miekg.TypeA)); rdata(got.Answer)[0] != "127.0.1.1" {
		t.Errorf("a refused Set changed the answer to %v", got.Answer)
	}
}

func TestKnobs(t *testing.T) {
	for _, tc := range []struct {
		listen string
		ttl    time.Duration
		want   uint32
	}{
		{"127.0.0.1:0", 0, 5},
		{"127.0.0.1:0", time.Millisecond, 1},
		{"127.0.0.1:0", 90 * time.Second, 90},
		{"127.0.0.1:0", maxTTL, 1<<31 - 1},
		{"127.0.1.53:0", 1001 * time.Millisecond, 2},
	} {
		t.Run(tc.ttl.String(), func(t *testing.T) {
			cfg := twoRegions()
			cfg.Listen, cfg.TTL = tc.listen, tc.ttl
			server := start(t, cfg)
			if got := ask(t, server, "udp", question(lb01, miekg.TypeA)).Answer[0].Header().Ttl; got != tc.want {
				t.Errorf("ttl %d, want %d", got, tc.want)
			}
			if want := netip.MustParseAddrPort(tc.listen).Addr(); server.Addr().Addr() != want {
				t.Errorf("listening on %v, want %v", server.Addr(), want)
			}
		})
	}
}
