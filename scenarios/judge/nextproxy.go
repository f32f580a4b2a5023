package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// patience is how long a caller may be expected to wait for the next proxy.
const patience = 10 * time.Second

// NextProxy judges whether a call goes through another proxy when the one that
// the device used in the control refuses connections, does not answer, or does
// not go on with a handshake. It judges the INVITE's way; what else may be wrong with the call is
// judged elsewhere.
func NextProxy(c Case) Verdict {
	v := Verdict{Expected: "When the proxy that the device prefers cannot be used, the same call goes through another one."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	control, a := c.Control[len(c.Control)-1], c.Attempts[len(c.Attempts)-1]
	refusing, doing, begin := refusal(a)
	var preferred []string
	for _, l := range legs(control, true).all {
		if l.name == "cloud" {
			preferred = append(preferred, l.began.Proxy)
		}
	}
	n, dropped := truncated(a)
	ls := legs(a, true)
	refused := strings.Join(refusing, ", ")
	switch {
	case len(preferred) == 0:
		v.Status = Inconclusive
		v.Observed = "In the control the device sent SIP, but the call did not arrive, so it is not known which proxy it prefers."
		v.Hint = "The media scenarios say why calls do not connect."
		return v
	case len(refusing) > 0 && !slices.ContainsFunc(preferred, func(p string) bool { return slices.Contains(refusing, p) }):
		v.Status = Error
		v.Observed = fmt.Sprintf("In the control the call came to %s, but %s was the one that could not be used, which proves nothing.", strings.Join(preferred, ", "), refused)
		return v
	case len(refusing) == 0 && !dropped:
		v.Status = Error
		v.Observed = "The attempt does not show that any proxy could not be used."
		return v
	case ls.cloud == nil && dropped, len(refusing) == 0:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("There were so many events that %d could not be kept; what became of the call cannot be told from the rest.", n)
		v.Hint = "Find out why the device floods the proxies, and run the scenario again."
		return v
	case ls.carrier == nil && ls.cloud != nil:
		v.Status = Error
		v.Observed = "A call came to the cloud, but the harness recorded none of the carrier."
		v.show(a, ls.cloud.began, "the call at the cloud")
		return v
	case ls.carrier == nil:
		if v = c.notArrived(v, a, ls); v.Status != Error {
			v.Status = Inconclusive
		}
		return v
	case ls.cloudCalls > 1:
		return ls.tooMany(v)
	case ls.cloud == nil:
		return c.lost(v, a, ls, refusing, doing)
	}
	arrived, through := ls.cloud.began, ls.cloud.began.Proxy
	over := ls.carrier.given(a)
	v.show(a, arrived, "the call arrived at %s", through)
	switch {
	case slices.Contains(refusing, through):
		v.Status = Error
		v.Observed = fmt.Sprintf("The call came to %s, which was not to be used.", through)
	case over.Body != nil && over.Mono < arrived.Mono:
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("With %s %s, the call came to %s only %.1f s after it was over at the carrier. There: %s", refused, doing, through, (arrived.Mono - over.Mono).Seconds(), ls.carrier.outcome())
		v.Hint = "Shorten the device's timer for a proxy that does not answer: the caller is gone by then."
		v.show(a, over, "the call was over at the carrier")
	case !ls.cloud.answered || !ls.carrier.answered:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("With %s %s, the call came to %s, but was not connected. At the cloud: %s At the carrier: %s", refused, doing, through, ls.cloud.outcome(), ls.carrier.outcome())
		v.Hint = "The media scenarios say why calls do not connect."
		v.show(a, ls.carrier.last, "the carrier's leg")
	case Skipped(a):
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The call went through %s, but the device had not tried %s before, so it was not seen whether that would have helped.", through, refused)
		v.Hint = "A device that takes the proxies in turn does so: run the scenario again. If it had marked the proxy as down, raise device.recovery or give a device.reset hook."
	default:
		v.Status = Pass
		took := "."
		if begin.Body != nil {
			d := arrived.Mono - begin.Mono
			v.measure("time to the next proxy", ms(d), "ms")
			took = fmt.Sprintf("; its INVITE arrived %.1f s after the carrier had begun to call.", d.Seconds())
			if d > patience {
				v.Hint = "Callers hang up sooner than that: shorten the device's timer for a proxy that does not answer."
			}
		}
		v.Observed = fmt.Sprintf("With %s %s, the call went through %s%s", refused, doing, through, took)
		if !traceless(doing) {
			break
		}
		v.Witnesses = append(v.Witnesses, "a connection that does not come about leaves no trace at the proxy, so whether the device tried "+refused+" first was not seen")
	}
	return v
}

// Skipped reports whether the call of an attempt came to a proxy without the
// device having tried the one that could not be used. Where trying leaves no
// trace it is never said.
func Skipped(a record.Attempt) bool {
	refusing, doing, _ := refusal(a)
	ls := legs(a, true)
	return ls.cloud != nil && !traceless(doing) && !slices.ContainsFunc(connections(a), func(conn *connection) bool {
		return conn.accepted && slices.Contains(refusing, conn.proxy) && conn.opened.Mono < ls.cloud.began.Mono
	})
}

// lost is the verdict where the call came to no proxy.
func (c Case) lost(v Verdict, a record.Attempt, ls callLegs, refusing []string, doing string) Verdict {
	refused := strings.Join(refusing, ", ")
	v.show(a, ls.carrier.last, "the carrier's leg")
	for _, e := range a.Events {
		if b, is := e.Body.(record.Call); is && b.Leg == "cloud" && b.Role == "callee" && b.State == "invited" && e.Generation != a.Generation {
			v.Status = Inconclusive
			v.Observed = fmt.Sprintf("A call came to %s, but over a connection that was opened before, which proves nothing.", e.Proxy)
			v.Hint = "Run the scenario again."
			v.show(a, e, "the call at %s", e.Proxy)
			return v
		}
	}
	conns := tried(connections(a))
	if len(conns) > 0 {
		witness := "the device opened TLS connections to " + proxies(conns)
		if alerts := alertsOf(conns); alerts != "" {
			witness += "; its alerts: " + alerts
		}
		v.Witnesses = append(v.Witnesses, witness)
	}
	v.Status = unmet(c.Level)
	v.Observed = fmt.Sprintf("With %s %s, the call was lost. At the carrier: %s", refused, doing, ls.carrier.outcome())
	if ls.carrier.answered {
		v.Observed = fmt.Sprintf("With %s %s, the call came to no proxy: the device connected it elsewhere.", refused, doing)
	}
	v.Observed += ls.elsewhere("cloud")
	v.Hint = "List all four proxies on the trunk, and let the device try the next one when one cannot be used, before the caller hangs up."
	slow := slices.DeleteFunc(conns, func(conn *connection) bool {
		return conn.failed == nil || !conn.failed.Deadline || slices.Contains(refusing, conn.proxy)
	})
	if len(slow) > 0 {
		v.Observed += fmt.Sprintf(" It did try %s, but was itself too slow: the handshake took longer than the deadline, and we cut it as Genesys does.", proxies(slow))
		v.Hint = "Find out what takes the device so long in a handshake as TLS client: fetches of revocation lists, checks of the chain, load."
		v.show(a, slow[0].failedAt, "%s: we cut the handshake", slow[0].proxy)
	}
	return v
}

// What a proxy that cannot be used does.
const (
	refusingThem = "refusing"
	notAnswering = "not answering"
	stalling     = "not going on with the handshake"
	resetting    = "resetting the handshake"
	hangingUp    = "hanging up in the handshake"
)

// traceless reports whether nothing of the device is recorded where a proxy does that.
func traceless(doing string) bool { return doing == refusingThem || doing == notAnswering }

// stopping says what a proxy does that plays a script.
func stopping(script string) string {
	switch script {
	case "reset-after-hello":
		return resetting
	case "truncated-certificate":
		return hangingUp
	}
	return stalling
}

// refusal finds which proxies could not be used in the attempt, what they did,
// and the start of its stimulus.
func refusal(a record.Attempt) (refusing []string, doing string, begin record.Event) {
	doing = refusingThem
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.Profile:
			if b.Generation == a.Generation {
				refusing = b.Refusing
				doing = refusingThem
				switch {
				case b.Script != "":
					refusing, doing = b.Odd, stopping(b.Script)
				case len(b.Dropping) > 0:
					refusing, doing = b.Dropping, notAnswering
				}
			}
		case record.Stimulus:
			if b.State == "started" && begin.Body == nil {
				begin = e
			}
		}
	}
	return refusing, doing, begin
}

// given finds where a call of the carrier was over for its caller: our CANCEL,
// or an end without an answer.
func (l *leg) given(a record.Attempt) record.Event {
	for _, e := range a.Events {
		if m, is := e.Body.(record.SIPMessage); is && m.Method == "CANCEL" && m.Dir == record.Out && m.Status == 0 && l.has(e, m) {
			return e
		}
	}
	if b, is := l.last.Body.(record.Call); is && !l.answered && (b.State == "rejected" || b.State == "failed" || b.State == "cancelled") {
		return l.last
	}
	return record.Event{}
}
