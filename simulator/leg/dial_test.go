package leg

import (
	"context"
	"errors"
	"strings"
	"testing"

	"byocheck/simulator/record"
	"byocheck/simulator/sdp"
	"byocheck/simulator/sipua"
)

type dialled struct {
	leg *Leg
	err error
}

// dial calls the device and returns the INVITE and what will come of it.
func dial(ctx context.Context, p *party, d *device) (message, chan dialled) {
	d.t.Helper()
	out := make(chan dialled, 1)
	go func() {
		l, err := p.Dial(ctx, p.flow, sipua.Invitation{To: "+4940", From: "+13175550199", Host: "sbc.customer.test"})
		out <- dialled{l, err}
	}()
	return d.next("INVITE sip:+4940@sbc.customer.test"), out
}

func TestDialOffers(t *testing.T) {
	for _, c := range []struct {
		side    *Side
		profile string
		crypto  string
	}{
		{cloudSide(), "RTP/SAVP", "1 AES_CM_128_HMAC_SHA1_80 inline:"},
		{carrierSide(), "RTP/AVP", ""},
	} {
		t.Run(c.side.Name, func(t *testing.T) {
			p, d := meet(t, c.side)
			invite, out := dial(bounded(t), p, d)
			offers, err := sdp.Read([]byte(invite.body))
			if err != nil || len(offers) != 1 {
				t.Fatalf("our offer %q: %v", invite.body, err)
			}
			if a := offers[0]; a.Profile != c.profile || a.Addr.Addr() != p.Media || len(a.Codecs) != 3 || a.Codecs[0] != sdp.PCMU || a.Codecs[1] != sdp.PCMA {
				t.Errorf("offered %+v", a)
			}
			if got := strings.Join(offers[0].Crypto, "\n"); strings.Contains(got, "\n") || (got == "") != (c.crypto == "") || !strings.HasPrefix(got, c.crypto) {
				t.Errorf("offered the keys %q, want one that begins %q", got, c.crypto)
			}
			d.reply(invite, 486, "")
			<-out
		})
	}
}

// An answer that cannot be used: the call is up by then, so it is hung up.
func TestDialHangsUpOnABadAnswer(t *testing.T) {
	for _, c := range []struct {
		name, body string
		side       *Side
		says       string
	}{
		{"plain RTP", described(avp), cloudSide(), "RTP/AVP"},
		{"plain RTP with a key", described(avp, sha80), cloudSide(), "RTP/AVP"},
		{"SRTP to plain RTP", described(savp, sha80), carrierSide(), "RTP/SAVP"},
		{"no key", described(savp), cloudSide(), "no a=crypto"},
		{"another suite", described(savp, strings.Replace(sha32, ":2", ":1", 1)), cloudSide(), "no a=crypto"},
		{"a key of the wrong length", described(savp, broken), cloudSide(), "key-salt"},
		{"no codec in common", described("m=audio 4000 RTP/SAVP 18", sha80), cloudSide(), "codec"},
		{"no session description", "", cloudSide(), "session description"},
		{"an unreadable session description", "nonsense\r\n", cloudSide(), "session description"},
		{"a refused stream", described("m=audio 0 RTP/SAVP 0"), cloudSide(), "no audio"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := meet(t, c.side)
			before := sockets(t)
			invite, out := dial(bounded(t), p, d)
			d.reply(invite, 200, c.body)
			d.next("ACK")
			d.reply(d.next("BYE"), 200, "")
			got := <-out
			if got.err == nil || got.leg != nil || !strings.Contains(got.err.Error(), c.says) {
				t.Errorf("leg %v, error %v, want none and one that says %q", got.leg, got.err, c.says)
			}
			if end := wait(t, p.Recorder, state("ended")); end.By != record.Us {
				t.Errorf("ended by %q", end.By)
			}
			if m := events[record.Media](p.Recorder); len(m) != 1 || m[0].Sent != 0 || m[0].Encrypted {
				t.Errorf("recorded media %+v, want that of nothing sent, once", m)
			}
			sameSockets(t, before)
		})
	}
}

func TestDialIsRefused(t *testing.T) {
	p, d := meet(t, cloudSide())
	before := sockets(t)
	invite, out := dial(bounded(t), p, d)
	d.reply(invite, 486, "")
	d.next("ACK")
	got := <-out
	var refused *sipua.Rejected
	if !errors.As(got.err, &refused) || refused.Status != 486 {
		t.Errorf("error %v, want 486", got.err)
	}
	if m := events[record.Media](p.Recorder); len(m) != 0 {
		t.Errorf("media of a call that never was: %+v", m)
	}
	sameSockets(t, before)
}

func TestDialIsGivenUp(t *testing.T) {
	p, d := meet(t, cloudSide())
	before := sockets(t)
	ctx, cancel := context.WithCancel(bounded(t))
	invite, out := dial(ctx, p, d)
	d.reply(invite, 180, "")
	wait(t, p.Recorder, state("progress"))
	cancel()
	d.reply(d.next("CANCEL"), 200, "")
	d.reply(invite, 487, "")
	d.next("ACK")
	if got := <-out; !errors.Is(got.err, context.Canceled) {
		t.Errorf("error %v, want %v", got.err, context.Canceled)
	}
	sameSockets(t, before)
}

func TestDialOnAConnectionThatHasEnded(t *testing.T) {
	p, d := meet(t, cloudSide())
	d.conn.Close()
	<-p.flow.Closed()
	before := sockets(t)
	if l, err := p.Dial(bounded(t), p.flow, sipua.Invitation{To: "+4940", From: "+1317", Host: "sbc.customer.test"}); err == nil || l != nil {
		t.Errorf("leg %v, error %v", l, err)
	}
	sameSockets(t, before)
}

// What the answer does wrong without making audio impossible is for the judge.
func TestDialConnects(t *testing.T) {
	for _, c := range []struct {
		name  string
		side  *Side
		body  string
		codec string
	}{
		{"the right tag", cloudSide(), described(savp, sha80), "PCMU"},
		{"a wrong tag", cloudSide(), described(savp, strings.Replace(sha80, ":1", ":9", 1)), "PCMU"},
		{"the suite in small letters", cloudSide(), described(savp, "a=crypto:1 aes_cm_128_hmac_sha1_80 "+key), "PCMU"},
		{"two keys", cloudSide(), described(savp, sha32, sha80), "PCMU"},
		{"PCMA only", cloudSide(), described("m=audio 4000 RTP/SAVP 8", sha80), "PCMA"},
		{"plain RTP", carrierSide(), described("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"), "PCMA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := meet(t, c.side)
			before := sockets(t)
			invite, out := dial(bounded(t), p, d)
			d.reply(invite, 200, c.body)
			d.next("ACK")
			got := <-out
			if got.err != nil {
				t.Fatal(got.err)
			}
			hung := make(chan error, 1)
			go func() { hung <- got.leg.HangUp(bounded(t)) }()
			d.reply(d.next("BYE"), 200, "")
			if err := <-hung; err != nil {
				t.Error(err)
			}
			if m := wait(t, p.Recorder, heard); m.Codec != c.codec || m.Encrypted != c.side.Secure {
				t.Errorf("recorded %+v", m)
			}
			sameSockets(t, before)
		})
	}
}
