package certs

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFile bounds what is read of one file, in octets. A chain of two RSA 2048
// certificates is about 3 kB; checking an overlong RSA key would take minutes.
const maxFile = 16 << 10

// parseCertificates reads one or more PEM certificates (RFC 7468 section 5)
// and nothing else.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for len(bytes.TrimSpace(data)) > 0 {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errors.New("not PEM")
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("PEM block is a %q, not a CERTIFICATE", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
		data = rest
	}
	if len(certs) == 0 {
		return nil, errors.New("no certificate in it")
	}
	return certs, nil
}

// parseKey reads one PEM private key in PKCS #8 (RFC 7468 section 10).
func parseKey(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("PEM block is a %q, not a PRIVATE KEY", block.Type)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("more than one PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", key)
	}
	return signer, nil
}

func encodeCertificates(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

func encodeKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// readPair reads a certificate, or a chain of which it takes the first, and
// the key that belongs to it.
func readPair(certFile, keyFile string) (credential, error) {
	var c credential
	data, err := readSmall(certFile)
	if err != nil {
		return c, err
	}
	certs, err := parseCertificates(data)
	if err != nil {
		return c, fmt.Errorf("reading %s: %w: %w", certFile, errDamaged, err)
	}
	if data, err = readSmall(keyFile); err != nil {
		return c, err
	}
	c.cert = certs[0]
	if c.key, err = parseKey(data); err != nil {
		return c, fmt.Errorf("reading %s: %w: %w", keyFile, errDamaged, err)
	}
	public, ok := c.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(c.cert.PublicKey) {
		return c, fmt.Errorf("reading %s: %w: it is not the key of %s", keyFile, errDamaged, certFile)
	}
	return c, nil
}

// writePair writes base.crt and base.key.
func writePair(base string, c credential) error {
	key, err := encodeKey(c.key)
	return cmp.Or(err,
		writeNew(base+".crt", encodeCertificates(c.cert.Raw), 0o644),
		writeNew(base+".key", key, 0o600))
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("reading %s: %w: above %d octets", path, errDamaged, maxFile)
	}
	return data, err
}

// writeNew writes a file that must not exist yet, down to the disk.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return cmp.Or(err, f.Sync(), f.Close())
}

// replaceFile writes a file whole or not at all, over one of the same name.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = cmp.Or(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
