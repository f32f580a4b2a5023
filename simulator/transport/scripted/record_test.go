package scripted

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// wire is a connection that has said what it will ever say.
type wire struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (w *wire) Read(b []byte) (int, error)     { return w.in.Read(b) }
func (w *wire) Write(b []byte) (int, error)    { return w.out.Write(b) }
func (*wire) Close() error                     { return nil }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }

func heard(b ...byte) *records { return newRecords(&wire{in: bytes.NewReader(b)}, zeros{}) }

// endless repeats its octets for ever.
type endless struct {
	b []byte
	n int
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.b[e.n%len(e.b)]
		e.n++
	}
	return len(b), nil
}

func TestMessage(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want [][]byte
		err  error
	}{
		{"one in a record", []byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 9}, [][]byte{{1, 0, 0, 1, 9}}, io.EOF},
		{"two in a record", []byte{22, 3, 3, 0, 9, 14, 0, 0, 0, 1, 0, 0, 1, 9}, [][]byte{{14, 0, 0, 0}, {1, 0, 0, 1, 9}}, io.EOF},
		{"one in three records, one empty", []byte{22, 3, 3, 0, 1, 1, 22, 3, 3, 0, 0, 22, 3, 3, 0, 4, 0, 0, 1, 9}, [][]byte{{1, 0, 0, 1, 9}}, io.EOF},
		{"behind a warning", []byte{21, 3, 3, 0, 2, 1, 112, 22, 3, 3, 0, 4, 14, 0, 0, 0}, [][]byte{{14, 0, 0, 0}}, io.EOF},
		{"a fatal alert", []byte{21, 3, 3, 0, 2, 2, 40}, nil, Alert{2, 40, false}},
		{"close_notify", []byte{21, 3, 3, 0, 2, 1, 0}, nil, Alert{1, 0, false}},
		{"an alert of one octet", []byte{21, 3, 3, 0, 1, 2}, nil, ErrMalformed},
		{"application data", []byte{23, 3, 3, 0, 1, 2}, nil, unexpected{kind: 23}},
		{"no TLS", []byte("OPTIONS sip:x SIP/2.0\r\n"), nil, ErrMalformed},
		{"SSL 2.0", []byte{0x80, 0x2e, 1, 0, 2, 0, 0x15}, nil, ErrMalformed},
		{"a record that is too long", []byte{22, 3, 3, 0x40, 1}, nil, ErrMalformed},
		{"a message that is too long", []byte{22, 3, 3, 0, 4, 11, 2, 0, 0}, nil, ErrFlood},
		{"cut in a header", []byte{22, 3}, nil, io.ErrUnexpectedEOF},
		{"cut in a record", []byte{22, 3, 3, 0, 5, 1, 0, 0, 1}, nil, io.ErrUnexpectedEOF},
		{"nothing", nil, nil, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := heard(tt.in...)
			for _, want := range tt.want {
				if m, err := r.message(); err != nil || !bytes.Equal(m, want) {
					t.Fatalf("got % x, %v", m, err)
				}
			}
			if m, err := r.message(); !errors.Is(err, tt.err) {
				t.Errorf("got % x, %v, want %v", m, err, tt.err)
			}
		})
	}
}

func TestChangeCipherSpec(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		err  error
	}{
		{"right", []byte{20, 3, 3, 0, 1, 1}, nil},
		{"wrong value", []byte{20, 3, 3, 0, 1, 2}, ErrMalformed},
		{"too long", []byte{20, 3, 3, 0, 2, 1, 1}, ErrMalformed},
		{"a handshake message", []byte{22, 3, 3, 0, 4, 14, 0, 0, 0}, unexpected{kind: 22}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := heard(tt.in...).changeCipherSpec(); !errors.Is(err, tt.err) {
				t.Errorf("got %v", err)
			}
		})
	}
	r := heard(22, 3, 3, 0, 6, 14, 0, 0, 0, 20, 0, 20, 3, 3, 0, 1, 1)
	if _, err := r.message(); err != nil {
		t.Fatal(err)
	}
	if err := r.changeCipherSpec(); !errors.Is(err, unexpected{kind: 20}) {
		t.Errorf("in the middle of a message: %v", err)
	}
}

// A peer that never stops is cut, whatever it sends.
func TestFloods(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty records":    {22, 3, 3, 0, 0},
		"warnings":         {21, 3, 3, 0, 2, 1, 112},
		"a long message":   slices.Concat([]byte{22, 3, 3, 0, 4, 11, 0xff, 0xff, 0xff}),
		"application data": {23, 3, 3, 0, 1, 0},
	} {
		e := &endless{b: b}
		r := newRecords(&wire{in: e}, zeros{})
		_, err := r.message()
		if err == nil || e.n > 1<<16 {
			t.Errorf("%s: %v after %d octets", name, err, e.n)
		}
	}
	s := &server{records: newRecords(&wire{in: &endless{b: []byte{22, 3, 3, 0, 1, 0}}}, zeros{})}
	if err := s.watch(); !errors.Is(err, ErrFlood) {
		t.Errorf("watching handshake records: %v", err)
	}
	s = &server{records: newRecords(&wire{in: &endless{b: []byte{7}}}, zeros{})}
	s.linger() // comes back
}

// A record that a time-out cuts is read whole later.
func TestRecordAcrossTimeOut(t *testing.T) {
	near, far := pair(t)
	r := newRecords(far, zeros{})
	for _, part := range [][]byte{{22}, {3, 3, 0, 5, 14}, {0, 0, 0}} {
		if _, err := near.Write(part); err != nil {
			t.Fatal(err)
		}
		far.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := r.message(); !timedOut(err) {
			t.Fatalf("got %v", err)
		}
	}
	far.SetReadDeadline(time.Now().Add(patience))
	if _, err := near.Write([]byte{9}); err != nil {
		t.Fatal(err)
	}
	if m, err := r.message(); err != nil || !bytes.Equal(m, []byte{14, 0, 0, 0}) {
		t.Errorf("got % x, %v", m, err)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 9}, false)
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40}, true)
	f.Add([]byte{20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 0}, true)
	f.Fuzz(func(t *testing.T, b []byte, protected bool) {
		r := heard(b...)
		if protected {
			s := newSecrets(suites[len(b)%len(suites)], make([]byte, 48), make([]byte, 64), nil, false)
			r.recv, _ = s.protections(make([]byte, 64))
		}
		for n := 0; ; n++ {
			m, err := r.message()
			if err != nil {
				break
			}
			if c := (cursor{b: m[1:]}); len(m) != 4+c.number(3) || n > len(b)/4 {
				t.Fatalf("message % x", m)
			}
		}
	})
}
