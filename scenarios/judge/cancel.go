package judge

import (
	"fmt"
	"time"

	"byocheck/simulator/record"
)

// crossing is how long after our CANCEL a 2xx may come that the device had sent
// before: T1, RFC 3261's estimate of the round trip.
const crossing = 500 * time.Millisecond

// CancelWhileRinging judges whether a call of the cloud that is given up while
// it rings stops ringing. The carrier never answers in it.
func CancelWhileRinging(c Case) Verdict {
	v := Verdict{Expected: "When the cloud cancels a call that rings, the device ends the INVITE with 487 and cancels it on the carrier's side."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, false)
	if ls.cloud == nil {
		return c.notMeasured(v, a, "The call was not begun.")
	}
	cancel, answer, rang := ls.cloud.cancelled(a)
	n, dropped := truncated(a)
	near, _ := ls.cloud.last.Body.(record.Call)
	over := near.State == "rejected" || near.State == "cancelled" || near.State == "ended" || near.State == "failed"
	undecided := func(hint, format string, args ...any) Verdict {
		v.Status, v.Observed, v.Hint = Inconclusive, fmt.Sprintf(format, args...), hint
		return v
	}
	const look = "Look in the device's log for why it ended the call, and run the scenario again."
	switch {
	case ls.cloudCalls > 1 || ls.carrierCalls > 1:
		return undecided("Reserve the numbers under numbers.outbound for this test.", "%d calls arrived at the carrier for %d of the cloud.", ls.carrierCalls, ls.cloudCalls)
	case dropped && (ls.carrier == nil || !rang || cancel.Body == nil || !over):
		return undecided("Find out why the device floods us, and run the scenario again.", "There were so many events that %d could not be kept; what became of the call cannot be told from the rest.", n)
	case ls.cloud.answered && (cancel.Body == nil || ls.cloud.answeredAt.Mono < cancel.Mono):
		v.show(a, ls.cloud.answeredAt, "the answer")
		return undecided("Let the device not answer before the carrier does.", "The device answered the call before it was cancelled, though it only rang at the carrier.")
	case ls.carrier == nil || !rang || cancel.Body == nil:
		return undecided("Let the device pass 180 Ringing on to the cloud, and route numbers.outbound to the carrier agent.",
			"The call did not ring at the carrier and, by a 18x response, at the cloud, so it could not be cancelled while ringing. At the cloud: %s%s", ls.cloud.outcome(), ls.elsewhere("carrier agent"))
	case over && ls.cloud.last.Mono < cancel.Mono:
		v.show(a, ls.cloud.last, "the end of the INVITE at the cloud")
		return undecided(look, "The device ended the call itself before the cloud cancelled it: %s", ls.cloud.outcome())
	}
	v.show(a, cancel, "the CANCEL of the cloud")
	reply, _ := answer.Body.(record.SIPMessage)
	if ls.cloud.answered {
		v.show(a, ls.cloud.answeredAt, "the device's 2xx to the INVITE")
		if at := ls.cloud.answeredAt; at.Mono-cancel.Mono <= crossing && (answer.Body == nil || at.Seq < answer.Seq) {
			return undecided("Run the scenario again. Let the device not answer before the carrier does.", "The device answered the call at the moment when it was cancelled: its 2xx crossed the CANCEL.")
		}
	}
	if near.Status != 487 {
		return c.notEnded(v, a, ls.cloud, reply)
	}
	return c.stopped(v, a, ls.carrier, cancel, reply)
}

// notEnded is the verdict where the INVITE towards the cloud did not end with 487.
func (c Case) notEnded(v Verdict, a record.Attempt, l *leg, reply record.SIPMessage) Verdict {
	v.Status = unmet(c.Level)
	v.Observed = "The device did not end the cancelled INVITE with 487: "
	near, _ := l.last.Body.(record.Call)
	switch {
	case l.answered:
		v.Observed += "it answered it with 2xx."
	case near.Status >= 300:
		v.Observed += fmt.Sprintf("its final response was %d.", near.Status)
	default:
		v.Observed += l.outcome()
	}
	if reply.Status > 0 {
		v.Observed += fmt.Sprintf(" It answered the CANCEL with %d.", reply.Status)
	}
	v.Hint = "RFC 3261 9.2: the device answers CANCEL with 200 and the INVITE with 487."
	v.show(a, l.last, "the end of the INVITE at the cloud")
	return v
}

// stopped judges the carrier's side of a call whose INVITE was ended with 487.
func (c Case) stopped(v Verdict, a record.Attempt, l *leg, cancel record.Event, reply record.SIPMessage) Verdict {
	far, _ := l.last.Body.(record.Call)
	took := l.last.Mono - cancel.Mono
	over := far.State == "rejected" || far.State == "cancelled" || far.State == "ended" || far.State == "failed"
	v.show(a, l.last, "how the call ended at the carrier")
	_, dropped := truncated(a)
	switch {
	case reply.Status >= 300:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device ended the INVITE with 487, but answered the CANCEL with %d: it may have ended the call for another reason.", reply.Status)
		v.Hint = "Look in the device's log for why it did not know the transaction of the CANCEL."
	case over && took < 0:
		v.Status = Inconclusive
		v.Observed = "The call was over at the carrier before the cloud cancelled it, so it cannot be told what the CANCEL did."
		v.Hint = "Look in the device's log for why it gave up the carrier's side, and let it wait longer for an answer."
	case !over && dropped, far.State == "failed", far.By == record.Us && over && took < c.releasing():
		v.Status = Inconclusive
		v.Observed = "The device ended the INVITE with 487, but how the call ended at the carrier was not seen. There: " + l.outcome()
		v.Hint = "Run the scenario again."
	case far.State != "cancelled" || far.By != record.Device || took > c.releasing():
		v.Status = unmet(c.Level)
		v.Observed = "The device ended the INVITE towards the cloud, but the carrier's side went on ringing."
		v.Hint = "The device must pass CANCEL on to the other side."
	default:
		v.Status = Pass
		v.Observed = fmt.Sprintf("The device ended the INVITE with 487, and the carrier's side stopped ringing %.0f ms after the CANCEL.", ms(took))
		if reply.Status == 0 {
			v.Witnesses = append(v.Witnesses, "no answer to the CANCEL itself was seen")
		}
	}
	return v
}

// cancelled returns our CANCEL on the leg and the final response to it, and
// whether a response had told that the call rings.
func (l *leg) cancelled(a record.Attempt) (cancel, answer record.Event, rang bool) {
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.SIPMessage:
			switch {
			case b.Method != "CANCEL" || !l.has(e, b):
			case b.Dir == record.Out && b.Status == 0 && cancel.Body == nil:
				cancel = e
			case b.Dir == record.In && b.Status >= 200 && cancel.Body != nil && answer.Body == nil:
				answer = e
			}
		case record.Call:
			if b.Leg == l.name && b.Call == l.number && b.State == "progress" && cancel.Body == nil {
				rang = true
			}
		}
	}
	return cancel, answer, rang
}
