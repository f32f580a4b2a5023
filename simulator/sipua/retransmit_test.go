package sipua

import (
	"bufio"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

// meetUDP makes the agent serve a socket and returns a device that the test
// plays, with the flow to it. What the test does not answer was lost.
func meetUDP(t testing.TB, a *Agent) (*device, *Flow) {
	u := listen(t, a)
	conn, err := net.DialUDP("udp", nil, u.pc.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	return &device{t, conn, bufio.NewReaderSize(conn, 64<<10)}, u.To(conn.LocalAddr().(*net.UDPAddr).AddrPort())
}

// again reads the message that was lost a second time and compares the two.
func (d *device) again(m sip.Message) {
	d.t.Helper()
	if got := d.expect(name(m)); got.String() != m.String() {
		d.t.Errorf("repeated was\n%s\nfirst\n%s", got, m)
	}
}

// until passes over messages that stood on the way already.
func (d *device) until(want string) sip.Message {
	d.t.Helper()
	for {
		if m := d.next(); name(m) == want {
			return m
		}
	}
}

func TestLostAsCaller(t *testing.T) {
	a := newAgent("carrier")
	d, f := meetUDP(t, a)
	call, invite := begin(d, a, f)
	d.again(invite)
	d.send(reply(invite, 100, "", ""))
	d.send(reply(invite, 200, "", answer))
	ack := d.until("ACK")
	for range 3 { // lost ACKs
		d.send(reply(invite, 200, "", answer))
		d.again(ack)
	}
	go call.HangUp(bounded(t))
	bye := d.request("BYE")
	d.again(bye)
	d.send(reply(bye, 200, "", ""))
	over(t, call)
	if _, states := apart(a.Recorder); !reflect.DeepEqual(states, lines("invited by us, answered 200 by device, confirmed, ended by us")) {
		t.Errorf("told %v", states)
	}
}

func TestLostAckToRefusal(t *testing.T) {
	a := newAgent("carrier")
	d, f := meetUDP(t, a)
	call, invite := begin(d, a, f)
	d.send(reply(invite, 486, "", ""))
	ack := d.until("ACK")
	over(t, call)
	for range 3 {
		start := time.Now()
		d.send(reply(invite, 486, "", ""))
		again := d.request("ACK")
		for _, header := range []string{"Via", "To", "From", "CSeq", "Call-ID"} {
			if got, want := again.GetHeader(header).Value(), ack.(*sip.Request).GetHeader(header).Value(); got != want {
				t.Errorf("%s is %s, was %s", header, got, want)
			}
		}
		if took := time.Since(start); took >= sip.T2 {
			t.Errorf("the ACK took %v", took)
		}
	}
}

func TestLostAsCallee(t *testing.T) {
	a := newAgent("carrier")
	a.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
	d, _ := meetUDP(t, a)
	d.send(toAgent("INVITE", "x", toNobody, 1, "", offer))
	d.response("100 INVITE")
	ok := d.response("200 INVITE")
	d.again(ok)
	d.send(toAgent("INVITE", "x", toNobody, 1, "", offer)) // their 200 was lost, they think
	d.again(ok)
	tag, _ := ok.To().Params.Get("tag")
	to := toNobody + ";tag=" + tag
	d.send(toAgent("ACK", "x", to, 1, "", ""))
	wait(t, a.Recorder, 0, state("confirmed"))
	sent := strings.Count(strings.Join(story(a.Recorder), "\n"), "out 200 INVITE")

	d.send(toAgent("INVITE", "x", to, 2, "", offer))
	ok = d.until("200 INVITE").(*sip.Response)
	for ok.CSeq().SeqNo != 2 {
		ok = d.until("200 INVITE").(*sip.Response)
	}
	d.again(ok)
	d.send(toAgent("ACK", "x", to, 2, "", ""))
	d.send(toAgent("BYE", "x", to, 3, "", ""))
	bye := d.until("200 BYE")
	d.send(toAgent("BYE", "x", to, 3, "", ""))
	d.again(bye)

	first := 0
	for _, e := range a.Recorder.Since(0) {
		if m, ok := e.Body.(record.SIPMessage); ok && m.Status == 200 && strings.Contains(string(m.Raw), "CSeq: 1 INVITE") {
			first++
		}
	}
	if first != sent {
		t.Errorf("the first 200 was sent %d times, %d of them before its ACK", first, sent)
	}
	if n := strings.Count(strings.Join(story(a.Recorder), "\n"), "invited"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestLostRefusal(t *testing.T) {
	a := newAgent("carrier")
	answered := make(chan error, 1)
	a.Incoming = func(c *Call) {
		c.Ring(180, nil)
		<-c.Done()
		answered <- c.Ring(183, nil) // too late: the 487 stands
		answered <- c.Answer([]byte(answer))
	}
	d, _ := meetUDP(t, a)
	d.send(toAgent("INVITE", "x", toNobody, 1, "", offer))
	d.response("100 INVITE")
	d.response("180 INVITE")
	d.send(toCancel("x"))
	d.response("200 CANCEL")
	refusal := d.response("487 INVITE")
	for range 2 {
		if err := <-answered; err == nil {
			t.Error("a cancelled call was answered")
		}
	}
	d.again(refusal)
	d.again(refusal)
	d.send(toCancel("x"))
	d.until("200 CANCEL")
	tag, _ := refusal.To().Params.Get("tag")
	ack := strings.Replace(toAgent("ACK", "x", toNobody+";tag="+tag, 1, "", ""), "z9hG4bKxACK", "z9hG4bKxINVITE", 1)
	d.send(ack)
	d.send(ack)
	d.send(toAgent("OPTIONS", "x", toNobody, 1, "", ""))
	for m := d.next(); name(m) != "200 OPTIONS"; m = d.next() {
		if name(m) != "487 INVITE" { // one may have been on its way
			t.Errorf("an ACK was answered with %s", name(m))
		}
	}
}

// RFC 3261 13.3.1.4: a 2xx is repeated over any transport, and a call without
// its ACK ended.
func TestAcceptedWithoutAck(t *testing.T) {
	for what, reInvite := range map[string]bool{"INVITE": false, "re-INVITE": true} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				start := time.Now()
				if reInvite {
					to := accepted(d, a, "x")
					d.send(toAgent("INVITE", "x", to, 2, "", offer))
				} else {
					a.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
					d.send(toAgent("INVITE", "x", toNobody, 1, "", offer))
					d.response("100 INVITE")
				}
				ok := d.response("200 INVITE")
				call := a.Calls()[0]
				var at []time.Duration
				for {
					m := d.next()
					if name(m) == "BYE" {
						d.send(reply(m.(*sip.Request), 200, "", ""))
						break
					}
					if m.String() != ok.String() {
						t.Errorf("repeated was\n%s", m)
					}
					at = append(at, time.Since(start)/sip.T1)
				}
				if want := []time.Duration{1, 3, 7, 15, 31, 63}; !reflect.DeepEqual(at, want) {
					t.Errorf("repeated at %v T1, want %v", at, want)
				}
				if time.Since(start) != 64*sip.T1 {
					t.Errorf("ended after %v", time.Since(start))
				}
				over(t, call)
				failed := wait(t, a.Recorder, 0, state("failed"))
				if failed.By != record.Us || !strings.Contains(failed.Error, "no ACK") {
					t.Errorf("told %+v", failed)
				}
			})
		})
	}
}

