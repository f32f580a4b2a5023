package referencesbc

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"byocheck/simulator/media"
	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
	"byocheck/simulator/sipua"
)

// Ringing and early media reach the caller before the answer.
func TestEarlyMedia(t *testing.T) {
	w, ctx := build(t, nil), bounded(t)
	local := netip.MustParseAddrPort("127.0.0.1:0")
	near, err := media.Listen(media.Config{Local: local, SendHz: 1100, ExpectHz: 700})
	must(t, err)
	defer near.Stop()
	far, err := media.Listen(media.Config{Local: local, SendHz: 700, ExpectHz: 1100})
	must(t, err)
	defer far.Stop()

	offer := sdp.Audio{Addr: near.Local(), Profile: "RTP/AVP", Codecs: []sdp.Codec{sdp.PCMU}}
	out, err := w.carrier.Agent.Call(w.toSBC(), sipua.Invitation{To: toCloud, From: from, Host: "x.test", SDP: offer.Text(1)})
	must(t, err)
	in := w.expect(w.atCloud)
	theirs, err := sdp.Read(in.Remote())
	must(t, err)
	line, err := sdes.Parse(theirs[0].Crypto[0])
	must(t, err)
	ours, err := sdes.Answer(line, rand.Reader)
	must(t, err)
	receive, err := line.Context()
	must(t, err)
	send, err := ours.Context()
	must(t, err)
	answer := sdp.Audio{Addr: far.Local(), Profile: "RTP/SAVP", Codecs: []sdp.Codec{sdp.PCMU}, Crypto: []string{ours.String()}}.Text(1)

	must(t, in.Ring(180, nil))
	must(t, far.Start(media.Session{Remote: theirs[0].Addr, Send: send, Receive: receive}))
	must(t, in.Ring(183, answer))
	early := waitFor(t, func() []byte { return out.Remote() })
	here, err := sdp.Read(early)
	must(t, err)
	if here[0].Profile != "RTP/AVP" || len(here[0].Crypto) > 0 {
		t.Errorf("the carrier is told %s with %d keys", here[0].Profile, len(here[0].Crypto))
	}
	must(t, near.Start(media.Session{Remote: here[0].Addr}))
	must(t, near.WaitHeard(ctx, blocks))
	if out.Status() != 0 {
		t.Error("the call is answered already")
	}
	must(t, in.Answer(answer))
	must(t, out.Wait(ctx))
	// The same keys go on: what is heard after the answer is heard with them.
	before := far.Report().PacketsAuthenticated
	waitFor(t, func() []byte {
		if far.Report().PacketsAuthenticated > before+5 {
			return []byte{1}
		}
		return nil
	})
	if r := far.Report(); r.AuthFailures > 0 || r.ClearPackets > 0 {
		t.Errorf("at the cloud: %d packets not authentic, %d in the clear", r.AuthFailures, r.ClearPackets)
	}
	must(t, out.HangUp(ctx))
}

// waitFor polls what has no event to wait for.
func waitFor(t testing.TB, get func() []byte) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if b := get(); len(b) > 0 {
			return b
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("it did not come")
	return nil
}

// packet returns an RTP packet.
func packet(seq uint16, ssrc uint32, payload string) []byte {
	b := make([]byte, 12, 12+len(payload))
	b[0] = 2 << 6
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, payload...)
}

// lab is a relay between two sockets of the test, with keys agreed.
type lab struct {
	relay          *relay
	cloud, carrier *net.UDPConn
	key            sdes.Line // the cloud's
	ours           sdes.Line // the relay's
}

func newLab(t testing.TB) *lab {
	s := &SBC{Media: netip.MustParseAddr("127.0.0.1")}
	r, err := s.openRelay()
	must(t, err)
	l := &lab{relay: r}
	t.Cleanup(r.close)
	for _, c := range []**net.UDPConn{&l.cloud, &l.carrier} {
		*c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(t, err)
		t.Cleanup(func() { (*c).Close() })
	}
	at := func(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }
	l.key, err = sdes.Generate(1, sdes.AESCM128HMACSHA1x80, nil)
	must(t, err)
	_, err = r.cloud.accept(sdp.Audio{Addr: at(l.cloud), Profile: "RTP/SAVP", Codecs: []sdp.Codec{sdp.PCMU}, Crypto: []string{l.key.String()}}.Text(1))
	must(t, err)
	l.ours = r.cloud.ours
	_, err = r.carrier.conclude(sdp.Audio{Addr: at(l.carrier), Profile: "RTP/AVP", Codecs: []sdp.Codec{sdp.PCMU}}.Text(1))
	must(t, err)
	return l
}

// next returns the next packet on a socket.
func next(t testing.TB, c *net.UDPConn) []byte {
	t.Helper()
	buf := make([]byte, 2048)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := c.ReadFromUDP(buf)
	must(t, err)
	return buf[:n]
}

