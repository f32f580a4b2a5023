package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
)

func init() {
	judges = append(judges, struct {
		name  string
		judge func(Case) Verdict
		cases func() []expected
	}{"HandshakeUnderLoad", HandshakeUnderLoad, underLoadCases})
}

// pace is how long the parts of a handshake take, and how large the device's
// first flight is.
type pace struct {
	connect, first, own, second time.Duration
	octets                      int
}

// crowd is n handshakes at such a pace whose ClientHellos go out together.
func crowd(n int, p pace) step {
	return func(w *wire) {
		begin := w.now
		for range n {
			l := w.open("lb02")
			at := func(after time.Duration, body record.Body) {
				w.now = begin + after - time.Millisecond // which emit adds
				w.emit(l, body)
			}
			answer := in(22, 2, 11, 12, 14)
			answer.Length = p.octets
			at(0, record.Dialled{Local: "127.0.1.2:40001", Remote: "192.0.2.7:5061", Connect: p.connect})
			at(0, out(22, 1))
			at(p.first, answer)
			at(p.first, out(22, 16))
			at(p.first+p.own, out(20))
			at(p.first+p.own, sealed(out(22)))
			at(p.first+p.own+p.second, in(20))
			at(p.first+p.own+p.second, sealed(in(22)))
			w.emit(l, record.HandshakeDone{Version: 0x303, Suite: 0xc030})
		}
	}
}

// crowdCut is n that we cut after so long.
func crowdCut(n int, lasted time.Duration) step {
	return func(w *wire) {
		begin := w.now
		for range n {
			l := w.open("lb02")
			w.now = begin
			w.emit(l, record.Dialled{Local: "127.0.1.2:40001", Remote: "192.0.2.7:5061"})
			w.now = begin
			w.emit(l, out(22, 1))
			w.now = begin + lasted
			cut(w, l)
		}
	}
}

const msec = time.Millisecond

// brisk is a device that has nothing else to do.
var brisk = pace{connect: 2 * msec, first: 8 * msec, own: 3 * msec, second: 5 * msec, octets: 4000}

// taking is a pace at which the device takes so long, and we two milliseconds.
func taking(device time.Duration) pace {
	return pace{connect: msec, first: device - 4*msec, own: 2 * msec, second: 4 * msec, octets: 4000}
}

// loaded is a case with such handshakes alone, and attempts with 10 and 50 at once.
func loaded(alone step, ten, fifty step) Case {
	c := one()
	c.Control = []record.Attempt{attempt("alone", alone)}
	c.Attempts = []record.Attempt{attempt("10 in parallel", ten), attempt("50 in parallel", fifty)}
	return c
}

