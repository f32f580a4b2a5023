package sdes

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// counter is a source of "randomness" that a test can foresee.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

func mustParse(t *testing.T, value string) Line {
	t.Helper()
	l, err := Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func packet(t *testing.T, seq uint16) []byte {
	t.Helper()
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, SSRC: 7, SequenceNumber: seq, Timestamp: uint32(seq) * 160},
		Payload: bytes.Repeat([]byte{0x55}, 160),
	}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGenerate(t *testing.T) {
	for _, s := range suites {
		t.Run(string(s.Name), func(t *testing.T) {
			l, err := Generate(4, s.Name, new(counter))
			if err != nil {
				t.Fatal(err)
			}
			if again := mustParse(t, l.String()); again.String() != l.String() {
				t.Errorf("%s reads back as %s", l, again)
			}
			k := l.Keys[0]
			if len(k.Master) != s.KeyLen || len(k.Salt) != s.SaltLen || k.Master[1] != 1 || int(k.Salt[0]) != s.KeyLen {
				t.Errorf("key %x, salt %x do not follow the random octets", k.Master, k.Salt)
			}
			if _, err := l.Context(); (err == nil) != s.Usable() {
				t.Errorf("Usable() = %v, Context: %v", s.Usable(), err)
			}
		})
	}
	a, err := Generate(1, AESCM128HMACSHA1x80, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := Generate(1, AESCM128HMACSHA1x80, nil); a.String() == b.String() {
		t.Error("the system's generator gave one key twice")
	}
	for name, fails := range map[string]func() (Line, error){
		"unknown suite": func() (Line, error) { return Generate(1, "NOPE", nil) },
		"negative tag":  func() (Line, error) { return Generate(-1, AESCM128HMACSHA1x80, nil) },
		"short random":  func() (Line, error) { return Generate(1, AESCM128HMACSHA1x80, strings.NewReader("abc")) },
	} {
		if l, err := fails(); err == nil {
			t.Errorf("%s: got %s", name, l)
		}
	}
	if _, err := Generate(1, AESCM128HMACSHA1x80, strings.NewReader("abc")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short random: %v", err)
	}
}

func TestChooseAndAnswer(t *testing.T) {
	const key30 = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	const key28 = "inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYg=="
	allowed := []SuiteName{AESCM128HMACSHA1x80, AEADAES128GCM, F8128HMACSHA1x80, "NEW_SUITE"}
	tests := []struct {
		name  string
		offer []string
		tag   int // 0: none
	}{
		{"nothing offered", nil, 0},
		{"the only one", []string{"7 AES_CM_128_HMAC_SHA1_80 " + key30}, 7},
		{"the offer's order, not ours", []string{"2 AEAD_AES_128_GCM " + key28, "1 AES_CM_128_HMAC_SHA1_80 " + key30}, 2},
		{"not allowed", []string{"1 AES_CM_128_HMAC_SHA1_32 " + key30}, 0},
		{"unknown, even if allowed", []string{"1 NEW_SUITE inline:x", "2 AES_CM_128_HMAC_SHA1_80 " + key30}, 2},
		{"no transform, even if allowed", []string{"1 F8_128_HMAC_SHA1_80 " + key30, "2 AES_CM_128_HMAC_SHA1_80 " + key30}, 2},
		{"mandatory extension", []string{"1 AES_CM_128_HMAC_SHA1_80 " + key30 + " NEW=1", "2 AES_CM_128_HMAC_SHA1_80 " + key30}, 2},
		{"optional extension", []string{"1 AES_CM_128_HMAC_SHA1_80 " + key30 + " -NEW=1", "2 AES_CM_128_HMAC_SHA1_80 " + key30}, 1},
		{"key derivation rate", []string{"1 AES_CM_128_HMAC_SHA1_80 " + key30 + " KDR=1"}, 0},
		{"without encryption", []string{"1 AES_CM_128_HMAC_SHA1_80 " + key30 + " UNENCRYPTED_SRTP"}, 0},
		{"without authentication", []string{"1 AES_CM_128_HMAC_SHA1_80 " + key30 + " UNAUTHENTICATED_SRTP"}, 0},
		{"lifetime and MKI", []string{"3 AES_CM_128_HMAC_SHA1_80 " + key30 + "|2^31|1:1"}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var offer []Line
			for _, v := range tt.offer {
				offer = append(offer, mustParse(t, v))
			}
			chosen, ok := Choose(offer, allowed)
			if ok != (tt.tag != 0) || chosen.Tag != tt.tag {
				t.Fatalf("chose %q, %v", chosen, ok)
			}
			if !ok {
				return
			}
			answer, err := Answer(chosen, new(counter))
			if err != nil {
				t.Fatal(err)
			}
			if answer.Tag != tt.tag || answer.Suite != chosen.Suite {
				t.Errorf("answered %q to %q", answer, chosen)
			}
			if k := answer.Keys[0]; bytes.Equal(k.Master, chosen.Keys[0].Master) || k.Lifetime != 0 || k.MKI != nil {
				t.Errorf("answer %q takes over what is the offerer's own", answer)
			}
		})
	}
	weak := mustParse(t, "5 AES_CM_128_HMAC_SHA1_80 "+key30+" WSH=128 UNENCRYPTED_SRTCP")
	answer, err := Answer(weak, new(counter))
	if err != nil || strings.Join(answer.Params, " ") != UnencryptedSRTCP {
		t.Errorf("answer %q, %v: want the agreed parameter and no other", answer, err)
	}
}

