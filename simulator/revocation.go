package simulator

import (
	"crypto/tls"
	"fmt"
	"math/big"
	"slices"

	"byocheck/certs"
	"byocheck/certs/revocation"
	"byocheck/simulator/record"
)

// Condition is how the revocation of the proxies' certificate stands, and what
// whoever asks about it meets. Each condition has an intermediate and addresses
// of its own, in which it stands from the beginning: what a device remembers of
// one cannot falsify another.
type Condition struct {
	ID string
	// Sentence tells a person what the device meets; When is the same after
	// the word when, for what is troubled.
	Sentence, When string
	// Source is where the certificate says that its status is told: CRL, OCSP,
	// or Staple for nowhere but within the handshake.
	Source Source
	// Revoked is what is revoked, if anything.
	Revoked Revoked
	// State is how the source behaves.
	State revocation.State
}

// Source is where the status of a certificate is told.
type Source string

// The sources.
const (
	CRL    Source = "crl"    // cRLDistributionPoints (RFC 5280 section 4.2.1.13)
	OCSP   Source = "ocsp"   // authorityInfoAccess (RFC 5280 section 4.2.2.1)
	Staple Source = "staple" // certificate status (RFC 6066 section 8)
)

// Revoked names the certificate of a chain that is revoked.
type Revoked string

// What can be revoked.
const (
	Nothing      Revoked = ""
	Leaf         Revoked = "leaf"
	Intermediate Revoked = "intermediate"
)

// conditions lists every condition, those with something revoked first.
var conditions = slices.Concat([]Condition{
	{"crl-revoked", "The proxies' certificate is on the revocation list that it names.", "", CRL, Leaf, revocation.Good},
	{"ocsp-revoked", "The proxies' certificate is revoked; the OCSP responder that it names says so.", "", OCSP, Leaf, revocation.Good},
	{"staple-revoked", "The proxies' certificate is revoked; the OCSP response that they staple to the handshake says so.", "", Staple, Leaf, revocation.Good},
	{revokedIntermediate, "The intermediate in the proxies' chain is on the root's revocation list.", "", CRL, Intermediate, revocation.Good},
}, troubled(CRL, "revocation list"), troubled(OCSP, "OCSP responder"))

// troubled are the conditions in which nothing is revoked and a source is of no use.
func troubled(source Source, name string) []Condition {
	var out []Condition
	for _, s := range []struct {
		state  revocation.State
		is     string
		source Source // the only one that can be so; empty for both
	}{
		{revocation.Stale, "is out of date", ""},
		{revocation.Unreachable, "cannot be reached: the connection is reset", ""},
		{revocation.Silent, "accepts the connection and never answers", ""},
		{revocation.Slow, "answers only after seconds", ""},
		{revocation.WrongSignature, "answers with another key's signature", ""},
		{revocation.NotFound, "is not found (HTTP 404)", ""},
		{revocation.ServerError, "fails (HTTP 500)", ""},
		{revocation.Huge, "is huge (100 000 entries)", CRL},
	} {
		if s.source == "" || s.source == source {
			out = append(out, Condition{string(source) + "-" + string(s.state), fmt.Sprintf("The %s that the proxies' certificate names %s.", name, s.is),
				fmt.Sprintf("the %s %s", name, s.is), source, Nothing, s.state})
		}
	}
	return out
}

// Conditions lists every condition.
func Conditions() []Condition { return slices.Clone(conditions) }

func findCondition(id string) (Condition, error) {
	for _, c := range conditions {
		if c.ID == id {
			return c, nil
		}
	}
	return Condition{}, fmt.Errorf("finding a condition of revocation: there is no %q", id)
}

// startLists opens the revocation server and lets the authorities know its addresses.
func (c *Cloud) startLists() error {
	if c.NoLists {
		return nil
	}
	c.lists = &revocation.Server{
		Listen: c.Lists, Advertise: c.ListsAdvertise, Now: c.Recorder.Now,
		OnFetch: func(f revocation.Fetch) {
			b := record.Fetch{What: f.Kind, Issuer: f.Issuer, State: string(f.State), Client: f.Client.String(), Method: f.Method,
				Path: f.Path, Status: f.Status, Octets: f.Octets, Took: f.Took, Error: f.Error}
			if f.Serial != nil {
				b.Serial = f.Serial.Text(16)
			}
			c.Recorder.EmitAt(record.Origin{}, b, f.At)
		},
	}
	if err := c.lists.Start(); err != nil {
		c.lists = nil
		return err
	}
	c.Lists = c.lists.Addr()
	c.Authority.Publish = c.Publish
	for _, a := range c.Authorities {
		a.Publish = c.Publish
	}
	// Who keeps the root's list must find the revoked intermediate on it from the
	// beginning; all other conditions have an issuer of their own.
	return c.arrange(revokedIntermediate)
}

