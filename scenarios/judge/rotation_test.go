package judge

import (
	"slices"
	"testing"

	"byocheck/simulator/record"
)

func rotationCases() []expected {
	cloud, carrier := talk(true)
	next, nextCarrier := cloud.again(), carrier.again()
	up := steps(carrier.is("invited", 0, record.Us), cloud.connects(), carrier.is("answered", 200, record.Device), carrier.is("confirmed", 0, ""))
	made := func(first step, then ...step) Case {
		return with(one(first), func(c *Case) {
			c.Fault = "While a call is up, the proxies' certificate and key are replaced and their connections closed."
			c.Attempts = append(c.Attempts, attempt("second-call", then...))
		})
	}
	// The next call of the carrier, with what the device does about it, and its end.
	calls := func(within ...step) step {
		return steps(append([]step{nextCarrier.is("invited", 0, record.Us)}, within...)...)
	}
	through := device("lb02", handshake, octets, sends("INVITE"))
	connected := calls(through, next.connects(), nextCarrier.is("answered", 200, record.Device))
	ended := func(at, by side) step {
		return steps(by.sends("BYE"), at.is("ended", 0, record.Device), by.is("ended", 0, record.Us))
	}
	hangUp := steps(ended(next, nextCarrier), ended(cloud, carrier))
	refusal := device("lb01", hello, alert("unknown_ca"))
	rejected := func(status int) step { return nextCarrier.is("rejected", status, record.Device) }
	return []expected{
		{"stays, and the next comes through", made(up, connected, hangUp), Pass, []string{"The call stayed", "handshake with lb02", "connected the next call"}, []string{"tls.record"}},
		{"the former connection closed, the next comes through", made(up, earlier(standing(swapped)), connected, hangUp), Pass, nil, nil},
		{"one proxy refuses connections, the next comes through", made(up, device("lb01", hello, cut), connected, hangUp), Pass, nil, nil},
		{"stays, the recording truncated after that", made(up, connected, hangUp, flooded), Pass, nil, nil},
		{"the next call ended by the device at once", made(up, connected, nextCarrier.is("ended", 0, record.Device), hangUp), Pass, nil, nil},
		{"ended by the device when we had hung up", made(up, connected, ended(cloud, carrier), next.is("ended", 0, record.Device)), Pass, nil, nil},

		{"refused", made(up, calls(refusal, rejected(503))), Fail, []string{"the connection to lb01 (alert unknown_ca", "trust the root"}, []string{"tls.alert"}},
		{"refused, and the call dropped as well", made(up, carrier.is("ended", 0, record.Device), calls(refusal, rejected(503))), Fail, []string{"the device refused"}, nil},
		{"dropped at the carrier", made(up, carrier.is("ended", 0, record.Device), connected, ended(next, nextCarrier)), Fail, []string{"ended the call that was up", "outlives its connection"}, []string{"call"}},
		{"dropped at the cloud, over a new connection", made(up, connected, cloud.is("ended", 0, record.Device), hangUp), Fail, []string{"ended the call that was up"}, nil},
		{"dropped after the next call was hung up", made(up, connected, ended(next, nextCarrier), carrier.is("ended", 0, record.Device)), Fail, []string{"ended the call that was up"}, nil},
		{"dropped, and no new connection", made(up, carrier.is("ended", 0, record.Device), calls(rejected(503))), Fail, []string{"ended the call that was up"}, nil},
		{"dropped, the recording truncated", made(up, carrier.is("ended", 0, record.Device), connected, flooded), Fail, nil, nil},

		{"OPTIONS comes through, the next call is rejected", made(up, calls(device("lb01", handshake, sends("OPTIONS")), rejected(503))), Inconclusive,
			[]string{"handshake with lb01 under the new certificate, but the next call was not connected", "At the carrier: final response 503", "marked the proxies as down"}, []string{"call"}},
		{"the next call never answered", made(up, calls(through, next.is("invited", 0, record.Device), nextCarrier.is("cancelled", 0, record.Us))), Inconclusive, []string{"At the carrier: no final response", "At the cloud: no final response"}, nil},
		{"the next call answered at the carrier only", made(up, calls(through, nextCarrier.is("answered", 200, record.Device))), Inconclusive, []string{"At the carrier: answered"}, nil},
		{"the next call answered at the cloud only", made(up, calls(through, next.connects(), rejected(500))), Inconclusive, []string{"At the carrier: final response 500"}, nil},
		{"only the first call's messages on the new connection", made(up, through, ended(cloud, carrier)), Inconclusive, []string{"the next call was not connected"}, nil},
		{"the next call over the former connection", made(up, earlier(calls(through, next.connects(), nextCarrier.is("answered", 200, record.Device)))), Inconclusive, []string{"did not try"}, nil},
		{"the device idle", made(up, calls(rejected(503))), Inconclusive, []string{"did not try"}, nil},
		{"cut by us", made(up, calls(device("lb01", hello, cut), rejected(503))), Inconclusive, []string{"We could not go on"}, nil},
		{"truncated", made(up, calls(refusal), flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"only the first call was made", one(up), Inconclusive, []string{"first call", "was not connected"}, nil},
		{"the first call rejected", made(steps(carrier.is("invited", 0, record.Us), carrier.is("rejected", 480, record.Device)), connected), Inconclusive, []string{"first call"}, nil},
		{"the first call never came to the cloud", made(carrier.connects(), connected, hangUp), Inconclusive, []string{"first call"}, nil},
		{"the first call answered at the cloud only", made(cloud.connects(), connected, hangUp), Inconclusive, []string{"first call"}, nil},
	}
}

// TestLeftCallIsTold: that the device did not release the first call is told, but
// it is another scenario's to judge.
func TestLeftCallIsTold(t *testing.T) {
	const want = "when the carrier hung up the first call, the device did not end it at the cloud"
	cloud, _ := talk(true)
	for name, by := range map[string]record.Party{"released": record.Device, "left": record.Us} {
		c := with(rotationCases()[0].c, func(c *Case) {
			a := &c.Attempts[1]
			a.Events = slices.Clone(a.Events)
			for i, e := range a.Events {
				if b, is := e.Body.(record.Call); is && b.Leg == cloud.name && b.Call == cloud.number && b.State == "ended" {
					b.By = by
					a.Events[i].Body = b
				}
			}
		})
		v := RotationDuringCall(c)
		if v.Status != Pass || slices.Contains(v.Witnesses, want) != (by == record.Us) {
			t.Errorf("%s: %s, witnesses %q", name, v.Status, v.Witnesses)
		}
	}
}
