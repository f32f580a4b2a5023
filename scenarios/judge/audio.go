package judge

import (
	"fmt"
	"slices"

	"byocheck/simulator/record"
	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
)

// Thresholds of hearing. A tone counts as heard when it dominated at least
// heardShare of the 20 ms blocks that arrived, and at least heardBlocks of them:
// half a second of clean tone. Measured on a healthy path the share is above 0.95.
const (
	heardBlocks = 25
	heardShare  = 0.8
)

// MandatorySuite is the SRTP crypto suite that BYOC Cloud trunks use (clause
// byoc-001-secure-trunk-both-planes and RFC 4568 6.2.1).
const MandatorySuite = "AES_CM_128_HMAC_SHA1_80"

// secure checks the device's session description: one audio stream, RTP/SAVP,
// with the mandatory suite; in an answer, one line with a tag that was offered.
// Where the trunk's media security allows RTP/AVP, that will do.
func (c Case) secure(v *Verdict, a record.Attempt, theirs []byte, e record.Event, offered []byte) bool {
	bad := func(hint, format string, args ...any) bool {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf(format, args...)
		v.Hint = hint
		v.show(a, e, "the device's session description")
		return false
	}
	const srtp = "Set the trunk's media security to SRTP with SDES keys (RTP/SAVP, " + MandatorySuite + ")."
	if !kept(v, a, e) {
		return false
	}
	if len(theirs) == 0 {
		return bad("The device must describe an audio stream in its INVITE or 2xx.", "The device's message has no session description.")
	}
	audio, err := sdp.Read(theirs)
	if err != nil {
		return bad("The device must describe an audio stream in its INVITE or 2xx.", "The device's session description cannot be used: %v.", err)
	}
	spoken := func() bool {
		if _, ok := sdp.Common([]sdp.Codec{sdp.PCMU, sdp.PCMA}, audio[0].Codecs); !ok {
			return bad("Allow PCMU or PCMA on the trunk.", "The device's session description has neither PCMU nor PCMA, the codecs that are spoken here.")
		}
		return true
	}
	switch p := audio[0].Profile; {
	case p == sdp.ProfileRTP && c.allowsRTP(offered):
		v.show(a, e, "the device's session description, with %s", p)
		return spoken()
	case c.MediaSecurity == "off":
		return bad("Switch SRTP off on the device's trunk: at the Edge it is off.", "The device describes its audio as %s instead of RTP/AVP; media security is off on this trunk.", p)
	case p != sdp.ProfileSRTP:
		return bad(srtp, "The device describes its audio as %s instead of RTP/SAVP.", p)
	}
	lines, err := cryptoLines(audio[0])
	if err != nil {
		return bad("Correct the a=crypto line (RFC 4568 9.1).", "The device's a=crypto line is wrong: %v.", err)
	}
	i := slices.IndexFunc(lines, func(l sdes.Line) bool { return l.Suite == MandatorySuite && !weakened(l) })
	if i < 0 {
		if slices.ContainsFunc(lines, weakened) {
			return bad(srtp, "The device's a=crypto line switches encryption or authentication off.")
		}
		return bad(srtp, "The device's session description has no a=crypto line with %s.", MandatorySuite)
	}
	if !spoken() {
		return false
	}
	if offered == nil {
		v.show(a, e, "the device's offer, with %s", MandatorySuite)
		return true
	}
	if len(lines) != 1 {
		return bad("An answer has exactly one a=crypto line (RFC 4568 5.1.2).", "The device answered with %d a=crypto lines.", len(lines))
	}
	ours, err := sdp.Read(offered)
	if err != nil {
		v.Status, v.Observed = Error, fmt.Sprintf("Our own offer cannot be read: %v.", err)
		return false
	}
	offer, _ := cryptoLines(ours[0])
	if !slices.ContainsFunc(offer, func(o sdes.Line) bool { return o.Suite == lines[i].Suite && o.Tag == lines[i].Tag }) {
		return bad("An answer carries the tag of the line that it accepts (RFC 4568 5.1.2).", "The device answered with crypto tag %d, which is not that of the line it accepted.", lines[i].Tag)
	}
	v.show(a, e, "the device's answer, with %s", MandatorySuite)
	return true
}

// kept checks that the message with a session description was recorded.
func kept(v *Verdict, a record.Attempt, e record.Event) bool {
	if e.Body != nil {
		return true
	}
	v.Status, v.Observed = Error, "The harness recorded no INVITE or 2xx of the call, so its session description cannot be judged."
	if n, dropped := truncated(a); dropped {
		v.Status, v.Observed = Inconclusive, fmt.Sprintf("The session description is among the %d events that could not be kept because there were so many.", n)
	}
	return false
}

