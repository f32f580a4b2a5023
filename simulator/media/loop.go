package media

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// maxBurst is how many packets are sent at once after a late wake-up; what
// was missed beyond that is left out rather than flooding the peer.
const maxBurst = 5

// send paces the packets. Each wake-up sends what is due since the start, so
// neither late nor dropped ticks add up to drift.
func (s *Stream) send() {
	start := s.clock.Now() // before the ticker: no tick may come early
	ticker := s.clock.NewTicker(Interval)
	defer ticker.Stop()
	var passed int64 // intervals sent or left out
	for {
		due := int64(s.clock.Now().Sub(start)/Interval) + 1
		if late := due - passed - maxBurst; late > 0 {
			s.mu.Lock()
			s.sender.skip(late)
			s.mu.Unlock()
			passed += late
		}
		for ; passed < due; passed++ {
			s.sendOne()
		}
		select {
		case <-s.done:
			return
		case <-ticker.C():
		}
	}
}

func (s *Stream) sendOne() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	if !s.remote.IsValid() || s.remote.Port() == 0 {
		s.sender.skip(1)
		return
	}
	packet, err := s.sender.next()
	if err == nil {
		_, err = s.conn.WriteToUDPAddrPort(packet, s.remote)
	}
	if err != nil {
		s.failed++
		s.fault = err.Error()
		return
	}
	s.sent++
}

// receive reads until the socket closes.
func (s *Stream) receive() {
	// One octet more than allowed, to notice what was cut off.
	buffer := make([]byte, maxDatagram+1)
	const maxErrors = 16 // in a row: the socket is beyond use, do not spin
	for failures := 0; failures < maxErrors; {
		n, from, err := s.conn.ReadFromUDPAddrPort(buffer)
		now := s.clock.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.mu.Lock()
		if err != nil {
			failures++
			s.fault = err.Error()
		} else {
			failures = 0
			s.take(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), now)
		}
		s.mu.Unlock()
	}
}

// take hands a datagram to the receiver and acts on what it made of it.
func (s *Stream) take(raw []byte, from netip.AddrPort, now time.Time) {
	if s.receiver.take(raw, from, now) && s.latch && !s.latched {
		s.remote, s.latched = from, true
	}
	waiting := s.waiting[:0]
	for _, w := range s.waiting {
		if s.receiver.ear.heard >= w.blocks {
			close(w.heard)
		} else {
			waiting = append(waiting, w)
		}
	}
	s.waiting = waiting
}
