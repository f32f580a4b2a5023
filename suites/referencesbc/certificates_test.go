package referencesbc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// One key for every certificate of the tests: they differ in what they say.
var testKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// issuer is a CA of the tests.
type issuer struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func sign(t testing.TB, template *x509.Certificate, by *issuer) *issuer {
	key, err := testKey()
	if by == nil { // another root needs another key, or its signatures would do for all
		key, err = rsa.GenerateKey(rand.Reader, 2048)
		by = &issuer{template, key}
	}
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{cert, key}
}

func authority(t testing.TB, name string, by *issuer) *issuer {
	return sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, by)
}

// hierarchies are made once: keys take their time.
type hierarchies struct {
	root, intermediate *issuer // of the cloud, and of the device
	other              *issuer // a root that nobody trusts
}

var (
	madeOnce sync.Once
	made     hierarchies
)

func cas(t testing.TB) hierarchies {
	madeOnce.Do(func() {
		made.root = authority(t, "SIMULATED root", nil)
		made.intermediate = authority(t, "SIMULATED intermediate", made.root)
		made.other = authority(t, "SIMULATED root", nil)
	})
	return made
}

// shown says what is special about a certificate; the zero value is a good one.
type shown struct {
	dns     []string
	ips     []net.IP
	cn      string
	days    int    // until it expires, 1 where 0
	under   string // root, other or empty: the intermediate
	alone   bool   // without the intermediate
	clients bool   // for clients only
}

func (s shown) chain(t testing.TB) tls.Certificate {
	c := cas(t)
	by := map[string]*issuer{"": c.intermediate, "root": c.root, "other": c.other}[s.under]
	days := s.days
	if days == 0 {
		days = 1
	}
	usage := x509.ExtKeyUsageServerAuth
	if s.clients {
		usage = x509.ExtKeyUsageClientAuth
	}
	end := time.Now().Add(time.Duration(days) * 24 * time.Hour)
	leaf := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: s.cn}, DNSNames: s.dns, IPAddresses: s.ips, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		NotBefore: end.Add(-240 * time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}, by)
	out := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key, Leaf: leaf.cert}
	if s.under == "" && !s.alone {
		out.Certificate = append(out.Certificate, c.intermediate.cert.Raw)
	}
	return out
}

func trusted(t testing.TB) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(cas(t).root.cert)
	return pool
}
