package referencesbc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Keys take their time: the certificates of the tests differ in what they say,
// and have these where the key does not matter: leaves the first, CAs the second.
var (
	testKey  = onceKey(rsaKey(2048))
	caKey    = onceKey(rsaKey(2048))
	otherKey = onceKey(rsaKey(2048))
	shortKey = onceKey(rsaKey(1024))
	bigKey   = onceKey(rsaKey(3072))
	curveKey = onceKey(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) })
)

func rsaKey(bits int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

func onceKey(make func() (crypto.Signer, error)) func(testing.TB) crypto.Signer {
	once := sync.OnceValues(make)
	return func(t testing.TB) crypto.Signer {
		k, err := once()
		must(t, err)
		return k
	}
}

// issuer is a CA of the tests, or what stands as one.
type issuer struct {
	cert   *x509.Certificate
	key    crypto.Signer
	parent *issuer // nil for roots
}

var serials atomic.Int64

// sign makes a certificate for a key; without an issuer it is signed by itself.
func sign(t testing.TB, template *x509.Certificate, key crypto.Signer, by *issuer) *issuer {
	t.Helper()
	signer := by
	if by == nil {
		signer = &issuer{cert: template, key: key}
	}
	template.SerialNumber = big.NewInt(1000 + serials.Add(1))
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, key.Public(), signer.key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &issuer{cert, key, by}
}

// authority makes a CA; change, if not nil, changes it before it is signed.
func authority(t testing.TB, name string, key crypto.Signer, by *issuer, change func(*x509.Certificate)) *issuer {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	if change != nil {
		change(c)
	}
	return sign(t, c, key, by)
}

var (
	madeOnce sync.Once
	made     map[string]*issuer
)

// cas returns the CAs by name. Trusted are root and curve root.
func cas(t testing.TB) map[string]*issuer {
	madeOnce.Do(func() {
		fresh := func() crypto.Signer {
			k, err := rsaKey(2048)()
			must(t, err)
			return k
		}
		between := func(from, to time.Duration) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
		}
		m := map[string]*issuer{}
		m["root"] = authority(t, "SIMULATED root", fresh(), nil, nil)
		m["other root"] = authority(t, "SIMULATED root", fresh(), nil, nil)
		m["curve root"] = authority(t, "SIMULATED curve root", curveKey(t), nil, nil)
		below := func(name string, key crypto.Signer, by string, change func(*x509.Certificate)) {
			m[name] = authority(t, "SIMULATED "+name, key, m[by], change)
		}
		below("intermediate", caKey(t), "root", nil)
		below("rotated", otherKey(t), "root", nil)
		below("impostor", caKey(t), "other root", nil)
		below("curve", curveKey(t), "curve root", nil)
		below("expired", caKey(t), "root", between(-2*time.Hour, -time.Minute))
		below("future", caKey(t), "root", between(12*time.Hour, 20*time.Hour))
		below("no CA", caKey(t), "root", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature })
		below("last", caKey(t), "root", func(c *x509.Certificate) { c.MaxPathLenZero = true })
		below("beyond the last", otherKey(t), "last", nil)
		below("excluded", caKey(t), "root", func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"voice.example.test"} })
		made = m
	})
	return made
}

// shown says what is special about a certificate; the zero value is a good one
// without a name.
type shown struct {
	dns, uris, cn []string
	ips           []net.IP
	days          int                                 // until it expires, 20 where 0
	under         string                              // name of a CA, or self; empty is the intermediate
	key           func(testing.TB) crypto.Signer      // nil is testKey
	usage         []x509.ExtKeyUsage                  // nil is for servers
	hash          x509.SignatureAlgorithm             // 0 is as fits the issuer
	send          func(leaf, above [][]byte) [][]byte // nil sends the leaf and what is above it, but for the root
	crls, ocsp    []string                            // addresses
	anyUse        bool                                // without extended key usage
}

// Ways to send a chain.
func alone(leaf, _ [][]byte) [][]byte { return leaf }

func withRoot(leaf, above [][]byte) [][]byte {
	return append(append(leaf, above...), made["root"].cert.Raw)
}

func disordered(leaf, above [][]byte) [][]byte {
	return append(append(leaf, made["root"].cert.Raw), above...)
}

func (s shown) chain(t testing.TB) tls.Certificate {
	t.Helper()
	all := cas(t)
	if s.under == "" {
		s.under = "intermediate"
	}
	by := all[s.under]
	if by == nil && s.under != "self" {
		t.Fatalf("there is no CA called %q", s.under)
	}
	return s.of(t, by)
}

// of makes the chain under an issuer.
func (s shown) of(t testing.TB, by *issuer) tls.Certificate {
	t.Helper()
	if s.days == 0 {
		s.days = 20
	}
	if s.key == nil {
		s.key = testKey
	}
	end := time.Now().Add(time.Duration(s.days) * 24 * time.Hour)
	c := &x509.Certificate{
		DNSNames: s.dns, IPAddresses: s.ips, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, SignatureAlgorithm: s.hash,
		NotBefore: end.Add(-720 * time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		CRLDistributionPoints: s.crls, OCSPServer: s.ocsp,
	}
	for _, name := range s.cn {
		c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: []int{2, 5, 4, 3}, Value: name})
	}
	for _, text := range s.uris {
		u, err := url.Parse(text)
		must(t, err)
		c.URIs = append(c.URIs, u)
	}
	if s.usage != nil || s.anyUse {
		c.ExtKeyUsage = s.usage
	}
	leaf := sign(t, c, s.key(t), by)
	var above [][]byte
	for i := by; i != nil && i.parent != nil; i = i.parent {
		above = append(above, i.cert.Raw)
	}
	sent := [][]byte{leaf.cert.Raw}
	if s.send != nil {
		sent = s.send(sent, above)
	} else {
		sent = append(sent, above...)
	}
	return tls.Certificate{Certificate: sent, PrivateKey: leaf.key, Leaf: leaf.cert}
}

func trusted(t testing.TB) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(cas(t)["root"].cert)
	pool.AddCert(cas(t)["curve root"].cert)
	return pool
}

// parsed returns what a peer sees of a chain.
func parsed(t testing.TB, c tls.Certificate) tls.ConnectionState {
	t.Helper()
	out := tls.ConnectionState{OCSPResponse: c.OCSPStaple}
	for _, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		out.PeerCertificates = append(out.PeerCertificates, cert)
	}
	return out
}