// Some devices send the ACK to a 2xx with the INVITE's branch.
func TestAckWithTheInvitesBranch(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		a.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
		d.send(toAgent("INVITE", "x", toNobody, 1, "", offer))
		d.response("100 INVITE")
		tag, _ := d.response("200 INVITE").To().Params.Get("tag")
		ack := strings.Replace(toAgent("ACK", "x", toNobody+";tag="+tag, 1, "", ""), "z9hG4bKxACK", "z9hG4bKxINVITE", 1)
		for range 1000 {
			d.send(ack)
		}
		call := a.Calls()[0]
		<-call.Confirmed()
		synctest.Wait()
		if _, server := f.table.count(); server != 0 {
			t.Errorf("%d server transactions left on a reliable transport", server)
		}
		go call.HangUp(bounded(t))
		d.send(reply(d.request("BYE"), 200, "", ""))
		over(t, call)
	})
}

// After a call nothing is left that a long run would gather.
func TestNothingIsLeftOfACall(t *testing.T) {
	bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
		for range 2 {
			for _, role := range []string{"caller", "callee"} {
				call, _ := established(d, a, f, role)
				go call.HangUp(bounded(t))
				d.send(reply(d.request("BYE"), 200, "", ""))
				over(t, call)
			}
			time.Sleep(65 * sip.T1) // of the bubble: timers L and M
			if client, server := f.table.count(); client+server+len(a.Calls()) != 0 {
				t.Errorf("left: %d client and %d server transactions, %d calls", client, server, len(a.Calls()))
			}
		}
	})
}
