package transport

import (
	"crypto/tls"
	"encoding/binary"
	"flag"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// flood is how many connections each flood has: -flood=10000 is the long version.
var flood = flag.Int("flood", 600, "connections of each flood")

// maxGrowth bounds what the heap may grow by in a flood: 4 KiB for each
// connection, most of it the recording, and 16 KiB more for each that stands.
func maxGrowth() int64 { return int64(*flood)<<12 + maxConns<<14 }

// However many connections come, each is recorded, memory and descriptors stay
// bounded, and the listener goes on.
func TestFloods(t *testing.T) {
	whole := hello(t, device())
	for _, tt := range []struct {
		name string
		act  func(*net.TCPConn) // the device's; nil leaves the connection idle
	}{
		{"connect and close", func(c *net.TCPConn) { c.Close() }},
		{"connect and reset", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }},
		{"ClientHello and reset", func(c *net.TCPConn) { c.Write(whole); c.SetLinger(0); c.Close() }},
		{"garbage and close", func(c *net.TCPConn) { c.Write([]byte("REGISTER sip:lb01.test SIP/2.0\r\n\r\n")); c.Close() }},
		{"half a ClientHello and idle", func(c *net.TCPConn) { c.Write(whole[:len(whole)/2]) }},
		{"idle", func(*net.TCPConn) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := eight()
			f.Deadline = HandshakeDeadline
			s := start(t, &Server{Recorder: &record.Recorder{Limit: 40 * *flood}}, f)
			heap, files := heapAlloc(), openFiles(t)
			begin := time.Now()
			standing := make([]*net.TCPConn, *flood)
			for i := range standing {
				standing[i] = plain(t, s.Addr(0))
				tt.act(standing[i])
			}
			opened := time.Since(begin)
			closed := map[uint64]int{}
			wait(t, s.Recorder, 0, func(e record.Event, _ record.Closed) bool {
				closed[e.Conn]++
				return len(closed) == *flood
			})
			growth := int64(heapAlloc()) - int64(heap)
			t.Logf("%d connections in %v, all over after %v; heap grew by %d KiB with %d events, peak resident %s",
				*flood, opened.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), growth>>10, len(s.Recorder.Since(0)), resident(t))
			if growth > maxGrowth() {
				t.Errorf("the heap grew by %d KiB, want at most %d", growth>>10, maxGrowth()>>10)
			}
			if n := len(of[record.Accepted](s.Recorder, 0)); n != *flood {
				t.Errorf("%d connections are recorded, want %d", n, *flood)
			}
			for _, c := range standing {
				c.Close()
			}
			c, err := call(t, s, device())
			for end := time.Now().Add(patience); err != nil && time.Now().Before(end); { // slots are being given back
				c, err = call(t, s, device())
			}
			if err != nil {
				t.Fatalf("after the flood: %v", err)
			}
			exchange(t, c, "OPTIONS")
			c.Close()
			s.Close()
			if n := openFiles(t); n > files {
				t.Errorf("%d descriptors are open, %d before", n, files)
			}
		})
	}
}

func heapAlloc() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// openFiles counts the descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// resident is the most memory that this process ever had in use, the devices of
// the test included.
func resident(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(kib>>10) + " MiB"
}

// shredder puts the first message that it writes into records of one octet.
type shredder struct {
	net.Conn
	done bool
}

func (s *shredder) Write(b []byte) (int, error) {
	if s.done {
		return s.Conn.Write(b)
	}
	s.done = true
	if n := int(binary.BigEndian.Uint16(b[3:5])); n != len(b)-5 {
		panic("more than one record")
	}
	_, err := trickle{s.Conn}.Write(records(b[5:], 1))
	return len(b), err
}

// A ClientHello in records of one octet, each octet of which comes by itself, is
// served by either engine.
func TestHelloInPieces(t *testing.T) {
	for _, suite := range []uint16{ecdheGCM256, rsaAES256CBCSHA256} {
		t.Run(SuiteName(suite), func(t *testing.T) {
			engine := engineOf(t, suite)
			s := start(t, &Server{}, eight())
			raw := plain(t, s.Addr(0))
			raw.SetNoDelay(true)
			c, err := lenient([]uint16{suite}, []uint16{0x0401}).Handshake(t.Context(), &shredder{Conn: raw})
			if err != nil {
				t.Fatalf("%v\n%s", err, story(s.Recorder, 0))
			}
			exchange(t, c, "OPTIONS")
			want := record.HandshakeDone{Version: tls.VersionTLS12, Suite: suite, ServerName: "lb01.test", Engine: engine}
			if ecdhe(suite) {
				want.Group = uint16(P384)
			}
			if _, done := wait[record.HandshakeDone](t, s.Recorder, 0, nil); done != want {
				t.Errorf("got %+v, want %+v", done, want)
			}
			if hellos := of[record.ClientHello](s.Recorder, 0); len(hellos) != 1 || hellos[0].ServerName != "lb01.test" {
				t.Errorf("recorded %+v", hellos)
			}
		})
	}
}
