package libssl_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
)

// outcome is how a handshake with a crypto/tls peer ended on either side.
type outcome struct {
	ours, theirs error
	state        libssl.ConnectionState
	peer         tls.ConnectionState
}

// serveGo does a handshake of ours as server with a crypto/tls client.
func serveGo(t *testing.T, ours *libssl.Config, theirs *tls.Config) (o outcome) {
	t.Helper()
	a, b := pair(t)
	peer := tls.Client(b, theirs)
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	c, err := libssl.Server(t.Context(), a, ours)
	if err != nil {
		a.CloseWrite()
	}
	return o.end(t, c, err, peer, done)
}

// callGo does a handshake of ours as client with a crypto/tls server.
func callGo(t *testing.T, ours *libssl.Config, theirs *tls.Config) (o outcome) {
	t.Helper()
	a, b := pair(t)
	peer := tls.Server(b, theirs)
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	c, err := libssl.Client(t.Context(), a, ours)
	if err != nil {
		a.CloseWrite()
	}
	return o.end(t, c, err, peer, done)
}

func (o outcome) end(t *testing.T, c *libssl.Conn, err error, peer *tls.Conn, done <-chan error) outcome {
	t.Helper()
	o.ours, o.theirs, o.peer = err, <-done, peer.ConnectionState()
	if (err == nil) != (c != nil) {
		t.Fatalf("connection %v with error %v", c, err)
	}
	if c != nil {
		o.state = c.ConnectionState()
		if o.theirs == nil {
			if err := exchange(c, peer, "OPTIONS\n"); err != nil {
				t.Error(err)
			}
		}
		c.Close()
	}
	return o
}

// alerted reports whether err is the alert of this code that we sent or received.
func alerted(err error, code uint8, sent bool) bool {
	var alert libssl.AlertError
	return errors.As(err, &alert) && alert == libssl.AlertError{Code: code, Sent: sent}
}

func TestServerName(t *testing.T) {
	need(t)
	for _, name := range []string{"", "lb01.voice.use1.pure.cloud"} {
		theirs := goConfig()
		theirs.ServerName = name
		if o := serveGo(t, server(), theirs); o.ours != nil || o.state.ServerName != name {
			t.Errorf("as server: %q, %v, want %q", o.state.ServerName, o.ours, name)
		}
		ours := client()
		ours.ServerName = name
		if o := callGo(t, ours, goConfig()); o.ours != nil || o.peer.ServerName != name {
			t.Errorf("as client: %q, %v, want %q", o.peer.ServerName, o.ours, name)
		}
	}
}

// The chain goes out as it is given, and comes in as it was sent.
func TestChain(t *testing.T) {
	need(t)
	leaf := identity().Certificate[0]
	for name, chain := range map[string][][]byte{"alone": {leaf}, "followed by itself": {leaf, leaf, leaf}} {
		ours := server()
		ours.Chain = chain
		o := serveGo(t, ours, goConfig())
		var sent [][]byte
		for _, c := range o.peer.PeerCertificates {
			sent = append(sent, c.Raw)
		}
		if o.ours != nil || !equal(sent, chain) {
			t.Errorf("%s: sent %d certificates, %v", name, len(sent), o.ours)
		}
		theirs := goConfig()
		theirs.Certificates[0].Certificate = chain
		var seen [][]byte
		ours = client()
		ours.Verify = func(chain [][]byte) error { seen = chain; return nil }
		if o := callGo(t, ours, theirs); o.ours != nil || !equal(seen, chain) || !equal(o.state.PeerChain, chain) {
			t.Errorf("%s: received %d certificates, the check saw %d, %v", name, len(o.state.PeerChain), len(seen), o.ours)
		}
	}
}

func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

// A refused chain gets bad_certificate before the handshake is done, in both
// roles and with both kinds of key exchange.
func TestVerify(t *testing.T) {
	need(t)
	refusal := errors.New("not the name that was dialled")
	for _, suite := range []uint16{ecdheGCM256, rsaGCM256} {
		for _, verdict := range []error{nil, refusal} {
			ours := client(suite)
			calls := 0
			ours.Verify = func(chain [][]byte) error {
				calls++
				if !equal(chain, identity().Certificate) {
					t.Errorf("saw %d certificates", len(chain))
				}
				return verdict
			}
			judge(t, "client", callGo(t, ours, goConfig(suite)), verdict)
			ours = server(suite)
			ours.RequestClientCertificate = true
			ours.Verify = func(chain [][]byte) error {
				calls++
				if !equal(chain, identity().Certificate) {
					t.Errorf("saw %d certificates", len(chain))
				}
				return verdict
			}
			judge(t, "server", serveGo(t, ours, goConfig(suite)), verdict)
			if calls != 2 {
				t.Errorf("%d calls, want one a handshake", calls)
			}
		}
	}
}

