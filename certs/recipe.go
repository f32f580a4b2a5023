package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
)

// recipe is a chain before it is made. A fault is a change of one part of it.
type recipe struct {
	asked Names  // what the chain is for
	role  string // what for, in the names of intermediates and keys of its own

	names identifiers       // of the leaf
	leaf  *x509.Certificate // the rest of the leaf, but for serial number and addresses
	key   crypto.Signer     // of the leaf

	// issuer signs the first draft, each draft the next one, and the last one
	// the leaf. Without drafts the issuer signs the leaf; without an issuer the
	// leaf signs itself.
	issuer *issuer
	drafts []draft

	carry  func(Locations) Locations // what of the issuer's addresses the leaf carries; nil: all
	resign *signing                  // signs the leaf over again; nil: no
	send   func(path [][]byte) [][]byte
}

// alteration changes a recipe.
type alteration func(*Authority, *recipe) error

// simply is an alteration that needs no authority and cannot fail.
func simply(change func(*recipe)) alteration {
	return func(_ *Authority, r *recipe) error {
		change(r)
		return nil
	}
}

// healthy is the recipe without a fault.
func (a *Authority) healthy(role string, names Names) (recipe, error) {
	if err := names.check(); err != nil {
		return recipe{}, err
	}
	made, err := a.basics()
	if err != nil {
		return recipe{}, err
	}
	return recipe{
		asked:  names,
		role:   role,
		names:  names.identifiers(),
		leaf:   leafTemplate(a.shape.leaf, a.start.Add(-leafBackdate), a.start.Add(leafLife)),
		key:    made.leafKey,
		issuer: made.intermediate,
	}, nil
}

// make follows a recipe.
func (a *Authority) make(r recipe) (tls.Certificate, error) {
	by := r.issuer
	for _, d := range r.drafts {
		var err error
		if by, err = a.found(d, by); err != nil {
			return tls.Certificate{}, err
		}
	}
	var signer *credential
	if by != nil {
		signer = &by.credential
		at := by.at
		if r.carry != nil {
			at = r.carry(at)
		}
		at.put(r.leaf)
	}
	leaf, err := a.lab.makeLeaf(a.shape.leaf, r.names, r.leaf, r.key, signer)
	if err == nil && r.resign != nil {
		leaf, err = r.resign.again(leaf, signer.key, a.lab.rand)
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	path := [][]byte{leaf.Raw} // up to the root
	for i := by; i != nil; i = i.parent {
		path = append(path, i.cert.Raw)
	}
	send := r.send
	if send == nil {
		send = withoutRoot
	}
	return tls.Certificate{Certificate: send(path), PrivateKey: r.key, Leaf: leaf}, nil
}

// withoutRoot is what a server is to send (RFC 5246 section 7.4.2). A leaf that
// signed itself is its own root, and sent all the same.
func withoutRoot(path [][]byte) [][]byte { return path[:max(1, len(path)-1)] }

// ownIntermediate puts the leaf below an intermediate that no other chain has,
// with a key that is kept for the next run.
func ownIntermediate(a *Authority, r *recipe) error {
	key, err := a.keptKey("profile-"+r.role, a.shape.intermediate.key)
	if err != nil {
		return err
	}
	return a.below(r, r.role, a.shape.intermediate, key)
}

// newIntermediate puts the leaf below an intermediate whose key is new as well,
// because some devices look for an issuer by its key identifier.
func newIntermediate(a *Authority, r *recipe) error {
	key, err := a.shape.intermediate.key.make()
	if err != nil {
		return err
	}
	return a.below(r, r.role, a.shape.intermediate, key)
}

// below puts the leaf below another intermediate: under the root, or under the
// one that was put there before.
func (a *Authority) below(r *recipe, name string, s caShape, key crypto.Signer) error {
	made, err := a.basics()
	if err != nil {
		return err
	}
	d, err := a.draft(name, s, key)
	if err != nil {
		return err
	}
	r.issuer, r.drafts = made.root, append(r.drafts, d)
	return nil
}