func underLoadCases() []expected {
	alone, ten := crowd(1, brisk), crowd(10, taking(100*msec))
	fifty := func(device time.Duration, more ...step) Case {
		return loaded(alone, ten, steps(append([]step{crowd(50, taking(device))}, more...)...))
	}
	late := func(by time.Duration, c Case) Case { return with(c, func(c *Case) { c.Jitter.Max = by }) }
	unmeasured := func(c Case) Case { return with(c, func(c *Case) { c.Jitter = Jitter{} }) }
	refused := dial(refusesUs)
	return []expected{
		{"quick", fifty(200 * msec), Pass, []string{
			"One at a time: median 13.0 ms. With 10 in parallel: 10 handshakes, at most 10 under way together, median 100.0 ms, p99 100.0 ms, maximum 100.0 ms. " +
				"With 50 in parallel: 50 handshakes, at most 50 under way together, median 200.0 ms"}, []string{"tls.record"}},
		{"quick, own lateness not measured", unmeasured(fifty(200 * msec)), Pass, nil, nil},
		{"at half of the limit", fifty(250 * msec), Pass, nil, nil},
		{"above half of the limit by no more than we were late", fifty(258 * msec), Pass, nil, nil},
		{"above half of the limit", fifty(259 * msec), Warn, []string{"more than half", "several handshakes at a time"}, nil},
		{"at the limit, and we were that late", late(200*msec, fifty(500*msec)), Pass, nil, nil}, // what delays us never makes a time shorter
		{"over the limit", fifty(509 * msec), Fail, []string{"With 50 in parallel the slowest took the device longer than the 500 ms", "more workers"}, []string{"tls.record"}},
		{"over the limit with 10 only", loaded(alone, crowd(10, taking(600*msec)), crowd(50, taking(90*msec))), Fail, []string{"With 10 in parallel the slowest"}, nil},
		{"one of fifty over the limit", loaded(alone, ten, steps(crowd(49, taking(90*msec)), crowd(1, taking(2*time.Second)))), Fail, []string{"maximum 2000.0 ms"}, nil},
		{"just over, by what we may be late in all", fifty(508 * msec), Inconclusive, []string{"own lateness of up to 2.0 ms at each step", "not on the device's own"}, nil},
		{"over the limit, and we were later", late(300*msec, fifty(900*msec)), Inconclusive, []string{"own lateness of up to 300.0 ms"}, nil},
		{"over the limit, own lateness not measured", unmeasured(fifty(510 * msec)), Error, []string{"did not measure its own lateness"}, nil},
		{"over the limit by our own time only", loaded(alone, ten, crowd(50, pace{first: 100 * msec, own: 900 * msec, second: 100 * msec})), Pass, []string{"median 200.0 ms"}, nil},
		{"cut", loaded(alone, ten, crowdCut(50, 5*time.Second)), Fail, []string{"longer than the 500 ms"}, []string{"tls.handshake-failed"}},
		{"cut at once, and given up", with(fifty(0), func(c *Case) { c.Attempts = []record.Attempt{attempt("10 in parallel", crowdCut(10, 5*time.Second))} }), Fail, nil, []string{"tls.handshake-failed"}},
		{"ended by the device", fifty(90*msec, refused, refused), Fail, []string{"ended 2 handshake(s) under load that it completes alone: alert handshake failure", "limit on connections"}, []string{"tls.alert"}},
		{"ended by the device, and we were less late", late(125*msec, fifty(90*msec, refused)), Fail, []string{"ended 1 handshake"}, nil},
		{"ended by the device, but we were too late", late(126*msec, fifty(90*msec, refused)), Inconclusive, []string{"1 connection(s) under load came to no complete handshake", "handshake failure"}, nil},
		{"over the limit, others ended by the device", fifty(600*msec, refused), Fail, []string{"the slowest took the device longer"}, nil},
		{"unreachable under load", fifty(90*msec, notDialled("unreachable: no answer")), Inconclusive, []string{"1 connection(s) under load", "no answer"}, []string{"tcp.dialled"}},
		{"unreachable with 10, then well", loaded(alone, steps(ten, notDialled("unreachable: no answer")), crowd(50, taking(90*msec))), Inconclusive, []string{"no answer"}, []string{"tcp.dialled"}},
		{"not at once", loaded(alone, steps(crowd(4, taking(20*msec)), wait(20*msec), crowd(4, taking(20*msec))), crowd(4, taking(20*msec))), Inconclusive, []string{"No more than 4 were under way together", "5 are needed"}, nil},
		{"just enough at once", loaded(alone, crowd(5, taking(20*msec)), crowd(4, taking(20*msec))), Pass, []string{"at most 5 under way together"}, nil},
		{"those of the former profile are no load", loaded(alone, earlier(crowd(50, taking(20*msec))), crowd(4, taking(20*msec))), Inconclusive, []string{"No more than 4"}, nil},
		{"truncated", fifty(90*msec, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"truncated, but over the limit", fifty(900*msec, flooded), Fail, nil, nil},

		{"too slow alone", loaded(crowd(1, taking(600*msec)), ten, crowd(50, taking(700*msec))), Inconclusive, []string{"With one handshake at a time", "handshake-within-500ms"}, []string{"tls.record"}},
		{"cut alone", loaded(crowdCut(3, 5*time.Second), ten, crowd(50, taking(700*msec))), Inconclusive, []string{"With one handshake at a time"}, []string{"tls.handshake-failed"}},
		{"refused alone", loaded(refused, refused, refused), Inconclusive, []string{"With one handshake at a time not all completed", "handshake failure"}, []string{"tls.handshake-failed"}},
		{"one refused alone", loaded(steps(alone, refused), ten, crowd(50, taking(90*msec))), Inconclusive, []string{"not all completed"}, nil},
		{"no control", with(fifty(90*msec), func(c *Case) { c.Control = nil }), Error, []string{"holds no control"}, nil},
		{"no limit in the case", with(fifty(90*msec), func(c *Case) { c.Deadline = 0 }), Error, []string{"which deadline"}, nil},
	}
}

// TestHandshakeParts: what the device computes is its flights less the round trip,
// and the budget is what the slowest handshake leaves of the limit.
func TestHandshakeParts(t *testing.T) {
	quick, slow, large := brisk, brisk, brisk
	slow.connect, slow.first, slow.second = 4*msec, 40*msec, 14*msec
	large.octets = 20_000
	for _, tt := range []struct {
		name string
		c    Case
		want map[string]float64
		says string
	}{
		{"all alike", one(crowd(5, quick)), map[string]float64{
			"handshake p95": 16, "ClientHello to ServerHelloDone p99": 8, "TCP connect maximum": 2, "round trip time": 2,
			"device's compute, first flight maximum": 6, "device's compute, second flight median": 3, "our own compute median": 3,
			"round trips": 2, "round trip time budget": 244, // (500 - 6 - 3 - 3) / 2
			"round trip time budget with TCP connect": 162.666,
		}, "up to 6.0 ms before its ServerHelloDone and 3.0 ms before its Finished, the round trip taken off (2.0 ms, the quickest TCP connect). " +
			"With 2 round trips, the slowest handshake would cross 500 ms at a round trip time of 244 ms, or of 163 ms if Genesys counts the TCP connect too."},
		{"one slow", one(crowd(19, quick), crowd(1, slow)), map[string]float64{
			"handshake p95": 16, "handshake p99": 57, "handshake maximum": 57, "TCP connect maximum": 4, "round trip time": 2,
			"device's compute, first flight p95": 6, "device's compute, first flight p99": 38, "device's compute, second flight maximum": 12,
			"round trip time budget": 223.5, // (500 - 38 - 3 - 12) / 2
		}, "224 ms"},
		{"a flight larger than the first window", one(crowd(5, large)), map[string]float64{
			"round trips": 3, "round trip time budget": 163.333, // (500 - (16 - 3·2)) / 3
		}, "With 3 round trips"},
		{"a round trip longer than the flights", one(crowd(5, pace{connect: 60 * msec, first: 20 * msec, second: 10 * msec, octets: 400})), map[string]float64{
			"round trip time": 60, "device's compute, first flight maximum": 0, "device's compute, second flight maximum": 0, "round trip time budget": 250,
		}, "0.0 ms before its ServerHelloDone"},
		{"slower than the limit", one(crowd(5, taking(700*msec))), map[string]float64{
			"round trip time budget": 0, "round trip time budget with TCP connect": 0, "device's compute, first flight maximum": 695,
		}, "longer than the 500 ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := HandshakeTime(tt.c)
			for _, m := range v.Measurements {
				if want, asked := tt.want[m.Name]; asked && want != m.Value {
					t.Errorf("%s is %v %s, want %v", m.Name, m.Value, m.Unit, want)
				}
				delete(tt.want, m.Name)
			}
			if len(tt.want) > 0 {
				t.Errorf("not measured: %v", tt.want)
			}
			if !strings.Contains(v.Observed, tt.says) {
				t.Errorf("observed %q, want in it %q", v.Observed, tt.says)
			}
			if tt.name == "slower than the limit" && strings.Contains(v.Observed, "would cross") {
				t.Errorf("a budget of nothing is told: %q", v.Observed)
			}
		})
	}
}

