package certs

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"testing"
)

// TestSignatures: what the verifiers refuse is the algorithm alone, as the
// signature is right.
func TestSignatures(t *testing.T) {
	tests := []struct {
		profile Profile
		oid     string
		hash    crypto.Hash
		signing *signing
	}{
		{MD5Signature, "1.2.840.113549.1.1.4", crypto.MD5, md5WithRSA},
		{UnknownSignature, "1.3.6.1.4.1.32473.1", crypto.SHA256, undefinedAlgorithm},
	}
	a := newAuthority(t, openLab(t, stateCopy(t), at(testStart)))
	for _, tt := range tests {
		t.Run(string(tt.profile), func(t *testing.T) {
			chain := chainOf(t, a, tt.profile)
			var outer struct {
				TBS       asn1.RawValue
				Algorithm struct {
					OID        asn1.ObjectIdentifier
					Parameters asn1.RawValue `asn1:"optional"`
				}
				Signature asn1.BitString
			}
			if rest, err := asn1.Unmarshal(chain[0].Raw, &outer); err != nil || len(rest) > 0 {
				t.Fatal(err)
			}
			if got := outer.Algorithm.OID.String(); got != tt.oid {
				t.Errorf("signatureAlgorithm %s, want %s", got, tt.oid)
			}
			var tbs struct {
				Version   int `asn1:"explicit,tag:0"`
				Serial    asn1.RawValue
				Algorithm asn1.RawValue
			}
			if _, err := asn1.Unmarshal(chain[0].RawTBSCertificate, &tbs); err != nil || !bytes.Equal(tbs.Algorithm.FullBytes, tt.signing.algorithm) {
				t.Errorf("signature of the TBSCertificate is %x, error %v, want %x", tbs.Algorithm.FullBytes, err, tt.signing.algorithm)
			}
			key := chain[1].PublicKey.(*rsa.PublicKey)
			sum := tt.hash.New()
			sum.Write(chain[0].RawTBSCertificate)
			if err := rsa.VerifyPKCS1v15(key, tt.hash, sum.Sum(nil), chain[0].Signature); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReplaceAlgorithmRefuses(t *testing.T) {
	for name, tbs := range map[string][]byte{
		"nothing":       nil,
		"cut short":     {0x30, 5, 2, 1},
		"no sequence":   {0x02, 1, 1},
		"primitive":     {0x10, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1},
		"too few":       {0x30, 6, 2, 1, 1, 2, 1, 1},
		"something on":  {0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1, 0},
		"damaged field": {0x30, 4, 2, 1, 1, 2},
	} {
		if got, err := replaceAlgorithm(tbs, md5WithRSA.algorithm); err == nil {
			t.Errorf("%s: %x", name, got)
		}
	}
}

func FuzzReplaceAlgorithm(f *testing.F) {
	key, err := p384.make()
	if err != nil {
		f.Fatal(err)
	}
	root, err := (&Lab{rand: rand.Reader}).makeCA(shapes[2].root, key, nil, testStart, testStart.Add(year))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(root.cert.RawTBSCertificate)
	f.Add(root.cert.Raw)
	f.Fuzz(func(t *testing.T, tbs []byte) {
		out, err := replaceAlgorithm(tbs, md5WithRSA.algorithm)
		if err != nil {
			return
		}
		again, err := replaceAlgorithm(out, undefinedAlgorithm.algorithm)
		if err != nil {
			t.Fatalf("what it wrote it cannot read: %v", err)
		}
		back, err := replaceAlgorithm(again, md5WithRSA.algorithm)
		if err != nil || !bytes.Equal(out, back) {
			t.Errorf("there and back: %x, %v, want %x", back, err, out)
		}
		if c, err := x509.ParseCertificate(out); err == nil && c == nil {
			t.Error("neither a certificate nor an error")
		}
	})
}