const revokedIntermediate = "intermediate-revoked"

// RevocationLists arranges every condition and returns the lists of all issuers
// so far, DER: what a device needs that is given them as a file. Where a
// condition is about fetching, its list is a good one.
func (c *Cloud) RevocationLists() ([][]byte, error) {
	if c.lists == nil {
		return nil, fmt.Errorf("collecting revocation lists: the lab serves none")
	}
	for _, a := range c.Authorities {
		if _, err := a.Chain(certs.Healthy, c.chainNames()); err != nil { // so that its issuers are there
			return nil, err
		}
	}
	for _, cond := range conditions {
		if _, err := c.certificate(Face{Revocation: cond.ID}); err != nil {
			return nil, err
		}
	}
	var out [][]byte
	for _, name := range c.issuers {
		list, err := c.lists.CRL(name)
		if err != nil {
			return nil, err
		}
		out = append(out, list)
	}
	return out, nil
}

// Publish answers for an issuer on the revocation server, and returns the
// addresses for its certificates; none where no lists are served. Authorities of
// the cloud publish by it; those of the device's certificates may.
func (c *Cloud) Publish(i certs.Issuer) certs.Locations {
	if c.lists == nil {
		return certs.Locations{}
	}
	c.mu.Lock()
	c.issuers = append(c.issuers, i.Name)
	c.mu.Unlock()
	return c.lists.Publish(i)
}

// TellsRevocation reports whether the proxies' certificates say where their
// status is told.
func (c *Cloud) TellsRevocation() bool { return c.lists != nil }

// arrange makes the certificates of a condition: the one that stands in it, and
// the one that differs from it in nothing but that.
func (c *Cloud) arrange(id string) error {
	cond, err := findCondition(id)
	if err != nil {
		return err
	}
	if c.lists == nil {
		return fmt.Errorf("arranging %s: the lab serves no revocation lists", id)
	}
	branch, err := c.Authority.Branch(id, cond.Source.carry)
	if err != nil {
		return err
	}
	bad, err := branch.Chain(c.chainNames())
	if err != nil {
		return err
	}
	twin := branch
	if cond.Revoked != Leaf { // then the issuer itself is what is wrong
		if twin, err = c.Authority.Branch(id+"-good", cond.Source.carry); err != nil {
			return err
		}
	}
	good, err := twin.Chain(c.chainNames())
	if err != nil {
		return err
	}
	switch cond.Revoked {
	case Leaf:
		err = c.lists.Revoke(branch.Issuer().Name, bad.Leaf.SerialNumber, keyCompromise)
	case Intermediate:
		err = c.lists.Revoke(branch.Root().Name, branch.Issuer().Certificate.SerialNumber, keyCompromise)
	}
	if err != nil {
		return err
	}
	if err := c.lists.Set(branch.Issuer().Name, cond.State); err != nil {
		return err
	}
	if cond.Source == Staple {
		for _, s := range []*tls.Certificate{&bad, &good} {
			if s.OCSPStaple, err = c.lists.Staple(branch.Issuer().Name, s.Leaf.SerialNumber); err != nil {
				return err
			}
		}
	}
	about := func(b *certs.Branch, revoked Revoked) record.Profile {
		p := record.Profile{Revocation: id, Revoked: revoked != Nothing, Stapled: cond.Source == Staple, Issuer: b.Issuer().Name}
		if cond.Revoked == Intermediate {
			p.Issuer = b.Root().Name
		}
		return p
	}
	c.shown[Face{Revocation: id}] = shown{bad, about(branch, cond.Revoked)}
	c.shown[Face{Revocation: id, Good: true}] = shown{good, about(twin, Nothing)}
	return nil
}

// keyCompromise is the reason for a revocation (RFC 5280 section 5.3.1).
const keyCompromise = 1

// Revoke puts a certificate of a published issuer on its list.
func (c *Cloud) Revoke(issuer string, serial *big.Int) error {
	return c.lists.Revoke(issuer, serial, keyCompromise)
}

// carry leaves of an issuer's addresses those of the source.
func (s Source) carry(all certs.Locations) certs.Locations {
	kept := certs.Locations{Certificate: all.Certificate}
	switch s {
	case CRL:
		kept.CRL = all.CRL
	case OCSP:
		kept.OCSP = all.OCSP
	}
	return kept
}
