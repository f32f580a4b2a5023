package simulator

import (
	"io"
	"net"
	"sync"
	"testing"

	"byocheck/simulator/leg"
	"byocheck/simulator/record"
)

// relay copies between two connections until both have ended or the test has.
func relay(t testing.TB, a, b net.Conn) {
	var work sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		work.Go(func() {
			io.Copy(way[0], way[1])
			way[0].(*net.TCPConn).CloseWrite()
		})
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
		work.Wait()
	})
}

// Two clouds, each the other's device: whatever one of them sends, another
// implementation of the same rules can read.
func TestCloudCallsCloud(t *testing.T) {
	for _, c := range []struct {
		name         string
		send, expect float64 // the second one's tones
		echo         bool    // the first hears its own tone
	}{
		{"each with its tone", leg.CarrierHz, leg.CloudHz, false},
		{"both with the same tone", leg.CloudHz, leg.CloudHz, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := start(t, &Cloud{Target: "b.test"}), start(t, &Cloud{Target: "a.test"})
			a.Device, b.Device = b.Listen[1], a.Listen[0]
			b.side.SendHz, b.side.ExpectHz = c.send, c.expect
			at, err := b.Expect("+13175550100")
			if err != nil {
				t.Fatal(err)
			}
			defer at.Close()
			answered := make(chan *leg.Leg, 1)
			go func() {
				defer close(answered)
				l, err := b.Answer(<-at.Calls)
				if err != nil {
					t.Error(err)
					return
				}
				answered <- l
			}()
			here, err := a.Call(bounded(t), "+13175550100", "+4940")
			if err != nil {
				t.Fatal(err)
			}
			there := <-answered
			if err := there.WaitHeard(bounded(t), 10); err != nil {
				t.Fatal(err)
			}
			if !c.echo {
				if err := here.WaitHeard(bounded(t), 10); err != nil {
					t.Fatal(err)
				}
			}
			if err := here.HangUp(bounded(t)); err != nil {
				t.Error(err)
			}
			<-there.Call.Done()
			if there.Call.Proxy() != "lb02" || here.Call.Proxy() != "lb01" {
				t.Errorf("from %s to %s", here.Call.Proxy(), there.Call.Proxy())
			}
			for _, cloud := range []*Cloud{a, b} {
				_, m := wait(t, cloud.Recorder, func(record.Event, record.Media) bool { return true })
				if !m.Encrypted || m.Received == 0 || m.Authenticated != m.Received || m.AuthFailed+m.Clear != 0 {
					t.Errorf("heard %+v", m)
				}
				if own := c.echo && cloud == a; own && (m.EchoShare < 0.8 || m.ToneShare != 0) || !own && (m.EchoShare != 0 || m.ToneShare < 0.8) {
					t.Errorf("heard the far end's tone in %g and our own in %g of %d blocks", m.ToneShare, m.EchoShare, m.Blocks)
				}
			}
		})
	}
}
