package simulator

import (
	"context"
	"crypto/x509"
	"fmt"

	"byocheck/certs/trust"
	"byocheck/certs/trust/fetch"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

// verify checks what the device presented as Genesys is documented to.
func (c *Cloud) verify(ctx context.Context, o record.Origin, chain []*x509.Certificate) error {
	var sent [][]byte
	for _, cert := range chain {
		sent = append(sent, cert.Raw)
	}
	edition := trust.Newer
	if c.Edition == transport.Older {
		edition = trust.Older
	}
	p := trust.Presented{Chain: sent, Target: c.Target, Now: c.now(), Edition: edition, Roots: c.DeviceRoots, Offline: c.Offline, Answers: c.Inquire(ctx, o, sent)}
	if f, refused := trust.Evaluate(p).Refused(); refused {
		return fmt.Errorf("checking the device's certificate: %s: %s", f.Step, f.Observed)
	}
	return nil
}

// Inquire asks after the revocation of a chain of the device, at the addresses
// that stand in it, and records the answers; nothing is asked where Offline is
// set.
func (c *Cloud) Inquire(ctx context.Context, o record.Origin, chain [][]byte) []trust.Answer {
	if c.Offline {
		return nil
	}
	answers := fetch.Fetcher{}.Answers(ctx, chain, c.DeviceRoots)
	for _, a := range answers {
		c.Recorder.Emit(o, record.RevocationAnswer{What: a.Kind, URL: a.URL, Subject: a.Subject, Body: a.Body, Error: a.Error, Took: a.Took})
	}
	return answers
}
