package scripted

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestHello(t *testing.T) {
	h := NewHello("lb01.test", 0xc030, 0x0035)
	h.Extensions = append(h.Extensions, SupportedVersions(VersionTLS13, VersionTLS12), Extension{GREASE(3), []byte{7}})
	h.Random[0], h.SessionID = 9, []byte{1, 2}
	body, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := "0303" + "09" + strings.Repeat("00", 31) + "02" + "0102" + "0004" + "c0300035" + "0100" + "0049" +
		"0000" + "000e" + "000c" + "00" + "0009" + hex.EncodeToString([]byte("lb01.test")) +
		"000a" + "0004" + "00020018" +
		"000b" + "0002" + "0100" +
		"000d" + "000e" + "000c" + "060105010401080608050804" +
		"0017" + "0000" +
		"ff01" + "0001" + "00" +
		"002b" + "0005" + "04" + "03040303" +
		"3a3a" + "0001" + "07"
	if got := hex.EncodeToString(body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back, err := ParseHello(body)
	if err != nil || !reflect.DeepEqual(back, normal(h)) {
		t.Errorf("read back: %+v, %v", back, err)
	}
	if g := back.Groups(); !slices.Equal(g, []uint16{GroupP384}) {
		t.Errorf("groups %v", g)
	}
	if v := back.Versions(); !slices.Equal(v, []uint16{VersionTLS13, VersionTLS12}) {
		t.Errorf("versions %v", v)
	}
	if s := back.Schemes(); len(s) != 6 || s[2] != 0x0401 {
		t.Errorf("schemes %04x", s)
	}
	if s := (Hello{}).Groups(); s != nil {
		t.Errorf("groups without the extension: %v", s)
	}
}

// normal makes empty extension bodies what a parser makes of them.
func normal(h Hello) Hello {
	for i, e := range h.Extensions {
		if e.Body == nil {
			h.Extensions[i].Body = []byte{}
		}
	}
	return h
}

// A ClientHello without extensions has no block of them.
func TestHelloBare(t *testing.T) {
	for want, h := range map[int]Hello{38: {}, 40: {Extensions: []Extension{}}} {
		if body, err := h.Marshal(); err != nil || len(body) != want {
			t.Errorf("%d octets, %v, want %d", len(body), err, want)
		}
	}
}

func TestGREASE(t *testing.T) {
	for i, want := range map[int]uint16{0: 0x0a0a, 1: 0x1a1a, 15: 0xfafa} {
		if got := GREASE(i); got != want {
			t.Errorf("%d: %04x", i, got)
		}
	}
}

func TestHelloTooLong(t *testing.T) {
	for name, h := range map[string]Hello{
		"session_id":          {SessionID: make([]byte, 256)},
		"suites":              {Suites: make([]uint16, 1<<15)},
		"compression methods": {Compression: make([]byte, 256)},
		"extensions":          {Extensions: []Extension{{1, make([]byte, 1<<16)}}},
	} {
		if _, err := h.Marshal(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseHelloMalformed(t *testing.T) {
	good, err := NewHello("lb01.test", 0xc030).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	end := len(good) - len(appendExtensions(nil, NewHello("lb01.test").Extensions)) - 2
	for n := range good {
		if _, err := ParseHello(good[:n]); !errors.Is(err, ErrMalformed) && n != end {
			t.Errorf("cut to %d octets: %v", n, err)
		}
	}
	if h, err := ParseHello(good[:end]); err != nil || h.Extensions != nil {
		t.Errorf("without extensions: %+v, %v", h, err)
	}
	for name, b := range map[string][]byte{
		"octets behind the extensions": append(bytes.Clone(good), 0),
		"half a suite":                 slices.Concat(make([]byte, 34), []byte{0, 0, 3, 1, 2, 3, 1, 0}),
	} {
		if _, err := ParseHello(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What can be read is written back octet by octet.
func FuzzParseHello(f *testing.F) {
	for _, h := range []Hello{{}, offer(), {Extensions: []Extension{}}} {
		b, err := h.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHello(b)
		h.Groups()
		h.Versions()
		if _, err := choose(h, bugs{unofferedSuite: true, unofferedVersion: true, compress: true, unsolicited: true}, Parameters{}); err != nil && !errors.Is(err, ErrUnsuitable) {
			t.Errorf("choosing: %v", err)
		}
		if err != nil {
			return
		}
		back, err := h.Marshal()
		if err != nil || !bytes.Equal(back, b) {
			t.Errorf("got %x, %v", back, err)
		}
	})
}
