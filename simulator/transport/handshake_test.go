package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"slices"
	"testing"

	"byocheck/simulator/record"
)

// Each suite that stays is negotiated with a device that offers it alone, the
// ECDHE ones with P-384, and carries data both ways.
func TestServerSuites(t *testing.T) {
	s := start(t, &Server{}, healthy())
	for _, suite := range SurvivingSuites() {
		t.Run(SuiteName(suite), func(t *testing.T) {
			mark := s.Recorder.Mark()
			c, err := call(t, s, device(suite))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			exchange(t, c, "OPTIONS")
			e, done := wait[record.HandshakeDone](t, s.Recorder, mark, nil)
			group := uint16(0)
			if ecdhe(suite) {
				group = uint16(P384)
			}
			want := record.HandshakeDone{Version: tls.VersionTLS12, Suite: suite, Group: group, Engine: "crypto/tls"}
			if done != want {
				t.Errorf("got %+v, want %+v", done, want)
			}
			if got := c.ConnectionState().CipherSuite; got != suite {
				t.Errorf("the device sees %s", SuiteName(got))
			}
			if e.Proxy != "lb01" || e.Generation != 1 {
				t.Errorf("event belongs to %s, generation %d", e.Proxy, e.Generation)
			}
		})
	}
}

func TestServerChoosesByDevicesList(t *testing.T) {
	s := start(t, &Server{}, healthy())
	x25519 := device(ecdheGCM256, rsaGCM128)
	x25519.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	both := device(ecdheGCM256)
	both.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, P384}
	for _, tt := range []struct {
		name   string
		config *tls.Config
		want   uint16
		group  tls.CurveID
	}{
		{"ECDHE where P-384 is there", device(ecdheGCM256, rsaGCM128), ecdheGCM256, P384},
		{"P-384 where the device would rather have another", both, ecdheGCM256, P384},
		{"static RSA where it is not", x25519, rsaGCM128, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := call(t, s, tt.config)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := c.ConnectionState(); got.CipherSuite != tt.want || got.CurveID != tt.group {
				t.Errorf("got %s, %s, want %s, %s", SuiteName(got.CipherSuite), got.CurveID, SuiteName(tt.want), tt.group)
			}
		})
	}
}

// What the cloud does not speak it refuses with the alert that servers use,
// and it is we who ended.
func TestServerRefuses(t *testing.T) {
	version := func(v uint16) *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, MinVersion: v, MaxVersion: v}
	}
	group := device(ecdheGCM256)
	group.CurvePreferences = []tls.CurveID{tls.X25519}
	s := start(t, &Server{}, healthy())
	for _, tt := range []struct {
		name   string
		config *tls.Config
		alert  uint8
		reason string
	}{
		{"TLS 1.3 only", version(tls.VersionTLS13), 70, "unsupported versions"},
		{"TLS 1.1 only", version(tls.VersionTLS11), 70, "unsupported versions"},
		{"TLS 1.0 only", version(tls.VersionTLS10), 70, "unsupported versions"},
		{"no common suite", device(chacha), 40, "none of the"},
		{"no common group", group, 40, "secp384r1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mark := s.Recorder.Mark()
			_, err := call(t, s, tt.config)
			if code, ok := AlertOf(err); !ok || code != tt.alert {
				t.Errorf("the device got %v, want alert %s", err, AlertName(tt.alert))
			}
			e, failed := wait[record.HandshakeFailed](t, s.Recorder, mark, nil)
			if failed.By != record.Us || failed.Deadline || !bytes.Contains([]byte(failed.Error), []byte(tt.reason)) {
				t.Errorf("got %+v, want by us, with %q", failed, tt.reason)
			}
			_, out := wait(t, s.Recorder, mark, on[record.Alert](e.Conn))
			if out.Dir != record.Out || out.Code != tt.alert || out.Level != 2 {
				t.Errorf("got %+v", out)
			}
			if _, closed := wait(t, s.Recorder, mark, on[record.Closed](e.Conn)); closed.By != record.Us {
				t.Errorf("got %+v", closed)
			}
		})
	}
}

// A device that could resume does a full handshake each time: no ticket, no session id.
func TestServerNeverResumes(t *testing.T) {
	s := start(t, &Server{}, healthy())
	cache := &countingCache{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	for range 2 {
		config := device()
		config.ServerName = "lb01.test"
		config.ClientSessionCache = cache
		c, err := call(t, s, config)
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, c, "OPTIONS") // a ticket would have come before
		if c.ConnectionState().DidResume {
			t.Error("the session was resumed")
		}
		c.Close()
	}
	if cache.put != 0 {
		t.Errorf("%d sessions were offered to the device", cache.put)
	}
	for _, r := range of[record.TLSRecord](s.Recorder, 0) {
		if slices.Contains(r.Handshake, 4) { // new_session_ticket, RFC 5077
			t.Errorf("ticket in %+v", r)
		}
	}
}

type countingCache struct {
	tls.ClientSessionCache
	put int
}

func (c *countingCache) Put(key string, s *tls.ClientSessionState) {
	if s != nil {
		c.put++
	}
	c.ClientSessionCache.Put(key, s)
}

func TestServerAsksNoCertificate(t *testing.T) {
	s := start(t, &Server{}, healthy())
	config := device()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		t.Error("a certificate was asked for")
		return nil, errors.New("none here")
	}
	c, err := call(t, s, config)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "OPTIONS")
}

// Whatever name a device asks for, the proxy presents its certificate, and the
// name is recorded.
func TestServerPresentsWhateverName(t *testing.T) {
	s := start(t, &Server{}, healthy())
	for _, tt := range []struct{ name, sni string }{
		{"no name", ""},
		{"the certificate's name", "proxy.test"},
		{"a strange name", "www.example.org"},
		{"the longest label", "a23456789012345678901234567890123456789012345678901234567890123.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mark := s.Recorder.Mark()
			config := device()
			config.ServerName = tt.sni
			c, err := call(t, s, config)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := c.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, identity().Certificate[0]) {
				t.Error("another certificate was presented")
			}
			_, h := wait[record.ClientHello](t, s.Recorder, mark, nil)
			_, done := wait[record.HandshakeDone](t, s.Recorder, mark, nil)
			if h.ServerName != tt.sni || done.ServerName != tt.sni {
				t.Errorf("recorded %q and %q, want %q", h.ServerName, done.ServerName, tt.sni)
			}
		})
	}
}
