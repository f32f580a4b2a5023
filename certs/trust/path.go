package trust

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/md5" // to see what it signed, not to trust it
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Bounds on the work that a device can make by what it sends. Real chains have
// two to five certificates.
const (
	maxCertificates = 20
	maxOctets       = 1 << 16 // of a certificate
	maxSignatures   = 100     // to check, as in crypto/x509
	maxVisits       = 500     // of certificates while ways are searched
	maxPath         = 10      // certificates in a way
	maxRSA          = 16384   // bits of a key whose signatures are checked, as in OpenSSL
)

// parsed is what a device sent, as far as it is looked at.
type parsed struct {
	sent       []*x509.Certificate // nil where one cannot be parsed
	unreadable string              // which cannot, and why
	ignored    int                 // beyond maxCertificates
}

func parse(chain [][]byte) parsed {
	var p parsed
	if n := len(chain); n > maxCertificates {
		p.ignored, chain = n-maxCertificates, chain[:maxCertificates]
	}
	for i, der := range chain {
		var c *x509.Certificate
		err := fmt.Errorf("it has %d octets, more than the %d that are read", len(der), maxOctets)
		if len(der) <= maxOctets {
			c, err = x509.ParseCertificate(der)
		}
		if err != nil {
			c = nil
			if p.unreadable == "" {
				p.unreadable = fmt.Sprintf("Certificate %d of the %d that the device presents cannot be parsed: %s.", i+1, len(chain)+p.ignored, printable(err.Error()))
			}
		}
		p.sent = append(p.sent, c)
	}
	return p
}

// path is a way from the leaf upwards. Each certificate's signature is that of
// the next one's key; nothing else has been checked.
type path struct {
	certs  []*x509.Certificate // leaf first
	anchor *anchor             // the last of certs; nil: the way ends without one
	// Of a way that ends: broken is why it does not go on over a certificate with
	// the issuer's name; nil: there is none of that name.
	broken error
	// namesake tells that the last certificate of a way that ends bears, or was
	// issued under, the name of a trusted root that has another key.
	namesake bool
	// root tells that the last certificate of a way that ends signed itself.
	root bool
}

// isRoot tells whether a certificate of the way is a root, trusted or not, which
// nothing but itself vouches for.
func (p path) isRoot(i int) bool { return i == len(p.certs)-1 && (p.anchor != nil || p.root) }

// forest holds the certificates between which ways are searched.
type forest struct {
	sent    []*x509.Certificate // above the leaf, each once
	anchors []anchor
	links   map[[2]*x509.Certificate]error
	visits  int

	complete, ends []path
}

var (
	errSignatures = fmt.Errorf("gave up after %d signatures", maxSignatures)
	errCircle     = errors.New("the chain goes in a circle")
	errForged     = errors.New("the issuer's key did not sign it")
)

// newForest takes what was sent, of which the leaf can be read, the lab's roots
// (DER) and the public ones.
func newForest(sent []*x509.Certificate, roots [][]byte, public []anchor) *forest {
	f := &forest{links: map[[2]*x509.Certificate]error{}}
	for _, a := range public {
		if slices.ContainsFunc(sent, func(c *x509.Certificate) bool {
			return c != nil && (bytes.Equal(a.cert.RawSubject, c.RawIssuer) || bytes.Equal(a.cert.RawSubject, c.RawSubject))
		}) {
			f.anchors = append(f.anchors, a)
		}
	}
	for _, der := range roots {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			continue // the lab's own files are checked where they are read
		}
		if a := f.trusted(c); a != nil {
			a.lab = true
		} else {
			f.anchors = append(f.anchors, anchor{cert: c, lab: true})
		}
	}
	for _, c := range sent {
		if c != nil && !c.Equal(sent[0]) && !slices.ContainsFunc(f.sent, c.Equal) {
			f.sent = append(f.sent, c)
		}
	}
	return f
}

// trusted finds a certificate among the anchors.
func (f *forest) trusted(c *x509.Certificate) *anchor {
	if i := slices.IndexFunc(f.anchors, func(a anchor) bool { return a.cert.Equal(c) }); i >= 0 {
		return &f.anchors[i]
	}
	return nil
}

