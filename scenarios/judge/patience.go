package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// Patience tells how long the device waits for a proxy that does not go on with
// the handshake. Each attempt is named after where the proxy stops, or after how
// late it goes on.
func Patience(c Case) Verdict {
	v := Verdict{Expected: "How long the device waits for a proxy that stops in the handshake is told, not judged."}
	if !c.outside(&v) || !c.controlled(&v) {
		return v
	}
	var told []string
	seen := false
	for _, a := range c.Attempts {
		w := waited(a)
		said, at := w.stalled(), w.at
		if w.delayed {
			said, at = w.late()
		} else if w.conn != nil && w.gaveUp > 0 {
			v.measure(map[bool]string{true: "goes on, ", false: "gives up, "}[w.on]+a.Name, ms(w.gaveUp), "ms")
		}
		told = append(told, a.Name+": "+said)
		if w.conn != nil {
			seen = true
			v.show(a, at, "%s, %s: %s", w.conn.proxy, a.Name, said)
		}
	}
	v.Status = Pass
	v.Observed = strings.Join(told, "; ") + "."
	if !seen {
		v.Status = Inconclusive
		v.Hint = "If the device had marked the proxy as down, raise device.recovery or give a device.reset hook."
	}
	return v
}

// GaveUp returns how long the device waited for a proxy that stopped in the
// handshake until it ended the connection or turned to another proxy; 0 where it
// did neither while somebody waited for the call.
func GaveUp(a record.Attempt) time.Duration { return waited(a).gaveUp }

// standstill is what a device did with the proxy that stopped or went on late.
type standstill struct {
	conn    *connection // with that proxy, nil where it did not try it
	delayed bool        // the proxy went on
	gaveUp  time.Duration
	on      bool         // it turned to another proxy, before it ended the connection
	next    string       // which
	at      record.Event // what shows that
	left    time.Duration
}

func waited(a record.Attempt) standstill {
	var w standstill
	var odd []string
	for _, e := range a.Events {
		if b, is := e.Body.(record.Profile); is && b.Generation == a.Generation {
			odd, w.delayed = b.Odd, b.Delay > 0
		}
	}
	var next *connection
	for _, x := range tried(connections(a)) {
		switch {
		case w.conn == nil && (len(odd) == 0 || slices.Contains(odd, x.proxy)):
			w.conn = x
		case w.conn != nil && next == nil && x.proxy != w.conn.proxy:
			next = x
		}
	}
	if w.conn == nil {
		return w
	}
	ls := legs(a, true)
	over := time.Duration(1<<63 - 1) // what the device does then is not for the proxy's sake
	w.left = a.Ended - w.conn.opened.Mono
	if ls.carrier != nil {
		if e := ls.carrier.given(a); e.Body != nil {
			over, w.left = e.Mono, e.Mono-w.conn.opened.Mono
		}
	}
	w.at = w.conn.opened
	// It goes on where the call does: it may open connections for its own pings
	// at any time. Without a call there are only those.
	var on record.Event
	switch {
	case ls.cloud != nil && ls.cloud.began.Proxy != w.conn.proxy:
		on = ls.cloud.began
	case ls.carrier == nil && next != nil:
		on = next.opened
	}
	ended := w.conn.ender == record.Device && w.conn.end.Mono < over
	switch {
	case on.Body != nil && on.Mono < over && !(ended && w.conn.end.Mono < on.Mono):
		w.gaveUp, w.on, w.next, w.at = on.Mono-w.conn.opened.Mono, true, on.Proxy, on
	case ended:
		w.gaveUp, w.at = w.conn.end.Mono-w.conn.opened.Mono, w.conn.end
	}
	return w
}

// stalled says what the device made of a proxy that stopped.
func (w standstill) stalled() string {
	switch {
	case w.conn == nil:
		return "the device did not try that proxy"
	case w.on:
		said := fmt.Sprintf("it went on to %s after %.0f ms", w.next, ms(w.gaveUp))
		if w.conn.ender != record.Device {
			said += ", and left the connection open"
		}
		return said
	case w.gaveUp > 0:
		return fmt.Sprintf("it gave up after %.0f ms", ms(w.gaveUp))
	}
	return fmt.Sprintf("it did not give up within %.1f s, when the call was over", w.left.Seconds())
}

// late says what the device made of a proxy that went on, and what shows that.
func (w standstill) late() (string, record.Event) {
	switch {
	case w.conn == nil:
		return "the device did not try that proxy", w.at
	case w.conn.data && !w.on:
		return "it used that proxy", w.conn.first
	case w.gaveUp > 0:
		return "it had given up by then", w.at
	}
	return "it did not use that proxy", w.at
}
