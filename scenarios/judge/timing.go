package judge

import (
	"fmt"
	"slices"
	"time"

	"byocheck/simulator/record"
)

// timing is what the recorded times of one handshake with the device as server
// say. A full handshake has two flights of each side (RFC 5246 7.3):
//
//	ClientHello                    -->  began
//	                               <--  ServerHello ... ServerHelloDone   first
//	ClientKeyExchange ... Finished -->  own
//	                               <--  ChangeCipherSpec, Finished        second
//
// Our times are taken before we write and after we have read, so whatever delays
// us makes a flight of the device's longer and never shorter.
type timing struct {
	connect time.Duration // TCP, from SYN to established
	began   time.Duration // when our ClientHello went out
	total   time.Duration // from there to the device's Finished, or to when we gave up
	ended   record.Event  // that

	split              bool // the flights can be told apart
	first, own, second time.Duration
	octets             int // of the device's first flight
}

// device is what the handshake took but for our own time between the flights.
func (t timing) device() time.Duration { return t.total - t.own }

// timings are the handshakes of an attempt, by how they ended.
type timings struct {
	attempt record.Attempt
	done    []timing
	cut     []timing      // we gave up: they took too long
	refused []*connection // the device ended them before they were done
	lost    int           // those that came to nothing in another way
}

// timed sorts the handshakes that the cloud began in an attempt.
func timed(a record.Attempt) timings {
	out := timings{attempt: a}
	for _, conn := range connections(a) {
		if !conn.dialled() {
			continue
		}
		t, finished := conn.timing(a.Events)
		switch {
		case finished && conn.done != nil:
			out.done = append(out.done, t)
		case conn.failed != nil && conn.failed.Deadline:
			t.total, t.ended, t.split, t.own = conn.failedAt.Mono-t.began, conn.failedAt, false, 0
			out.cut = append(out.cut, t)
		case conn.failed != nil && conn.failed.By == record.Device:
			out.refused = append(out.refused, conn)
		default:
			out.lost++
		}
	}
	return out
}

// timing reads the times of a handshake; ok is false where the device's Finished,
// its first encrypted handshake record, did not come.
func (c *connection) timing(events []record.Event) (t timing, ok bool) {
	d, _ := c.opened.Body.(record.Dialled)
	t = timing{connect: max(0, d.Connect), began: c.opened.Mono} // if our ClientHello was not seen
	greeted, answered := false, false
	var answer, reply time.Duration // when the device's first flight ended, and our second
	for _, e := range events {
		r, is := e.Body.(record.TLSRecord)
		if !is || e.Conn != c.id {
			continue
		}
		switch {
		case r.Dir == record.Out && r.Type == 22 && !greeted:
			greeted, t.began = true, e.Mono
		case r.Dir == record.Out && answered:
			reply = e.Mono
		case r.Dir == record.In && r.Type == 22 && !r.Encrypted && greeted && !answered:
			t.octets += 5 + max(0, r.Length) // with the record's header
			if slices.Contains(r.Handshake, 14) {
				answered, answer = true, e.Mono
			}
		case r.Dir == record.In && r.Type == 22 && r.Encrypted && greeted:
			t.total, t.ended = e.Mono-t.began, e
			if t.split = answered && reply > 0; t.split {
				t.first, t.own, t.second = answer-t.began, reply-answer, e.Mono-reply
			}
			return t, true
		}
	}
	return t, false
}

// each returns a time of every handshake, the shortest first.
func each(ts []timing, of func(timing) time.Duration) []time.Duration {
	var out []time.Duration
	for _, t := range ts {
		out = append(out, of(t))
	}
	slices.Sort(out)
	return out
}

// divided are the handshakes whose flights can be told apart.
func divided(ts []timing) []timing {
	return slices.DeleteFunc(slices.Clone(ts), func(t timing) bool { return !t.split })
}

// percentile is by nearest rank: the smallest of the sorted times that so many
// per cent of them do not exceed. 0 for none.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(percent*len(sorted)+99)/100-1]
}