// TestHandshakeUndivided: without a ServerHelloDone the time is judged all the
// same, and no flights are made up.
func TestHandshakeUndivided(t *testing.T) {
	whole := dial(ourHello, ourFlight, finished)
	v := HandshakeTime(one(whole, whole, whole, whole, whole))
	if v.Status != Pass || strings.Contains(v.Observed, "computes") {
		t.Errorf("%s: %s", v.Status, v.Observed)
	}
	for _, m := range v.Measurements {
		if strings.Contains(m.Name, "compute") || strings.HasPrefix(m.Name, "round trip") {
			t.Errorf("measured %+v", m)
		}
	}
}

// TestUnderLoadFigures: each level has figures of its own, and a slow TCP connect
// is told though it is not judged.
func TestUnderLoadFigures(t *testing.T) {
	crawling := taking(200 * msec)
	crawling.connect = 1200 * msec
	v := HandshakeUnderLoad(loaded(crowd(1, brisk), crowd(10, taking(100*msec)), crowd(50, crawling)))
	want := map[string]float64{
		"handshakes, 10 in parallel": 10, "under way together, 10 in parallel": 10, "handshake p95, 10 in parallel": 102,
		"handshake but for our own time p99, 50 in parallel": 200, "handshake maximum, 50 in parallel": 202,
		"ClientHello to ServerHelloDone median, 50 in parallel": 196, "TCP connect maximum, 50 in parallel": 1200, "own lateness maximum": 2,
	}
	for _, m := range v.Measurements {
		if want[m.Name] == m.Value {
			delete(want, m.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not measured: %v in %+v", want, v.Measurements)
	}
	if v.Status != Pass || len(v.Witnesses) != 1 || !strings.Contains(v.Witnesses[0], "50 in parallel: a TCP connect took 1200 ms") {
		t.Errorf("%s, witnesses %q", v.Status, v.Witnesses)
	}
}

// One that ends when another begins makes room for it.
func TestAtOnce(t *testing.T) {
	for want, ts := range map[int]timings{
		0: {},
		1: {done: []timing{{began: 0, total: 10}, {began: 10, total: 10}}},
		3: {done: []timing{{began: 0, total: 20}, {began: 5, total: 2}, {began: 19, total: 1}}, cut: []timing{{began: 19, total: 5}}},
	} {
		if got := ts.atOnce(); got != want {
			t.Errorf("%d under way together, want %d", got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 20 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for percent, want := range map[int]time.Duration{1: 1, 5: 1, 6: 2, 50: 10, 95: 19, 96: 20, 99: 20, 100: 20} {
		if got := percentile(sorted, percent); got != want {
			t.Errorf("p%d of 1 to 20 is %d, want %d", percent, got, want)
		}
	}
	if percentile(nil, 50) != 0 || percentile(sorted[:1], 1) != 1 {
		t.Error("of none or one")
	}
}

// The windows of RFC 6928 and slow start: 10 segments, then 20 more, then 40 more.
func TestRoundTrips(t *testing.T) {
	for octets, want := range map[int]int{0: 2, -1: 2, 14_600: 2, 14_601: 3, 43_800: 3, 43_801: 4, 102_200: 4, 102_201: 5} {
		if got := roundTrips(octets); got != want {
			t.Errorf("a first flight of %d octets: %d round trips, want %d", octets, got, want)
		}
	}
}

// A device is never held to less by a level below must.
func TestUnderLoadLevels(t *testing.T) {
	for level, want := range map[ledger.Level]Status{ledger.LevelMust: Fail, ledger.LevelShould: Warn, ledger.LevelInfo: Pass} {
		c := loaded(crowd(1, brisk), crowd(10, taking(100*msec)), crowd(50, taking(time.Second)))
		c.Level = level
		if v := HandshakeUnderLoad(c); v.Status != want {
			t.Error(fmt.Sprint(level, ": ", v.Status, ", want ", want))
		}
	}
}
