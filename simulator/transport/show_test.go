package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// A swap raises the generation, ends what the device opened before, and what
// comes after carries the new one.
func TestShow(t *testing.T) {
	conns := make(chan *Conn, 4)
	s := start(t, &Server{Accept: func(c *Conn) { conns <- c; echo(c) }}, healthy())
	if got := s.Generation(); got != 1 {
		t.Fatalf("generation %d at the start", got)
	}
	standing, err := call(t, s, device(ecdheGCM256))
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, standing, "OPTIONS")
	old := <-conns
	half := plain(t, s.Addr(0)) // a device in the middle of its handshake
	mark := s.Recorder.Mark()
	if _, err := half.Write(hello(t, device())[:20]); err != nil {
		t.Fatal(err)
	}
	shaking, _ := wait(t, s.Recorder, 0, func(e record.Event, _ record.Accepted) bool { return e.Conn != old.Origin.Conn })

	next := Face{Profile: "narrow", Certificate: identity(), Suites: []uint16{rsaCBC}, Deadline: time.Minute}
	generation, err := s.Show(next)
	if err != nil || generation != 2 || s.Generation() != 2 {
		t.Fatalf("got generation %d, %d, %v, want 2", generation, s.Generation(), err)
	}
	swap, profile := wait(t, s.Recorder, mark, func(_ record.Event, b record.Profile) bool { return b.Generation == 2 })
	if profile.Name != "narrow" || profile.Deadline != time.Minute || !bytes.Equal(profile.Chain[0], identity().Certificate[0]) || swap.Generation != 2 {
		t.Errorf("recorded %+v", profile)
	}
	for name, conn := range map[string]uint64{"the standing connection": old.Origin.Conn, "the one in its handshake": shaking.Conn} {
		e, closed := wait(t, s.Recorder, 0, on[record.Closed](conn))
		if closed.By != record.Us || closed.Reason == "" || e.Generation != 1 || e.Seq < swap.Seq {
			t.Errorf("%s: got %+v of generation %d, event %d, want ours of generation 1 after event %d", name, closed, e.Generation, e.Seq, swap.Seq)
		}
	}
	if _, failed := wait(t, s.Recorder, 0, on[record.HandshakeFailed](shaking.Conn)); failed.By != record.Us || failed.Deadline {
		t.Errorf("the handshake failed: %+v", failed)
	}
	standing.SetReadDeadline(time.Now().Add(patience))
	if _, err := standing.Read(make([]byte, 1)); err != io.EOF { // close_notify
		t.Errorf("the device read %v", err)
	}
	if _, err := io.Copy(io.Discard, onlyReader{half}); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the device in its handshake read %v", err)
	}

	again, err := call(t, s, device(rsaCBC))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if c := <-conns; c.Origin.Generation != 2 || again.ConnectionState().CipherSuite != rsaCBC {
		t.Errorf("the new connection has generation %d, suite %s", c.Origin.Generation, SuiteName(again.ConnectionState().CipherSuite))
	}
}

// slowEngine holds a handshake that is over until told to go on.
type slowEngine struct {
	GoEngine
	done, proceed chan struct{}
}

func (e slowEngine) Server(ctx context.Context, raw net.Conn, p ServerParameters) (Session, error) {
	s, err := e.GoEngine.Server(ctx, raw, p)
	e.done <- struct{}{}
	<-e.proceed
	return s, err
}

// A handshake that ends while the face is swapped belongs to the old one: it
// is closed and not handed on.
func TestShowAtTheEndOfAHandshake(t *testing.T) {
	engine := slowEngine{done: make(chan struct{}), proceed: make(chan struct{})}
	s := start(t, &Server{Engine: engine, Accept: func(c *Conn) { t.Errorf("handed on: %+v", c.Origin) }}, healthy())
	c, err := call(t, s, device())
	if err != nil {
		t.Fatal(err)
	}
	<-engine.done
	if _, err := s.Show(healthy()); err != nil {
		t.Fatal(err)
	}
	close(engine.proceed)
	io.Copy(io.Discard, onlyReader{c})
	s.Close()
	closed := of[record.Closed](s.Recorder, 1)
	if len(closed) != 1 || closed[0].By != record.Us {
		t.Errorf("got %+v, want one end, ours", closed)
	}
}

// Peers outside the device's networks are recorded as foreign, closed and
// never handed on.
func TestForeign(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := start(t, &Server{
		Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.8/31")},
		Accept:  func(c *Conn) { conns <- c; echo(c) },
	}, healthy())
	for _, tt := range []struct {
		source  string
		foreign bool
	}{
		{"127.0.0.1", true}, {"127.0.0.8", false}, {"127.0.0.9", false}, {"127.0.0.10", true},
	} {
		t.Run(tt.source, func(t *testing.T) {
			mark := s.Recorder.Mark()
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(tt.source)}, Timeout: patience}
			raw, err := d.Dial("tcp", s.Addr(0).String())
			if err != nil {
				t.Fatal(err)
			}
			c := tls.Client(raw, device())
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			err = c.Handshake()
			if (err != nil) != tt.foreign {
				t.Errorf("handshake: %v", err)
			}
			e, accepted := wait[record.Accepted](t, s.Recorder, mark, nil)
			if accepted.Foreign != tt.foreign || accepted.Remote != raw.LocalAddr().String() || accepted.Local != s.Addr(0).String() {
				t.Errorf("recorded %+v", accepted)
			}
			if tt.foreign {
				if got, want := outcome(s.Recorder, e.Conn), "closed by us close"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				return
			}
			if got := (<-conns).Origin.Conn; got != e.Conn {
				t.Errorf("handed on connection %d, want %d", got, e.Conn)
			}
		})
	}
	select {
	case c := <-conns:
		t.Errorf("handed on: %+v", c.Origin)
	default:
	}
}
