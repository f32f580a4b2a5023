package sipua

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"byocheck/simulator/record"
)

// What stands in one write arrives as one run of the reader; a goroutine per
// message would let them overtake each other.
const runs = 200

func TestCancelNeverOvertakesInvite(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
		a.Incoming = func(c *Call) {
			c.Ring(180, nil)
			<-c.Done()
		}
		for i := range runs {
			id := fmt.Sprintf("both%d", i)
			d.send(toAgent("INVITE", id, toNobody, 1, "", offer), toCancel(id))
			var got []string
			for len(got) == 0 || got[len(got)-1] != "487 INVITE" {
				m := d.next()
				if n := name(m); n != "100 INVITE" && n != "180 INVITE" { // may come or not
					got = append(got, n)
				}
			}
			if want := []string{"200 CANCEL", "487 INVITE"}; !reflect.DeepEqual(got, want) {
				t.Fatalf("run %d: got %v, want %v", i, got, want)
			}
		}
		d.send(toAgent("OPTIONS", "end", toNobody, 1, "", ""))
		if n := name(d.next()); n != "200 OPTIONS" {
			t.Errorf("after all runs came %s", n)
		}
		for i := range runs {
			wait(t, a.Recorder, 0, func(c record.Call) bool {
				return c.State == "cancelled" && c.Call == uint64(i+1) && c.By == record.Device
			})
		}
	})
}

func TestAnswerIsCancelledOrNot(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
		a.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
		for i := range runs {
			id := fmt.Sprintf("race%d", i)
			d.send(toAgent("INVITE", id, toNobody, 1, "", offer), toCancel(id))
			finals := map[string]bool{}
			for !finals["200 CANCEL"] || !finals["487 INVITE"] && !finals["200 BYE"] {
				m := d.next()
				if m.CallID().Value() != id { // a 2xx of the run before, repeated
					continue
				}
				if name(m) == "200 INVITE" && !finals["200 INVITE"] { // then the CANCEL was too late
					tag, _ := m.To().Params.Get("tag")
					to := toNobody + ";tag=" + tag
					d.send(toAgent("ACK", id, to, 1, "", ""), toAgent("BYE", id, to, 2, "", ""))
				}
				finals[name(m)] = true
			}
			if finals["487 INVITE"] == finals["200 INVITE"] {
				t.Fatalf("run %d: got %v", i, finals)
			}
		}
	})
}

func TestResponsesArriveInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		for i := range runs {
			mark := a.Recorder.Mark()
			call, err := a.Call(f, Invitation{To: "+1", From: "+2", Host: "sbc.test", SDP: []byte(offer)})
			if err != nil {
				t.Fatal(err)
			}
			invite := d.request("INVITE")
			d.send(reply(invite, 100, "", ""), reply(invite, 180, "", ""), reply(invite, 183, "", answer), reply(invite, 180, "", ""), reply(invite, 200, "", answer))
			if err := call.Wait(bounded(t)); err != nil {
				t.Fatal(err)
			}
			d.request("ACK")
			var got []int
			for _, e := range a.Recorder.Since(mark) {
				if c, ok := e.Body.(record.Call); ok && c.Status != 0 {
					got = append(got, c.Status)
				}
			}
			if want := []int{180, 183, 180, 200}; !reflect.DeepEqual(got, want) {
				t.Fatalf("run %d: the call saw %v, want %v", i, got, want)
			}
			go call.HangUp(bounded(t))
			d.send(reply(d.request("BYE"), 200, "", ""))
			over(t, call)
		}
	})
}

func TestRequestsAreAnsweredInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, _ *Flow) {
		to := accepted(d, a, "infos")
		for i := range runs {
			d.send(toAgent("INFO", "infos", to, 10+2*i, "", ""), toAgent("INFO", "infos", to, 11+2*i, "", ""))
			for j := range 2 {
				if got := d.response("200 INFO").CSeq().SeqNo; got != uint32(10+2*i+j) {
					t.Fatalf("run %d: the %d. answer is to CSeq %d", i, j+1, got)
				}
			}
		}
		d.send(toAgent("INFO", "infos", to, 5000, "", ""), toAgent("BYE", "infos", to, 5001, "", ""), toAgent("INFO", "infos", to, 5002, "", ""))
		d.response("200 INFO")
		d.response("200 BYE")
		d.response("481 INFO")
	})
}

// toCancel writes the CANCEL for the device's INVITE of that Call-ID.
func toCancel(callID string) string {
	return strings.Replace(toAgent("CANCEL", callID, toNobody, 1, "", ""), "branch=z9hG4bK"+callID+"CANCEL", "branch=z9hG4bK"+callID+"INVITE", 1)
}

// accepted makes a call of the device's that the agent has accepted, and
// returns the value of To for what follows in it.
func accepted(d *device, a *Agent, callID string) (to string) {
	d.t.Helper()
	a.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
	d.send(toAgent("INVITE", callID, toNobody, 1, "", offer))
	d.response("100 INVITE")
	tag, _ := d.response("200 INVITE").To().Params.Get("tag")
	to = toNobody + ";tag=" + tag
	d.send(toAgent("ACK", callID, to, 1, "", ""))
	wait(d.t, a.Recorder, 0, func(c record.Call) bool { return c.State == "confirmed" && c.Role == "callee" })
	return to
}
