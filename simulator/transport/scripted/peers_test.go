package scripted

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// program finds a peer that we did not write; where peers must be there, its
// lack fails.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s missing, and BYOCHECK_REQUIRE_PEERS=1: install it", name)
		}
		t.Logf("not run: %s missing", name)
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

// line waits for a line of the output that begins with prefix and returns the rest.
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

// stack is a TLS library as client. dial connects it to a listener with one
// suite or, for 0, with all that it has, sends text and returns what waits for
// that text to come back.
type stack struct {
	name string
	dial func(t *testing.T, ln net.Listener, suite uint16, text string) (heard func(t *testing.T))
}

var opensslNames = map[uint16]string{
	0xc030: "ECDHE-RSA-AES256-GCM-SHA384", 0xc02f: "ECDHE-RSA-AES128-GCM-SHA256", 0xc014: "ECDHE-RSA-AES256-SHA", 0xc028: "ECDHE-RSA-AES256-SHA384",
	0x009d: "AES256-GCM-SHA384", 0x009c: "AES128-GCM-SHA256", 0x0035: "AES256-SHA", 0x003d: "AES256-SHA256",
}

// gnutlsNames are key exchange, cipher and MAC.
var gnutlsNames = map[uint16][3]string{
	0xc030: {"ECDHE-RSA", "AES-256-GCM", "AEAD"}, 0xc02f: {"ECDHE-RSA", "AES-128-GCM", "AEAD"}, 0xc014: {"ECDHE-RSA", "AES-256-CBC", "SHA1"}, 0xc028: {"ECDHE-RSA", "AES-256-CBC", "SHA384"},
	0x009d: {"RSA", "AES-256-GCM", "AEAD"}, 0x009c: {"RSA", "AES-128-GCM", "AEAD"}, 0x0035: {"RSA", "AES-256-CBC", "SHA1"}, 0x003d: {"RSA", "AES-256-CBC", "SHA256"},
}

func gnutlsPriority(suite uint16) string {
	priority := "NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-SECP384R1"
	if n, one := gnutlsNames[suite]; one {
		return priority + ":-KX-ALL:+" + n[0] + ":-CIPHER-ALL:+" + n[1] + ":-MAC-ALL:+" + n[2]
	}
	return priority + ":+RSA"
}

var stacks = []stack{
	{"crypto/tls", func(t *testing.T, ln net.Listener, suite uint16, text string) func(*testing.T) {
		config := device()
		if suite != 0 {
			config.CipherSuites = []uint16{suite}
		}
		raw, err := net.DialTimeout("tcp", ln.Addr().String(), patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { raw.Close() })
		came := make(chan error, 1)
		go func() {
			c := tls.Client(raw, config)
			err := c.HandshakeContext(bounded(t))
			if err == nil {
				if _, err = io.WriteString(c, text); err == nil {
					_, err = io.ReadFull(c, make([]byte, len(text)))
				}
			} else {
				raw.Close()
			}
			came <- err
		}()
		return func(t *testing.T) {
			if err := <-came; err != nil {
				t.Error(err)
			}
		}
	}},
	{"openssl", func(t *testing.T, ln net.Listener, suite uint16, text string) func(*testing.T) {
		args := []string{"s_client", "-connect", ln.Addr().String(), "-tls1_2", "-groups", "P-384", "-brief"}
		if suite != 0 {
			args = append(args, "-cipher", opensslNames[suite])
		}
		return talk(t, run(t, program(t, "openssl"), args...), text)
	}},
	{"gnutls", func(t *testing.T, ln net.Listener, suite uint16, text string) func(*testing.T) {
		port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
		return talk(t, run(t, program(t, "gnutls-cli"), "--insecure", "--priority", gnutlsPriority(suite), "--port", port, "127.0.0.1"), text)
	}},
}

func talk(t *testing.T, p *process, text string) func(*testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) { p.line(t, strings.TrimSpace(text)) }
}

const text = "OPTIONS sip:lb01.test SIP/2.0\n"

