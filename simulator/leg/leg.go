// Package leg joins a SIP call with its audio: one side's end of one call. It
// offers and answers, keys SRTP, plays a tone, listens for the far end's, and
// records what it heard when the call is over. The cloud and the carrier are
// both made of it; they differ in the fields of Side.
package leg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"

	"byocheck/simulator/media"
	"byocheck/simulator/record"
	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
	"byocheck/simulator/sipua"
)

// Tones in Hz: far enough apart, and no harmonics of each other.
const (
	CloudHz   = 700
	CarrierHz = 1100
)

// Side is what is alike in all legs of one party. Its fields are not changed
// while it is in use.
type Side struct {
	// Name is the leg in recordings: cloud or carrier.
	Name string
	// Recorder receives what was heard. It must be set.
	Recorder *record.Recorder
	// Agent sends the calls.
	Agent *sipua.Agent
	// Media is our RTP address; Advertised goes into SDP, Media where it is not valid.
	Media, Advertised netip.Addr
	// Secure: RTP/SAVP with SDES is offered and required; else RTP/AVP. Optional,
	// beside it: an offer of RTP/AVP is accepted as well.
	Secure, Optional bool
	// SendHz is the tone we play, ExpectHz the one we listen for.
	SendHz, ExpectHz float64
	// Rand makes SRTP keys; nil is crypto/rand.
	Rand io.Reader
}

// suites that are offered and accepted: the one that BYOC Cloud trunks use.
var suites = []sdes.SuiteName{sdes.AESCM128HMACSHA1x80}

var codecs = []sdp.Codec{sdp.PCMU, sdp.PCMA, sdp.Event}

// Leg is one call with its audio.
type Leg struct {
	Call   *sipua.Call
	side   *Side
	stream *media.Stream
	suite  sdes.SuiteName
	once   sync.Once
}

func (s *Side) random() io.Reader {
	if s.Rand == nil {
		return rand.Reader
	}
	return s.Rand
}

func (s *Side) listen() (*media.Stream, error) {
	stream, err := media.Listen(media.Config{Local: netip.AddrPortFrom(s.Media, 0), SendHz: s.SendHz, ExpectHz: s.ExpectHz, Latch: false})
	if err != nil {
		return nil, fmt.Errorf("opening the %s's RTP port: %w", s.Name, err)
	}
	return stream, nil
}

func (s *Side) describe(stream *media.Stream, use []sdp.Codec, profile string, crypto []sdes.Line) sdp.Audio {
	ip := s.Advertised
	if !ip.IsValid() {
		ip = s.Media
	}
	a := sdp.Audio{Addr: netip.AddrPortFrom(ip, stream.Local().Port()), Profile: profile, Codecs: use}
	for _, l := range crypto {
		a.Crypto = append(a.Crypto, l.String())
	}
	return a
}

// Dial calls the device on f and waits until the call is answered; our offer is
// made here. On an error the call is over; a *sipua.Rejected tells the device's
// final response.
func (s *Side) Dial(ctx context.Context, f *sipua.Flow, in sipua.Invitation) (*Leg, error) {
	stream, err := s.listen()
	if err != nil {
		return nil, err
	}
	profile, crypto := sdp.ProfileRTP, []sdes.Line(nil)
	if s.Secure {
		profile = sdp.ProfileSRTP
		line, err := sdes.Generate(1, suites[0], s.random())
		if err != nil {
			stream.Stop()
			return nil, fmt.Errorf("making an SRTP key: %w", err)
		}
		crypto = append(crypto, line)
	}
	in.SDP = s.describe(stream, codecs, profile, crypto).Text(1)
	call, err := s.Agent.Call(f, in)
	if err != nil {
		stream.Stop()
		return nil, err
	}
	l := &Leg{Call: call, side: s, stream: stream}
	if err := call.Wait(ctx); err != nil {
		stream.Stop()
		return nil, err
	}
	answer, err := sdp.Read(call.Remote())
	if err == nil {
		err = l.start(answer[0], crypto)
	}
	if err != nil {
		l.HangUp(ctx)
		return nil, fmt.Errorf("using the device's answer: %w", err)
	}
	go l.untilOver()
	return l, nil
}

// start begins to send and hear as agreed in their answer to our offer.
func (l *Leg) start(theirs sdp.Audio, ours []sdes.Line) error {
	session, err := l.session(theirs)
	if err != nil {
		return err
	}
	want := sdp.ProfileRTP
	if l.side.Secure {
		want = sdp.ProfileSRTP
	}
	if theirs.Profile != want {
		return fmt.Errorf("the answer is %s, not %s", theirs.Profile, want)
	}
	if len(ours) > 0 {
		line, err := chosen(theirs, ours)
		if err != nil {
			return err
		}
		if err := l.key(&session, ours[0], line); err != nil {
			return err
		}
	}
	return l.stream.Start(session)
}

func (l *Leg) session(theirs sdp.Audio) (media.Session, error) {
	codec, ok := sdp.Common(codecs, theirs.Codecs)
	if !ok {
		return media.Session{}, errors.New("no G.711 codec in common")
	}
	out := media.Session{Remote: theirs.Addr, Codec: media.PCMU, PayloadType: codec.Type}
	if codec.Name == sdp.PCMA.Name {
		out.Codec = media.PCMA
	}
	return out, nil
}

// chosen returns the line of their answer that accepts one of ours.
func chosen(theirs sdp.Audio, ours []sdes.Line) (sdes.Line, error) {
	for _, text := range theirs.Crypto {
		line, err := sdes.Parse(text)
		if err != nil {
			return sdes.Line{}, err
		}
		if line.Suite == ours[0].Suite {
			return line, nil // a wrong tag is for the judge: the audio may still be heard
		}
	}
	return sdes.Line{}, fmt.Errorf("the answer has no a=crypto line with %s", ours[0].Suite)
}

