package sipua

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"byocheck/simulator/record"
)

// links are the ways between two agents: each returns their flows to each other.
var links = map[string]func(t testing.TB, a, b *Agent) (*Flow, *Flow){
	"stream": func(t testing.TB, a, b *Agent) (*Flow, *Flow) {
		x, y := connect()
		return attach(t, a, x, "lb01"), attach(t, b, y, "lb02")
	},
	"UDP": func(t testing.TB, a, b *Agent) (*Flow, *Flow) {
		x, y := listen(t, a), listen(t, b)
		at := func(u *UDP) netip.AddrPort { return u.pc.LocalAddr().(*net.UDPAddr).AddrPort() }
		return x.To(at(y)), y.To(at(x))
	},
}

// overLink runs a test on that link: in a bubble where no socket is needed, so that
// no timer fires because the machine is busy.
func overLink(t *testing.T, link string, test func(t *testing.T)) {
	if link == "UDP" {
		test(t)
		return
	}
	synctest.Test(t, test)
}

// listen makes the agent serve a UDP socket until the test ends.
func listen(t testing.TB, a *Agent) *UDP {
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	u := a.UDP(pc, record.Origin{Conn: a.Recorder.NextConn(), Proxy: "carrier"})
	served := make(chan struct{})
	go func() {
		defer close(served)
		u.Serve()
	}()
	t.Cleanup(func() {
		pc.Close()
		<-served
	})
	return u
}

// apart splits a story into what passed on the wire and what became of the
// call. Over UDP a message may come twice; the first counts.
func apart(r *record.Recorder) (wire, states []string) {
	seen := map[string]bool{}
	for _, line := range story(r) {
		switch {
		case !strings.HasPrefix(line, "in ") && !strings.HasPrefix(line, "out "):
			states = append(states, line)
		case !seen[line]:
			seen[line] = true
			wire = append(wire, line)
		}
	}
	return wire, states
}

func lines(s string) []string { return strings.Split(s, ", ") }

// mirror is the same traffic as the other side sees it.
func mirror(wire []string) []string {
	var out []string
	for _, w := range wire {
		dir, what, _ := strings.Cut(w, " ")
		out = append(out, map[string]string{"in": "out", "out": "in"}[dir]+" "+what)
	}
	return out
}

