package dns

import (
	"encoding/binary"
	"testing"

	miekg "github.com/miekg/dns"
)

// FuzzRespond: whatever comes, a query gets one reply that can be read, fits, and
// belongs to it, and nothing else gets any.
func FuzzRespond(f *testing.F) {
	cfg := twoRegions()
	cfg.Services = sips()
	records, err := newAuthority(cfg.Zones, cfg.Hosts, cfg.Services, 5)
	if err != nil {
		f.Fatal(err)
	}
	whole := pack(f, question(lb01, miekg.TypeA))
	f.Add(whole, false)
	f.Add(whole[:20], false)
	f.Add(pack(f, question("_sips._tcp.voice.use1.pure.cloud.", miekg.TypeSRV)), false)
	f.Add(pack(f, question("x."+lb01, miekg.TypeANY).SetEdns0(4096, true)), false)
	f.Add(pack(f, new(miekg.Msg).SetAxfr("use1.pure.cloud.")), true)
	f.Add(pack(f, new(miekg.Msg).SetUpdate("use1.pure.cloud.")), true)
	f.Add(append(whole[:12:12], 0xc0, 12, 0, 1, 0, 1), true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, wire []byte, stream bool) {
		reply, told := records.respond(wire, stream)
		isQuery := len(wire) >= headerSize && wire[2]&0x80 == 0
		if (reply != nil) != isQuery {
			t.Fatalf("reply %x to %x, which is a query: %v", reply, wire, isQuery)
		}
		if !isQuery {
			return
		}
		limit := messageSize
		if stream {
			limit = miekg.MaxMsgSize
		}
		got := new(miekg.Msg)
		if err := got.Unpack(reply); err != nil || len(reply) > limit {
			t.Fatalf("reply %x of %d bytes: %v", reply, len(reply), err)
		}
		if got.Id != binary.BigEndian.Uint16(wire) || !got.Response || got.RecursionAvailable {
			t.Errorf("header %v does not answer %x", got.MsgHdr, wire[:headerSize])
		}
		if told.Rcode == "" || (told.Rcode == "NOERROR" && told.Name == "") || len(told.Answers) != len(got.Answer) {
			t.Errorf("told %+v of %v", told, got)
		}
	})
}
