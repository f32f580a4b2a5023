package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// NoClientCertificate judges whether the device, as TLS server, gets on with a
// client that has no certificate: the cloud presents none.
func NoClientCertificate(c Case) Verdict {
	v := Verdict{Expected: "The device completes the handshake with a client that presents no certificate, and answers SIP on that connection."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	for _, conn := range connections(a) {
		if !conn.dialled() {
			continue
		}
		asked := conn.asked || conn.done != nil && conn.done.ClientCertificateAsked || conn.failed != nil && conn.failed.ClientCertificateAsked
		answered := slices.ContainsFunc(conn.sip, func(m record.SIPMessage) bool { return m.Status > 0 })
		switch {
		case conn.done != nil && answered:
			v.Status = Pass
			v.Observed = "The device completed the handshake without a client certificate and answered SIP."
			if asked {
				v.Observed = "The device asked for a client certificate, accepted that there was none, and answered SIP."
				v.Hint = "Switch off the request for a client certificate: Genesys does not support mutual TLS."
			}
			v.show(a, conn.opened, "the connection without a client certificate")
			return v
		case asked && conn.empty && conn.ender == record.Device && !conn.elsewhere():
			v.Status = unmet(c.Level)
			v.Observed = "The device demands a client certificate and ended the connection without one: " + conn.how() + "."
			v.Hint = "Switch off mutual TLS (verification of client certificates) on the device's trunk towards Genesys."
			v.show(a, conn.end, "the device ended the connection after our empty Certificate message")
			return v
		case conn.done != nil && conn.ender == record.Device && !asked:
			v.Status = Inconclusive
			v.Observed = "The handshake completed and no client certificate was asked for, but the device ended the connection before it answered SIP: " + conn.how() + "."
			v.Hint = "Look in the device's log for why it hung up on our OPTIONS; let it answer OPTIONS from the proxies."
			v.show(a, conn.end, "the device ended the connection")
			return v
		case conn.done != nil && conn.ender != record.Device:
			v.Status = Inconclusive
			v.Observed = "The handshake completed without a client certificate, but the device did not answer our OPTIONS."
			v.Hint = "Let the device answer OPTIONS from the proxies."
			v.show(a, conn.opened, "the connection without a client certificate")
			return v
		case asked:
			v.Status = Inconclusive
			v.Observed = "The device asked for a client certificate, but the connection ended for another reason before it showed whether it demands one."
			if conn.failed != nil {
				v.Observed += " It ended with: " + conn.failed.Error + "."
			}
			v.Hint = "The other tls.outbound scenarios say which requirement is not met."
			v.show(a, conn.opened, "the connection on which a client certificate was asked for")
			return v
		}
	}
	return c.notMeasured(v, a, "No client certificate was asked for.")
}

// SurvivingSuite judges whether the device, as TLS server, accepts at least one
// of the suites that stay. Each attempt offered one alone and is named after it.
// A suite is refused where the device ends the handshake without a ServerHello;
// since hanging up without an alert may have any reason, one alert at least must
// say that it is for the suite.
func SurvivingSuite(c Case) Verdict {
	v := Verdict{Expected: "Offered the surviving cipher suites one at a time, with secp384r1 as the only group, the device accepts at least one."}
	if !c.outside(&v) {
		return v
	}
	var taken, refused, open []string
	var opened record.Attempt // the first that stayed open
	told := false
	for _, a := range c.Attempts {
		conn := attempted(a)
		switch {
		case conn != nil && conn.done != nil:
			taken = append(taken, a.Name)
			v.show(a, conn.opened, "accepted %s", a.Name)
		case conn != nil && conn.refusedSuite():
			refused = append(refused, a.Name)
			told = told || slices.ContainsFunc(conn.alerts, aboutSuite)
			v.show(a, conn.end, "refused %s: %s", a.Name, conn.how())
		default:
			if open = append(open, a.Name); len(open) == 1 {
				opened = a
			}
		}
	}
	if len(refused) > 0 {
		v.Witnesses = append(v.Witnesses, "refused: "+strings.Join(refused, ", "))
	}
	if len(open) > 0 {
		v.Witnesses = append(v.Witnesses, "neither accepted nor refused: "+strings.Join(open, ", "))
	}
	v.measure("surviving suites accepted", float64(len(taken)), "")
	switch {
	case len(taken) > 0:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device accepts %d of the %d surviving suites: %s.", len(taken), len(c.Attempts), strings.Join(taken, ", "))
	case len(open) > 0:
		why := "Not every suite could be tried."
		if conn := attempted(opened); conn != nil && conn.chose {
			why = fmt.Sprintf("The device chose %s, but the handshake did not end well.", opened.Name)
		}
		return c.notMeasured(v, opened, why)
	case !told:
		v.Status = Inconclusive
		v.Observed = "The device hung up on every one of the surviving suites without an alert, so it is not known whether that was for the suite."
		v.Hint = "Look at the device's log for these connections; if it does not accept the proxies' addresses, allow them. Otherwise enable one of the suites on its TLS listener, ECDHE ones with the curve secp384r1 (P-384)."
	default:
		v.Status = unmet(c.Level)
		v.Observed = "The device refuses every one of the surviving suites."
		v.Hint = "Enable one of the suites on the device's TLS listener, ECDHE ones with the curve secp384r1 (P-384)."
	}
	return v
}

// attempted returns the connection that the cloud dialled in the attempt, the
// best if there are more; nil where there is none.
func attempted(a record.Attempt) *connection {
	var best *connection
	for _, conn := range connections(a) {
		if conn.dialled() && (best == nil || best.done == nil && conn.done != nil) {
			best = conn
		}
	}
	return best
}

// refusedSuite reports whether the device, as server, ended the handshake before
// its ServerHello, and said nothing that lays it to something else.
func (c *connection) refusedSuite() bool {
	return c.ender == record.Device && !c.chose && !slices.ContainsFunc(c.alerts, func(a record.Alert) bool {
		return a.Level != 1 && !aboutSuite(a)
	})
}

// aboutSuite reports whether an alert says that no suite is in common (RFC 5246 7.2.2).
func aboutSuite(a record.Alert) bool {
	return a.Name == "handshake_failure" || a.Name == "insufficient_security"
}

// elsewhere reports whether the device's alert names a cause that has nothing to
// do with a certificate. Other alerts prove nothing: stacks differ.
func (c *connection) elsewhere() bool {
	return slices.ContainsFunc(c.alerts, func(a record.Alert) bool {
		return slices.Contains([]string{"bad_record_mac", "decrypt_error", "decode_error", "illegal_parameter", "protocol_version"}, a.Name)
	})
}

// Limits of the handshake time beside the deadline itself.
const (
	// minHandshakes is how many are needed for a verdict.
	minHandshakes = 5
	// tightShare of the deadline: above it a pass becomes a warning.
	tightShare = 0.5
	// lateShare of the deadline: where we ourselves were later, a handshake that
	// we cut at the deadline cannot be laid to the device.
	lateShare = 0.1
)

// HandshakeTime judges how long the device, as TLS server, takes: from our
// ClientHello to its Finished, TCP connect apart.
func HandshakeTime(c Case) Verdict {
	v := Verdict{Expected: fmt.Sprintf("At least %d TLS handshakes, each within %d ms from ClientHello to the device's Finished.", minHandshakes, c.Deadline.Milliseconds())}
	if !c.outside(&v) {
		return v
	}
	if c.Deadline <= 0 {
		v.Status = Error
		v.Observed = "The case does not say which deadline a handshake has to keep."
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	var took, connect []time.Duration
	var slowest record.Event
	var cut time.Duration // how long the handshake had lasted that we cut after the longest time
	var cutAt record.Event
	lost := 0
	for _, conn := range connections(a) {
		d, dialled := conn.opened.Body.(record.Dialled)
		if !dialled {
			continue
		}
		t, e, ok := handshakeTime(a.Events, conn.id)
		switch {
		case ok && conn.done != nil:
			took, connect = append(took, t), append(connect, d.Connect)
			if t == slices.Max(took) {
				slowest = e
			}
		case conn.failed != nil && conn.failed.Deadline:
			if lasted := conn.failedAt.Mono - helloSent(a.Events, conn); cutAt.Body == nil || lasted > cut {
				cut, cutAt = lasted, conn.failedAt
			}
		default:
			lost++
		}
	}
	v.measure("handshakes", float64(len(took)), "")
	v.measure("own lateness maximum", ms(c.Jitter.Max), "ms")
	figures, most := "", time.Duration(0)
	if len(took) > 0 {
		most = slices.Max(took)
		v.measure("handshake median", ms(median(took)), "ms")
		v.measure("handshake maximum", ms(most), "ms")
		v.measure("TCP connect median", ms(median(connect)), "ms")
		v.show(a, slowest, "the device's Finished in the slowest handshake, %.1f ms after our ClientHello", ms(most))
		figures = fmt.Sprintf("%d handshakes: median %.1f ms, maximum %.1f ms (TCP connect apart: median %.1f ms). ", len(took), ms(median(took)), ms(most), ms(median(connect)))
	}
	if cutAt.Body != nil {
		v.show(a, cutAt, "a handshake that we cut %.1f ms after our ClientHello", ms(cut))
	}
	const slow = "Find what takes the time: key size, certificate checks or CRL fetches during the handshake, load, or the way there."
	n, dropped := truncated(a)
	tooLong := most-c.Jitter.Max > c.Deadline
	tooLongCut := cutAt.Body != nil && (cut-c.Jitter.Max > c.Deadline || float64(c.Jitter.Max) <= lateShare*float64(c.Deadline))
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
		v.Observed = figures + fmt.Sprintf("A handshake was not complete %.1f ms after our ClientHello and was cut; Genesys gives up after %d ms.", ms(cut), c.Deadline.Milliseconds())
		v.Hint = slow
	case cutAt.Body != nil, most+c.Jitter.Max > c.Deadline:
		v.Status = Inconclusive
		v.Observed = figures + fmt.Sprintf("The longest handshake is nearer to %d ms than our own lateness of up to %.1f ms allows to tell.", c.Deadline.Milliseconds(), ms(c.Jitter.Max))
		v.Hint = "Run the kit on a machine with less load."
	case dropped:
		v.Status = Inconclusive
		v.Observed = figures + fmt.Sprintf("There were so many events that %d could not be kept, so a slow handshake may be missing.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
	case len(took) < minHandshakes:
		return c.notMeasured(v, a, fmt.Sprintf("Only %d of the handshakes completed; %d are needed.", len(took), minHandshakes))
	case lost > 0:
		return c.notMeasured(v, a, fmt.Sprintf("%d of %d connections came to no complete handshake, so their time could not be measured.", lost, lost+len(took)))
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

// helloSent is when our ClientHello went out on a connection, or when the
// connection was opened if that was not seen.
func helloSent(events []record.Event, conn *connection) time.Duration {
	for _, e := range events {
		if r, is := e.Body.(record.TLSRecord); is && e.Conn == conn.id && r.Type == 22 && r.Dir == record.Out {
			return e.Mono
		}
	}
	return conn.opened.Mono
}

// handshakeTime is the time from our first handshake record to the device's
// first encrypted one, its Finished.
func handshakeTime(events []record.Event, conn uint64) (time.Duration, record.Event, bool) {
	hello := time.Duration(-1)
	for _, e := range events {
		r, is := e.Body.(record.TLSRecord)
		if !is || e.Conn != conn || r.Type != 22 {
			continue
		}
		if r.Dir == record.Out && hello < 0 {
			hello = e.Mono
		}
		if r.Dir == record.In && r.Encrypted && hello >= 0 {
			return e.Mono - hello, e, true
		}
	}
	return 0, record.Event{}, false
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median[T cmp.Ordered](x []T) T {
	s := slices.Sorted(slices.Values(x))
	return s[len(s)/2]
}
