package referencesbc

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
)

// secure reports whether the side has SRTP.
func (h *half) secure() bool { return h.profile == sdp.ProfileSRTP }

// propose returns our offer, with a key of its own, for the streams of an offer
// from the other side.
func (h *half) propose(like sdp.Audio) ([]byte, error) {
	if h.secure() {
		line, err := sdes.Generate(1, sdes.AESCM128HMACSHA1x80, h.s.Rand)
		if err != nil {
			return nil, fmt.Errorf("making an SRTP key: %w", err)
		}
		h.mu.Lock()
		h.ours, h.theirs = line, ""
		h.mu.Unlock()
	}
	return h.describe(like), nil
}

// describe returns our description with the codecs and the direction that the
// other side has in like.
func (h *half) describe(like sdp.Audio) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := sdp.Audio{Addr: h.conn.LocalAddr().(*net.UDPAddr).AddrPort(), Profile: h.profile, Codecs: codecs(like), Direction: like.Direction}
	if len(h.ours.Keys) > 0 {
		a.Crypto = []string{h.ours.String()}
	}
	return a.Text(1)
}

// codecs returns those of an offer or answer that are relayed: G.711 and DTMF events.
func codecs(a sdp.Audio) []sdp.Codec {
	var out []sdp.Codec
	for _, c := range a.Codecs {
		switch c.Name {
		case sdp.PCMU.Name, sdp.PCMA.Name, sdp.Event.Name:
			out = append(out, c)
		}
	}
	return out
}

// accept takes their offer, and makes our key where the side has SRTP.
func (h *half) accept(text []byte) (sdp.Audio, error) {
	theirs, err := h.read(text)
	if err != nil {
		return theirs, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.secure() {
		line, ok := sdes.Choose(lines(theirs), []sdes.SuiteName{sdes.AESCM128HMACSHA1x80})
		if !ok {
			return theirs, fmt.Errorf("accepting an offer: no usable a=crypto line with %s", sdes.AESCM128HMACSHA1x80)
		}
		if h.ours, err = sdes.Answer(line, h.s.Rand); err != nil {
			return theirs, err
		}
		if err := h.key(line); err != nil {
			return theirs, err
		}
	}
	h.remote = theirs.Addr
	return theirs, nil
}

// conclude takes their answer to our offer. A second answer, as after early
// media, changes the keys only if it has others.
func (h *half) conclude(text []byte) (sdp.Audio, error) {
	theirs, err := h.read(text)
	if err != nil {
		return theirs, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.secure() {
		all := lines(theirs)
		i := slices.IndexFunc(all, func(l sdes.Line) bool { return l.Tag == h.ours.Tag && l.Suite == h.ours.Suite })
		if i < 0 {
			return theirs, fmt.Errorf("using an answer: no a=crypto line accepts ours, %d %s", h.ours.Tag, h.ours.Suite)
		}
		if err := h.key(all[i]); err != nil {
			return theirs, err
		}
	}
	h.remote = theirs.Addr
	return theirs, nil
}

// read takes the audio stream out of a description and checks its profile.
func (h *half) read(text []byte) (sdp.Audio, error) {
	all, err := sdp.Read(text)
	if err != nil {
		return sdp.Audio{}, err
	}
	a := all[0]
	switch {
	case a.Profile != h.profile && !slices.Contains(h.others, a.Profile):
		return a, fmt.Errorf("the audio is %s, not %s", a.Profile, h.profile)
	case len(codecs(a)) == 0:
		return a, errors.New("the audio has no G.711 codec")
	}
	return a, nil
}

// lines returns the readable a=crypto lines.
func lines(a sdp.Audio) []sdes.Line {
	var out []sdes.Line
	for _, text := range a.Crypto {
		if l, err := sdes.Parse(text); err == nil {
			out = append(out, l)
		}
	}
	return out
}

// key makes the contexts: each side encrypts with the key of its own line. mu is held.
func (h *half) key(line sdes.Line) error {
	if h.theirs == line.String() {
		return nil // new contexts would forget which packets came
	}
	send, err := h.ours.Context()
	if err != nil {
		return fmt.Errorf("keying SRTP: %w", err)
	}
	receive, err := line.Context()
	if err != nil {
		return fmt.Errorf("keying SRTP: %w", err)
	}
	h.send, h.receive, h.theirs = send, receive, line.String()
	return nil
}
