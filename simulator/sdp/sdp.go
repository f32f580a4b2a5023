// Package sdp writes and reads the one audio stream of a session description (RFC
// 8866) that a call on a BYOC trunk has. It writes text, so that what is sent is
// what stands here, and reads with github.com/pion/sdp.
package sdp

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Profiles of RFC 3551 and RFC 3711 that audio is offered with.
const (
	ProfileRTP  = "RTP/AVP"
	ProfileSRTP = "RTP/SAVP"
)

// Codec is a payload type and what it means.
type Codec struct {
	Type uint8
	Name string // PCMU, PCMA, telephone-event, …
}

// G.711 and DTMF events with the payload types that the cloud offers.
var (
	PCMU  = Codec{0, "PCMU"}
	PCMA  = Codec{8, "PCMA"}
	Event = Codec{101, "telephone-event"}
)

// Audio is the one audio stream of a session description (RFC 8866), ours to
// write or read from theirs.
type Audio struct {
	// Addr is where the stream is to be sent.
	Addr netip.AddrPort
	// Profile is the transport of the m= line.
	Profile string
	// Codecs in order of preference.
	Codecs []Codec
	// Crypto holds the values of the a=crypto lines (RFC 4568), in order.
	Crypto []string
	// Direction: sendrecv (also where nothing is said), sendonly, recvonly, inactive.
	Direction string
}

// Text writes the description as text. version is the one of the o= line.
func (a Audio) Text(version uint64) []byte {
	return []byte(a.session(version) + a.media())
}

// Answer writes the description as the answer to an offer whose first audio
// stream in use it accepts: it has as many streams as the offer, and the others
// are refused (RFC 3264 section 6).
func (a Audio) Answer(offer []byte, version uint64) []byte {
	out, taken := a.session(version), false
	for line := range strings.Lines(string(offer)) {
		description, is := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "m=")
		if !is {
			continue
		}
		kind, rest, _ := strings.Cut(description, " ")
		port, rest, _ := strings.Cut(rest, " ")
		if kind == "audio" && port != "0" && !taken {
			out, taken = out+a.media(), true
			continue
		}
		out += "m=" + kind + " 0 " + rest + "\r\n"
	}
	return []byte(out)
}

// session writes the lines before the first stream.
func (a Audio) session(version uint64) string {
	return fmt.Sprintf("v=0\r\no=byocheck %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		version, version, a.family(), a.Addr.Addr(), a.family(), a.Addr.Addr())
}

func (a Audio) family() string {
	if a.Addr.Addr().Is6() {
		return "IP6"
	}
	return "IP4"
}

// media writes the lines of the stream.
func (a Audio) media() string {
	var b strings.Builder
	fmt.Fprintf(&b, "m=audio %d %s", a.Addr.Port(), a.Profile)
	for _, c := range a.Codecs {
		fmt.Fprintf(&b, " %d", c.Type)
	}
	b.WriteString("\r\n")
	for _, line := range a.Crypto {
		fmt.Fprintf(&b, "a=crypto:%s\r\n", line)
	}
	for _, c := range a.Codecs {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", c.Type, c.Name)
		if c.Name == Event.Name {
			fmt.Fprintf(&b, "a=fmtp:%d 0-15\r\n", c.Type)
		}
	}
	direction := a.Direction
	if direction == "" {
		direction = "sendrecv"
	}
	fmt.Fprintf(&b, "a=ptime:20\r\na=%s\r\n", direction)
	return b.String()
}

// ErrNoAudio is returned where a description has no audio stream in use.
var ErrNoAudio = errors.New("the session description has no audio stream")

// Read reads all audio streams of a session description that are in use
// (port not 0), in order.
func Read(b []byte) (out []Audio, err error) {
	defer func() { // the parser is not ours, the bytes are the device's
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("reading the session description: %v", p)
		}
	}()
	var d pion.SessionDescription
	if err := d.Unmarshal(audioOnly(b)); err != nil {
		return nil, fmt.Errorf("reading the session description: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 {
			continue
		}
		a, err := audio(&d, m)
		if err != nil {
			return out, err
		}
		out = append(out, a)
	}
	if len(out) == 0 {
		return nil, ErrNoAudio
	}
	return out, nil
}

// audioOnly leaves out the media of other kinds and those not in use: the parser
// refuses the whole description for one kind or transport that it does not know,
// such as m=image of a device that can send faxes.
func audioOnly(b []byte) []byte {
	keep := true
	var out []byte
	for line := range bytes.Lines(b) {
		if rest, media := bytes.CutPrefix(line, []byte("m=")); media {
			f := strings.Fields(string(rest[:min(len(rest), 100)]))
			keep = len(f) < 2 || f[0] == "audio" && f[1] != "0"
		}
		if keep {
			out = append(out, line...)
		}
	}
	return out
}

func audio(d *pion.SessionDescription, m *pion.MediaDescription) (Audio, error) {
	a := Audio{Profile: strings.Join(m.MediaName.Protos, "/"), Direction: "sendrecv"}
	c := m.ConnectionInformation
	if c == nil {
		c = d.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return a, errors.New("reading the session description: no c= line for the audio stream")
	}
	ip, err := netip.ParseAddr(c.Address.Address)
	if err != nil {
		return a, fmt.Errorf("reading the session description: the c= line has no IP address but %.60q", c.Address.Address)
	}
	a.Addr = netip.AddrPortFrom(ip, uint16(m.MediaName.Port.Value))
	for _, f := range m.MediaName.Formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			return a, fmt.Errorf("reading the session description: payload type %.20q", f)
		}
		a.Codecs = append(a.Codecs, Codec{uint8(n), codecName(m, uint8(n))})
	}
	for i, at := range append(append([]pion.Attribute{}, d.Attributes...), m.Attributes...) {
		switch at.Key {
		case "crypto":
			if i >= len(d.Attributes) { // it has no meaning for the whole session (RFC 4568 4)
				a.Crypto = append(a.Crypto, at.Value)
			}
		case "sendrecv", "sendonly", "recvonly", "inactive":
			a.Direction = at.Key
		}
	}
	return a, nil
}

// codecName reads a=rtpmap, or knows the static types of RFC 3551.
func codecName(m *pion.MediaDescription, pt uint8) string {
	prefix := strconv.Itoa(int(pt)) + " "
	for _, at := range m.Attributes {
		if rest, ok := strings.CutPrefix(at.Value, prefix); ok && at.Key == "rtpmap" {
			name, _, _ := strings.Cut(rest, "/")
			return name[:min(len(name), 40)]
		}
	}
	switch pt {
	case PCMU.Type:
		return PCMU.Name
	case PCMA.Type:
		return PCMA.Name
	}
	return ""
}

// Common returns the first codec of ours that theirs has too, with their
// payload type and our spelling of its name. Only G.711 is spoken.
func Common(ours, theirs []Codec) (Codec, bool) {
	for _, o := range ours {
		for _, t := range theirs {
			if strings.EqualFold(o.Name, t.Name) && (o.Name == PCMU.Name || o.Name == PCMA.Name) {
				return Codec{t.Type, o.Name}, true
			}
		}
	}
	return Codec{}, false
}
