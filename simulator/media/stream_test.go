package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"byocheck/simulator/sdes"
)

// patience is how long a test waits for something that should come at once.
const patience = 10 * time.Second

// handClock moves only when told to.
type handClock struct {
	mu      sync.Mutex
	now     time.Time
	tickers []*handTicker
	ready   chan struct{} // one token for every ticker made
}

type handTicker struct {
	ticks   chan time.Time
	stopped chan struct{}
}

func newHandClock() *handClock {
	return &handClock{now: begin, ready: make(chan struct{}, 16)}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) NewTicker(time.Duration) Ticker {
	t := &handTicker{make(chan time.Time), make(chan struct{})}
	c.mu.Lock()
	c.tickers = append(c.tickers, t)
	c.mu.Unlock()
	c.ready <- struct{}{}
	return t
}

func (t *handTicker) C() <-chan time.Time { return t.ticks }
func (t *handTicker) Stop()               { close(t.stopped) }

// jump moves the time by d and ticks once; it returns when every ticker's
// user took the tick, and so has done with the tick before.
func (c *handClock) jump(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	now, tickers := c.now, slices.Clone(c.tickers)
	c.mu.Unlock()
	for _, t := range tickers {
		select {
		case t.ticks <- now:
		case <-t.stopped:
		}
	}
}

func (c *handClock) intervals(n int) {
	for range n {
		c.jump(Interval)
	}
}

// open gives a stream that ends with the test.
func open(t testing.TB, cfg Config) *Stream {
	t.Helper()
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

func start(t testing.TB, s *Stream, agreed Session) {
	t.Helper()
	if err := s.Start(agreed); err != nil {
		t.Fatal(err)
	}
}

func waitHeard(t testing.TB, s *Stream, blocks int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.WaitHeard(ctx, blocks); err != nil {
		t.Fatalf("%v\n%+v", err, s.Report())
	}
}

// until asks for reports until one is as wanted.
func until(t testing.TB, s *Stream, wanted func(Report) bool) Report {
	t.Helper()
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		r := s.Report()
		if wanted(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("never came: %+v", r)
		}
	}
}

func TestStreamsHearEachOther(t *testing.T) {
	const suite = sdes.AESCM128HMACSHA1x80
	tests := []struct {
		name  string
		codec Codec
		srtp  sdes.SuiteName
	}{
		{"clear PCMU", PCMU, ""},
		{"clear PCMA", PCMA, ""},
		{"SRTP PCMU", PCMU, suite},
		{"SRTP PCMA", PCMA, sdes.AEADAES256GCM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newHandClock()
			cloud := open(t, Config{Clock: clock, SendHz: ownHz, ExpectHz: farHz})
			carrier := open(t, Config{Clock: clock, SendHz: farHz, ExpectHz: ownHz})
			crypto := func(n byte) *srtp.Context {
				if tt.srtp == "" {
					return nil
				}
				return key(t, tt.srtp, n)
			}
			start(t, cloud, Session{Remote: carrier.Local(), Codec: tt.codec, Send: crypto(1), Receive: crypto(2)})
			start(t, carrier, Session{Remote: cloud.Local(), Codec: tt.codec, Send: crypto(2), Receive: crypto(1)})
			<-clock.ready
			<-clock.ready
			clock.intervals(24)
			waitHeard(t, cloud, 25)
			waitHeard(t, carrier, 25)
			sender := carrier.Stop()
			r := cloud.Stop()
			if r.PacketsSent != 25 || sender.PacketsSent != 25 || r.PacketsReceived != 25 || r.PacketsAccepted != 25 {
				t.Errorf("sent %d, received %d of %d", r.PacketsSent, r.PacketsReceived, sender.PacketsSent)
			}
			if r.Tone.Share != 1 || r.Tone.Hz != farHz || r.OtherTones[0] != (Tone{Hz: ownHz}) || r.SilenceShare != 0 {
				t.Errorf("tone %+v, others %+v, silence %g", r.Tone, r.OtherTones, r.SilenceShare)
			}
			if r.SendSRTP != (tt.srtp != "") || r.ReceiveSRTP != r.SendSRTP || r.PacketsAuthenticated != 25 && r.SendSRTP {
				t.Errorf("protection %+v", r)
			}
			if want := (Source{carrier.Local(), 25, 25}); len(r.Sources) != 1 || r.Sources[0] != want {
				t.Errorf("sources %v, want %v", r.Sources, want)
			}
			if r.Codec != tt.codec.String() || r.PayloadType != tt.codec.PayloadType() || len(r.SSRCs) != 1 || r.Fault != "" || r.Lost != 0 {
				t.Errorf("report %+v", r)
			}
		})
	}
}

