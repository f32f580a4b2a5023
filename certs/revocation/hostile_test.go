package revocation

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Connections on which no request comes fill the server up, and no more than that.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	l := usual
	l.conns = 8
	s, _, _, at := published(t, &Server{limits: l}, Good)
	var mute []net.Conn
	for range l.conns {
		mute = append(mute, dial(t, s))
	}
	more := dial(t, s)
	if n, err := more.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("one more connection: %d octets, error %v", n, err)
	}
	if got, want := s.Tally(), (Tally{Connections: 8, Refused: 1}); got != want {
		t.Errorf("%+v, not %+v", got, want)
	}
	for _, c := range mute {
		c.Close()
	}
	for end := time.Now().Add(patience); ; { // the server learns of it after us
		if _, err := do(t, http.MethodGet, at.CRL, nil); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if got := s.Tally(); got.Asking != 1 || got.Connections != 9 {
		t.Errorf("%+v", got)
	}
}

// Each kind of slowness is cut, and what was asked is told.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	l := usual
	l.header, l.request, l.idle, l.write = 50*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	s, d, i, at := published(t, &Server{limits: l, HugeEntries: 1}, Huge)
	inside, err := s.find(i.Name)
	if err != nil {
		t.Fatal(err)
	}
	// More than the buffers of two sockets hold.
	inside.mu.Lock()
	inside.lists[Huge] = signedList{make([]byte, 64<<20), someday}
	inside.mu.Unlock()
	_, ocspPath, _ := strings.Cut(at.OCSP, s.Addr().String())

	for name, c := range map[string]struct {
		write string
		says  string // the error of the fetch; empty: none is told
		asked int64
	}{
		"nothing":            {"", "", 0},
		"a header":           {"GET / HTTP/1.1\r\nHost:", "", 0},
		"a body":             {"POST " + ocspPath + " HTTP/1.1\r\nHost: lab\r\nContent-Length: 100\r\n\r\n0", "reading the body", 1},
		"a chunked body":     {"POST " + ocspPath + " HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n", "reading the body", 1},
		"between two":        {"HEAD " + ocspPath + " HTTP/1.1\r\nHost: lab\r\n\r\n", "the method", 1},
		"to read the answer": {"GET " + strings.TrimPrefix(at.CRL, "http://"+s.Addr().String()) + " HTTP/1.1\r\nHost: lab\r\n\r\n", "writing the answer", 1},
	} {
		before := s.Tally()
		conn := dial(t, s)
		if _, err := conn.Write([]byte(c.write)); err != nil {
			t.Fatal(err)
		}
		if c.says != "" {
			if f := d.next(t); !strings.Contains(f.Error, c.says) || f.Issuer != i.Name {
				t.Errorf("%s: told %+v", name, f)
			}
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: the connection was not ended: %v", name, err)
		}
		if now := s.Tally(); now.Connections != before.Connections+1 || now.Asking != before.Asking+c.asked {
			t.Errorf("%s: %+v after %+v", name, now, before)
		}
	}
	d.none(t)
}

// Octets that are no request are counted, and others are still served.
func TestGarbage(t *testing.T) {
	t.Parallel()
	s, d, _, at := published(t, &Server{}, Good)
	for name, c := range map[string]struct {
		write string
		want  string // the beginning of what comes back
	}{
		"TLS":               {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n", "HTTP/1.1 400"},
		"SIP":               {"OPTIONS sip:lab SIP/2.0\r\nVia: x\r\n\r\n", "HTTP/1.1 400"},
		"zeros":             {strings.Repeat("\x00", 1000) + "\r\n\r\n", "HTTP/1.1 400"},
		"no host":           {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		"a large header":    {"GET / HTTP/1.1\r\nHost: lab\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n", "HTTP/1.1 431"},
		"a large line":      {"GET /" + strings.Repeat("x", 2*maxHeader) + " HTTP/1.1\r\n", "HTTP/1.1 431"},
		"a broken escape":   {"GET /%zz HTTP/1.1\r\nHost: lab\r\n\r\n", "HTTP/1.1 400"},
		"a negative length": {"POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400"},
	} {
		conn := dial(t, s)
		go conn.Write([]byte(c.write)) // the server may answer before it has read all
		got := make([]byte, len(c.want))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
	d.none(t)
	if got := s.Tally(); got.Asking != 0 || got.Connections != 8 {
		t.Errorf("%+v", got)
	}
	if r := get(t, at.CRL); r.status != 200 {
		t.Errorf("status %d", r.status)
	}
}

// Requests may come in one segment; each is answered and told, in order.
func TestPipeline(t *testing.T) {
	t.Parallel()
	s, d, i, at := published(t, &Server{}, Good)
	c := dial(t, s)
	urls := []string{at.CRL, at.Certificate, at.OCSP + "/" + path64(t, i, goodSerial)}
	var all bytes.Buffer
	for _, u := range urls {
		all.WriteString("GET " + strings.TrimPrefix(u, "http://"+s.Addr().String()) + " HTTP/1.1\r\nHost: lab\r\n\r\n")
	}
	if _, err := c.Write(all.Bytes()); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for n, kind := range []string{kindCRL, kindCertificate, kindOCSP} {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 200 {
			t.Errorf("response %d: status %d, error %v", n, r.StatusCode, err)
		}
		if f := d.next(t); f.Kind != kind {
			t.Errorf("request %d: told %+v", n, f)
		}
	}
	if got, want := s.Tally(), (Tally{Connections: 1, Asking: 1}); got != want {
		t.Errorf("%+v", got)
	}
}

// No fetch is told after Close has returned.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	told, release, closed := make(chan Fetch), make(chan struct{}), make(chan struct{})
	s, _, _, at := published(t, &Server{OnFetch: func(f Fetch) { told <- f; <-release }}, Good)
	ask(t, dial(t, s), at.CRL)
	<-told
	go func() { defer close(closed); s.Close() }()
	select {
	case <-closed:
		t.Error("it did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-closed
}

// Close ends every kind of connection at once and leaves no goroutine. It is not
// parallel, since it counts them.
func TestCloseEndsAll(t *testing.T) {
	before := runtime.NumGoroutine()
	d := newDiary()
	s := &Server{SlowBy: time.Hour, OnFetch: func(f Fetch) { d.told <- f }}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	for _, st := range []State{Silent, Slow, Good} {
		i := newIssuer(t, string(st), p384)
		at := s.Publish(i)
		if err := s.Set(i.Name, st); err != nil {
			t.Fatal(err)
		}
		c := dial(t, s)
		conns = append(conns, c)
		ask(t, c, at.CRL)
		if st == Good { // idle afterwards
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, r.Body)
		}
		if st != Slow {
			d.next(t)
		}
	}
	mute := dial(t, s)
	half := dial(t, s)
	if _, err := half.Write([]byte("GET /")); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); s.Tally().Connections < 5 || s.Tally().Asking < 3; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%+v", s.Tally())
		}
	}
	begun := time.Now()
	s.Close()
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if len(d.told) != 1 {
		t.Fatalf("%d fetches were told when Close returned", len(d.told))
	}
	if f := d.next(t); f.State != Slow || f.Status != 0 || f.Error != errClosing.Error() {
		t.Errorf("told %+v", f)
	}
	for n, c := range append(conns, mute, half) {
		if k, err := c.Read(make([]byte, 1)); k != 0 || err == nil {
			t.Errorf("connection %d: %d octets, error %v", n, k, err)
		}
	}
	// The last statement of a goroutine comes after it was waited for.
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
	s.Close()
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("it still listens")
	}
	if _, err := s.CRL(string(Good)); err != nil {
		t.Error(err)
	}
}
