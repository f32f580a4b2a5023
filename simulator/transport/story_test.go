package transport

import (
	"fmt"
	"strings"

	"byocheck/simulator/record"
)

// story tells the events after mark, a line each, for failures.
func story(rec *record.Recorder, mark uint64) string {
	var b strings.Builder
	for _, e := range rec.Since(mark) {
		body := fmt.Sprintf("%+v", e.Body)
		fmt.Fprintf(&b, "  %d %v conn %d gen %d %s %s\n", e.Seq, e.Mono, e.Conn, e.Generation, e.Body.Kind(), body[:min(len(body), 200)])
	}
	return b.String()
}

// outcome tells what ended a connection in one line, records left out:
// "alert in 42; failed by device; closed by device".
func outcome(rec *record.Recorder, conn uint64) string {
	var parts []string
	for _, e := range rec.Since(0) {
		if e.Conn != conn {
			continue
		}
		switch b := e.Body.(type) {
		case record.Alert:
			seal := ""
			if b.Encrypted {
				seal = " sealed"
			}
			parts = append(parts, fmt.Sprintf("alert %s %d%s", b.Dir, b.Code, seal))
		case record.HandshakeDone:
			parts = append(parts, "done")
		case record.HandshakeFailed:
			late := ""
			if b.Deadline {
				late = " at the deadline"
			}
			parts = append(parts, fmt.Sprintf("failed by %s%s", b.By, late))
		case record.Closed:
			parts = append(parts, fmt.Sprintf("closed by %s %s", b.By, b.How))
		case record.TLSRecord:
			if b.Type == recordApplicationData && b.Dir == record.In {
				parts = append(parts, "data")
			}
		}
	}
	return strings.Join(parts, "; ")
}
