package media

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"byocheck/simulator/sdes"
)

const (
	farHz   = 1004
	ownHz   = 440
	packets = 50 // in a run: one second
)

var (
	peer  = netip.MustParseAddrPort("127.0.3.1:4000")
	begin = time.Unix(1_700_000_000, 0)
)

// key gives the context of one direction, the same for the same n.
func key(t testing.TB, suite sdes.SuiteName, n byte, params ...string) *srtp.Context {
	t.Helper()
	line, err := sdes.Generate(1, suite, bytes.NewReader(bytes.Repeat([]byte{n}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	line.Params = params
	ctx, err := line.Context()
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func testSender(hz float64, crypto *srtp.Context) *sender {
	return &sender{crypto: crypto, ssrc: 0xabcd, sequence: 100, tone: oscillator{hz: hz}}
}

func testReceiver(crypto *srtp.Context) *receiver {
	return &receiver{crypto: crypto, ear: ear{expect: farHz, others: []float64{ownHz}, heardOthers: make([]uint64, 1)}}
}

// run takes n packets from s to r, paced.
func run(t testing.TB, s *sender, r *receiver, n int) {
	t.Helper()
	for i := range n {
		p, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		r.take(p, peer, begin.Add(time.Duration(i)*Interval))
	}
}

func TestReceiverSorts(t *testing.T) {
	const suite = sdes.AESCM128HMACSHA1x80
	type counts struct{ accepted, authenticated, failures, clear, wrongType, heard, echoed, silent uint64 }
	tests := []struct {
		name          string
		send, receive func(t testing.TB) *srtp.Context
		alter         func(*sender)
		hz            float64
		want          counts
	}{
		{name: "clear", hz: farHz, want: counts{accepted: 50, heard: 50}},
		{
			name: "protected", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{accepted: 50, authenticated: 50, heard: 50},
		},
		{
			name: "protected with GCM", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, sdes.AEADAES256GCM, 1) },
			receive: func(t testing.TB) *srtp.Context { return key(t, sdes.AEADAES256GCM, 1) },
			want:    counts{accepted: 50, authenticated: 50, heard: 50},
		},
		{
			name: "protected under another key", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, suite, 2) },
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{failures: 50},
		},
		{
			name: "GCM under another key", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, sdes.AEADAES128GCM, 2) },
			receive: func(t testing.TB) *srtp.Context { return key(t, sdes.AEADAES128GCM, 1) },
			want:    counts{failures: 50},
		},
		{
			name: "protected with a shorter tag", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, sdes.AESCM128HMACSHA1x32, 1) },
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{failures: 50},
		},
		{
			name: "encrypted but not authenticated", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, suite, 1, sdes.UnauthenticatedSRTP) },
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{failures: 50},
		},
		{
			name: "authenticated under another key but not encrypted", hz: farHz,
			send:    func(t testing.TB) *srtp.Context { return key(t, suite, 2, sdes.UnencryptedSRTP) },
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{failures: 50},
		},
		{
			name: "clear where SRTP was agreed", hz: farHz,
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{clear: 50},
		},
		{
			name: "clear silence where SRTP was agreed",
			receive: func(t testing.TB) *srtp.Context {
				return key(t, suite, 1)
			},
			want: counts{clear: 50},
		},
		{
			name: "clear unknown tone where SRTP was agreed", hz: 620,
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want:    counts{clear: 50},
		},
		{
			name: "clear with another payload type where SRTP was agreed", hz: farHz,
			receive: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			alter:   func(s *sender) { s.payloadType = 101 },
			want:    counts{failures: 50},
		},
		{
			name: "protected where clear was agreed", hz: farHz,
			send: func(t testing.TB) *srtp.Context { return key(t, suite, 1) },
			want: counts{accepted: 50},
		},
		{name: "our own tone", hz: ownHz, want: counts{accepted: 50, echoed: 50}},
		{name: "silence", want: counts{accepted: 50, silent: 50}},
		{
			name: "wrong payload type", hz: farHz, alter: func(s *sender) { s.payloadType = 13 },
			want: counts{accepted: 50, wrongType: 50},
		},
		{
			name: "other law", hz: farHz, alter: func(s *sender) { s.codec, s.payloadType = PCMA, 8 },
			want: counts{accepted: 50, wrongType: 50},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, r := testSender(tt.hz, nil), testReceiver(nil)
			if tt.send != nil {
				s.crypto = tt.send(t)
			}
			if tt.receive != nil {
				r.crypto = tt.receive(t)
			}
			if tt.alter != nil {
				tt.alter(s)
			}
			run(t, s, r, packets)
			got := r.fill()
			c := counts{
				got.PacketsAccepted, got.PacketsAuthenticated, got.AuthFailures, got.ClearPackets,
				got.WrongPayloadType, got.Tone.Blocks, got.OtherTones[0].Blocks, got.SilentBlocks,
			}
			if got.PacketsReceived != packets || c != tt.want {
				t.Errorf("of %d packets\n got %+v\nwant %+v", got.PacketsReceived, c, tt.want)
			}
			if got.Lost != 0 || got.Duplicates != 0 || got.Reordered != 0 || got.Malformed != 0 {
				t.Errorf("clean stream reported as %+v", got)
			}
			if tt.want.heard > 0 && (got.Tone.Share != 1 || got.PeakHz < farHz-5 || got.PeakHz > farHz+5 || got.JitterMS != 0) {
				t.Errorf("tone share %g, peak %g Hz, jitter %g ms", got.Tone.Share, got.PeakHz, got.JitterMS)
			}
		})
	}
}

