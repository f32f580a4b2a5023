package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// deaf is a tap on no socket, whose clock stands.
func deaf() *tap {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return newTap(nil, &record.Recorder{Now: func() time.Time { return at }}, record.Origin{Conn: 1})
}

// see lets the tap observe octets of one direction.
func (t *tap) see(dir record.Direction, b ...byte) {
	h := &t.in
	if dir == record.Out {
		h = &t.out
	}
	t.observe(h, b, t.now())
}

func bodies(t *tap) (out []record.Body) {
	for _, e := range t.rec.Since(0) {
		out = append(out, e.Body)
	}
	return out
}

var ccs = []byte{20, 3, 3, 0, 1, 1}

func alert(level, code byte) []byte { return []byte{21, 3, 3, 0, 2, level, code} }

func TestTapRecords(t *testing.T) {
	sealed := []byte{21, 3, 3, 0, 3, 9, 9, 9}
	for _, tt := range []struct {
		name string
		in   []byte
		want []record.Body
	}{
		{"alert", alert(2, 48), []record.Body{
			record.TLSRecord{Dir: record.In, Type: 21, Length: 2},
			record.Alert{Dir: record.In, Level: 2, Code: 48, Name: "unknown_ca"},
		}},
		{"alert that came encrypted", slices.Concat(ccs, sealed), []record.Body{
			record.TLSRecord{Dir: record.In, Type: 20, Length: 1},
			record.TLSRecord{Dir: record.In, Type: 21, Length: 3, Encrypted: true},
		}},
		{"two messages in a record", []byte{22, 3, 3, 0, 8, 14, 0, 0, 0, 13, 0, 0, 0}, []record.Body{
			record.TLSRecord{Dir: record.In, Type: 22, Length: 8, Handshake: []uint8{14, 13}},
		}},
		{"a message across records", []byte{22, 3, 3, 0, 3, 11, 0, 0, 22, 3, 3, 0, 2, 1, 7}, []record.Body{
			record.TLSRecord{Dir: record.In, Type: 22, Length: 3},
			record.TLSRecord{Dir: record.In, Type: 22, Length: 2, Handshake: []uint8{11}},
		}},
		{"empty records", []byte{23, 3, 3, 0, 0, 22, 3, 3, 0, 0, 21, 3, 3, 0, 0}, []record.Body{
			record.TLSRecord{Dir: record.In, Type: 23},
			record.TLSRecord{Dir: record.In, Type: 22},
			record.TLSRecord{Dir: record.In, Type: 21},
		}},
		{"a record that never ends", append([]byte{22, 3, 3, 0xff, 0xff}, make([]byte, 1000)...), nil},
		{"no TLS at all", []byte("GET / HTTP/1.1\r\n\r\n"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tap := deaf()
			tap.see(record.In, tt.in...)
			if got := bodies(tap); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// What a peer sends in plaintext handshakes is kept up to a bound.
func TestTapIsBounded(t *testing.T) {
	tap := deaf()
	tap.see(record.In, 22, 3, 3, 0, 4, 1, 0xff, 0xff, 0xff) // a ClientHello of 16 MiB
	for range 300 {
		tap.see(record.In, append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 0x4000)...)...)
	}
	if kept := cap(tap.in.messages) + cap(tap.in.body); kept > 4*keptHandshake {
		t.Errorf("%d octets are kept", kept)
	}
	if n := len(of[record.TLSRecord](tap.rec, 0)); n != 301 {
		t.Errorf("%d records, want 301", n)
	}
}

// stackAlert is what TLS stacks make of an alert's code: a number that is an error.
type stackAlert uint8

func (stackAlert) Error() string { return "alert" }

func told(code uint8) error { return &net.OpError{Op: "remote error", Err: stackAlert(code)} }

// The handshake was ended by whoever sent an alert that ends it first, or else
// by whoever closed first.
func TestTapEndedBy(t *testing.T) {
	in := func(b []byte) func(*tap) { return func(t *tap) { t.see(record.In, b...) } }
	out := func(b []byte) func(*tap) { return func(t *tap) { t.see(record.Out, b...) } }
	tells := func(err error) func(*tap) { return func(t *tap) { t.noteAlert(err) } }
	fin := func(t *tap) { t.failed(io.EOF, t.now()) }
	for _, tt := range []struct {
		name  string
		steps []func(*tap)
		want  record.Party
	}{
		{"nothing seen", nil, record.Us},
		{"alert in", []func(*tap){in(alert(2, 42))}, record.Device},
		{"alert out", []func(*tap){out(alert(2, 40))}, record.Us},
		{"alert in, then out", []func(*tap){in(alert(2, 42)), out(alert(2, 40))}, record.Device},
		{"alert out, then in", []func(*tap){out(alert(2, 40)), in(alert(2, 42))}, record.Us},
		{"alert out, then FIN", []func(*tap){out(alert(2, 40)), fin}, record.Us},
		{"close_notify in", []func(*tap){in(alert(1, 0))}, record.Device},
		{"a warning in, then alert out", []func(*tap){in(alert(1, 112)), out(alert(2, 42))}, record.Us},
		{"a warning in, then nothing", []func(*tap){in(alert(1, 112))}, record.Us},
		{"a warning in, then FIN", []func(*tap){in(alert(1, 42)), fin}, record.Device},
		{"FIN", []func(*tap){fin}, record.Device},
		{"encrypted alert in", []func(*tap){in(ccs), in(alert(2, 42)), tells(told(42))}, record.Device},
		{"encrypted close_notify in", []func(*tap){in(ccs), in(alert(2, 42)), tells(io.EOF)}, record.Device},
		{"encrypted alert in that cannot be read", []func(*tap){in(ccs), in(alert(2, 42)), tells(errors.New("bad MAC"))}, record.Us},
		{"encrypted alert out, then FIN", []func(*tap){out(ccs), out(alert(2, 20)), fin}, record.Us},
		{"no alert, whatever the stack says", []func(*tap){tells(told(42))}, record.Us},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tap := deaf()
			for _, step := range tt.steps {
				step(tap)
			}
			if got := tap.endedBy(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// However the octets are cut, the same is recorded.
func FuzzTapObserve(f *testing.F) {
	f.Add(hello(f, device()), uint64(1))
	f.Add(slices.Concat(hello(f, &tls.Config{ServerName: "a.test"}), ccs, alert(2, 42), []byte{23, 3, 3, 0, 0}), uint64(2))
	f.Add([]byte{22, 3, 3, 0, 3, 11, 0, 0, 22, 3, 3, 0, 2, 1, 7, 21, 3, 3, 0, 2, 1, 0}, uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		whole, cut := deaf(), deaf()
		whole.see(record.In, b...)
		chunks := rand.New(rand.NewPCG(seed, 0))
		for rest := b; len(rest) > 0; {
			n := 1 + chunks.IntN(min(len(rest), 40))
			chunk := bytes.Clone(rest[:n])
			cut.see(record.In, chunk...)
			clear(chunk) // the reader's buffer is used again
			rest = rest[n:]
		}
		if got, want := bodies(cut), bodies(whole); !reflect.DeepEqual(got, want) {
			t.Errorf("in chunks: %+v\nin one:    %+v", got, want)
		}
		if whole.endedBy() != cut.endedBy() || whole.sealed != cut.sealed || whole.asked != cut.asked {
			t.Error("the tap's state differs")
		}
	})
}
