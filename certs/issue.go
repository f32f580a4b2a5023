package certs

import (
	"crypto"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"regexp"
	"sync"
	"time"
)

const (
	leafBackdate         = time.Hour
	leafLife             = 180 * 24 * time.Hour
	intermediateBackdate = 24 * time.Hour
	intermediateLife     = 5 * year
)

// Names are the host names a server certificate carries.
type Names struct {
	// CN is the subject's common name: on the real cloud the SRV domain.
	CN string
	// DNS are the dNSName entries of the subject alternative name, in order:
	// the SRV domain and the names of the proxies.
	DNS []string
}

// Authority makes the chains of one run under one hierarchy: a new
// intermediate, and one leaf key and validity window for all its chains, so
// that a faulty chain differs from its healthy twin in nothing but the fault.
// What it needs for that is made when a chain is first asked for. It is safe
// for concurrent use.
type Authority struct {
	lab   *Lab
	shape shape
	root  credential
	start time.Time

	basics   func() (basics, error)        // for every chain
	impostor func() (hierarchyKeys, error) // see otherRoot
}

// basics are what every chain of a run is made with.
type basics struct {
	trusted hierarchyKeys
	leafKey crypto.Signer
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
	a := &Authority{lab: l, shape: s, root: l.roots[h], start: l.now().UTC().Truncate(time.Second)}
	a.basics = sync.OnceValues(a.makeBasics)
	a.impostor = sync.OnceValues(a.makeImpostor)
	return a, nil
}

// Root is the trust anchor of the authority's healthy chains.
func (a *Authority) Root() *x509.Certificate { return a.root.cert }

// Chain makes the certificate chain of a profile for the given names, with its
// private key: leaf and intermediate, no root, as the cloud sends it. All
// chains of one authority share a leaf key; serial numbers are new each time.
// It fails on an unknown profile and on names that are not host names.
func (a *Authority) Chain(p Profile, names Names) (tls.Certificate, error) {
	row, err := profileRow(p)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := names.check(); err != nil {
		return tls.Certificate{}, fmt.Errorf("making a %s chain: %w", p, err)
	}
	made, err := a.basics()
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a %s chain: %w", p, err)
	}
	r := recipe{
		names:    Names{CN: names.CN, DNS: append([]string(nil), names.DNS...)},
		issuer:   made.trusted,
		template: a.lab.leafTemplate(a.shape.leaf, a.start.Add(-leafBackdate), a.start.Add(leafLife)),
	}
	if row.change != nil {
		if err := row.change(a, &r); err != nil {
			return tls.Certificate{}, fmt.Errorf("making a %s chain: %w", p, err)
		}
	}
	chain, err := a.lab.makeLeaf(a.shape.leaf, r, made.leafKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a %s chain: %w", p, err)
	}
	return chain, nil
}

func (a *Authority) makeBasics() (basics, error) {
	keys, err := a.lab.keptKeys(a.shape.id, nil,
		wanted{intermediateKey, a.shape.intermediate.key}, wanted{leafKey, a.shape.leaf.key})
	if err != nil {
		return basics{}, err
	}
	trusted, err := a.under(a.root, keys[0])
	return basics{trusted, keys[1]}, err
}

func (a *Authority) under(root credential, key crypto.Signer) (hierarchyKeys, error) {
	intermediate, err := a.lab.makeCA(a.shape.intermediate, key, &root, a.start.Add(-intermediateBackdate), a.start.Add(intermediateLife))
	return hierarchyKeys{root, intermediate}, err
}

// otherRoot is a hierarchy like the trusted one, under a root of the same
// subject and dates that nobody was told to trust.
func (a *Authority) otherRoot() (hierarchyKeys, error) { return a.impostor() }

func (a *Authority) makeImpostor() (hierarchyKeys, error) {
	made, err := a.basics()
	if err != nil {
		return hierarchyKeys{}, err
	}
	// With the key of the trusted intermediate it would be a trusted one.
	avoid := []*x509.Certificate{made.trusted.intermediate.cert}
	keys, err := a.lab.keptKeys(a.shape.id, avoid,
		wanted{untrustedRootKey, a.shape.root.key}, wanted{untrustedIntermediateKey, a.shape.intermediate.key})
	if err != nil {
		return hierarchyKeys{}, err
	}
	like := a.root.cert
	root, err := a.lab.makeCA(a.shape.root, keys[0], nil, like.NotBefore, like.NotAfter)
	if err != nil {
		return hierarchyKeys{}, err
	}
	return a.under(root, keys[1])
}

