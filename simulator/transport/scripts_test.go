package transport

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// What is recorded of a script that crypto/tls as the device takes, refuses, or
// that stops.
const (
	takes   = "done; data; alert in 0 sealed; closed by us close"
	refuses = "alert in [1-9][0-9]*; failed by device; closed by device fin"
	cut     = "failed by us at the deadline; closed by us close"
)

var played = map[scripted.Script]string{
	"honest":             takes,
	"fragmented-flight":  takes,
	"coalesced-flight":   takes,
	"one-octet-segments": takes,
	"empty-records":      takes,
	"unknown-extension":  takes, // the usual libraries skip it

	"unoffered-suite":         refuses,
	"export-suite":            refuses,
	"unoffered-group":         refuses,
	"unoffered-version":       refuses,
	"compression":             refuses,
	"unsolicited-extension":   refuses,
	"bad-renegotiation-info":  refuses,
	"malformed-certificate":   refuses,
	"wrong-signature":         refuses,
	"reordered-done":          refuses,
	"reordered-key-exchange":  refuses,
	"missing-certificate":     refuses,
	"unexpected-key-exchange": refuses,
	// The handshake is done for the server once its Finished is out.
	"wrong-finished": "done; alert in [1-9][0-9]* sealed; closed by us close",

	"truncated-certificate": "closed by us close; failed by us",
	"reset-after-hello":     "failed by us; closed by us close",

	"stall-before-server-hello":      cut,
	"stall-after-server-hello":       cut,
	"stall-in-certificate":           cut,
	"stall-before-server-hello-done": cut,
	"stall-after-client-finished":    cut,
}

// plays is a server that plays a script, with a deadline for those that stall.
func plays(t *testing.T, script scripted.Script) *Server {
	t.Helper()
	f := healthy()
	f.Engine = ScriptedEngine{Script: script}
	if strings.HasPrefix(string(script), "stall") {
		f.Deadline = short
	}
	return start(t, &Server{}, f)
}

// speak does a handshake with crypto/tls, sends a word where it completes, and
// closes.
func speak(raw *net.TCPConn, config *tls.Config) error {
	c := tls.Client(raw, config)
	err := c.Handshake()
	if err == nil {
		io.WriteString(c, "OPTIONS")
		c.CloseWrite()
		_, err = io.Copy(io.Discard, c)
	}
	raw.CloseWrite()
	return err
}

func TestScripts(t *testing.T) {
	for _, info := range scripted.Scripts() {
		t.Run(string(info.Script), func(t *testing.T) {
			t.Parallel()
			s := plays(t, info.Script)
			config := device(ecdheGCM256, rsaGCM128)
			config.ServerName = "lb01.test"
			err := speak(plain(t, s.Addr(0)), config)
			want := played[info.Script]
			if (err == nil) != (want == takes) {
				t.Errorf("the device: %v", err)
			}
			e, _ := wait[record.Closed](t, s.Recorder, 0, nil)
			wait(t, s.Recorder, 0, func(_ record.Event, b record.Body) bool {
				kind := b.Kind()
				return kind == record.HandshakeDone{}.Kind() || kind == record.HandshakeFailed{}.Kind()
			})
			if got := outcome(s.Recorder, e.Conn); !regexp.MustCompile("^" + want + "$").MatchString(got) {
				t.Errorf("got  %s\nwant %s\n%s", got, want, story(s.Recorder, 0))
			}
			for _, done := range of[record.HandshakeDone](s.Recorder, 0) {
				if done != (record.HandshakeDone{Version: tls.VersionTLS12, Suite: ecdheGCM256, Group: uint16(P384), ServerName: "lb01.test", Engine: "scripted"}) {
					t.Errorf("recorded %+v", done)
				}
			}
		})
	}
	if len(played) != len(scripted.Scripts()) {
		t.Errorf("%d scripts, %d of them here", len(scripted.Scripts()), len(played))
	}
}