func TestCalls(t *testing.T) {
	ring := func(c *Call) { c.Ring(180, nil) }
	hangUp := func(t *testing.T, c *Call) {
		if err := c.HangUp(bounded(t)); err != nil {
			t.Errorf("hanging up: %v", err)
		}
	}
	accept := func(t *testing.T, c *Call) {
		if err := c.Wait(bounded(t)); err != nil {
			t.Fatalf("waiting for the answer: %v", err)
		}
		if got := string(c.Remote()); got != answer {
			t.Errorf("the answer is %q", got)
		}
	}
	progressed := func(t *testing.T, c *Call) {
		wait(t, c.agent.Recorder, 0, state("progress"))
	}
	for name, tt := range map[string]struct {
		incoming               func(*Call) // nil: nobody there
		act                    func(t *testing.T, caller *Call, callee func() *Call)
		wire                   string // as the caller sees it
		callerTells, theyTells string
	}{
		"the caller hangs up": {
			incoming: func(c *Call) { c.Ring(180, nil); c.Ring(183, []byte(answer)); c.Answer([]byte(answer)) },
			act: func(t *testing.T, c *Call, callee func() *Call) {
				accept(t, c)
				if got := string(callee().Remote()); got != offer {
					t.Errorf("the offer is %q", got)
				}
				hangUp(t, c)
			},
			wire:        "out INVITE, in 100 INVITE, in 180 INVITE, in 183 INVITE, in 200 INVITE, out ACK, out BYE, in 200 BYE",
			callerTells: "invited by us, progress 180 by device, progress 183 by device, answered 200 by device, confirmed, ended by us",
			theyTells:   "invited by device, answered 200 by us, confirmed, ended by device",
		},
		"the callee hangs up": {
			incoming: func(c *Call) { c.Answer([]byte(answer)) },
			act: func(t *testing.T, c *Call, callee func() *Call) {
				accept(t, c)
				hangUp(t, callee())
			},
			wire:        "out INVITE, in 100 INVITE, in 200 INVITE, out ACK, in BYE, out 200 BYE",
			callerTells: "invited by us, answered 200 by device, confirmed, ended by device",
			theyTells:   "invited by device, answered 200 by us, confirmed, ended by us",
		},
		"the callee hangs up at once": {
			incoming: func(c *Call) { c.Answer([]byte(answer)); c.HangUp(context.Background()) },
			act: func(t *testing.T, c *Call, _ func() *Call) {
				accept(t, c)
			},
			wire:        "out INVITE, in 100 INVITE, in 200 INVITE, out ACK, in BYE, out 200 BYE",
			callerTells: "invited by us, answered 200 by device, confirmed, ended by device",
			theyTells:   "invited by device, answered 200 by us, confirmed, ended by us",
		},
		"the caller gives up while it rings": {
			incoming: ring,
			act: func(t *testing.T, c *Call, _ func() *Call) {
				progressed(t, c)
				hangUp(t, c)
			},
			wire:        "out INVITE, in 100 INVITE, in 180 INVITE, out CANCEL, in 200 CANCEL, in 487 INVITE, out ACK",
			callerTells: "invited by us, progress 180 by device, cancelled 487 by us",
			theyTells:   "invited by device, cancelled 487 by device",
		},
		"nobody answers": {
			incoming: ring,
			act: func(t *testing.T, c *Call, _ func() *Call) {
				patience := errors.New("no patience left")
				ctx, cancel := context.WithCancelCause(bounded(t))
				go func() {
					wait(t, c.agent.Recorder, 0, state("progress"))
					cancel(patience)
				}()
				if err := c.Wait(ctx); !errors.Is(err, patience) {
					t.Errorf("got %v, want the context's cause", err)
				}
			},
			wire:        "out INVITE, in 100 INVITE, in 180 INVITE, out CANCEL, in 200 CANCEL, in 487 INVITE, out ACK",
			callerTells: "invited by us, progress 180 by device, cancelled 487 by us",
			theyTells:   "invited by device, cancelled 487 by device",
		},
		"the callee is busy": {
			incoming: func(c *Call) { c.Reject(486, "Busy Here") },
			act: func(t *testing.T, c *Call, _ func() *Call) {
				var refused *Rejected
				if err := c.Wait(bounded(t)); !errors.As(err, &refused) || *refused != (Rejected{486, "Busy Here"}) {
					t.Errorf("got %v, want 486 Busy Here", err)
				}
			},
			wire:        "out INVITE, in 100 INVITE, in 486 INVITE, out ACK",
			callerTells: "invited by us, rejected 486 by device",
			theyTells:   "invited by device, rejected 486 by us",
		},
		"the callee hangs up while it rings": {
			incoming: func(c *Call) { c.Ring(180, nil); c.HangUp(context.Background()) },
			act: func(t *testing.T, c *Call, _ func() *Call) {
				if err := c.Wait(bounded(t)); err == nil {
					t.Error("no error")
				}
			},
			wire:        "out INVITE, in 100 INVITE, in 180 INVITE, in 480 INVITE, out ACK",
			callerTells: "invited by us, progress 180 by device, rejected 480 by device",
			theyTells:   "invited by device, rejected 480 by us",
		},
		"nobody is there": {
			act: func(t *testing.T, c *Call, _ func() *Call) {
				if err := c.Wait(bounded(t)); err == nil {
					t.Error("no error")
				}
			},
			wire:        "out INVITE, in 404 INVITE, out ACK",
			callerTells: "invited by us, rejected 404 by device",
			theyTells:   "invited by device, rejected 404 by us",
		},
	} {
		for link, way := range links {
			t.Run(name+" over "+link, func(t *testing.T) {
				overLink(t, link, func(t *testing.T) {
					a, b := newAgent("cloud"), newAgent("carrier")
					arrived := make(chan *Call, 1)
					if tt.incoming != nil {
						b.Incoming = func(c *Call) {
							arrived <- c
							tt.incoming(c)
						}
					}
					f, _ := way(t, a, b)
					call, err := a.Call(f, Invitation{To: "+13175550100", From: "+4940", Host: "sbc.test", SDP: []byte(offer)})
					if err != nil {
						t.Fatal(err)
					}
					tt.act(t, call, func() *Call {
						c := <-arrived
						arrived <- c
						return c
					})
					over(t, call)
					wire, theirs := lines(tt.wire), mirror(lines(tt.wire))
					last := func(r *record.Recorder, line string) {
						wait(t, r, 0, func(m record.SIPMessage) bool {
							return strings.HasSuffix(line, m.Method) && strings.HasPrefix(line, string(m.Dir)) && (m.Status == 0 || strings.Contains(line, " 200 "))
						})
					}
					last(a.Recorder, wire[len(wire)-1])
					last(b.Recorder, theirs[len(theirs)-1])
					ends := lines(tt.theyTells)
					wait(t, b.Recorder, 0, state(strings.Fields(ends[len(ends)-1])[0]))
					gotWire, gotStates := apart(a.Recorder)
					if !reflect.DeepEqual(gotWire, wire) {
						t.Errorf("the caller saw\n%v\nwant\n%v", gotWire, wire)
					}
					if want := lines(tt.callerTells); !reflect.DeepEqual(gotStates, want) {
						t.Errorf("the caller tells\n%v\nwant\n%v", gotStates, want)
					}
					gotWire, gotStates = apart(b.Recorder)
					if !reflect.DeepEqual(gotWire, theirs) {
						t.Errorf("the callee saw\n%v\nwant\n%v", gotWire, theirs)
					}
					if !reflect.DeepEqual(gotStates, ends) {
						t.Errorf("the callee tells\n%v\nwant\n%v", gotStates, ends)
					}
					if len(a.Calls())+len(b.Calls()) != 0 {
						t.Errorf("calls left: %d and %d", len(a.Calls()), len(b.Calls()))
					}
				})
			})
		}
	}
}

