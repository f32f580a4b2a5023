package sipua

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// established makes a call of the given role on d and returns it with the
// value of To for the device's requests in it.
func established(d *device, a *Agent, f *Flow, role string) (*Call, string) {
	d.t.Helper()
	if role == "callee" {
		to := accepted(d, a, "theirs")
		return a.Calls()[0], to
	}
	call, invite := begin(d, a, f)
	d.send(reply(invite, 200, "", answer))
	d.request("ACK")
	if err := call.Wait(bounded(d.t)); err != nil {
		d.t.Fatal(err)
	}
	return call, invite.From().Value()
}

// The device may take up a dialog on another connection, and through another
// proxy, than the one on which it began.
func TestDialogsBelongToTheAgent(t *testing.T) {
	for _, role := range []string{"caller", "callee"} {
		t.Run(role, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, first *device, f *Flow) {
				call, to := established(first, a, f, role)
				second, _ := meet(t, a, "lb03")
				seq := 10
				request := func(method, extra, body string) string {
					seq++
					return toAgent(method, call.callID, to, seq, extra, body)
				}

				second.send(request("UPDATE", "", ""))
				if r := second.response("200 UPDATE"); len(r.Body()) > 0 || r.Contact() == nil {
					t.Errorf("UPDATE without a body was answered with\n%s", r)
				}
				if got := call.Proxy(); got != "lb03" {
					t.Errorf("after UPDATE through lb03 the call stands on %s", got)
				}

				second.send(request("INVITE", "", offer))
				r := second.response("200 INVITE")
				want := answer
				if role == "caller" {
					want = offer
				}
				if string(r.Body()) != want || r.GetHeader("Content-Type").Value() != "application/sdp" {
					t.Errorf("re-INVITE was answered with\n%s", r)
				}
				want = "sip:+13175550100@lb03.voice.test:5061;transport=tls"
				if role == "caller" {
					want = "sip:+4940@lb03.voice.test:5061;transport=tls"
				}
				if got := r.Contact().Address.String(); got != want {
					t.Errorf("the Contact of the answer is %s, want %s", got, want)
				}
				second.send(toAgent("ACK", call.callID, to, seq, "", ""))

				second.send(request("BYE", "", ""))
				second.response("200 BYE")
				over(t, call)
				if call.EndedBy() != record.Device {
					t.Errorf("ended by %s", call.EndedBy())
				}
				e, err := a.Recorder.Wait(bounded(t), 0, func(e record.Event) bool {
					c, ok := e.Body.(record.Call)
					return ok && c.State == "ended"
				})
				if err != nil || e.Proxy != "lb03" || e.Body.(record.Call).By != record.Device {
					t.Errorf("recorded %+v, %v", e, err)
				}
				second.send(request("BYE", "", ""))
				second.response("481 BYE")
			})
		})
	}
}

func TestRequestsOfNoDialog(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		call, to := established(d, a, f, "callee")
		for name, tt := range map[string]struct{ text, want string }{
			"BYE with another From tag":    {strings.Replace(toAgent("BYE", "theirs", to, 2, "", ""), "tag=device", "tag=stranger", 1), "481 BYE"},
			"BYE without a From tag":       {strings.Replace(toAgent("BYE", "theirs", to, 3, "", ""), ";tag=device", "", 1), "481 BYE"},
			"BYE with another To tag":      {toAgent("BYE", "theirs", to+"x", 4, "", ""), "481 BYE"},
			"BYE with another Call-ID":     {toAgent("BYE", "nobody's", to, 5, "", ""), "481 BYE"},
			"BYE without a To tag":         {toAgent("BYE", "theirs", toNobody, 6, "", ""), "481 BYE"},
			"UPDATE without a To tag":      {toAgent("UPDATE", "theirs", toNobody, 6, "", ""), "481 UPDATE"},
			"INVITE with another To tag":   {toAgent("INVITE", "theirs", to+"x", 7, "", offer), "481 INVITE"},
			"CANCEL for nothing":           {toCancel("nobody's"), "481 CANCEL"},
			"REFER inside the dialog":      {toAgent("REFER", "theirs", to, 8, "", ""), "405 REFER"},
			"OPTIONS with another To tag":  {toAgent("OPTIONS", "theirs", to+"x", 9, "", ""), "200 OPTIONS"},
			"ACK for nothing, then OPTION": {toAgent("ACK", "nobody's", to, 9, "", "") + toAgent("OPTIONS", "x", toNobody, 9, "", ""), "200 OPTIONS"},
		} {
			d.send(tt.text)
			if got := d.name(); got != tt.want {
				t.Errorf("%s: got %s, want %s", name, got, tt.want)
			}
		}
		if call.EndedBy() != "" {
			t.Errorf("the call was ended by %s", call.EndedBy())
		}
	})
}

func (d *device) name() string { return name(d.next()) }

