package leg

import (
	"errors"
	"strings"
	"testing"

	"byocheck/simulator/record"
	"byocheck/simulator/sdp"
	"byocheck/simulator/sipua"
)

// key is a master key and salt of 30 octets.
const key = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

const (
	savp   = "m=audio 4000 RTP/SAVP 0 8 101"
	avp    = "m=audio 4000 RTP/AVP 0 8 101"
	sha80  = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key
	sha32  = "a=crypto:2 AES_CM_128_HMAC_SHA1_32 " + key
	broken = "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:too-short"
)

// invited lets the device call and returns the call as it reaches the party.
func invited(t testing.TB, p *party, d *device, body string) *sipua.Call {
	t.Helper()
	at, err := p.Expect("+13175550100")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Close)
	d.request("INVITE", "+13175550100", "call", "", 1, body)
	d.next("SIP/2.0 100")
	select {
	case c := <-at.Calls:
		return c
	case <-bounded(t).Done():
		t.Fatal("the call does not arrive")
		return nil
	}
}

func TestAnswerRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		side *Side
		body string
		says string
	}{
		{"plain RTP to a secure side", cloudSide(), described(avp), "RTP/AVP"},
		{"plain RTP with a key to a secure side", cloudSide(), described(avp, sha80), "RTP/AVP"},
		{"SRTP to a plain side", carrierSide(), described(savp, sha80), "RTP/SAVP"},
		{"another profile", cloudSide(), described("m=audio 4000 RTP/SAVPF 0", sha80), "RTP/SAVPF"},
		{"no key", cloudSide(), described(savp), "AES_CM_128_HMAC_SHA1_80"},
		{"a key for the whole session only", cloudSide(), strings.Replace(described(savp), "t=0 0", "t=0 0\r\n"+sha80, 1), "a=crypto"},
		{"another suite only", cloudSide(), described(savp, sha32), "AES_CM_128_HMAC_SHA1_80"},
		{"an unknown suite only", cloudSide(), described(savp, "a=crypto:1 ROT_13 inline:abc"), "AES_CM_128_HMAC_SHA1_80"},
		{"a key without authentication only", cloudSide(), described(savp, sha80+" UNAUTHENTICATED_SRTP"), "a=crypto"},
		{"a key of the wrong length only", cloudSide(), described(savp, broken), "key-salt"},
		{"no codec in common", cloudSide(), described("m=audio 4000 RTP/SAVP 9 18 101", "a=rtpmap:101 telephone-event/8000", sha80), "codec"},
		{"no audio", cloudSide(), described("m=video 4000 RTP/SAVP 96", sha80), "no audio"},
		{"a stream that is not in use", cloudSide(), described("m=audio 0 RTP/SAVP 0", sha80), "no audio"},
		{"no session description", cloudSide(), "", "session description"},
		{"an unreadable session description", cloudSide(), "v=0\r\nthis is none\r\n", "session description"},
		{"no address", cloudSide(), "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + savp + "\r\n" + sha80 + "\r\n", "c= line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := meet(t, c.side)
			before := sockets(t)
			call := invited(t, p, d, c.body)
			l, err := p.Answer(call)
			if !errors.Is(err, ErrOffer) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that wraps %v and says %q", err, ErrOffer, c.says)
			}
			if l != nil {
				t.Error("there is a leg nevertheless")
			}
			refused := d.next("SIP/2.0 488")
			d.request("ACK", "+13175550100", "call", refused.get("To"), 1, "")
			over(t, call)
			if got := wait(t, p.Recorder, state("rejected")); got.Status != 488 || got.By != record.Us {
				t.Errorf("recorded as %+v", got)
			}
			if m := events[record.Media](p.Recorder); len(m) != 0 {
				t.Errorf("media of a call that never was: %+v", m)
			}
			sameSockets(t, before)
		})
	}
}