func judge(t *testing.T, role string, o outcome, verdict error) {
	t.Helper()
	switch {
	case verdict == nil && (o.ours != nil || o.theirs != nil):
		t.Errorf("%s: accepted, but %v, %v", role, o.ours, o.theirs)
	case verdict != nil && (!errors.Is(o.ours, verdict) || !alerted(o.ours, 42, true)):
		t.Errorf("%s: refused, but %v", role, o.ours)
	case verdict != nil && (o.theirs == nil || !strings.Contains(o.theirs.Error(), "remote error: tls: bad certificate")):
		t.Errorf("%s: refused, but the peer saw %v", role, o.theirs)
	}
}

func TestClientCertificate(t *testing.T) {
	need(t)
	with, without := goConfig(), goConfig()
	without.Certificates = nil
	for _, tt := range []struct {
		name             string
		request, require bool
		theirs           *tls.Config
		shown            bool
		alert            uint8 // that we send
	}{
		{"not asked", false, false, with, false, 0},
		{"asked, given", true, false, with, true, 0},
		{"asked, not given", true, false, without, false, 0},
		{"required, given", false, true, with, true, 0},
		{"required, not given", false, true, without, false, 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours := server()
			ours.RequestClientCertificate, ours.RequireClientCertificate = tt.request, tt.require
			ours.Verify = func([][]byte) error {
				if !tt.shown {
					t.Error("checked without a certificate")
				}
				return nil
			}
			o := serveGo(t, ours, tt.theirs)
			if tt.alert != 0 && !alerted(o.ours, tt.alert, true) || tt.alert == 0 && o.ours != nil {
				t.Errorf("got %v", o.ours)
			}
			if shown := equal(o.state.PeerChain, identity().Certificate); shown != tt.shown {
				t.Errorf("shown: %v", shown)
			}
		})
	}
	for _, tt := range []struct {
		name string
		auth tls.ClientAuthType
		ours *libssl.Config
		want outcome
	}{
		{"client, not asked", tls.NoClientCert, server(), outcome{}},
		{"client, asked, gives", tls.RequestClientCert, server(), outcome{state: libssl.ConnectionState{ClientCertificateAsked: true}}},
		{"client, asked, has none", tls.RequestClientCert, client(), outcome{state: libssl.ConnectionState{ClientCertificateAsked: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			theirs := goConfig()
			theirs.ClientAuth = tt.auth
			o := callGo(t, tt.ours, theirs)
			if o.ours != nil || o.state.ClientCertificateAsked != tt.want.state.ClientCertificateAsked {
				t.Errorf("got %v, asked: %v", o.ours, o.state.ClientCertificateAsked)
			}
			if gave := len(o.peer.PeerCertificates) == 1; gave != (tt.auth != tls.NoClientCert && tt.ours.Key != nil) {
				t.Errorf("gave one: %v", gave)
			}
		})
	}
	theirs := goConfig()
	theirs.ClientAuth = tls.RequireAnyClientCert
	if o := callGo(t, client(), theirs); !alerted(o.ours, 40, false) {
		t.Errorf("a server that requires one: %v, want its alert", o.ours)
	}
}

// What one side ends with an alert, the other side names.
func TestHandshakeAlerts(t *testing.T) {
	need(t)
	only13 := goConfig()
	only13.MinVersion, only13.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	p256 := goConfig(ecdheGCM256)
	p256.CurvePreferences = []tls.CurveID{tls.CurveP256}
	distrustful := goConfig()
	distrustful.InsecureSkipVerify, distrustful.ServerName, distrustful.RootCAs = false, "proxy.test", x509.NewCertPool()
	for _, tt := range []struct {
		name string
		o    outcome
		code uint8
		sent bool
	}{
		{"no suite in common", serveGo(t, server(rsaCBC256), goConfig(rsaGCM128)), 40, true},
		{"no group in common", serveGo(t, server(ecdheGCM256), p256), 40, true},
		{"client of TLS 1.3", serveGo(t, server(), only13), 70, true},
		{"client distrusts", serveGo(t, server(), distrustful), 42, false},
		{"server lacks the suite", callGo(t, client(rsaCBC256), goConfig(rsaGCM128)), 40, false},
		{"server lacks the group", callGo(t, client(ecdheGCM256), p256), 40, false},
		{"server of TLS 1.3", callGo(t, client(), only13), 70, false},
	} {
		if !alerted(tt.o.ours, tt.code, tt.sent) || tt.o.theirs == nil {
			t.Errorf("%s: %v, the peer saw %v", tt.name, tt.o.ours, tt.o.theirs)
		}
	}
}

