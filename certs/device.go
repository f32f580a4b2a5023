package certs

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// deviceLife is just under what public CAs may issue (398 days).
	deviceLife = 397 * 24 * time.Hour
	// deviceMargin is how long a kept certificate must still be valid, so that
	// it does not expire during a run.
	deviceMargin = 24 * time.Hour
)

// DeviceOptions say what a device certificate is to carry.
type DeviceOptions struct {
	// DNS are the host names in it, the first one also as common name. Empty
	// means the device's name.
	DNS []string
	// Renew issues a new key and certificate even if the kept one would do.
	Renew bool
}

// DeviceCertificate is an issued device certificate and where it is kept.
type DeviceCertificate struct {
	Name string
	// KeyFile is the private key (PKCS #8), ChainFile leaf and intermediate,
	// CertFile the leaf alone; all PEM, by absolute path.
	KeyFile, ChainFile, CertFile string
	// Certificate is the same as a value; its Leaf is set.
	Certificate tls.Certificate
}

// IssueDevice issues a certificate of the device CA for the device called name
// (a host name) and keeps it in devices/<name> of the state directory: RSA
// 2048, 397 days or until the device CA ends, for servers and clients. One
// kept earlier is returned again if it has the same names and is valid for at
// least another day. It fails on names that are not host names, on a kept
// certificate that cannot be read, and where the state cannot be written.
func (l *Lab) IssueDevice(name string, opt DeviceOptions) (DeviceCertificate, error) {
	d, err := l.issueDevice(name, opt)
	if err != nil {
		return DeviceCertificate{}, fmt.Errorf("issuing a certificate for device %q: %w", name, err)
	}
	return d, nil
}

func (l *Lab) issueDevice(name string, opt DeviceOptions) (DeviceCertificate, error) {
	names := opt.DNS
	if len(names) == 0 {
		names = []string{name}
	}
	for _, n := range append([]string{name}, names...) {
		if err := checkHost(n); err != nil {
			return DeviceCertificate{}, err
		}
	}
	name = strings.ToLower(name)
	// Processes that share the state issue one after the other.
	unlock, err := flock(filepath.Join(l.dir, ".lock"))
	if err != nil {
		return DeviceCertificate{}, fmt.Errorf("%w%s", err, advice(err))
	}
	defer unlock()

	dir := filepath.Join(l.dir, "devices", name)
	if _, err := os.Lstat(dir); err == nil && !opt.Renew {
		kept, err := l.readDevice(name)
		if err != nil {
			return DeviceCertificate{}, fmt.Errorf("%w: renew it with byocheck certs issue --renew, or remove %s", err, dir)
		}
		leaf, now := kept.Certificate.Leaf, l.now()
		if slices.Equal(leaf.DNSNames, names) && now.After(leaf.NotBefore) && now.Add(deviceMargin).Before(leaf.NotAfter) {
			return kept, nil
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return DeviceCertificate{}, err
	}

	chain, err := l.makeDevice(names)
	if err != nil {
		return DeviceCertificate{}, err
	}
	if err := l.keepDevice(dir, chain); err != nil {
		return DeviceCertificate{}, fmt.Errorf("%w%s", err, advice(err))
	}
	return l.deviceAt(name, chain), nil
}

func (l *Lab) deviceAt(name string, chain tls.Certificate) DeviceCertificate {
	dir := filepath.Join(l.dir, "devices", name)
	return DeviceCertificate{
		Name:        name,
		KeyFile:     filepath.Join(dir, "key.pem"),
		ChainFile:   filepath.Join(dir, "chain.pem"),
		CertFile:    filepath.Join(dir, "cert.pem"),
		Certificate: chain,
	}
}

// readDevice reads a kept certificate and checks that it is this lab's.
func (l *Lab) readDevice(name string) (DeviceCertificate, error) {
	d := l.deviceAt(name, tls.Certificate{})
	c, err := readPair(d.ChainFile, d.KeyFile)
	if err != nil {
		return d, err
	}
	if _, err := os.Stat(d.CertFile); err != nil {
		return d, err
	}
	if err := c.cert.CheckSignatureFrom(l.device.intermediate.cert); err != nil {
		return d, fmt.Errorf("checking %s: not issued by this lab: %w", d.ChainFile, err)
	}
	d.Certificate = tls.Certificate{
		Certificate: [][]byte{c.cert.Raw, l.device.intermediate.cert.Raw},
		PrivateKey:  c.key,
		Leaf:        c.cert,
	}
	return d, nil
}

func (l *Lab) makeDevice(names []string) (tls.Certificate, error) {
	key, err := deviceShape.leaf.key.make()
	if err != nil {
		return tls.Certificate{}, err
	}
	notBefore := l.now().UTC().Truncate(time.Second).Add(-leafBackdate)
	notAfter := notBefore.Add(deviceLife)
	if end := l.device.intermediate.cert.NotAfter; notAfter.After(end) {
		notAfter = end
	}
	n := identifiers{dns: names}
	if len(names[0]) <= maxCommonName { // a longer name stands in the SAN alone
		n.cn = names[:1]
	}
	issuer := l.device.intermediate
	leaf, err := l.makeLeaf(deviceShape.leaf, n, leafTemplate(deviceShape.leaf, notBefore, notAfter), key, &issuer)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, issuer.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// keepDevice puts the three files in place together, so that a key is never
// beside another key's certificate, whenever the process is killed.
func (l *Lab) keepDevice(dir string, chain tls.Certificate) error {
	parent, base := filepath.Split(dir)
	fresh, old := filepath.Join(parent, "."+base+".new"), filepath.Join(parent, "."+base+".old")
	for _, left := range []string{fresh, old} { // by a run that was killed
		if err := os.RemoveAll(left); err != nil {
			return err
		}
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	key, err := encodeKey(chain.PrivateKey)
	if err != nil {
		return err
	}
	if err := cmp.Or(
		writeNew(filepath.Join(fresh, "key.pem"), key, 0o600),
		writeNew(filepath.Join(fresh, "chain.pem"), encodeCertificates(chain.Certificate...), 0o644),
		writeNew(filepath.Join(fresh, "cert.pem"), encodeCertificates(chain.Certificate[0]), 0o644),
	); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return err
	}
	return os.RemoveAll(old)
}
