package dns

import (
	"encoding/binary"
	"net/netip"
	"strings"

	miekg "github.com/miekg/dns"
)

const (
	headerSize = 12 // RFC 1035 section 4.1.1

	// messageSize bounds what is read in one message, and what is sent in one
	// datagram to a client that says it takes more than 512 bytes. It is the
	// usual EDNS0 size that is not fragmented on an Ethernet path with IPv6.
	messageSize = 1232
)

// respond reads one message as it came from the wire and returns the reply as it
// goes back, and what was asked and answered. stream says that the reply is not
// bound by the size of a datagram. The reply is nil, and nothing was asked, when
// the message is no query: shorter than a header, or itself a response (answering
// responses lets two servers talk for ever).
func (a *authority) respond(wire []byte, stream bool) ([]byte, Query) {
	if len(wire) < headerSize {
		return nil, Query{}
	}
	request := new(miekg.Msg)
	wellFormed := request.Unpack(wire) == nil && complete(request, wire)
	if request.Response {
		return nil, Query{}
	}

	reply := new(miekg.Msg).SetReply(request)
	reply.RecursionDesired = request.RecursionDesired
	limit := miekg.MinMsgSize
	if stream {
		limit = miekg.MaxMsgSize
	}
	opt := request.IsEdns0()
	if wellFormed && opt != nil { // RFC 6891 section 6.1.1: an OPT is answered with one
		reply.SetEdns0(messageSize, opt.Do())
		if !stream {
			limit = min(int(opt.UDPSize()), messageSize) // less than 512 counts as 512
		}
	}

	switch {
	case request.Opcode != miekg.OpcodeQuery:
		reply.Rcode = miekg.RcodeNotImplemented
	case !wellFormed:
		reply.Rcode = miekg.RcodeFormatError
		reply.Question = nil // what could not be read is not echoed
	case opt != nil && opt.Version() != 0:
		reply.Rcode = miekg.RcodeBadVers // RFC 6891 section 6.1.3
	default:
		a.answer(reply)
	}
	shed(reply, limit)
	reply.Truncate(limit)
	reply.Compress = true

	packed, err := reply.Pack()
	if err != nil { // what was unpacked packs; were it not so, silence is safe
		return nil, Query{}
	}
	return packed, describe(request, reply)
}

// complete reports whether the sections hold what the header promised, which the
// unpacking does not insist on, with exactly one question and at most one OPT.
func complete(request *miekg.Msg, wire []byte) bool {
	for i, section := range []int{len(request.Question), len(request.Answer), len(request.Ns), len(request.Extra)} {
		if section != int(binary.BigEndian.Uint16(wire[4+2*i:])) {
			return false
		}
	}
	_, end, err := miekg.UnpackDomainName(wire, headerSize)
	if err != nil || len(request.Question) != 1 || end+4 > len(wire) { // 4: type and class
		return false
	}
	opts := 0
	for _, rr := range request.Extra {
		if rr.Header().Rrtype == miekg.TypeOPT {
			opts++
		}
	}
	return opts <= 1
}

// answer fills the reply to its one question. The owner of every record that is
// found carries the letter case of the question, as resolvers that check it expect
// (the "0x20" bits).
func (a *authority) answer(reply *miekg.Msg) {
	question := reply.Question[0]
	name := miekg.CanonicalName(question.Name)
	zone := a.zoneOf(name)
	if zone == "" || question.Qclass != miekg.ClassINET {
		reply.Rcode = miekg.RcodeRefused
		return
	}
	reply.Authoritative = true
	known := *a.hosts.Load()
	if !a.exists(name, known) {
		reply.Rcode = miekg.RcodeNameError
	}
	wanted := func(rrtype uint16) bool { // RFC 8482 section 4.1: for ANY, one of the sets will do
		return question.Qtype == rrtype || question.Qtype == miekg.TypeANY && len(reply.Answer) == 0
	}
	if wanted(miekg.TypeA) {
		reply.Answer = a.addresses(question.Name, known[name])
	}
	if wanted(miekg.TypeSRV) {
		a.serve(reply, question.Name, a.services[name], known)
	}
	if wanted(miekg.TypeSOA) && name == zone {
		reply.Answer = append(reply.Answer, soa(question.Name))
	}
	if len(reply.Answer) == 0 {
		reply.Ns = []miekg.RR{soa(zone)}
	}
}

// addresses are the A records of an owner.
func (a *authority) addresses(owner string, addrs []netip.Addr) []miekg.RR {
	var records []miekg.RR
	for _, addr := range addrs {
		header := miekg.RR_Header{Name: owner, Rrtype: miekg.TypeA, Class: miekg.ClassINET, Ttl: a.ttl}
		records = append(records, &miekg.A{Hdr: header, A: addr.AsSlice()})
	}
	return records
}

// soa is the start of authority of a zone. Only its MINIMUM matters: the zone is
// never transferred and takes no mail.
func soa(owner string) miekg.RR {
	return &miekg.SOA{
		Hdr:     miekg.RR_Header{Name: owner, Rrtype: miekg.TypeSOA, Class: miekg.ClassINET, Ttl: negativeTTL},
		Ns:      owner,
		Mbox:    "nobody.invalid.",
		Serial:  1,
		Refresh: 3600,
		Retry:   600,
		Expire:  86400,
		Minttl:  negativeTTL,
	}
}

// describe says what was asked and what went back. Names and records are in
// presentation form (RFC 1035 section 5.1), so bytes that do not print are escaped.
func describe(request, reply *miekg.Msg) Query {
	q := Query{Rcode: miekg.RcodeToString[reply.Rcode]}
	if reply.Rcode == miekg.RcodeBadVers {
		q.Rcode = "BADVERS" // the table has the other meaning of 16
	}
	if len(request.Question) > 0 {
		q.Name = request.Question[0].Name
		q.Type = miekg.Type(request.Question[0].Qtype).String()
	}
	for _, rr := range reply.Answer {
		q.Answers = append(q.Answers, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return q
}
