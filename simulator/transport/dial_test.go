package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// answering is a device as TLS server: it takes one connection, does a
// handshake and echoes. What the handshake came to stands in the channel.
func answering(t testing.TB, edit func(*tls.Config)) (netip.AddrPort, <-chan error) {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{identity()}}
	if edit != nil {
		edit(config)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	result := make(chan error, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			result <- err
			return
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(patience))
		c := tls.Server(raw, config)
		result <- c.Handshake()
		b := make([]byte, 1024)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			c.Write(b[:n])
		}
	}()
	return local(ln), result
}

func TestDial(t *testing.T) {
	for _, tt := range []struct {
		name   string
		dialer Dialer
		device func(*tls.Config)
		suite  uint16 // 0: any of those offered
		asked  bool
	}{
		{name: "plain"},
		{name: "with a name", dialer: Dialer{ServerName: "proxy.test"}},
		{name: "from an address", dialer: Dialer{Local: netip.MustParseAddr("127.0.0.7")}},
		{name: "one suite", dialer: Dialer{Suites: []uint16{rsaGCM128}}, device: func(c *tls.Config) { c.CipherSuites = SurvivingSuites() }, suite: rsaGCM128},
		{name: "the device knows one suite", device: func(c *tls.Config) { c.CipherSuites = []uint16{ecdheCBC} }, suite: ecdheCBC},
		{name: "a certificate is asked for", device: func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }, asked: true},
		{name: "in a deadline", dialer: Dialer{Deadline: patience}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := make(chan string, 1)
			addr, result := answering(t, func(c *tls.Config) {
				if tt.device != nil {
					tt.device(c)
				}
				c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					name <- h.ServerName
					return nil, nil
				}
			})
			rec := &record.Recorder{}
			d := tt.dialer
			d.Recorder, d.Origin = rec, record.Origin{Generation: 3, Proxy: "lb02"}
			c, err := d.Dial(context.Background(), addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := <-result; err != nil {
				t.Errorf("the device's handshake: %v", err)
			}
			exchange(t, c, "INVITE")
			if c.FromDevice || c.Origin != (record.Origin{Generation: 3, Conn: 1, Proxy: "lb02"}) {
				t.Errorf("from the device: %v, origin %+v", c.FromDevice, c.Origin)
			}
			if got := <-name; got != d.ServerName {
				t.Errorf("the device was asked for %q, want %q", got, d.ServerName)
			}
			if source := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); d.Local.IsValid() && source != d.Local {
				t.Errorf("the source is %s, want %s", source, d.Local)
			}
			_, dialled := wait(t, rec, 0, on[record.Dialled](1))
			if dialled.Local != c.LocalAddr().String() || dialled.Remote != addr.String() || dialled.Error != "" || dialled.Connect <= 0 {
				t.Errorf("recorded %+v", dialled)
			}
			_, chain := wait(t, rec, 0, on[record.PeerChain](1))
			if len(chain.Certificates) != 1 || !bytes.Equal(chain.Certificates[0], identity().Certificate[0]) {
				t.Error("another chain was recorded")
			}
			_, done := wait(t, rec, 0, on[record.HandshakeDone](1))
			if tt.suite != 0 && done.Suite != tt.suite || !slices.Contains(SurvivingSuites(), done.Suite) || done.Version != tls.VersionTLS12 || done.ClientCertificateAsked != tt.asked || ecdhe(done.Suite) && done.Group != uint16(P384) || done.ServerName != d.ServerName {
				t.Errorf("recorded %+v", done)
			}
		})
	}
}

func TestDialFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		dialer Dialer
		device func(*tls.Config)
		want   string // outcome, a regular expression
		asked  bool
		alert  uint8 // that the device gets from us
	}{
		{name: "a certificate is required", device: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert },
			want: "alert in [0-9]+; failed by device; closed by device fin", asked: true},
		{name: "the certificate is not good", dialer: Dialer{Verify: func([]*x509.Certificate) error { return errors.New("no such name") }},
			want: "alert out 42; failed by us; closed by us close", alert: 42},
		{name: "no common suite", dialer: Dialer{Suites: []uint16{rsaCBC}}, device: func(c *tls.Config) { c.CipherSuites = []uint16{ecdheGCM256} },
			want: "alert in 40; failed by device; closed by device fin"},
		{name: "no common group", dialer: Dialer{Suites: []uint16{ecdheGCM256}}, device: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
			want: "alert in 40; failed by device; closed by device fin"},
		{name: "TLS 1.3 only", device: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
			want: "alert in 70; failed by device; closed by device fin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, result := answering(t, tt.device)
			d := tt.dialer
			d.Recorder = &record.Recorder{}
			_, err := d.Dial(context.Background(), addr)
			if err == nil || errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), addr.String()) {
				t.Errorf("got %v", err)
			}
			if got := outcome(d.Recorder, 1); !regexp.MustCompile("^" + tt.want + "$").MatchString(got) {
				t.Errorf("got  %s\nwant %s\n%s", got, tt.want, story(d.Recorder, 0))
			}
			if _, failed := wait(t, d.Recorder, 0, on[record.HandshakeFailed](1)); failed.ClientCertificateAsked != tt.asked {
				t.Errorf("recorded %+v", failed)
			}
			theirs := <-result
			if code, ok := AlertOf(theirs); tt.alert != 0 && (!ok || code != tt.alert) {
				t.Errorf("the device got %v, want alert %d", theirs, tt.alert)
			}
		})
	}
}

func TestDialVerify(t *testing.T) {
	addr, _ := answering(t, nil)
	var got []*x509.Certificate
	d := Dialer{Recorder: &record.Recorder{}, Verify: func(chain []*x509.Certificate) error { got = chain; return nil }}
	c, err := d.Dial(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if len(got) != 1 || !bytes.Equal(got[0].Raw, identity().Certificate[0]) {
		t.Errorf("%d certificates to verify", len(got))
	}
}

func TestDialUnreachable(t *testing.T) {
	p, err := openPort(loopback()) // ours, so that nothing else listens there
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, tt := range []struct {
		name        string
		dialer      Dialer
		unreachable bool
		want        string
	}{
		{"nothing listens", Dialer{}, true, "connection refused"},
		{"not our address", Dialer{Local: netip.MustParseAddr("192.0.2.1")}, false, "the local address is not on this machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.dialer
			d.Recorder = &record.Recorder{}
			_, err := d.Dial(context.Background(), p.addr)
			if errors.Is(err, ErrUnreachable) != tt.unreachable || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			dialled := of[record.Dialled](d.Recorder, 1)
			if len(dialled) != 1 || dialled[0].Error != err.Error() || dialled[0].Remote != p.addr.String() || dialled[0].Local != "" {
				t.Errorf("recorded %+v", dialled)
			}
			if n := len(d.Recorder.Since(0)); n != 1 {
				t.Errorf("%d events, want 1", n)
			}
		})
	}
}
