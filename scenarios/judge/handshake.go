package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// Limits of the handshake time beside the deadline itself.
const (
	// minHandshakes is how many are needed for a verdict.
	minHandshakes = 5
	// tightShare of the deadline: above it a pass becomes a warning.
	tightShare = 0.5
	// lateShare of the deadline: where we ourselves were later, a handshake that
	// we cut at the deadline cannot be laid to the device.
	lateShare = 0.1
	// leastAtOnce handshakes have to be under way together to be called load.
	leastAtOnce = 5
	// lateTimes is how often we may be late in one handshake, by as much as we were
	// at most: writing and reading, for each of the device's two flights.
	lateTimes = 4
)

// HandshakeTime judges how long the device, as TLS server, takes: from our
// ClientHello to its Finished, TCP connect apart. What it computes itself, and
// which round trip time that leaves room for, is measured beside it.
func HandshakeTime(c Case) Verdict {
	v := Verdict{Expected: fmt.Sprintf("At least %d TLS handshakes, each within %d ms from ClientHello to the device's Finished.", minHandshakes, c.Deadline.Milliseconds())}
	if !c.outside(&v) || !c.clocked(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	t := timed(a)
	lost := t.lost + len(t.refused)
	v.measure("handshakes", float64(len(t.done)), "")
	v.measure("own lateness maximum", ms(c.Jitter.Max), "ms")
	figures, most := "", time.Duration(0)
	if len(t.done) > 0 {
		totals, connects := each(t.done, timing.whole), each(t.done, timing.established)
		most = percentile(totals, 100)
		v.spread("handshake", "", totals)
		v.spread("TCP connect", "", connects)
		slowest := t.done[slices.IndexFunc(t.done, func(x timing) bool { return x.total == most })]
		v.show(a, slowest.ended, "the device's Finished in the slowest handshake, %.1f ms after our ClientHello", ms(most))
		figures = fmt.Sprintf("%d handshakes: median %.1f ms, maximum %.1f ms (TCP connect apart: median %.1f ms). ", len(t.done), ms(percentile(totals, 50)), ms(most), ms(percentile(connects, 50))) +
			v.compute(t.done, c.Deadline)
	}
	cut := longest(t.cut)
	v.show(a, cut.ended, "a handshake that we cut %.1f ms after our ClientHello", ms(cut.total))
	const slow = "Find what takes the time: key size, certificate checks or CRL fetches during the handshake, load, or the way there."
	n, dropped := truncated(a)
	margin := lateTimes * c.Jitter.Max
	tooLong := most-margin > c.Deadline
	tooLongCut := len(t.cut) > 0 && (cut.total-margin > c.Deadline || float64(c.Jitter.Max) <= lateShare*float64(c.Deadline))
	switch {
	case (tooLong || tooLongCut) && c.Jitter.Samples == 0:
		v.Status = Error
		v.Observed = figures + "A handshake took too long, but the harness did not measure its own lateness, so it cannot be said whose time that was."
	case tooLong:
		v.Status = unmet(c.Level)
		v.Observed = figures + fmt.Sprintf("The slowest took longer than the %d ms after which Genesys gives up.", c.Deadline.Milliseconds())
		v.Hint = slow
	case tooLongCut:
		v.Status = unmet(c.Level)
		v.Observed = figures + fmt.Sprintf("A handshake was not complete %.1f ms after our ClientHello and was cut; Genesys gives up after %d ms.", ms(cut.total), c.Deadline.Milliseconds())
		v.Hint = slow
	case len(t.cut) > 0, most+c.Jitter.Max > c.Deadline:
		v.Status = Inconclusive
		v.Observed = figures + fmt.Sprintf("The longest handshake is nearer to %d ms than our own lateness of up to %.1f ms at each step allows to tell.", c.Deadline.Milliseconds(), ms(c.Jitter.Max))
		v.Hint = "Run the kit on a machine with less load."
	case dropped:
		v.Status = Inconclusive
		v.Observed = figures + fmt.Sprintf("There were so many events that %d could not be kept, so a slow handshake may be missing.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
	case len(t.done) < minHandshakes:
		return c.notMeasured(v, a, fmt.Sprintf("Only %d of the handshakes completed; %d are needed.", len(t.done), minHandshakes))
	case lost > 0:
		return c.notMeasured(v, a, fmt.Sprintf("%d of %d connections came to no complete handshake, so their time could not be measured.", lost, lost+len(t.done)))
	case float64(most-c.Jitter.Max) > tightShare*float64(c.Deadline): // what we were late ourselves is not the device's
		v.Status = Warn
		v.Observed = figures + "That is within the limit, but more than half of it is used before the network adds its share."
		v.Hint = "Measure from where Genesys's region is reached; the round trip comes on top several times."
	default:
		v.Status = Pass
		v.Observed = strings.TrimSpace(figures)
	}
	return v
}

// HandshakeUnderLoad judges how long the device, as TLS server, takes while it
// has many handshakes to do. The control is the same one at a time; each attempt
// had so many in parallel as its name says. What we need ourselves between the
// device's flights is not counted here: it grows with what we do at once.
func HandshakeUnderLoad(c Case) Verdict {
	v := Verdict{Expected: fmt.Sprintf("With many TLS handshakes at once the device completes each within %d ms, our own share apart.", c.Deadline.Milliseconds())}
	if !c.outside(&v) || !c.clocked(&v) {
		return v
	}
	v.measure("own lateness maximum", ms(c.Jitter.Max), "ms")
	if len(c.Control) == 0 {
		v.Status = Error
		v.Observed = "The case holds no control: it is not known how the device does with one handshake at a time."
		return v
	}
	control := c.Control[len(c.Control)-1]
	alone := timed(control)
	switch quiet := slices.Concat(alone.done, alone.cut); {
	case len(quiet) > 0 && longest(quiet).total > c.Deadline:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("With one handshake at a time it takes more than the %d ms already, so nothing can be said of load.", c.Deadline.Milliseconds())
		v.Hint = "The scenario tls.outbound.handshake-within-500ms says whose time that is."
		v.show(control, longest(quiet).ended, "the slowest handshake of those alone")
		return v
	case len(alone.done) == 0 || alone.lost+len(alone.refused) > 0:
		return c.notMeasured(v, control, "With one handshake at a time not all completed.")
	}
	l := c.load(&v, alone)
	margin := lateTimes * c.Jitter.Max
	if margin > c.Deadline { // a device has patience too: where we are that late it may have given us up
		l.lost, l.refused = l.lost+len(l.refused), nil
	}
	const slow = "Let the device do several handshakes at a time: more workers or processors for TLS, hardware that signs faster, no CRL fetches in the handshake."
	switch {
	case l.most-margin > c.Deadline && c.Jitter.Samples == 0:
		v.Status = Error
		v.Observed = l.figures + "One took too long, but the harness did not measure its own lateness, so it cannot be said whose time that was."
	case l.most-margin > c.Deadline:
		v.Status = unmet(c.Level)
		v.Observed = l.figures + fmt.Sprintf("With %s the slowest took the device longer than the %d ms after which Genesys gives up.", l.slowest, c.Deadline.Milliseconds())
		v.Hint = slow
	case l.most > c.Deadline:
		v.Status = Inconclusive
		v.Observed = l.figures + fmt.Sprintf("The longest handshake is nearer to %d ms than our own lateness of up to %.1f ms at each step allows to tell.", c.Deadline.Milliseconds(), ms(c.Jitter.Max))
		v.Hint = "Run the kit on a machine with less load, and not on the device's own."
	case l.dropped > 0:
		v.Status = Inconclusive
		v.Observed = l.figures + fmt.Sprintf("There were so many events that %d could not be kept, so a slow handshake may be missing.", l.dropped)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
	case len(l.refused) > 0:
		v.Status = unmet(c.Level)
		v.Observed = l.figures + fmt.Sprintf("The device ended %d handshake(s) under load that it completes alone: %s.", len(l.refused), l.refused[0].how())
		v.Hint = "If that is a limit on connections or handshakes, except the proxies' addresses from it: each call of Genesys's may open a connection of its own."
	case l.lost > 0:
		return c.notMeasured(v, l.incomplete, l.figures+fmt.Sprintf("%d connection(s) under load came to no complete handshake.", l.lost))
	case l.atOnce < leastAtOnce:
		v.Status = Inconclusive
		v.Observed = l.figures + fmt.Sprintf("No more than %d were under way together, so there was no load; %d are needed.", l.atOnce, leastAtOnce)
		v.Hint = "Run it again; if it stays so, look why the connections to the device are opened so slowly."
	case float64(l.most-margin) > tightShare*float64(c.Deadline):
		v.Status = Warn
		v.Observed = l.figures + "That is within the limit, but more than half of it is used before the network adds its share."
		v.Hint = slow
	default:
		v.Status = Pass
		v.Observed = strings.TrimSpace(l.figures)
	}
	return v
}

// load is what the attempts of HandshakeUnderLoad come to together.
type load struct {
	figures    string
	most       time.Duration // the longest that a handshake took the device
	slowest    string        // the attempt in which that was
	atOnce     int
	refused    []*connection
	lost       int
	incomplete record.Attempt // one in which some were lost
	dropped    uint64
}

// load measures the attempts, each beside the handshakes that were done alone.
func (c Case) load(v *Verdict, alone timings) load {
	var l load
	l.figures = fmt.Sprintf("One at a time: median %.1f ms. ", ms(percentile(each(alone.done, timing.device), 50)))
	for _, a := range c.Attempts {
		t := timed(a)
		where := ", " + a.Name
		v.measure("handshakes"+where, float64(len(t.done)), "")
		v.measure("under way together"+where, float64(t.atOnce()), "")
		v.spread("handshake", where, each(t.done, timing.whole))
		v.spread("TCP connect", where, each(t.done, timing.established))
		v.spread("handshake but for our own time", where, each(t.done, timing.device))
		if first := divided(t.done); len(first) > 0 {
			v.spread("ClientHello to ServerHelloDone", where, each(first, func(t timing) time.Duration { return t.first }))
		}
		if times := each(t.done, timing.device); len(times) > 0 {
			l.figures += fmt.Sprintf("With %s: %d handshakes, at most %d under way together, median %.1f ms, p99 %.1f ms, maximum %.1f ms. ",
				a.Name, len(times), t.atOnce(), ms(percentile(times, 50)), ms(percentile(times, 99)), ms(percentile(times, 100)))
		}
		for _, x := range slices.Concat(t.done, t.cut) {
			if d := x.device(); d > l.most {
				l.most, l.slowest = d, a.Name
			}
		}
		if connect := percentile(each(t.done, timing.established), 100); connect > c.Deadline {
			v.Witnesses = append(v.Witnesses, fmt.Sprintf("%s: a TCP connect took %.0f ms, which is not counted here: the queue of the device's listener may be too short", a.Name, ms(connect)))
		}
		v.showSlowest(t)
		l.atOnce = max(l.atOnce, t.atOnce())
		l.refused = append(l.refused, t.refused...)
		for _, conn := range t.refused[:min(1, len(t.refused))] {
			v.show(a, conn.end, "the device ended a handshake under load")
		}
		if l.lost += t.lost; t.lost+len(t.refused) > 0 {
			l.incomplete = a
		}
		n, _ := truncated(a)
		l.dropped = max(l.dropped, n)
	}
	return l
}

// showSlowest adds as evidence the end of the handshake that took the device longest.
func (v *Verdict) showSlowest(t timings) {
	if x := longest(slices.Concat(t.done, t.cut)); x.ended.Body != nil {
		v.show(t.attempt, x.ended, "the end of the slowest handshake, %s, %.1f ms after our ClientHello", t.attempt.Name, ms(x.total))
	}
}

// clocked reports whether the case says what a handshake's time is held against.
func (c Case) clocked(v *Verdict) bool {
	if c.Deadline > 0 {
		return true
	}
	v.Status = Error
	v.Observed = "The case does not say which deadline a handshake has to keep."
	return false
}

func (t timing) whole() time.Duration       { return t.total }
func (t timing) established() time.Duration { return t.connect }

// longest returns the handshake that took the device longest, the zero value for none.
func longest(ts []timing) (out timing) {
	for i, t := range ts {
		if i == 0 || t.device() > out.device() {
			out = t
		}
	}
	return out
}
