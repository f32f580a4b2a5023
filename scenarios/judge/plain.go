package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/simulator/record"
	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
)

// NoPlainRTP judges the offer that the device makes in a call to the cloud: on
// a TLS trunk every audio stream is RTP/SAVP with a usable a=crypto line.
func NoPlainRTP(c Case) Verdict {
	v := Verdict{Expected: "Every audio stream in the device's offer over TLS is RTP/SAVP with an a=crypto line; none is plain RTP/AVP."}
	if !c.outside(&v) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	ls := legs(a, true)
	if ls.cloud == nil {
		nv := c.notArrived(v, a, ls)
		if nv.Status == unmet(c.Level) { // the call failed for another reason: no offer was seen, so none can be judged
			nv.Status = Inconclusive
		}
		return nv
	}
	var audio []sdp.Audio
	for _, e := range ls.offers(a) {
		v.show(a, e, "an offer of the device")
		streams, err := sdp.Read(body(e.Body.(record.SIPMessage).Raw))
		if err != nil {
			v.Status = unmet(c.Level)
			v.Observed = fmt.Sprintf("The device's offer cannot be used: %v.", err)
			v.Hint = "The device must offer an audio stream in its INVITE."
			return v
		}
		if wrong := plain(streams); len(wrong) > 0 {
			v.Status = unmet(c.Level)
			v.Observed = "The device's offer is not all SRTP: " + strings.Join(wrong, "; ") + "."
			v.Hint = "Set the trunk's media security to SRTP only (not optional or best effort)."
			return v
		}
		if audio == nil {
			audio = streams
		}
	}
	if ls.cloudCalls > 1 {
		return ls.tooMany(v)
	}
	if audio == nil {
		if !kept(&v, a, ls.cloud.offerEvent) {
			return v
		}
		v.show(a, ls.cloud.offerEvent, "the INVITE")
		return delayed(v)
	}
	v.Status = Pass
	var offered []string
	for _, m := range audio {
		offered = append(offered, m.Profile)
	}
	v.Observed = "The device offered " + strings.Join(offered, ", ") + " with " + strings.Join(suites(audio), ", ") + "."
	return v
}

// plain says what is wrong with the streams of an offer; nothing if all are SRTP.
func plain(audio []sdp.Audio) (wrong []string) {
	for _, m := range audio {
		lines, err := cryptoLines(m)
		switch {
		case m.Profile != sdp.ProfileSRTP && m.Profile != "RTP/SAVPF":
			wrong = append(wrong, "a stream is "+m.Profile)
		case err != nil:
			wrong = append(wrong, err.Error())
		case len(lines) == 0:
			wrong = append(wrong, "a stream has no a=crypto line")
		case !slices.ContainsFunc(lines, func(l sdes.Line) bool { return !weakened(l) }):
			wrong = append(wrong, "the a=crypto lines of a stream switch encryption or authentication off")
		}
	}
	return wrong
}

// delayed is the verdict on a call whose INVITE had no session description.
func delayed(v Verdict) Verdict {
	v.Status = Inconclusive
	v.Observed = "The device sent an INVITE without a session description (a delayed offer), so it offered nothing that could be judged."
	v.Hint = "Let the device make the offer in its INVITE."
	return v
}

func suites(audio []sdp.Audio) []string {
	var out []string
	for _, m := range audio {
		lines, _ := cryptoLines(m)
		for _, l := range lines {
			out = append(out, string(l.Suite))
		}
	}
	return out
}
