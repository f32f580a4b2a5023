package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scalars and lists are every key with one value and every key with a list of
// them, by dotted path, and how to take what the user wrote. The text is taken
// as written, before YAML makes a number of +1317 or of firmware 1.10.
var (
	scalars = map[string]func(*Config, string) error{
		"target":               one(func(c *Config) *Target { return &c.Target }, ParseTarget),
		"connect":              one(func(c *Config) *netip.AddrPort { return &c.Connect }, addrPort(DefaultPort)),
		"region":               one(func(c *Config) *string { return &c.Region }, parseRegion),
		"srv-domain":           one(func(c *Config) *string { return &c.SRVDomain }, parseText),
		"root":                 one(func(c *Config) *string { return &c.Root }, parseText),
		"scheme":               one(func(c *Config) *string { return &c.Scheme }, parseScheme),
		"edition":              one(func(c *Config) *string { return &c.Edition }, parseEdition),
		"state":                one(func(c *Config) *string { return &c.State }, parsePath),
		"dns":                  one(func(c *Config) *netip.AddrPort { return &c.DNS }, addrPort(53)),
		"media":                one(func(c *Config) *netip.Addr { return &c.Media }, parseAddr),
		"edge.name":            one(func(c *Config) *string { return &c.Edge.Name }, parseEdgeName),
		"edge.listen":          one(func(c *Config) *netip.AddrPort { return &c.Edge.Listen }, addrPort(DefaultPort)),
		"edge.advertise":       one(func(c *Config) *netip.AddrPort { return &c.Edge.Advertise }, addrPort(DefaultPort)),
		"edge.media-security":  one(func(c *Config) *string { return &c.Edge.MediaSecurity }, parseMediaSecurity),
		"revocation.listen":    one(func(c *Config) *netip.AddrPort { return &c.Revocation.Listen }, addrPort(8088)),
		"revocation.advertise": one(func(c *Config) *string { return &c.Revocation.Advertise }, parseHostPort),
		"carrier.listen":       one(func(c *Config) *netip.AddrPort { return &c.Carrier.Listen }, addrPort(5060)),
		"carrier.device":       one(func(c *Config) *netip.AddrPort { return &c.Carrier.Device }, addrPort(5060)),
		"carrier.transport":    one(func(c *Config) *string { return &c.Carrier.Transport }, parseTransport),
		"carrier.media":        one(func(c *Config) *netip.Addr { return &c.Carrier.Media }, parseAddr),
		"device.vendor":        one(func(c *Config) *string { return &c.Device.Vendor }, parseText),
		"device.model":         one(func(c *Config) *string { return &c.Device.Model }, parseText),
		"device.firmware":      one(func(c *Config) *string { return &c.Device.Firmware }, parseText),
		"device.recovery":      one(func(c *Config) *time.Duration { return &c.Device.Recovery }, parseDuration),
		"device.reset":         one(func(c *Config) *string { return &c.Device.Reset }, parseText),
		"device.provision":     one(func(c *Config) *string { return &c.Device.Provision }, parseText),
		"device.crls":          one(func(c *Config) *string { return &c.Device.CRLs }, parseText),
		"offline":              one(func(c *Config) *bool { return &c.Offline }, parseBool),
		"numbers.match":        one(func(c *Config) *int { return &c.Numbers.Match }, parseMatch),
		"handshakes.count":     one(func(c *Config) *int { return &c.Handshakes.Count }, parseCount),
		"timeouts.attempt":     one(func(c *Config) *time.Duration { return &c.Timeouts.Attempt }, parseDuration),
		"timeouts.call":        one(func(c *Config) *time.Duration { return &c.Timeouts.Call }, parseDuration),
		"timeouts.connect":     one(func(c *Config) *time.Duration { return &c.Timeouts.Connect }, parseDuration),
		"timeouts.handshake":   one(func(c *Config) *time.Duration { return &c.Timeouts.Handshake }, parseDuration),
		"known-failures":       one(func(c *Config) *string { return &c.KnownFailures }, parsePath),
	}
	lists = map[string]func(*Config, []string) (int, error){
		"listen":                    many(func(c *Config) *[]netip.AddrPort { return &c.Listen }, addrPort(DefaultPort)),
		"advertise":                 many(func(c *Config) *[]netip.AddrPort { return &c.Advertise }, addrPort(DefaultPort)),
		"edge.ciphers":              many(func(c *Config) *[]string { return &c.Edge.Ciphers }, parseText),
		"device.sources":            many(func(c *Config) *[]netip.Prefix { return &c.Device.Sources }, parsePrefix),
		"handshakes.parallel":       many(func(c *Config) *[]int { return &c.Handshakes.Parallel }, parseCount),
		"numbers.inbound":           many(func(c *Config) *[]string { return &c.Numbers.Inbound }, parseNumber),
		"numbers.outbound":          many(func(c *Config) *[]string { return &c.Numbers.Outbound }, parseNumber),
		"numbers.inbound-expected":  many(func(c *Config) *[]string { return &c.Numbers.InboundExpected }, parseNumber),
		"numbers.outbound-expected": many(func(c *Config) *[]string { return &c.Numbers.OutboundExpected }, parseNumber),
	}
	groups = members()
)

