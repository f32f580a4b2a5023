package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"byocheck/simulator/record"
)

const short = 50 * time.Millisecond

// A handshake that does not come to its end is cut by us, not before the deadline.
func TestServerDeadline(t *testing.T) {
	f := healthy()
	f.Deadline = short
	s := start(t, &Server{}, f)
	whole := hello(t, device())
	for _, tt := range []struct {
		name string
		send []byte
	}{
		{"nothing sent", nil},
		{"half a ClientHello", whole[:len(whole)/2]},
		{"ClientHello, then nothing", whole},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mark := s.Recorder.Mark()
			c := plain(t, s.Addr(0))
			if _, err := c.Write(tt.send); err != nil {
				t.Fatal(err)
			}
			begin, _ := wait[record.Accepted](t, s.Recorder, mark, nil)
			e, _ := wait(t, s.Recorder, mark, on[record.Closed](begin.Conn))
			if got, want := outcome(s.Recorder, begin.Conn), "failed by us at the deadline; closed by us close"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if took := e.Mono - begin.Mono; took < short {
				t.Errorf("cut after %v, before the deadline", took)
			}
		})
	}
}

// Without a deadline a silent device stays, and can still complete after one
// that came later was cut by the deadline of another server.
func TestServerDeadlineOff(t *testing.T) {
	off := start(t, &Server{}, healthy())
	f := healthy()
	f.Deadline = short
	strict := start(t, &Server{Recorder: off.Recorder}, f)

	patient := plain(t, off.Addr(0))
	first, _ := wait[record.Accepted](t, off.Recorder, 0, nil)
	plain(t, strict.Addr(0))
	wait(t, off.Recorder, 0, func(e record.Event, b record.HandshakeFailed) bool { return b.Deadline && e.Conn != first.Conn })

	c := tls.Client(patient, device())
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "OPTIONS")
	if got, want := outcome(off.Recorder, first.Conn), "done; data"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// silent is a TCP peer that accepts and never says a word.
func silent(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln // the kernel accepts
}

func TestDialerDeadline(t *testing.T) {
	rec := &record.Recorder{}
	d := Dialer{Recorder: rec, Deadline: short}
	_, err := d.Dial(context.Background(), local(silent(t)))
	if !errors.Is(err, ErrDeadline) {
		t.Fatalf("got %v", err)
	}
	if got, want := outcome(rec, 1), "failed by us at the deadline; closed by us close"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A caller that gives up is no deadline and no unreachable device.
func TestDialerCancelled(t *testing.T) {
	t.Run("in the handshake", func(t *testing.T) {
		rec := &record.Recorder{}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			rec.Wait(ctx, 0, func(e record.Event) bool { return e.Body.Kind() == record.TLSRecord{}.Kind() })
			cancel()
		}()
		d := Dialer{Recorder: rec, Deadline: patience}
		if _, err := d.Dial(ctx, local(silent(t))); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if got, want := outcome(rec, 1), "failed by us; closed by us close"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("before the connect", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		d := Dialer{Recorder: &record.Recorder{}}
		_, err := d.Dial(ctx, local(silent(t)))
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
			t.Fatalf("got %v", err)
		}
	})
}

// local returns where ln listens.
func local(ln net.Listener) netip.AddrPort { return ln.Addr().(*net.TCPAddr).AddrPort() }
