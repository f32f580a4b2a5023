package judge

import (
	"testing"
	"time"

	"byocheck/simulator/record"
)

// releaseCases play each case with the cloud hanging up and with the carrier, in
// calls of either direction; the other side is released as it should be.
func releaseCases() (out []expected) {
	for _, direction := range []string{"outbound", "inbound"} {
		for _, who := range sides {
			out = append(out, releasedBy(direction, who)...)
		}
	}
	return append(out, releasedTwice()...)
}

// released makes a case out of what happens when each side hangs up.
func released(direction string, byCloud, byCarrier step) Case {
	return with(one(), func(c *Case) {
		c.Scenario = "sip." + direction + ".release-by-each-side"
		c.Attempts = []record.Attempt{attempt("released-by-cloud", byCloud), attempt("released-by-carrier", byCarrier)}
	})
}

// both are the near side, which hangs up, and the far one.
func both(direction, who string) (near, far side) {
	near, far = talk(direction == "inbound")
	if who == "carrier" {
		near, far = far, near
	}
	return near, far
}

// goodBye: connected, hung up by near, released at far.
func goodBye(near, far side) step {
	return steps(near.connects(), far.connects(), near.sends("BYE"), near.answered("BYE", 200), near.is("ended", 0, record.Us),
		wait(20*time.Millisecond), far.gets("BYE"), far.answers("BYE", 200), far.is("ended", 0, record.Device))
}

