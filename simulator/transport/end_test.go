package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// flipper changes the last octet of what comes once armed.
type flipper struct {
	net.Conn
	armed bool
}

func (f *flipper) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if f.armed && n > 0 {
		b[n-1] ^= 1
	}
	return n, err
}

// Who ended a connection is told from the wire: the device by alert, FIN or
// RST, or we. Which engine speaks makes no difference.
func TestWhoEnded(t *testing.T) {
	whole := hello(t, device())
	for _, tt := range []struct {
		name   string
		device func(t *testing.T, c *net.TCPConn, speak func())
		want   string // regular expression
		// In place of that for libssl alone, which answers an alert before the
		// ClientHello with one of its own. Behind Engines it meets none.
		libssl string
	}{
		{"bad certificate", func(t *testing.T, c *net.TCPConn, _ func()) {
			config := device()
			config.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not trusted") }
			if err := tls.Client(c, config).Handshake(); err == nil {
				t.Error("the device accepted")
			}
			c.CloseWrite()
		}, "alert in 42; failed by device; closed by device fin", ""},
		{"bad certificate, then RST", func(t *testing.T, c *net.TCPConn, _ func()) {
			config := device()
			config.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not trusted") }
			tls.Client(c, config).Handshake()
			c.SetLinger(0)
			c.Close()
		}, "(alert in 42; failed by device; closed by device rst|closed by device rst; failed by device)", ""},
		{"a warning, then FIN", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.Write([]byte{21, 3, 3, 0, 2, 1, 42})
			c.CloseWrite()
		}, "alert in 42; closed by device fin; failed by device", "alert in 42; alert out 10; failed by us; closed by us close"},
		{"a warning after our flight, then FIN", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.Write(whole)
			c.Read(make([]byte, 1))
			c.Write([]byte{21, 3, 3, 0, 2, 1, 42})
			c.CloseWrite()
			io.Copy(io.Discard, onlyReader{c})
		}, "alert in 42; closed by device fin; failed by device", ""},
		{"close_notify instead of a ClientHello", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.Write([]byte{21, 3, 3, 0, 2, 1, 0})
		}, "alert in 0; failed by device; closed by us close", "alert in 0; alert out 10; failed by device; closed by us close"},
		{"FIN without a word", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.CloseWrite()
		}, "closed by device fin; failed by device", ""},
		{"FIN in the ClientHello", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.Write(whole[:30])
			c.CloseWrite()
		}, "closed by device fin; failed by device", ""},
		{"FIN after our flight", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.Write(whole)
			c.Read(make([]byte, 1))
			c.CloseWrite()
			io.Copy(io.Discard, onlyReader{c})
		}, "closed by device fin; failed by device", ""},
		{"RST without a word", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.SetLinger(0)
			c.Close()
		}, "closed by device rst; failed by device", ""},
		{"RST after our flight", func(t *testing.T, c *net.TCPConn, _ func()) {
			c.Write(whole)
			c.Read(make([]byte, 1))
			c.SetLinger(0)
			c.Close()
		}, "closed by device rst; failed by device", ""},
		{"close_notify after Finished", func(t *testing.T, c *net.TCPConn, _ func()) {
			d := tls.Client(c, device())
			if err := d.Handshake(); err != nil {
				t.Error(err)
			}
			d.CloseWrite()
			c.CloseWrite()
		}, "done; alert in 0 sealed; closed by us close", ""},
		{"a fatal alert after Finished", func(t *testing.T, c *net.TCPConn, speak func()) {
			f := &flipper{Conn: c}
			d := tls.Client(f, device())
			if err := d.Handshake(); err != nil {
				t.Error(err)
			}
			f.armed = true
			speak() // what the server says now breaks: bad_record_mac from the device
			d.Read(make([]byte, 1))
			c.CloseWrite()
		}, "done; alert in 20 sealed; closed by us close", ""},
		{"FIN after Finished", func(t *testing.T, c *net.TCPConn, _ func()) {
			if err := tls.Client(c, device()).Handshake(); err != nil {
				t.Error(err)
			}
			c.CloseWrite()
		}, "done; closed by device fin", ""},
		{"RST after Finished", func(t *testing.T, c *net.TCPConn, _ func()) {
			if err := tls.Client(c, device()).Handshake(); err != nil {
				t.Error(err)
			}
			c.SetLinger(0)
			c.Close()
		}, "done; closed by device rst", ""},
		{"data, then close", func(t *testing.T, c *net.TCPConn, _ func()) {
			d := tls.Client(c, device())
			d.Write([]byte("OPTIONS"))
			d.CloseWrite()
		}, "done; data; alert in 0 sealed; closed by us close", ""},
		{"no suite of ours", func(t *testing.T, c *net.TCPConn, _ func()) {
			tls.Client(c, device(chacha)).Handshake()
			c.CloseWrite()
		}, "alert out 40; failed by us; closed by us close", ""},
	} {
		for _, engine := range []Engine{Engines{}, LibSSLEngine{}, ScriptedEngine{Script: scripted.Honest}} {
			t.Run(tt.name+", "+engine.Name(), func(t *testing.T) {
				t.Parallel()
				if engine.Name() == "libssl" {
					needLibSSL(t)
				}
				gone, speak := make(chan struct{}), make(chan struct{})
				s := start(t, &Server{Engine: engine, Accept: func(c *Conn) {
					defer close(gone)
					go func() {
						<-speak
						io.WriteString(c, "hello")
					}()
					io.Copy(io.Discard, onlyReader{c})
					c.Shut("the test is over")
				}}, healthy())
				c := plain(t, s.Addr(0))
				speakOnce := sync.OnceFunc(func() { close(speak) })
				defer speakOnce()
				tt.device(t, c, speakOnce)
				e, _ := wait[record.Closed](t, s.Recorder, 0, nil)
				wait(t, s.Recorder, 0, func(_ record.Event, b record.Body) bool {
					switch b.(type) {
					case record.HandshakeDone, record.HandshakeFailed:
						return true
					}
					return false
				})
				if len(of[record.HandshakeDone](s.Recorder, 0)) > 0 {
					<-gone
				}
				want := tt.want
				if engine.Name() == "libssl" && tt.libssl != "" {
					want = tt.libssl
				}
				if got := outcome(s.Recorder, e.Conn); !regexp.MustCompile("^" + want + "$").MatchString(got) {
					t.Errorf("got  %s\nwant %s\n%s", got, want, story(s.Recorder, 0))
				}
			})
		}
	}
}

