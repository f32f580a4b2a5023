package libssl_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// suite is what other programs call one of the eight. GnuTLS 3.7 has them all.
type suite struct {
	id       uint16
	openssl  string
	priority string // of GnuTLS, less versions and groups
	said     string // in gnutls-cli's description
}

var suites = []suite{
	{rsaCBC, "AES256-SHA", "+RSA:+AES-256-CBC:+SHA1", "(RSA)-(AES-256-CBC)-(SHA1)"},
	{rsaCBC256, "AES256-SHA256", "+RSA:+AES-256-CBC:+SHA256", "(RSA)-(AES-256-CBC)-(SHA256)"},
	{rsaGCM128, "AES128-GCM-SHA256", "+RSA:+AES-128-GCM:+AEAD", "(RSA)-(AES-128-GCM)"},
	{rsaGCM256, "AES256-GCM-SHA384", "+RSA:+AES-256-GCM:+AEAD", "(RSA)-(AES-256-GCM)"},
	{ecdheCBC, "ECDHE-RSA-AES256-SHA", "+ECDHE-RSA:+AES-256-CBC:+SHA1", "(AES-256-CBC)-(SHA1)"},
	{ecdheCBC384, "ECDHE-RSA-AES256-SHA384", "+ECDHE-RSA:+AES-256-CBC:+SHA384", "(AES-256-CBC)-(SHA384)"},
	{ecdheGCM128, "ECDHE-RSA-AES128-GCM-SHA256", "+ECDHE-RSA:+AES-128-GCM:+AEAD", "(AES-128-GCM)"},
	{ecdheGCM256, "ECDHE-RSA-AES256-GCM-SHA384", "+ECDHE-RSA:+AES-256-GCM:+AEAD", "(AES-256-GCM)"},
}

func nameOf(id uint16) string {
	for _, s := range suites {
		if s.id == id {
			return s.openssl
		}
	}
	return ""
}

// priority is a priority string of GnuTLS for the trunk.
func priority(of string) string {
	return "NONE:+VERS-TLS1.2:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-SECP384R1:" + of
}

// known are those of the suites that an engine has.
func known(t testing.TB, e engine) (out []suite) {
	for _, s := range suites {
		for _, id := range e.suites {
			if s.id == id {
				out = append(out, s)
			}
		}
	}
	if len(out) != len(e.suites) {
		t.Fatalf("%s has %d suites, %d of them are in the table", e.name, len(e.suites), len(out))
	}
	return out
}

// clients are programs: how to call one for one suite, and a look at what it said
// of suite and group.
var clients = map[string]struct {
	args func(addr string, s suite) []string
	said func(p *process, s suite) error
}{
	"openssl": {
		func(addr string, s suite) []string {
			return []string{"s_client", "-connect", addr, "-tls1_2", "-groups", "P-384", "-cipher", s.openssl, "-servername", "lb01.test", "-brief"}
		},
		func(p *process, s suite) error {
			said := p.stderr.String()
			if !strings.Contains(said, "Ciphersuite: "+s.openssl+"\n") {
				return fmt.Errorf("no word of %s", s.openssl)
			}
			if found := regexp.MustCompile(`Temp Key: ECDH, (P-384|secp384r1),`).MatchString(said); found != ecdhe(s.id) {
				return fmt.Errorf("secp384r1: %v", found)
			}
			return nil
		},
	},
	"gnutls-cli": {
		func(addr string, s suite) []string {
			host, port, _ := net.SplitHostPort(addr)
			return []string{host, "-p", port, "--insecure", "--sni-hostname", "lb01.test", "--priority", priority(s.priority), "--logfile", "/dev/stderr"}
		},
		func(p *process, s suite) error {
			said := p.stderr.String()
			if !strings.Contains(said, s.said+"\n") {
				return fmt.Errorf("no word of %s", s.said)
			}
			if found := strings.Contains(said, "-(ECDHE-SECP384R1)-(RSA-"); found != ecdhe(s.id) {
				return fmt.Errorf("secp384r1: %v", found)
			}
			return nil
		},
	},
}

