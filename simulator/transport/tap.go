package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// TLS record and handshake message types that are looked at (RFC 5246 6.2.1, 7.4).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23

	handshakeClientHello        = 1
	handshakeCertificate        = 11
	handshakeCertificateRequest = 13

	levelWarning    = 1
	codeCloseNotify = 0
)

// keptHandshake bounds how much of one side's plaintext handshake is kept to
// read message types and the ClientHello from.
const keptHandshake = 64 << 10

// tap stands between the socket and the TLS engine. It records every TLS record
// with its time, reads plaintext alerts and the ClientHello, and notes which
// side ended the connection first. It never changes a byte.
type tap struct {
	net.Conn
	rec    *record.Recorder
	now    func() time.Time
	origin record.Origin

	mu     sync.Mutex
	in     half
	out    half
	ended  bool                // someone ended the connection at TCP level
	end    record.Closed       // how, if ended
	gaveUp record.Party        // who sent the first alert that ends a connection; empty: nobody
	asked  bool                // a CertificateRequest came in
	hello  *record.ClientHello // the peer's
	sealed bool                // an encrypted alert came in and is not told yet
}

// half is the state of one direction.
type half struct {
	dir       record.Direction
	header    []byte // of the record under way
	need      int    // octets of its body still to come
	length    int
	kind      uint8
	body      []byte // kept for plaintext alerts and handshakes only
	encrypted bool
	messages  []byte // plaintext handshake stream, for messages that cross records
	skipped   bool   // the handshake stream outgrew what is kept
}

func newTap(c net.Conn, rec *record.Recorder, origin record.Origin) *tap {
	now := time.Now
	if rec.Now != nil {
		now = rec.Now
	}
	return &tap{Conn: c, rec: rec, now: now, origin: origin,
		in: half{dir: record.In}, out: half{dir: record.Out}}
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	at := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > 0 {
		t.observe(&t.in, b[:n], at)
	}
	if err != nil {
		t.failed(err, at)
	}
	return n, err
}

func (t *tap) Write(b []byte) (int, error) { return t.write(b, t.Conn.Write) }

// WriteSegment implements scripted.Segmenter.
func (t *tap) WriteSegment(b []byte) (int, error) {
	tcp, is := t.Conn.(syscall.Conn)
	if !is {
		return t.Write(b)
	}
	return t.write(b, func(b []byte) (int, error) { return scripted.WriteSegment(tcp, b) })
}

// CloseWrite says that we send nothing more: the end of the connection is ours.
func (t *tap) CloseWrite() error {
	t.hangUp("as arranged")
	return nil
}

