package judge

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
)

// keyed is the value of an a=crypto line with a key that is always the same.
func keyed(tag int, suite sdes.SuiteName, params ...string) string {
	l, err := sdes.Generate(tag, suite, bytes.NewReader(make([]byte, 64)))
	if err != nil {
		panic(err)
	}
	l.Params = params
	return l.String()
}

// mandatory is the line that everybody is to use.
var mandatory = keyed(1, MandatorySuite)

// stream is an audio stream of a description.
func stream(profile string, lines ...string) string {
	text := string(sdp.Audio{Addr: netip.MustParseAddrPort("192.0.2.7:4000"), Profile: profile,
		Codecs: []sdp.Codec{sdp.PCMU, sdp.PCMA, sdp.Event}, Crypto: lines}.Text(1))
	return text[strings.Index(text, "m="):]
}

// description makes a session description of streams.
func description(streams ...string) string {
	return "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" + strings.Join(streams, "")
}

// secured is the description that is right in every way.
var secured = description(stream("RTP/SAVP", mandatory))

// call is one leg of a call. The zero value is answered and heard well.
type call struct {
	number uint64 // of the leg; 0 is 1
	called string // the number dialled
	// offer and answer are session descriptions; empty is secured, "none" is none.
	offer, answer string
	// status is the final response; 0 is 200, -1 none.
	status  int
	failure string
	// heard changes what was heard; unheard leaves it out.
	heard   func(*record.Media)
	unheard bool
	// again are offers of the device within the call.
	again []string
	// lost leaves the SIP messages out of the recording.
	lost bool
	// cutShort ends the leg's events after its beginning.
	cutShort bool
}

// play emits the leg: name is cloud or carrier, role is ours.
func (x call) play(w *wire, l link, name, role string) {
	if x.number == 0 {
		x.number = 1
	}
	if x.called == "" {
		x.called = "+13175550100"
	}
	described := func(s string) string {
		switch s {
		case "":
			return secured
		case "none":
			return ""
		}
		return s
	}
	request, response, by := record.Out, record.In, record.Device
	if role == "callee" {
		request, response, by = record.In, record.Out, record.Us
	}
	say := func(dir record.Direction, status int, body string) {
		if x.lost {
			return
		}
		line := "INVITE sip:x SIP/2.0"
		if status > 0 {
			line = fmt.Sprintf("SIP/2.0 %d x", status)
		}
		w.emit(l, record.SIPMessage{Dir: dir, Transport: "TLS", Method: "INVITE", Status: status, CallID: "c", Call: x.number,
			Raw: record.Text(line + "\r\nContent-Type: application/sdp\r\n\r\n" + body)})
	}
	step := func(state string, status int) {
		w.emit(l, record.Call{Leg: name, Call: x.number, Role: role, Number: x.called, State: state, Status: status, By: by, Error: x.failure})
	}
	say(request, 0, described(x.offer))
	step("invited", 0)
	switch {
	case x.cutShort:
	case x.failure != "":
		step("failed", 0)
	case x.status < 0:
		step("cancelled", 0)
	case x.status >= 300:
		say(response, x.status, "")
		step("rejected", x.status)
	default:
		say(response, 200, described(x.answer))
		step("answered", 200)
		step("confirmed", 0)
		for _, offer := range x.again {
			say(record.In, 0, offer)
		}
		if !x.unheard {
			w.emit(l, x.media(name))
		}
		step("ended", 0)
	}
}

// media is what a healthy leg hears in four seconds.
func (x call) media(name string) record.Media {
	m := record.Media{Leg: name, Call: x.number, Codec: "PCMU", Sent: 200, Received: 200, SentToneHz: 700, ExpectToneHz: 1100,
		Blocks: 200, ToneShare: 0.98, SilenceShare: 0.02}
	if name == "cloud" {
		m.Encrypted, m.Suite, m.Authenticated = true, MandatorySuite, 200
	}
	if x.heard != nil {
		x.heard(&m)
	}
	return m
}

// cloudCall is a call from the cloud, on a connection of its own.
func cloudCall(x call) step {
	return dial(shakes(20*time.Millisecond), func(w *wire, l link) { x.play(w, l, "cloud", "caller") })
}

// carrierTakes is the same call where it comes out of the device.
func carrierTakes(x call) step {
	return func(w *wire) { x.play(w, link{99, "carrier"}, "carrier", "callee") }
}

// carrierCall is a call from the carrier's side.
func carrierCall(x call) step {
	return func(w *wire) { x.play(w, link{99, "carrier"}, "carrier", "caller") }
}

// cloudTakes is the same call where it comes to the cloud, on a connection of the device.
func cloudTakes(x call) step {
	return device("lb01", handshake, func(w *wire, l link) {
		octets(w, l)
		x.play(w, l, "cloud", "callee")
	})
}
