package sdes

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestParseExamples(t *testing.T) {
	key46 := base64.StdEncoding.EncodeToString(make([]byte, 46))
	key28 := base64.StdEncoding.EncodeToString(make([]byte, 28))
	tests := []struct {
		name, value string
		suite       SuiteName
		tag, keys   int
		key         int // octets of the first master key
		lifetime    uint64
		mki         []byte
		params      string
		text        string // String, where it differs from value
	}{
		{
			name:  "RFC 4568 section 4",
			value: "1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4",
			suite: AESCM128HMACSHA1x80, tag: 1, keys: 1, key: 16, lifetime: 1 << 20, mki: []byte{0, 0, 0, 1},
		},
		{
			name:  "RFC 4568 section 5, first line",
			value: "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP",
			suite: AESCM128HMACSHA1x80, tag: 1, keys: 1, key: 16, lifetime: 1 << 20, mki: []byte{0, 0, 0, 1}, params: "FEC_ORDER=FEC_SRTP",
		},
		{
			name: "RFC 4568 section 5, two keys of a suite without a transform",
			value: "2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;" +
				"inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP",
			suite: F8128HMACSHA1x80, tag: 2, keys: 2, key: 16, lifetime: 1 << 20, mki: []byte{0, 0, 0, 1}, params: "FEC_ORDER=FEC_SRTP",
		},
		{
			name:  "RFC 4568 section 6.1, MKI without lifetime",
			value: "1 AES_CM_128_HMAC_SHA1_80 inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2|1066:4",
			suite: AESCM128HMACSHA1x80, tag: 1, keys: 1, key: 16, mki: []byte{0, 0, 4, 42},
		},
		{
			name:  "RFC 4568 appendix A, short authentication tag",
			value: "1 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32",
			suite: AESCM128HMACSHA1x32, tag: 1, keys: 1, key: 16, lifetime: 1 << 20, mki: append(make([]byte, 31), 1),
		},
		{
			name:  "bare, as most devices write it",
			value: "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
			suite: AESCM128HMACSHA1x80, tag: 1, keys: 1, key: 16,
		},
		{
			name:  "white space of both kinds, tag and lifetime as plain numbers",
			value: "010 \tAES_256_CM_HMAC_SHA1_80  inline:" + key46 + "|1048577\tKDR=0 WSH=128 -x ",
			suite: AES256CMHMACSHA1x80, tag: 10, keys: 1, key: 32, lifetime: 1<<20 + 1, params: "KDR=0 WSH=128 -x",
			text: "10 AES_256_CM_HMAC_SHA1_80 inline:" + key46 + "|1048577 KDR=0 WSH=128 -x",
		},
		{
			name:  "names in another case",
			value: "1 aes_cm_128_HMAC_sha1_80 Inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj Unencrypted_srtp kdr=0 fec_order=srtp_fec fec_key=inline:aB -Ext",
			suite: AESCM128HMACSHA1x80, tag: 1, keys: 1, key: 16, params: "UNENCRYPTED_SRTP KDR=0 FEC_ORDER=SRTP_FEC FEC_KEY=inline:aB -Ext",
			text: "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj UNENCRYPTED_SRTP KDR=0 FEC_ORDER=SRTP_FEC FEC_KEY=inline:aB -Ext",
		},
		{
			name:  "RFC 7714",
			value: "999999999 AEAD_AES_128_GCM inline:" + key28 + " SOMETHING_NEW=1",
			suite: AEADAES128GCM, tag: 999999999, keys: 1, key: 16, params: "SOMETHING_NEW=1",
		},
		{
			name:  "unknown suite keeps its keys unread",
			value: "3 ARIA_CM_192_HMAC_SHA1_80 inline:short|2^99;other_method:x UNENCRYPTED_SRTP",
			suite: "ARIA_CM_192_HMAC_SHA1_80", tag: 3, keys: 2, params: "UNENCRYPTED_SRTP",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Parse(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if l.Tag != tt.tag || l.Suite != tt.suite || len(l.Keys) != tt.keys {
				t.Fatalf("got tag %d, suite %s, %d keys", l.Tag, l.Suite, len(l.Keys))
			}
			if k := l.Keys[0]; len(k.Master) != tt.key || k.Lifetime != tt.lifetime || !bytes.Equal(k.MKI, tt.mki) {
				t.Errorf("got key of %d octets, lifetime %d, MKI %x", len(k.Master), k.Lifetime, k.MKI)
			}
			if got := strings.Join(l.Params, " "); got != tt.params {
				t.Errorf("got parameters %q", got)
			}
			if l.Known() == (tt.key == 0) {
				t.Errorf("Known() = %v", l.Known())
			}
			want := tt.text
			if want == "" {
				want = tt.value
			}
			if got := l.String(); got != want {
				t.Errorf("String()\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestParseKeySplit(t *testing.T) {
	l, err := Parse("1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm")
	if err != nil {
		t.Fatal(err)
	}
	if k, s := string(l.Keys[0].Master), string(l.Keys[0].Salt); k != "123456789ABCDE01" || s != "23456789ABcdef" {
		t.Errorf("got key %q, salt %q", k, s)
	}
}

func TestParseErrors(t *testing.T) {
	const suite = "1 AES_CM_128_HMAC_SHA1_80 "
	const key = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	tests := []struct {
		name, value string
		part        Part
	}{
		{"empty", "", PartLine},
		{"no key", "1 AES_CM_128_HMAC_SHA1_80", PartLine},
		{"space first", " " + suite + key, PartLine},
		{"line end kept", suite + key + "\r\n", PartLine},
		{"control octet", suite + key + "\x00", PartLine},
		{"not ASCII", suite + key + " \u00a0", PartLine},
		{"too long", suite + key + strings.Repeat(" ", maxValue), PartLine},
		{"tag not a number", "x AES_CM_128_HMAC_SHA1_80 " + key, PartTag},
		{"tag negative", "-1 AES_CM_128_HMAC_SHA1_80 " + key, PartTag},
		{"tag of ten digits", "1234567890 AES_CM_128_HMAC_SHA1_80 " + key, PartTag},
		{"suite with dashes", "1 AES-CM-128 " + key, PartSuite},
		{"method unknown", suite + "mikey:xyz", PartKeyMethod},
		{"method missing", suite + "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", PartKeyMethod},
		{"method of an unknown suite missing", "1 X " + "abc", PartKeyMethod},
		{"key empty", suite + "inline:", PartKey},
		{"key not base64", suite + "inline:d0Rmdm!mVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", PartKey},
		{"key too short", suite + "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAw", PartKey},
		{"key of another suite", "1 AEAD_AES_128_GCM " + key, PartKey},
		{"key with stray bits", "1 AEAD_AES_128_GCM inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYh==", PartKey},
		{"key without padding", "1 AEAD_AES_128_GCM inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYg", PartKey},
		{"trailing semicolon", suite + key + ";", PartKeyMethod},
		{"lifetime empty", suite + key + "|", PartLifetime},
		{"lifetime zero", suite + key + "|0", PartLifetime},
		{"lifetime above 2^48", suite + key + "|2^49", PartLifetime},
		{"lifetime not a number", suite + key + "|2^-1", PartLifetime},
		{"lifetime twice", suite + key + "|2^20|2^20", PartMKI},
		{"MKI length zero", suite + key + "|1:0", PartMKI},
		{"MKI length above 128", suite + key + "|1:129", PartMKI},
		{"MKI value too large", suite + key + "|256:1", PartMKI},
		{"MKI value not a number", suite + key + "|+1:4", PartMKI},
		{"MKI value huge", suite + key + "|" + strings.Repeat("9", 400) + ":128", PartMKI},
		{"text after MKI", suite + key + "|2^20|1:4|x", PartMKI},
		{"two keys without MKI", suite + key + ";" + key, PartMKI},
		{"MKI lengths differ", suite + key + "|1:4;" + key + "|2:2", PartMKI},
		{"MKI twice", suite + key + "|1:4;" + key + "|1:4", PartMKI},
		{"KDR too large", suite + key + " KDR=25", PartSessionParam},
		{"WSH too small", suite + key + " WSH=63", PartSessionParam},
		{"FEC order", suite + key + " FEC_ORDER=NONE", PartSessionParam},
		{"FEC key", suite + key + " FEC_KEY=x", PartSessionParam},
		{"flag with a value", suite + key + " UNENCRYPTED_SRTP=1", PartSessionParam},
		{"two dashes", suite + key + " --x", PartSessionParam},
		{"dash alone", suite + key + " -", PartSessionParam},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.value)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Part != tt.part {
				t.Errorf("part %q, want %q: %v", e.Part, tt.part, err)
			}
			if strings.Contains(err.Error(), "d0Rm") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP")
	f.Add("2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4")
	f.Add("3 ARIA_CM_192_HMAC_SHA1_80 inline:short|2^99;other_method:x UNENCRYPTED_SRTP WSH=64 KDR=1 -x")
	f.Fuzz(func(t *testing.T, value string) {
		l, err := Parse(value)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Part == "" {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		_, _ = l.Context()
		text := l.String()
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("%q was written as %q: %v", value, text, err)
		}
		if again.String() != text {
			t.Fatalf("%q was written as %q, then as %q", value, text, again.String())
		}
	})
}