// Programs as devices that call: same suite, same group, data both ways.
func TestClients(t *testing.T) {
	for _, e := range engines(t) {
		for name, peer := range clients {
			for _, s := range known(t, e) {
				t.Run(e.name+"/"+name+"/"+s.openssl, func(t *testing.T) {
					t.Parallel()
					l, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					defer l.Close()
					p := run(t, name, peer.args(l.Addr().String(), s)...)
					l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
					raw, err := l.Accept()
					if err != nil {
						t.Fatal(err)
					}
					defer raw.Close()
					raw.SetDeadline(time.Now().Add(patience))
					c, err := e.server(t.Context(), raw)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if got := reached(c); got != want(s.id) {
						t.Errorf("came to %+v, want %+v", got, want(s.id))
					}
					io.WriteString(p.in, "INVITE\n")
					if got, err := bufio.NewReader(c).ReadString('\n'); got != "INVITE\n" {
						t.Fatalf("received %q, %v", got, err)
					}
					if _, err := io.WriteString(c, "ringing\n"); err != nil {
						t.Fatal(err)
					}
					p.line(t, "ringing")
					c.Close()
					p.in.Close()
					p.end()
					if err := peer.said(p, s); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		}
	}
}

// Programs as devices that are called, each a server of all eight suites.
func TestServers(t *testing.T) {
	all := engines(t)
	for name, start := range map[string]func(t *testing.T) (addr, answer string){
		"openssl": func(t *testing.T) (string, string) {
			certificate, key := files(t)
			p := run(t, "openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-groups", "P-384", "-cipher", "ALL", "-cert", certificate, "-key", key, "-rev")
			return p.line(t, "ACCEPT "), "ETIVNI\n"
		},
		"gnutls-serv": func(t *testing.T) (string, string) {
			certificate, key := files(t)
			var every []string
			for _, s := range suites {
				every = append(every, s.priority)
			}
			// It knows no address to listen on but all.
			p := run(t, "gnutls-serv", "--port", "0", "--echo", "--x509certfile", certificate, "--x509keyfile", key, "--disable-client-cert", "--priority", priority(strings.Join(every, ":")))
			go io.Copy(io.Discard, p.out)
			return p.listening(t), "INVITE\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, answer := start(t)
			for _, e := range all {
				for _, s := range known(t, e) {
					t.Run(e.name+"/"+s.openssl, func(t *testing.T) {
						raw, err := net.DialTimeout("tcp", addr, patience)
						if err != nil {
							t.Fatal(err)
						}
						defer raw.Close()
						raw.SetDeadline(time.Now().Add(patience))
						c, err := e.client(t.Context(), raw, s.id)
						if err != nil {
							t.Fatal(err)
						}
						defer c.Close()
						if got := reached(c); got != want(s.id) {
							t.Errorf("came to %+v, want %+v", got, want(s.id))
						}
						if _, err := io.WriteString(c, "INVITE\n"); err != nil {
							t.Fatal(err)
						}
						if got, err := bufio.NewReader(c).ReadString('\n'); got != answer {
							t.Errorf("received %q, %v, want %q", got, err, answer)
						}
					})
				}
			}
		})
	}
}

// The engines among themselves, on every suite that both have.
func TestEngines(t *testing.T) {
	all := engines(t)
	for _, server := range all {
		for _, client := range all {
			for _, id := range server.suites {
				if !slices.Contains(client.suites, id) {
					continue // crypto/tls does not have it
				}
				t.Run(server.name+"/"+client.name+"/"+nameOf(id), func(t *testing.T) {
					t.Parallel()
					a, b := pair(t)
					s, c := connect(t,
						func() (net.Conn, error) { return server.server(context.Background(), a) },
						func() (net.Conn, error) { return client.client(context.Background(), b, id) })
					if reached(s) != want(id) || reached(c) != want(id) {
						t.Errorf("came to %+v and %+v, want %+v", reached(s), reached(c), want(id))
					}
					if err := exchange(c, s, "OPTIONS\n"); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}
