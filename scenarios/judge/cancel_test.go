package judge

import (
	"slices"
	"testing"
	"time"

	"byocheck/simulator/record"
)

func cancelCases() []expected {
	cloud, carrier := talk(false)
	begun := cloud.is("invited", 0, record.Us)
	taken := carrier.is("invited", 0, record.Device)
	rings := cloud.is("progress", 180, record.Device)
	ringing := steps(begun, taken, rings)
	cancel := cloud.sends("CANCEL")
	ok := cloud.answered("CANCEL", 200)
	ended := cloud.is("cancelled", 487, record.Us)
	freed := steps(carrier.gets("CANCEL"), carrier.is("cancelled", 487, record.Device))
	held := steps(wait(releasing), carrier.is("rejected", 480, record.Us)) // we end it in the end
	accepted := steps(cloud.is("answered", 200, record.Device), cloud.is("confirmed", 0, ""), cloud.sends("BYE"), cloud.is("ended", 0, record.Us))
	// A call of the carrier to the cloud that has the same number on its own leg.
	carrierProgress := side{"carrier", "caller", 1, link{99, "carrier"}}.is("progress", 180, record.Device)
	given := cloud.fails("the device did not end the INVITE when we gave it up")
	return []expected{
		{"cancelled on both sides", one(ringing, cancel, ok, ended, wait(20*time.Millisecond), freed), Pass, []string{"ended the INVITE with 487", "stopped ringing 24 ms after"}, []string{"sip.message", "call"}},
		{"the carrier's side first", one(ringing, cancel, ok, freed, ended), Pass, nil, nil},
		{"487 before the answer to CANCEL", one(ringing, cancel, ended, ok, freed), Pass, nil, nil},
		{"the answer to CANCEL not seen", one(ringing, cancel, ended, freed), Pass, nil, nil},
		{"183 instead of 180", one(begun, taken, cloud.is("progress", 183, record.Device), cancel, ok, ended, freed), Pass, nil, nil},
		{"the INVITE reached the carrier after the CANCEL", one(begun, rings, cancel, taken, ok, ended, freed), Pass, nil, nil},
		{"cancelled at the carrier at 5 s", one(ringing, cancel, ended, wait(releasing-3*time.Millisecond), freed), Pass, []string{"5000 ms"}, nil},
		{"beside a call to another number", one(carrierTakes(call{number: 3, called: "911", status: 404}), ringing, cancel, ok, ended, freed), Pass, nil, nil},
		{"cancelled on both sides, the recording truncated", one(ringing, cancel, ok, ended, freed, flooded), Pass, nil, nil},

		{"the carrier goes on ringing", one(ringing, cancel, ok, ended, held), Fail, []string{"went on ringing", "pass CANCEL on"}, []string{"sip.message", "call"}},
		{"cancelled at the carrier by ourselves at 5 s", one(ringing, cancel, ended, wait(releasing-2*time.Millisecond), carrier.is("cancelled", 0, record.Us)), Fail, []string{"went on ringing"}, nil},
		{"cancelled at the carrier too late", one(ringing, cancel, ok, ended, wait(releasing), freed), Fail, []string{"went on ringing"}, nil},
		{"cancelled at the carrier within another limit", with(one(ringing, cancel, ok, ended, wait(7*time.Second), freed), func(c *Case) { c.Releasing = 8 * time.Second }), Pass, nil, nil},
		{"not cancelled at the carrier within another limit", with(one(ringing, cancel, ok, ended, freed), func(c *Case) { c.Releasing = 3 * time.Millisecond }), Fail, []string{"went on ringing"}, nil},
		{"the carrier's end not recorded", one(ringing, cancel, ok, ended), Fail, []string{"went on ringing"}, nil},
		{"487 missing, CANCEL answered", one(ringing, cancel, ok, freed, given), Fail, []string{"did not end the cancelled INVITE with 487: the device did not end the INVITE", "answered the CANCEL with 200", "RFC 3261 9.2"}, []string{"call"}},
		{"487 missing, CANCEL not answered", one(ringing, cancel, freed, given), Fail, []string{"did not end the cancelled INVITE"}, nil},
		{"487 missing, CANCEL answered with 481", one(ringing, cancel, cloud.answered("CANCEL", 481), held, given), Fail, []string{"answered the CANCEL with 481"}, nil},
		{"487 missing, nothing more recorded", one(ringing, cancel, ok), Fail, []string{"no final response"}, nil},
		{"another final response", one(ringing, cancel, ok, cloud.is("cancelled", 480, record.Us), freed), Fail, []string{"its final response was 480"}, nil},
		{"the connection ended instead", one(ringing, cancel, ok, cloud.fails("waiting for the answer to INVITE: the connection ended"), freed), Fail, []string{"the connection ended"}, nil},
		{"accepted after the CANCEL was answered", one(ringing, cancel, ok, accepted, held), Fail, []string{"it answered it with 2xx"}, nil},
		{"accepted long after the CANCEL", one(ringing, cancel, wait(crossing), accepted, held), Fail, []string{"it answered it with 2xx"}, nil},

		{"2xx crosses the CANCEL", one(ringing, cancel, accepted, cloud.answered("CANCEL", 481), held), Inconclusive, []string{"its 2xx crossed the CANCEL"}, []string{"call", "sip.message"}},
		{"2xx crosses the CANCEL, which is answered with 200", one(ringing, cancel, accepted, ok, held), Inconclusive, []string{"crossed"}, nil},
		{"2xx crosses the CANCEL, which is not answered", one(ringing, cancel, accepted, held), Inconclusive, []string{"crossed"}, nil},
		{"accepted before the CANCEL", one(ringing, cloud.is("answered", 200, record.Device), cloud.is("ended", 0, record.Us), held), Inconclusive, []string{"answered the call before it was cancelled"}, []string{"call"}},
		{"accepted before, cancelled nevertheless", one(ringing, cloud.is("answered", 200, record.Device), cancel, cloud.is("ended", 0, record.Us), held), Inconclusive, []string{"before it was cancelled"}, nil},
		{"carrier cancelled before the CANCEL", one(ringing, freed, cancel, ok, ended), Inconclusive, []string{"over at the carrier before the cloud cancelled"}, []string{"call"}},
		{"ended with 487 before the CANCEL", one(ringing, cloud.is("rejected", 487, record.Device), freed, cancel), Inconclusive, []string{"ended the call itself before"}, nil},
		{"487, but CANCEL answered with 481", one(ringing, cancel, ended, cloud.answered("CANCEL", 481), freed), Inconclusive, []string{"answered the CANCEL with 481"}, nil},
		{"we ended the carrier's side too soon", one(ringing, cancel, ok, ended, carrier.is("rejected", 480, record.Us)), Inconclusive, []string{"was not seen"}, nil},
		{"the carrier's side failed", one(ringing, cancel, ok, ended, carrier.fails("the connection ended")), Inconclusive, []string{"was not seen", "the connection ended"}, nil},
		{"no provisional response", one(begun, taken, held, given), Inconclusive, []string{"could not be cancelled while ringing"}, nil},
		{"18x only after the CANCEL", one(begun, taken, cancel, rings, ok, ended, freed), Inconclusive, []string{"could not be cancelled while ringing"}, nil},
		{"18x to a call of the carrier", one(begun, taken, carrierProgress, cancel, ok, ended, freed), Inconclusive, []string{"could not be cancelled while ringing"}, nil},
		{"18x of another call", one(begun, taken, cloud.again().is("progress", 180, record.Device), cancel, ok, ended, freed), Inconclusive, []string{"could not be cancelled while ringing"}, nil},
		{"no call at the carrier", one(begun, rings, cancel, ok, ended), Inconclusive, []string{"did not ring at the carrier"}, nil},
		{"another number at the carrier", one(begun, rings, carrierTakes(call{called: "555", status: 404}), cancel, ok, ended), Inconclusive, []string{`another number instead: "555"`}, nil},
		{"rejected", one(begun, taken, rings, cloud.is("rejected", 503, record.Device)), Inconclusive, []string{"final response 503"}, nil},
		{"CANCEL of another call", one(ringing, cloud.again().sends("CANCEL"), ended, freed), Inconclusive, []string{"could not be cancelled"}, nil},
		{"two calls at the carrier", one(ringing, carrier.again().is("invited", 0, record.Device), cancel, ok, ended, freed), Inconclusive, []string{"2 calls arrived at the carrier"}, nil},
		{"the end at the carrier not kept", one(ringing, cancel, ok, ended, flooded), Inconclusive, []string{"was not seen"}, nil},
		{"the end at the cloud not kept", one(ringing, cancel, ok, freed, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"the CANCEL not kept", one(ringing, ended, freed, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"unreachable", one(notDialled("unreachable: connection refused")), Inconclusive, []string{"not begun", "connection refused"}, []string{"tcp.dialled"}},
		{"our own mishap", one(stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
	}
}

func sipsCases() []expected {
	sips := func(c call) step { return cloudCall(c) }
	return []expected{
		{"connected", one(sips(call{}), carrierTakes(call{})), Pass, []string{"connected a call with sips: URIs"}, []string{"call"}},
		{"connected, no agent at the carrier", with(one(sips(call{})), noCarrier), Pass, nil, nil},
		{"connected, the SIP messages lost", one(sips(call{lost: true}), flooded), Pass, nil, []string{"call"}},

		{"416", one(sips(call{status: 416})), Fail, []string{"final response 416", "accept sips: URIs"}, []string{"call"}},
		{"404", one(sips(call{status: 404})), Fail, []string{"final response 404", "begin with those"}, nil},
		{"no final response", one(sips(call{status: -1})), Fail, []string{"no final response"}, nil},
		{"the device hangs up", one(sips(call{failure: "waiting for the answer to INVITE: the connection ended"})), Fail, []string{"the connection ended"}, nil},
		{"416, another call at the carrier", one(sips(call{status: 416}), carrierTakes(call{called: "911", status: 404})), Fail, nil, nil},
		{"416, the recording truncated", one(sips(call{status: 416}), flooded), Fail, nil, nil},

		{"passed on, but refused by the carrier", one(sips(call{status: 488}), carrierTakes(call{status: 488})), Inconclusive, []string{"on to the carrier", "488", "media scenarios"}, []string{"call"}},
		{"the end not kept", one(sips(call{cutShort: true}), flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"unreachable", one(notDialled("unreachable: connection refused")), Inconclusive, []string{"not begun", "connection refused"}, []string{"tcp.dialled"}},
		{"handshake fails", one(dial(refusesUs)), Inconclusive, []string{"not begun", "handshake failure"}, nil},
		{"under the former profile only", one(earlier(sips(call{}))), Error, []string{"nothing was recorded"}, nil},
		{"our own mishap", one(stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
	}
}

// TestCancelUnanswered: that no answer to the CANCEL was seen is told, but the
// recording may have ended before it.
func TestCancelUnanswered(t *testing.T) {
	for _, x := range cancelCases() {
		told := slices.Contains(CancelWhileRinging(x.c).Witnesses, "no answer to the CANCEL itself was seen")
		if x.status == Pass && told != (x.name == "the answer to CANCEL not seen" || x.name == "cancelled at the carrier at 5 s") {
			t.Errorf("%s: told %v", x.name, told)
		}
	}
}
