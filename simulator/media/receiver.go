package media

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	// maxDatagram is the longest datagram looked at, in octets: beyond any
	// Ethernet frame and any packet of G.711.
	maxDatagram = 2048
	// maxSSRCs bounds the memory for synchronization sources, ours and that
	// of the SRTP context.
	maxSSRCs = 64
	// maxSources bounds the list of source addresses.
	maxSources = 16
)

// receiver sorts and counts what arrives. It is not safe for concurrent use.
type receiver struct {
	codec       Codec
	payloadType uint8
	crypto      *srtp.Context // nil: clear RTP was agreed

	ear      ear
	trackers []*tracker
	report   Report // only the counters and lists of receiving

	header  rtp.Header
	plain   []byte
	samples []int16
}

// take judges one datagram and reports whether it was accepted as a packet of
// the stream. raw may be longer than maxDatagram, but then only by being cut.
func (r *receiver) take(raw []byte, from netip.AddrPort, now time.Time) bool {
	r.report.PacketsReceived++
	source := r.source(from)
	packet, ok := r.admit(raw)
	if !ok {
		return false
	}
	if source = r.promote(source, from); source != nil {
		source.Accepted++
	}
	r.report.PacketsAccepted++
	if r.report.FirstPacket.IsZero() {
		r.report.FirstPacket = now
	}
	r.report.LastPacket = now
	if !slices.Contains(r.report.PayloadTypes, r.header.PayloadType) {
		r.report.PayloadTypes = append(r.report.PayloadTypes, r.header.PayloadType)
	}
	r.hear(packet, now)
	return true
}

// admit gives the payload of a packet that belongs to the stream: authentic
// where SRTP was agreed, well-formed where clear RTP was.
func (r *receiver) admit(raw []byte) (payload []byte, ok bool) {
	if len(raw) > maxDatagram || len(raw) < 12 || raw[0]>>6 != 2 {
		r.report.Malformed++
		return nil, false
	}
	if raw[1] >= 192 && raw[1] <= 223 { // RFC 5761 section 4
		r.report.RTCPPackets++
		return nil, false
	}
	n, err := r.header.Unmarshal(raw)
	if err != nil {
		r.report.Malformed++
		return nil, false
	}
	if r.tracker(r.header.SSRC) == nil && len(r.trackers) == maxSSRCs {
		r.report.OverSSRCLimit++
		return nil, false
	}
	if r.crypto != nil {
		plain, err := r.crypto.DecryptRTP(r.plain, raw, &r.header)
		if err != nil {
			r.refuse(raw[n:], err)
			return nil, false
		}
		r.report.PacketsAuthenticated++
		r.plain, raw = plain[:0], plain
	}
	if payload, ok = unpad(&r.header, raw[n:]); !ok {
		r.report.Malformed++
	}
	return payload, ok
}

// refuse says in the counters why a packet was not authentic; payload is what
// follows its RTP header, as received.
func (r *receiver) refuse(payload []byte, err error) {
	t := r.tracker(r.header.SSRC)
	switch {
	case r.clear(payload):
		r.report.ClearPackets++
	case !errors.Is(err, srtp.ErrFailedToVerifyAuthTag) && !errors.Is(err, srtp.ErrMKINotFound) &&
		t != nil && t.behind(r.header.SequenceNumber):
		// The replay window answers before authentication is tried.
		r.report.Duplicates++
	default:
		r.report.AuthFailures++
	}
}

// clear reports whether a packet that is not authentic was never protected.
// All of this must hold: it has the agreed payload type; it is as long as an
// unprotected packet, that is a whole number of 10 ms from 10 to 60, which no
// authentication tag of 4, 10 or 16 octets leaves it; and decoded it is audio
// rather than noise (see [ear.recognises]), so that a packet encrypted but
// not authenticated is none.
func (r *receiver) clear(payload []byte) bool {
	const block = SampleRate / 100
	payload, ok := unpad(&r.header, payload)
	if !ok || r.header.PayloadType != r.payloadType {
		return false
	}
	if n := len(payload); n == 0 || n > 6*block || n%block != 0 {
		return false
	}
	r.samples = r.codec.Decode(r.samples[:0], payload)
	return r.ear.recognises(r.samples)
}

// unpad takes the padding off (RFC 3550 section 5.1).
func unpad(h *rtp.Header, payload []byte) ([]byte, bool) {
	if !h.Padding {
		return payload, true
	}
	if len(payload) == 0 {
		return nil, false
	}
	n := int(payload[len(payload)-1])
	if n == 0 || n > len(payload) {
		return nil, false
	}
	return payload[:len(payload)-n], true
}

// hear takes an accepted packet to the statistics and to the ear.
func (r *receiver) hear(payload []byte, now time.Time) {
	t := r.tracker(r.header.SSRC)
	if t == nil {
		t = &tracker{ssrc: r.header.SSRC}
		r.trackers = append(r.trackers, t)
		r.ear.interrupt()
	}
	t.packets++
	switch t.take(r.header.SequenceNumber) {
	case duplicate:
		r.report.Duplicates++
		return
	case reordered:
		r.report.Reordered++
		r.ear.interrupt()
	case restarted:
		r.report.SequenceRestarts++
		r.ear.interrupt()
	case afterGap:
		r.ear.interrupt()
	}
	if r.header.PayloadType != r.payloadType {
		r.report.WrongPayloadType++
		return
	}
	t.time(r.header.Timestamp, now)
	r.samples = r.codec.Decode(r.samples[:0], payload)
	r.ear.listen(r.samples)
}

func (r *receiver) tracker(ssrc uint32) *tracker {
	for _, t := range r.trackers {
		if t.ssrc == ssrc {
			return t
		}
	}
	return nil
}

// source counts a datagram for its address; nil where the list is full.
func (r *receiver) source(from netip.AddrPort) *Source {
	list := r.report.Sources
	for i := range list {
		if list[i].Address == from {
			list[i].Packets++
			return &list[i]
		}
	}
	if len(list) == maxSources {
		r.report.PacketsOfOtherSources++
		return nil
	}
	r.report.Sources = append(list, Source{Address: from, Packets: 1})
	return &r.report.Sources[len(list)]
}

// promote gives an address whose packet was accepted a place in the full list
// at the cost of one that never had one, so that garbage cannot hide it.
func (r *receiver) promote(known *Source, from netip.AddrPort) *Source {
	if known != nil {
		return known
	}
	for i := range r.report.Sources {
		if s := &r.report.Sources[i]; s.Accepted == 0 {
			r.report.PacketsOfOtherSources += s.Packets - 1
			*s = Source{Address: from, Packets: 1}
			return s
		}
	}
	return nil
}
