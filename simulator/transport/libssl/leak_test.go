//go:build linux && amd64 && !nolibssl

package libssl_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"byocheck/simulator/transport/libssl"
)

var turns = flag.Int("leak", 300, "handshakes after which TestLeak looks for what was not given back")

// allocated returns how many octets C code holds: malloc_info(3), all arenas.
var allocated = sync.OnceValue(func() func() int64 {
	handle, err := purego.Dlopen("libc.so.6", purego.RTLD_NOW)
	if err != nil {
		panic(err)
	}
	// struct mallinfo2 { size_t arena, ordblks, …, uordblks, fordblks, keepcost; }
	// is returned in memory, whose address is the hidden first argument.
	var mallinfo2 func(*[10]uint64)
	purego.RegisterLibFunc(&mallinfo2, handle, "mallinfo2")
	return func() int64 {
		var m [10]uint64
		mallinfo2(&m)
		return int64(m[1+6] + m[4]) // in use, and mapped
	}
})

// resident returns the resident memory of this process in KiB.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// Handshakes that succeed, are refused, fail and are given up leave nothing
// behind, in C or in Go: -leak=10000 for the long version.
func TestLeak(t *testing.T) {
	need(t)
	const tunables = "GLIBC_TUNABLES"
	if os.Getenv(tunables) == "" {
		// In a process whose malloc keeps nothing back for its threads.
		t.Log(again(t, tunables+"=glibc.malloc.tcache_count=0", fmt.Sprintf("-leak=%d", *turns)))
		return
	}
	refusal := errors.New("no")
	shown, offered, refusing, other := server(rsaGCM256, ecdheGCM256), client(rsaGCM256), client(rsaGCM256), client(rsaCBC256)
	shown.Staple, shown.RequestClientCertificate, shown.KeyLog = []byte("an answer of OCSP"), true, io.Discard
	shown.Verify = func([][]byte) error { return nil }
	offered.Chain, offered.Key, offered.ServerName = identity().Certificate, identity().PrivateKey, "lb01.test"
	refusing.Verify = func([][]byte) error { return refusal }
	up, _ := flights(t, rsaGCM256)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	turn := func(i int) {
		theirs := []*libssl.Config{offered, offered, refusing, other}[i%4]
		if theirs == other {
			libssl.Server(t.Context(), &tape{Reader: bytes.NewReader(up[:i%len(up)])}, shown)
			libssl.Server(t.Context(), &tape{Reader: bytes.NewReader(up)}, shown)
			libssl.Server(t.Context(), &tape{Reader: bytes.NewReader(up)}, server(rsaCBC)) // a Config for once
		}
		b, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			a, err := l.Accept()
			if err == nil {
				err = visit(libssl.Server(t.Context(), a, shown))
				a.Close()
			}
			served <- err
		}()
		err = visit(libssl.Client(t.Context(), b, theirs))
		b.Close()
		if served := <-served; (err == nil && served == nil) != (theirs == offered) {
			t.Fatalf("client: %v, server: %v", err, served)
		}
	}
	settle := func() (c int64, goroutines int) {
		for same := 0; same < 3; {
			runtime.GC()                     // finds Configs that are gone;
			time.Sleep(5 * time.Millisecond) // a goroutine of the runtime's frees their contexts
			if now := allocated()(); now == c {
				same++
			} else {
				c, same = now, 0
			}
		}
		return c, runtime.NumGoroutine()
	}
	for i := range 100 {
		turn(i)
	}
	c, goroutines := settle()
	rss := resident(t)
	for i := range *turns {
		turn(i)
	}
	afterC, afterGoroutines := settle()
	runtime.KeepAlive(turn) // and with it the contexts that are in use
	t.Logf("%d turns: C memory %+d octets, goroutines %+d, resident memory %+d KiB", *turns, afterC-c, afterGoroutines-goroutines, resident(t)-rss)
	// A thread that comes to OpenSSL for the first time keeps 5 KiB there, for its
	// random numbers and errors.
	if grown := afterC - c; grown > 64<<10 {
		t.Errorf("C memory grew by %d octets, %d a turn", grown, grown/int64(*turns))
	}
	if afterGoroutines > goroutines {
		t.Errorf("%d goroutines more", afterGoroutines-goroutines)
	}
}
