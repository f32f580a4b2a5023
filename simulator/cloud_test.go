package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"byocheck/certs"
	"byocheck/simulator/record"
)

// The zero value makes everything itself, and takes it away again.
func TestZeroValue(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	c := &Cloud{Handshake: patience}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Region.Code != "use1" || len(c.Listen) != 4 || c.Recorder == nil || c.Generation() != 1 {
		t.Fatalf("region %s on %v", c.Region.Code, c.Listen)
	}
	for i := range c.Listen {
		d := connect(t, c, i)
		leaf := d.conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
		for _, name := range append(slices.Clone(c.Region.Proxies.Value), c.Region.SRVDomain.Value) {
			if err := leaf.VerifyHostname(name); err != nil {
				t.Errorf("proxy %d: %v", i, err)
			}
		}
		if len(leaf.DNSNames) != 5 || leaf.Subject.CommonName != c.Region.SRVDomain.Value {
			t.Errorf("proxy %d: names %v, common name %s", i, leaf.DNSNames, leaf.Subject.CommonName)
		}
		d.request("OPTIONS", "ping", "", 1, "")
		d.next("SIP/2.0 200")
		e, _ := wait(t, c.Recorder, func(e record.Event, m record.SIPMessage) bool { return m.Dir == record.In && e.Proxy == names[i] })
		if e.Generation != 1 {
			t.Errorf("generation %d", e.Generation)
		}
	}
	c.Close()
	if left, _ := filepath.Glob(temporary + "/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

var names = []string{"lb01", "lb02", "lb03", "lb04"}

func TestShow(t *testing.T) {
	c := start(t, &Cloud{})
	before := []*device{connect(t, c, 0), connect(t, c, 2)}
	for i, face := range []struct {
		certificate certs.Profile
		refusal     func(error) bool // how a device that checks refuses it; nil: it does not
	}{
		{certs.SANMismatch, func(err error) bool { var wrong x509.HostnameError; return errors.As(err, &wrong) }},
		{certs.UntrustedRoot, func(err error) bool { var wrong x509.UnknownAuthorityError; return errors.As(err, &wrong) }},
		{certs.Healthy, nil},
		{"", nil},
	} {
		generation, err := c.Show(Face{Certificate: face.certificate})
		if err != nil || generation != i+2 || c.Generation() != generation {
			t.Fatalf("showing %q: generation %d, now %d, error %v", face.certificate, generation, c.Generation(), err)
		}
		for _, d := range before {
			d.ended()
		}
		before = nil
		for proxy := range names {
			conn, err := (&tls.Dialer{Config: trusting(c, proxy)}).DialContext(bounded(t), "tcp", c.Listen[proxy].String())
			switch {
			case face.refusal == nil && err != nil:
				t.Fatalf("showing %q on proxy %d: %v", face.certificate, proxy, err)
			case face.refusal != nil && (err == nil || !face.refusal(err)):
				t.Errorf("showing %q on proxy %d: error %v", face.certificate, proxy, err)
			case face.refusal == nil:
				before = append(before, newDevice(t, conn))
			}
		}
	}
	var shown []string
	for _, e := range c.Recorder.Since(0) {
		switch b := e.Body.(type) {
		case record.Profile:
			shown = append(shown, b.Name)
			if b.Generation != len(shown) || len(b.Chain) < 2 {
				t.Errorf("recorded generation %d with %d certificates", b.Generation, len(b.Chain))
			}
		case record.Closed:
			if b.By == record.Us && e.Generation >= c.Generation() {
				t.Error("a connection of the face that is shown was closed")
			}
		}
	}
	if got := strings.Join(shown, " "); got != "healthy san-mismatch untrusted-root healthy healthy" {
		t.Errorf("recorded the profiles %s", got)
	}
	if _, err := c.Show(Face{Certificate: "no-such-profile"}); err == nil || c.Generation() != 5 {
		t.Errorf("showing an unknown profile: error %v, generation %d", err, c.Generation())
	}
}

func TestShowRefusing(t *testing.T) {
	c := start(t, &Cloud{})
	for _, refusing := range [][]int{{1, 3}, {0}, {0, 1, 2, 3}, nil} {
		var set Proxies
		for _, i := range refusing {
			set |= Only(i)
		}
		if _, err := c.Show(Face{Refusing: set}); err != nil {
			t.Fatal(err)
		}
		for i := range names {
			if !slices.Contains(refusing, i) {
				connect(t, c, i)
				continue
			}
			if _, err := net.DialTimeout("tcp", c.Listen[i].String(), patience); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("refusing %v: proxy %d: error %v", refusing, i, err)
			}
		}
	}
}

func TestDeadline(t *testing.T) {
	c := start(t, &Cloud{})
	for _, f := range []struct {
		face Face
		want time.Duration
	}{{Face{}, c.Handshake}, {Face{NoDeadline: true}, 0}} {
		if _, err := c.Show(f.face); err != nil {
			t.Fatal(err)
		}
		events := c.Recorder.Since(0)
		if got := events[len(events)-1].Body.(record.Profile).Deadline; got != f.want {
			t.Errorf("deadline %v, want %v", got, f.want)
		}
	}
	if fresh := (&Cloud{Authority: authority(t, certs.HighAssuranceEV)}); fresh.defaults() != nil || fresh.Handshake != 500*time.Millisecond {
		t.Errorf("the deadline is %v", fresh.Handshake)
	}
}

func TestSources(t *testing.T) {
	c := start(t, &Cloud{Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	if _, err := (&tls.Dialer{Config: trusting(c, 0)}).DialContext(bounded(t), "tcp", c.Listen[0].String()); err == nil {
		t.Error("a foreign peer came through")
	}
	wait(t, c.Recorder, func(_ record.Event, a record.Accepted) bool { return a.Foreign })
}

func TestCloseLeavesNothing(t *testing.T) {
	home() // whatever it starts, it starts before
	far := listen(t)
	goroutines, open := runtime.NumGoroutine(), sockets(t)
	c := &Cloud{Authority: authority(t, certs.HighAssuranceEV), DNS: loopback, Device: far.addr, Handshake: patience}
	c.Close() // never started: nothing to do
	*c = Cloud{Authority: authority(t, certs.HighAssuranceEV), DNS: loopback, Device: far.addr, Handshake: patience}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	known := connect(t, c, 0)
	silent, err := net.Dial("tcp", c.Listen[1].String())
	if err != nil {
		t.Fatal(err)
	}
	wait(t, c.Recorder, func(e record.Event, _ record.Accepted) bool { return e.Proxy == "lb02" })
	if _, err := c.Dial(bounded(t), 2); err != nil {
		t.Fatal(err)
	}
	called := far.next(t)
	c.Close()
	c.mu.Lock()
	if len(c.links) > 0 {
		t.Error("a connection is still served")
	}
	c.mu.Unlock()
	c.Close()
	for _, d := range []*device{known, called} {
		d.ended()
		d.conn.Close()
	}
	silent.Close()
	if _, err := c.Show(Face{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("showing a face afterwards: %v", err)
	}
	if _, err := c.Dial(bounded(t), 0); err == nil {
		t.Error("dialling afterwards: no error")
	}
	late := far.next(t)
	late.ended()
	late.conn.Close()
	same(t, goroutines, open)
	for _, addr := range append(slices.Clone(c.Listen), c.DNS) {
		ln, err := net.Listen("tcp", addr.String())
		if err != nil {
			t.Fatalf("taking the port again: %v", err)
		}
		ln.Close()
	}
}

func TestStartOnAPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).AddrPort()
	home()
	goroutines, open := runtime.NumGoroutine(), sockets(t)
	for _, c := range []*Cloud{
		{Listen: []netip.AddrPort{loopback, loopback, loopback, port}},
		{Listen: []netip.AddrPort{port}},
		{DNS: port},
	} {
		c.Authority = authority(t, certs.HighAssuranceEV)
		if err := c.Start(); err == nil || !strings.Contains(err.Error(), port.String()) {
			t.Errorf("error %v, want one that names %s", err, port)
		}
		same(t, goroutines, open)
		c.Close()
	}
	fallback := start(t, &Cloud{DNS: port, DNSFallback: true})
	if fallback.DNS == port || !fallback.DNS.IsValid() {
		t.Errorf("DNS is on %s", fallback.DNS)
	}
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// same waits until there are as many goroutines and sockets as before.
func same(t testing.TB, goroutines, open int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for runtime.NumGoroutine() > goroutines || sockets(t) > open {
		if ctx.Err() != nil {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines and %d sockets, before %d and %d\n%s", runtime.NumGoroutine(), sockets(t), goroutines, open, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func sockets(t testing.TB) (n int) {
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
