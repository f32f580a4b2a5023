package media

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// sender makes the packets of one RTP stream. It is not safe for concurrent
// use.
type sender struct {
	codec       Codec
	payloadType uint8
	crypto      *srtp.Context // nil: clear RTP

	ssrc      uint32
	sequence  uint16
	timestamp uint32
	talking   bool // the packet before was sent, so this one bears no marker

	tone   oscillator
	header rtp.Header
	block  [blockSamples]int16
	plain  []byte
	wire   []byte
}

// next gives the packet of the next 20 ms, valid until the next call.
func (s *sender) next() ([]byte, error) {
	s.tone.fill(s.block[:])
	second := s.payloadType
	if !s.talking {
		second |= 0x80 // marker: a talkspurt begins (RFC 3551 section 4.1)
	}
	b := append(s.plain[:0], 2<<6, second)
	b = binary.BigEndian.AppendUint16(b, s.sequence)
	b = binary.BigEndian.AppendUint32(b, s.timestamp)
	b = binary.BigEndian.AppendUint32(b, s.ssrc)
	s.plain = s.codec.Encode(b, s.block[:])
	s.sequence++
	s.timestamp += blockSamples
	s.talking = true
	if s.crypto == nil {
		return s.plain, nil
	}
	wire, err := s.crypto.EncryptRTP(s.wire[:0], s.plain, &s.header)
	if err != nil {
		return nil, fmt.Errorf("protecting RTP packet %d: %w", s.sequence-1, err)
	}
	s.wire = wire
	return wire, nil
}

// skip lets blocks of 20 ms pass unsent.
func (s *sender) skip(blocks int64) {
	s.timestamp += uint32(blocks * blockSamples)
	s.talking = false
}
