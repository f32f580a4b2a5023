package sipua

import (
	"reflect"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// RFC 3261 8.2.6.2: one tag in all responses to a request, and none changed
// that the request has.
func TestOneTagInAllResponses(t *testing.T) {
	for name, tt := range map[string]struct {
		incoming func(*Call)
		then     string // what the device sends after the 180
		want     []string
	}{
		"accepted":  {func(c *Call) { c.Ring(180, nil); c.Answer([]byte(answer)) }, "", []string{"180 INVITE", "200 INVITE"}},
		"refused":   {func(c *Call) { c.Ring(180, nil); c.Ring(183, nil); c.Reject(603, "Decline") }, "", []string{"180 INVITE", "183 INVITE", "603 INVITE"}},
		"cancelled": {func(c *Call) { c.Ring(180, nil) }, toCancel("x"), []string{"180 INVITE", "200 CANCEL", "487 INVITE"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
				a.Incoming = tt.incoming
				d.send(toAgent("INVITE", "x", toNobody, 1, "", offer))
				d.response("100 INVITE")
				tags := map[string]bool{}
				for i, want := range tt.want {
					tag, _ := d.response(want).To().Params.Get("tag")
					tags[tag] = true
					if i == 0 {
						d.send(tt.then)
					}
				}
				if len(tags) != 1 || tags[""] {
					t.Errorf("tags %v", tags)
				}
				for tag := range tags {
					to := toNobody + ";tag=" + tag
					d.send(strings.Replace(toAgent("ACK", "x", to, 1, "", ""), "z9hG4bKxACK", "z9hG4bKxINVITE", 1), toAgent("BYE", "x", to, 2, "", ""))
				}
				d.next()
			})
		})
	}
}

func TestResponsesEcho(t *testing.T) {
	const sentBy = "SIP/2.0/TLS 127.0.0.9:5061;branch=z9hG4bK1"
	for name, tt := range map[string]struct {
		via, want []string // what the Via lines say, and what the response's do
		same      string   // another header line, to come back as it is
	}{
		"plain":                   {via: []string{sentBy}, want: []string{sentBy}},
		"unknown parameters":      {via: []string{sentBy + `;odd;x="a;\", b";i=1;ttl=3`}, want: []string{sentBy + `;odd;x="a;\", b";i=1;ttl=3`}},
		"several":                 {via: []string{sentBy, "SIP/2.0/UDP inner.test;branch=z9hG4bK0"}, want: []string{sentBy, "SIP/2.0/UDP inner.test;branch=z9hG4bK0"}},
		"several in one line":     {via: []string{sentBy + " , SIP/2.0/UDP inner.test"}, want: []string{sentBy, "SIP/2.0/UDP inner.test"}},
		"rport asked for":         {via: []string{sentBy + ";rport;alias"}, want: []string{sentBy + ";rport=40000;alias;received=127.0.0.9"}},
		"rport at the end":        {via: []string{sentBy + ";rport"}, want: []string{sentBy + ";rport=40000;received=127.0.0.9"}},
		"sent by a name":          {via: []string{"SIP/2.0/TLS sbc.test:5061;branch=z9hG4bK1"}, want: []string{"SIP/2.0/TLS sbc.test:5061;branch=z9hG4bK1;received=127.0.0.9"}},
		"sent by another address": {via: []string{"SIP/2.0/TLS 10.0.0.1:5061;branch=z9hG4bK1"}, want: []string{"SIP/2.0/TLS 10.0.0.1:5061;branch=z9hG4bK1;received=127.0.0.9"}},
		"no branch of RFC 3261":   {via: []string{"SIP/2.0/TLS 127.0.0.9:5061"}, want: []string{"SIP/2.0/TLS 127.0.0.9:5061"}},
		"folded":                  {via: []string{"SIP/2.0/TLS\r\n 127.0.0.9:5061\r\n\t;branch=z9hG4bK1"}, want: []string{"SIP/2.0/TLS 127.0.0.9:5061;branch=z9hG4bK1"}},
		"blanks":                  {via: []string{"SIP / 2.0 / TLS  127.0.0.9:5061 ; branch = z9hG4bK1"}, want: []string{"SIP/2.0/TLS 127.0.0.9:5061;branch=z9hG4bK1"}},
		"compact":                 {via: []string{sentBy}, want: []string{sentBy}, same: "compact"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
				header := "Via: "
				if tt.same != "" {
					header = "v: "
				}
				text := toAgent("OPTIONS", "x", toNobody, 1, "", "")
				before, after, _ := strings.Cut(text, "Via: ")
				_, after, _ = strings.Cut(after, "\r\n")
				d.send(before + header + strings.Join(tt.via, "\r\n"+header) + "\r\n" + after)
				r := d.response("200 OPTIONS")
				if got := values(r, "Via"); !reflect.DeepEqual(got, tt.want) {
					t.Errorf("the response has Via\n%q\nwant\n%q", got, tt.want)
				}
			})
		})
	}
}

