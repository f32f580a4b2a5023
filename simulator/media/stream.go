// Package media is one end of a call's audio: a UDP port that sends a tone as
// RTP or SRTP in G.711, 20 ms a packet, and listens for the tone that the
// other end should be sending.
//
// A [Stream] is opened with [Listen], which settles the port that an SDP
// offer needs; [Stream.Start] gives it what offer and answer agreed on;
// [Stream.WaitHeard] returns as soon as the far end was heard, and
// [Stream.Report] tells at any time what was sent and received: how much of
// it was authentic, in the clear or foreign, what was lost, and which tone
// was in it. The report only counts; it does not say what is right.
package media

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/srtp/v3"
)

// Interval is the time from one packet sent to the next.
const Interval = 20 * time.Millisecond

// ErrStopped is returned where a stream was already stopped.
var ErrStopped = errors.New("media stream is stopped")

// Config is what a stream needs before anything is agreed. The zero value
// opens any even port on 127.0.0.1, sends silence and expects nothing.
type Config struct {
	// Local is the address to open. Without an address it is 127.0.0.1;
	// with port 0 an even port from PortMin to PortMax is taken or, where
	// both are 0, any even port.
	Local            netip.AddrPort
	PortMin, PortMax uint16
	// SendHz is the tone to send, ExpectHz the one the far end should be
	// sending, OtherHz further ones to look for; 0 is none. Those looked for
	// must be 100 to 3900 Hz and at least 100 Hz apart. An echo can only be
	// told from the far end if SendHz and ExpectHz differ.
	SendHz, ExpectHz float64
	OtherHz          []float64
	// Latch sends to where the first accepted packet came from rather than
	// to the address in the SDP (symmetric RTP, RFC 4961). It starts anew
	// when another remote address is set.
	Latch bool
	// Clock is the system's where nil, Random the system's generator.
	Clock  Clock
	Random io.Reader
}

// Session is what an offer and its answer agreed on. The zero value is clear
// PCMU to nowhere.
type Session struct {
	// Remote is where packets go. While it is not valid none are sent.
	Remote netip.AddrPort
	Codec  Codec
	// PayloadType is the codec's static one where 0.
	PayloadType uint8
	// Send encrypts and Receive decrypts; nil is clear RTP. The stream is
	// from then on their only user: a context is not safe for two. Receive
	// should have replay protection on.
	Send, Receive *srtp.Context
}

// Stream is one end of an audio call. Its methods may be called from several
// goroutines.
type Stream struct {
	conn  *net.UDPConn
	local netip.AddrPort
	clock Clock
	latch bool
	done  chan struct{}
	loops sync.WaitGroup

	mu       sync.Mutex
	started  bool
	stopped  bool
	remote   netip.AddrPort // in force: as agreed or, if latched, as seen
	agreed   netip.AddrPort
	latched  bool
	sender   sender
	receiver receiver
	sent     uint64
	failed   uint64
	fault    string
	waiting  []waiter
}

type waiter struct {
	blocks uint64
	heard  chan struct{}
}

// Listen opens the stream's port. Nothing is sent or read before Start;
// packets that arrive earlier wait in the socket. Stop must be called in the
// end, started or not.
func Listen(cfg Config) (*Stream, error) {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Clock == nil {
		cfg.Clock = systemClock{}
	}
	others, err := tones(cfg)
	if err != nil {
		return nil, err
	}
	var seed [10]byte
	if _, err := io.ReadFull(cfg.Random, seed[:]); err != nil {
		return nil, fmt.Errorf("choosing an SSRC: %w", err)
	}
	conn, err := bind(cfg)
	if err != nil {
		return nil, err
	}
	s := &Stream{
		conn:  conn,
		local: conn.LocalAddr().(*net.UDPAddr).AddrPort(),
		clock: cfg.Clock,
		latch: cfg.Latch,
		done:  make(chan struct{}),
	}
	s.sender.ssrc = binary.BigEndian.Uint32(seed[:])
	s.sender.timestamp = binary.BigEndian.Uint32(seed[4:])
	// Below 2^15, so that a receiver that misses the first packets cannot
	// misjudge the rollover counter (RFC 3711 section 3.3.1).
	s.sender.sequence = binary.BigEndian.Uint16(seed[8:]) >> 1
	s.sender.tone.hz = cfg.SendHz
	s.receiver.ear = ear{expect: cfg.ExpectHz, others: others, heardOthers: make([]uint64, len(others))}
	return s, nil
}

