package referencesbc

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"time"
)

// minLeft is what the mutant RefusesExpiringSoon takes for too little.
const minLeft = 14 * 24 * time.Hour

// stumbling are the mutants that refuse certificates for what is right in them,
// or no matter; sent are those of the proxy, the leaf first.
var stumbling = map[Mutant]func(sent []*x509.Certificate, now time.Time) bool{
	RefusesSuperfluousRoot: func(sent []*x509.Certificate, _ time.Time) bool {
		return slices.ContainsFunc(sent[1:], func(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) })
	},
	RefusesURISANBeside: func(sent []*x509.Certificate, _ time.Time) bool {
		return len(sent[0].URIs) > 0 && len(sent[0].DNSNames) > 0
	},
	RefusesClientAuthEKU: func(sent []*x509.Certificate, _ time.Time) bool {
		return slices.Contains(sent[0].ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	},
	RefusesExpiringSoon: func(sent []*x509.Certificate, now time.Time) bool {
		return sent[0].NotAfter.Sub(now) < minLeft
	},
	RefusesBigKeys: func(sent []*x509.Certificate, _ time.Time) bool {
		key, is := sent[0].PublicKey.(*rsa.PublicKey)
		return is && key.N.BitLen() > minRSA
	},
}
