package media

import (
	"math"
	"testing"
)

func TestG711KnownValues(t *testing.T) {
	// ITU-T G.711 tables 1a to 2b, scaled to 16 bits.
	tests := []struct {
		codec  Codec
		octet  byte
		linear int16
	}{
		{PCMU, 0xff, 0}, {PCMU, 0x7f, 0}, {PCMU, 0xfe, 8}, {PCMU, 0x7e, -8},
		{PCMU, 0xef, 132}, {PCMU, 0x80, 32124}, {PCMU, 0x00, -32124}, {PCMU, 0x8f, 16764},
		{PCMA, 0xd5, 8}, {PCMA, 0x55, -8}, {PCMA, 0xd4, 24}, {PCMA, 0xc5, 264},
		{PCMA, 0xaa, 32256}, {PCMA, 0x2a, -32256}, {PCMA, 0xa5, 16896},
	}
	for _, tt := range tests {
		if got := tt.codec.Decode(nil, []byte{tt.octet})[0]; got != tt.linear {
			t.Errorf("%s %#02x decodes to %d, want %d", tt.codec, tt.octet, got, tt.linear)
		}
		if tt.octet == 0x7f { // negative zero, which no sample encodes to
			continue
		}
		if got := tt.codec.Encode(nil, []int16{tt.linear})[0]; got != tt.octet {
			t.Errorf("%s %d encodes to %#02x, want %#02x", tt.codec, tt.linear, got, tt.octet)
		}
	}
}

func TestG711EveryValue(t *testing.T) {
	for _, codec := range []Codec{PCMU, PCMA} {
		for i := range 256 {
			linear := codec.Decode(nil, []byte{byte(i)})
			if again := codec.Decode(nil, codec.Encode(nil, linear)); again[0] != linear[0] {
				t.Errorf("%s %#02x: %d comes back as %d", codec, i, linear[0], again[0])
			}
		}
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			got := int(codec.Decode(nil, codec.Encode(nil, []int16{int16(v)}))[0])
			// Half a step: a 32nd of the value and half of the smallest step.
			if d := max(got-v, v-got); d > max(v, -v)/32+8 {
				t.Fatalf("%s: %d comes back as %d", codec, v, got)
			}
		}
	}
}

func TestCodecNames(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		name  string
		pt    uint8
	}{{PCMU, "PCMU", 0}, {PCMA, "PCMA", 8}, {9, "codec 9", 0}} {
		if tt.codec.String() != tt.name || tt.codec.PayloadType() != tt.pt {
			t.Errorf("got %s and %d, want %s and %d", tt.codec, tt.codec.PayloadType(), tt.name, tt.pt)
		}
	}
}