// tones gives the tones to look for beside the expected one.
func tones(cfg Config) ([]float64, error) {
	const lowest, highest = 100, SampleRate/2 - 100
	known := []float64{cfg.ExpectHz}
	for _, hz := range append([]float64{cfg.SendHz}, cfg.OtherHz...) {
		if hz != 0 && !slices.Contains(known, hz) {
			known = append(known, hz)
		}
	}
	for i, hz := range known {
		if hz == 0 && i == 0 {
			continue
		}
		if !(hz >= lowest && hz <= highest) {
			return nil, fmt.Errorf("choosing tones: %g Hz is not from %d to %d", hz, lowest, highest)
		}
		for j, other := range known[:i] {
			if (j != 0 || other != 0) && math.Abs(hz-other) < spacing {
				return nil, fmt.Errorf("choosing tones: %g Hz and %g Hz are less than %d Hz apart", other, hz, spacing)
			}
		}
	}
	return known[1:], nil
}

// Local is the address the stream receives on, for the SDP.
func (s *Stream) Local() netip.AddrPort { return s.local }

// Start begins to send and to receive as agreed. It fails where the stream was
// started or stopped before; use Update to change a running one.
func (s *Stream) Start(agreed Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("starting the media of %s: %w", s.local, ErrStopped)
	}
	if s.started {
		return fmt.Errorf("starting the media of %s: already started", s.local)
	}
	s.started = true
	s.adopt(agreed)
	s.loops.Go(s.send)
	s.loops.Go(s.receive)
	return nil
}

// Update replaces what was agreed, as a new offer and answer do; sequence
// numbers and counts go on. The contexts of the session before may be handed
// over again.
func (s *Stream) Update(agreed Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(agreed)
}

// SetRemote changes only where packets go.
func (s *Stream) SetRemote(remote netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aim(remote)
}

func (s *Stream) adopt(agreed Session) {
	pt := agreed.PayloadType & 0x7f
	if pt == 0 {
		pt = agreed.Codec.PayloadType()
	}
	s.sender.codec, s.sender.payloadType, s.sender.crypto = agreed.Codec, pt, agreed.Send
	s.receiver.codec, s.receiver.payloadType, s.receiver.crypto = agreed.Codec, pt, agreed.Receive
	s.aim(agreed.Remote)
}

func (s *Stream) aim(remote netip.AddrPort) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if s.agreed != remote {
		s.agreed, s.remote, s.latched = remote, remote, false
	}
}

// Report tells what the stream has done and seen so far.
func (s *Stream) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.receiver.fill()
	r.Local, r.Remote, r.SendSRTP = s.local, s.remote, s.sender.crypto != nil
	r.PacketsSent, r.SendErrors, r.Fault = s.sent, s.failed, s.fault
	return r
}

// WaitHeard returns nil once the expected tone dominated at least blocks
// blocks of 20 ms since Start. Otherwise it says how many there were, wrapping
// the context's error when ctx ends, or ErrStopped when the stream does.
func (s *Stream) WaitHeard(ctx context.Context, blocks int) error {
	s.mu.Lock()
	hz := s.receiver.ear.expect
	if s.receiver.ear.heard >= uint64(max(blocks, 0)) {
		s.mu.Unlock()
		return nil
	}
	if hz == 0 {
		s.mu.Unlock()
		return errors.New("waiting for a tone: the stream expects none: set ExpectHz")
	}
	w := waiter{blocks: uint64(blocks), heard: make(chan struct{})}
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()

	var err error
	select {
	case <-w.heard:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-s.done:
		err = ErrStopped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(other waiter) bool { return other.heard == w.heard })
	heard := s.receiver.ear.heard
	if heard >= w.blocks {
		return nil
	}
	return fmt.Errorf("waiting for %g Hz on %s, %d of %d blocks heard: %w", hz, s.local, heard, blocks, err)
}

// Stop closes the port, ends everything the stream started and gives the last
// report. It may be called more than once.
func (s *Stream) Stop() Report {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.done)
		s.conn.Close()
	}
	s.mu.Unlock()
	s.loops.Wait()
	return s.Report()
}
