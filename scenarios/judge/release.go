package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// releasing bounds how long a BYE or CANCEL may take through the device, unless
// the case says otherwise.
const releasing = 5 * time.Second

func (c Case) releasing() time.Duration {
	if c.Releasing == 0 {
		return releasing
	}
	return c.Releasing
}

// sides are who may hang up, each in an attempt named after it.
var sides = []string{"cloud", "carrier"}

// Release judges whether a call that one side hangs up is released on the other
// side too. There is an attempt for each side: released-by-cloud and
// released-by-carrier. A side that is not released weighs more than one of which
// that cannot be told.
func Release(c Case) Verdict {
	v := Verdict{Expected: fmt.Sprintf("Whichever side hangs up, the device answers the BYE with 200 and releases the other side within %g s.", c.releasing().Seconds())}
	if !c.outside(&v) {
		return v
	}
	var said []string
	var worst *finding
	for _, side := range sides {
		i := slices.IndexFunc(c.Attempts, func(a record.Attempt) bool { return a.Name == "released-by-"+side })
		f := finding{status: Error, observed: "The case holds no call that the " + side + " hung up: the harness did not play the scenario to its end."}
		if i >= 0 {
			f = c.released(&v, c.Attempts[i], side)
		}
		switch {
		case f.released:
			said = append(said, f.observed)
		case worst == nil || f.unmet && !worst.unmet:
			worst = &f
		}
	}
	if worst != nil {
		v.Status, v.Observed, v.Hint = worst.status, worst.observed, worst.hint
		return v
	}
	v.Status = Pass
	v.Observed = "The device released both sides: " + strings.Join(said, "; ") + "."
	return v
}

// finding is what one of the attempts shows.
type finding struct {
	released, unmet bool
	status          Status // unless released
	observed, hint  string
}

// released judges the attempt in which a side, the near one, hung up.
func (c Case) released(v *Verdict, a record.Attempt, side string) finding {
	unknown := func(hint, format string, args ...any) finding {
		return finding{status: Inconclusive, observed: fmt.Sprintf(format, args...), hint: hint}
	}
	broken := func(hint, format string, args ...any) finding {
		return finding{unmet: true, status: unmet(c.Level), observed: fmt.Sprintf(format, args...), hint: hint}
	}
	const connect, again = "The media scenarios say why calls do not connect.", "Look in the device's log for why it ended the call, and run the scenario again."
	ls := legs(a, c.inbound())
	near, far := ls.cloud, ls.carrier
	if side == "carrier" {
		near, far = far, near
	}
	n, dropped := truncated(a)
	switch {
	case ls.cloudCalls > 1 || ls.carrierCalls > 1:
		return unknown("Reserve the numbers for this test.", "There were %d calls at the cloud and %d at the carrier instead of one, when the %s was to hang up.", ls.cloudCalls, ls.carrierCalls, side)
	case near == nil || far == nil || !near.answered || !far.answered || near.failure != "" || far.failure != "":
		return unknown(connect, "The call that the %s was to hang up was not connected, so its release cannot be judged.%s%s", side, ls.cloud.tell(), ls.carrier.tell())
	}
	bye, answer, theirs := near.byes(a)
	end, _ := far.last.Body.(record.Call)
	ended := end.State == "ended"
	took := far.last.Mono - bye.Mono
	switch {
	case dropped && (answer.Body == nil || !ended):
		return unknown("Find out why the device floods us, and run the scenario again.", "There were so many events that %d could not be kept; how the call ended that the %s hung up cannot be told from the rest.", n, side)
	case theirs.Body != nil:
		v.show(a, theirs, "the device's own BYE to the %s", side)
		return unknown(again, "The device ended the call itself when the %s was about to hang it up: their BYEs crossed, or the device's came first.", side)
	case bye.Body == nil:
		return unknown(again, "The call was over before the %s could hang it up.", side)
	case ended && took < 0:
		v.show(a, far.last, "how the call ended at the %s", far.name)
		return unknown(again, "The call was over at the %s before the %s hung up, so its release cannot be judged.", far.name, side)
	}
	v.show(a, bye, "the BYE of the %s", side)
	const find = "Check that the device finds the call by its dialog, whatever connection the BYE comes on."
	m, _ := answer.Body.(record.SIPMessage)
	switch {
	case answer.Body == nil:
		return broken(find, "The device did not answer the BYE of the %s.", side)
	case m.Status >= 300:
		v.show(a, answer, "the answer")
		return broken(find, "The device answered the BYE of the %s with %d.", side, m.Status)
	}
	v.show(a, far.last, "how the call ended at the %s", far.name)
	switch {
	case ended && end.By == record.Us && took < c.releasing():
		return unknown("Run the scenario again.", "The call that the %s hung up was ended at the %s by ourselves, before the device's time was up.", side, far.name)
	case !ended || end.By != record.Device || took > c.releasing():
		return broken("The device must pass BYE on to the other side.", "The %s hung up, but the %s was not released within %g s.", side, far.name, c.releasing().Seconds())
	}
	v.measure("release by the "+side, ms(took), "ms")
	return finding{released: true, observed: fmt.Sprintf("when the %s hung up, the %s was released after %.0f ms", side, far.name, ms(took))}
}

// tell says how a leg went, if there was one.
func (l *leg) tell() string {
	if l == nil {
		return ""
	}
	return " At the " + l.name + ": " + l.outcome()
}

// inbound reports whether the scenario's calls come from the device.
func (c Case) inbound() bool { return strings.Contains(c.Scenario, ".inbound.") }

// has tells whether a SIP message belongs to the leg's call.
func (l *leg) has(e record.Event, m record.SIPMessage) bool {
	return m.Call == l.number && (l.name == "carrier") == (e.Proxy == "carrier")
}

// byes returns our BYE on the leg, the final response to it, and the device's
// BYE, if that came before the response.
func (l *leg) byes(a record.Attempt) (ours, answer, theirs record.Event) {
	for _, e := range a.Events {
		m, is := e.Body.(record.SIPMessage)
		if !is || m.Method != "BYE" || !l.has(e, m) {
			continue
		}
		switch {
		case m.Dir == record.Out && m.Status == 0 && ours.Body == nil:
			ours = e
		case m.Dir == record.In && m.Status == 0 && answer.Body == nil && theirs.Body == nil:
			theirs = e
		case m.Dir == record.In && m.Status >= 200 && ours.Body != nil && answer.Body == nil:
			answer = e
		}
	}
	return ours, answer, theirs
}
