package config

import "net/netip"

// MissingForInbound returns the lines of YAML to add before a call can be made
// from the carrier through the device to the cloud, and nothing if none are
// missing. Addresses in angle brackets are for the user to fill in.
func (c *Config) MissingForInbound() []string {
	lines := c.missingAddresses()
	if c.Carrier.None || !c.Carrier.Device.IsValid() {
		if c.Carrier.None {
			lines = append(lines, "# instead of carrier: none")
		}
		device := "<address of the device>:5060"
		if c.Connect.IsValid() {
			device = netip.AddrPortFrom(c.Connect.Addr(), 5060).String()
		}
		lines = append(lines, "carrier:")
		if _, ok := c.Origin("carrier.listen"); c.Carrier.None || !ok {
			listen := Default().Carrier.Listen.String()
			if c.Connect.IsValid() && !c.Connect.Addr().IsLoopback() {
				listen = "<address of this host>:5060"
			}
			lines = append(lines, "  listen: "+listen+"  # where the device sends calls for the carrier")
		}
		lines = append(lines, "  device: "+device+"  # where the device takes calls from the carrier")
	}
	if len(c.Numbers.Inbound) == 0 {
		lines = append(lines,
			"numbers:",
			"  inbound: [\"+13175550100\"]  # the carrier dials these, the device sends them to the cloud")
	}
	return lines
}

// MissingForOutbound returns the lines of YAML to add before a call can be made
// from the cloud through the device, and nothing if none are missing.
func (c *Config) MissingForOutbound() []string {
	lines := c.missingAddresses()
	if len(c.Numbers.Outbound) == 0 {
		lines = append(lines,
			"numbers:",
			"  outbound: [\"+13175550123\"]  # the cloud dials these, the device sends them to the carrier")
	}
	return lines
}

// missingAddresses are the lines of a lab that the device cannot reach.
func (c *Config) missingAddresses() []string {
	if !c.OutboundOnly() {
		return nil
	}
	if c.Edge.Played {
		return []string{
			"edge:",
			"  listen: <address of this host>:5061  # the Edge, where the device reaches it",
			"media: <address of this host>  # the Edge's RTP",
		}
	}
	return []string{
		"listen: [<address of this host>:5061, <...>:5062, <...>:5063, <...>:5064]  # the four proxies, where the device reaches them",
		"media: <another address of this host>  # the cloud's RTP",
	}
}