// A peer that says close_notify, or closes, instead of its part of the handshake.
func TestHandshakeEnds(t *testing.T) {
	need(t)
	if _, err := libssl.Client(t.Context(), &tape{Reader: bytes.NewReader([]byte{21, 3, 3, 0, 2, 1, 0})}, client()); !alerted(err, 0, false) {
		t.Errorf("close_notify: %v", err)
	}
	for _, handshake := range []func(context.Context, net.Conn, *libssl.Config) (*libssl.Conn, error){libssl.Server, libssl.Client} {
		if _, err := handshake(t.Context(), &tape{Reader: bytes.NewReader(nil)}, server()); !errors.Is(err, io.EOF) {
			t.Errorf("end: %v", err)
		}
		if _, err := handshake(t.Context(), &tape{Reader: bytes.NewReader([]byte{22, 3})}, server()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("end within a record: %v", err)
		}
	}
}

// Without ServerOrder the client's order decides, with it ours.
func TestOrder(t *testing.T) {
	need(t)
	order := []uint16{rsaGCM128, ecdheGCM256, rsaCBC}
	ours := server(rsaCBC, ecdheGCM256, rsaGCM128)
	for _, mine := range []bool{false, true} {
		ours := &libssl.Config{Chain: ours.Chain, Key: ours.Key, Suites: ours.Suites, Groups: ours.Groups, SecurityLevel: -1, ServerOrder: mine}
		a, b := pair(t)
		s, _ := connect(t,
			func() (*libssl.Conn, error) { return libssl.Server(t.Context(), a, ours) },
			func() (*libssl.Conn, error) { return libssl.Client(t.Context(), b, client(order...)) })
		want := map[bool]uint16{false: rsaGCM128, true: rsaCBC}[mine]
		if got := s.ConnectionState().Suite; got != want {
			t.Errorf("by our order: %v: %#04x, want %#04x", mine, got, want)
		}
	}
}

// Suites and signature algorithms of ours go onto the wire as given.
func TestClientHello(t *testing.T) {
	need(t)
	ours := client(rsaCBC256, ecdheCBC384, rsaGCM256)
	ours.SignatureAlgorithms = []uint16{0x0601, 0x0401, 0x0804}
	theirs := goConfig(rsaGCM256)
	var hello *tls.ClientHelloInfo
	theirs.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { hello = h; return nil, nil }
	if o := callGo(t, ours, theirs); o.ours != nil || o.state.Suite != rsaGCM256 || !o.state.SecureRenegotiation {
		t.Errorf("came to %+v, %v", o.state, o.ours)
	}
	if want := append(slices.Clone(ours.Suites), 0x00ff); !slices.Equal(hello.CipherSuites, want) { // with the SCSV of RFC 5746
		t.Errorf("offered %#04x, want %#04x", hello.CipherSuites, want)
	}
	if want := []tls.SignatureScheme{0x0601, 0x0401, 0x0804}; !slices.Equal(hello.SignatureSchemes, want) {
		t.Errorf("offered signatures %v, want %v", hello.SignatureSchemes, want)
	}
	if !slices.Equal(hello.SupportedCurves, []tls.CurveID{tls.CurveP384}) || hello.SupportedVersions[0] != tls.VersionTLS12 {
		t.Errorf("offered groups %v, versions %#04x", hello.SupportedCurves, hello.SupportedVersions)
	}
}

