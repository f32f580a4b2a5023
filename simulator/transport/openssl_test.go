package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// opensslNames are OpenSSL's names of the six suites.
var opensslNames = map[uint16]string{
	ecdheGCM256: "ECDHE-RSA-AES256-GCM-SHA384",
	ecdheGCM128: "ECDHE-RSA-AES128-GCM-SHA256",
	ecdheCBC:    "ECDHE-RSA-AES256-SHA",
	rsaGCM256:   "AES256-GCM-SHA384",
	rsaGCM128:   "AES128-GCM-SHA256",
	rsaCBC:      "AES256-SHA",
}

// openssl finds the program; where the peers must be there, its lack fails.
func openssl(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatal("openssl missing, and BYOCHECK_REQUIRE_PEERS=1: install it")
		}
		t.Log("not run: openssl missing")
		t.SkipNow()
	}
	return path
}

// process is a running program; it ends with the test.
type process struct {
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer // to be read after end
	end    func()       // waits for its end
}

func run(t *testing.T, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, name, args...)
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

// line returns what follows prefix in the first line of the output that has it.
func (p *process) line(t *testing.T, prefix string) string {
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

// A device built on OpenSSL as client.
func TestOpenSSLClient(t *testing.T) {
	path := openssl(t)
	s := start(t, &Server{}, healthy())
	for suite, name := range opensslNames {
		t.Run(name, func(t *testing.T) {
			mark := s.Recorder.Mark()
			p := run(t, path, "s_client", "-connect", s.Addr(0).String(), "-tls1_2", "-groups", "P-384", "-cipher", name, "-servername", "lb01.test", "-brief")
			if _, err := io.WriteString(p.in, "OPTIONS\n"); err != nil {
				t.Fatal(err)
			}
			p.line(t, "OPTIONS") // came back
			e, done := wait[record.HandshakeDone](t, s.Recorder, mark, nil)
			if done.Suite != suite || ecdhe(suite) && done.Group != uint16(P384) || done.ServerName != "lb01.test" {
				t.Errorf("recorded %+v", done)
			}
			p.in.Close() // s_client says close_notify and ends
			p.end()
			if said := p.stderr.String(); !strings.Contains(said, "Ciphersuite: "+name) {
				t.Errorf("openssl does not tell of suite %s", name)
			}
			wait(t, s.Recorder, mark, on[record.Closed](e.Conn))
			if got, want := outcome(s.Recorder, e.Conn), "done; data; alert in 0 sealed; closed by "; !strings.HasPrefix(got, want) {
				t.Errorf("got %s, want %s…", got, want)
			}
		})
	}
}

// A device built on OpenSSL that checks our certificate refuses it by itself.
func TestOpenSSLClientRefuses(t *testing.T) {
	path := openssl(t)
	s := start(t, &Server{}, healthy())
	run(t, path, "s_client", "-connect", s.Addr(0).String(), "-tls1_2", "-groups", "P-384", "-verify_return_error", "-verify", "5", "-no-CAfile", "-no-CApath", "-no-CAstore")
	e, failed := wait[record.HandshakeFailed](t, s.Recorder, 0, nil)
	wait(t, s.Recorder, 0, on[record.Closed](e.Conn))
	if got := outcome(s.Recorder, e.Conn); failed.By != record.Device || !strings.HasPrefix(got, "alert in ") || !strings.Contains(got, "closed by device") {
		t.Errorf("got %s, %+v", got, failed)
	}
}

// A device built on OpenSSL as server.
func TestOpenSSLServer(t *testing.T) {
	path := openssl(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name, kind string, der []byte) {
		t.Helper()
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, "CERTIFICATE", identity().Certificate[0])
	write(key, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(identity().PrivateKey.(*rsa.PrivateKey)))
	for suite, name := range opensslNames {
		t.Run(name, func(t *testing.T) {
			p := run(t, path, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_2", "-groups", "P-384", "-cipher", name, "-cert", cert, "-key", key)
			addr, err := netip.ParseAddrPort(p.line(t, "ACCEPT "))
			if err != nil {
				t.Fatal(err)
			}
			rec := &record.Recorder{}
			d := Dialer{Recorder: rec, ServerName: "sbc.test"}
			c, err := d.Dial(context.Background(), addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, done := wait[record.HandshakeDone](t, rec, 0, nil)
			if done.Suite != suite || ecdhe(suite) && done.Group != uint16(P384) {
				t.Errorf("recorded %+v", done)
			}
			if _, err := io.WriteString(c, "INVITE\n"); err != nil {
				t.Fatal(err)
			}
			p.line(t, "INVITE")
			if _, err := io.WriteString(p.in, "ringing\n"); err != nil {
				t.Fatal(err)
			}
			c.SetReadDeadline(time.Now().Add(patience))
			if got, err := bufio.NewReader(c).ReadString('\n'); got != "ringing\n" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
