package referencesbc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ruling is what a list or a response says, once signature and dates are found
// good: what it speaks for is good, but for these serial numbers.
type ruling struct {
	revoked map[string]time.Time // since when, by serial number in decimal
	until   time.Time            // nextUpdate; zero where newer answers may be had at any time
}

// unrevoked checks every certificate of a verified path below its root, with
// the OCSP response that came in the handshake and what is at the addresses in
// the certificates. One source that says revoked is enough to refuse. Where
// certificates have addresses but nothing can be had there, HardFail decides.
// All is asked for at once, and all ends with ctx or after Timers.Fetch.
func (s *SBC) unrevoked(ctx context.Context, path []*x509.Certificate, staple []byte) error {
	below := len(path) - 1
	if s.Mutant == AcceptsRevokedIntermediate {
		below = min(below, 1)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timers.Fetch)
	defer cancel()
	problems := make([]error, below)
	var asking sync.WaitGroup
	for i := range below {
		asking.Go(func() {
			var stapled []byte
			if i == 0 { // RFC 6066 8: the response is about the leaf
				stapled = staple
			}
			if err := s.standing(ctx, path[i], path[i+1], stapled); err != nil {
				problems[i] = fmt.Errorf("%q: %w", path[i].Subject, err)
			}
		})
	}
	asking.Wait()
	return errors.Join(problems...)
}

// standing checks one certificate. A stapled response that is good stands for
// those of OCSP responders, and leaves lists to be asked for.
func (s *SBC) standing(ctx context.Context, cert, issuer *x509.Certificate, staple []byte) error {
	var (
		serial  = cert.SerialNumber.String()
		sources = s.sources(cert, issuer)
		heard   bool
		lost    []error
	)
	if len(staple) > 0 && s.Mutant != IgnoresOCSP {
		r, err := readResponse(staple, cert, issuer, s.now())
		since, revoked := r.revoked[serial]
		switch {
		case err != nil:
			lost = append(lost, fmt.Errorf("reading the stapled OCSP response: %w", err))
		case revoked:
			return fmt.Errorf("it is revoked since %s, says the stapled OCSP response", since)
		default:
			heard = true
			sources = slices.DeleteFunc(sources, func(q source) bool { return !q.list })
		}
	}
	rulings, problems := make([]ruling, len(sources)), make([]error, len(sources))
	var asking sync.WaitGroup
	for i, q := range sources {
		asking.Go(func() { rulings[i], problems[i] = s.ask(ctx, q) })
	}
	asking.Wait()
	for i, q := range sources {
		if err := problems[i]; err != nil {
			lost = append(lost, err)
			continue
		}
		heard = true
		if since, revoked := rulings[i].revoked[serial]; revoked {
			return fmt.Errorf("it is revoked since %s, says %s", since, q.url)
		}
	}
	if heard || len(lost) == 0 {
		return nil
	}
	err := fmt.Errorf("whether it is revoked is not to be had: %w", errors.Join(lost...))
	if s.HardFail {
		return err
	}
	s.Log.Info("going on without", "certificate", cert.Subject, "error", err)
	return nil
}
