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

// keyKind is the size of a key in bits, which tells the algorithm too.
type keyKind int

const (
	p384    keyKind = 384 // ECDSA on NIST P-384
	rsa1024 keyKind = 1024
	rsa2048 keyKind = 2048
	rsa3072 keyKind = 3072
	rsa4096 keyKind = 4096
)

// make makes a private key. It takes no source of randomness because crypto/rsa
// uses the operating system's whatever it is given.
func (k keyKind) make() (key crypto.Signer, err error) {
	switch k {
	case p384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, int(k))
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
		return pub.N.BitLen() == int(k)
	case *ecdsa.PublicKey:
		return k == p384 && pub.Curve == elliptic.P384()
	}
	return false
}

// makeKeys makes keys at the same time and returns them in the order of their
// kinds: an RSA 2048 key takes one processor 60 to 200 ms.
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
// is ever told to trust the untrusted ones. Those of branches and of the
// intermediates of profiles are after branch- and profile-.
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

// leafKeys is the folder of the leaf keys of unusual kinds, which take up to
// some seconds to make. All hierarchies share them.
const leafKeys = "leaf"

// keptKeys returns keys for runs, from keys/<folder>/ of the state directory,
// the folder of a hierarchy, where they are there, and made and kept there (mode
// 0600) where not, so that a run need not wait for them.
//
// A public CA would be wrong to use a key again. For a lab it is fine: the
// certificates are new in each run, and nobody outside it trusts them; the
// roots, which matter more, lie in the same directory; and deleting keys/ at
// any time does nothing but have new ones made. Hence, too, no trouble with a
// kept key is an error: one that cannot be read, is damaged, is of another kind,
// or belongs to a root, to the device CA or to a certificate in avoid, counts as
// not there; one that cannot be kept (a read-only state) is used for this run.
func (l *Lab) keptKeys(folder string, avoid []*x509.Certificate, wants ...wanted) ([]crypto.Signer, error) {
	avoid = append(slices.Concat(avoid, l.CloudRoots()), l.OrganisationRoot(), l.device.root.cert, l.device.intermediate.cert)
	dir := filepath.Join(l.dir, "keys", folder)
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

// keptKey is one kept key of an intermediate of the authority's hierarchy.
func (a *Authority) keptKey(name string, kind keyKind) (crypto.Signer, error) {
	keys, err := a.lab.keptKeys(string(a.shape.id), nil, wanted{name, kind})
	if err != nil {
		return nil, err
	}
	return keys[0], nil
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