func cryptoLines(a sdp.Audio) ([]sdes.Line, error) {
	var out []sdes.Line
	for _, text := range a.Crypto {
		l, err := sdes.Parse(text)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// weakened reports whether a line leaves audio unencrypted or unauthenticated
// (RFC 4568 6.3.2, 6.3.3).
func weakened(l sdes.Line) bool {
	return slices.Contains(l.Params, sdes.UnencryptedSRTP) || slices.Contains(l.Params, sdes.UnauthenticatedSRTP)
}

// recorded checks that the harness listened on a leg that was connected, and
// keeps the figures.
func (c Case) recorded(v *Verdict, a record.Attempt, l *leg) bool {
	m := l.media
	if m == nil {
		v.Status = Error
		v.Observed = fmt.Sprintf("The call was connected, but the harness recorded no audio on the %s's side.", l.name)
		if n, dropped := truncated(a); dropped {
			v.Status = Inconclusive
			v.Observed = fmt.Sprintf("The call was connected, but %d events could not be kept because there were so many, and with them what the %s heard.", n, l.name)
			v.Hint = "Find out why the device floods the proxies, and run the scenario again."
		}
		return false
	}
	v.measure(l.name+" packets received", float64(m.Received), "")
	v.measure(l.name+" tone share", m.ToneShare, "")
	v.measure(l.name+" jitter", m.JitterMS, "ms")
	v.measure(l.name+" packets lost", float64(m.Lost), "")
	v.show(a, l.mediaEvent, "what the %s heard", l.name)
	return true
}

// protected checks that everything the device sent to the cloud was SRTP under
// the key that it announced, unless both sides had described it as RTP.
func (c Case) protected(v *Verdict, a record.Attempt, l *leg) bool {
	m := l.media
	bad := func(hint, format string, args ...any) bool {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf(format, args...)
		v.Hint = hint
		return false
	}
	switch {
	case l.plain() && m.Encrypted:
		v.Status, v.Observed = Error, "RTP was agreed, but the simulator used SRTP."
		return false
	case l.plain():
		return true
	case !m.Encrypted || m.Suite != MandatorySuite:
		v.Status = Error
		v.Observed = "SRTP was agreed with " + MandatorySuite + ", but the simulator did not use it."
		if s, _, ok := stimulus(a); ok && s.Error != "" {
			v.Observed += " It said: " + s.Error + "."
		}
		return false
	case m.Clear > 0:
		return bad("The device must protect every RTP packet once SRTP is agreed.",
			"SRTP was agreed, but %d of %d packets from the device were clear RTP.", m.Clear, m.Received)
	case m.AuthFailed > 0 && m.Authenticated == 0:
		return bad("The device encrypts with another key than the one in its a=crypto line, or with another suite.",
			"None of the device's %d packets could be authenticated with the key that it announced.", m.Received)
	case m.AuthFailed > 0:
		return bad("The device changed its key or packet index during the call without saying so in SDP.",
			"%d of the device's %d packets failed authentication.", m.AuthFailed, m.Received)
	}
	return true
}

// heard checks that a side heard the tone of the side there through the device.
func (c Case) heard(v *Verdict, l *leg, there string) bool {
	m, here := l.media, l.name
	bad := func(hint, format string, args ...any) bool {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf(format, args...)
		v.Hint = hint
		return false
	}
	switch {
	case m.Received == 0:
		return bad("Check the device's media routing: the address and port in its session description, and its route to "+here+" media.",
			"The call was connected, but no RTP packet reached the %s.", here)
	case m.Blocks == 0:
		return bad("Let the device send the codec that was agreed, with its payload type.",
			"%d packets reached the %s, but none of them held audio of the agreed codec (%d had another payload type).", m.Received, here, m.WrongPayload)
	case float64(m.Blocks)*m.ToneShare >= heardBlocks && m.ToneShare >= heardShare:
		return true
	case m.EchoShare > 0.5:
		return bad("The device sends the audio back instead of connecting the two legs.",
			"The %s heard its own tone come back instead of the %s's.", here, there)
	case m.SilenceShare > 0.5:
		hint := "The device connects the call but not the audio: check its media routing between the two legs."
		if here == "carrier" {
			hint = "The device connects the call but not the audio. It may be unable to decrypt what the cloud sends; else check its media routing."
		}
		return bad(hint, "The %s heard silence in %.0f %% of the audio instead of the %s's tone.", here, 100*m.SilenceShare, there)
	case m.ToneShare >= heardShare:
		return bad("Look in the device's log for why the audio stopped so soon.",
			"The %s heard the %s's tone, but only %.1f s of audio came; half a second is needed.", here, there, float64(m.Blocks)/50)
	}
	return bad("Check the device's codec and key handling: the audio arrives, but is not what the other side sent.",
		"The %s heard the %s's tone in only %.0f %% of %d blocks of 20 ms.", here, there, 100*m.ToneShare, m.Blocks)
}