// spread measures a distribution of times.
func (v *Verdict) spread(name, where string, sorted []time.Duration) {
	if len(sorted) == 0 {
		return
	}
	for _, p := range []struct {
		name    string
		percent int
	}{{"median", 50}, {"p95", 95}, {"p99", 99}, {"maximum", 100}} {
		v.measure(name+" "+p.name+where, ms(percentile(sorted, p.percent)), "ms")
	}
}

// roundTrip is the round trip time to the device: that of the quickest TCP
// connect, since a SYN is answered by the device's kernel before its TLS server
// has anything to do.
func roundTrip(ts []timing) time.Duration {
	if len(ts) == 0 {
		return 0
	}
	return each(ts, func(t timing) time.Duration { return t.connect })[0]
}

// What TCP sends before it waits for an acknowledgement (RFC 6928, RFC 5681 3.1).
const (
	segment       = 1460 // octets, on Ethernet
	initialWindow = 10   // segments; the window doubles with each round trip
)

// roundTrips is how many of them a full handshake takes, TCP connect apart: one
// for each flight of the device's, and more where the first outgrows the window.
func roundTrips(octets int) int {
	n, window, sent := 2, initialWindow*segment, initialWindow*segment
	for sent < octets {
		window *= 2
		sent += window
		n++
	}
	return n
}

// budget is what a handshake leaves to the network.
type budget struct {
	trips int // round trips, TCP connect apart
	// trip is the round trip time at which the handshake would take all of the
	// deadline; withConnect is that if the TCP connect counts too.
	trip, withConnect time.Duration
}

// budgetOf is that of the handshake that leaves least: the deadline less what was
// computed, over the round trips.
func budgetOf(ts []timing, deadline, trip time.Duration) budget {
	var least budget
	for i, t := range ts {
		n := roundTrips(t.octets)
		left := max(0, deadline-t.total+min(t.total, time.Duration(n)*trip))
		b := budget{n, left / time.Duration(n), left / time.Duration(n+1)}
		if i == 0 || b.trip < least.trip {
			least = b
		}
	}
	return least
}

// compute measures what the device did in the handshakes, the network's share
// taken off, and says how far away it may be. Empty where the flights could not
// be told apart.
func (v *Verdict) compute(ts []timing, deadline time.Duration) string {
	trip, ts := roundTrip(ts), divided(ts)
	if len(ts) == 0 {
		return ""
	}
	first := each(ts, func(t timing) time.Duration { return max(0, t.first-trip) })
	second := each(ts, func(t timing) time.Duration { return max(0, t.second-trip) })
	v.spread("ClientHello to ServerHelloDone", "", each(ts, func(t timing) time.Duration { return t.first }))
	v.spread("device's compute, first flight", "", first)
	v.spread("device's compute, second flight", "", second)
	v.spread("our own compute", "", each(ts, func(t timing) time.Duration { return t.own }))
	b := budgetOf(ts, deadline, trip)
	v.measure("round trip time", ms(trip), "ms")
	v.measure("round trips", float64(b.trips), "")
	v.measure("round trip time budget", ms(b.trip), "ms")
	v.measure("round trip time budget with TCP connect", ms(b.withConnect), "ms")
	said := fmt.Sprintf("The device itself computes up to %.1f ms before its ServerHelloDone and %.1f ms before its Finished, the round trip taken off (%.1f ms, the quickest TCP connect). ",
		ms(percentile(first, 100)), ms(percentile(second, 100)), ms(trip))
	if b.trip == 0 {
		return said
	}
	return said + fmt.Sprintf("With %d round trips, the slowest handshake would cross %d ms at a round trip time of %.0f ms, or of %.0f ms if Genesys counts the TCP connect too. ",
		b.trips, deadline.Milliseconds(), ms(b.trip), ms(b.withConnect))
}

// atOnce is how many handshakes were under way at one time, at most.
func (ts timings) atOnce() int {
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for _, t := range slices.Concat(ts.done, ts.cut) {
		edges = append(edges, edge{t.began, 1}, edge{t.began + t.total, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		return a.step - b.step // one that ends makes room
	})
	most, now := 0, 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}
