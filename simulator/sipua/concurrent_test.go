package sipua

import (
	"fmt"
	"sync"
	"testing"

	"byocheck/simulator/record"
)

// call makes one whole call between two agents and ends it from one side.
func wholeCall(t testing.TB, a *Agent, f *Flow, to string) {
	ctx := t.Context()
	call, err := a.Call(f, Invitation{To: to, From: "+4940", Host: "sbc.test", SDP: []byte(offer)})
	if err != nil {
		t.Error(err)
		return
	}
	if err := call.Wait(ctx); err != nil {
		t.Errorf("call to %s: %v", to, err)
		return
	}
	if got := string(call.Remote()); got != answer+to {
		t.Errorf("call to %s has the answer %q", to, got)
	}
	if err := call.HangUp(ctx); err != nil {
		t.Errorf("call to %s: %v", to, err)
	}
}

// answering makes b accept all calls, with an answer that names what was dialled.
func answering(b *Agent) {
	b.Incoming = func(c *Call) {
		c.Ring(180, nil)
		c.Answer([]byte(answer + c.Dialled))
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	// Each way. Over UDP, more would fill the socket's buffer and so test the kernel.
	for link, many := range map[string]int{"stream": 200, "UDP": 20} {
		way := links[link]
		t.Run(link, func(t *testing.T) {
			overLink(t, link, func(t *testing.T) {
				a, b := newAgent("cloud"), newAgent("carrier")
				answering(b)
				answering(a)
				there, back := way(t, a, b)
				var wg sync.WaitGroup
				for i := range many {
					wg.Go(func() { wholeCall(t, a, there, fmt.Sprint("a", i)) })
					wg.Go(func() { wholeCall(t, b, back, fmt.Sprint("b", i)) })
				}
				wg.Wait()
				for _, agent := range []*Agent{a, b} {
					for i := range uint64(2 * many) {
						wait(t, agent.Recorder, 0, func(c record.Call) bool { return c.Call == i+1 && c.State == "ended" })
					}
					if n := len(agent.Calls()); n != 0 {
						t.Errorf("%d calls left", n)
					}
				}
			})
		})
	}
}

func TestTooManyCalls(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		a.Incoming = func(*Call) {}
		for i := range maxCalls {
			d.send(toAgent("INVITE", fmt.Sprint("x", i), toNobody, 1, "", offer))
			d.response("100 INVITE")
		}
		d.send(toAgent("INVITE", "more", toNobody, 1, "", offer))
		d.response("503 INVITE")
		if _, err := a.Call(f, Invitation{To: "+1", From: "+2", Host: "sbc.test"}); err == nil {
			t.Error("one call more was made")
		}
		d.send(toCancel("x7"))
		d.response("200 CANCEL")
		d.response("487 INVITE")
		wait(t, a.Recorder, 0, state("cancelled"))
		d.send(toAgent("INVITE", "again", toNobody, 1, "", offer))
		d.response("100 INVITE")
	})
}

func BenchmarkCalls(b *testing.B) {
	a, c := newAgent("cloud"), newAgent("carrier")
	a.Recorder.Limit, c.Recorder.Limit = 1000, 1000
	answering(c)
	f, _ := links["stream"](b, a, c)
	b.ReportAllocs()
	for b.Loop() {
		wholeCall(b, a, f, "+13175550100")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