// key sets both directions: each side sends with the key of its own line.
func (l *Leg) key(s *media.Session, ours, theirs sdes.Line) (err error) {
	if s.Send, err = ours.Context(); err != nil {
		return fmt.Errorf("keying SRTP: %w", err)
	}
	if s.Receive, err = theirs.Context(); err != nil {
		return fmt.Errorf("keying SRTP: %w", err)
	}
	l.suite = ours.Suite
	return nil
}

// ErrOffer is wrapped by the error of Answer where the offer cannot be accepted.
var ErrOffer = errors.New("the device's offer cannot be accepted")

// Answer accepts a call of the device: 180, then 200 with our answer. An offer
// that the side cannot accept is refused with 488, as the cloud does.
func (s *Side) Answer(call *sipua.Call) (*Leg, error) {
	offer, err := sdp.Read(call.Remote())
	if err != nil {
		call.Reject(488, "Not Acceptable Here")
		return nil, fmt.Errorf("%w: %w", ErrOffer, err)
	}
	stream, err := s.listen()
	if err != nil {
		call.Reject(500, "Server Internal Error")
		return nil, err
	}
	l := &Leg{Call: call, side: s, stream: stream}
	answer, session, err := l.accept(offer[0])
	if err != nil {
		stream.Stop()
		call.Reject(488, "Not Acceptable Here")
		return nil, fmt.Errorf("%w: %w", ErrOffer, err)
	}
	if err := call.Ring(180, nil); err != nil {
		stream.Stop()
		return nil, fmt.Errorf("answering call %d: %w", call.Number, err)
	}
	if err := stream.Start(session); err != nil {
		stream.Stop()
		call.Reject(500, "Server Internal Error")
		return nil, err
	}
	if err := call.Answer(answer); err != nil {
		stream.Stop()
		return nil, err
	}
	go l.untilOver()
	return l, nil
}

// accept makes our answer to an offer.
func (l *Leg) accept(offer sdp.Audio) ([]byte, media.Session, error) {
	session, err := l.session(offer)
	if err != nil {
		return nil, session, err
	}
	use := []sdp.Codec{{Type: session.PayloadType, Name: session.Codec.String()}}
	want := sdp.ProfileRTP
	var ours []sdes.Line
	if l.side.Secure && !(l.side.Optional && offer.Profile == sdp.ProfileRTP) {
		want = sdp.ProfileSRTP
	}
	if offer.Profile != want {
		return nil, session, fmt.Errorf("the audio is offered as %s, not %s", offer.Profile, want)
	}
	if want == sdp.ProfileSRTP {
		var lines []sdes.Line
		var unreadable error // lines beside a good one do no harm (RFC 4568 5.1.2)
		for _, text := range offer.Crypto {
			line, err := sdes.Parse(text)
			if err != nil {
				unreadable = errors.Join(unreadable, err)
				continue
			}
			lines = append(lines, line)
		}
		theirs, ok := sdes.Choose(lines, suites)
		switch {
		case !ok && unreadable != nil:
			return nil, session, unreadable
		case !ok:
			return nil, session, fmt.Errorf("no a=crypto line with %s", suites[0])
		}
		answer, err := sdes.Answer(theirs, l.side.random())
		if err != nil {
			return nil, session, err
		}
		if err := l.key(&session, answer, theirs); err != nil {
			return nil, session, err
		}
		ours = append(ours, answer)
	}
	return l.side.describe(l.stream, use, want, ours).Answer(l.Call.Remote(), 1), session, nil
}

// WaitHeard returns once the far end's tone was heard in so many blocks of
// 20 ms, or when ctx or the call ends.
func (l *Leg) WaitHeard(ctx context.Context, blocks int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.Call.Done():
			cancel(errors.New("the call ended"))
		case <-ctx.Done():
		}
	}()
	return l.stream.WaitHeard(ctx, blocks)
}

// HangUp ends the call and its audio; what was heard is recorded.
func (l *Leg) HangUp(ctx context.Context) error {
	// Heard before the BYE: what comes while it is answered is no part of the call.
	l.over()
	return l.Call.HangUp(ctx)
}

func (l *Leg) untilOver() {
	<-l.Call.Done()
	l.over()
}

func (l *Leg) over() {
	l.once.Do(func() {
		r := l.stream.Stop()
		l.side.Recorder.Emit(l.Call.Origin(), l.heard(r))
	})
}

// heard turns the stream's report into an event.
func (l *Leg) heard(r media.Report) record.Media {
	m := record.Media{
		Leg: l.side.Name, Call: l.Call.Number, Encrypted: l.suite != "", Suite: string(l.suite), Codec: r.Codec,
		Sent: int(r.PacketsSent), Received: int(r.PacketsReceived), Authenticated: int(r.PacketsAuthenticated),
		AuthFailed: int(r.AuthFailures), Clear: int(r.ClearPackets), WrongPayload: int(r.WrongPayloadType),
		Lost: int(r.Lost), Reordered: int(r.Reordered), Duplicates: int(r.Duplicates), JitterMS: r.JitterMS,
		SentToneHz: l.side.SendHz, ExpectToneHz: l.side.ExpectHz,
		Blocks: int(r.Blocks), ToneShare: r.Tone.Share, SilenceShare: r.SilenceShare,
	}
	for _, s := range r.Sources {
		m.Sources = append(m.Sources, s.Address.String())
	}
	for _, t := range r.OtherTones {
		if t.Hz == l.side.SendHz {
			m.EchoShare = t.Share
		}
	}
	return m
}
