package judge

import (
	"fmt"
	"strings"

	"byocheck/simulator/record"
)

// leg is what an attempt shows of one leg of the call.
type leg struct {
	name        string
	number      uint64
	dialled     string // the number, as it stood in the Request-URI
	answered    bool
	rejected    int // status, where the call was refused
	failure     string
	began       record.Event // the call step invited
	answeredAt  record.Event // the call step answered
	last        record.Event
	media       *record.Media
	mediaEvent  record.Event
	offer       []byte // session descriptions, by whoever sent them
	answer      []byte
	offerEvent  record.Event
	answerEvent record.Event
}

// callLegs are the two legs of the call of an attempt. Of several calls on a leg
// the last counts, and the counts tell that there were more.
type callLegs struct {
	cloud, carrier           *leg
	cloudCalls, carrierCalls int
	// strays are calls to numbers that nobody waited for; we refused them with 404.
	strays []*leg
	all    []*leg
}

// legs finds the legs of an inbound (from the device to the cloud) or outbound
// call. A call that began before the attempt, or that came the other way, is
// none of it, nor is one on a connection of another profile's generation.
func legs(a record.Attempt, inbound bool) callLegs {
	type key struct {
		leg    string
		number uint64
	}
	byKey := map[key]*leg{}
	roles := map[string]string{"cloud": "caller", "carrier": "callee"}
	if inbound {
		roles = map[string]string{"cloud": "callee", "carrier": "caller"}
	}
	var order []*leg
	refused := map[*leg]bool{}
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.Call:
			if b.Role != roles[b.Leg] || b.Leg == "cloud" && e.Generation != a.Generation {
				continue
			}
			l := byKey[key{b.Leg, b.Call}]
			if l == nil && b.State == "invited" {
				l = &leg{name: b.Leg, number: b.Call, dialled: b.Number, began: e}
				byKey[key{b.Leg, b.Call}] = l
				order = append(order, l)
			}
			if l != nil {
				l.step(e, b)
				refused[l] = refused[l] || b.Role == "callee" && b.State == "rejected" && b.Status == 404
			}
		case record.Media:
			if l := byKey[key{b.Leg, b.Call}]; l != nil {
				l.media, l.mediaEvent = &b, e
			}
		}
	}
	var out callLegs
	for _, l := range order {
		switch {
		case refused[l]:
			out.strays = append(out.strays, l)
			continue
		case l.name == "cloud":
			out.cloud = l
			out.cloudCalls++
		default:
			out.carrier = l
			out.carrierCalls++
		}
		out.all = append(out.all, l)
	}
	for _, l := range []*leg{out.cloud, out.carrier} {
		if l != nil {
			l.descriptions(a)
		}
	}
	return out
}

func (l *leg) step(e record.Event, b record.Call) {
	l.last = e
	switch b.State {
	case "answered":
		if !l.answered {
			l.answered, l.answeredAt = true, e
		}
	case "rejected":
		l.rejected = b.Status
	case "failed":
		l.failure = b.Error
	}
}

// mine tells whether a SIP message belongs to the leg's INVITE transactions.
func (l *leg) mine(e record.Event) (record.SIPMessage, bool) {
	m, is := e.Body.(record.SIPMessage)
	return m, is && m.Method == "INVITE" && m.Call == l.number && (l.name == "carrier") == (e.Proxy == "carrier")
}

// descriptions finds the session descriptions of the INVITE and its 2xx.
func (l *leg) descriptions(a record.Attempt) {
	for _, e := range a.Events {
		m, mine := l.mine(e)
		switch {
		case !mine:
		case m.Status == 0 && l.offerEvent.Body == nil:
			l.offer, l.offerEvent = body(m.Raw), e
		case m.Status >= 200 && m.Status < 300 && l.answerEvent.Body == nil:
			l.answer, l.answerEvent = body(m.Raw), e
		}
	}
}

// offers returns the device's INVITEs that hold a session description, those
// within a call included, of all calls that came to the cloud.
func (ls callLegs) offers(a record.Attempt) (out []record.Event) {
	for _, e := range a.Events {
		for _, l := range ls.all {
			if m, mine := l.mine(e); mine && l.name == "cloud" && m.Dir == record.In && m.Status == 0 && len(body(m.Raw)) > 0 {
				out = append(out, e)
			}
		}
	}
	return out
}

// tooMany is the verdict where several calls came to the cloud for one of the carrier.
func (ls callLegs) tooMany(v Verdict) Verdict {
	v.Status = Inconclusive
	v.Observed = fmt.Sprintf("%d calls with the number's last digits arrived at the cloud for one call of the carrier.", ls.cloudCalls)
	v.Hint = "Reserve the numbers under numbers.inbound for this test."
	return v
}

func body(raw record.Text) []byte {
	_, b, _ := strings.Cut(string(raw), "\r\n\r\n")
	return []byte(b)
}

func (l *leg) outcome() string {
	switch {
	case l.rejected != 0:
		return fmt.Sprintf("final response %d.", l.rejected)
	case l.failure != "":
		return l.failure + "."
	case l.answered:
		return "answered."
	}
	return "no final response."
}
