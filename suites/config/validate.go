package config

import (
	"net/netip"
	"slices"
	"strconv"
)

// Validate checks the values together and fills in those that follow from
// others: Connect from a Target that is an IP address, Advertise from Listen,
// Carrier.Media from Carrier.Listen, Device.Sources from Connect. Call it once,
// after the last Set. The first rule that is broken is returned as an [*Error]
// that points at the value and says what to write.
func (c *Config) Validate() error {
	for _, check := range []func() error{
		c.checkTarget,
		c.checkWords,
		c.checkProxies,
		c.checkMedia,
		c.checkCarrier,
		c.checkNumbers,
		c.checkReach,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if len(c.Device.Sources) == 0 && c.Connect.IsValid() {
		a := c.Connect.Addr().WithZone("")
		c.Device.Sources = []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
	}
	return nil
}

func (c *Config) checkTarget() error {
	if c.Target.Host == "" {
		return c.Errorf("target", "missing; give the name on the trunk as --target or TARGET=sbc.example.com:5061, or as target: in %s", DefaultFile)
	}
	if _, err := ParseTarget(c.Target.String()); err != nil {
		return c.Errorf("target", "%w", err)
	}
	if a, ok := c.Target.Addr(); ok && !c.Connect.IsValid() {
		c.Connect = netip.AddrPortFrom(a, c.Target.Port)
	}
	return nil
}

// checkWords repeats for a Config made in code what Load and Set have checked.
func (c *Config) checkWords() error {
	for _, w := range []struct{ key, value string }{
		{"region", c.Region},
		{"scheme", c.Scheme},
		{"edition", c.Edition},
		{"state", c.State},
		{"numbers.match", strconv.Itoa(c.Numbers.Match)},
		{"device.recovery", c.Device.Recovery.String()},
		{"revocation.listen", c.Revocation.Listen.String()},
		{"handshakes.count", strconv.Itoa(c.Handshakes.Count)},
		{"timeouts.attempt", c.Timeouts.Attempt.String()},
		{"timeouts.call", c.Timeouts.Call.String()},
		{"timeouts.connect", c.Timeouts.Connect.String()},
		{"timeouts.handshake", c.Timeouts.Handshake.String()},
	} {
		if err := scalars[w.key](&Config{}, w.value); err != nil {
			return c.Errorf(w.key, "%w", err)
		}
	}
	if len(c.Trigger) == 0 {
		return c.Errorf("trigger", "empty list; %s", rungs)
	}
	return nil
}

func (c *Config) checkProxies() error {
	if c.Edge.Played {
		return c.checkEdge()
	}
	if len(c.Advertise) == 0 {
		c.Advertise = slices.Clone(c.Listen)
	}
	for _, l := range []struct {
		key   string
		addrs []netip.AddrPort
	}{{"listen", c.Listen}, {"advertise", c.Advertise}} {
		if len(l.addrs) != 4 {
			return c.Errorf(l.key, "%d addresses for four proxies; write four, such as [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.4:5061], or one with four ports", len(l.addrs))
		}
		for i, a := range l.addrs {
			if slices.Contains(l.addrs[:i], a) {
				return c.Errorf(entryKey(l.key, i), "%s stands there twice; write four that differ in address or port", a)
			}
		}
	}
	for i, a := range c.Advertise {
		if a.Addr().IsUnspecified() {
			return c.Errorf(entryKey("advertise", i), "%s is not an address that a device can call; write under advertise the addresses it should use", a)
		}
	}
	if i := slices.Index(c.Listen, c.Connect); i >= 0 {
		return c.Errorf("connect", "%s is also the address of lb0%d in listen; write the device's own address", c.Connect, i+1)
	}
	return nil
}

func (c *Config) checkMedia() error {
	const fix = "write an address of this host that carries no signalling, such as 127.0.3.1"
	if !c.DNS.IsValid() {
		return c.Errorf("dns", "no address; write one such as 127.0.1.53:53")
	}
	if !c.Media.IsValid() {
		return c.Errorf("media", "no address; %s", fix)
	}
	for _, a := range c.Listen {
		if a.Addr() == c.Media && !c.Edge.Played { // an Edge has one address for both
			return c.Errorf("media", "%s is also a signalling address in listen; %s", c.Media, fix)
		}
	}
	if !c.Carrier.None && c.Carrier.Listen.Addr() == c.Media {
		return c.Errorf("media", "%s is also carrier.listen; %s", c.Media, fix)
	}
	return nil
}

func (c *Config) checkCarrier() error {
	if c.Carrier.None {
		return nil
	}
	if !c.Carrier.Listen.IsValid() {
		return c.Errorf("carrier.listen", "no address; write one such as 127.0.2.1:5060, or carrier: none")
	}
	if _, err := parseTransport(c.Carrier.Transport); err != nil {
		return c.Errorf("carrier.transport", "%w", err)
	}
	if c.Carrier.Listen == c.Carrier.Device {
		return c.Errorf("carrier.device", "%s is also carrier.listen; write where the device takes calls from the carrier", c.Carrier.Device)
	}
	if !c.Carrier.Media.IsValid() {
		c.Carrier.Media = c.Carrier.Listen.Addr()
	}
	return nil
}

// checkReach refuses addresses of the lab that the device cannot reach: it could
// never answer, and each verdict would blame it for that. A lab whose listen was
// left alone is no error: it plays the outbound scenarios.
func (c *Config) checkReach() error {
	const fix = "to addresses of this host that the device can reach"
	if !c.far() || c.OutboundOnly() {
		return c.checkCarrierReach(fix)
	}
	device := "the device at " + c.Connect.String() + " is beyond loopback"
	if !c.Connect.IsValid() {
		device = c.Target.Host + " is a name without connect, so it counts as beyond loopback"
	}
	listen, _ := c.Proxies()
	for i, a := range listen {
		if a.Addr().IsLoopback() {
			return c.Errorf(c.place("listen", i), "%s, but %s is on loopback; set listen, advertise and media %s", device, a, fix)
		}
	}
	if _, set := c.Origin("revocation.listen"); set && !c.TellsRevocation() {
		return c.Errorf("revocation.listen", "%s is on loopback, but the device is beyond it; set it %s, or leave it out", c.Revocation.Listen, fix)
	}
	if c.Revocation.Listen.Addr().IsUnspecified() && c.Revocation.Advertise == "" {
		return c.Errorf("revocation.listen", "%s is not an address that a device can call; write under revocation.advertise the one it should use", c.Revocation.Listen)
	}
	for i, a := range c.advertised() {
		if a.Addr().IsLoopback() {
			return c.Errorf(c.place("advertise", i), "%s is on loopback, but the device is beyond it; set advertise %s", a, fix)
		}
	}
	if c.Media.IsLoopback() {
		return c.Errorf("media", "%s is on loopback, but the device is beyond it; set media %s", c.Media, fix)
	}
	return c.checkCarrierReach(fix)
}

// far reports whether the device is beyond loopback, as a name without connect
// is taken to be.
func (c *Config) far() bool {
	return !c.Connect.IsValid() || !c.Connect.Addr().IsLoopback()
}

// OutboundOnly reports whether only outbound scenarios can be played: the
// device is beyond loopback, and nobody has said which addresses of this host
// it can reach. MissingForInbound says what to add.
func (c *Config) OutboundOnly() bool {
	listen, _ := c.Proxies()
	return c.far() && !c.listens() && slices.ContainsFunc(listen, func(a netip.AddrPort) bool { return a.Addr().IsLoopback() })
}

// TellsRevocation reports whether the device can reach the revocation server:
// with addresses in its certificates that lead nowhere, the lab would show every
// device a fault that nobody arranged.
func (c *Config) TellsRevocation() bool {
	return !c.far() || c.Revocation.Advertise != "" || !c.Revocation.Listen.Addr().IsLoopback()
}

func (c *Config) checkCarrierReach(fix string) error {
	device := c.Carrier.Device.Addr()
	if !device.IsValid() || device.IsLoopback() {
		return nil
	}
	if a := c.Carrier.Listen.Addr(); a.IsLoopback() {
		return c.Errorf("carrier.listen", "%s is on loopback, but carrier.device is beyond it; set carrier.listen and carrier.media %s", a, fix)
	}
	if c.Carrier.Media.IsLoopback() {
		return c.Errorf("carrier.media", "%s is on loopback, but carrier.device is beyond it; set carrier.media %s", c.Carrier.Media, fix)
	}
	return nil
}
