package media

import "fmt"

// SampleRate is that of both G.711 laws, in samples a second; it is also the
// rate of their RTP clock (RFC 3551 section 4.5.14).
const SampleRate = 8000

// Codec is one of the two laws of ITU-T G.711, one octet a sample.
type Codec uint8

// The codecs. The zero value is PCMU.
const (
	PCMU Codec = iota // µ-law, static payload type 0
	PCMA              // A-law, static payload type 8
)

// String gives the encoding name of RFC 3551 table 4, as used in a=rtpmap.
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// PayloadType is the static RTP payload type of RFC 3551 table 4.
func (c Codec) PayloadType() uint8 {
	if c == PCMA {
		return 8
	}
	return 0
}

// Encode appends to dst one octet for each 16-bit linear sample.
func (c Codec) Encode(dst []byte, samples []int16) []byte {
	for _, s := range samples {
		if c == PCMA {
			dst = append(dst, encodeALaw(s))
		} else {
			dst = append(dst, encodeMuLaw(s))
		}
	}
	return dst
}

// Decode appends to dst one 16-bit linear sample for each octet.
func (c Codec) Decode(dst []int16, octets []byte) []int16 {
	table := &muLaw
	if c == PCMA {
		table = &aLaw
	}
	for _, b := range octets {
		dst = append(dst, table[b])
	}
	return dst
}

// Linear values of every code, scaled to 16 bits.
var muLaw, aLaw = decodeTables()

func decodeTables() (mu, a [256]int16) {
	for i := range 256 {
		// µ-law: all bits inverted; sign, three bits of segment, four of step.
		u := ^byte(i)
		v := int16((int(u&0x0f)<<3+muLawBias)<<(u>>4&7) - muLawBias)
		if u&0x80 != 0 {
			v = -v
		}
		mu[i] = v

		// A-law: even bits inverted; the sign bit set means positive.
		x := byte(i) ^ 0x55
		v = int16(x&0x0f)<<4 + 8
		if segment := x >> 4 & 7; segment > 0 {
			v = (v + 0x100) << (segment - 1)
		}
		if x&0x80 == 0 {
			v = -v
		}
		a[i] = v
	}
	return mu, a
}

// muLawBias makes every µ-law segment start at a power of two.
const muLawBias = 0x84

func encodeMuLaw(s int16) byte {
	const clip = 32635 // the largest magnitude whose biased value fits 15 bits
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, clip) + muLawBias
	segment := 7
	for mask := 0x4000; v&mask == 0 && segment > 0; mask >>= 1 {
		segment--
	}
	return ^(sign | byte(segment)<<4 | byte(v>>(segment+3))&0x0f)
}

func encodeALaw(s int16) byte {
	v, sign := int(s), byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0 // the negative half starts at -1
	}
	segment := 0
	for v>>8>>segment != 0 {
		segment++
	}
	step := v >> 4
	if segment > 0 {
		step = v >> (segment + 3)
	}
	return (sign | byte(segment)<<4 | byte(step)&0x0f) ^ 0x55
}
