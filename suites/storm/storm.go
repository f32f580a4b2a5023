// Package storm sends a device full TLS handshakes at a steady rate and measures
// how long they take, in an open loop: when a handshake is due does not depend on
// how the ones before it fare, and its latency counts from when it was due. A
// generator that waits for answers slows down with the device, and leaves out of
// its figures just those that would have had to wait (coordinated omission).
package storm

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"byocheck/simulator/transport"
)

// Storm says what is sent to whom. Its zero value with Device works.
type Storm struct {
	// Device is where its TLS server listens.
	Device netip.AddrPort
	// ServerName goes into SNI; empty sends none.
	ServerName string
	// Suites are offered; nil means those that stay.
	Suites []uint16
	// Engine does the TLS; nil means transport.Engines.
	Engine transport.Engine
	// Limit is what a handshake may take from when it was due, TCP connect
	// included; 0 means transport.HandshakeDeadline.
	Limit time.Duration
	// Patience is after how long, from its beginning, a handshake is given up; 0
	// means ten times the limit.
	Patience time.Duration
	// InFlight bounds the handshakes that are under way at once, and so sockets
	// and memory (about 50 kB each); 0 means 500. One that is due while so many
	// are under way is not begun, and counts as one that was never done.
	InFlight int
	// Dial opens a TCP connection; nil means net.Dialer's.
	Dial func(context.Context, netip.AddrPort) (net.Conn, error)
}

// Usual values of the fields of a Storm.
const (
	usualInFlight = 500
	patient       = 10 // times the limit
)

func (s Storm) complete() Storm {
	if s.Suites == nil {
		s.Suites = transport.SurvivingSuites()
	}
	if s.Engine == nil {
		s.Engine = transport.Engines{}
	}
	if s.Limit == 0 {
		s.Limit = transport.HandshakeDeadline
	}
	if s.Patience == 0 {
		s.Patience = patient * s.Limit
	}
	if s.InFlight == 0 {
		s.InFlight = usualInFlight
	}
	if s.Dial == nil {
		s.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
		}
	}
	return s
}

// Blow begins rate handshakes a second, evenly spaced, for so long, and returns
// when the last has ended. When ctx ends it begins no more and ends those under
// way; the result then tells of what was due until then.
func (s Storm) Blow(ctx context.Context, rate float64, lasting time.Duration) Result {
	s = s.complete()
	t := newTally(s)
	places := make(chan struct{}, s.InFlight)
	spent := processorTime()
	begin := time.Now()
	var work sync.WaitGroup
	for i := 0; ; i++ {
		after := time.Duration(float64(i) / rate * float64(time.Second))
		if after >= lasting || !until(ctx, begin.Add(after)) {
			break
		}
		select {
		case places <- struct{}{}:
			work.Go(func() {
				s.one(ctx, t, begin.Add(after), len(places))
				<-places
			})
		default:
			t.notBegun()
		}
	}
	work.Wait()
	r := t.result()
	r.Rate, r.Lasting, r.Took = rate, lasting, time.Since(begin)
	r.Interrupted = ctx.Err() != nil
	r.Processor = processorTime() - spent
	return r
}

// until waits for a point in time; false if ctx ends before.
func until(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// one does a handshake that was due at a time, as one of so many that are under
// way, and ends the connection.
func (s Storm) one(ctx context.Context, t *tally, due time.Time, inFlight int) {
	begun := time.Now()
	t.begun(begun.Sub(due), inFlight)
	bound, cancel := context.WithTimeoutCause(ctx, s.Patience, errPatience)
	defer cancel()
	raw, err := s.Dial(bound, s.Device)
	if err != nil {
		t.failed(connecting(err, bound), ctx.Err() != nil)
		return
	}
	connected := time.Now()
	if tcp, is := raw.(*net.TCPConn); is {
		// RST instead of FIN: each port would stay taken for a minute after
		// (TIME-WAIT), and a storm would soon have had all of them.
		tcp.SetLinger(0)
	}
	session, err := s.Engine.Client(bound, raw, transport.ClientParameters{ServerName: s.ServerName, Suites: s.Suites})
	end := time.Now()
	if err != nil {
		raw.Close()
		t.failed(shaking(err, bound), ctx.Err() != nil)
		return
	}
	t.done(times{connect: connected.Sub(begun), handshake: end.Sub(connected), whole: end.Sub(due)}, session.Negotiated().Suite)
	session.Close()
	raw.Close()
}

// Offered are the names of the cipher suites that are offered.
func (s Storm) Offered() []string { return names(s.complete().Suites) }

// SuiteNames are the names of the cipher suites that can be offered: those of the
// newer edition.
func SuiteNames() []string { return names(transport.EditionSuites("")) }

// ParseSuites reads names of cipher suites with commas between them.
func ParseSuites(list string) ([]uint16, error) {
	var out []uint16
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(transport.EditionSuites(""), func(s uint16) bool {
			return strings.EqualFold(transport.SuiteName(s), strings.TrimSpace(name))
		})
		if i < 0 {
			return nil, fmt.Errorf("%.60q is no suite of a BYOC Cloud trunk; write one of %s", strings.TrimSpace(name), strings.Join(SuiteNames(), ", "))
		}
		out = append(out, transport.EditionSuites("")[i])
	}
	return out, nil
}

func names(suites []uint16) []string {
	var out []string
	for _, s := range suites {
		out = append(out, transport.SuiteName(s))
	}
	return out
}
