package scripted

import "encoding/binary"

// cursor takes fields off an octet string and remembers if it ever ran short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if c.short || n > len(c.b) {
		c.b, c.short = nil, true
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

// number reads n octets, most significant first.
func (c *cursor) number(n int) int {
	v := 0
	for _, b := range c.take(n) {
		v = v<<8 | int(b)
	}
	return v
}

// vector reads a vector whose length stands before it in n octets (RFC 5246 4.3).
func (c *cursor) vector(n int) []byte { return c.take(c.number(n)) }

// numbers reads a vector of two-octet numbers.
func (c *cursor) numbers(n int) []uint16 {
	b := c.vector(n)
	c.short = c.short || len(b)%2 != 0
	return decodeNumbers(b)
}

// whole reports whether all was read and nothing was missing.
func (c *cursor) whole() bool { return !c.short && len(c.b) == 0 }

func decodeNumbers(b []byte) []uint16 {
	out := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		out = append(out, binary.BigEndian.Uint16(b))
	}
	return out
}

func encodeNumbers(v []uint16) []byte {
	out := make([]byte, 0, 2*len(v))
	for _, n := range v {
		out = binary.BigEndian.AppendUint16(out, n)
	}
	return out
}

// appendNumber appends v in n octets, most significant first.
func appendNumber(dst []byte, n, v int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

// appendVector appends v behind its length in n octets. A vector too long for
// its length field does not occur in what we make; Hello.Marshal sees to that.
func appendVector(dst []byte, n int, v []byte) []byte {
	return append(appendNumber(dst, n, len(v)), v...)
}
