// Package certs makes and keeps the X.509 material of a conformance lab: the
// simulated roots that a device under test is told to trust, the
// certificate chains the simulated cloud presents (healthy ones, and ones with
// exactly one fault), and a device CA with the certificates it issued.
//
// Long-lived things stay in a state directory, so that a real device is told
// once what to trust. Intermediates and server leaves are made anew for each
// run, as the operator of the real cloud also changes them without notice; only
// their keys, which take long to make, are kept for the next one.
//
// A typical use:
//
//	lab, err := certs.Open(".byocheck", certs.Options{})
//	authority, err := lab.NewAuthority(certs.HighAssuranceEV)
//	chain, err := authority.Chain(certs.Healthy, certs.Names{CN: "voice.example", DNS: []string{"voice.example"}})
//
// Authority.Publish ties the certificates to a server of revocation lists, and a
// Branch is an intermediate for one state of such a server.
//
// Shapes (keys, signatures, extensions) mirror public hierarchies; every
// subject says SIMULATED and no key of a real authority is involved.
package certs

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Options are the outside world of a lab. The zero value is the real one.
type Options struct {
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand is where serial numbers come from. Nil means crypto/rand. Keys
	// always come from the operating system: crypto/rsa ignores other readers.
	Rand io.Reader
}

// Lab is an opened state directory. It is safe for concurrent use, also by
// several processes, and needs no closing.
type Lab struct {
	dir  string
	now  func() time.Time
	rand io.Reader

	roots  map[Hierarchy]credential
	device hierarchyKeys
}

// credential is a certificate with the private key that belongs to it.
type credential struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// hierarchyKeys is a root with one intermediate under it.
type hierarchyKeys struct {
	root, intermediate credential
}

// schema is the version of the state directory's layout: 1 had one cloud root,
// 2 had three, 3 has the organisation's beside them.
const schema = 3

// stateFile is written last; a directory without it is not a whole state.
const stateFile = "state.json"

type stateInfo struct {
	Schema  int       `json:"schema"`
	Created time.Time `json:"created"`
}

// Open opens the state directory dir and makes it, complete or not at all,
// when it does not exist or is empty. One that an older version of this program
// made is given the roots that it lacks, which devices must then be told to
// trust as well. One of this version is only read, so a read-only state opens
// too. Errors are one line that names the file and says
// what to do: files missing or damaged, a newer layout, no permission, roots
// outside their validity.
func Open(dir string, opt Options) (*Lab, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening lab state %q: %w", dir, err)
	}
	lab := &Lab{dir: abs, now: opt.Now, rand: opt.Rand}
	if lab.now == nil {
		lab.now = time.Now
	}
	if lab.rand == nil {
		lab.rand = rand.Reader
	}
	fresh, err := absentOrEmpty(abs)
	if err == nil && fresh {
		err = lab.create()
	}
	if err == nil {
		err = lab.load()
	}
	if err != nil {
		return nil, fmt.Errorf("opening lab state %q: %w%s", abs, err, advice(err))
	}
	return lab, nil
}

// Dir is the absolute path of the state directory.
func (l *Lab) Dir() string { return l.dir }

// DeviceRoot is the root of the device CA: what the simulated cloud trusts
// when it checks a lab device.
func (l *Lab) DeviceRoot() *x509.Certificate { return l.device.root.cert }

// CloudRoots are the simulated cloud roots that a device must trust, in the
// order of the hierarchy table.
func (l *Lab) CloudRoots() []*x509.Certificate {
	var certs []*x509.Certificate
	for _, s := range cloudShapes {
		certs = append(certs, l.roots[s.id].cert)
	}
	return certs
}

// OrganisationRoot is the root under which the simulated Edge has its
// certificate: what a device of a BYOC Premises lab must trust.
func (l *Lab) OrganisationRoot() *x509.Certificate { return l.roots[Organisation].cert }

func (l *Lab) load() error {
	info, err := l.readInfo()
	if err != nil {
		return err
	}
	for info.Schema != schema { // more than once where an older program was killed while it upgraded
		if err := l.upgrade(); err != nil {
			return fmt.Errorf("adding the roots that layout %d of the state did not have: %w", info.Schema, err)
		}
		if info, err = l.readInfo(); err != nil {
			return err
		}
	}
	l.roots = make(map[Hierarchy]credential)
	for _, s := range shapes {
		if l.roots[s.id], err = l.loadCA(rootBase(s.id), nil); err != nil {
			return err
		}
	}
	if l.device.root, err = l.loadCA("device-ca/root", nil); err != nil {
		return err
	}
	l.device.intermediate, err = l.loadCA("device-ca/intermediate", l.device.root.cert)
	return err
}

// readInfo reads state.json. Layouts of this program and older ones will do.
func (l *Lab) readInfo() (stateInfo, error) {
	var info stateInfo
	data, err := readSmall(filepath.Join(l.dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return info, fmt.Errorf("finding %s: %w", stateFile, errIncomplete)
	} else if err != nil {
		return info, err
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("reading %s: %w: %w", stateFile, errDamaged, err)
	}
	if info.Schema < 1 || info.Schema > schema {
		return info, fmt.Errorf("reading %s: layout %d, and this program knows layouts 1 to %d: use the program that made it, or another state directory", stateFile, info.Schema, schema)
	}
	return info, nil
}

// loadCA reads base.crt and base.key and checks that they are a usable pair,
// issued by issuer (nil: self-issued).
func (l *Lab) loadCA(base string, issuer *x509.Certificate) (credential, error) {
	c, err := readPair(filepath.Join(l.dir, base+".crt"), filepath.Join(l.dir, base+".key"))
	if errors.Is(err, fs.ErrNotExist) {
		return credential{}, fmt.Errorf("%w: %w", errIncomplete, err)
	} else if err != nil {
		return credential{}, err
	}
	if issuer != nil {
		err = c.cert.CheckSignatureFrom(issuer)
	} else if !bytes.Equal(c.cert.RawIssuer, c.cert.RawSubject) {
		err = errors.New("not self-issued")
	}
	if err == nil && !c.cert.IsCA {
		err = errors.New("not a CA certificate")
	}
	if err != nil {
		return credential{}, fmt.Errorf("checking %s.crt: %w: %w", base, errDamaged, err)
	}
	if now := l.now(); now.Before(c.cert.NotBefore) || now.After(c.cert.NotAfter) {
		return credential{}, fmt.Errorf("checking %s.crt: valid from %s to %s, and the clock says %s: set the clock, or move the directory away to have a new one made",
			base, c.cert.NotBefore.Format(time.RFC3339), c.cert.NotAfter.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return c, nil
}

var (
	errIncomplete = errors.New("the directory is not a complete lab state")
	errDamaged    = errors.New("the file is damaged")
	errPlace      = errors.New("the state folder cannot be made there")
)

// advice is what a person can do about an error of the state directory.
func advice(err error) string {
	const remake = "move the directory away to have a new one made (every device must then be given its export)"
	switch {
	case errors.Is(err, errIncomplete):
		return ": name an empty or new directory, or restore the missing file from a copy, or " + remake
	case errors.Is(err, errDamaged):
		return ": restore the file from a copy, or " + remake
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ": run as the owner of the directory, or name another state directory that you may write to"
	case errors.Is(err, errPlace):
		return ": choose another with --state"
	}
	return ""
}

// absentOrEmpty tells whether dir still has to be made.
func absentOrEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	} else if errors.Is(err, syscall.ENOTDIR) {
		return false, fmt.Errorf("%w: name a directory, or remove the file", err)
	}
	return len(entries) == 0, err
}