func TestContextProtects(t *testing.T) {
	for _, s := range suites {
		if !s.Usable() {
			continue
		}
		t.Run(string(s.Name), func(t *testing.T) {
			line, err := Generate(1, s.Name, new(counter))
			if err != nil {
				t.Fatal(err)
			}
			sender, err := line.Context()
			if err != nil {
				t.Fatal(err)
			}
			receiver, err := mustParse(t, line.String()).Context()
			if err != nil {
				t.Fatal(err)
			}
			clear := packet(t, 1)
			wire, err := sender.EncryptRTP(nil, clear, nil)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(wire, clear[12:]) {
				t.Error("payload is in the clear")
			}
			got, err := receiver.DecryptRTP(nil, wire, nil)
			if err != nil || !bytes.Equal(got, clear) {
				t.Fatalf("decrypting: %v", err)
			}
			if _, err := receiver.DecryptRTP(nil, wire, nil); err == nil {
				t.Error("a replayed packet was accepted")
			}
		})
	}
}

func TestContextParameters(t *testing.T) {
	const line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	const gcm = "1 AEAD_AES_128_GCM inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYg=="
	tests := []struct {
		name, value string
		length      int // of the protected packet; 0: no context
		clear       bool
	}{
		{"plain", line, 12 + 160 + 10, false},
		{"optional extension", line + " -x=1", 12 + 160 + 10, false},
		{"KDR of 0", line + " KDR=0", 12 + 160 + 10, false},
		{"MKI", line + "|2^20|1:4", 12 + 160 + 4 + 10, false},
		{"UNENCRYPTED_SRTP", line + " UNENCRYPTED_SRTP", 12 + 160 + 10, true},
		{"UNENCRYPTED_SRTCP", line + " UNENCRYPTED_SRTCP", 12 + 160 + 10, false},
		{"UNAUTHENTICATED_SRTP", line + " UNAUTHENTICATED_SRTP", 12 + 160, false},
		{"large window", line + " WSH=999999999", 12 + 160 + 10, false},
		{"KDR", line + " KDR=24", 0, false},
		{"FEC", line + " FEC_ORDER=FEC_SRTP", 0, false},
		{"mandatory extension", line + " X", 0, false},
		{"GCM", gcm, 12 + 160 + 16, false},
		{"GCM without encryption", gcm + " UNENCRYPTED_SRTP", 0, false},
		{"no transform", "1 F8_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", 0, false},
		{"unknown suite", "1 X inline:y", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, err := mustParse(t, tt.value).Context()
			if tt.length == 0 {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("got %v, want an *Error", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			plain := packet(t, 1)
			wire, err := ctx.EncryptRTP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(wire) != tt.length || bytes.Contains(wire, plain[12:]) != tt.clear {
				t.Errorf("protected packet has %d octets, want %d; clear payload: %v", len(wire), tt.length, !tt.clear)
			}
		})
	}
	if _, err := (Line{Suite: AESCM128HMACSHA1x80}).Context(); err == nil {
		t.Error("a line without a key made a context")
	}
}

func TestContextWindow(t *testing.T) {
	for value, want := range map[string]bool{"": false, " WSH=200": true} {
		line := mustParse(t, "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"+value)
		sender, err := line.Context()
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := line.Context()
		if err != nil {
			t.Fatal(err)
		}
		late, _ := sender.EncryptRTP(nil, packet(t, 1), nil)
		soon, _ := sender.EncryptRTP(nil, packet(t, 150), nil)
		if _, err := receiver.DecryptRTP(nil, soon, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := receiver.DecryptRTP(nil, late, nil); (err == nil) != want {
			t.Errorf("parameters %q: a packet 149 late: %v", value, err)
		}
	}
}

func TestContextSeveralKeys(t *testing.T) {
	const a, b = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|1:2", "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2:2"
	both := mustParse(t, "1 AES_CM_128_HMAC_SHA1_80 "+a+";"+b)
	second := mustParse(t, "1 AES_CM_128_HMAC_SHA1_80 "+b)
	sender, err := second.Context()
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := both.Context(srtp.SRTPReplayProtection(128))
	if err != nil {
		t.Fatal(err)
	}
	wire, err := sender.EncryptRTP(nil, packet(t, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receiver.DecryptRTP(nil, wire, nil); err != nil {
		t.Errorf("a packet under the second key: %v", err)
	}
}
