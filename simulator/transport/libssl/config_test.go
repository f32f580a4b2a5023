package libssl_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
)

// A configuration that cannot be met is an error that says what is wrong, on
// every connection, and nothing is sent.
func TestWrongConfig(t *testing.T) {
	need(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, key := identity().Certificate, identity().PrivateKey
	for _, tt := range []struct {
		name   string
		config *libssl.Config
		want   string
	}{
		{"suite that nobody has", &libssl.Config{Suites: []uint16{rsaGCM256, 0xfefe}}, "cipher suite 0xfefe: OpenSSL 3"},
		{"suite of TLS 1.3", &libssl.Config{Suites: []uint16{0x1301}}, "cipher suites TLS_AES_128_GCM_SHA256: no cipher match"},
		{"suite twice", &libssl.Config{Suites: []uint16{rsaGCM256, rsaCBC, rsaGCM256}}, "takes only [0x009d 0x0035]"},
		{"group that nobody has", &libssl.Config{Groups: []uint16{p384, 999}}, "group 999: not known"},
		{"signature that nobody has", &libssl.Config{SignatureAlgorithms: []uint16{0x0101}}, "signature algorithm 0x0101: not known"},
		{"SSL 3", &libssl.Config{MinVersion: 0x0300}, "lowest version 0x0300: want 0x0301"},
		{"TLS 1.3", &libssl.Config{MaxVersion: 0x0304}, "highest version 0x0304: want 0x0301"},
		{"no such level", &libssl.Config{SecurityLevel: 6}, "security level 6: want 0 to 5"},
		{"key alone", &libssl.Config{Key: key}, "a key without a certificate"},
		{"certificate alone", &libssl.Config{Chain: chain}, "encoding the private key"},
		{"no key at all", &libssl.Config{Chain: chain, Key: "secret"}, "encoding the private key"},
		{"key of another", &libssl.Config{Chain: chain, Key: stranger}, "using the certificate and its key"},
		{"leaf that is none", &libssl.Config{Chain: [][]byte{[]byte("certificate")}, Key: key}, "reading certificate 0 of the chain"},
		{"intermediate that is none", &libssl.Config{Chain: [][]byte{chain[0], {}}, Key: key}, "reading certificate 1 of the chain"},
		{"key too small for the level", &libssl.Config{Chain: chain, Key: key, SecurityLevel: 5}, "using the certificate and its key: ee key too small"},
	} {
		ours, theirs := pair(t)
		for range 2 {
			if c, err := libssl.Server(t.Context(), ours, tt.config); c != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "setting up OpenSSL: ") {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
		}
		ours.Close()
		if n, _ := theirs.Read(make([]byte, 1)); n > 0 {
			t.Errorf("%s: something was sent", tt.name)
		}
	}
	long := client()
	long.ServerName = strings.Repeat("a", 256)
	ours, _ := pair(t)
	if _, err := libssl.Client(t.Context(), ours, long); err == nil || !strings.Contains(err.Error(), "server name of 256 octets") {
		t.Errorf("got %v", err)
	}
}

// The zero value is a client.
func TestZeroValue(t *testing.T) {
	need(t)
	theirs := goConfig()
	theirs.CurvePreferences = nil
	if o := callGo(t, &libssl.Config{}, theirs); o.ours != nil || o.state.Version != 0x0303 {
		t.Errorf("came to %+v, %v", o.state, o.ours)
	}
}

// Other keys than RSA are shown too.
func TestECDSA(t *testing.T) {
	need(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	const suite = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	if o := serveGo(t, &libssl.Config{Chain: [][]byte{der}, Key: key}, goConfig(suite)); o.ours != nil || o.state.Suite != suite {
		t.Errorf("came to %+v, %v", o.state, o.ours)
	}
}

// The machine's openssl.cnf has no say: the test runs itself again with one that
// allows nothing.
func TestMachineConfiguration(t *testing.T) {
	need(t)
	if os.Getenv("OPENSSL_CONF") != "" {
		if o := serveGo(t, server(), goConfig()); o.ours != nil {
			t.Error(o.ours)
		}
		return
	}
	conf := filepath.Join(t.TempDir(), "openssl.cnf")
	if err := os.WriteFile(conf, []byte("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCipherString = PSK:@SECLEVEL=5\nMinProtocol = TLSv1.3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again(t, "OPENSSL_CONF="+conf)
}
