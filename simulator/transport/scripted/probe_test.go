package scripted

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// ask sends a probe to a server.
func ask(t *testing.T, addr string, p Probe) Answer {
	t.Helper()
	raw, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	a, err := p.Do(bounded(t), raw)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// goServer runs crypto/tls with config until the test ends.
func goServer(t *testing.T, config *tls.Config) string {
	t.Helper()
	config.Certificates = []tls.Certificate{identity()}
	ln := listen(t)
	go func() {
		for {
			raw, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer raw.Close()
				tls.Server(raw, config).HandshakeContext(bounded(t))
			}()
		}
	}()
	return ln.Addr().String()
}

// opensslServer runs openssl s_server and returns its address.
func opensslServer(t *testing.T, args ...string) string {
	t.Helper()
	cert, key := files(t)
	args = append([]string{"s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key}, args...)
	return run(t, program(t, "openssl"), args...).line(t, "ACCEPT ")
}

// with returns the hello with one thing changed.
func with(h Hello, change func(*Hello)) Hello {
	change(&h)
	return h
}

func TestProbe(t *testing.T) {
	plain := NewHello("sbc.test", 0xc030, 0x009d)
	rows := []struct {
		name                    string
		hello                   Hello
		version, suite          uint16 // version 0: an alert
		messages                []uint8
		cryptoTLS, opensslAlert uint8
	}{
		{name: "as the cloud", hello: plain, version: VersionTLS12, suite: 0xc030, messages: []uint8{2, 11, 12, 13, 14}},
		{name: "no SNI", hello: NewHello("", 0xc030), version: VersionTLS12, suite: 0xc030, messages: []uint8{2, 11, 12, 13, 14}},
		{name: "static RSA", hello: NewHello("", 0x009d), version: VersionTLS12, suite: 0x009d, messages: []uint8{2, 11, 13, 14}},
		{name: "no suite in common", hello: NewHello("", 0x0003), cryptoTLS: 40, opensslAlert: 40},
		{name: "TLS 1.1", hello: with(plain, func(h *Hello) { h.Version = VersionTLS11 }), cryptoTLS: 70, opensslAlert: 70},
		{name: "a group that is not there", hello: Hello{Version: VersionTLS12, Suites: []uint16{0xc030}, Compression: []uint8{0},
			Extensions: []Extension{SupportedGroups(0x1234), SignatureAlgorithms(0x0401)}}, cryptoTLS: 40, opensslAlert: 40},
		{name: "compression alone", hello: with(plain, func(h *Hello) { h.Compression = []uint8{1} }), cryptoTLS: 47, opensslAlert: 50},
		{name: "GREASE", hello: with(plain, func(h *Hello) {
			h.Suites = append([]uint16{GREASE(1)}, h.Suites...)
			h.Extensions = append(slices.Clone(h.Extensions), Extension{GREASE(2), nil}, Extension{GREASE(3), []byte{0}})
		}), version: VersionTLS12, suite: 0xc030, messages: []uint8{2, 11, 12, 13, 14}},
		{name: "one extension", hello: Hello{Version: VersionTLS12, Suites: []uint16{0x009d}, Compression: []uint8{0}, Extensions: []Extension{SignatureAlgorithms(0x0401)}}, version: VersionTLS12, suite: 0x009d, messages: []uint8{2, 11, 13, 14}},
	}
	check := func(t *testing.T, addr string, alert func(int) uint8) {
		for i, tt := range rows {
			t.Run(tt.name, func(t *testing.T) {
				a := ask(t, addr, Probe{Hello: tt.hello})
				if want := alert(i); tt.version == 0 {
					if a.Alert == nil || *a.Alert != (Alert{levelFatal, want, false}) || a.Complete() || a.EndAfter <= 0 || a.DoneAfter != 0 {
						t.Errorf("got messages %v, alert %v, want alert %d", a.Messages, a.Alert, want)
					}
					return
				}
				if a.Version != tt.version || a.Suite != tt.suite || !slices.Equal(a.Messages, tt.messages) || a.Compression != 0 || !a.Complete() || a.Alert != nil || a.Closed != "" {
					t.Errorf("got version %04x, suite %04x, messages %v, alert %v, closed %q", a.Version, a.Suite, a.Messages, a.Alert, a.Closed)
				}
				ecdhe := slices.Contains(tt.messages, messageServerKeyExchange)
				if ecdhe != (a.Group == GroupP384) || ecdhe != (a.Scheme != 0) {
					t.Errorf("group %d, scheme %04x", a.Group, a.Scheme)
				}
				if len(a.Chain) != 1 || !bytes.Equal(a.Chain[0], identity().Certificate[0]) {
					t.Errorf("%d certificates", len(a.Chain))
				}
				if a.Request == nil || !slices.Contains(a.Request.Types, 1) || !slices.Contains(a.Request.Schemes, 0x0401) {
					t.Errorf("certificate request %+v", a.Request)
				}
				if _, asked := tt.hello.Extension(extensionRenegotiationInfo); a.RenegotiationInfo() != asked {
					t.Errorf("renegotiation_info %v", a.RenegotiationInfo())
				}
				if a.HelloAfter <= 0 || a.DoneAfter < a.HelloAfter || a.EndAfter != 0 {
					t.Errorf("after %v, %v, %v", a.HelloAfter, a.DoneAfter, a.EndAfter)
				}
			})
		}
	}
	t.Run("crypto/tls", func(t *testing.T) {
		addr := goServer(t, &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, CipherSuites: []uint16{0xc030, 0x009d}})
		check(t, addr, func(i int) uint8 { return rows[i].cryptoTLS })
	})
	t.Run("openssl", func(t *testing.T) {
		addr := opensslServer(t, "-verify", "1", "-tls1_2")
		check(t, addr, func(i int) uint8 { return rows[i].opensslAlert })
	})
}

// A server that goes to TLS 1.3 is read as far as it can be.
func TestProbeTLS13(t *testing.T) {
	hello := NewHello("", 0x1301)
	hello.Extensions = append(hello.Extensions, SupportedVersions(VersionTLS13), Extension{51, []byte{0, 0}}) // key_share without a key
	for name, addr := range map[string]string{"crypto/tls": goServer(t, &tls.Config{}), "openssl": ""} {
		t.Run(name, func(t *testing.T) {
			if addr == "" {
				addr = opensslServer(t)
			}
			a := ask(t, addr, Probe{Hello: hello})
			if a.Version != VersionTLS13 || a.Suite != 0x1301 || !slices.Equal(a.Messages, []uint8{2}) || !a.Complete() {
				t.Errorf("got %+v", a)
			}
		})
	}
}

// The scripts of our own server, seen by a probe.
func TestProbeScripts(t *testing.T) {
	for script, want := range map[Script]struct {
		messages []uint8
		closed   string
		err      error
	}{
		Honest:                  {messages: []uint8{2, 11, 12, 14}},
		"fragmented-flight":     {messages: []uint8{2, 11, 12, 14}},
		"coalesced-flight":      {messages: []uint8{2, 11, 12, 14}},
		"reordered-done":        {messages: []uint8{2, 14}},
		"truncated-certificate": {messages: []uint8{2}, closed: ClosedFIN},
		"reset-after-hello":     {closed: ClosedRST},
		"malformed-certificate": {messages: []uint8{2, 11}, err: ErrMalformed},
	} {
		t.Run(string(script), func(t *testing.T) {
			near, far := pair(t)
			ch := serve(t, far, script, parameters())
			a, err := Probe{Hello: offer()}.Do(bounded(t), near)
			if !slices.Equal(a.Messages, want.messages) || a.Closed != want.closed || !errors.Is(err, want.err) {
				t.Errorf("got %v, closed %q, %v", a.Messages, a.Closed, err)
			}
			near.Close()
			<-ch
		})
	}
}

// A server whose flight was read is told that the handshake is cancelled.
func TestProbeSaysGoodbye(t *testing.T) {
	near, far := pair(t)
	ch := serve(t, far, Honest, parameters())
	if _, err := (Probe{Hello: offer()}).Do(bounded(t), near); err != nil {
		t.Fatal(err)
	}
	near.Close()
	if got := <-ch; got.err != nil || got.out.Alert == nil || got.out.Alert.Code != alertCloseNotify || got.out.Reached != DoneSent {
		t.Errorf("got %+v", got)
	}
}

func TestProbeRaw(t *testing.T) {
	sent := "OPTIONS sip:sbc.test SIP/2.0\r\n\r\n"
	a := ask(t, goServer(t, &tls.Config{}), Probe{Raw: []byte(sent)})
	if a.Complete() || a.Alert == nil && a.Closed == "" {
		t.Errorf("got %+v", a)
	}
	w := &wire{in: strings.NewReader("")}
	if a, err := (Probe{Raw: []byte(sent)}).Do(context.Background(), w); err != nil || a.Closed != ClosedFIN || w.out.String() != sent {
		t.Errorf("sent %q, got %+v, %v", w.out.String(), a, err)
	}
}

// Key exchanges of other forms say nothing and are no error.
func TestProbeOtherKeyExchanges(t *testing.T) {
	curve := marshalCurve(GroupP384, []byte{4, 1, 2})
	for _, tt := range []struct {
		name           string
		version, suite uint16
		body           []byte
		group          uint16
		bad            bool
	}{
		{"ECDHE", VersionTLS12, 0xc030, append(slices.Clone(curve), 4, 1, 0, 1, 9), GroupP384, false},
		{"ECDHE, malformed", VersionTLS12, 0xc030, curve, 0, true},
		{"ECDHE, a suite that is not known here", VersionTLS12, 0xcca8, append(slices.Clone(curve), 4, 1, 0, 1, 9), GroupP384, false},
		{"ECDHE of TLS 1.1", VersionTLS11, 0xc014, append(slices.Clone(curve), 0, 1, 9), 0, false},
		{"DHE", VersionTLS12, 0x0033, []byte{3, 0, 1, 2, 0, 1, 2}, 0, false},
	} {
		a := Answer{Version: tt.version, Suite: tt.suite}
		if err := a.take(messageServerKeyExchange, tt.body); (err != nil) != tt.bad || a.Group != tt.group {
			t.Errorf("%s: group %d, %v", tt.name, a.Group, err)
		}
	}
	older := Answer{Version: VersionTLS11}
	if err := older.take(messageCertificateRequest, []byte{1, 1, 0, 3, 0, 1, 7}); err != nil || older.Request == nil || len(older.Request.Authorities) != 1 {
		t.Errorf("a CertificateRequest of TLS 1.1: %+v, %v", older.Request, err)
	}
}

// The times are those of the clock that was given.
func TestProbeClock(t *testing.T) {
	near, far := pair(t)
	ch := serve(t, far, Honest, parameters())
	now := time.Unix(0, 0)
	p := Probe{Hello: offer(), Now: func() time.Time { now = now.Add(time.Second); return now }}
	a, err := p.Do(bounded(t), near)
	if err != nil || a.HelloAfter != time.Second || a.DoneAfter != 2*time.Second || a.EndAfter != 0 {
		t.Errorf("got %v, %v, %v, %v", a.HelloAfter, a.DoneAfter, a.EndAfter, err)
	}
	near.Close()
	<-ch
}

func TestProbeIsBounded(t *testing.T) {
	cause := errors.New("time is up")
	near, _ := pair(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, err := (Probe{Hello: offer()}).Do(ctx, near); !errors.Is(err, cause) {
		t.Errorf("a silent server: %v", err)
	}
	for name, b := range map[string][]byte{
		"messages without end": {22, 3, 3, 0, 4, 4, 0, 0, 0},
		"a message too long":   {22, 3, 3, 0, 4, 11, 0xff, 0, 0},
		"empty records":        {22, 3, 3, 0, 0},
	} {
		a, err := (Probe{Hello: offer()}).Do(context.Background(), &wire{in: &endless{b: b}})
		if !errors.Is(err, ErrFlood) || len(a.Messages) > maxMessages {
			t.Errorf("%s: %d messages, %v", name, len(a.Messages), err)
		}
	}
	if _, err := (Probe{Hello: Hello{SessionID: make([]byte, 300)}}).Do(context.Background(), near); err == nil {
		t.Error("a hello that cannot be written was sent")
	}
}

// flights are what servers send of their own.
func flights(f *testing.F) [][]byte {
	var out [][]byte
	p := parameters()
	p.Chain = [][]byte{[]byte("leaf"), []byte("intermediate")} // short ones are changed sooner
	for _, script := range []Script{Honest, "malformed-certificate", "unexpected-key-exchange", "fragmented-flight"} {
		w := &wire{in: strings.NewReader("")}
		s, err := newServer(context.Background(), w, script, p)
		if err != nil {
			f.Fatal(err)
		}
		body, err := offer().Marshal()
		if err != nil {
			f.Fatal(err)
		}
		hello, err := s.seal(nil, typeHandshake, wrap(messageClientHello, body), maxFragment)
		if err != nil {
			f.Fatal(err)
		}
		s.in.Reset(bytes.NewReader(hello))
		if s.play(); s.out.Reached != DoneSent {
			f.Fatalf("%s: %v", script, s.out.Reached)
		}
		out = append(out, w.out.Bytes())
	}
	request := slices.Concat([]byte{22, 3, 3, 0, 18, 13, 0, 0, 14}, []byte{1, 1}, []byte{0, 2, 4, 1}, []byte{0, 6, 0, 4, 0x30, 2, 0x31, 0})
	return append(out, request)
}

func FuzzProbeAnswer(f *testing.F) {
	for _, b := range flights(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := (Probe{Hello: offer(), Rand: zeros{}}).Do(context.Background(), &wire{in: bytes.NewReader(b)})
		if err == nil && !a.Complete() && a.Alert == nil && a.Closed == "" {
			t.Errorf("got %+v without an error", a)
		}
	})
}

func FuzzClient(f *testing.F) {
	checks := []Check{"", CheckOrder, CheckLength, CheckKeyExchange, CheckGroup, CheckSuite}
	for i, b := range flights(f) {
		f.Add(b, uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, lacks uint8) {
		h := offer()
		h.Suites = append(h.Suites, exportSuites...)
		c := &client{records: heard(b...), Client: Client{Hello: h, Rand: zeros{}, Lacks: checks[int(lacks)%len(checks)]}}
		if c.readFlight() != nil {
			return
		}
		if err := c.finish(); err == nil {
			t.Error("a handshake completed without keys")
		}
	})
}