// The device's tag is known as soon as its response is read: what stands right
// behind it belongs to the dialog.
func TestEarlyDialog(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		for range runs {
			call, invite := begin(d, a, f)
			own := invite.From().Value()
			d.send(reply(invite, 183, "", answer), toAgent("UPDATE", call.callID, own, 1, "", offer), toAgent("INVITE", call.callID, own, 2, "", offer))
			d.response("200 UPDATE")
			d.response("491 INVITE")
			d.send(reply(invite, 503, "", ""))
			d.request("ACK")
			over(t, call)
		}
	})
}

func TestByeWhileItRings(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		a.Incoming = func(c *Call) { c.Ring(180, nil) }
		d.send(toAgent("INVITE", "early", toNobody, 1, "", offer))
		d.response("100 INVITE")
		tag, _ := d.response("180 INVITE").To().Params.Get("tag")
		call := a.Calls()[0]
		to := toNobody + ";tag=" + tag
		d.send(toAgent("INVITE", "early", to, 2, "", offer))
		d.response("500 INVITE") // RFC 3261 14.2
		d.send(toAgent("BYE", "early", to, 3, "", ""))
		d.response("200 BYE")
		d.response("487 INVITE")
		over(t, call)
		if err := call.Answer([]byte(answer)); err == nil {
			t.Error("answered after the end")
		}
		if _, states := apart(a.Recorder); states[len(states)-1] != "cancelled 487 by device" {
			t.Errorf("told %v", states)
		}
	})
}

func TestTargetRefresh(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		for _, role := range []string{"caller", "callee"} {
			t.Run(method+" to the "+role, func(t *testing.T) {
				bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
					call, to := established(d, a, f, role)
					refresh := toAgent(method, call.callID, to, 7, "", "")
					d.send(strings.Replace(refresh, "Contact: <sip:device@127.0.0.9:5061;transport=tls>", "Contact: <sip:moved@127.0.0.8:5071;x=y>", 1))
					d.response("200 " + method)
					go call.HangUp(bounded(t))
					bye := d.request("BYE")
					if got := bye.Recipient.String(); got != "sip:moved@127.0.0.8:5071;x=y" {
						t.Errorf("the BYE goes to %s", got)
					}
					d.send(reply(bye, 200, "", ""))
					over(t, call)
				})
			})
		}
	}
}

func TestRequestAfterTheConnection(t *testing.T) {
	unreachable := errors.New("nothing listens there")
	for name, tt := range map[string]struct {
		reconnect func(context.Context, *Flow) (*Flow, error)
		again     bool // a new connection
		want      error
	}{
		"cannot without Reconnect":     {nil, false, errFlowClosed},
		"goes down a new connection":   {nil, true, nil},
		"fails where Reconnect failed": {func(context.Context, *Flow) (*Flow, error) { return nil, unreachable }, false, unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, first *device, f *Flow) {
				a.Reconnect = tt.reconnect
				call, _ := established(first, a, f, "caller")
				var second *device
				if tt.again {
					var g *Flow
					second, g = meet(t, a, "lb02")
					a.Reconnect = func(_ context.Context, old *Flow) (*Flow, error) {
						if old != f {
							t.Error("asked to replace another flow")
						}
						return g, nil
					}
				}
				first.conn.Close()
				<-f.Closed()
				if second != nil {
					go func() {
						req := second.request("BYE")
						if got := req.Via().Host; got != "lb02.voice.test" {
							t.Errorf("the Via has %s", got)
						}
						second.send(reply(req, 200, "", ""))
					}()
				}
				if err := call.HangUp(bounded(t)); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				over(t, call)
			})
		})
	}
}

func TestDo(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		call, _ := established(d, a, f, "caller")
		for _, method := range []sip.RequestMethod{sip.INVITE, sip.ACK, sip.CANCEL} {
			if _, err := call.Do(t.Context(), method, "", nil); err == nil {
				t.Errorf("%s was sent", method)
			}
		}
		answer := make(chan *sip.Response, 1)
		go func() {
			r, err := call.Do(t.Context(), sip.INFO, "application/dtmf-relay", []byte("Signal=1\r\n"))
			if err != nil {
				t.Error(err)
			}
			answer <- r
		}()
		info := d.request("INFO")
		if got := info.GetHeader("Content-Type").Value(); got != "application/dtmf-relay" || string(info.Body()) != "Signal=1\r\n" || info.CSeq().SeqNo != 2 {
			t.Errorf("sent\n%s", info)
		}
		d.send(reply(info, 100, "", ""), reply(info, 415, "", ""))
		if r := <-answer; r == nil || r.StatusCode != 415 {
			t.Errorf("got %v", r)
		}
		start := time.Now()
		_, err := call.Do(t.Context(), sip.INFO, "", nil)
		if err == nil || time.Since(start) != 64*sip.T1 {
			t.Errorf("without an answer: got %v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if client, _ := f.table.count(); client != 0 {
			t.Errorf("%d client transactions left", client)
		}
	})
}