func TestStreamOnSystemClock(t *testing.T) {
	a := open(t, Config{SendHz: ownHz, ExpectHz: farHz})
	b := open(t, Config{SendHz: farHz, ExpectHz: ownHz})
	began := time.Now()
	start(t, a, Session{Remote: b.Local()})
	start(t, b, Session{Remote: a.Local()})
	waitHeard(t, a, 10)
	waitHeard(t, b, 10)
	if took := time.Since(began); took < 9*Interval {
		t.Errorf("10 blocks in %v: not paced", took)
	}
	if r := a.Report(); r.LastPacket.Before(r.FirstPacket) || r.FirstPacket.Before(began) {
		t.Errorf("first packet at %v, last at %v", r.FirstPacket, r.LastPacket)
	}
}

func TestStreamTellsEchoFromFarEnd(t *testing.T) {
	echo, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		buffer := make([]byte, 2048)
		for {
			n, from, err := echo.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			echo.WriteToUDPAddrPort(buffer[:n], from)
		}
	}()
	t.Cleanup(func() { echo.Close(); <-echoed })
	clock := newHandClock()
	s := open(t, Config{Clock: clock, SendHz: ownHz, ExpectHz: farHz, OtherHz: []float64{2000}})
	start(t, s, Session{Remote: echo.LocalAddr().(*net.UDPAddr).AddrPort()})
	<-clock.ready
	clock.intervals(9)
	r := until(t, s, func(r Report) bool { return r.Blocks == 10 })
	if r.Tone.Blocks != 0 || r.OtherTones[0] != (Tone{ownHz, 10, 1}) || r.OtherTones[1] != (Tone{Hz: 2000}) {
		t.Errorf("tone %+v, others %+v", r.Tone, r.OtherTones)
	}
}

func TestStreamWrongKeyThenUpdate(t *testing.T) {
	const suite = sdes.AESCM128HMACSHA1x80
	clock := newHandClock()
	a := open(t, Config{Clock: clock, ExpectHz: farHz})
	b := open(t, Config{Clock: clock, SendHz: farHz})
	start(t, a, Session{Receive: key(t, suite, 1)})
	start(t, b, Session{Remote: a.Local(), Send: key(t, suite, 2)})
	<-clock.ready
	<-clock.ready
	clock.intervals(9)
	r := until(t, a, func(r Report) bool { return r.PacketsReceived == 10 })
	if r.AuthFailures != 10 || r.ClearPackets != 0 || r.Tone.Share != 0 || r.PacketsSent != 0 {
		t.Errorf("report %+v", r)
	}
	b.Update(Session{Remote: a.Local()})
	clock.intervals(5)
	until(t, a, func(r Report) bool { return r.ClearPackets == 5 })
	b.Update(Session{Remote: a.Local(), Send: key(t, suite, 3)})
	a.Update(Session{Receive: key(t, suite, 3)})
	clock.intervals(5)
	waitHeard(t, a, 5)
}