// SetLinger is that of a TCP connection; 0 makes its end a reset.
func (t *tap) SetLinger(seconds int) error {
	if tcp, is := t.Conn.(interface{ SetLinger(int) error }); is {
		return tcp.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}

func (t *tap) write(b []byte, send func([]byte) (int, error)) (int, error) {
	at := t.now() // before the write: the peer may answer before Write returns
	t.mu.Lock()
	t.observe(&t.out, b, at)
	t.mu.Unlock()
	n, err := send(b)
	if err != nil {
		t.mu.Lock()
		t.failed(err, t.now())
		t.mu.Unlock()
	}
	return n, err
}

// failed notes an end that the device brought about. Time-outs and our own
// close are no such end.
func (t *tap) failed(err error, at time.Time) {
	switch {
	case errors.Is(err, io.EOF):
		t.finish(record.Closed{By: record.Device, How: "fin"}, at)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		t.finish(record.Closed{By: record.Device, How: "rst"}, at)
	}
}

// finish records the end of the connection, the first one only.
func (t *tap) finish(c record.Closed, at time.Time) {
	if t.ended {
		return
	}
	t.ended, t.end = true, c
	t.rec.EmitAt(t.origin, c, at)
}

// shut closes the socket and records that we did, unless the device was first.
func (t *tap) shut(reason string) error {
	t.mu.Lock()
	t.finish(record.Closed{By: record.Us, How: "close", Reason: reason}, t.now())
	t.mu.Unlock()
	return t.Conn.Close()
}

// hangUp records that we end the connection, unless the device was first, and
// sends FIN; what the device still sends can be read.
func (t *tap) hangUp(reason string) {
	t.mu.Lock()
	t.finish(record.Closed{By: record.Us, How: "close", Reason: reason}, t.now())
	t.mu.Unlock()
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}

// observe reads the record layer of one direction.
func (t *tap) observe(h *half, b []byte, at time.Time) {
	for len(b) > 0 {
		if h.need == 0 && len(h.header) < 5 {
			n := min(5-len(h.header), len(b))
			h.header = append(h.header, b[:n]...)
			b = b[n:]
			if len(h.header) < 5 {
				return
			}
			h.kind, h.length = h.header[0], int(binary.BigEndian.Uint16(h.header[3:5]))
			h.need = h.length
			h.body = h.body[:0]
		}
		n := min(h.need, len(b))
		if h.kind != recordApplicationData && !h.encrypted {
			h.body = append(h.body, b[:n]...)
		}
		b = b[n:]
		if h.need -= n; h.need == 0 {
			t.complete(h, at)
			h.header = h.header[:0]
		}
	}
}

// complete records one whole TLS record.
func (t *tap) complete(h *half, at time.Time) {
	r := record.TLSRecord{Dir: h.dir, Type: h.kind, Length: h.length, Encrypted: h.encrypted}
	var after []record.Body
	switch {
	case h.kind == recordAlert && h.encrypted && h.dir == record.In:
		t.sealed = true // what it says, the TLS stack may tell: noteAlert
	case h.kind == recordAlert && h.encrypted:
		t.givesUp(h.dir)
	case h.kind == recordAlert && len(h.body) == 2:
		a := record.Alert{Dir: h.dir, Level: h.body[0], Code: h.body[1], Name: AlertName(h.body[1])}
		if a.Level != levelWarning || a.Code == codeCloseNotify { // after another warning the handshake goes on
			t.givesUp(h.dir)
		}
		after = append(after, a)
	case h.kind == recordHandshake && !h.encrypted:
		r.Handshake, after = t.messages(h)
	case h.kind == recordChangeCipherSpec:
		h.encrypted = true
	}
	t.rec.EmitAt(t.origin, r, at)
	for _, body := range after {
		t.rec.EmitAt(t.origin, body, at)
	}
}

// messages returns the types of the handshake messages that end in this record
// and what is to be told of them.
func (t *tap) messages(h *half) (types []uint8, tell []record.Body) {
	if h.skipped || len(h.messages)+len(h.body) > keptHandshake {
		h.skipped, h.messages = true, nil
		return nil, nil
	}
	h.messages = append(h.messages, h.body...)
	for len(h.messages) >= 4 {
		n := 4 + int(h.messages[1])<<16 + int(h.messages[2])<<8 + int(h.messages[3])
		if len(h.messages) < n {
			break
		}
		m := h.messages[:n]
		types = append(types, m[0])
		switch {
		case m[0] == handshakeClientHello && h.dir == record.In && t.hello == nil:
			hello, _ := parseHello(m[4:]) // what could not be read stays empty; Raw has it all
			hello.Raw = append([]byte(nil), m...)
			t.hello = &hello
			tell = append(tell, hello)
		case m[0] == handshakeCertificate && h.dir == record.In:
			// Read here and not from the TLS stack, which keeps it to itself
			// when the handshake fails afterwards.
			if chain, err := parseCertificates(m[4:]); err == nil {
				tell = append(tell, record.PeerChain{Certificates: chain})
			}
		case m[0] == handshakeCertificateRequest && h.dir == record.In:
			t.asked = true
		}
		h.messages = h.messages[n:]
	}
	return types, tell
}

// givesUp notes the sender of an alert that ends the connection, the first only.
func (t *tap) givesUp(dir record.Direction) {
	switch {
	case t.gaveUp != "":
	case dir == record.In:
		t.gaveUp = record.Device
	default:
		t.gaveUp = record.Us
	}
}

// noteAlert records an alert that came encrypted, with its code where the TLS
// stack tells it in err.
func (t *tap) noteAlert(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.sealed {
		return
	}
	t.sealed = false
	code, known := AlertOf(err)
	if !known && !errors.Is(err, io.EOF) { // EOF stands for close_notify, code 0
		return
	}
	t.givesUp(record.In)
	t.rec.Emit(t.origin, record.Alert{Dir: record.In, Code: code, Name: AlertName(code), Encrypted: true})
}

// endedBy tells who ended the handshake, as far as the wire shows it: the
// device if its alert, FIN or RST came before an alert or a close of ours.
func (t *tap) endedBy() record.Party {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gaveUp != "" {
		return t.gaveUp
	}
	if t.ended {
		return t.end.By
	}
	return record.Us
}

func (t *tap) certificateRequested() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}
