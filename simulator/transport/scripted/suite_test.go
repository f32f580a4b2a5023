package scripted

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"testing"
)

// The test vector for P_SHA256 that the TLS working group shared.
func TestPRF(t *testing.T) {
	b := func(s string) []byte {
		out, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := prf(sha256.New, b("9bbe436ba940f017b17652849a71db35"), "test label", b("a0ba9f936cda311827a6f796ffd5198c"), 100)
	want := b("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66")
	if !bytes.Equal(got, want) {
		t.Errorf("got %x", got)
	}
}

// zeros is a source of randomness that is none.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// What one side seals the other opens, in order and untouched only.
func TestProtection(t *testing.T) {
	for _, s := range suites {
		secrets := newSecrets(s, make([]byte, 48), make([]byte, 64), nil, false)
		for _, n := range []int{0, 1, 15, 16, 17, maxFragment} {
			sealing, theirs := secrets.protections(make([]byte, 64))
			opening, _ := secrets.protections(make([]byte, 64))
			plain := bytes.Repeat([]byte{7}, n)
			for range 2 {
				sealed, err := sealing.seal(zeros{}, typeApplicationData, VersionTLS12, plain)
				if err != nil {
					t.Fatal(err)
				}
				if len(sealed) > n+overhead {
					t.Errorf("%04x: %d octets become %d", s.id, n, len(sealed))
				}
				if got, err := opening.open(typeApplicationData, VersionTLS12, sealed); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%04x, %d octets: got %d, %v", s.id, n, len(got), err)
				}
			}
			sealed, err := sealing.seal(zeros{}, typeApplicationData, VersionTLS12, plain)
			if err != nil {
				t.Fatal(err)
			}
			for name, f := range map[string]func() ([]byte, error){
				"a flipped bit at the end": func() ([]byte, error) {
					b := bytes.Clone(sealed)
					b[len(b)-1] ^= 1
					return opening.open(typeApplicationData, VersionTLS12, b)
				},
				"a flipped bit in the IV": func() ([]byte, error) {
					b := bytes.Clone(sealed)
					b[0] ^= 1
					return opening.open(typeApplicationData, VersionTLS12, b)
				},
				"another type":      func() ([]byte, error) { return opening.open(typeAlert, VersionTLS12, sealed) },
				"another direction": func() ([]byte, error) { return theirs.open(typeApplicationData, VersionTLS12, sealed) },
				"out of sequence": func() ([]byte, error) {
					opening.seq = 9
					return opening.open(typeApplicationData, VersionTLS12, sealed)
				},
				"cut": func() ([]byte, error) {
					return opening.open(typeApplicationData, VersionTLS12, sealed[:len(sealed)-16])
				},
				"nothing":                     func() ([]byte, error) { return opening.open(typeApplicationData, VersionTLS12, nil) },
				"all padding, MAC and no MAC": func() ([]byte, error) { return opening.open(typeApplicationData, VersionTLS12, make([]byte, 64)) },
			} {
				opening.seq = 2
				if _, err := f(); !errors.Is(err, errRecord) {
					t.Errorf("%04x, %d octets, %s: %v", s.id, n, name, err)
				}
			}
		}
	}
}

// A CBC record whose padding leaves no room for a MAC is refused.
func TestPaddingWithoutMAC(t *testing.T) {
	s, _ := lookUp(0x0035)
	p, _ := newSecrets(s, make([]byte, 48), make([]byte, 64), nil, false).protections(make([]byte, 64))
	block, err := s.block(p.key)
	if err != nil {
		t.Fatal(err)
	}
	record := append(make([]byte, 16), bytes.Repeat([]byte{63}, 64)...)
	cipher.NewCBCEncrypter(block, record[:16]).CryptBlocks(record[16:], record[16:])
	if _, err := p.open(typeHandshake, VersionTLS12, record); !errors.Is(err, errRecord) {
		t.Errorf("got %v", err)
	}
}

// Octets of a padding that differ are refused, though the MAC is right.
func TestPaddingThatDiffers(t *testing.T) {
	s, _ := lookUp(0x0035)
	sealing, _ := newSecrets(s, make([]byte, 48), make([]byte, 64), nil, false).protections(make([]byte, 64))
	opening, _ := newSecrets(s, make([]byte, 48), make([]byte, 64), nil, false).protections(make([]byte, 64))
	plain := make([]byte, 9)
	sum := sealing.sum(sealing.additional(typeHandshake, VersionTLS12, len(plain)), plain)
	record := slices.Concat(make([]byte, 16), plain, sum, []byte{9, 2, 2}) // 9+20+3: two blocks
	block, err := s.block(sealing.key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, record[:16]).CryptBlocks(record[16:], record[16:])
	if _, err := opening.open(typeHandshake, VersionTLS12, record); !errors.Is(err, errRecord) {
		t.Errorf("got %v", err)
	}
}

// What is sealed for an export key opens, and nothing else does.
func TestExportKey(t *testing.T) {
	k, err := newExportKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := &rsa.PublicKey{N: k.modulus, E: exportExponent}
	secret := bytes.Repeat([]byte{7}, 48)
	sealed, err := sealWeak(public, secret)
	if err != nil || !bytes.Equal(k.open(sealed), secret) {
		t.Errorf("got %x, %v", k.open(sealed), err)
	}
	bare := new(big.Int).SetBytes(append(make([]byte, 16), secret...)) // no padding before it
	if got := k.open(bare.Exp(bare, big.NewInt(exportExponent), k.modulus).FillBytes(make([]byte, 64))); got != nil {
		t.Errorf("without padding: %x", got)
	}
	if k.open(sealed[1:]) != nil {
		t.Error("a ciphertext that is too short opens")
	}
	if _, err := sealWeak(&rsa.PublicKey{N: big.NewInt(77), E: 3}, secret); err == nil {
		t.Error("a key of 7 bits seals")
	}
}
