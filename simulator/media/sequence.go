package media

import (
	"math"
	"time"
)

// arrival is what a sequence number says of its packet.
type arrival uint8

const (
	inOrder   arrival = iota // the next one expected
	afterGap                 // newer than expected
	reordered                // older than the newest, not seen before
	duplicate                // seen before
	restarted                // too far from the newest to belong together
)

const (
	// maxDropout and maxMisorder are RFC 3550 appendix A.1's limits, in
	// packets; the second is also the size of the memory for duplicates.
	maxDropout  = 3000
	maxMisorder = 1024
)

// tracker follows the packets of one SSRC.
type tracker struct {
	ssrc uint32

	started       bool
	base, highest int64 // extended sequence numbers
	seen          [maxMisorder / 64]uint64
	received      int64 // distinct, since base

	lostBefore int64 // before the sequence was last restarted

	packets   uint64
	arrived   time.Time
	timestamp uint32
	jitter    float64 // in seconds
}

// take notes a packet and says how it relates to those before.
func (t *tracker) take(seq uint16) arrival {
	if !t.started {
		t.restart(seq)
		return inOrder
	}
	delta := int64(int16(seq - uint16(t.highest)))
	n := t.highest + delta
	switch {
	case delta > maxDropout || delta <= -maxMisorder:
		t.lostBefore = t.lost()
		t.restart(seq)
		return restarted
	case delta > 0:
		for i := t.highest + 1; i < n; i++ {
			t.mark(i, false)
		}
		t.highest = n
	case t.marked(n):
		return duplicate
	}
	t.mark(n, true)
	t.received++
	t.base = min(t.base, n)
	switch {
	case delta == 1:
		return inOrder
	case delta > 1:
		return afterGap
	}
	return reordered
}

func (t *tracker) restart(seq uint16) {
	// One cycle up, so that packets older than the first stay positive.
	n := int64(seq) + 1<<16
	t.started, t.base, t.highest, t.received = true, n, n, 1
	t.seen = [maxMisorder / 64]uint64{}
	t.mark(n, true)
	t.arrived = time.Time{}
}

func (t *tracker) mark(n int64, seen bool) {
	i, bit := n%maxMisorder/64, uint64(1)<<(n%64)
	if seen {
		t.seen[i] |= bit
	} else {
		t.seen[i] &^= bit
	}
}

func (t *tracker) marked(n int64) bool { return t.seen[n%maxMisorder/64]&(1<<(n%64)) != 0 }

// behind reports whether seq is not newer than the newest packet, as every
// packet is that a replay window turns away.
func (t *tracker) behind(seq uint16) bool { return int16(seq-uint16(t.highest)) <= 0 }

// lost counts the packets between the first and the newest that never came
// (RFC 3550 appendix A.3, duplicates not counted as received).
func (t *tracker) lost() int64 { return t.lostBefore + t.highest - t.base + 1 - t.received }

// time notes when a packet came and updates the interarrival jitter (RFC 3550
// section 6.4.1 and appendix A.8).
func (t *tracker) time(timestamp uint32, now time.Time) {
	if !t.arrived.IsZero() {
		expected := float64(int32(timestamp-t.timestamp)) / SampleRate
		t.jitter += (math.Abs(now.Sub(t.arrived).Seconds()-expected) - t.jitter) / 16
	}
	t.arrived, t.timestamp = now, timestamp
}
