package suites

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"byocheck/simulator/record"
)

func TestNarrate(t *testing.T) {
	invite := record.SIPMessage{Dir: record.In, Method: "INVITE", Raw: record.Text("INVITE sip:+1@lb01 SIP/2.0\r\nVia: x\r\n")}
	sent := invite
	sent.Dir = record.Out
	for name, tt := range map[string]struct {
		body record.Body
		want string // empty: no news
	}{
		"a foreign peer":     {record.Accepted{Remote: "192.0.2.1:9", Foreign: true}, "lb01: connection from 192.0.2.1:9, which is not among device.sources: closed"},
		"a failed connect":   {record.Dialled{Error: "connecting to x: refused"}, "lb01: connecting to x: refused"},
		"a good connect":     {record.Dialled{}, ""},
		"cut":                {record.HandshakeFailed{Deadline: true}, "lb01: TLS handshake cut: it took longer than the deadline"},
		"an alert":           {record.Alert{Dir: record.In, Code: 48, Name: "unknown_ca"}, "lb01: the device sent alert unknown_ca (it does not trust the certificate's root)"},
		"an alert of ours":   {record.Alert{Dir: record.Out, Code: 40, Name: "handshake_failure"}, ""},
		"close_notify":       {record.Alert{Dir: record.In, Name: "close_notify"}, ""},
		"a request":          {invite, "lb01: the device sent INVITE sip:+1@lb01"},
		"a request of ours":  {sent, ""},
		"a response":         {record.SIPMessage{Dir: record.In, Method: "BYE", Status: 481, Raw: record.Text("SIP/2.0 481 Gone\r\n")}, "lb01: the device answered BYE with 481 Gone"},
		"100":                {record.SIPMessage{Dir: record.In, Method: "INVITE", Status: 100, Raw: record.Text("SIP/2.0 100 Trying\r\n")}, ""},
		"a call that failed": {record.Call{Leg: "cloud", State: "failed", Error: "no ACK"}, "lb01: the call at the cloud failed: no ACK"},
		"what nobody asked":  {record.Truncated{Dropped: 3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			line, news := Narrate(record.Event{Proxy: "lb01", Body: tt.body})
			if news != (tt.want != "") || line != tt.want {
				t.Errorf("got %q, %v, want %q", line, news, tt.want)
			}
		})
	}
}

func TestWatcherTellsEachThingOnceAStep(t *testing.T) {
	var said []string
	w := watcher{say: func(format string, args ...any) {
		said = append(said, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}}
	failed := func(by string) record.Event {
		return record.Event{Proxy: by, Body: record.HandshakeFailed{By: record.Device}}
	}
	for range 3 {
		w.see(failed("lb01"))
	}
	w.see(record.Event{Proxy: "lb01", Body: record.HandshakeDone{}}) // of every connection: no news here
	w.flush(true)
	w.see(failed("lb01"))
	for i := range 100 {
		w.see(failed(fmt.Sprintf("\x1b[31mlb%02d", i)))
	}
	w.flush(false)
	want := []string{"lb01: TLS handshake ended by the device", "lb01: TLS handshake ended by the device"}
	if len(said) != 1+mostTold || !slices.Equal(said[:2], want) {
		t.Errorf("said %q", said)
	}
	if strings.ContainsRune(strings.Join(said, ""), '\x1b') {
		t.Error("what the device wrote reached the terminal as it was")
	}
}