func releasedBy(direction, who string) []expected {
	near, far := both(direction, who)
	other := "carrier"
	if who == other {
		other = "cloud"
	}
	otherNear, otherFar := both(direction, other)
	made := func(all ...step) Case {
		s, good := steps(all...), goodBye(otherNear, otherFar)
		if who == "cloud" {
			return released(direction, s, good)
		}
		return released(direction, good, s)
	}
	up := steps(near.connects(), far.connects())
	hung := steps(near.sends("BYE"), near.answered("BYE", 200), near.is("ended", 0, record.Us))
	freed := steps(far.gets("BYE"), far.answers("BYE", 200), far.is("ended", 0, record.Device))
	gone := far.is("ended", 0, record.Us)
	cases := []expected{
		{"both released", made(goodBye(near, far)), Pass, []string{"when the cloud hung up, the carrier was released after", "when the carrier hung up, the cloud was released after"}, []string{"sip.message", "call"}},
		{"released before the BYE is answered", made(up, near.sends("BYE"), freed, near.answered("BYE", 200), near.is("ended", 0, record.Us)), Pass, nil, nil},
		{"released at 5 s", made(up, near.sends("BYE"), near.answered("BYE", 200), wait(releasing-2*time.Millisecond), far.is("ended", 0, record.Device)), Pass, []string{"after 5000 ms"}, nil},
		{"after a session refresh", made(up, near.is("refreshed", 200, record.Device), far.is("refreshed", 200, record.Device), hung, freed), Pass, nil, nil},
		{"the device's own BYE after it answered ours", made(up, hung, near.gets("BYE"), freed), Pass, nil, nil},
		{"beside a call to another number", made(carrierTakes(call{number: 8, called: "911", status: 404}), cloudTakes(call{number: 8, called: "911", status: 404}), goodBye(near, far)), Pass, nil, nil},

		{"not released", made(up, hung, wait(releasing), gone), Fail, []string{"The " + who + " hung up, but the " + other + " was not released within 5 s", "pass BYE on"}, []string{"sip.message", "call"}},
		{"not released, ended by us at 5 s", made(up, near.sends("BYE"), near.answered("BYE", 200), wait(releasing-2*time.Millisecond), gone), Fail, []string{"was not released within 5 s"}, nil},
		{"released too late", made(up, hung, wait(releasing), freed), Fail, []string{"was not released within 5 s"}, nil},
		{"the far leg's end not recorded", made(up, hung), Fail, []string{"was not released"}, nil},
		{"only a refresh by the device after the BYE", made(up, hung, far.is("refreshed", 200, record.Device)), Fail, []string{"was not released"}, nil},
		{"BYE not answered", made(up, near.sends("BYE"), freed, near.is("ended", 0, record.Us)), Fail, []string{"did not answer the BYE of the " + who, "by its dialog"}, []string{"sip.message"}},
		{"BYE answered on the other leg only", made(up, near.sends("BYE"), far.answered("BYE", 200), freed), Fail, []string{"did not answer the BYE"}, nil},
		{"BYE answered with 100 only", made(up, near.sends("BYE"), near.answered("BYE", 100), freed), Fail, []string{"did not answer the BYE"}, nil},
		{"BYE answered with 481", made(up, near.sends("BYE"), near.answered("BYE", 481), freed), Fail, []string{"answered the BYE of the " + who + " with 481"}, []string{"sip.message"}},
		{"BYE answered with 481, repeated and answered with 200", made(up, near.sends("BYE"), near.answered("BYE", 481), near.sends("BYE"), near.answered("BYE", 200), freed), Fail, []string{"with 481"}, nil},

		{"the far leg ended before", made(up, freed, hung), Inconclusive, []string{"over at the " + other + " before the " + who + " hung up"}, []string{"call"}},
		{"we ended the far leg before", made(up, gone, hung), Inconclusive, []string{"over at the " + other}, nil},
		{"we ended the far leg too soon", made(up, hung, wait(time.Second), gone), Inconclusive, []string{"by ourselves, before the device's time was up"}, nil},
		{"BYEs cross", made(up, near.sends("BYE"), near.gets("BYE"), near.answered("BYE", 481), freed), Inconclusive, []string{"their BYEs crossed"}, []string{"sip.message"}},
		{"BYEs cross, both answered", made(up, near.sends("BYE"), near.gets("BYE"), near.answers("BYE", 200), near.answered("BYE", 200), wait(releasing), gone), Inconclusive, []string{"crossed"}, nil},
		{"the device hung up first", made(up, near.gets("BYE"), near.is("ended", 0, record.Device), freed), Inconclusive, []string{"or the device's came first"}, nil},
		{"nobody hung up", made(up), Inconclusive, []string{"over before the " + who + " could hang it up"}, nil},
		{"BYE of another call only", made(up, near.again().sends("BYE"), near.again().answered("BYE", 200), freed), Inconclusive, []string{"over before"}, nil},
		{"near leg not connected", made(near.is("invited", 0, ""), near.is("rejected", 488, ""), far.connects()), Inconclusive, []string{"was not connected", "final response 488"}, nil},
		{"far leg not connected", made(near.connects(), far.is("invited", 0, ""), far.is("rejected", 503, ""), hung), Inconclusive, []string{"was not connected", "final response 503"}, nil},
		{"far leg missing", made(near.connects(), hung), Inconclusive, []string{"was not connected"}, nil},
		{"no ACK on the far leg", made(near.connects(), far.is("invited", 0, ""), far.is("answered", 200, ""), hung, far.fails("no ACK to our 200 within 32s")), Inconclusive, []string{"was not connected", "no ACK"}, nil},
		{"two calls", made(up, near.again().connects(), hung, freed), Inconclusive, []string{"Reserve the numbers"}, nil},
		{"the answer to BYE not kept", made(up, near.sends("BYE"), flooded, freed), Inconclusive, []string{"17 could not be kept"}, nil},
		{"the BYE not kept", made(up, flooded, freed), Inconclusive, []string{"17 could not be kept"}, nil},
		{"the far leg's end not kept", made(up, hung, flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"released, the recording truncated", made(up, hung, freed, flooded), Pass, nil, nil},
		{"not released, the recording truncated", made(up, hung, wait(releasing), gone, flooded), Fail, nil, nil},
		{"harness did not come that far", with(made(), func(c *Case) {
			c.Attempts = append([]record.Attempt{}, c.Attempts...)
			for i := range c.Attempts {
				if c.Attempts[i].Name == "released-by-"+who {
					c.Attempts[i].Name = "else"
				}
			}
		}), Error, []string{"no call that the " + who + " hung up"}, nil},
	}
	for i := range cases {
		cases[i].name = direction + ", by the " + who + ": " + cases[i].name
	}
	return cases
}

// releasedTwice are cases in which neither call ends well.
func releasedTwice() []expected {
	cloud, carrier := talk(false)
	idle := steps(cloud.connects(), carrier.connects())
	stuck := func(near, far side) step {
		return steps(near.connects(), far.connects(), near.sends("BYE"), near.answered("BYE", 200), wait(releasing), far.is("ended", 0, record.Us))
	}
	slow := func(near, far side) step {
		return steps(near.connects(), far.connects(), near.sends("BYE"), near.answered("BYE", 200), wait(7*time.Second-2*time.Millisecond), far.is("ended", 0, record.Device))
	}
	return []expected{
		{"the second of two weighs more", released("outbound", idle, stuck(carrier, cloud)), Fail, []string{"The carrier hung up, but the cloud was not released"}, nil},
		{"the first of two failures is told", released("outbound", stuck(cloud, carrier), stuck(carrier, cloud)), Fail, []string{"The cloud hung up"}, nil},
		{"only the failing call was played", with(released("outbound", stuck(cloud, carrier), idle), func(c *Case) { c.Attempts = c.Attempts[:1] }), Fail, []string{"The cloud hung up"}, nil},
		{"only the good call was played", with(released("outbound", goodBye(cloud, carrier), idle), func(c *Case) { c.Attempts = c.Attempts[:1] }), Error, []string{"no call that the carrier hung up"}, nil},
		{"released within another limit", with(released("outbound", slow(cloud, carrier), slow(carrier, cloud)), func(c *Case) { c.Releasing = 8 * time.Second }), Pass, []string{"after 7000 ms"}, nil},
		{"not released within another limit", with(released("outbound", goodBye(cloud, carrier), goodBye(carrier, cloud)), func(c *Case) { c.Releasing = 20 * time.Millisecond }), Fail, []string{"was not released within 0.02 s"}, nil},
		{"calls of the other direction", released("inbound", goodBye(cloud, carrier), goodBye(carrier, cloud)), Inconclusive, []string{"was not connected"}, nil},
	}
}

// TestReleaseTimes: how long each release took is kept, whatever the other's verdict.
func TestReleaseTimes(t *testing.T) {
	cloud, carrier := talk(false)
	v := Release(released("outbound", steps(cloud.connects(), carrier.connects()), goodBye(carrier, cloud)))
	if len(v.Measurements) != 1 || v.Measurements[0] != (Measurement{"release by the carrier", 25, "ms"}) {
		t.Errorf("%s: %+v", v.Status, v.Measurements)
	}
}
