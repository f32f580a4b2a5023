package referencesbc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/sdp"
	"byocheck/simulator/sipua"
)

// blocks of 20 ms of the far end's tone that a test wants to hear.
const blocks = 15

func TestCallToCloud(t *testing.T) {
	for _, hangsUp := range []string{"carrier", "cloud"} {
		t.Run("ended by the "+hangsUp, func(t *testing.T) {
			w, ctx := build(t, nil), bounded(t)
			there := make(chan *sipua.Call, 1)
			go func() {
				c := w.expect(w.atCloud)
				l, err := w.cloud.Answer(c)
				if err != nil {
					t.Error(err)
				} else if err := l.WaitHeard(ctx, blocks); err != nil {
					t.Error("at the cloud:", err)
				}
				there <- c
			}()
			here, err := reach(ctx, &w.carrier, w.toSBC(), toCloud)
			must(t, err)
			must(t, here.WaitHeard(ctx, blocks))
			c := <-there
			port := strings.TrimPrefix(w.proxies[0].listener.Addr().String(), "127.0.41.1:")
			line, _, _ := strings.Cut(c.Invite.String(), "\r\n")
			if want := "INVITE sip:" + toCloud + ";tgrp=lab;trunk-context=byoc.example.test@lb01.voice.example.test:" + port + ";transport=tls SIP/2.0"; line != want {
				t.Errorf("the request line is\n%s, not\n%s", line, want)
			}
			if got := w.proxies[0].hello().ServerName; got != "lb01.voice.example.test" {
				t.Errorf("SNI is %q", got)
			}
			offer, err := sdp.Read(c.Invite.Body())
			must(t, err)
			if offer[0].Profile != "RTP/SAVP" || len(offer[0].Crypto) != 1 || !strings.Contains(offer[0].Crypto[0], " AES_CM_128_HMAC_SHA1_80 inline:") {
				t.Errorf("the offer is %+v", offer[0])
			}
			if hangsUp == "cloud" {
				must(t, c.HangUp(ctx))
				over(t, here.Call)
			} else {
				must(t, here.HangUp(ctx))
				over(t, c)
			}
		})
	}
}

func TestCallFromCloud(t *testing.T) {
	for _, hangsUp := range []string{"carrier", "cloud"} {
		t.Run("ended by the "+hangsUp, func(t *testing.T) {
			w, ctx := build(t, nil), bounded(t)
			f, err := w.dial()
			must(t, err)
			there := make(chan *sipua.Call, 1)
			go func() {
				c := w.expect(w.atTrunk)
				l, err := w.carrier.Answer(c)
				if err != nil {
					t.Error(err)
				} else if err := l.WaitHeard(ctx, blocks); err != nil {
					t.Error("at the carrier:", err)
				}
				there <- c
			}()
			here, err := reach(ctx, &w.cloud, f, toCarrier)
			must(t, err)
			must(t, here.WaitHeard(ctx, blocks))
			c := <-there
			if c.Dialled != toCarrier {
				t.Errorf("the carrier is called at %s", c.Dialled)
			}
			if hangsUp == "cloud" {
				must(t, here.HangUp(ctx))
				over(t, c)
			} else {
				must(t, c.HangUp(ctx))
				over(t, here.Call)
			}
		})
	}
}

// A call with sips: URIs is taken like any other.
func TestSIPSCallFromCloud(t *testing.T) {
	w, ctx := build(t, nil), bounded(t)
	f, err := w.dial()
	must(t, err)
	go func() { w.carrier.Answer(w.expect(w.atTrunk)) }()
	here, err := w.cloud.Dial(ctx, f, sipua.Invitation{To: toCarrier, From: from, Host: "sbc.customer.test", Scheme: "sips"})
	must(t, err)
	must(t, here.HangUp(ctx))
}

// offerOf returns a session description.
func offerOf(profile string, crypto ...string) []byte {
	return sdp.Audio{Addr: listenerAddr, Profile: profile, Codecs: []sdp.Codec{sdp.PCMU}, Crypto: crypto}.Text(1)
}

const goodCrypto = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

