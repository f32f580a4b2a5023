package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Format is the encoding of exported certificates.
type Format string

const (
	// PEM is the textual encoding (RFC 7468), which most devices import.
	PEM Format = "pem"
	// DER is the binary encoding (X.690), one certificate a file.
	DER Format = "der"
)

// File is a written file and what it is for.
type File struct {
	Path    string
	Purpose string
}

// output is a file to be written.
type output struct {
	File
	data []byte
	mode os.FileMode
}

// Export writes into dir, which it makes if needed, the cloud roots that a
// device must trust and the root of the device CA, one file each, and for PEM
// also all cloud roots in one file, cloud-roots.pem. Files of an earlier export
// are replaced; a file of the same name that holds anything else is refused
// before the first one is written, and other files are left alone.
func (l *Lab) Export(dir string, format Format) ([]File, error) {
	var trusted []exported
	var all [][]byte
	for _, s := range cloudShapes {
		cert := l.roots[s.id].cert
		all = append(all, cert.Raw)
		trusted = append(trusted, exported{"cloud-root-" + string(s.id), "trust on the device: " + cert.Subject.CommonName, [][]byte{cert.Raw}})
	}
	if format == PEM {
		trusted = append(trusted, exported{"cloud-roots", "trust on the device: every simulated cloud root in one file", all})
	}
	return l.export(dir, format, trusted)
}

// ExportOrganisation is Export for a lab with a BYOC Premises Edge: in place of
// the cloud's roots it writes that of the organisation, one certificate in one
// file, as the page Configure certificate authorities of Genesys Cloud gives it.
func (l *Lab) ExportOrganisation(dir string, format Format) ([]File, error) {
	root := l.OrganisationRoot()
	return l.export(dir, format, []exported{{"organisation-root", "trust on the device: " + root.Subject.CommonName, [][]byte{root.Raw}}})
}

// exported is a file of an export, without its extension.
type exported struct {
	name, purpose string
	ders          [][]byte
}

func (l *Lab) export(dir string, format Format, files []exported) ([]File, error) {
	if format != PEM && format != DER {
		return nil, fmt.Errorf("exporting certificates: unknown format %q (known: %s, %s)", format, PEM, DER)
	}
	files = append(files, exported{"device-ca-root", "trust where a certificate of a lab device is checked: " + l.DeviceRoot().Subject.CommonName, [][]byte{l.DeviceRoot().Raw}})
	var outputs []output
	for _, f := range files {
		data := f.ders[0]
		if format == PEM {
			data = encodeCertificates(f.ders...)
		}
		outputs = append(outputs, output{File{filepath.Join(dir, f.name+"."+string(format)), f.purpose}, data, 0o644})
	}
	written, err := writeOutputs(dir, outputs)
	if err != nil {
		return nil, fmt.Errorf("exporting certificates: %w", err)
	}
	return written, nil
}

// WriteChain writes a chain and its key into dir, which it makes if needed, as
// chain.pem (leaf first) and key.pem (PKCS #8, mode 0600), so that another
// program can serve them:
//
//	openssl s_server -cert chain.pem -CAfile chain.pem -key key.pem
//
// Files of an earlier call are replaced. A chain that is not a simulated one,
// or a key without a chain, is somebody else's, and is refused.
func WriteChain(dir string, chain tls.Certificate) ([]File, error) {
	key, err := encodeKey(chain.PrivateKey)
	if err == nil && len(chain.Certificate) == 0 {
		err = errors.New("the chain is empty")
	}
	var files []File
	if err == nil {
		files, err = writeOutputs(dir, []output{
			// First, as it is what marks the key as ours.
			{File{filepath.Join(dir, "chain.pem"), "the chain to present: leaf first, then intermediates"}, encodeCertificates(chain.Certificate...), 0o644},
			{File{filepath.Join(dir, "key.pem"), "the private key of the leaf"}, key, 0o600},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("writing a chain: %w", err)
	}
	return files, nil
}

// writeOutputs writes all files, or none if one of them would replace what is
// not ours. A private key is ours if the file before it is there and ours.
func writeOutputs(dir string, outputs []output) ([]File, error) {
	if file := inTheWay(dir); file != "" {
		return nil, fmt.Errorf("--out: %s is a file, not a folder: name another folder, or remove the file", file)
	}
	found := false
	for _, out := range outputs {
		before := found
		_, err := os.Lstat(out.Path)
		if found = !errors.Is(err, fs.ErrNotExist); !found {
			continue
		}
		if out.mode == 0o600 && before {
			continue
		}
		if !simulated(out.Path) {
			return nil, fmt.Errorf("refusing to replace a file that is not a simulated certificate: name another directory, or remove %s", out.Path)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var files []File
	for _, out := range outputs {
		if err := replaceFile(out.Path, out.data, out.mode); err != nil {
			return nil, err
		}
		files = append(files, out.File)
	}
	return files, nil
}

// inTheWay returns what stands where a directory, or one above it, has to be,
// and empty text where nothing does.
func inTheWay(dir string) string {
	for {
		st, err := os.Stat(dir)
		switch {
		case err == nil && !st.IsDir():
			return dir
		case !errors.Is(err, syscall.ENOTDIR): // nothing is below a file
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// simulated tells whether a file holds certificates of labs and nothing else.
func simulated(path string) bool {
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() {
		return false
	}
	data, err := readSmall(path)
	if err != nil {
		return false
	}
	certs, err := parseCertificates(data)
	if err != nil {
		certs, err = x509.ParseCertificates(data)
	}
	for _, c := range certs {
		if !strings.Contains(c.Issuer.String(), "SIMULATED") {
			return false
		}
	}
	return err == nil
}
