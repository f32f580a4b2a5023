package libssl_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
)

// What crypto/tls refuses is served, and spoken, at security level 0; and at the
// library's own level it is not, so that level 0 is what does it.
var old = []struct {
	name             string
	lowest, highest  uint16
	suites, signs    []uint16
	anonymous        bool
	version          string // flag of openssl
	cipher           string
	flags            []string
	wantSuite, wantV uint16
}{
	{"TLS 1.0", 0x0301, 0x0303, nil, nil, false, "-tls1", "AES256-SHA", nil, rsaCBC, 0x0301},
	{"TLS 1.0, ECDHE", 0x0301, 0x0301, nil, nil, false, "-tls1", "ECDHE-RSA-AES256-SHA", nil, ecdheCBC, 0x0301},
	{"TLS 1.1", 0x0302, 0x0302, nil, nil, false, "-tls1_1", "ECDHE-RSA-AES256-SHA", nil, ecdheCBC, 0x0302},
	{"without encryption", 0, 0, []uint16{0x003b}, nil, false, "-tls1_2", "NULL-SHA256", nil, 0x003b, 0x0303},
	{"without encryption, SHA-1", 0, 0, []uint16{0x0002}, nil, false, "-tls1_2", "NULL-SHA", nil, 0x0002, 0x0303},
	{"anonymous ECDH", 0, 0, []uint16{0xc019}, nil, true, "-tls1_2", "AECDH-AES256-SHA", nil, 0xc019, 0x0303},
	{"anonymous DH", 0, 0, []uint16{0x00a7}, nil, true, "-tls1_2", "ADH-AES256-GCM-SHA384", nil, 0x00a7, 0x0303},
	{"neither", 0, 0, []uint16{0xc015}, nil, true, "-tls1_2", "AECDH-NULL-SHA", nil, 0xc015, 0x0303},
	{"SHA-1 signatures only", 0, 0, []uint16{ecdheGCM256}, []uint16{0x0201}, false, "-tls1_2", "ECDHE-RSA-AES256-GCM-SHA384", []string{"-sigalgs", "RSA+SHA1"}, ecdheGCM256, 0x0303},
}

// Each is a device that calls at level 0 and at one where the library refuses it.
func TestOldClients(t *testing.T) {
	need(t)
	for _, tt := range old {
		for _, level := range []int{0, 2} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				p := run(t, "openssl", append([]string{"s_client", "-connect", l.Addr().String(), tt.version, "-cipher", tt.cipher + "@SECLEVEL=0", "-quiet"}, tt.flags...)...)
				l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
				raw, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer raw.Close()
				raw.SetDeadline(time.Now().Add(patience))
				config := &libssl.Config{Suites: tt.suites, MinVersion: tt.lowest, MaxVersion: tt.highest, Groups: []uint16{p384}, SecurityLevel: level}
				if !tt.anonymous {
					config.Chain, config.Key = identity().Certificate, identity().PrivateKey
				}
				c, err := libssl.Server(t.Context(), raw, config)
				if level > 0 {
					if alert := (libssl.AlertError{}); !errors.As(err, &alert) || !alert.Sent {
						t.Errorf("at level %d: %v", level, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if s := c.ConnectionState(); s.Suite != tt.wantSuite || s.Version != tt.wantV {
					t.Errorf("came to %+v", s)
				}
				io.WriteString(p.in, "INVITE\n")
				if got, err := bufio.NewReader(c).ReadString('\n'); got != "INVITE\n" {
					t.Fatalf("received %q, %v", got, err)
				}
				io.WriteString(c, "ringing\n")
				p.line(t, "ringing")
			})
		}
	}
}

// One server that takes them all.
func TestOldServers(t *testing.T) {
	need(t)
	certificate, key := files(t)
	p := run(t, "openssl", "s_server", "-accept", "127.0.0.1:0", "-cipher", "ALL:COMPLEMENTOFALL@SECLEVEL=0", "-cert", certificate, "-key", key, "-rev")
	addr := p.line(t, "ACCEPT ")
	for _, tt := range old {
		raw, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(patience))
		suites := tt.suites
		if suites == nil {
			suites = []uint16{tt.wantSuite}
		}
		c, err := libssl.Client(t.Context(), raw, &libssl.Config{Suites: suites, MinVersion: tt.lowest, MaxVersion: tt.wantV, SignatureAlgorithms: tt.signs})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if s := c.ConnectionState(); s.Suite != tt.wantSuite || s.Version != tt.wantV || len(s.PeerChain) == 0 != tt.anonymous {
			t.Errorf("%s: came to %+v", tt.name, s)
		}
		io.WriteString(c, "INVITE\n")
		if got, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(got, "ETIVNI") {
			t.Errorf("%s: received %q, %v", tt.name, got, err)
		}
		c.Close()
	}
}

// A client without signature_algorithms gets SHA-1 (RFC 5246 7.4.1.4.1), at level 0.
func TestNoSignatureAlgorithms(t *testing.T) {
	need(t)
	hello := slices.Concat(
		[]byte{3, 3}, make([]byte, 32), // version, random
		[]byte{0, 0, 2, 0xc0, 0x30, 1, 0},        // no session, one suite, no compression
		[]byte{0, 8, 0, 10, 0, 4, 0, 2, 0, p384}) // supported_groups
	hello = slices.Concat([]byte{22, 3, 1, 0, byte(len(hello) + 4), 1, 0, 0, byte(len(hello))}, hello)
	for _, level := range []int{0, 2} {
		ours, theirs := pair(t)
		theirs.Write(hello)
		theirs.CloseWrite()
		config := server()
		config.SecurityLevel = level
		_, err := libssl.Server(t.Context(), ours, config)
		ours.Close()
		flight, _ := io.ReadAll(theirs)
		// ServerKeyExchange: named_curve secp384r1, a point, the algorithm, 256 octets.
		at := bytes.Index(flight, []byte{3, 0, p384, 97, 4})
		if level > 0 {
			if !alerted(err, 40, true) || at >= 0 {
				t.Errorf("at level %d: %v", level, err)
			}
		} else if at < 0 || len(flight) < at+103 || !bytes.Equal(flight[at+101:at+105], []byte{2, 1, 1, 0}) || !errors.Is(err, io.EOF) {
			t.Errorf("at level 0: %v, %x", err, flight)
		}
	}
}
