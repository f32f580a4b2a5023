package leg

import (
	"context"
	"errors"
	"testing"

	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
)

// connected is a call between two sides, answered and with audio both ways.
func connected(t testing.TB, a, b *Side) (caller, callee *party, here, there *Leg) {
	t.Helper()
	x, y := pair(t)
	caller, callee = attach(t, a, x), attach(t, b, y)
	at, err := callee.Expect("+13175550100")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Close)
	answered := make(chan *Leg, 1)
	go func() {
		defer close(answered)
		select {
		case call := <-at.Calls:
			l, err := callee.Answer(call)
			if err != nil {
				t.Error(err)
			}
			answered <- l
		case <-bounded(t).Done():
		}
	}()
	here, err = caller.Dial(bounded(t), caller.flow, sipua.Invitation{To: "+13175550100", From: "+4940", Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	there = <-answered
	return caller, callee, here, there
}

// mediaOf returns the one media event of a party.
func mediaOf(t testing.TB, p *party) record.Media {
	t.Helper()
	wait(t, p.Recorder, heard)
	all := events[record.Media](p.Recorder)
	if len(all) != 1 {
		t.Fatalf("%s: media recorded %d times", p.Name, len(all))
	}
	return all[0]
}

func TestAudioBothWays(t *testing.T) {
	secure := carrierSide()
	secure.Secure = true
	for _, c := range []struct {
		name   string
		callee *Side
		caller *Side
	}{
		{"SRTP", secure, cloudSide()},
		{"plain RTP", carrierSide(), &Side{Name: "cloud", SendHz: CloudHz, ExpectHz: CarrierHz}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := sockets(t)
			caller, callee, here, there := connected(t, c.caller, c.callee)
			for _, l := range []*Leg{here, there} {
				if err := l.WaitHeard(bounded(t), 10); err != nil {
					t.Fatal(err)
				}
			}
			if err := here.HangUp(bounded(t)); err != nil {
				t.Error(err)
			}
			over(t, there.Call)
			for _, p := range []*party{caller, callee} {
				m := mediaOf(t, p)
				if m.Encrypted != c.caller.Secure || m.Received < 10 || m.Sent < 10 || m.AuthFailed+m.Clear+m.WrongPayload != 0 {
					t.Errorf("%s: %+v", p.Name, m)
				}
				if m.Encrypted && (m.Authenticated != m.Received || m.Suite != "AES_CM_128_HMAC_SHA1_80") {
					t.Errorf("%s: %d of %d packets are authentic, suite %s", p.Name, m.Authenticated, m.Received, m.Suite)
				}
				if m.ToneShare < 0.8 || m.EchoShare != 0 || m.SentToneHz != p.SendHz || m.ExpectToneHz != p.ExpectHz || len(m.Sources) != 1 {
					t.Errorf("%s: %+v", p.Name, m)
				}
			}
			caller.flow.Close()
			<-callee.flow.Closed()
			sameSockets(t, before)
		})
	}
}

func TestMediaIsRecordedOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, caller, callee *party, here, there *Leg)
	}{
		{"ended by the caller", func(t *testing.T, _, _ *party, here, _ *Leg) { here.HangUp(bounded(t)) }},
		{"ended by the callee", func(t *testing.T, _, _ *party, _, there *Leg) { there.HangUp(bounded(t)) }},
		{"ended twice", func(t *testing.T, _, _ *party, here, there *Leg) {
			here.HangUp(bounded(t))
			here.HangUp(bounded(t))
			there.HangUp(bounded(t))
		}},
		{"ended by both at once", func(t *testing.T, _, _ *party, here, there *Leg) {
			other := make(chan error)
			go func() { other <- there.HangUp(bounded(t)) }()
			here.HangUp(bounded(t))
			<-other
		}},
		{"ended without its leg", func(t *testing.T, caller, _ *party, _, _ *Leg) { caller.Agent.HangUp(bounded(t)) }},
		{"the connection ended first", func(t *testing.T, caller, callee *party, here, there *Leg) {
			caller.flow.Close()
			<-caller.flow.Closed()
			<-callee.flow.Closed()
			for _, l := range []*Leg{here, there} {
				if err := l.HangUp(bounded(t)); err == nil {
					t.Error("a BYE without a connection: no error")
				}
			}
		}},
		{"nobody waits for the answer to BYE", func(t *testing.T, _, _ *party, here, there *Leg) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			here.HangUp(ctx)
			over(t, there.Call)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := sockets(t)
			caller, callee, here, there := connected(t, cloudSide(), &Side{Name: "carrier", Secure: true, SendHz: CarrierHz, ExpectHz: CloudHz})
			c.end(t, caller, callee, here, there)
			over(t, here.Call)
			over(t, there.Call)
			caller.flow.Close()
			<-caller.flow.Closed()
			<-callee.flow.Closed()
			sameSockets(t, before) // both streams have stopped
			for _, p := range []*party{caller, callee} {
				if m := mediaOf(t, p); m.Call != 1 || m.Leg != p.Name {
					t.Errorf("recorded %+v", m)
				}
			}
		})
	}
}

// What comes while the BYE is on its way is no part of the call.
func TestHangUpRecordsBeforeTheBYE(t *testing.T) {
	p, d := meet(t, cloudSide())
	invite, out := dial(bounded(t), p, d)
	d.reply(invite, 200, described(savp, sha80))
	d.next("ACK")
	l := (<-out).leg
	hung := make(chan error, 1)
	go func() { hung <- l.HangUp(bounded(t)) }()
	bye := d.next("BYE") // which is not answered yet
	story := ""
	for _, e := range p.Recorder.Since(0) {
		switch b := e.Body.(type) {
		case record.Media:
			story += "media "
		case record.SIPMessage:
			if b.Method == "BYE" {
				story += "BYE "
			}
		}
	}
	if story != "media BYE " {
		t.Errorf("recorded in the order %q", story)
	}
	d.reply(bye, 200, "")
	if err := <-hung; err != nil {
		t.Error(err)
	}
}

func TestWaitHeardEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(d *device, invite message, cancel context.CancelFunc)
		gave bool // up: the context's error is returned
	}{
		{"with the context", func(_ *device, _ message, cancel context.CancelFunc) { cancel() }, true},
		{"with the call", func(d *device, invite message, _ context.CancelFunc) {
			d.request("BYE", "+13175550199", invite.get("Call-ID"), invite.get("From"), 1, "")
			d.next("SIP/2.0 200")
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := meet(t, cloudSide())
			invite, out := dial(bounded(t), p, d)
			d.reply(invite, 200, described(savp, sha80)) // and then plays nothing
			d.next("ACK")
			l := (<-out).leg
			ctx, cancel := context.WithCancel(bounded(t))
			defer cancel()
			waited := make(chan error, 1)
			go func() { waited <- l.WaitHeard(ctx, 1) }()
			c.end(d, invite, cancel)
			if err := <-waited; err == nil || errors.Is(err, context.Canceled) != c.gave {
				t.Errorf("error %v", err)
			}
			if err := l.WaitHeard(bounded(t), 0); err != nil {
				t.Errorf("waiting for nothing: %v", err)
			}
			if !c.gave {
				return
			}
			go l.HangUp(bounded(t))
			d.reply(d.next("BYE"), 200, "")
			over(t, l.Call)
		})
	}
}
