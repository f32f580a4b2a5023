package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// opensslNames are OpenSSL's names of the eight suites.
var opensslNames = map[uint16]string{
	ecdheGCM256: "ECDHE-RSA-AES256-GCM-SHA384",
	ecdheGCM128: "ECDHE-RSA-AES128-GCM-SHA256",
	ecdheCBC:    "ECDHE-RSA-AES256-SHA",
	rsaGCM256:   "AES256-GCM-SHA384",
	rsaGCM128:   "AES128-GCM-SHA256",
	rsaCBC:      "AES256-SHA",

	ecdheRSAAES256CBCSHA384: "ECDHE-RSA-AES256-SHA384",
	rsaAES256CBCSHA256:      "AES256-SHA256",
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

// needLibSSL is openssl for the library.
func needLibSSL(t testing.TB) {
	t.Helper()
	missing := LibSSLMissing()
	if missing == nil {
		return
	}
	if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
		t.Fatalf("BYOCHECK_REQUIRE_PEERS=1, and %v", missing)
	}
	t.Skipf("not run: %v", missing)
}

// engineOf is the one that Engines take for a suite.
func engineOf(t testing.TB, suite uint16) string {
	if goCan(suite) {
		return GoEngine{}.Name()
	}
	needLibSSL(t)
	return LibSSLEngine{}.Name()
}

// eight is a face that allows all suites of the newer edition.
func eight() Face {
	f := healthy()
	f.Suites = EditionSuites(Newer)
	return f
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

// A device built on OpenSSL as client, with each suite alone.
func TestOpenSSLClient(t *testing.T) {
	path := openssl(t)
	s := start(t, &Server{}, eight())
	for suite, name := range opensslNames {
		t.Run(name, func(t *testing.T) {
			engine := engineOf(t, suite)
			mark := s.Recorder.Mark()
			p := run(t, path, "s_client", "-connect", s.Addr(0).String(), "-tls1_2", "-groups", "P-384", "-cipher", name, "-servername", "lb01.test", "-brief")
			if _, err := io.WriteString(p.in, "OPTIONS\n"); err != nil {
				t.Fatal(err)
			}
			p.line(t, "OPTIONS") // came back
			e, done := wait[record.HandshakeDone](t, s.Recorder, mark, nil)
			if done.Suite != suite || ecdhe(suite) && done.Group != uint16(P384) || done.ServerName != "lb01.test" || done.Engine != engine {
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

// A device built on OpenSSL that checks our certificate refuses it by itself,
// whichever engine shows it.
func TestOpenSSLClientRefuses(t *testing.T) {
	path := openssl(t)
	s := start(t, &Server{}, eight())
	for _, suite := range []uint16{ecdheGCM256, ecdheRSAAES256CBCSHA384} {
		t.Run(opensslNames[suite], func(t *testing.T) {
			engineOf(t, suite)
			mark := s.Recorder.Mark()
			run(t, path, "s_client", "-connect", s.Addr(0).String(), "-tls1_2", "-groups", "P-384", "-cipher", opensslNames[suite],
				"-verify_return_error", "-verify", "5", "-no-CAfile", "-no-CApath", "-no-CAstore")
			e, failed := wait[record.HandshakeFailed](t, s.Recorder, mark, nil)
			wait(t, s.Recorder, mark, on[record.Closed](e.Conn))
			if got := outcome(s.Recorder, e.Conn); failed.By != record.Device || !strings.HasPrefix(got, "alert in 48; failed by device; closed by device") {
				t.Errorf("got %s, %+v", got, failed)
			}
		})
	}
}

// opensslServer is a device built on OpenSSL as server for one connection.
func opensslServer(t *testing.T, cipher string, flags ...string) (*process, netip.AddrPort) {
	t.Helper()
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
	p := run(t, path, append([]string{"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-groups", "P-384", "-cipher", cipher, "-cert", cert, "-key", key}, flags...)...)
	addr, err := netip.ParseAddrPort(p.line(t, "ACCEPT "))
	if err != nil {
		t.Fatal(err)
	}
	return p, addr
}

// A device built on OpenSSL as server, that has each suite alone, while six or
// eight are offered.
func TestOpenSSLServer(t *testing.T) {
	offers := []struct {
		name   string
		suites []uint16
		engine string
	}{{"six offered", SurvivingSuites(), GoEngine{}.Name()}, {"eight offered", EditionSuites(Newer), LibSSLEngine{}.Name()}}
	for suite, name := range opensslNames {
		for _, offer := range offers {
			if !slices.Contains(offer.suites, suite) {
				continue
			}
			t.Run(name+", "+offer.name, func(t *testing.T) {
				if len(offer.suites) == 8 {
					needLibSSL(t)
				}
				p, addr := opensslServer(t, name, "-tls1_2")
				rec := &record.Recorder{}
				d := Dialer{Recorder: rec, ServerName: "sbc.test", Suites: offer.suites}
				c, err := d.Dial(context.Background(), addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_, done := wait[record.HandshakeDone](t, rec, 0, nil)
				if done.Suite != suite || ecdhe(suite) && done.Group != uint16(P384) || done.Engine != offer.engine || done.ClientCertificateAsked {
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
}

// Who refused whom is recorded of each engine as client.
func TestOpenSSLServerRefused(t *testing.T) {
	for _, suite := range []uint16{ecdheGCM256, ecdheRSAAES256CBCSHA384} {
		for _, tt := range []struct {
			name   string
			flags  []string
			verify func([]*x509.Certificate) error
			want   string // a regular expression
		}{
			{"its certificate by us", nil, func([]*x509.Certificate) error { return errors.New("no such name") }, "alert out 42; failed by us; closed by us close"},
			{"our lack of one by it", []string{"-Verify", "1"}, nil, "alert in 40; failed by device; closed by device (fin|rst)"},
		} {
			t.Run(opensslNames[suite]+", "+tt.name, func(t *testing.T) {
				engineOf(t, suite)
				_, addr := opensslServer(t, opensslNames[suite], append(tt.flags, "-tls1_2")...)
				d := Dialer{Recorder: &record.Recorder{}, Suites: []uint16{suite}, Verify: tt.verify}
				if c, err := d.Dial(context.Background(), addr); err == nil {
					c.Close()
					t.Fatal("the handshake was done")
				}
				if got := outcome(d.Recorder, 1); !regexp.MustCompile("^" + tt.want + "$").MatchString(got) {
					t.Errorf("got %s, want %s", got, tt.want)
				}
				if failed := of[record.HandshakeFailed](d.Recorder, 1); failed[0].ClientCertificateAsked != (tt.flags != nil) {
					t.Errorf("recorded %+v", failed)
				}
			})
		}
	}
}