func TestRelayPassesOnlyWhatIsAuthentic(t *testing.T) {
	l := newLab(t)
	seal, err := l.key.Context()
	must(t, err)
	open, err := l.ours.Context()
	must(t, err)
	at := l.relay.cloud.conn.LocalAddr().(*net.UDPAddr)
	sealed := func(seq uint16, payload string) []byte {
		b, err := seal.EncryptRTP(nil, packet(seq, 7, payload), nil)
		must(t, err)
		return b
	}
	first := sealed(1, "first")
	forged := bytes.Clone(sealed(2, "forged"))
	forged[15] ^= 1
	for _, p := range [][]byte{first, forged, packet(3, 7, "clear"), first, []byte("short"), make([]byte, 40), nil, sealed(4, "last")} {
		_, err := l.cloud.WriteToUDP(p, at)
		must(t, err)
	}
	if got := next(t, l.carrier); !bytes.Equal(got, packet(1, 7, "first")) {
		t.Errorf("the carrier got %q", got)
	}
	if got := next(t, l.carrier); !bytes.Equal(got, packet(4, 7, "last")) {
		t.Errorf("after the first the carrier got %q", got)
	}

	// Back again, encrypted; strangers are not heard.
	at = l.relay.carrier.conn.LocalAddr().(*net.UDPAddr)
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 41, 9)})
	must(t, err)
	defer stranger.Close()
	_, err = stranger.WriteToUDP(packet(1, 9, "stranger"), at)
	must(t, err)
	for ssrc := range uint32(maxSources + 1) {
		_, err = l.carrier.WriteToUDP(packet(1, 100+ssrc, "ours"), at)
		must(t, err)
	}
	_, err = l.carrier.WriteToUDP(packet(2, 100, "end"), at)
	must(t, err)
	for i := range uint32(maxSources + 1) {
		want := packet(1, 100+i, "ours")
		if i == maxSources { // one more would be one too many
			want = packet(2, 100, "end")
		}
		got := next(t, l.cloud)
		if bytes.Contains(got, []byte("ours")) {
			t.Fatal("the cloud got clear audio")
		}
		clear, err := open.DecryptRTP(nil, got, nil)
		must(t, err)
		if !bytes.Equal(clear, want) {
			t.Errorf("the cloud got %q, not %q", clear, want)
		}
	}
}

func TestAnswersRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile string
		crypto  func(ours sdes.Line) []string
		ok      bool
	}{
		{"good", "RTP/SAVP", func(l sdes.Line) []string { return []string{l.String()} }, true},
		{"plain", "RTP/AVP", func(l sdes.Line) []string { return []string{l.String()} }, false},
		{"no key", "RTP/SAVP", func(sdes.Line) []string { return nil }, false},
		{"wrong tag", "RTP/SAVP", func(l sdes.Line) []string { l.Tag++; return []string{l.String()} }, false},
		{"other suite", "RTP/SAVP", func(l sdes.Line) []string { l.Suite = sdes.AESCM128HMACSHA1x32; return []string{l.String()} }, false},
		{"garbage, then good", "RTP/SAVP", func(l sdes.Line) []string { return []string{"x", l.String()} }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := (&SBC{Media: netip.MustParseAddr("127.0.0.1")}).openRelay()
			must(t, err)
			defer r.close()
			_, err = r.cloud.propose(sdp.Audio{Codecs: []sdp.Codec{sdp.PCMU}})
			must(t, err)
			a := sdp.Audio{Addr: listenerAddr, Profile: tt.profile, Codecs: []sdp.Codec{sdp.PCMU}, Crypto: tt.crypto(r.cloud.ours)}
			if _, err := r.cloud.conclude(a.Text(1)); (err == nil) != tt.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

// The same answer again, as after early media, must not make room for replays.
func TestSameAnswerKeepsContexts(t *testing.T) {
	r, err := (&SBC{Media: netip.MustParseAddr("127.0.0.1")}).openRelay()
	must(t, err)
	defer r.close()
	_, err = r.cloud.propose(sdp.Audio{Codecs: []sdp.Codec{sdp.PCMU}})
	must(t, err)
	theirs, err := sdes.Answer(r.cloud.ours, nil)
	must(t, err)
	answer := func(l sdes.Line) []byte {
		return sdp.Audio{Addr: listenerAddr, Profile: "RTP/SAVP", Codecs: []sdp.Codec{sdp.PCMU}, Crypto: []string{l.String()}}.Text(1)
	}
	seal, err := theirs.Context()
	must(t, err)
	sealed, err := seal.EncryptRTP(nil, packet(1, 7, "audio"), nil)
	must(t, err)
	for i, want := range []bool{true, false, false} {
		_, err = r.cloud.conclude(answer(theirs))
		must(t, err)
		if got := r.cloud.open(sealed, listenerAddr.Addr()) != nil; got != want {
			t.Errorf("after answer %d the packet passes: %v", i+1, got)
		}
	}
	other, err := sdes.Answer(r.cloud.ours, nil)
	must(t, err)
	seal, err = other.Context()
	must(t, err)
	sealed, err = seal.EncryptRTP(nil, packet(2, 7, "audio"), nil)
	must(t, err)
	_, err = r.cloud.conclude(answer(other))
	must(t, err)
	if r.cloud.open(sealed, listenerAddr.Addr()) == nil {
		t.Error("another key in a later answer is not taken")
	}
}

func TestMediaPortsAreEven(t *testing.T) {
	for range 16 {
		c, err := listenRTP(netip.MustParseAddr("127.0.0.1"))
		must(t, err)
		defer c.Close()
		if port := c.LocalAddr().(*net.UDPAddr).Port; port%2 != 0 {
			t.Fatalf("port %d", port)
		}
	}
}

func FuzzOpen(f *testing.F) {
	l := newLab(f)
	seal, err := l.key.Context()
	must(f, err)
	b, err := seal.EncryptRTP(nil, packet(1, 7, "audio"), nil)
	must(f, err)
	f.Add(b)
	f.Add(packet(1, 7, "clear"))
	f.Add([]byte{0x9f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
	local := netip.MustParseAddr("127.0.0.1")
	f.Fuzz(func(t *testing.T, b []byte) {
		clear := l.relay.carrier.open(b, local)
		if clear != nil {
			l.relay.cloud.write(clear)
		}
		l.relay.cloud.open(b, local)
	})
}
