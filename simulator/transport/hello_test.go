package transport

import (
	"crypto/tls"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"byocheck/simulator/record"
)

// message is a ClientHello's body: version, random, session id, suites,
// compression, and what tail says.
func message(suites []byte, tail ...byte) []byte {
	b := append([]byte{3, 3}, make([]byte, 32)...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(suites)))
	b = append(b, suites...)
	b = append(b, 1, 0)
	return append(b, tail...)
}

func TestParseHello(t *testing.T) {
	suites := []byte{0xc0, 0x30, 0x00, 0x35}
	base := record.ClientHello{Versions: []uint16{0x0303}, Suites: []uint16{0xc030, 0x0035}}
	with := func(edit func(*record.ClientHello)) record.ClientHello {
		h := base
		edit(&h)
		return h
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want record.ClientHello
		bad  bool
	}{
		{"without extensions", message(suites), base, false},
		{"with an empty list of extensions", message(suites, 0, 0), base, false},
		{"server name", message(suites, 0, 10, 0, 0, 0, 6, 0, 4, 0, 0, 1, 'a'), with(func(h *record.ClientHello) {
			h.ServerName, h.Extensions = "a", []uint16{0}
		}), false},
		{"name of another type", message(suites, 0, 10, 0, 0, 0, 6, 0, 4, 1, 0, 1, 'a'), with(func(h *record.ClientHello) {
			h.Extensions = []uint16{0}
		}), false},
		{"groups", message(suites, 0, 10, 0, 10, 0, 6, 0, 4, 0, 24, 0, 29), with(func(h *record.ClientHello) {
			h.Groups, h.Extensions = []uint16{24, 29}, []uint16{10}
		}), false},
		{"signature schemes", message(suites, 0, 8, 0, 13, 0, 4, 0, 2, 4, 1), with(func(h *record.ClientHello) {
			h.SignatureSchemes, h.Extensions = []uint16{0x0401}, []uint16{13}
		}), false},
		{"signature schemes of certificates", message(suites, 0, 8, 0, 50, 0, 4, 0, 2, 5, 3), with(func(h *record.ClientHello) {
			h.CertificateSchemes, h.Extensions = []uint16{0x0503}, []uint16{50}
		}), false},
		{"versions", message(suites, 0, 9, 0, 43, 0, 5, 4, 3, 4, 3, 3), with(func(h *record.ClientHello) {
			h.Versions, h.Extensions = []uint16{0x0304, 0x0303}, []uint16{43}
		}), false},
		{"unknown extension", message(suites, 0, 5, 0xfa, 0xfa, 0, 1, 9), with(func(h *record.ClientHello) {
			h.Extensions = []uint16{0xfafa}
		}), false},
		{"empty", nil, record.ClientHello{Versions: []uint16{0}}, true},
		{"cut in the random", message(suites)[:20], record.ClientHello{Versions: []uint16{0x0303}}, true},
		{"cut in the suites", message(suites)[:39], record.ClientHello{Versions: []uint16{0x0303}}, true},
		{"odd list of suites", message([]byte{0xc0, 0x30, 0}), record.ClientHello{Versions: []uint16{0x0303}, Suites: []uint16{0xc030}}, true},
		{"extensions longer than the message", message(suites, 0, 9, 0, 0), base, true},
		{"extension longer than its list", message(suites, 0, 4, 0, 0, 0, 9), base, true},
		{"name longer than its list", message(suites, 0, 9, 0, 0, 0, 5, 0, 3, 0, 0, 9), with(func(h *record.ClientHello) {
			h.Extensions = []uint16{0}
		}), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseHello(tt.in)
			if !reflect.DeepEqual(got, tt.want) || (err != nil) != tt.bad {
				t.Errorf("got  %+v, %v\nwant %+v, bad %v", got, err, tt.want, tt.bad)
			}
		})
	}
}

// A real ClientHello is read as the stack that made it meant it.
func TestParseHelloOfCryptoTLS(t *testing.T) {
	config := &tls.Config{ServerName: "lb01.test", CurvePreferences: []tls.CurveID{P384, tls.X25519}, CipherSuites: SurvivingSuites(), MaxVersion: tls.VersionTLS12}
	h, err := parseHello(hello(t, config)[9:])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(h.Suites)
	want := SurvivingSuites()
	slices.Sort(want)
	if h.ServerName != "lb01.test" || !slices.Equal(h.Suites, want) || !slices.Equal(h.Versions, []uint16{0x0303}) ||
		!slices.Contains(h.Groups, uint16(P384)) || len(h.SignatureSchemes) == 0 || len(h.Extensions) == 0 {
		t.Errorf("got %+v", h)
	}
}

// Whatever comes is read without panic, and no more comes out than went in.
func FuzzParseHello(f *testing.F) {
	f.Add(hello(f, device())[9:])
	f.Add(message(nil))
	f.Add(message([]byte{0, 0x35}, 0, 10, 0, 0, 0, 6, 0, 4, 0, 0, 1, 'a'))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		n := len(h.ServerName) + 2*(len(h.Suites)+len(h.Groups)+len(h.SignatureSchemes)+len(h.Extensions))
		if n > len(b) {
			t.Errorf("%d octets out of %d: %+v", n, len(b), h)
		}
		if err == nil && len(b) < 38 {
			t.Errorf("%d octets make no ClientHello", len(b))
		}
	})
}
