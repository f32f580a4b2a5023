package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
	"time"
)

// now is when everything is checked.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// at is a time so many days from now.
func at(days float64) time.Time { return now.Add(time.Duration(days * float64(24*time.Hour))) }

// keyring holds keys by name, each made once.
var keyring = struct {
	sync.Mutex
	keys map[string]crypto.Signer
}{keys: map[string]crypto.Signer{}}

// key makes a key on P-256, or one of RSA where the name says so.
func key(name string) crypto.Signer {
	keyring.Lock()
	defer keyring.Unlock()
	if k, made := keyring.keys[name]; made {
		return k
	}
	var k crypto.Signer
	var err error
	switch name {
	case "rsa", "rsa ca", "rsa other":
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa 1024":
		k, err = rsa.GenerateKey(rand.Reader, 1024)
	case "p384":
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	must(err)
	keyring.keys[name] = k
	return k
}

func must(err error) {
	if err != nil {
		panic(err) // the tests cannot begin
	}
}

// made is a certificate with its key.
type made struct {
	*x509.Certificate
	key crypto.Signer
}

type change = func(*x509.Certificate)

var serials = struct {
	sync.Mutex
	last int64
}{last: 1000}

func serial() *big.Int {
	serials.Lock()
	defer serials.Unlock()
	serials.last++
	return big.NewInt(serials.last)
}

// newRoot makes a root for 20 years.
func newRoot(name pkix.Name, k string, changes ...change) made {
	t := authority(name, changes)
	if t.NotAfter.Equal(at(1000)) {
		t.NotBefore, t.NotAfter = at(-3000), at(4000)
	}
	return sign(t, made{t, key(k)}, key(k), key(k).Public()).known()
}

func authority(name pkix.Name, changes []change) *x509.Certificate {
	t := &x509.Certificate{
		Subject: name, NotBefore: at(-1000), NotAfter: at(1000), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	for _, do := range changes {
		do(t)
	}
	return t
}

// authority issues an intermediate whose CRL address goes by the issuer's name.
func (m made) authority(name string, k string, changes ...change) made {
	changes = append([]change{func(t *x509.Certificate) { t.CRLDistributionPoints = []string{m.listAddress()} }}, changes...)
	return sign(authority(pkix.Name{CommonName: name}, changes), m, m.key, key(k).Public()).with(key(k)).known()
}

const target = "sbc.customer.test"

// leaf issues a certificate for the target to the key "rsa".
func (m made) leaf(changes ...change) made { return m.leafFor(key("rsa").Public(), changes...) }

func (m made) leafFor(public crypto.PublicKey, changes ...change) made {
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: target}, DNSNames: []string{target}, NotBefore: at(-10), NotAfter: at(80), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		CRLDistributionPoints: []string{m.listAddress()},
	}
	for _, do := range changes {
		do(t)
	}
	return sign(t, m, m.key, public)
}

func sign(t *x509.Certificate, issuer made, by crypto.Signer, public crypto.PublicKey) made {
	t.SerialNumber = serial()
	if t.SubjectKeyId == nil {
		spki, err := x509.MarshalPKIXPublicKey(public)
		must(err)
		sum := sha256.Sum256(spki)
		t.SubjectKeyId = sum[:20]
	}
	if issuer.Certificate != t {
		t.AuthorityKeyId = issuer.SubjectKeyId // crypto/x509 leaves it out where the names are the same
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer.Certificate, public, by)
	must(err)
	c, err := x509.ParseCertificate(der)
	must(err)
	return made{c, by}
}

func (m made) with(k crypto.Signer) made { m.key = k; return m }

func (m made) known() made {
	authorities.Store(identity(m.RawSubject, m.SubjectKeyId), m)
	return m
}

// signedBy is the same certificate with another signature on it.
func (m made) signedBy(k crypto.Signer, algorithm asn1.ObjectIdentifier, hash crypto.Hash) made {
	var outer struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(m.Raw, &outer)
	must(err)
	var fields []asn1.RawValue
	_, err = asn1.Unmarshal(outer.TBS.FullBytes, &fields)
	must(err)
	named := pkix.AlgorithmIdentifier{Algorithm: algorithm, Parameters: asn1.NullRawValue}
	inner, err := asn1.Marshal(named)
	must(err)
	fields[2] = asn1.RawValue{FullBytes: inner} // after version and serial number
	tbs, err := asn1.Marshal(fields)
	must(err)
	sum := md5.Sum(tbs)
	digest := sum[:]
	if hash != crypto.MD5 {
		s := sha256.Sum256(tbs)
		digest = s[:]
	}
	signature, err := k.Sign(rand.Reader, digest, hash)
	must(err)
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, named, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	must(err)
	c, err := x509.ParseCertificate(der)
	must(err)
	return made{c, m.key}
}

func (m made) listAddress() string { return "http://crl.test/" + m.Subject.CommonName + ".crl" }

// list is a CRL by the name and key of an authority, with the given
// certificates on it, whether it may sign one or not.
func (m made) list(change func(*x509.RevocationList), revoked ...made) []byte {
	t := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at(-1), NextUpdate: at(6)}
	for _, c := range revoked {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: at(-2), ReasonCode: 1})
	}
	if change != nil {
		change(t)
	}
	by := *m.Certificate
	by.KeyUsage, by.PublicKey = x509.KeyUsageCRLSign, m.key.Public()
	der, err := x509.CreateRevocationList(rand.Reader, t, &by, m.key)
	must(err)
	return der
}

// about is a CRL as an answer about a certificate.
func about(c made, list []byte) Answer {
	return Answer{Kind: KindCRL, URL: "http://crl.test/list.crl", Subject: Fingerprint(c.Certificate), Body: list}
}

func ders(certs ...made) (out [][]byte) {
	for _, c := range certs {
		out = append(out, c.Raw)
	}
	return out
}

func cn(name string) pkix.Name { return pkix.Name{CommonName: name} }

// The lab's hierarchy of two intermediates.
var (
	labRoot = sync.OnceValue(func() made { return newRoot(cn("Root"), "root") })
	upperCA = sync.OnceValue(func() made { return labRoot().authority("Upper CA", "upper") })
	lowerCA = sync.OnceValue(func() made { return upperCA().authority("Lower CA", "lower") })
)

// authorities are all that were made, by name and key.
var authorities sync.Map

func identity(name, keyID []byte) string { return string(name) + string(keyID) }

// current lists of every authority that issued one of the certificates, with
// nothing on them.
func lists(certs ...made) []Answer {
	out := []Answer{}
	for _, c := range certs {
		if by, ok := authorities.Load(identity(c.RawIssuer, c.AuthorityKeyId)); ok {
			out = append(out, about(c, by.(made).list(nil)))
		}
	}
	return out
}
