package dns

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// patience bounds waits for what ought to come at once.
const patience = 10 * time.Second

// recorder keeps what OnQuery tells.
type recorder struct {
	mu   sync.Mutex
	list []Query
}

func (r *recorder) tell(q Query) { r.mu.Lock(); defer r.mu.Unlock(); r.list = append(r.list, q) }
func (r *recorder) reset()       { r.mu.Lock(); defer r.mu.Unlock(); r.list = nil }
func (r *recorder) count() int   { r.mu.Lock(); defer r.mu.Unlock(); return len(r.list) }

func (r *recorder) only(t *testing.T) Query {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) != 1 {
		t.Fatalf("told of %d queries, want one: %+v", len(r.list), r.list)
	}
	return r.list[0]
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	server, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func ask(t *testing.T, server *Server, network string, m *miekg.Msg) *miekg.Msg {
	t.Helper()
	client := miekg.Client{Net: network, UDPSize: miekg.MaxMsgSize, Timeout: patience}
	reply, _, err := client.Exchange(m, server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func dial(t *testing.T, server *Server, network string) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// exchange sends one query on an open TCP connection and reads the reply.
func exchange(conn net.Conn) (*miekg.Msg, error) {
	framed := miekg.Conn{Conn: conn}
	if err := framed.WriteMsg(question(lb01, miekg.TypeA)); err != nil {
		return nil, err
	}
	return framed.ReadMsg()
}

func TestQueryTold(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	var queries recorder
	cfg := twoRegions()
	cfg.OnQuery, cfg.Now = queries.tell, func() time.Time { return at }
	server := start(t, cfg)
	conn := dial(t, server, "tcp")
	if _, err := exchange(conn); err != nil {
		t.Fatal(err)
	}
	told := queries.only(t)
	if told.Client.String() != conn.LocalAddr().String() || !told.At.Equal(at) {
		t.Errorf("told client %v at %v, want %v at %v", told.Client, told.At, conn.LocalAddr(), at)
	}
}

func TestDatagramsThatAreNoQuery(t *testing.T) {
	response := question(lb01, miekg.TypeA)
	response.Response = true
	whole := pack(t, question(lb01, miekg.TypeA))
	withOPT := pack(t, question(lb01, miekg.TypeA).SetEdns0(1232, false))
	lies := append([]byte(nil), whole...)
	binary.BigEndian.PutUint16(lies[6:], 65535) // ANCOUNT
	for _, tc := range []struct {
		name  string
		wire  []byte
		rcode int // -1: no reply
	}{
		{"empty", nil, -1},
		{"one byte", []byte{0}, -1},
		{"header cut", whole[:11], -1},
		{"response", pack(t, response), -1},
		{"response cut", pack(t, response)[:20], -1},
		{"ones", []byte(strings.Repeat("\xff", 600)), -1},
		{"header alone", whole[:12], miekg.RcodeFormatError},
		{"name cut", whole[:20], miekg.RcodeFormatError},
		{"type and class missing", whole[:len(whole)-4], miekg.RcodeFormatError},
		{"class missing", whole[:len(whole)-2], miekg.RcodeFormatError},
		{"class cut", whole[:len(whole)-1], miekg.RcodeFormatError},
		{"OPT missing", withOPT[:len(whole)], miekg.RcodeFormatError},
		{"OPT cut", withOPT[:len(withOPT)-3], miekg.RcodeFormatError},
		{"answers promised", lies, miekg.RcodeFormatError},
		{"name that points at itself", append(append([]byte(nil), whole[:12]...), 0xc0, 12, 0, 1, 0, 1), miekg.RcodeFormatError},
		{"zeros", make([]byte, 600), miekg.RcodeFormatError},
		{"no question at all", make([]byte, 12), miekg.RcodeFormatError},
		{"longer than the buffer", append(append([]byte(nil), withOPT[:len(withOPT)-2]...), append([]byte{0x20, 0}, make([]byte, 8192)...)...), miekg.RcodeFormatError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var queries recorder
			cfg := twoRegions()
			cfg.OnQuery = queries.tell
			server := start(t, cfg)
			conn := dial(t, server, "udp")
			// The good query behind it is answered next, so what is told and sent
			// before that is all that there was.
			for _, wire := range [][]byte{tc.wire, whole} {
				if _, err := conn.Write(wire); err != nil {
					t.Fatal(err)
				}
			}
			want := []int{miekg.RcodeSuccess}
			if tc.rcode >= 0 {
				want = []int{tc.rcode, miekg.RcodeSuccess}
			}
			for i, rcode := range want {
				buf := make([]byte, 2048)
				n, err := conn.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				reply := new(miekg.Msg)
				if err := reply.Unpack(buf[:n]); err != nil || reply.Rcode != rcode {
					t.Fatalf("reply %d: %v, error %v, want rcode %d", i, reply, err, rcode)
				}
				if rcode == miekg.RcodeFormatError && n > len(tc.wire) {
					t.Errorf("%d bytes answered to %d: amplified", n, len(tc.wire))
				}
			}
			if queries.count() != len(want) {
				t.Errorf("told of %d queries, want %d", queries.count(), len(want))
			}
		})
	}
}

func TestTCPConnectionsEnd(t *testing.T) {
	for _, tc := range []struct {
		name string
		send []byte
		idle time.Duration
	}{
		{"idle", nil, 50 * time.Millisecond},
		{"slow in the middle of a message", []byte{0, 40, 1, 2, 3}, 50 * time.Millisecond},
		{"message of no length", []byte{0, 0}, patience},
		{"shorter than a header", []byte{0, 3, 1, 2, 3}, patience},
		{"announced larger than any query", []byte{0xff, 0xff}, patience},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := twoRegions()
			cfg.IdleTimeout = tc.idle
			conn := dial(t, start(t, cfg), "tcp")
			if _, err := conn.Write(tc.send); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read %d bytes, %v, want the server to close", n, err)
			}
		})
	}
}