func TestStreamPacing(t *testing.T) {
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	type sent struct {
		sequence  uint16
		timestamp uint32
		marker    bool
	}
	buffer := make([]byte, 2048)
	next := func() sent {
		t.Helper()
		sink.SetReadDeadline(time.Now().Add(patience))
		n, _, err := sink.ReadFromUDPAddrPort(buffer)
		if err != nil || n != 12+blockSamples {
			t.Fatalf("packet of %d octets: %v", n, err)
		}
		return sent{binary.BigEndian.Uint16(buffer[2:]), binary.BigEndian.Uint32(buffer[4:]), buffer[1]&0x80 != 0}
	}
	clock := newHandClock()
	s := open(t, Config{Clock: clock, SendHz: ownHz, Random: bytes.NewReader([]byte{1, 2, 3, 4, 0, 0, 0, 0, 0xff, 0xff})})
	start(t, s, Session{Remote: sink.LocalAddr().(*net.UDPAddr).AddrPort()})
	<-clock.ready
	want := sent{0x7fff, 0, true}
	expect := func(packets int) {
		t.Helper()
		for range packets {
			if got := next(); got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			want = sent{want.sequence + 1, want.timestamp + blockSamples, false}
		}
	}
	expect(1) // at once
	clock.jump(Interval - time.Millisecond)
	clock.jump(0)
	if r := s.Report(); r.PacketsSent != 1 {
		t.Errorf("%d packets sent before the second was due", r.PacketsSent)
	}
	clock.jump(time.Millisecond)
	expect(1)
	for range 10 {
		clock.jump(3 * Interval / 2) // ticks lost and late
	}
	expect(15) // nothing lost to drift
	clock.jump(100 * Interval)
	want.timestamp += (100 - maxBurst) * blockSamples
	want.marker = true
	expect(maxBurst)
	s.SetRemote(netip.AddrPort{})
	clock.intervals(3)
	clock.jump(0)
	s.SetRemote(sink.LocalAddr().(*net.UDPAddr).AddrPort())
	clock.jump(Interval)
	want.timestamp += 3 * blockSamples
	want.marker = true
	expect(1)
	if r := s.Stop(); r.PacketsSent != 23 || binary.BigEndian.Uint32(buffer[8:]) != 0x01020304 {
		t.Errorf("report %+v", r)
	}
}

func TestStreamLatch(t *testing.T) {
	const suite = sdes.AESCM128HMACSHA1x80
	for _, latch := range []bool{false, true} {
		clock := newHandClock()
		a := open(t, Config{Clock: clock, ExpectHz: farHz, Latch: latch})
		b := open(t, Config{Clock: clock, SendHz: farHz})
		liar := open(t, Config{Clock: clock, SendHz: farHz})
		nobody := open(t, Config{})
		start(t, a, Session{Remote: nobody.Local(), Receive: key(t, suite, 1)})
		start(t, liar, Session{Remote: a.Local(), Send: key(t, suite, 2)})
		for range 2 {
			<-clock.ready
		}
		clock.intervals(2)
		if r := until(t, a, func(r Report) bool { return r.AuthFailures == 3 }); r.Remote != nobody.Local() {
			t.Errorf("latched to a packet that was not authentic: %v", r.Remote)
		}
		start(t, b, Session{Remote: a.Local(), Send: key(t, suite, 1)})
		waitHeard(t, a, 1)
		want := nobody.Local()
		if latch {
			want = b.Local()
		}
		if r := a.Report(); r.Remote != want || len(r.Sources) != 2 {
			t.Errorf("latch %v: remote %v, want %v; sources %v", latch, r.Remote, want, r.Sources)
		}
		late := open(t, Config{Clock: clock, SendHz: farHz})
		start(t, late, Session{Remote: a.Local(), Send: key(t, suite, 1)})
		if r := until(t, a, func(r Report) bool { return len(r.SSRCs) == 2 }); r.Remote != want {
			t.Errorf("latch %v: remote %v after a second source, want %v", latch, r.Remote, want)
		}
		a.SetRemote(liar.Local())
		if r := a.Report(); r.Remote != liar.Local() {
			t.Errorf("remote %v after it was set to %v", r.Remote, liar.Local())
		}
	}
}