func TestReceiverSequence(t *testing.T) {
	for name, suite := range map[string]sdes.SuiteName{"clear": "", "SRTP": sdes.AESCM128HMACSHA1x80, "GCM": sdes.AEADAES128GCM} {
		t.Run(name, func(t *testing.T) {
			s, r := testSender(farHz, nil), testReceiver(nil)
			if suite != "" {
				s.crypto, r.crypto = key(t, suite, 1), key(t, suite, 1)
			}
			s.sequence = 65500 // the rollover counter becomes 1 on the way
			var wire [][]byte
			for range 200 {
				p, err := s.next()
				if err != nil {
					t.Fatal(err)
				}
				wire = append(wire, bytes.Clone(p))
			}
			wire[20], wire[21] = wire[21], wire[20]
			wire[35], wire[36] = wire[36], wire[35] // over the wrap
			wire[120], wire[119] = wire[110], nil   // one repeated, two lost
			for _, p := range wire {
				if p != nil {
					r.take(p, peer, begin)
				}
			}
			got := r.fill()
			if got.Lost != 2 || got.Reordered != 2 || got.Duplicates != 1 || got.AuthFailures != 0 || got.Tone.Blocks != 198 {
				t.Errorf("lost %d, reordered %d, duplicates %d, failures %d, heard %d",
					got.Lost, got.Reordered, got.Duplicates, got.AuthFailures, got.Tone.Blocks)
			}
			if suite != "" {
				if roc, _ := r.crypto.ROC(s.ssrc); roc != 1 {
					t.Errorf("rollover counter %d", roc)
				}
			}
		})
	}
}

func TestReceiverGarbage(t *testing.T) {
	rtp := func(first, second byte, rest ...byte) []byte {
		return append([]byte{first, second, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, rest...)
	}
	tests := []struct {
		name      string
		raw       []byte
		malformed bool // else RTCP
	}{
		{"empty", nil, true},
		{"one octet", []byte{0x80}, true},
		{"version 0, as STUN", make([]byte, 20), true},
		{"version 1", rtp(0x40, 0), true},
		{"CSRCs missing", rtp(0x8f, 0), true},
		{"extension missing", rtp(0x90, 0), true},
		{"extension longer than the packet", rtp(0x90, 0, 0xbe, 0xde, 0xff, 0xff), true},
		{"padding without payload", rtp(0xa0, 0), true},
		{"padding of 0", rtp(0xa0, 0, 1, 2, 0), true},
		{"padding beyond the payload", rtp(0xa0, 0, 1, 2, 4), true},
		{"giant", rtp(0x80, 0, make([]byte, maxDatagram)...), true},
		{"sender report", rtp(0x80, 200, make([]byte, 16)...), false},
		{"application RTCP", rtp(0x80, 204), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := testReceiver(nil)
			if r.take(tt.raw, peer, begin) {
				t.Fatal("accepted")
			}
			if got := r.fill(); (got.Malformed == 1) != tt.malformed || (got.RTCPPackets == 1) == tt.malformed || got.PacketsReceived != 1 {
				t.Errorf("malformed %d, RTCP %d", got.Malformed, got.RTCPPackets)
			}
		})
	}
	padded := testReceiver(nil)
	if !padded.take(rtp(0xa0, 0, append(make([]byte, 160), 0, 0, 3)...), peer, begin) || padded.fill().Blocks != 1 {
		t.Error("a padded packet was not taken without its padding")
	}
}