// one makes the taker of a single value; a value that does not parse leaves
// the configuration as it was.
func one[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(c *Config, text string) error {
		v, err := parse(text)
		if err != nil {
			return err
		}
		*field(c) = v
		return nil
	}
}

// many makes the taker of a list, which replaces the default. It returns the
// index of the entry that an error is about.
func many[T any](field func(*Config) *[]T, parse func(string) (T, error)) func(*Config, []string) (int, error) {
	return func(c *Config, texts []string) (int, error) {
		all := make([]T, 0, len(texts))
		for i, text := range texts {
			v, err := parse(text)
			if err != nil {
				return i, err
			}
			all = append(all, v)
		}
		*field(c) = all
		return 0, nil
	}
}

// members lists the keys of each group; the top level is the group "".
func members() map[string][]string {
	g := map[string][]string{"": {"carrier", "declared", "device", "edge", "handshakes", "numbers", "revocation", "timeouts", "trigger"}}
	for _, path := range slices.Concat(slices.Collect(maps.Keys(scalars)), slices.Collect(maps.Keys(lists))) {
		parent, key, nested := strings.Cut(path, ".")
		if !nested {
			parent, key = "", path
		}
		g[parent] = append(g[parent], key)
	}
	for _, keys := range g {
		slices.Sort(keys)
	}
	return g
}

// addrPort makes the parser of an address with a port; usual is the port that
// its errors propose.
func addrPort(usual uint16) func(string) (netip.AddrPort, error) {
	return func(s string) (netip.AddrPort, error) {
		if a, err := netip.ParseAddrPort(s); err == nil && a.Port() != 0 {
			return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
		}
		if a, err := netip.ParseAddr(s); err == nil {
			return netip.AddrPort{}, fmt.Errorf("no port in %q; write %s", s, netip.AddrPortFrom(a, usual))
		}
		return netip.AddrPort{}, fmt.Errorf("bad address %.80q; write an IP address and a port from 1 to 65535, such as 127.0.0.20:%d", s, usual)
	}
}

func parseAddr(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap(), nil
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.Addr{}, fmt.Errorf("%q has a port; write only %s, ports are chosen for each call", s, a.Addr())
	}
	return netip.Addr{}, fmt.Errorf("bad address %.80q; write an IP address such as 127.0.3.1", s)
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("") // a prefix has no zone
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("bad network %.80q; write address/bits, such as 127.0.0.0/8", s)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q is not the start of its network; write %s or %s/%d", s, p.Masked(), p.Addr(), p.Addr().BitLen())
	}
	return p, nil
}

func parseDuration(s string) (time.Duration, error) {
	if isDigits(s) {
		return 0, fmt.Errorf("no unit in %.80q; write %.80ss for seconds", s, s)
	}
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return 0, fmt.Errorf("bad duration %.80q; write one greater than zero, such as 40s or 500ms", s)
	}
	return v, nil
}

// parseCount takes what a verdict can rest on and a device can bear.
func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 5 || n > 1000 {
		return 0, fmt.Errorf("bad count of handshakes %.80q; write a number from 5 to 1000", s)
	}
	return n, nil
}

var region = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func parseScheme(s string) (string, error) {
	if s != "sip" && s != "sips" {
		return "", fmt.Errorf("unknown scheme %q; write sip, for sip: URIs with ;transport=tls, or sips", s)
	}
	return s, nil
}

func parseRegion(s string) (string, error) {
	if !region.MatchString(s) {
		return "", fmt.Errorf("bad region %.80q; write a short code such as use1", s)
	}
	return s, nil
}

func parseEdition(s string) (string, error) {
	switch s {
	case "older", "newer", "after-deprecation":
		return s, nil
	}
	return "", fmt.Errorf("unknown edition %.80q; write older, newer, or after-deprecation for the newer one without the suites whose removal it announces", s)
}

// parseHostPort takes what stands between http:// and the path of an address in
// a certificate.
func parseHostPort(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "/?#@% ") {
		return "", fmt.Errorf("bad address %.80q; write host:port as the device can reach it, such as crl.example.test:8088", s)
	}
	return s, nil
}

func parseTransport(s string) (string, error) {
	if s != "udp" {
		return "", fmt.Errorf("unknown transport %.80q; write udp, the only one there is", s)
	}
	return s, nil
}

func parsePath(s string) (string, error) {
	if s == "" || strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("bad path %.80q; write one or leave the key out", s)
	}
	return filepath.Clean(s), nil
}

func parseBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("bad value %.80q; write true or false", s)
}

func parseText(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", errors.New("no text; write some or leave the key out")
	}
	return s, nil
}
