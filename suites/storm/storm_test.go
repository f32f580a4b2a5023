package storm

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"byocheck/simulator/transport"
)

const ms = time.Millisecond

// device is a TLS server by the clock: it does so many handshakes at a time, in
// the order in which they come, and each takes it so long.
type device struct {
	takes   time.Duration
	workers int           // 0: any number
	stalls  time.Duration // from the start it does nothing for so long
	hangs   bool          // it never answers
	refuses error         // what a TCP connect comes to

	mu    sync.Mutex
	start time.Time
	free  []time.Time // when each worker is
	under int         // way
	most  int
}

func (d *device) dial(context.Context, netip.AddrPort) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuses != nil {
		return nil, d.refuses
	}
	if d.under++; d.under > d.most {
		d.most = d.under
	}
	near, far := net.Pipe()
	far.Close()
	return near, nil
}

// Name implements transport.Engine.
func (d *device) Name() string { return "by the clock" }

// Server implements transport.Engine.
func (d *device) Server(context.Context, net.Conn, transport.ServerParameters) (transport.Session, error) {
	return nil, errors.New("not a server")
}

// Client implements transport.Engine: it is done when the device is.
func (d *device) Client(ctx context.Context, raw net.Conn, p transport.ClientParameters) (transport.Session, error) {
	defer func() {
		d.mu.Lock()
		d.under--
		d.mu.Unlock()
	}()
	if d.hangs {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	d.mu.Lock()
	begin := time.Now()
	if resumes := d.start.Add(d.stalls); begin.Before(resumes) {
		begin = resumes
	}
	if d.workers > 0 {
		if d.free == nil {
			d.free = make([]time.Time, d.workers)
		}
		first := 0
		for i := range d.free {
			if d.free[i].Before(d.free[first]) {
				first = i
			}
		}
		if d.free[first].After(begin) {
			begin = d.free[first]
		}
		d.free[first] = begin.Add(d.takes)
	}
	d.mu.Unlock()
	if !until(ctx, begin.Add(d.takes)) {
		return nil, context.Cause(ctx)
	}
	return session{raw, p.Suites[0]}, nil
}

type session struct {
	net.Conn
	suite uint16
}

// Negotiated implements transport.Session.
func (s session) Negotiated() transport.Negotiated { return transport.Negotiated{Suite: s.suite} }

// against is a storm on the device.
func against(d *device) Storm {
	d.start = time.Now()
	return Storm{Device: netip.MustParseAddrPort("192.0.2.7:5061"), Engine: d, Dial: d.dial}
}

// counts checks that the parts are the whole.
func counts(t *testing.T, r Result) {
	t.Helper()
	failed := 0
	for _, c := range r.Failures {
		failed += c.Count
	}
	if r.Due != r.Done+r.Failed+r.NotBegun+r.Ended || failed != r.Failed || r.Within > r.Done {
		t.Errorf("the counts do not add up: %+v", r)
	}
}

// near reports whether a time of a histogram is want, to three digits.
func near(got, want time.Duration) bool {
	return got == want || got >= want-want/1000-ms/1000 && got <= want+want/1000+ms/1000
}

func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := against(&device{takes: 30 * ms}).Blow(t.Context(), 40, 2*time.Second)
		counts(t, r)
		if r.Due != 80 || r.Done != 80 || r.Within != 80 || r.MostInFlight != 2 || !r.Held() || r.Busy() != "" || r.Interrupted {
			t.Errorf("%+v", r)
		}
		if l := r.Latency; !near(l.Min, 30*ms) || !near(l.P50, 30*ms) || !near(l.P999, 30*ms) || !near(l.Max, 30*ms) || r.Late.Max != 0 {
			t.Errorf("latency %+v, late %+v", l, r.Late)
		}
		if took := 79*25*ms + 30*ms; r.Took != took {
			t.Errorf("took %v, want %v", r.Took, took)
		}
		if len(r.Suites) != 1 || r.Suites[0] != (Count{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 80, false}) {
			t.Errorf("suites %+v", r.Suites)
		}
	})
}

// TestOpenLoop: a device that stands still for a second makes all wait that are
// due in that second, and each counts from when it was due. A loop that waited
// for it would have had one slow handshake.
func TestOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := against(&device{takes: 10 * ms, stalls: time.Second}).Blow(t.Context(), 100, 4*time.Second)
		counts(t, r)
		if r.Due != 400 || r.Done != 400 || r.MostInFlight != 101 {
			t.Errorf("%d due, %d done, %d under way", r.Due, r.Done, r.MostInFlight)
		}
		// Those due until 510 ms have to wait for more than 500 ms: 1010 - 510.
		if want := 400 - 51; r.Within != want || r.Held() {
			t.Errorf("%d within the limit, want %d; held %t", r.Within, want, r.Held())
		}
		if l := r.Latency; !near(l.P50, 10*ms) || !near(l.P99, 970*ms) || !near(l.Max, 1010*ms) {
			t.Errorf("latency %+v", l)
		}
	})
}

// TestLate: what this machine is late itself counts, and is told: it is late for
// all that it has no processor for. This is the one test by the real clock.
func TestLate(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := &device{}
	s := against(d)
	s.Limit = time.Minute
	s.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		for begin := time.Now(); time.Since(begin) < 4*ms; {
		}
		return d.dial(ctx, to)
	}
	r := s.Blow(t.Context(), 1000, 20*ms) // which are 80 ms of work
	counts(t, r)
	if r.Done != 20 || r.Late.Max < 30*ms || r.Latency.Max < r.Late.Max || r.Processor < 10*ms {
		t.Errorf("latency %+v, late %+v, processor %v", r.Latency, r.Late, r.Processor)
	}
}

