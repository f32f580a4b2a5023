package suites

import (
	"fmt"

	"byocheck/certs"
	"byocheck/simulator"
	"byocheck/simulator/transport"
	"byocheck/suites/config"
)

// newCloud makes what the trunk leads to, a region or an Edge, as far as it does
// not depend on the device.
func newCloud(c *config.Config, home *certs.Lab) (*simulator.Cloud, error) {
	where, err := Region(c)
	if err != nil {
		return nil, err
	}
	suites, err := ciphers(c)
	if err != nil {
		return nil, err
	}
	authorities, err := everyAuthority(home, c.Edge.Played)
	if err != nil {
		return nil, err
	}
	listen, advertise := c.Proxies()
	cloud := &simulator.Cloud{
		Region: where, Edition: c.Edition, Authority: authorities[certs.Hierarchy(where.Root.Value)], Authorities: authorities,
		Listen: listen, Advertise: advertise, Media: c.Media, DNS: c.DNS, DNSFallback: true,
		Sources: c.Device.Sources, Scheme: c.Scheme, Handshake: c.HandshakeTime(),
		Lists: c.Revocation.Listen, ListsAdvertise: c.Revocation.Advertise,
	}
	if c.Edge.Played {
		cloud.Edge, cloud.MediaSecurity, cloud.Suites = c.Edge.Name, c.Edge.MediaSecurity, suites
		cloud.Authority = authorities[certs.Organisation]
	}
	return cloud, nil
}

// everyAuthority begins a run under each hierarchy of the cloud, and for an Edge
// under the organisation's.
func everyAuthority(home *certs.Lab, edge bool) (map[certs.Hierarchy]*certs.Authority, error) {
	out := map[certs.Hierarchy]*certs.Authority{}
	all := certs.Hierarchies()
	if edge {
		all = append(all, certs.Organisation)
	}
	for _, h := range all {
		a, err := home.NewAuthority(h)
		if err != nil {
			return nil, err
		}
		out[h] = a
	}
	return out, nil
}

// ciphers are the suites of the Edge's list, by their numbers.
func ciphers(c *config.Config) ([]uint16, error) {
	var out []uint16
	for i, name := range c.Edge.Ciphers {
		suite, err := transport.ParseSuite(name)
		if err != nil {
			return nil, c.Errorf(fmt.Sprintf("edge.ciphers[%d]", i), "%w", err)
		}
		out = append(out, suite)
	}
	return out, nil
}
