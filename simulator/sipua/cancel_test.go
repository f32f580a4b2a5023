package sipua

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// begin makes a call on f and returns it with the INVITE that the device got.
func begin(d *device, a *Agent, f *Flow) (*Call, *sip.Request) {
	d.t.Helper()
	call, err := a.Call(f, Invitation{To: "+13175550100", From: "+4940", Host: "sbc.test", SDP: []byte(offer)})
	if err != nil {
		d.t.Fatal(err)
	}
	return call, d.request("INVITE")
}

// In a bubble all goroutines must end with the test, and time passes when all wait.
func bubble(t *testing.T, test func(t *testing.T, a *Agent, d *device, f *Flow)) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent("cloud")
		d, f := meet(t, a, "lb01")
		test(t, a, d, f)
	})
}

// RFC 3261 9.1: no CANCEL before a provisional response.
func TestCancelWaitsForProvisional(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		call, invite := begin(d, a, f)
		hungUp := make(chan error, 1)
		go func() { hungUp <- call.HangUp(bounded(t)) }()
		synctest.Wait()
		for _, line := range story(a.Recorder) {
			if line == "out CANCEL" {
				t.Fatal("CANCEL was sent before any response")
			}
		}
		d.send(reply(invite, 100, "", ""))
		cancel := d.request("CANCEL")
		d.send(reply(cancel, 200, "", ""), reply(invite, 487, "", ""))
		d.request("ACK")
		if err := <-hungUp; err != nil {
			t.Error(err)
		}
		if _, states := apart(a.Recorder); !reflect.DeepEqual(states, lines("invited by us, cancelled 487 by us")) {
			t.Errorf("told %v", states)
		}
	})
}

func TestCancelIsLikeTheInvite(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		call, invite := begin(d, a, f)
		d.send(reply(invite, 180, "Record-Route: <sip:proxy.test;lr>", ""))
		wait(t, a.Recorder, 0, state("progress"))
		go call.HangUp(bounded(t))
		cancel := d.request("CANCEL")
		for header, same := range map[string]bool{"Via": true, "From": true, "To": true, "Call-ID": true} {
			if got, want := cancel.GetHeader(header).Value(), invite.GetHeader(header).Value(); (got == want) != same {
				t.Errorf("%s is %q, the INVITE's %q", header, got, want)
			}
		}
		if cancel.Recipient.String() != invite.Recipient.String() {
			t.Errorf("Request-URI is %s, the INVITE's %s", cancel.Recipient.String(), invite.Recipient.String())
		}
		if got := cancel.CSeq().Value(); got != "1 CANCEL" {
			t.Errorf("CSeq is %s", got)
		}
		if h := cancel.GetHeader("Route"); h != nil {
			t.Errorf("has %s", h)
		}
		d.send(reply(cancel, 200, "", ""), reply(invite, 487, "", ""))
		ack := d.request("ACK")
		if got, want := ack.GetHeader("Via").Value(), invite.GetHeader("Via").Value(); got != want {
			t.Errorf("the ACK's Via is %q, the INVITE's %q", got, want)
		}
		over(t, call)
	})
}

// A 2xx and our CANCEL may cross; the call then stands, and BYE ends it.
func TestAcceptedAfterCancel(t *testing.T) {
	late := func(t *testing.T, d *device, call *Call, invite *sip.Request) {
		d.send(reply(invite, 200, "", answer))
		if ack := d.request("ACK"); ack.CSeq().SeqNo != 1 {
			t.Errorf("the ACK has CSeq %d", ack.CSeq().SeqNo)
		}
		bye := d.request("BYE")
		if tag, _ := bye.To().Params.Get("tag"); tag != "device" {
			t.Errorf("the BYE's To has tag %q", tag)
		}
		d.send(reply(bye, 200, "", ""))
		over(t, call)
	}
	t.Run("while HangUp waits", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			call, invite := begin(d, a, f)
			d.send(reply(invite, 180, "", ""))
			hungUp := make(chan error, 1)
			go func() { hungUp <- call.HangUp(bounded(t)) }()
			d.send(reply(d.request("CANCEL"), 481, "", ""))
			late(t, d, call, invite)
			if err := <-hungUp; err != nil {
				t.Error(err)
			}
			if err := call.Wait(bounded(t)); err == nil {
				t.Error("Wait tells an accepted call")
			}
			if _, states := apart(a.Recorder); states[len(states)-1] != "ended by us" {
				t.Errorf("told %v", states)
			}
		})
	})
	t.Run("after HangUp gave up", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			call, invite := begin(d, a, f)
			d.send(reply(invite, 180, "", ""))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			hungUp := make(chan error, 1)
			go func() { hungUp <- call.HangUp(ctx) }()
			d.send(reply(d.request("CANCEL"), 200, "", ""))
			if err := <-hungUp; err == nil {
				t.Error("no error")
			}
			over(t, call)
			late(t, d, call, invite)
		})
	})
	t.Run("before any provisional", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			call, invite := begin(d, a, f)
			go call.HangUp(bounded(t))
			synctest.Wait()
			late(t, d, call, invite)
		})
	})
}