func TestAnswerAccepts(t *testing.T) {
	both := []string{"a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000"}
	for _, c := range []struct {
		name    string
		side    *Side
		media   []string
		profile string
		codec   sdp.Codec
		crypto  string // how our line begins
	}{
		{"SRTP", cloudSide(), append(both, sha80), "RTP/SAVP", sdp.PCMU, "1 AES_CM_128_HMAC_SHA1_80 inline:"},
		{"plain RTP", carrierSide(), both, "RTP/AVP", sdp.PCMU, ""},
		{"the second key", cloudSide(), []string{sha32, "a=crypto:7 AES_CM_128_HMAC_SHA1_80 " + key}, "RTP/SAVP", sdp.PCMU, "7 AES_CM_128_HMAC_SHA1_80 inline:"},
		{"a good key beside one of the wrong length", cloudSide(), []string{broken, sha80}, "RTP/SAVP", sdp.PCMU, "1 AES_CM_128_HMAC_SHA1_80 inline:"},
		{"a good key beside one of another method", cloudSide(), []string{"a=crypto:2 AES_CM_128_HMAC_SHA1_80 mikey:abc", sha80}, "RTP/SAVP", sdp.PCMU, "1 AES_CM_128_HMAC_SHA1_80 inline:"},
		{"G.711 under a name in small letters", cloudSide(), []string{"a=rtpmap:8 pcma/8000", "a=rtpmap:0 GSM/8000", sha80}, "RTP/SAVP", sdp.PCMA, "1 AES_CM_128"},
		{"G.711 under a type of its own", cloudSide(), []string{"a=rtpmap:0 X/8000", "a=rtpmap:8 Y/8000", "a=rtpmap:101 PCMA/8000", sha80}, "RTP/SAVP", sdp.Codec{Type: 101, Name: "PCMA"}, "1 AES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := meet(t, c.side)
			before := sockets(t)
			l, err := p.Answer(invited(t, p, d, described(append([]string{"m=audio 4000 " + c.profile + " 0 8 101"}, c.media...)...)))
			if err != nil {
				t.Fatal(err)
			}
			d.next("SIP/2.0 180")
			ok := d.next("SIP/2.0 200")
			answers, err := sdp.Read([]byte(ok.body))
			if err != nil || len(answers) != 1 {
				t.Fatalf("our answer %q: %v", ok.body, err)
			}
			a := answers[0]
			if a.Profile != c.profile || a.Addr.Addr() != p.Media || a.Addr.Port() == 0 {
				t.Errorf("answered %s at %s", a.Profile, a.Addr)
			}
			if len(a.Codecs) != 1 || a.Codecs[0] != c.codec {
				t.Errorf("answered with the codecs %v, want %v", a.Codecs, c.codec)
			}
			switch {
			case c.crypto == "" && len(a.Crypto) == 0:
			case len(a.Crypto) != 1 || !strings.HasPrefix(a.Crypto[0], c.crypto):
				t.Errorf("answered with the keys %q, want one that begins %q", a.Crypto, c.crypto)
			case strings.Contains(a.Crypto[0], key):
				t.Error("the key is the device's own")
			}
			d.request("ACK", "+13175550100", "call", ok.get("To"), 1, "")
			d.request("BYE", "+13175550100", "call", ok.get("To"), 2, "")
			d.next("SIP/2.0 200")
			over(t, l.Call)
			m := wait(t, p.Recorder, heard)
			if m.Codec != c.codec.Name || m.Encrypted != c.side.Secure || m.Encrypted != (m.Suite != "") || m.Leg != c.side.Name || m.Call != l.Call.Number {
				t.Errorf("recorded %+v", m)
			}
			sameSockets(t, before)
		})
	}
}

// A device that gives up while we still think about its offer gets no audio.
func TestAnswerToACallThatIsOver(t *testing.T) {
	p, d := meet(t, cloudSide())
	before := sockets(t)
	call := invited(t, p, d, described(savp, sha80))
	d.request("CANCEL", "+13175550100", "call", "", 1, "")
	over(t, call)
	if l, err := p.Answer(call); err == nil || l != nil {
		t.Errorf("answered: %v, %v", l, err)
	}
	if m := events[record.Media](p.Recorder); len(m) != 0 {
		t.Errorf("media of a call that never was: %+v", m)
	}
	sameSockets(t, before)
}