// makeCA makes a CA certificate for a key: an intermediate that may issue
// leaves only (pathlen:0, for TLS), or a root when issuer is nil.
func (l *Lab) makeCA(s caShape, key crypto.Signer, issuer *credential, notBefore, notAfter time.Time) (credential, error) {
	t := &x509.Certificate{
		SignatureAlgorithm:    s.signature,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		Policies:              s.policies,
	}
	if issuer != nil {
		t.MaxPathLenZero = true
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	cert, err := l.sign(t, s.subject, key.Public(), issuer, key, s.selfAuthorityKeyID)
	return credential{cert, key}, err
}

// leafTemplate is all of a leaf but its names, key and issuer. There is no CRL
// distribution point and no authority information access, because the lab has
// no revocation server; an address that nobody answers would be a fault.
func (l *Lab) leafTemplate(s leafShape, notBefore, notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		SignatureAlgorithm:    s.signature,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              s.usage,
		ExtKeyUsage:           s.extUsage,
		Policies:              s.policies,
	}
}

func (l *Lab) makeLeaf(s leafShape, r recipe, key crypto.Signer) (tls.Certificate, error) {
	subject := append([]attribute(nil), s.subject...)
	if r.names.CN != "" {
		subject = append(subject, attribute{oidCN, r.names.CN})
	}
	r.template.DNSNames = r.names.DNS
	leaf, err := l.sign(r.template, subject, key.Public(), &r.issuer.intermediate, nil, false)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{
		Certificate: [][]byte{leaf.Raw, r.issuer.intermediate.cert.Raw},
		PrivateKey:  key,
		Leaf:        leaf,
	}, nil
}

// sign completes template t and signs it by issuer, or by self when issuer is nil.
func (l *Lab) sign(t *x509.Certificate, subject []attribute, pub crypto.PublicKey, issuer *credential, self crypto.Signer, selfAKI bool) (*x509.Certificate, error) {
	var err error
	if t.RawSubject, err = rawName(subject); err != nil {
		return nil, fmt.Errorf("encoding a subject: %w", err)
	}
	if t.SerialNumber, err = newSerial(l.rand); err != nil {
		return nil, err
	}
	if t.SubjectKeyId, err = keyID(pub); err != nil {
		return nil, err
	}
	parent, key := t, self
	if issuer != nil {
		parent, key = issuer.cert, issuer.key
	} else if selfAKI {
		t.AuthorityKeyId = t.SubjectKeyId
	}
	der, err := x509.CreateCertificate(l.rand, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// newSerial is a positive serial number of exactly 16 octets, the size that
// DigiCert uses, 126 bits of it random (RFC 5280 section 4.1.2.2).
func newSerial(rand io.Reader) (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b), nil
}

// keyID is RFC 5280 section 4.2.1.2 method 1, SHA-1 of the key, as in the
// hierarchies that are mirrored; crypto/x509 by itself uses SHA-256.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		return nil, fmt.Errorf("decoding a public key: %w", err)
	}
	sum := sha1.Sum(spki.Key.Bytes)
	return sum[:], nil
}

// maxCommonName is ub-common-name of RFC 5280 appendix A.1, in characters.
const maxCommonName = 64

func (n Names) check() error {
	if err := checkHost(n.CN); err != nil {
		return err
	}
	if len(n.CN) > maxCommonName {
		return fmt.Errorf("checking a common name: above %d characters: %q", maxCommonName, n.CN)
	}
	for _, name := range n.DNS {
		if err := checkHost(name); err != nil {
			return err
		}
	}
	return nil
}

// hostName is RFC 1123 section 2.1, with the underscore that is met in
// practice; no trailing dot and no wildcard.
var hostName = func() *regexp.Regexp {
	const label = `[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`
	return regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)
}()

func checkHost(name string) error {
	if len(name) > 253 || !hostName.MatchString(name) {
		return fmt.Errorf("checking a host name: use letters, digits and hyphens, separated by single dots: %.260q", name)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("checking a host name: it is an address, and certificates are matched by name: %q", name)
	}
	return nil
}