func TestReceiverBoundsItsMemory(t *testing.T) {
	r := testReceiver(nil)
	for i := range uint32(5000) {
		s := testSender(farHz, nil)
		s.ssrc = i
		p, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		from := netip.AddrPortFrom(peer.Addr(), uint16(i+1))
		r.take([]byte("garbage from somewhere"), from, begin)
		if i >= 1000 && i < 1000+maxSSRCs+10 {
			r.take(p, peer, begin)
		}
	}
	got := r.fill()
	if len(got.SSRCs) != maxSSRCs || got.OverSSRCLimit != 10 || got.SSRCs[0] != 1000 {
		t.Errorf("%d SSRCs from %d, %d packets over the limit", len(got.SSRCs), got.SSRCs[0], got.OverSSRCLimit)
	}
	if len(got.Sources) != maxSources {
		t.Errorf("%d sources", len(got.Sources))
	}
	var listed uint64
	found := false
	for _, s := range got.Sources {
		listed += s.Packets
		found = found || s.Address == peer && s.Accepted == maxSSRCs
	}
	if !found {
		t.Errorf("garbage hides the peer: %v", got.Sources)
	}
	if listed+got.PacketsOfOtherSources != got.PacketsReceived {
		t.Errorf("%d and %d packets by source, %d received", listed, got.PacketsOfOtherSources, got.PacketsReceived)
	}
}

func TestReportIsPlainJSON(t *testing.T) {
	r := testReceiver(nil)
	for _, n := range []int{0, 3} {
		run(t, testSender(farHz, nil), r, n)
		raw, err := json.Marshal(r.fill())
		if err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(back); !bytes.Equal(again, raw) || bytes.Contains(raw, []byte("null")) {
			t.Errorf("%s\nreads back as\n%s", raw, again)
		}
	}
}

func FuzzReceiver(f *testing.F) {
	s := testSender(farHz, nil)
	clear, err := s.next()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(clear))
	s.crypto = key(f, sdes.AESCM128HMACSHA1x80, 1)
	wire, err := s.next()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(wire))
	f.Add([]byte{0xb1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x10, 0, 0, 0, 9, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, r := range []*receiver{testReceiver(nil), testReceiver(key(t, sdes.AESCM128HMACSHA1x80, 1))} {
			// The input is several datagrams, each after its length.
			for rest := stream; len(rest) > 2; {
				n := min(int(binary.BigEndian.Uint16(rest)), len(rest)-2)
				r.take(rest[2:2+n], peer, begin)
				rest = rest[2+n:]
			}
			r.take(stream, peer, begin)
			got := r.fill()
			sorted := got.PacketsAccepted + got.AuthFailures + got.ClearPackets + got.Malformed + got.RTCPPackets + got.OverSSRCLimit
			if got.PacketsReceived > sorted+got.Duplicates {
				t.Fatalf("%d packets received, %d accounted for", got.PacketsReceived, sorted)
			}
			if _, err := json.Marshal(got); err != nil || got.Lost < 0 {
				t.Fatalf("report %+v: %v", got, err)
			}
		}
	})
}

func BenchmarkReceiveProtected(b *testing.B) {
	s, r := testSender(farHz, key(b, sdes.AESCM128HMACSHA1x80, 1)), testReceiver(key(b, sdes.AESCM128HMACSHA1x80, 1))
	b.ReportAllocs()
	for b.Loop() {
		p, err := s.next()
		if err != nil || !r.take(p, peer, begin) {
			b.Fatal("not accepted", err)
		}
	}
}