// A device that gives up while the server stalls ended the handshake itself.
func TestDeviceLeavesStall(t *testing.T) {
	f := healthy()
	f.Engine = ScriptedEngine{Script: "stall-after-server-hello"}
	s := start(t, &Server{}, f)
	raw := plain(t, s.Addr(0))
	raw.Write(hello(t, device(ecdheGCM256)))
	raw.Read(make([]byte, 1))
	raw.CloseWrite()
	e, _ := wait[record.HandshakeFailed](t, s.Recorder, 0, nil)
	if got, want := outcome(s.Recorder, e.Conn), "closed by device fin; failed by device"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The end of a script that ends the connection is on the wire what it says.
func TestScriptedEnds(t *testing.T) {
	for script, want := range map[scripted.Script]error{"reset-after-hello": syscall.ECONNRESET, "truncated-certificate": nil} {
		raw := plain(t, plays(t, script).Addr(0))
		raw.Write(hello(t, device(ecdheGCM256)))
		if n, err := io.Copy(io.Discard, onlyReader{raw}); !errors.Is(err, want) || (n > 0) != (want == nil) {
			t.Errorf("%s: %v after %d octets, want %v", script, err, n, want)
		}
	}
}

// one-octet-segments are so on the wire, through server and tap.
func TestSegments(t *testing.T) {
	for script, alone := range map[scripted.Script]bool{"honest": false, "one-octet-segments": true} {
		raw := plain(t, plays(t, script).Addr(0))
		counted := &counter{Conn: raw}
		c := tls.Client(counted, device(ecdheGCM256))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		exchange(t, c, "OPTIONS")
		if segments := dataSegmentsIn(t, raw); (segments >= counted.n) != alone {
			t.Errorf("%s: %d octets in %d segments", script, counted.n, segments)
		}
	}
}

type counter struct {
	net.Conn
	n int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n += n
	return n, err
}

// dataSegmentsIn reads tcpi_data_segs_in of TCP_INFO (linux/tcp.h).
func dataSegmentsIn(t *testing.T, c *net.TCPConn) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info [256]byte
	size := uint32(len(info))
	var failed syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err != nil || failed != 0 || size < 156 {
		t.Fatalf("TCP_INFO: %v, %v, %d octets", err, failed, size)
	}
	return int(binary.NativeEndian.Uint32(info[152:]))
}

// Only the odd proxies play the script; where none is named, all do.
func TestOddProxies(t *testing.T) {
	s := start(t, &Server{Listen: []netip.AddrPort{loopback(), loopback(), loopback()}}, healthy())
	for _, tt := range []struct {
		name string
		odd  []int
		want [3]bool // resets
	}{
		{"one", []int{1}, [3]bool{false, true, false}},
		{"two", []int{2, 0}, [3]bool{true, false, true}},
		{"all", nil, [3]bool{true, true, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy()
			f.Engine, f.Odd = ScriptedEngine{Script: "reset-after-hello"}, tt.odd
			mark := s.Recorder.Mark()
			if _, err := s.Show(f); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				raw := plain(t, s.Addr(i))
				c := tls.Client(raw, device())
				err := c.Handshake()
				if got := errors.Is(err, syscall.ECONNRESET); got != tt.want[i] || !got && err != nil {
					t.Errorf("proxy %d: %v", i, err)
				}
				if err == nil {
					exchange(t, c, "OPTIONS")
				}
			}
			_, shown := wait[record.Profile](t, s.Recorder, mark, nil)
			for n, i := range tt.odd {
				if len(shown.Odd) != len(tt.odd) || shown.Odd[n] != s.Names[i] {
					t.Errorf("recorded as odd: %v", shown.Odd)
				}
			}
		})
	}
}

// A script is a server's, and needs a key that signs.
func TestScriptedEngineMisused(t *testing.T) {
	e := ScriptedEngine{Script: scripted.Honest}
	if _, err := e.Client(t.Context(), nil, ClientParameters{}); err == nil || !strings.Contains(err.Error(), "server's") {
		t.Errorf("as client: %v", err)
	}
	if _, err := e.Server(t.Context(), nil, ServerParameters{Certificate: &tls.Certificate{}}); err == nil || !strings.Contains(err.Error(), "cannot sign") {
		t.Errorf("without a key: %v", err)
	}
}
