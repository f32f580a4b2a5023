package media

import (
	"math"
	"net/netip"
	"time"
)

// Report is what a [Stream] did and saw, up to the moment it was asked. All
// counts are since Start. A packet is accepted if it belongs to the stream:
// authenticated and decrypted where SRTP was agreed, well-formed RTP where
// clear RTP was.
type Report struct {
	Local  netip.AddrPort `json:"local"`
	Remote netip.AddrPort `json:"remote"` // where packets go; follows the peer if latched
	Codec  string         `json:"codec"`
	// PayloadType is the one agreed.
	PayloadType uint8 `json:"payload_type"`
	// SendSRTP and ReceiveSRTP say what was agreed for each direction.
	SendSRTP    bool `json:"send_srtp"`
	ReceiveSRTP bool `json:"receive_srtp"`

	PacketsSent uint64 `json:"packets_sent"`
	SendErrors  uint64 `json:"send_errors"`
	// Fault is the last error of the socket or of encrypting, if any.
	Fault string `json:"fault,omitempty"`

	// PacketsReceived counts every datagram, whatever it is.
	PacketsReceived uint64 `json:"packets_received"`
	PacketsAccepted uint64 `json:"packets_accepted"`
	// PacketsAuthenticated is 0 where clear RTP was agreed.
	PacketsAuthenticated uint64 `json:"packets_authenticated"`
	// AuthFailures counts packets that are not authentic under the agreed
	// key, without those counted as ClearPackets or Duplicates.
	AuthFailures uint64 `json:"auth_failures"`
	// ClearPackets counts unprotected packets where SRTP was agreed: RTP
	// with the agreed payload type, as long as a packet without any
	// authentication tag, and audio when decoded as it stands.
	ClearPackets uint64 `json:"clear_packets"`
	// WrongPayloadType counts accepted packets with another payload type
	// than agreed, for example DTMF events; they are not listened to.
	WrongPayloadType uint64 `json:"wrong_payload_type"`
	// PayloadTypes lists those of accepted packets, in order of appearance.
	PayloadTypes []uint8 `json:"payload_types"`
	// Malformed counts datagrams that are not RTP version 2, or too long.
	Malformed   uint64 `json:"malformed"`
	RTCPPackets uint64 `json:"rtcp_packets"`
	// OverSSRCLimit counts packets that were dropped unread because their
	// sender had already used 64 other SSRCs.
	OverSSRCLimit uint64 `json:"over_ssrc_limit"`

	// Lost, Reordered, Duplicates and SequenceRestarts are about accepted
	// packets, by sequence number, summed over the SSRCs. Lost are those
	// missing between the first and the newest; Duplicates includes packets
	// that the SRTP replay window refused; SequenceRestarts are jumps of
	// more than 3000 forward or 1023 back, which count nothing as lost.
	Lost             int64  `json:"lost"`
	Reordered        uint64 `json:"reordered"`
	Duplicates       uint64 `json:"duplicates"`
	SequenceRestarts uint64 `json:"sequence_restarts"`
	// SSRCs of accepted packets, in order of appearance, at most 64.
	SSRCs []uint32 `json:"ssrcs"`
	// Sources are the addresses that datagrams came from, at most 16;
	// PacketsOfOtherSources counts the datagrams of all others.
	Sources               []Source `json:"sources"`
	PacketsOfOtherSources uint64   `json:"packets_of_other_sources"`
	// JitterMS is the interarrival jitter of RFC 3550 section 6.4.1, of the
	// SSRC with the most packets.
	JitterMS float64 `json:"jitter_ms"`
	// FirstPacket and LastPacket are when packets were accepted.
	FirstPacket time.Time `json:"first_packet,omitzero"`
	LastPacket  time.Time `json:"last_packet,omitzero"`

	// Blocks counts the 20 ms of audio listened to. The shares below are of
	// these, 0 to 1. A tone dominates a block that is not silent if it holds
	// at least 60 % of its energy; so no two tones dominate the same block.
	Blocks uint64 `json:"blocks"`
	// Tone is about the tone expected, OtherTones about the others that
	// were named; the tone this stream sends is among them unless it is the
	// one expected, so that an echo shows.
	Tone       Tone   `json:"tone"`
	OtherTones []Tone `json:"other_tones"`
	// Silence is below -50 dBov.
	SilentBlocks uint64  `json:"silent_blocks"`
	SilenceShare float64 `json:"silence_share"`
	// PeakHz is the strongest frequency of the last block that was not
	// silent, to 5 Hz; 0 where there was none.
	PeakHz float64 `json:"peak_hz"`
	// LevelDBov is the mean level of the blocks that were not silent, 0 for
	// overload, -127 where there was none.
	LevelDBov float64 `json:"level_dbov"`
}

// Tone says how much of the audio one frequency dominated.
type Tone struct {
	Hz     float64 `json:"hz"`
	Blocks uint64  `json:"blocks"`
	Share  float64 `json:"share"`
}

// Source is an address that datagrams came from.
type Source struct {
	Address  netip.AddrPort `json:"address"`
	Packets  uint64         `json:"packets"`
	Accepted uint64         `json:"accepted"`
}

// fill completes a copy of the receiver's counters.
func (r *receiver) fill() Report {
	out := r.report
	out.Codec, out.PayloadType, out.ReceiveSRTP = r.codec.String(), r.payloadType, r.crypto != nil
	// Copies: the caller keeps a report while the stream goes on. Empty
	// lists rather than none, so that JSON has no null.
	out.Sources = append([]Source{}, r.report.Sources...)
	out.PayloadTypes = append([]uint8{}, r.report.PayloadTypes...)
	out.SSRCs = []uint32{}
	var most uint64
	for _, t := range r.trackers {
		out.SSRCs = append(out.SSRCs, t.ssrc)
		out.Lost += t.lost()
		if t.packets > most {
			most, out.JitterMS = t.packets, round(t.jitter*1000)
		}
	}
	e := &r.ear
	out.Blocks = e.blocks
	out.Tone = Tone{Hz: e.expect, Blocks: e.heard, Share: e.share(e.heard)}
	out.OtherTones = []Tone{}
	for i, hz := range e.others {
		out.OtherTones = append(out.OtherTones, Tone{Hz: hz, Blocks: e.heardOthers[i], Share: e.share(e.heardOthers[i])})
	}
	out.SilentBlocks, out.SilenceShare = e.silent, e.share(e.silent)
	out.PeakHz, out.LevelDBov = e.peakHz(), round(e.level())
	return out
}

// round keeps three decimals, enough for milliseconds and decibels.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }
