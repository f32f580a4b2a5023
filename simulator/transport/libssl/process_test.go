package libssl_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// program finds a peer's program.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is missing: install it")
	}
	return path
}

// process is a running program; it ends with the test.
type process struct {
	pid    int
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer // to be read after end
	end    func()       // waits for its end
}

func run(t testing.TB, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, program(t, name), args...)
	p := &process{}
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	p.end = sync.OnceFunc(func() { cmd.Wait() })
	t.Cleanup(func() {
		cancel() // kills it
		p.end()
		if t.Failed() {
			t.Logf("%s %s said: %s", name, strings.Join(args, " "), p.stderr.String())
		}
	})
	return p
}

// line returns what follows prefix in the next line of the output that has it.
func (p *process) line(t testing.TB, prefix string) string {
	t.Helper()
	for {
		s, err := p.out.ReadString('\n')
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			return strings.TrimSpace(rest)
		}
		if err != nil {
			t.Fatalf("waiting for %q: %v", prefix, err)
		}
	}
}

// files writes identity for programs that want it so.
func files(t testing.TB) (certificate, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	return write("cert.pem", "CERTIFICATE", identity().Certificate[0]),
		write("key.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(identity().PrivateKey.(*rsa.PrivateKey)))
}

// listening waits for the process to listen on a TCP port over IPv4 that the
// kernel chose, and returns it: gnutls-serv does not tell.
func (p *process) listening(t testing.TB) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		own := map[string]bool{}
		descriptors, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.pid))
		for _, d := range descriptors {
			to, _ := os.Readlink(d)
			own[to] = true
		}
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", p.pid))
		if err != nil {
			t.Fatal(err)
		}
		for row := range strings.Lines(string(table)) {
			// sl local_address rem_address st … inode: proc(5)
			var local, port, remote, state uint64
			f := strings.Fields(row)
			if len(f) < 10 || !own["socket:["+f[9]+"]"] {
				continue
			}
			fmt.Sscanf(f[1]+" "+f[2][:8]+" "+f[3], "%x:%x %x %x", &local, &port, &remote, &state)
			if state == 0x0a {
				return fmt.Sprintf("127.0.0.1:%d", port)
			}
		}
	}
	t.Fatal("does not listen")
	return ""
}

// again runs the test in a process of its own, with one more variable in its
// environment, and returns what it said.
func again(t *testing.T, variable string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append(args, "-test.run=^"+t.Name()+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), variable)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("with %s: %v: %s", variable, err, out)
	}
	return string(out)
}