func TestResponsesKeepFromToCallIDAndCSeq(t *testing.T) {
	for from, want := range map[string]string{
		"<sip:+4940@127.0.0.9>;tag=device":                          "<sip:+4940@127.0.0.9>;tag=device",
		`"A \"B\" C" <sip:+4940@127.0.0.9;user=phone>;tag=device;x`: `"A \"B\" C" <sip:+4940@127.0.0.9;user=phone>;tag=device;x`,
		"<sip:+4940@127.0.0.9> ; tag = device":                      "<sip:+4940@127.0.0.9>;tag=device",
		"sip:+4940@127.0.0.9;tag=device":                            "<sip:+4940@127.0.0.9>;tag=device",
		"<tel:+4940>;tag=device":                                    "<tel:+4940>;tag=device",
	} {
		bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
			d.send(strings.Replace(toAgent("OPTIONS", "x@y", toNobody, 77, "", ""), "<sip:+4940@127.0.0.9>;tag=device", from, 1))
			r := d.response("200 OPTIONS")
			if got := r.From().Value(); got != want {
				t.Errorf("From: %s comes back as %s, want %s", from, got, want)
			}
			if tag, _ := r.From().Params.Get("tag"); tag != "device" {
				t.Errorf("From: %s has tag %q", from, tag)
			}
			if r.CallID().Value() != "x@y" || *r.CSeq() != (sip.CSeqHeader{SeqNo: 77, MethodName: "OPTIONS"}) {
				t.Errorf("Call-ID %s, CSeq %s", r.CallID().Value(), r.CSeq().Value())
			}
		})
	}
}

// RFC 3261 13.2.2.4: the ACK has the INVITE's number, whatever was sent since.
func TestAckHasTheInvitesNumber(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		call, invite := begin(d, a, f)
		d.send(reply(invite, 183, "", answer))
		wait(t, a.Recorder, 0, state("progress"))
		go call.Do(t.Context(), sip.UPDATE, "application/sdp", []byte(offer)) // in the early dialog
		update := d.request("UPDATE")
		d.send(reply(update, 200, "", answer), reply(invite, 200, "", answer))
		ack := d.request("ACK")
		if ack.CSeq().SeqNo != invite.CSeq().SeqNo || update.CSeq().SeqNo != 2 {
			t.Errorf("INVITE %d, UPDATE %d, ACK %d", invite.CSeq().SeqNo, update.CSeq().SeqNo, ack.CSeq().SeqNo)
		}
		if ack.Via().Params.GetOr("branch", "") == invite.Via().Params.GetOr("branch", "") {
			t.Error("the ACK to a 2xx has the INVITE's branch")
		}
		go call.HangUp(bounded(t))
		bye := d.request("BYE")
		if bye.CSeq().SeqNo != 3 {
			t.Errorf("BYE %d", bye.CSeq().SeqNo)
		}
		d.send(reply(bye, 200, "", ""))
		over(t, call)
	})
}
