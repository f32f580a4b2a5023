package suites

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"byocheck/certs"
	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/trigger"
	"byocheck/simulator"
	"byocheck/suites/config"
)

// provisioning lets scenarios change the device's certificate by the hook
// device.provision, where there is one.
func (l *lab) provisioning(c config.Config, s *scenarios.Stage) error {
	wrong, err := l.home.DeviceAuthority()
	if err != nil {
		return err
	}
	wrong.Publish = s.Cloud.Publish
	s.Wrong = wrong
	s.Own = func() (tls.Certificate, error) {
		d, err := l.home.IssueDevice(c.Target.Host, certs.DeviceOptions{})
		return d.Certificate, err
	}
	if c.Device.Provision == "" {
		s.Declared = maps.Clone(s.Declared)
		if s.Declared == nil {
			s.Declared = map[string]string{}
		}
		if _, said := s.Declared[judge.Provisioning]; !said {
			s.Declared[judge.Provisioning] = "no device.provision hook is configured"
		}
		return nil
	}
	s.Provision = func(ctx context.Context, cert tls.Certificate) error {
		return l.runHook(ctx, c, cert)
	}
	return nil
}

// runHook gives the device a certificate.
func (l *lab) runHook(ctx context.Context, c config.Config, cert tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return fmt.Errorf("provisioning the device: encoding the key: %w", err)
	}
	err = withFiles(ctx, c, c.Device.Provision, map[string][]byte{
		"BYOCHECK_KEY":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"BYOCHECK_CHAIN": bundle("CERTIFICATE", cert.Certificate...),
		"BYOCHECK_ROOT":  bundle("CERTIFICATE", l.home.DeviceRoot().Raw),
	})
	if err != nil {
		return fmt.Errorf("provisioning the device: %w", err)
	}
	return nil
}

// giveLists gives the device all revocation lists of the lab by its hook, if it
// has one.
func giveLists(ctx context.Context, c config.Config, cloud *simulator.Cloud) error {
	if c.Device.CRLs == "" || !cloud.TellsRevocation() {
		return nil
	}
	lists, err := cloud.RevocationLists()
	if err == nil {
		err = withFiles(ctx, c, c.Device.CRLs, map[string][]byte{"BYOCHECK_CRLS": bundle("X509 CRL", lists...)})
	}
	if err != nil {
		return fmt.Errorf("giving the device revocation lists: %w", err)
	}
	return nil
}

// withFiles runs a hook with files of these contents, named by variables of its
// environment. The files are gone when it has ended.
func withFiles(ctx context.Context, c config.Config, line string, contents map[string][]byte) error {
	dir, err := os.MkdirTemp("", "byocheck-hook-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var env []string
	for name, content := range contents {
		path := filepath.Join(dir, strings.ToLower(strings.TrimPrefix(name, "BYOCHECK_"))+".pem")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		env = append(env, name+"="+path)
	}
	bound, cancel := context.WithTimeout(ctx, c.Timeouts.Attempt)
	defer cancel()
	_, err = trigger.Run(bound, line, c.Dir, env...)
	return err
}

// bundle encodes blocks of one kind as PEM.
func bundle(kind string, blocks ...[]byte) []byte {
	var out []byte
	for _, der := range blocks {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return out
}