// walk follows every way from the last certificate of certs upwards.
func (f *forest) walk(certs []*x509.Certificate) {
	if f.visits++; f.visits > maxVisits {
		return
	}
	last := certs[len(certs)-1]
	if a := f.trusted(last); a != nil { // it was sent
		f.complete = append(f.complete, path{certs: certs, anchor: a})
		return
	}
	end := path{certs: certs}
	led := false
	for i := range f.anchors {
		a := &f.anchors[i]
		if !bytes.Equal(a.cert.RawSubject, last.RawIssuer) {
			continue
		}
		if err := f.signed(last, a.cert); err != nil {
			end.broken, end.namesake = err, true
			continue
		}
		led = true
		f.complete = append(f.complete, path{certs: append(slices.Clip(certs), a.cert), anchor: a})
	}
	if len(certs) == maxPath && !led {
		end.broken = fmt.Errorf("the chain is longer than the %d certificates that are followed", maxPath)
	}
	for _, c := range f.sent {
		if len(certs) == maxPath || !bytes.Equal(c.RawSubject, last.RawIssuer) {
			continue
		}
		if slices.ContainsFunc(certs, func(b *x509.Certificate) bool { return sameAuthority(b, c) }) {
			end.broken = cmp.Or(end.broken, errCircle)
			continue
		}
		if err := f.signed(last, c); err != nil {
			end.broken = err
			continue
		}
		led = true
		f.walk(append(slices.Clip(certs), c))
	}
	if !led {
		if end.root = selfIssued(last) && f.signed(last, last) == nil; end.root && !end.namesake {
			end.broken = nil // a root that is not trusted ends its way by itself
		}
		f.ends = append(f.ends, end)
	}
}

// sameAuthority tells whether two certificates are of one name and key, so that
// a way through both would go in circles.
func sameAuthority(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// signed checks once whether the parent's key signed the child. Whether it was
// allowed to, and whether the algorithm is strong enough, is looked at later.
func (f *forest) signed(child, parent *x509.Certificate) error {
	pair := [2]*x509.Certificate{child, parent}
	if err, known := f.links[pair]; known {
		return err
	}
	if len(f.links) >= maxSignatures {
		return errSignatures
	}
	err := verify(parent, child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
	switch {
	case err == nil:
	case errors.Is(err, x509.ErrUnsupportedAlgorithm):
		err = fmt.Errorf("its signature algorithm %s is not supported", signatureName(child))
	case errors.As(err, new(x509.InsecureAlgorithmError)):
		err = fmt.Errorf("signatures with %s are no longer checked", signatureName(child))
	case !errors.Is(err, errKey):
		err = errForged
	}
	f.links[pair] = err
	return err
}

var errKey = errors.New("the issuer's key cannot be used")

// verify checks a signature by the key of a certificate, of whatever strength.
// crypto/x509 refuses MD5 before it looks, and RSA keys of any size are too
// much work.
func verify(by *x509.Certificate, algorithm x509.SignatureAlgorithm, signed, signature []byte) error {
	key, isRSA := by.PublicKey.(*rsa.PublicKey)
	if isRSA && (key.N.BitLen() > maxRSA || key.N.BitLen() < 1024) {
		return fmt.Errorf("%w: it has %d bits", errKey, key.N.BitLen())
	}
	if isRSA && algorithm == x509.MD5WithRSA {
		sum := md5.Sum(signed)
		return rsa.VerifyPKCS1v15(key, crypto.MD5, sum[:], signature)
	}
	return by.CheckSignature(algorithm, signed, signature)
}

// Link is a certificate and the one whose key signed it.
type Link struct {
	Certificate *x509.Certificate
	Issuer      *x509.Certificate // nil: it was not sent, nor is it a trusted root
}

// Links are the certificates that a chain may rest on, leaf first: those of
// every way from the leaf upwards, without roots. Revocation information is to
// be had for these. roots are the lab's own anchors; the public ones count too.
func Links(chain, roots [][]byte) []Link {
	sent := parse(chain).sent
	if len(sent) == 0 || sent[0] == nil {
		return nil
	}
	f := newForest(sent, roots, publicRoots())
	f.walk(sent[:1:1])
	var out []Link
	for _, p := range slices.Concat(f.complete, f.ends) {
		for i, c := range p.certs {
			if p.isRoot(i) || slices.ContainsFunc(out, func(l Link) bool { return l.Certificate == c }) {
				continue
			}
			l := Link{Certificate: c}
			if i+1 < len(p.certs) {
				l.Issuer = p.certs[i+1]
			}
			out = append(out, l)
		}
	}
	return out
}