// TestBegunLate: a latency counts from when the handshake was due.
func TestBegunLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := against(&device{takes: 30 * ms}).complete()
		c := newTally(s)
		s.one(t.Context(), c, time.Now().Add(-480*ms), 1)
		r := c.result()
		if !near(r.Latency.Max, 510*ms) || !near(r.Late.Max, 480*ms) || !near(r.Handshake.Max, 30*ms) || r.Within != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestOverload: what a device is given beyond what it can do waits ever longer.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := against(&device{takes: 20 * ms, workers: 1}).Blow(t.Context(), 60, 5*time.Second) // it can do 50
		counts(t, r)
		if r.Done != 300 || r.Held() || !near(r.Latency.Max, 300*20*ms-299*time.Second/60) {
			t.Errorf("%v, latency %+v", r, r.Latency)
		}
		if verdict, says := r.Judged(); verdict != Unmet || !strings.Contains(says, "not held") || !strings.Contains(says, "60 handshakes a second") {
			t.Errorf("%s: %s", verdict, says)
		}
	})
}

// TestBounded: a device that hangs has no more than so many of our sockets.
func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{hangs: true}
		s := against(d)
		s.InFlight, s.Patience = 5, 950*ms
		r := s.Blow(t.Context(), 10, 3*time.Second)
		counts(t, r)
		// Five are begun at 0 to 400 ms; each is given up 950 ms later, before the next is due.
		if d.most != 5 || r.MostInFlight != 5 || r.Due != 30 || r.Failed != 15 || r.NotBegun != 15 || r.Done != 0 {
			t.Errorf("%d sockets at once, %+v", d.most, r)
		}
		if !slices.Equal(r.Failures, []Count{{"TLS handshake not done in time", 15, false}}) {
			t.Errorf("failures %+v", r.Failures)
		}
		if r.Held() || r.Latency.P50 != Never || r.Latency.Max != Never || r.Took != 3350*ms {
			t.Errorf("latency %+v, took %v", r.Latency, r.Took)
		}
	})
}

// TestInterrupted: what was under way is ended and left out, the rest is told.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(1050*ms, stop)
		r := against(&device{takes: 200 * ms}).Blow(ctx, 10, time.Hour)
		counts(t, r)
		if !r.Interrupted || r.Due != 11 || r.Done != 9 || r.Ended != 2 || r.Took != 1050*ms || !near(r.Latency.Max, 200*ms) {
			t.Errorf("%+v", r)
		}
		if verdict, says := r.Judged(); verdict != Open || !strings.Contains(says, "Interrupted after 1.1s") || !strings.Contains(says, "100.00 %") {
			t.Errorf("%s: %s", verdict, says)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		r := against(&device{}).Blow(ctx, 10, time.Hour)
		if r.Due != 0 || r.Held() || r.Took != 0 {
			t.Errorf("%+v", r)
		}
		if verdict, _ := r.Judged(); verdict != Open {
			t.Error(verdict)
		}
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := against(&device{refuses: syscall.ECONNREFUSED}).Blow(t.Context(), 10, time.Second)
		counts(t, r)
		if r.Failed != 10 || r.Held() || r.Busy() != "" || !slices.Equal(r.Failures, []Count{{"TCP connection refused", 10, false}}) {
			t.Errorf("%+v", r)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := against(&device{refuses: syscall.EMFILE}).Blow(t.Context(), 10, time.Second)
		if verdict, says := r.Judged(); verdict != Open || !strings.Contains(says, "it ran out of ports or sockets") {
			t.Errorf("%s: %s", verdict, says)
		}
	})
}

// TestOwnCap: where we would not let enough be under way, a storm that was not
// held says nothing of the device; a device that is quick enough holds it.
func TestOwnCap(t *testing.T) {
	for _, tt := range []struct {
		name     string
		takes    time.Duration
		inFlight int
		want     Verdict
	}{
		{"quick, few are under way", 40 * ms, 5, Met},
		{"within the limit, but more would be under way", 400 * ms, 5, Open},
		{"within the limit, enough may be", 400 * ms, 50, Met},
		{"too slow, whoever else would be under way", 700 * ms, 5, Unmet},
		{"too slow, as many may be as there can be in time", 700 * ms, 50, Unmet},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := against(&device{takes: tt.takes})
				s.InFlight = tt.inFlight
				r := s.Blow(t.Context(), 100, 2*time.Second)
				counts(t, r)
				if verdict, says := r.Judged(); verdict != tt.want || verdict == Open && !strings.Contains(says, "no more than 5 handshakes") {
					t.Errorf("%s: %s", verdict, says)
				}
			})
		})
	}
}

// TestManyKinds: whatever a device thinks of, the kinds stay few.
func TestManyKinds(t *testing.T) {
	c := newTally(Storm{}.complete())
	for i := range 100 {
		c.begun(0, 1)
		c.failed(failure{kind: strings.Repeat("x", i%50)}, false)
	}
	r := c.result()
	counts(t, r)
	if len(r.Failures) != maxKinds+1 || r.Failures[0] != (Count{"others", 60, false}) {
		t.Errorf("%d kinds, the first %+v", len(r.Failures), r.Failures[0])
	}
}
