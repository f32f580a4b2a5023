package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"time"
)

const (
	leafBackdate         = time.Hour
	leafLife             = 180 * 24 * time.Hour
	intermediateBackdate = 24 * time.Hour
	intermediateLife     = 5 * year
)

// Authority makes the chains of one run under one hierarchy: a new
// intermediate, and one leaf key and validity window for all its chains, so
// that a faulty chain differs from its healthy twin in nothing but the fault.
// What it needs for that is made when a chain is first asked for. It is safe
// for concurrent use.
type Authority struct {
	// Publish is told of every issuer of the run, the root included, before it
	// signs its first certificate, and says which addresses its certificates
	// carry. It must be safe for concurrent use, and is to be set before the
	// first chain. Nil means that certificates carry no addresses: one that
	// nobody answers would be a fault.
	Publish func(Issuer) Locations

	lab   *Lab
	shape shape
	root  credential
	start time.Time

	basics   func() (basics, error)  // for every chain
	impostor func() (*issuer, error) // see makeImpostor

	mu    sync.Mutex
	named map[string]bool // the issuers of the run
}

// basics are what every chain of a run is made with.
type basics struct {
	root, intermediate *issuer
	leafKey            crypto.Signer
}

// NewAuthority begins a run under hierarchy h. It makes nothing yet: the first
// chain takes the time of two keys, RSA 2048 about 0.1 s each, unless an earlier
// run kept them in the state directory. Leaves are valid from an hour before now
// to 180 days after. It fails on an unknown hierarchy.
func (l *Lab) NewAuthority(h Hierarchy) (*Authority, error) {
	s, err := shapeOf(h)
	if err != nil {
		return nil, err
	}
	return l.authority(s, l.roots[h]), nil
}

// DeviceAuthority begins a run under the lab's device CA: the same chains for a
// device as TLS server. Like public CAs since 2026, and unlike IssueDevice, its
// healthy leaves are for servers alone, so that each profile differs from them.
func (l *Lab) DeviceAuthority() (*Authority, error) {
	s := deviceShape
	s.leaf.extUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return l.authority(s, l.device.root), nil
}

func (l *Lab) authority(s shape, root credential) *Authority {
	a := &Authority{lab: l, shape: s, root: root, start: l.now().UTC().Truncate(time.Second)}
	a.basics = sync.OnceValues(a.makeBasics)
	a.impostor = sync.OnceValues(a.makeImpostor)
	return a
}

// Root is the trust anchor of the authority's healthy chains.
func (a *Authority) Root() *x509.Certificate { return a.root.cert }

// Chain makes the certificate chain of a profile for the given names, with its
// private key: leaf and intermediate, no root, as the cloud sends it, unless the
// fault is what is sent. All chains of one authority share a leaf key, unless
// the profile is about keys; serial numbers are new each time. Profiles whose
// fault is in an intermediate have an intermediate of their own. It fails on an
// unknown profile, on names that are not host names, and where a profile needs
// names or addresses that were not given.
func (a *Authority) Chain(p Profile, names Names) (tls.Certificate, error) {
	return a.chain(p, names, true)
}

// Twin makes the healthy chain that differs from the profile's in nothing but
// the fault. Where the profile has an intermediate of its own so has the twin,
// another one of the same form, so that a device that keeps intermediates does
// not learn from the one chain what the other one is to be refused for.
func (a *Authority) Twin(p Profile, names Names) (tls.Certificate, error) {
	return a.chain(p, names, false)
}

func (a *Authority) chain(p Profile, names Names, faulty bool) (tls.Certificate, error) {
	row, err := profileRow(p)
	if err != nil {
		return tls.Certificate{}, err
	}
	what, role := "a "+string(p)+" chain", string(p)
	if !faulty {
		what, role, row.change = "the twin of "+what, role+"-twin", nil
	}
	r, err := a.healthy(role, names)
	for _, alter := range []alteration{row.base, row.change} {
		if err == nil && alter != nil {
			err = alter(a, &r)
		}
	}
	var chain tls.Certificate
	if err == nil {
		chain, err = a.make(r)
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making %s: %w", what, err)
	}
	return chain, nil
}

func (a *Authority) makeBasics() (basics, error) {
	keys, err := a.lab.keptKeys(string(a.shape.id), nil,
		wanted{intermediateKey, a.shape.intermediate.key}, wanted{leafKey, a.shape.leaf.key})
	if err != nil {
		return basics{}, err
	}
	root := a.publish(string(a.shape.id)+"-root", a.root, nil)
	intermediate, err := a.under(root, keys[0], string(a.shape.id))
	return basics{root, intermediate, keys[1]}, err
}

// under makes the intermediate of the run below a root.
func (a *Authority) under(root *issuer, key crypto.Signer, name string) (*issuer, error) {
	s := a.shape.intermediate
	return a.found(draft{name, s.subject, caTemplate(s, true, a.start.Add(-intermediateBackdate), a.start.Add(intermediateLife)), key}, root)
}

// makeImpostor makes a hierarchy like the trusted one, under a root of the same
// subject and dates that nobody was told to trust. It returns the intermediate.
func (a *Authority) makeImpostor() (*issuer, error) {
	made, err := a.basics()
	if err != nil {
		return nil, err
	}
	// With the key of the trusted intermediate it would be a trusted one.
	avoid := []*x509.Certificate{made.intermediate.cert}
	keys, err := a.lab.keptKeys(string(a.shape.id), avoid,
		wanted{untrustedRootKey, a.shape.root.key}, wanted{untrustedIntermediateKey, a.shape.intermediate.key})
	if err != nil {
		return nil, err
	}
	like := a.root.cert
	t := caTemplate(a.shape.root, false, like.NotBefore, like.NotAfter)
	t.RawSubject = like.RawSubject // not the shape's: an older version may have made the root
	root, err := a.lab.sign(t, nil, keys[0].Public(), nil, keys[0], a.shape.root.selfAuthorityKeyID)
	if err != nil {
		return nil, err
	}
	name := string(a.shape.id) + "-untrusted"
	return a.under(a.publish(name+"-root", credential{root, keys[0]}, nil), keys[1], name)
}
