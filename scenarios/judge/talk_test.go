package judge

import (
	"fmt"
	"time"

	"byocheck/simulator/record"
)

// side is a leg whose steps are told one by one, where their order across the
// legs matters.
type side struct {
	name, role string
	number     uint64
	l          link
}

// talk gives the two sides of a call to the cloud (inbound) or from it.
func talk(inbound bool) (cloud, carrier side) {
	cloud = side{"cloud", "caller", 1, link{71, "lb02"}}
	carrier = side{"carrier", "callee", 1, link{99, "carrier"}}
	if inbound {
		cloud.role, carrier.role = "callee", "caller"
	}
	return cloud, carrier
}

// again is another call on the same leg.
func (s side) again() side {
	s.number++
	return s
}

// sends is a request of ours, gets one of the device.
func (s side) sends(method string) step { return s.message(record.Out, method, 0) }
func (s side) gets(method string) step  { return s.message(record.In, method, 0) }

// answered is a response of the device, answers one of ours.
func (s side) answered(method string, status int) step { return s.message(record.In, method, status) }
func (s side) answers(method string, status int) step  { return s.message(record.Out, method, status) }

func (s side) message(dir record.Direction, method string, status int) step {
	return func(w *wire) {
		line := method + " sip:+13175550100@lb02.voice.use1.pure.cloud SIP/2.0"
		if status > 0 {
			line = fmt.Sprintf("SIP/2.0 %d x", status)
		}
		w.emit(s.l, record.SIPMessage{Dir: dir, Method: method, Status: status, CallID: "c", Call: s.number, Raw: record.Text(line + "\r\n\r\n")})
	}
}

// is a step in the life of the leg.
func (s side) is(state string, status int, by record.Party) step {
	return func(w *wire) {
		w.emit(s.l, record.Call{Leg: s.name, Call: s.number, Role: s.role, Number: "+13175550100", State: state, Status: status, By: by})
	}
}

func (s side) fails(why string) step {
	return func(w *wire) {
		w.emit(s.l, record.Call{Leg: s.name, Call: s.number, Role: s.role, State: "failed", Error: why})
	}
}

// connects: the leg is invited, answered and confirmed.
func (s side) connects() step {
	return steps(s.is("invited", 0, ""), s.is("answered", 200, ""), s.is("confirmed", 0, ""))
}

func steps(all ...step) step {
	return func(w *wire) {
		for _, s := range all {
			s(w)
		}
	}
}

// wait lets time pass between steps.
func wait(d time.Duration) step { return func(w *wire) { w.now += d } }
