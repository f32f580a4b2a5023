package storm

import (
	"bufio"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// openssl finds the program; where the peers must be there, its lack fails.
func openssl(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatal("openssl missing, and BYOCHECK_REQUIRE_PEERS=1: install it")
		}
		t.Skip("not run: openssl missing")
	}
	return path
}

const opensslName = "ECDHE-RSA-AES256-GCM-SHA384"

// opensslServer runs openssl s_server with that suite and P-384 until the test ends.
func opensslServer(t testing.TB, program string) netip.AddrPort {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: identity().Certificate[0]},
		key:  {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(identity().PrivateKey.(*rsa.PrivateKey))},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-tls1_2", "-groups", "P-384", "-cipher", opensslName, "-www")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel() // kills it
		cmd.Wait()
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if where, is := strings.CutPrefix(line, "ACCEPT "); is {
			go io.Copy(io.Discard, lines) // until it is killed
			addr, err := netip.ParseAddrPort(strings.TrimSpace(where))
			if err != nil {
				t.Fatal(err)
			}
			return addr
		}
		if err != nil {
			t.Fatalf("openssl s_server ended: %v", err)
		}
	}
}

var sTimeSaid = regexp.MustCompile(`(\d+) connections in \d+ real seconds`)

// sTime lets openssl s_time do full handshakes for so many seconds, and returns
// how many, and the processor time that they took it.
func sTime(t testing.TB, program string, addr netip.AddrPort, seconds int) (int, time.Duration) {
	t.Helper()
	cmd := exec.Command(program, "s_time", "-new", "-connect", addr.String(), "-cipher", opensslName, "-tls1_2", "-time", strconv.Itoa(seconds))
	out, err := cmd.CombinedOutput()
	said := sTimeSaid.FindSubmatch(out)
	if err != nil || said == nil {
		t.Fatalf("openssl s_time: %v: %s", err, out)
	}
	n, _ := strconv.Atoi(string(said[1]))
	return n, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkBesideSTime does full handshakes with openssl s_server, one at a time,
// and has openssl s_time do the same before and after: how many each does in a
// second of its processor time, and ours in shares of theirs.
func BenchmarkBesideSTime(b *testing.B) {
	program := openssl(b)
	addr := opensslServer(b, program)
	before, took := sTime(b, program, addr, 2)
	s := Storm{Device: addr, Suites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, Limit: time.Minute}.complete()
	t := newTally(s)
	spent := processorTime()
	b.ReportAllocs()
	for b.Loop() {
		s.one(b.Context(), t, time.Now(), 1)
	}
	spent = processorTime() - spent
	if r := t.result(); r.Done != b.N {
		b.Fatalf("%d of %d done: %+v", r.Done, b.N, r.Failures)
	}
	after, tookAfter := sTime(b, program, addr, 2)
	ours, theirs := float64(b.N)/spent.Seconds(), float64(before+after)/(took+tookAfter).Seconds()
	b.ReportMetric(ours, "handshakes/cpu-s")
	b.ReportMetric(theirs, "s_time/cpu-s")
	b.ReportMetric(ours/theirs, "of-s_time")
}
