package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

func accepted(err error) bool { return err == nil }

func wrongName(err error) bool { return errors.As(err, &x509.HostnameError{}) }

func invalid(reason x509.InvalidReason) func(error) bool {
	return func(err error) bool {
		var e x509.CertificateInvalidError
		return errors.As(err, &e) && e.Reason == reason
	}
}

// noPath is that no issuer fits, because of what hint says.
func noPath(hint string) func(error) bool {
	return func(err error) bool {
		return errors.As(err, &x509.UnknownAuthorityError{}) && strings.Contains(err.Error(), hint)
	}
}

// TestVerification asks crypto/x509 of each profile, and for what reason.
func TestVerification(t *testing.T) {
	tests := map[Profile]func(error) bool{
		Healthy:                accepted,
		Expired:                invalid(x509.Expired),
		NotYetValid:            invalid(x509.Expired),
		ExpiredIntermediate:    invalid(x509.Expired),
		ExpiresSoon:            accepted,
		SANMismatch:            wrongName,
		OtherRegion:            wrongName,
		RightCNWrongSAN:        wrongName,
		CNOnly:                 wrongName,
		WildcardSAN:            accepted,
		IPSAN:                  wrongName,
		IPAsDNS:                wrongName,
		IPAsCN:                 wrongName,
		URISAN:                 wrongName,
		URIBesideDNS:           accepted,
		SRVNameSAN:             wrongName,
		UpperCaseSAN:           accepted,
		TrailingDotSAN:         wrongName,
		SelfSigned:             noPath(""),
		UntrustedRoot:          noPath("verification"),
		MissingIntermediate:    noPath(""),
		WrongOrder:             accepted,
		SuperfluousRoot:        accepted,
		IntermediateNotCA:      noPath("parent certificate cannot sign"),
		PathLengthExceeded:     invalid(x509.TooManyIntermediates),
		NameConstraintsExclude: invalid(x509.CANotAuthorizedForThisName),
		NoServerAuth:           invalid(x509.IncompatibleUsage),
		WithClientAuth:         accepted,
		NoEKU:                  accepted,
		NoKeyEncipherment:      accepted,
		SHA1Signature:          noPath("insecure algorithm"),
		MD5Signature:           noPath("insecure algorithm MD5-RSA"),
		UnknownSignature:       noPath("algorithm unimplemented"),
		RSA1024:                accepted, // the verifier looks at no key sizes; see strays
		RSA3072:                accepted,
		RSA4096:                accepted,
		ECDSALeaf:              accepted,
		RotatedLeaf:            accepted,
		RotatedIntermediate:    accepted,
	}
	strays := []Profile{RSA1024}
	forEveryChain(t, func(t *testing.T, c sample) {
		asIf := tests[c.Profile]
		if asIf == nil {
			t.Fatal("not in the table")
		}
		for _, host := range use1.DNS {
			err := verify(parsed(t, c.chain), host, testStart, c.authority.Root())
			if !asIf(err) {
				t.Errorf("verifying for %s: %v", host, err)
			}
			if contrary(c.Expect, err == nil) != slices.Contains(strays, c.Profile) {
				t.Errorf("expected to %s, and the verifier says: %v", c.Expect, err)
			}
		}
	})
}

// contrary tells whether a verifier went against what is expected.
func contrary(expect Outcome, accepted bool) bool {
	return expect == Accept && !accepted || expect == Refuse && accepted
}

// TestChainsCanBeServed: crypto/tls presents each chain as it is, faults and all.
func TestChainsCanBeServed(t *testing.T) {
	forEveryChain(t, func(t *testing.T, c sample) {
		suite := tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
		if c.Profile == ECDSALeaf {
			suite = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
		}
		near, far := net.Pipe()
		served := make(chan struct{})
		defer func() { near.Close(); <-served }()
		go func() {
			defer close(served)
			defer far.Close()
			server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{c.chain}, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384}})
			if err := server.Handshake(); err != nil {
				t.Error(err)
			}
			io.Copy(io.Discard, far)
		}()
		var seen [][]byte
		client := tls.Client(near, &tls.Config{
			InsecureSkipVerify: true, // the chain is looked at, not judged
			ServerName:         use1.DNS[1],
			CipherSuites:       []uint16{suite},
			VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
				seen = raw
				return nil
			},
		})
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(seen, c.chain.Certificate, slices.Equal) {
			t.Error("another chain was presented")
		}
	})
}
