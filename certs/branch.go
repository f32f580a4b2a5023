package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
)

// Branch is an intermediate beside that of the run, with a subject, a serial
// number and addresses of its own. What a device keeps of other CAs, such as
// their revocation lists, tells it nothing of a branch. It is safe for
// concurrent use.
type Branch struct {
	authority *Authority
	issuer    *issuer
	carry     func(Locations) Locations
}

var branchName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Branch makes a new intermediate under the authority's root, each time it is
// called. The name goes into Issuer.Name and says what the branch is for; the
// key of the first run is kept under it for later ones, as keys take long to
// make, but subject and serial number are new. carry, if not nil, is asked for
// each leaf which of the branch's Locations it carries, and may leave all out.
// It fails on a name that is not of small letters and digits, with single
// hyphens between them.
func (a *Authority) Branch(name string, carry func(Locations) Locations) (*Branch, error) {
	b, err := a.branch(name, carry)
	if err != nil {
		return nil, fmt.Errorf("making the branch %.64q: %w", name, err)
	}
	return b, nil
}

func (a *Authority) branch(name string, carry func(Locations) Locations) (*Branch, error) {
	if len(name) > 64 || !branchName.MatchString(name) {
		return nil, errors.New("checking its name: use at most 64 small letters, digits and single hyphens between them")
	}
	made, err := a.basics()
	if err != nil {
		return nil, err
	}
	key, err := a.keptKey("branch-"+name, a.shape.intermediate.key)
	if err != nil {
		return nil, err
	}
	d, err := a.draft(name, a.shape.intermediate, key)
	if err != nil {
		return nil, err
	}
	i, err := a.found(d, made.root)
	if err != nil {
		return nil, err
	}
	return &Branch{a, i, carry}, nil
}

// Issuer is the intermediate: it signs the leaves.
func (b *Branch) Issuer() Issuer { return b.issuer.public() }

// Root is the issuer that signed the intermediate. All branches of an authority
// have the same.
func (b *Branch) Root() Issuer { return b.issuer.parent.public() }

// Chain makes a healthy leaf with a new serial number, and returns it with the
// intermediate and its key, which is that of the authority's chains. It fails
// on names that are not host names.
func (b *Branch) Chain(names Names) (tls.Certificate, error) {
	r, err := b.authority.healthy(b.issuer.name, names)
	var chain tls.Certificate
	if err == nil {
		r.issuer, r.carry = b.issuer, b.carry
		chain, err = b.authority.make(r)
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a chain of %s: %w", b.issuer.name, err)
	}
	return chain, nil
}