// A staple goes to a client that asks for it, and only there.
func TestStaple(t *testing.T) {
	need(t)
	ours := server()
	ours.Staple = []byte("an answer of OCSP")
	for range 2 { // the context is shared, the answer is not
		if o := serveGo(t, ours, goConfig()); o.ours != nil || !bytes.Equal(o.peer.OCSPResponse, ours.Staple) {
			t.Errorf("stapled %q, %v", o.peer.OCSPResponse, o.ours)
		}
	}
	if o := serveGo(t, server(), goConfig()); o.ours != nil || o.peer.OCSPResponse != nil {
		t.Errorf("stapled %q, %v", o.peer.OCSPResponse, o.ours)
	}
	// A client of ours does not ask.
	a, b := pair(t)
	connect(t,
		func() (*libssl.Conn, error) { return libssl.Server(t.Context(), a, ours) },
		func() (*libssl.Conn, error) { return libssl.Client(t.Context(), b, client()) })
}

// Both sides log the same secret.
func TestKeyLog(t *testing.T) {
	need(t)
	for _, suite := range []uint16{ecdheGCM256, rsaGCM256} {
		var ours, theirs bytes.Buffer
		peer := goConfig(suite)
		peer.KeyLogWriter = &theirs
		config := server(suite)
		config.KeyLog = &ours
		if o := serveGo(t, config, peer); o.ours != nil {
			t.Error(o.ours)
		}
		config = client(suite)
		config.KeyLog = &ours
		if o := callGo(t, config, peer); o.ours != nil {
			t.Error(o.ours)
		}
		if got := ours.String(); got != theirs.String() || strings.Count(got, "CLIENT_RANDOM ") != 2 {
			t.Errorf("logged\n%swant\n%s", got, theirs.String())
		}
	}
}

// Sessions are resumed with tickets, and never without.
func TestTickets(t *testing.T) {
	need(t)
	for _, tickets := range []bool{false, true} {
		ours := server()
		ours.Tickets, ours.RequestClientCertificate = tickets, true
		theirs := goConfig()
		theirs.SessionTicketsDisabled = false
		theirs.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		theirs.ServerName = "proxy.test"
		if o := serveGo(t, ours, theirs); o.ours != nil || o.state.Resumed {
			t.Fatalf("first session: resumed %v, %v", o.state.Resumed, o.ours)
		}
		if o := serveGo(t, ours, theirs); o.ours != nil || o.state.Resumed != tickets || o.peer.DidResume != tickets {
			t.Errorf("tickets %v: resumed %v, %v, %v", tickets, o.state.Resumed, o.peer.DidResume, o.ours)
		}
	}
}

// A client that has only a session's number is served anew: nothing is kept here.
func TestNoSessionCache(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := run(t, "openssl", "s_client", "-connect", l.Addr().String(), "-tls1_2", "-no_ticket", "-reconnect")
	go io.Copy(io.Discard, p.out)
	ours := server()
	for i := range 3 {
		raw, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(patience))
		c, err := libssl.Server(t.Context(), raw, ours)
		if err != nil || c.ConnectionState().Resumed {
			t.Fatalf("session %d: resumed, or %v", i, err)
		}
		defer c.Close()
	}
}

// The context ends a handshake, with its cause, and leaves the socket usable.
func TestContext(t *testing.T) {
	need(t)
	cause := errors.New("took longer than the device may")
	for name, handshake := range map[string]func(context.Context, net.Conn, *libssl.Config) (*libssl.Conn, error){"server": libssl.Server, "client": libssl.Client} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			ours, theirs := pair(t)
			ours.SetDeadline(time.Time{})
			done := make(chan error, 1)
			go func() {
				_, err := handshake(ctx, ours, server())
				done <- err
			}()
			cancel(cause)
			if err := <-done; !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
			if _, err := ours.Write([]byte("still there")); err != nil {
				t.Error(err)
			}
			theirs.Write([]byte("so am I"))
			if _, err := ours.Read(make([]byte, 7)); err != nil {
				t.Error(err)
			}
		})
	}
	// The context of an established connection is nobody's business.
	ctx, cancel := context.WithCancel(t.Context())
	a, b := pair(t)
	s, c := connect(t,
		func() (*libssl.Conn, error) { return libssl.Server(ctx, a, server()) },
		func() (*libssl.Conn, error) { return libssl.Client(ctx, b, client()) })
	cancel()
	if err := exchange(c, s, "OPTIONS\n"); err != nil {
		t.Error(err)
	}
	// A deadline of the socket's own is one.
	a, _ = pair(t)
	a.SetDeadline(time.Unix(1, 0))
	if _, err := libssl.Server(t.Context(), a, server()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
