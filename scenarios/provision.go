package scenarios

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/simulator/record"
)

// given is a certificate that the device is given to present.
type given struct {
	name string
	cert tls.Certificate
}

// givingBack bounds the hook that gives the device its own certificate again in a
// run that was interrupted: whoever did that does not wait for long.
const givingBack = 15 * time.Second

// playWrongCertificates lets the device present one wrong certificate after the
// other, and a right one after each, and calls it as Genesys would.
func playWrongCertificates(ctx context.Context, s *Stage, c *judge.Case) error {
	names := certs.Names{CN: c.Target, DNS: []string{c.Target}}
	if a := s.Cloud.Device.Addr(); a.IsValid() {
		names.IP = append(names.IP, a)
	}
	right, wrong, err := s.toGive(names)
	if err != nil {
		return err
	}
	defer func() { // the device gets back what it had, whatever happened
		back, cancel := context.WithoutCancel(ctx), func() {}
		if ctx.Err() != nil {
			back, cancel = context.WithTimeout(back, givingBack)
		}
		defer cancel()
		if own, err := s.Own(); err == nil {
			s.provision(back, given{"own", own})
		}
	}()
	a, err := s.presents(ctx, right)
	c.Control = []record.Attempt{a}
	if !judge.Accepts(a) { // then nothing can be seen with a wrong one
		c.Attempts = c.Control
	}
	if err != nil || len(c.Attempts) > 0 {
		return err
	}
	for _, w := range wrong {
		again := given{w.name + ", then healthy", right.cert}
		for _, g := range []given{w, again} {
			a, err := s.presents(ctx, g)
			c.Attempts = append(c.Attempts, a)
			if err != nil {
				return err
			}
		}
		if !judge.Accepts(c.Attempts[len(c.Attempts)-1]) {
			return nil // it did not come back
		}
	}
	return nil
}

// toGive makes a right certificate and the wrong ones.
func (s *Stage) toGive(names certs.Names) (right given, wrong []given, err error) {
	for _, p := range certs.Profiles() {
		chain, err := s.Wrong.Chain(p.Profile, names)
		if err != nil {
			return right, nil, err
		}
		g := given{string(p.Profile), chain}
		if p.Profile == certs.Healthy {
			right = g
			continue
		}
		wrong = append(wrong, g)
	}
	if !s.Cloud.TellsRevocation() {
		return right, wrong, nil
	}
	branch, err := s.Wrong.Branch("revoked", nil)
	if err != nil {
		return right, nil, err
	}
	chain, err := branch.Chain(names)
	if err != nil {
		return right, nil, err
	}
	return right, append(wrong, given{"revoked", chain}), s.Cloud.Revoke(branch.Issuer().Name, chain.Leaf.SerialNumber)
}

// presents gives the device a certificate and dials it as the cloud does, with
// the documented check of what it presents.
func (s *Stage) presents(ctx context.Context, g given) (record.Attempt, error) {
	w := s.Recorder.Open(g.name)
	w.Under(g.name, s.Cloud.Generation())
	s.provision(ctx, g)
	if l, err := s.Cloud.DialVerifying(ctx, s.Cloud.NextProxy()); err == nil {
		l.Close("the certificate was accepted")
		<-l.Flow.Closed()
	}
	if ctx.Err() != nil {
		return w.Close(), fmt.Errorf("giving the device certificates: %w", ctx.Err())
	}
	return w.Close(), nil
}

// provision runs the hook; that it failed is recorded.
func (s *Stage) provision(ctx context.Context, g given) {
	s.tell("giving the device the certificate %s", g.name)
	p := record.Provisioned{Profile: g.name, Chain: g.cert.Certificate}
	if err := s.Provision(ctx, g.cert); err != nil {
		p.Error = err.Error()
		s.tell("  %v", err)
	}
	s.Recorder.Emit(record.Origin{}, p)
}