func TestOffersRefused(t *testing.T) {
	w := build(t, nil)
	tests := []struct {
		name  string
		cloud bool
		offer []byte
	}{
		{"plain RTP from the cloud", true, offerOf("RTP/AVP")},
		{"plain RTP with a key from the cloud", true, offerOf("RTP/AVP", goodCrypto)},
		{"SRTP without a key", true, offerOf("RTP/SAVP")},
		{"SRTP with another suite", true, offerOf("RTP/SAVP", strings.Replace(goodCrypto, "_80", "_32", 1))},
		{"SRTP without encryption", true, offerOf("RTP/SAVP", goodCrypto+" UNENCRYPTED_SRTP")},
		{"SRTP from the carrier", false, offerOf("RTP/SAVP", goodCrypto)},
		{"another codec", false, []byte(strings.ReplaceAll(string(offerOf("RTP/AVP")), "PCMU", "G726-32"))},
		{"nothing", false, nil},
		{"garbage", false, []byte("v=0\r\nm=\r\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agent, f := w.carrier.Agent, w.toSBC()
			if tt.cloud {
				var err error
				agent = w.cloud.Agent
				f, err = w.dial()
				must(t, err)
			}
			c, err := agent.Call(f, sipua.Invitation{To: toCarrier, From: from, Host: "sbc.customer.test", SDP: tt.offer})
			must(t, err)
			var rejected *sipua.Rejected
			if err := c.Wait(bounded(t)); !errors.As(err, &rejected) || rejected.Status != 488 {
				t.Errorf("the outcome is %v, not 488", err)
			}
		})
	}
}

func TestRejectionsPass(t *testing.T) {
	w := build(t, nil)
	for _, tt := range []struct {
		name string
		code int
		want int
	}{{"not found", 404, 404}, {"busy", 486, 486}, {"declined", 603, 603}, {"server error", 500, 500}, {"moved", 302, 480}} {
		t.Run(tt.name+" at the cloud", func(t *testing.T) {
			if got := w.call(func(c *sipua.Call) { c.Reject(tt.code, "Because") }); got != tt.want {
				t.Errorf("the carrier gets %d, not %d", got, tt.want)
			}
		})
		t.Run(tt.name+" at the carrier", func(t *testing.T) {
			f, err := w.dial()
			must(t, err)
			go func() { w.expect(w.atTrunk).Reject(tt.code, "Because") }()
			_, err = reach(bounded(t), &w.cloud, f, toCarrier)
			var rejected *sipua.Rejected
			if !errors.As(err, &rejected) || rejected.Status != tt.want {
				t.Errorf("the cloud gets %v, not %d", err, tt.want)
			}
		})
	}
}

func TestCancelPasses(t *testing.T) {
	for _, fromCloud := range []bool{false, true} {
		name := "of the carrier"
		if fromCloud {
			name = "of the cloud"
		}
		t.Run(name, func(t *testing.T) {
			w := build(t, nil)
			side, f, calls := &w.carrier, w.toSBC(), w.atCloud
			if fromCloud {
				var err error
				side, calls = &w.cloud, w.atTrunk
				f, err = w.dial()
				must(t, err)
			}
			ctx, giveUp := context.WithCancel(bounded(t))
			done := make(chan error, 1)
			go func() {
				_, err := reach(ctx, side, f, toCarrier)
				done <- err
			}()
			there := w.expect(calls)
			must(t, there.Ring(180, nil))
			giveUp()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			over(t, there)
			if by := there.EndedBy(); by != "device" || there.Status() != 487 {
				t.Errorf("the call ended by %q with %d", by, there.Status())
			}
		})
	}
}

// A call that is cut off from its connection still gets its BYE: on a new one.
func TestHangUpAfterLostConnection(t *testing.T) {
	w, ctx := build(t, nil), bounded(t)
	there := make(chan *sipua.Call, 1)
	go func() {
		c := w.expect(w.atCloud)
		w.cloud.Answer(c)
		there <- c
	}()
	here, err := reach(ctx, &w.carrier, w.toSBC(), toCloud)
	must(t, err)
	c := <-there
	<-c.Confirmed()
	lb01 := w.sbc.proxies[0]
	lb01.connecting.Lock()
	lost := lb01.link
	lb01.connecting.Unlock()
	w.proxies[0].hangUp()
	<-lost.flow.Closed() // a BYE that is written before goes the way of the connection
	must(t, here.HangUp(ctx))
	over(t, c)
	if n := w.proxies[0].tried(); n != 2 {
		t.Errorf("%d connections to lb01, not a second one for the BYE", n)
	}
}

func TestSilentCarrier(t *testing.T) {
	w := build(t, func(s *SBC) { s.Timers.FirstResponse = 300 * time.Millisecond; s.Carrier = silent(t) })
	f, err := w.dial()
	must(t, err)
	_, err = reach(bounded(t), &w.cloud, f, toCarrier)
	var rejected *sipua.Rejected
	if !errors.As(err, &rejected) || rejected.Status != 504 {
		t.Errorf("the cloud gets %v, not 504", err)
	}
}
