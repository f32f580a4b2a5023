package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Edge is a Genesys Cloud Edge of BYOC Premises, to which the trunk leads in
// place of a region.
type Edge struct {
	// Played: the lab is one of an Edge. Region, SRVDomain, Root, Listen and
	// Advertise of the configuration mean nothing then.
	Played bool
	// Name is the host name by which the device calls it.
	Name string
	// Listen is its address; Advertise is what DNS and SIP say instead, Listen
	// where it is not valid.
	Listen, Advertise netip.AddrPort
	// Ciphers are the names of the cipher suites that it takes and offers; those
	// of the edition where there are none. They are checked by the caller,
	// through Errorf.
	Ciphers []string
	// MediaSecurity is required, optional or off.
	MediaSecurity string
}

// defaultEdge is on the address of lb01, which then is not there.
func defaultEdge() Edge {
	return Edge{Name: "edge01.organisation.test", Listen: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, 1}), DefaultPort), MediaSecurity: "required"}
}

// PlayEdge makes the lab one of an Edge, as a flag of that name asks for.
func (c *Config) PlayEdge(flag string) {
	c.Edge.Played = true
	c.remember("edge", Origin{Flag: flag})
}

// Proxies returns where the proxies listen, or the Edge, and what DNS and SIP
// say of it; the latter is nil where that is the same.
func (c *Config) Proxies() (listen, advertise []netip.AddrPort) {
	if !c.Edge.Played {
		return slices.Clone(c.Listen), slices.Clone(c.Advertise)
	}
	if c.Edge.Advertise.IsValid() {
		advertise = []netip.AddrPort{c.Edge.Advertise}
	}
	return []netip.AddrPort{c.Edge.Listen}, advertise
}

// HandshakeTime is how long a TLS handshake may take: timeouts.handshake, or
// where that was left alone with an Edge 5 s, since for an Edge no limit is
// published.
func (c *Config) HandshakeTime() time.Duration {
	if _, set := c.Origin("timeouts.handshake"); c.Edge.Played && !set && c.Timeouts.Handshake == Default().Timeouts.Handshake {
		return 5 * time.Second
	}
	return c.Timeouts.Handshake
}

// place is the key of proxy i's address in listen or advertise.
func (c *Config) place(list string, i int) string {
	if c.Edge.Played {
		return "edge." + list
	}
	return entryKey(list, i)
}

// listens reports whether somebody said where the proxies listen. What stands
// in the group of the Edge besides does not say it.
func (c *Config) listens() bool {
	key := "listen"
	if c.Edge.Played {
		key = "edge.listen"
	}
	_, set := c.origins[key]
	return set
}

// checkEdge checks what only an Edge has.
func (c *Config) checkEdge() error {
	for _, key := range []string{"region", "srv-domain", "root"} {
		if o, _ := c.Origin(key); o.Flag != "" {
			return c.Errorf(key, "an Edge belongs to no region, and its certificate comes from the organisation's root; leave it out")
		}
	}
	for _, w := range []struct{ key, value string }{{"edge.name", c.Edge.Name}, {"edge.media-security", c.Edge.MediaSecurity}} {
		if err := scalars[w.key](&Config{}, w.value); err != nil {
			return c.Errorf(w.key, "%w", err)
		}
	}
	if !c.Edge.Listen.IsValid() {
		return c.Errorf("edge.listen", "no address; write one such as 127.0.1.1:%d", DefaultPort)
	}
	if c.Edge.Listen == c.Connect {
		return c.Errorf("connect", "%s is also the address of the Edge; write the device's own address", c.Connect)
	}
	key := "edge.listen"
	if c.Edge.Advertise.IsValid() {
		key = "edge.advertise"
	}
	if a := c.advertised()[0]; a.Addr().IsUnspecified() {
		return c.Errorf(key, "%s is not an address that a device can call; write under edge.advertise the one it should use", a)
	}
	return nil
}

// advertised are the addresses that DNS and SIP tell.
func (c *Config) advertised() []netip.AddrPort {
	listen, advertise := c.Proxies()
	if len(advertise) == 0 {
		return listen
	}
	return advertise
}

// maxCommonName is ub-common-name of RFC 5280 appendix A.1.
const maxCommonName = 64

func parseEdgeName(s string) (string, error) {
	if _, err := netip.ParseAddr(s); err == nil || s == "" {
		return "", fmt.Errorf("%q is no host name; write the one by which the device calls the Edge, such as edge01.example.com", s)
	}
	if err := checkName(s); err != nil {
		return "", err
	}
	if len(s) > maxCommonName {
		return "", fmt.Errorf("%d characters; write at most %d: it is the common name of the Edge's certificate", len(s), maxCommonName)
	}
	return s, nil
}

func parseMediaSecurity(s string) (string, error) {
	if !slices.Contains([]string{"required", "optional", "off"}, s) {
		return "", fmt.Errorf("unknown media security %.80q; write required, optional or off", s)
	}
	return s, nil
}
