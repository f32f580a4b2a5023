package simulator

import (
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"byocheck/certs"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
	"byocheck/simulator/transport/scripted"
)

// Face is what the region shows to the device.
type Face struct {
	// Certificate is the profile that all four proxies present; empty is healthy.
	Certificate certs.Profile
	// Hierarchy is whose root it leads to; empty is the region's.
	Hierarchy certs.Hierarchy
	// Revocation is the id of the Condition in which the certificate stands,
	// empty for a good one; Certificate must be empty then. Good presents
	// instead what differs from it in nothing but that.
	Revocation string
	Good       bool
	// Suite, if not 0, is the only one that is taken.
	Suite uint16
	// Weak: Suite is one that nobody should take. Version, if not 0, is the only
	// one that is spoken in place of TLS 1.2.
	Weak    bool
	Version uint16
	// Script is how the handshake is played, empty for as it should be, by the
	// proxies in Odd, all of them where it is empty. DelayHello and DelayFinished
	// pass before the first and the second flight of a script.
	Script                    scripted.Script
	Odd                       Proxies
	DelayHello, DelayFinished time.Duration
	// NoDeadline switches the handshake deadline off: a device that we cut did not refuse.
	NoDeadline bool
	// Cut: the handshake deadline stays on where it would be switched off.
	Cut bool
	// Refusing is the set of proxies, from 0, whose ports answer RST.
	Refusing Proxies
	// Dropping is the set whose ports do not answer a SYN.
	Dropping Proxies
}

// Proxies is a set of proxies, by their place from 0.
type Proxies uint8

// Only returns the set of one proxy.
func Only(proxy int) Proxies { return 1 << proxy }

func (p Proxies) list() []int {
	var out []int
	for i := range 8 {
		if p&Only(i) != 0 {
			out = append(out, i)
		}
	}
	return out
}

// Name is what recordings call the face's certificate.
func (f Face) Name() string {
	name := string(f.Certificate)
	if name == "" {
		name = string(certs.Healthy)
	}
	if f.Revocation != "" {
		name = f.Revocation
		if f.Good {
			name += ", good"
		}
	}
	if f.Script != "" {
		name += " with handshake " + string(f.Script)
	}
	if f.DelayHello > 0 {
		name += fmt.Sprintf(", ServerHello after %v", f.DelayHello)
	}
	if f.DelayFinished > 0 {
		name += fmt.Sprintf(", Finished after %v", f.DelayFinished)
	}
	if f.Suite != 0 {
		name += " with " + transport.SuiteName(f.Suite)
	}
	if f.Version != 0 {
		name += " with " + tls.VersionName(f.Version)
	}
	if f.Hierarchy != "" {
		name += " under " + string(f.Hierarchy)
	}
	return name
}

// shown is a certificate that the proxies present, with what the recording says of it.
type shown struct {
	chain tls.Certificate
	about record.Profile
}

// face makes the transport's face of ours.
func (c *Cloud) face(f Face) (transport.Face, error) {
	s, err := c.certificate(f)
	if err != nil {
		return transport.Face{}, fmt.Errorf("making the certificate %s: %w", f.Name(), err)
	}
	out := transport.Face{Profile: f.Name(), About: s.about, Certificate: s.chain, Suites: c.Offers(), Deadline: c.Handshake, Refusing: f.Refusing.list(), Dropping: f.Dropping.list()}
	if f.Certificate == certs.ECDSALeaf {
		out.Suites = transport.ECDSASuites()
	}
	if f.Suite != 0 {
		out.Suites = []uint16{f.Suite}
	}
	if f.Script != "" {
		out.Engine, out.Odd = transport.ScriptedEngine{Script: f.Script, DelayHello: f.DelayHello, DelayFinished: f.DelayFinished}, f.Odd.list()
		out.About.Script, out.About.Delay = string(f.Script), f.DelayHello+f.DelayFinished
	}
	switch {
	case f.Weak:
		if out.Engine = transport.WeakEngine(f.Suite); out.Engine == nil {
			return transport.Face{}, fmt.Errorf("serving %s: no engine here has it", transport.SuiteName(f.Suite))
		}
	case f.Version != 0:
		if err := transport.LibSSLMissing(); err != nil {
			return transport.Face{}, fmt.Errorf("serving an old version of TLS: %w", err)
		}
		out.Engine, out.Suites = transport.LibSSLEngine{Version: f.Version}, oldSuites
	}
	if f.NoDeadline {
		out.Deadline = 0
	}
	return out, nil
}

// oldSuites are those that versions below TLS 1.2 have, as far as they are met.
var oldSuites = []uint16{0xc014, 0xc013, 0x0035, 0x002f}

// certificate returns what a face presents: the same each time, but for the
// profiles of rotation.
func (c *Cloud) certificate(f Face) (shown, error) {
	key := Face{Certificate: f.Certificate, Hierarchy: f.Hierarchy, Revocation: f.Revocation, Good: f.Good}
	if s, made := c.shown[key]; made {
		return s, nil
	}
	if f.Revocation != "" {
		if err := c.arrange(f.Revocation); err != nil {
			return shown{}, err
		}
		return c.shown[key], nil
	}
	authority, err := c.authority(f.Hierarchy)
	if err != nil {
		return shown{}, err
	}
	profile := f.Certificate
	if profile == "" {
		profile = certs.Healthy
	}
	chain, err := authority.Chain(profile, c.chainNames())
	if err != nil {
		return shown{}, err
	}
	s := shown{chain: chain}
	if profile != certs.RotatedLeaf && profile != certs.RotatedIntermediate {
		c.shown[key] = s
	}
	return s, nil
}

func (c *Cloud) authority(h certs.Hierarchy) (*certs.Authority, error) {
	if h == "" {
		return c.Authority, nil
	}
	if a := c.Authorities[h]; a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("finding an authority for %s: the lab has none", h)
}

// chainNames are those in the proxies' certificate: the SRV domain as common
// name, and all names as alternatives (clause byoc-k07-common-name-column). An
// Edge has but one name.
func (c *Cloud) chainNames() certs.Names {
	n := certs.Names{CN: c.Region.SRVDomain.Value, DNS: c.Names()}
	if c.Edge != "" {
		n.CN = c.Edge
	}
	for i := range c.Listen {
		a := c.Listen[i].Addr()
		if i < len(c.Advertise) {
			a = c.Advertise[i].Addr()
		}
		if !slices.Contains(n.IP, a) {
			n.IP = append(n.IP, a)
		}
	}
	return n
}