func TestTCPConnectionsAreBounded(t *testing.T) {
	cfg := twoRegions()
	cfg.IdleTimeout = time.Hour
	server := start(t, cfg)
	var open []net.Conn
	for range maxConns {
		conn := dial(t, server, "tcp")
		for range 2 { // one connection serves many queries
			if _, err := exchange(conn); err != nil {
				t.Fatal(err)
			}
		}
		open = append(open, conn)
	}
	if n, err := dial(t, server, "tcp").Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("connection %d: read %d bytes, %v, want it closed at once", maxConns+1, n, err)
	}
	ask(t, server, "udp", question(lb01, miekg.TypeA)) // the others still work
	open[0].Close()
	for deadline := time.Now().Add(patience); ; {
		if _, err := exchange(dial(t, server, "tcp")); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no connection taken after another one ended")
		}
	}
}

// TestSetWhileAsked: each answer is one of the states that were set, never a
// mixture, and queries are told one at a time: the race detector watches the counter.
func TestSetWhileAsked(t *testing.T) {
	told := 0
	cfg := twoRegions()
	cfg.OnQuery = func(Query) { told++ }
	server := start(t, cfg)
	states := [][]netip.Addr{addrs("127.0.5.1", "127.0.5.2"), addrs("127.0.6.1", "127.0.6.2"), nil}
	stop := make(chan struct{})
	var setters sync.WaitGroup
	for _, name := range []string{lb01, "LB02.voice.use1.pure.cloud"} {
		setters.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := server.Set(name, states[i%3]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var askers sync.WaitGroup
	for _, network := range []string{"udp", "tcp", "udp"} {
		askers.Go(func() {
			client := miekg.Client{Net: network, Timeout: patience}
			for range 100 {
				reply, _, err := client.Exchange(question(lb01, miekg.TypeA), server.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				switch got := strings.Join(rdata(reply.Answer), " "); got {
				case "127.0.5.1 127.0.5.2", "127.0.6.1 127.0.6.2", "127.0.1.1":
				default:
					if got != "" || reply.Rcode != miekg.RcodeNameError {
						t.Errorf("answer %q with rcode %d is none of the states", got, reply.Rcode)
					}
				}
			}
		})
	}
	askers.Wait()
	close(stop)
	setters.Wait()

	for _, tc := range []struct {
		addrs []netip.Addr
		rcode int
	}{{addrs("127.0.7.7"), miekg.RcodeSuccess}, {nil, miekg.RcodeNameError}} {
		if err := server.Set(lb01, tc.addrs); err != nil {
			t.Fatal(err)
		}
		got := ask(t, server, "udp", question(lb01, miekg.TypeA))
		if got.Rcode != tc.rcode || len(got.Answer) != len(tc.addrs) {
			t.Errorf("after Set(%v): rcode %d, %v", tc.addrs, got.Rcode, got.Answer)
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if told != 3*100+2 {
		t.Errorf("told of %d queries, want 302", told)
	}
}

// TestClose: with one connection idle and one query still being told, Close cuts
// the one, waits for the other, and every call of several returns only then.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	asked, running := make(chan struct{}), make(chan *Server, 1)
	var told atomic.Bool
	cfg := twoRegions()
	cfg.IdleTimeout = time.Hour
	cfg.OnQuery = func(q Query) {
		if q.Transport == "tcp" {
			return
		}
		close(asked)
		<-(<-running).done // Close has begun
		for range 10_000 { // and has every chance to return too early
			runtime.Gosched()
		}
		told.Store(true)
	}
	server, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	running <- server
	idle := dial(t, server, "tcp")
	if _, err := exchange(idle); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, server, "udp").Write(pack(t, question(lb01, miekg.TypeA))); err != nil {
		t.Fatal(err)
	}
	<-asked
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if !told.Load() {
				t.Error("closed while a query was being told")
			}
		})
	}
	closers.Wait()
	if n, err := idle.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("idle connection: read %d bytes, %v, want it cut", n, err)
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	cfg.OnQuery, cfg.Listen = nil, server.Addr().String()
	start(t, cfg) // the port is free again, for UDP and TCP
}

func pack(t testing.TB, m *miekg.Msg) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}
