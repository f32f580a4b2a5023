package suites

import (
	"slices"
	"sync"

	"byocheck/simulator/record"
	"byocheck/suites/report"
)

// watcher tells a person who watches a run what the device does, each thing
// once a step. The recorder calls see; lines are told from elsewhere, so
// that a slow terminal does not slow the simulator.
type watcher struct {
	say   func(format string, args ...any)
	mu    sync.Mutex
	told  []string
	queue []string
}

// mostTold bounds the lines of one step: a flood shows after these few.
const mostTold = 12

// see is a record.Recorder's Watch.
func (w *watcher) see(e record.Event) {
	line, news := Narrate(e)
	if !news || !interesting(e) {
		return
	}
	line = report.Printable(line) // the device may have written it
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) >= mostTold || slices.Contains(w.told, line) {
		return
	}
	w.told = append(w.told, line)
	w.queue = append(w.queue, line)
}

// interesting leaves out what happens on every connection and in every call.
func interesting(e record.Event) bool {
	switch b := e.Body.(type) {
	case record.Accepted:
		return b.Foreign
	case record.SIPMessage:
		return b.Method == "INVITE" && (b.Status == 0 || b.Status >= 200) || b.Method == "CANCEL" && b.Status == 0
	case record.Media:
		return b.Received > 0
	case record.Call:
		return b.State == "failed"
	case record.HandshakeDone, record.DNSQuery, record.Fetch, record.TLSProbe, record.RevocationAnswer:
		return false
	}
	return true
}

// flush tells what has come since the last time; fresh begins a new step.
func (w *watcher) flush(fresh bool) {
	w.mu.Lock()
	lines := w.queue
	w.queue = nil
	if fresh {
		w.told = nil
	}
	w.mu.Unlock()
	for _, l := range lines {
		w.say("  %s", l)
	}
}
