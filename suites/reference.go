package suites

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
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
	c.Handshakes.Parallel = []int{10} // it shares our processors: more at once would measure us
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
	cert, err := l.ownCertificate(c, referencesbc.Mutant(mutant))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	for _, h := range certs.Hierarchies() {
		if trusts, partly := trusting[referencesbc.Mutant(mutant)]; !partly || slices.Contains(trusts, h) {
			roots.AddCert(l.stage.Cloud.Authorities[h].Root())
		}
	}
	cloud, slow := l.stage.Cloud, l.slow
	if slow == 0 {
		slow = cloud.Handshake + 200*time.Millisecond
	}
	var group, namespace string // an Edge has neither
	switch {
	case cloud.Edge == "":
		group, namespace = "byocheck", cloud.Region.Namespaces[0].Value
	case referencesbc.Mutant(mutant) != referencesbc.TrustsCloudRootsOnly:
		roots.AddCert(cloud.Authority.Root())
	}
	s := &referencesbc.SBC{
		TLS: c.Connect, UDP: c.Carrier.Device, Media: c.Connect.Addr(), Carrier: c.Carrier.Listen,
		Certificate: cert, Roots: roots,
		Proxies: cloud.Hosts(), Port: cloud.Listen[0].Port(), Resolver: cloud.DNS,
		TrunkGroup: group, TrunkContext: namespace,
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
	delete(l.stage.Declared, judge.Provisioning)
	l.stage.Own = func() (tls.Certificate, error) { return cert, nil }
	l.stage.Provision = func(_ context.Context, cert tls.Certificate) error { return s.Provision(cert) }
	l.stage.Reset = func(context.Context) error {
		s.Reset()
		return nil
	}
	return nil
}

// trusting are the mutants that were not given all roots.
var trusting = map[referencesbc.Mutant][]certs.Hierarchy{
	referencesbc.EVRootOnly: {certs.HighAssuranceEV},
	referencesbc.NoEVRoot:   {certs.GlobalG2, certs.GlobalG3},
}

// given are the mutants that are right in themselves, but were given a wrong
// certificate.
var given = map[referencesbc.Mutant]certs.Profile{
	referencesbc.WrongName:         certs.SANMismatch,
	referencesbc.ExpiresSoon:       certs.ExpiresSoon,
	referencesbc.PresentsExpired:   certs.Expired,
	referencesbc.PresentsClientEKU: certs.NoServerAuth,
	referencesbc.PresentsSHA1:      certs.SHA1Signature,
	referencesbc.PresentsIPOnly:    certs.IPSAN,
	referencesbc.PresentsRSA1024:   certs.RSA1024,
}

// ownCertificate is what the reference SBC presents.
func (l *lab) ownCertificate(c config.Config, m referencesbc.Mutant) (tls.Certificate, error) {
	name := c.Target.Host
	names := certs.Names{CN: name, DNS: []string{name}, IP: []netip.Addr{c.Connect.Addr()}}
	if m == referencesbc.PresentsRevoked {
		b, err := l.stage.Wrong.Branch("revoked", nil)
		if err != nil {
			return tls.Certificate{}, err
		}
		chain, err := b.Chain(names)
		if err != nil {
			return chain, err
		}
		return chain, l.stage.Cloud.Revoke(b.Issuer().Name, chain.Leaf.SerialNumber)
	}
	profile := given[m]
	if profile == "" {
		profile = certs.Healthy
	}
	return l.stage.Wrong.Chain(profile, names)
}
