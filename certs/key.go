package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// keyKind is an algorithm with a key size.
type keyKind int

const (
	rsa2048 keyKind = iota
	p384            // ECDSA on NIST P-384
)

// make makes a private key. It takes no source of randomness because crypto/rsa
// uses the operating system's whatever it is given.
func (k keyKind) make() (key crypto.Signer, err error) {
	switch k {
	case p384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return nil, fmt.Errorf("generating a private key: %w", err)
	}
	return key, nil
}

// is tells whether a public key is of the kind.
func (k keyKind) is(pub crypto.PublicKey) bool {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return k == rsa2048 && pub.N.BitLen() == 2048
	case *ecdsa.PublicKey:
		return k == p384 && pub.Curve == elliptic.P384()
	}
	return false
}

// makeKeys makes keys at the same time and returns them in the order of their
// kinds: an RSA key takes one processor 60 to 200 ms.
func makeKeys(kinds []keyKind) ([]crypto.Signer, error) {
	keys, errs := make([]crypto.Signer, len(kinds)), make([]error, len(kinds))
	var wg sync.WaitGroup
	for i, kind := range kinds {
		wg.Go(func() { keys[i], errs[i] = kind.make() })
	}
	wg.Wait()
	return keys, errors.Join(errs...)
}

// The names of kept keys say what they are for, one for each hierarchy. Nobody
// is ever told to trust the untrusted ones.
const (
	intermediateKey          = "intermediate"
	leafKey                  = "leaf"
	untrustedRootKey         = "untrusted-root"
	untrustedIntermediateKey = "untrusted-intermediate"
)

// wanted is a key that a run needs.
type wanted struct {
	name string
	kind keyKind
}

// keptKeys returns keys for a hierarchy's runs, from keys/<hierarchy>/ of the
// state directory where they are there, and made and kept there (mode 0600)
// where not, so that a run need not wait for them.
//
// A public CA would be wrong to use a key again. For a lab it is fine: the
// certificates are new in each run, and nobody outside it trusts them; the
// roots, which matter more, lie in the same directory; and deleting keys/ at
// any time does nothing but have new ones made. Hence, too, no trouble with a
// kept key is an error: one that cannot be read, is damaged, is of another kind,
// or belongs to a root, to the device CA or to a certificate in avoid, counts as
// not there; one that cannot be kept (a read-only state) is used for this run.
func (l *Lab) keptKeys(h Hierarchy, avoid []*x509.Certificate, wants ...wanted) ([]crypto.Signer, error) {
	avoid = append(slices.Concat(avoid, l.CloudRoots()), l.device.root.cert, l.device.intermediate.cert)
	dir := filepath.Join(l.dir, "keys", string(h))
	keys := make([]crypto.Signer, len(wants))
	var lacking []int
	var kinds []keyKind
	for i, w := range wants {
		if key := readKept(filepath.Join(dir, w.name+".key"), w.kind); key != nil && !belongsTo(key, avoid) {
			keys[i] = key
			continue
		}
		lacking, kinds = append(lacking, i), append(kinds, w.kind)
	}
	fresh, err := makeKeys(kinds)
	if err != nil {
		return nil, err
	}
	for j, i := range lacking {
		keys[i] = fresh[j]
		text, err := encodeKey(keys[i])
		if err == nil && os.MkdirAll(dir, 0o700) == nil {
			_ = replaceFile(filepath.Join(dir, wants[i].name+".key"), text, 0o600) // see above
		}
	}
	return keys, nil
}

// readKept returns nil where there is no key that can be used.
func readKept(path string, kind keyKind) crypto.Signer {
	data, err := readSmall(path)
	if err != nil {
		return nil
	}
	key, err := parseKey(data)
	if err != nil || !kind.is(key.Public()) {
		return nil
	}
	return key
}

// belongsTo tells whether a key is that of one of the certificates.
func belongsTo(key crypto.Signer, certs []*x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && slices.ContainsFunc(certs, func(c *x509.Certificate) bool { return public.Equal(c.PublicKey) })
}
