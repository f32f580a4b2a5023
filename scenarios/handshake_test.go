package scenarios

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"byocheck/scenarios/judge"
	"byocheck/simulator"
	"byocheck/simulator/record"
)

// shaker is a device that does TLS handshakes and nothing else.
type shaker struct {
	// hello, if not nil, is called with the number of each ClientHello, from 0,
	// before it is answered.
	hello func(n int)

	mu   sync.Mutex
	seen int
}

// stageFor starts the device, and a stage with a cloud that can dial it.
func stageFor(t *testing.T, d *shaker) *Stage {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { d.greeted(); return nil, nil },
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			raw, err := ln.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer raw.Close()
				c := tls.Server(raw, config)
				if c.Handshake() == nil {
					io.Copy(io.Discard, c)
				}
			})
		}
	})
	cloud := &simulator.Cloud{Recorder: &record.Recorder{}, Device: ln.Addr().(*net.TCPAddr).AddrPort(), Target: "sbc.customer.test", Handshake: 20 * time.Second, NoLists: true}
	if err := cloud.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cloud.Close()
		ln.Close()
		work.Wait()
	})
	return &Stage{Recorder: cloud.Recorder, Cloud: cloud}
}

func (d *shaker) greeted() {
	d.mu.Lock()
	n := d.seen
	d.seen++
	d.mu.Unlock()
	if d.hello != nil {
		d.hello(n)
	}
}

// hellos is how many ClientHellos have come.
func (d *shaker) hellos() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// done counts the handshakes of an attempt that completed, by proxy.
func done(a record.Attempt) map[string]int {
	out := map[string]int{}
	for _, e := range a.Events {
		if _, is := e.Body.(record.HandshakeDone); is {
			out[e.Proxy]++
		}
	}
	return out
}

// atOnce is how many handshakes of an attempt were under way together, at most.
func atOnce(a record.Attempt) int {
	now, most := 0, 0
	for _, e := range a.Events {
		switch e.Body.(type) {
		case record.Dialled:
			now++
			most = max(most, now)
		case record.HandshakeDone:
			now--
		}
	}
	return most
}

func TestHandshakesOneAtATime(t *testing.T) {
	t.Parallel()
	d := &shaker{}
	s := stageFor(t, d)
	s.Handshakes = 6
	sc, _ := Find("tls.outbound.handshake-within-500ms")
	c := s.New(sc)
	if err := sc.Play(t.Context(), s, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Attempts) != 1 || c.Jitter.Samples < 20 {
		t.Fatalf("%d attempts, own lateness %+v", len(c.Attempts), c.Jitter)
	}
	if got := done(c.Attempts[0]); d.hellos() != 6 || got["lb01"] != 2 || got["lb02"] != 2 || got["lb03"] != 1 || got["lb04"] != 1 {
		t.Errorf("the device saw %d, done are %v", d.hellos(), got)
	}
	if n := atOnce(c.Attempts[0]); n != 1 {
		t.Errorf("%d at once", n)
	}
	v := sc.Judge(c)
	for _, name := range []string{"device's compute, first flight maximum", "round trip time", "round trip time budget"} {
		if !slices.ContainsFunc(v.Measurements, func(m judge.Measurement) bool { return m.Name == name && m.Value > 0 }) {
			t.Errorf("%s is not measured: %+v", name, v.Measurements)
		}
	}
}

// TestHandshakesAtOnce: the device answers the handshakes of each level only when
// as many as are to be done in parallel have begun.
func TestHandshakesAtOnce(t *testing.T) {
	t.Parallel()
	seven, nine := make(chan struct{}), make(chan struct{})
	d := &shaker{hello: func(n int) {
		switch n {
		case alone + 7 - 1:
			close(seven)
		case alone + 7 + 9 - 1:
			close(nine)
		}
		switch {
		case n >= alone+7:
			<-nine
		case n >= alone:
			<-seven
		}
	}}
	s := stageFor(t, d)
	s.Handshakes, s.Parallel = 3, []int{7, 9}
	sc, _ := Find("tls.outbound.handshake-under-load")
	c := s.New(sc)
	if err := sc.Play(t.Context(), s, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Control) != 1 || len(c.Attempts) != 2 || c.Attempts[0].Name != "7 in parallel" || c.Attempts[1].Name != "9 in parallel" || c.Jitter.Samples < 20 {
		t.Fatalf("control %d, attempts %d, own lateness %+v", len(c.Control), len(c.Attempts), c.Jitter)
	}
	for a, want := range map[*record.Attempt]int{&c.Control[0]: 1, &c.Attempts[0]: 7, &c.Attempts[1]: 9} {
		if n := atOnce(*a); n != want {
			t.Errorf("%s: %d at once, want %d", a.Name, n, want)
		}
	}
	if n := d.hellos(); n != alone+7+9 {
		t.Errorf("the device saw %d handshakes", n)
	}
	if v := sc.Judge(c); v.Status != judge.Pass {
		t.Errorf("%s: %s", v.Status, v.Observed)
	}
}

// TestHandshakesGivenUp: a device that hangs is not waited for again and again.
func TestHandshakesGivenUp(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	d := &shaker{hello: func(int) { <-hang }}
	s := stageFor(t, d)
	t.Cleanup(func() { close(hang) })
	s.Cloud.Handshake = 0 // then it is patience alone that ends them, after seconds
	a, well := s.shake(t.Context(), "hangs", 50, tooMany)
	if n := d.hellos(); len(done(a)) > 0 || well || n != tooMany {
		t.Errorf("well %t, %d handshakes were begun", well, n)
	}
}

// TestLateness: where something else has the processor, we are late and know it.
func TestLateness(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	measured := lateness(t.Context())
	for begin := time.Now(); time.Since(begin) < 100*time.Millisecond; { // until we are made to stop, every 10 ms
	}
	j := measured()
	if j.Samples < 20 || j.P50 > j.Max || j.Max < 4*time.Millisecond {
		t.Errorf("%+v", j)
	}
}
