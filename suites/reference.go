package suites

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"byocheck/certs"
	"byocheck/suites/config"
	"byocheck/suites/referencesbc"
)

// referenceName is what the trunk calls the built-in reference SBC.
const referenceName = "sbc.reference.test"

// UseReference makes the configuration that of a lab with the built-in reference
// SBC as the device, on loopback. What the user has set otherwise stays.
func UseReference(c *config.Config) {
	c.Target = config.Target{Host: referenceName, Port: config.DefaultPort}
	c.Connect = netip.MustParseAddrPort("127.0.0.10:5061")
	c.Carrier.Device = netip.MustParseAddrPort("127.0.0.11:5060")
	c.Device.Vendor, c.Device.Model = "byocheck", "built-in reference SBC"
	c.Device.Recovery = 10 * time.Second
	c.Numbers.Inbound, c.Numbers.Outbound = []string{"+13175550100"}, []string{"+13175550123"}
}

// MutantNames lists the defects that the reference SBC can be given.
func MutantNames() []string {
	var out []string
	for _, m := range referencesbc.Mutants() {
		out = append(out, string(m.Mutant))
	}
	return out
}

// startReference starts the reference SBC in the lab, as its device.
func (l *lab) startReference(c config.Config, mutant string) error {
	name := c.Target.Host
	if referencesbc.Mutant(mutant) == referencesbc.WrongName {
		name = "other." + name
	}
	device, err := l.home.IssueDevice(name, certs.DeviceOptions{})
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	for _, r := range l.home.CloudRoots() {
		roots.AddCert(r)
	}
	cloud, slow := l.stage.Cloud, l.slow
	if slow == 0 {
		slow = c.Timeouts.Handshake + 200*time.Millisecond
	}
	s := &referencesbc.SBC{
		TLS: c.Connect, UDP: c.Carrier.Device, Media: c.Connect.Addr(), Carrier: c.Carrier.Listen,
		Certificate: device.Certificate, Roots: roots,
		Proxies: cloud.Region.Proxies.Value, Port: c.Listen[0].Port(), Resolver: cloud.DNS,
		TrunkGroup: "byocheck", TrunkContext: cloud.Region.Namespaces[0].Value,
		Mutant: referencesbc.Mutant(mutant),
		// On loopback a proxy that has not answered after this long does not answer.
		Timers: referencesbc.Timers{MarkDown: 5 * time.Second, Slow: slow},
	}
	if err := s.Start(); err != nil {
		if !strings.Contains(err.Error(), "address already in use") {
			return err
		}
		return fmt.Errorf("%w; stop the program that holds it, or give TARGET to test another device", err)
	}
	l.reference = s
	l.stage.Reset = func(context.Context) error {
		s.Reset()
		return nil
	}
	return nil
}