// The bubble ends only if the INVITE's goroutines do.
func TestDeviceThatIgnoresUs(t *testing.T) {
	for name, responses := range map[string][]int{
		"says nothing":               nil,
		"rings and ignores the rest": {180},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				call, invite := begin(d, a, f)
				for _, code := range responses {
					d.send(reply(invite, code, "", ""))
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("late"))
				defer cancel()
				if err := call.Wait(ctx); err == nil || err.Error() != "late" {
					t.Errorf("got %v, want the context's cause", err)
				}
				over(t, call)
				_, states := apart(a.Recorder)
				if last := states[len(states)-1]; last != "failed by us" {
					t.Errorf("told %v", states)
				}
				time.Sleep(130 * sip.T1) // of the bubble: past all timers
				if client, _ := f.table.count(); client != 0 {
					t.Errorf("%d client transactions left", client)
				}
			})
		})
	}
	t.Run("is given all the time", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			start := time.Now()
			call, _ := begin(d, a, f)
			if err := call.Wait(bounded(t)); err == nil || time.Since(start) != 64*sip.T1 {
				t.Errorf("got %v after %v, want an error after 64*T1", err, time.Since(start))
			}
		})
	})
}

func TestHangUpTwice(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		call, invite := begin(d, a, f)
		d.send(reply(invite, 200, "", answer))
		d.request("ACK")
		errs := make(chan error, 3)
		for range 2 {
			go func() { errs <- call.HangUp(bounded(t)) }()
		}
		go func() { a.HangUp(bounded(t)); errs <- nil }()
		d.send(reply(d.request("BYE"), 200, "", ""))
		for range 3 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		d.send(toAgent("OPTIONS", "end", toNobody, 1, "", ""))
		d.response("200 OPTIONS") // and no second BYE
		if err := call.HangUp(bounded(t)); err != nil {
			t.Errorf("on a call that is over: %v", err)
		}
	})
}

func TestConnectionEndsDuringCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begin func(*testing.T, *Agent, *device, *Flow) *Call
		want  string // the last state; empty: the call stays
	}{
		{"our INVITE is out", func(t *testing.T, a *Agent, d *device, f *Flow) *Call {
			call, _ := begin(d, a, f)
			return call
		}, "failed"},
		{"their INVITE is not answered", func(t *testing.T, a *Agent, d *device, f *Flow) *Call {
			a.Incoming = func(*Call) {}
			d.send(toAgent("INVITE", "x", toNobody, 1, "", offer))
			d.response("100 INVITE")
			return a.Calls()[0]
		}, "failed"},
		{"the call is up", func(t *testing.T, a *Agent, d *device, f *Flow) *Call {
			accepted(d, a, "x")
			return a.Calls()[0]
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				call := tt.begin(t, a, d, f)
				d.conn.Close()
				<-f.Closed()
				synctest.Wait()
				if tt.want == "" {
					if call.EndedBy() != "" {
						t.Errorf("ended by %s", call.EndedBy())
					}
					return
				}
				over(t, call)
				wait(t, a.Recorder, 0, func(c record.Call) bool {
					return c.State == tt.want && strings.Contains(c.Error, errFlowClosed.Error())
				})
			})
		})
	}
}
