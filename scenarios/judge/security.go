package judge

import (
	"fmt"

	"byocheck/simulator/sdp"
)

// The media security of a trunk is required, optional or off; on BYOC Cloud it is
// required, and only the trunk to an Edge has the setting (clause
// byoc-053-edge-media-settings). Optional is read as: the Edge offers SRTP and
// accepts an offer of RTP. What the real one does is not published.

// security is what a call on the trunk is to have, in the words of a verdict.
func (c Case) security() (with, heard string) {
	switch c.MediaSecurity {
	case "off":
		return sdp.ProfileRTP, "in the clear on both"
	case "optional":
		return MandatorySuite + ", or " + sdp.ProfileRTP + " if the device offers that", "on the cloud's side, and audible at the carrier"
	}
	return MandatorySuite, "encrypted on the cloud's side, audible at the carrier"
}

// allowsRTP reports whether the device may describe its audio as RTP/AVP, in the
// answer to what was offered or, where that is nil, in an offer of its own.
func (c Case) allowsRTP(offered []byte) bool {
	return c.MediaSecurity == "off" || c.MediaSecurity == "optional" && offered == nil
}

// plain reports whether both sides of the leg described its audio as RTP/AVP.
func (l *leg) plain() bool {
	for _, b := range [][]byte{l.offer, l.answer} {
		if audio, err := sdp.Read(b); err != nil || audio[0].Profile != sdp.ProfileRTP {
			return false
		}
	}
	return true
}

// agreed says with what a leg was connected.
func (l *leg) agreed() string {
	if l.plain() {
		return fmt.Sprintf("%s, and %d packets came in the clear, as the trunk's media security allows", sdp.ProfileRTP, l.media.Received)
	}
	return fmt.Sprintf("%s, and %d packets of the device's SRTP were authenticated", l.media.Suite, l.media.Authenticated)
}
