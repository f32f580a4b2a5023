package scenarios

import (
	"context"
	"crypto/tls"
	"fmt"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/simulator/record"
)

// playWrongCertificates lets the device present one wrong certificate after the
// other, and a right one after each, and calls it as Genesys would.
func playWrongCertificates(ctx context.Context, s *Stage, c *judge.Case) (err error) {
	names := certs.Names{CN: c.Target, DNS: []string{c.Target}}
	if s.Cloud.Device.Addr().IsValid() {
		names.IP = append(names.IP, s.Cloud.Device.Addr())
	}
	right, err := s.Wrong.Chain(certs.Healthy, names)
	if err != nil {
		return err
	}
	defer func() { // the device gets back what it had, whatever happened
		if own, failed := s.Own(); failed == nil {
			s.provision(context.WithoutCancel(ctx), "own", own)
		}
	}()
	a, err := s.presents(ctx, string(certs.Healthy), right)
	c.Control = []record.Attempt{a}
	if err != nil {
		return err
	}
	for _, p := range certs.Profiles() {
		if p.Profile == certs.Healthy || ctx.Err() != nil {
			continue
		}
		wrong, err := s.Wrong.Chain(p.Profile, names)
		if err != nil {
			return err
		}
		for _, step := range []struct {
			name string
			cert tls.Certificate
		}{{string(p.Profile), wrong}, {string(p.Profile) + ", then healthy", right}} {
			a, err := s.presents(ctx, step.name, step.cert)
			c.Attempts = append(c.Attempts, a)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// presents gives the device a certificate and dials it as the cloud does, with
// the documented check of what it presents.
func (s *Stage) presents(ctx context.Context, name string, cert tls.Certificate) (record.Attempt, error) {
	w := s.Recorder.Open(name)
	w.Under(name, s.Cloud.Generation())
	s.provision(ctx, name, cert)
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
func (s *Stage) provision(ctx context.Context, name string, cert tls.Certificate) {
	s.tell("giving the device the certificate %s", name)
	s.Recorder.Emit(record.Origin{}, record.Provisioned{Profile: name, Chain: cert.Certificate, Error: errorText(s.Provision(ctx, cert))})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
