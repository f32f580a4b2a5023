package certs

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"strconv"
	"time"
)

// Issuer is a CA of a lab, with what is needed to sign revocation information
// for it.
type Issuer struct {
	// Name is unique in a run: <hierarchy>-root, <hierarchy> for the
	// intermediate of the run, <hierarchy>-<branch> for others, with a number
	// after it from the second of that name on.
	Name string
	// Certificate is the CA's own certificate, Key its private key.
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Locations are the addresses (URLs) that the certificates of an issuer carry:
// CRL in cRLDistributionPoints (RFC 5280 section 4.2.1.13), OCSP and
// Certificate, the issuer's own, in authorityInfoAccess (section 4.2.2.1).
// Empty ones are left out.
type Locations struct {
	CRL, OCSP, Certificate string
}

// put writes the locations into a certificate that is to be signed.
func (l Locations) put(t *x509.Certificate) {
	list := func(url string) []string {
		if url == "" {
			return nil
		}
		return []string{url}
	}
	t.CRLDistributionPoints, t.OCSPServer, t.IssuingCertificateURL = list(l.CRL), list(l.OCSP), list(l.Certificate)
}

// issuer is a CA of a run.
type issuer struct {
	credential
	name   string
	at     Locations // for the certificates that it signs
	parent *issuer   // who signed it; nil for a root
}

func (i *issuer) public() Issuer { return Issuer{i.name, i.cert, i.key} }

// publish names a CA and has it told, before it signs anything.
func (a *Authority) publish(name string, c credential, parent *issuer) *issuer {
	i := &issuer{credential: c, name: a.unique(name), parent: parent}
	if a.Publish != nil {
		i.at = a.Publish(i.public())
	}
	return i
}

// unique adds a number to a name that has been given before.
func (a *Authority) unique(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for n, base := 2, name; a.named[name]; n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	if a.named == nil {
		a.named = map[string]bool{}
	}
	a.named[name] = true
	return name
}

// draft is an intermediate before it is signed. A fault of an intermediate is a
// change of its template.
type draft struct {
	name     string // see Issuer.Name
	subject  []attribute
	template *x509.Certificate // all but serial number, subject, key and addresses
	key      crypto.Signer
}

// draft begins another intermediate like that of the run. Its common name ends
// in a random number, because devices keep intermediates and revocation lists
// by the name of the CA.
func (a *Authority) draft(name string, s caShape, key crypto.Signer) (draft, error) {
	number, err := newSerial(a.lab.rand)
	if err != nil {
		return draft{}, err
	}
	subject := append([]attribute(nil), s.subject...)
	last := &subject[len(subject)-1]
	last.value = fmt.Sprintf("%s %08x", last.value, uint32(number.Uint64()))
	return draft{
		name:     string(a.shape.id) + "-" + name,
		subject:  subject,
		template: caTemplate(s, true, a.start.Add(-intermediateBackdate), a.start.Add(intermediateLife)),
		key:      key,
	}, nil
}

// found signs a draft.
func (a *Authority) found(d draft, parent *issuer) (*issuer, error) {
	parent.at.put(d.template)
	cert, err := a.lab.sign(d.template, d.subject, d.key.Public(), &parent.credential, nil, false)
	if err != nil {
		return nil, err
	}
	return a.publish(d.name, credential{cert, d.key}, parent), nil
}

// caTemplate is all of a CA certificate but its subject, serial number, key and
// addresses: a root, or an intermediate that may issue leaves only (pathlen:0,
// for TLS).
func caTemplate(s caShape, intermediate bool, notBefore, notAfter time.Time) *x509.Certificate {
	t := &x509.Certificate{
		SignatureAlgorithm:    s.signature,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		Policies:              s.policies,
	}
	if intermediate {
		t.MaxPathLenZero = true
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	return t
}