func TestStreamUnderFlood(t *testing.T) {
	clock := newHandClock()
	a := open(t, Config{Clock: clock, ExpectHz: farHz})
	start(t, a, Session{Receive: key(t, sdes.AESCM128HMACSHA1x80, 1)})
	<-clock.ready
	flood, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(a.Local()))
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	raw := make([]byte, 60000)
	for i := range 3000 {
		raw[0], raw[1] = 0x80, 0
		binary.BigEndian.PutUint32(raw[8:], uint32(i))
		if _, err := flood.Write(raw[:[]int{172, 182, 0, 5, 60000}[i%5]]); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, Config{Clock: clock, SendHz: farHz})
	start(t, b, Session{Remote: a.Local(), Send: key(t, sdes.AESCM128HMACSHA1x80, 1)})
	<-clock.ready
	// The flood may keep the first packets out of the socket's queue.
	until(t, a, func(r Report) bool {
		clock.jump(Interval)
		return r.Tone.Blocks > 0
	})
	r := a.Stop()
	if len(r.SSRCs) != 1 || len(r.Sources) != 2 || r.Malformed == 0 {
		t.Errorf("report %+v", r)
	}
}

func TestStreamStopLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	var locals []netip.AddrPort
	for i := range 20 {
		s, err := Listen(Config{ExpectHz: farHz})
		if err != nil {
			t.Fatal(err)
		}
		locals = append(locals, s.Local())
		if i%2 == 0 {
			start(t, s, Session{Remote: s.Local()})
			if err := s.Start(Session{}); err == nil {
				t.Error("started twice")
			}
		}
		first := s.Stop()
		if again := s.Stop(); again.PacketsSent != first.PacketsSent {
			t.Error("sent after Stop")
		}
		if err := s.Start(Session{}); !errors.Is(err, ErrStopped) {
			t.Errorf("start after Stop: %v", err)
		}
		if err := s.WaitHeard(context.Background(), 1); !errors.Is(err, ErrStopped) {
			t.Errorf("wait after Stop: %v", err)
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
	for _, local := range locals {
		conn, err := listen(local.Addr(), local.Port())
		if err != nil {
			t.Fatalf("port still taken: %v", err)
		}
		conn.Close()
	}
}

func TestStreamWaitHeardEnds(t *testing.T) {
	s := open(t, Config{ExpectHz: farHz})
	if err := s.WaitHeard(context.Background(), 0); err != nil {
		t.Errorf("waiting for nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.WaitHeard(ctx, 3)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 3 blocks") {
		t.Errorf("cancelled: %v", err)
	}
	if len(s.waiting) != 0 {
		t.Error("a waiter that gave up is still kept")
	}
	result := make(chan error)
	go func() { result <- s.WaitHeard(context.Background(), 3) }()
	s.Stop()
	if err := <-result; !errors.Is(err, ErrStopped) {
		t.Errorf("stopped: %v", err)
	}
	if err := open(t, Config{}).WaitHeard(context.Background(), 1); err == nil {
		t.Error("heard a tone that was never expected")
	}
}

func TestStreamSendFault(t *testing.T) {
	clock := newHandClock()
	s := open(t, Config{Clock: clock})
	start(t, s, Session{Remote: netip.MustParseAddrPort("[::1]:4000")}) // from an IPv4 socket
	<-clock.ready
	clock.jump(Interval)
	if r := s.Stop(); r.SendErrors == 0 || r.Fault == "" || r.PacketsSent != 0 {
		t.Errorf("report %+v", r)
	}
}

func BenchmarkSendProtected(b *testing.B) {
	s := testSender(farHz, key(b, sdes.AESCM128HMACSHA1x80, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSendProtectedOverUDP(b *testing.B) {
	s := open(b, Config{SendHz: farHz})
	sink := open(b, Config{})
	s.adopt(Session{Remote: sink.Local(), Send: key(b, sdes.AESCM128HMACSHA1x80, 1)})
	b.ReportAllocs()
	for b.Loop() {
		s.sendOne()
	}
}