// Each of the eight suites with each stack that has it: same suite, same
// group, data both ways.
func TestServesStacks(t *testing.T) {
	for _, st := range stacks {
		for _, s := range suites[:specified] {
			if st.name == "crypto/tls" && (s.id == 0x003d || s.id == 0xc028) {
				continue // Go has not got them
			}
			t.Run(st.name+"/"+opensslNames[s.id], func(t *testing.T) {
				t.Parallel()
				ln := listen(t)
				heard := st.dial(t, ln, s.id, text)
				got := <-echo(t, accept(t, ln), Honest, parameters())
				if got.err != nil {
					t.Fatal(got.err)
				}
				wantGroup := uint16(0)
				if s.ecdhe {
					wantGroup = GroupP384
				}
				if o := got.out; o.Suite != s.id || o.Group != wantGroup || o.Version != VersionTLS12 || o.Reached != Finished {
					t.Errorf("got %04x, group %d, version %04x, %v", o.Suite, o.Group, o.Version, o.Reached)
				}
				heard(t)
			})
		}
	}
}

// Groups by all their ways to a public key, with a stack that has them all.
func TestServesGroups(t *testing.T) {
	for group, name := range map[uint16]string{
		GroupP256: "P-256", GroupP384: "P-384", GroupP521: "P-521", GroupX25519: "X25519",
		groupSecp256k1: "secp256k1", groupBrainpool: "brainpoolP256r1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln := listen(t)
			client := run(t, program(t, "openssl"), "s_client", "-connect", ln.Addr().String(), "-tls1_2", "-groups", name, "-cipher", "ECDHE")
			heard := talk(t, client, text)
			p := parameters()
			p.Group = group
			got := <-echo(t, accept(t, ln), Honest, p)
			if got.err != nil || got.out.Group != group {
				t.Fatalf("got group %d, %v", got.out.Group, got.err)
			}
			heard(t)
		})
	}
}

// refusals are the alerts that the stacks refuse the scripts with; no stack
// takes one of them.
var refusals = map[Script]map[string]uint8{
	"unoffered-suite":         {"crypto/tls": 40, "openssl": 47, "gnutls": 40},
	"export-suite":            {"crypto/tls": 40, "openssl": 47, "gnutls": 40},
	"unoffered-group":         {"crypto/tls": 47, "openssl": 47, "gnutls": 40},
	"unoffered-version":       {"crypto/tls": 70, "openssl": 70, "gnutls": 70},
	"compression":             {"crypto/tls": 47, "openssl": 47, "gnutls": 47},
	"unsolicited-extension":   {"crypto/tls": 110, "openssl": 110, "gnutls": 110},
	"bad-renegotiation-info":  {"crypto/tls": 40, "openssl": 47, "gnutls": 40},
	"malformed-certificate":   {"crypto/tls": 50, "openssl": 50, "gnutls": 50},
	"wrong-signature":         {"crypto/tls": 47, "openssl": 51, "gnutls": 51},
	"wrong-finished":          {"crypto/tls": 40, "openssl": 51, "gnutls": 51},
	"reordered-done":          {"crypto/tls": 10, "openssl": 10, "gnutls": 10},
	"reordered-key-exchange":  {"crypto/tls": 10, "openssl": 10, "gnutls": 10},
	"missing-certificate":     {"crypto/tls": 10, "openssl": 10, "gnutls": 10},
	"unexpected-key-exchange": {"crypto/tls": 47, "openssl": 10, "gnutls": 10},
}

func TestStacksOnScripts(t *testing.T) {
	for _, info := range Scripts() {
		for _, st := range stacks {
			t.Run(string(info.Script)+"/"+st.name, func(t *testing.T) {
				t.Parallel()
				suite := uint16(0xc030)
				if info.Script == "unexpected-key-exchange" {
					suite = 0x009d
				}
				ln := listen(t)
				heard := st.dial(t, ln, suite, text)
				raw := accept(t, ln)
				switch info.Expect {
				case Accept, Either:
					got := <-echo(t, raw, info.Script, parameters())
					if got.err != nil || got.out.Reached != Finished {
						t.Fatalf("got %v, %v", got.out.Reached, got.err)
					}
					heard(t)
				case Refuse:
					got := <-serve(t, raw, info.Script, parameters())
					want := refusals[info.Script][st.name]
					if a := got.out.Alert; got.err != nil || a == nil || a.Level != levelFatal || a.Code != want || got.out.Closed == "" {
						t.Errorf("got alert %+v, closed %q, error %v, want alert %d", a, got.out.Closed, got.err, want)
					}
					early := info.Script != "wrong-finished"
					if got.out.Reached >= KeyExchanged == early {
						t.Errorf("reached %v", got.out.Reached)
					}
				}
			})
		}
	}
}

// files writes the identity as PEM.
func files(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(identity().PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: identity().Certificate[0]},
		key:  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