func TestEventsCarryCallAndBytes(t *testing.T) {
	a, b := newAgent("cloud"), newAgent("carrier")
	b.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
	f, _ := links["stream"](t, a, b)
	for want := uint64(1); want <= 3; want++ {
		mark, theirs := a.Recorder.Mark(), b.Recorder.Mark()
		call, err := a.Call(f, Invitation{To: "+13175550100", From: "+4940", Host: "sbc.test", SDP: []byte(offer)})
		if err != nil {
			t.Fatal(err)
		}
		if err := call.Wait(bounded(t)); err != nil {
			t.Fatal(err)
		}
		if err := call.HangUp(bounded(t)); err != nil {
			t.Fatal(err)
		}
		wait(t, b.Recorder, theirs, state("ended"))
		received := map[string]bool{}
		for _, e := range b.Recorder.Since(theirs) {
			if m, ok := e.Body.(record.SIPMessage); ok {
				received[string(m.Raw)] = true
			}
		}
		for _, e := range a.Recorder.Since(mark) {
			if e.Conn != 1 || e.Proxy != "lb01" || e.Generation != 1 {
				t.Errorf("event of connection %d, proxy %s, generation %d", e.Conn, e.Proxy, e.Generation)
			}
			switch m := e.Body.(type) {
			case record.SIPMessage:
				if m.Call != want || m.CallID != call.callID || m.Transport != "TLS" || m.Local != "127.0.1.1:5061" || m.Remote != "127.0.0.9:40000" {
					t.Errorf("want call %d, got %+v", want, m)
				}
				if !received[string(m.Raw)] {
					t.Errorf("the other side has not the same bytes of\n%s", m.Raw)
				}
			case record.Call:
				if m.Call != want || m.Leg != "cloud" || m.Role != "caller" || m.Number != "+13175550100" {
					t.Errorf("want call %d, got %+v", want, m)
				}
			}
		}
	}
}

func TestAsk(t *testing.T) {
	for link, way := range links {
		t.Run(link, func(t *testing.T) {
			a, b := newAgent("cloud"), newAgent("carrier")
			f, _ := way(t, a, b)
			r, err := a.Ask(bounded(t), f, "OPTIONS", "sbc.test")
			if err != nil || r.StatusCode != 200 || r.GetHeader("Accept").Value() != "application/sdp" || r.GetHeader("Allow").Value() != allow {
				t.Errorf("OPTIONS: got %v, %v", r, err)
			}
			if r, err = a.Ask(bounded(t), f, "REGISTER", "sbc.test"); err != nil || r.StatusCode != 405 {
				t.Errorf("REGISTER: got %v, %v", r, err)
			}
		})
	}
}