// What the wire shows outweighs what the TLS stack returns.
func TestHandshakeFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte // from the device, before the stack returns err
		err  error
		want string
	}{
		{"the deadline", nil, ErrDeadline, "failed by us at the deadline; closed by us close"},
		{"an alert at the moment of the deadline", alert(2, 42), ErrDeadline, "alert in 42; failed by device; closed by device fin"},
		{"an encrypted alert", slices.Concat(ccs, alert(9, 9)), told(42), "alert in 42 sealed; failed by device; closed by device fin"},
		{"an encrypted alert that cannot be read", slices.Concat(ccs, alert(9, 9)), errors.New("bad MAC"), "failed by us; closed by us close"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := net.Pipe()
			tap := newTap(near, &record.Recorder{}, record.Origin{Conn: 1})
			_, err := finish(context.Background(), tap, 0, func(context.Context) (Session, error) {
				tap.see(record.In, tt.in...)
				far.Close()
				return nil, tt.err
			})
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if got := outcome(tap.rec, 1); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Only the first end counts, and ours says why.
func TestShut(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := start(t, &Server{Accept: func(c *Conn) { conns <- c }}, healthy())
	if _, err := call(t, s, device()); err != nil {
		t.Fatal(err)
	}
	c := <-conns
	c.Shut("first")
	c.Shut("second")
	c.Close()
	closed := of[record.Closed](s.Recorder, c.Origin.Conn)
	if want := (record.Closed{By: record.Us, How: "close", Reason: "first"}); len(closed) != 1 || closed[0] != want {
		t.Errorf("got %+v, want one %+v", closed, want)
	}
	if !c.FromDevice {
		t.Error("the device opened it")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.conns) + len(s.raw); n != 0 {
		t.Errorf("%d connections still count as standing", n)
	}
}

// A device that does not read cannot hold us with the close_notify it is due.
func TestShutOfDeafDevice(t *testing.T) {
	near, far := net.Pipe() // a pipe buffers nothing: what is not read blocks
	defer far.Close()
	shaken := make(chan error, 1)
	go func() { shaken <- tls.Client(far, device()).Handshake() }()
	tap := newTap(near, &record.Recorder{}, record.Origin{Conn: 1})
	ours := identity()
	c, err := finish(context.Background(), tap, patience, func(ctx context.Context) (Session, error) {
		return GoEngine{}.Server(ctx, tap, ServerParameters{Certificate: &ours, Suites: SurvivingSuites()})
	})
	if err := errors.Join(err, <-shaken); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c.Shut("enough")
	if took := time.Since(begin); took > 3*time.Second { // crypto/tls alone would wait for 5 s
		t.Errorf("closing took %v", took)
	}
	if got, want := outcome(tap.rec, 1), "done; closed by us close"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
