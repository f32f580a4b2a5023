package scripted

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"time"
)

// sessions returns both ends of a connection after an honest handshake.
func sessions(t *testing.T, script Script) (client, server *Session) {
	t.Helper()
	near, far := pair(t)
	ch := make(chan *Session, 1)
	ctx := bounded(t)
	go func() {
		s, _, err := Handshake(ctx, far, script, parameters())
		if err != nil {
			t.Error(err)
		}
		ch <- s
	}()
	client, err := (Client{Hello: offer()}).Handshake(ctx, near)
	if err != nil {
		t.Fatal(err)
	}
	if server = <-ch; server == nil {
		t.FailNow()
	}
	server.SetDeadline(time.Now().Add(patience))
	client.SetDeadline(time.Now().Add(patience))
	return client, server
}

// More than a record holds goes both ways at once.
func TestSessionBothWays(t *testing.T) {
	for _, script := range []Script{Honest, "empty-records", "one-octet-segments"} {
		client, server := sessions(t, script)
		long := bytes.Repeat([]byte("0123456789abcdef"), 5*maxFragment/64+1)
		failed := make(chan error, 2)
		for _, s := range []*Session{client, server} {
			go func() {
				if n, err := s.Write(long); n != len(long) || err != nil {
					t.Errorf("wrote %d: %v", n, err)
				}
				failed <- s.CloseWrite()
			}()
		}
		for _, s := range []*Session{client, server} {
			if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, long) {
				t.Errorf("%s: got %d octets, %v", script, len(got), err)
			}
		}
		for range 2 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	}
}

// Empty records are really there.
func TestEmptyRecords(t *testing.T) {
	client, server := sessions(t, "empty-records")
	if _, err := server.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"", "x"} {
		if kind, fragment, err := client.layer.one(); err != nil || kind != typeApplicationData || string(fragment) != want {
			t.Errorf("got type %d, %q, %v, want %q", kind, fragment, err, want)
		}
	}
}

func TestSessionEnds(t *testing.T) {
	raw := func(s *Session, kind uint8, b ...byte) {
		out, err := s.layer.seal(nil, kind, b, maxFragment)
		if err == nil {
			err = s.layer.write(out)
		}
		if err != nil {
			t.Error(err)
		}
	}
	tcp := func(s *Session) { s.Conn.Close() }
	for _, tt := range []struct {
		name  string
		end   func(client *Session)
		want  error
		alert uint8 // 0: none comes back
	}{
		{"close_notify", func(s *Session) { s.CloseWrite() }, io.EOF, 0},
		{"close", func(s *Session) { s.Close() }, io.EOF, 0},
		{"FIN alone", tcp, io.EOF, 0},
		{"an alert", func(s *Session) { raw(s, typeAlert, levelFatal, 42) }, Alert{levelFatal, 42, true}, 0},
		{"a change_cipher_spec", func(s *Session) { raw(s, typeChangeCipherSpec, 1) }, unexpected{kind: 20}, alertUnexpectedMessage},
		{"a record that does not decrypt", func(s *Session) { s.layer.send.seq++; raw(s, typeApplicationData, 1) }, errRecord, alertBadRecordMAC},
		{"asking for another handshake without end", func(s *Session) {
			for range maxAsks + 1 {
				raw(s, typeHandshake, 1, 0, 0, 0)
			}
		}, ErrFlood, alertHandshakeFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, server := sessions(t, Honest)
			tt.end(client)
			if n, err := server.Read(make([]byte, 9)); n != 0 || !errors.Is(err, tt.want) {
				t.Errorf("read %d, %v, want %v", n, err, tt.want)
			}
			if tt.alert == 0 {
				return
			}
			if _, err := client.Read(make([]byte, 9)); !errors.Is(err, Alert{levelFatal, tt.alert, true}) {
				t.Errorf("the client got %v", err)
			}
		})
	}
}

// close_notify is sent, by both ways to close.
func TestCloseNotify(t *testing.T) {
	for name, end := range map[string]func(*Session) error{"Close": (*Session).Close, "CloseWrite": (*Session).CloseWrite} {
		client, server := sessions(t, Honest)
		if err := end(client); err != nil {
			t.Error(err)
		}
		if _, _, err := server.layer.record(); !errors.Is(err, Alert{levelWarning, alertCloseNotify, true}) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A peer that asks to renegotiate is told no, and the connection goes on.
func TestRenegotiationDeclined(t *testing.T) {
	client, server := sessions(t, Honest)
	out, err := client.layer.seal(nil, typeHandshake, wrap(messageClientHello, nil), maxFragment)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.layer.write(out); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 9)
	if n, err := server.Read(b); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	kind, fragment, err := client.layer.one()
	if err != nil || kind != typeAlert || !bytes.Equal(fragment, []byte{levelWarning, alertNoRenegotiation}) {
		t.Errorf("the client got type %d, % x, %v", kind, fragment, err)
	}
	if n, err := server.Read(nil); n != 0 || err != nil {
		t.Errorf("reading nothing: %d, %v", n, err)
	}
}

// Without the extended master secret the keys come of the randoms.
func TestPlainMasterSecret(t *testing.T) {
	near, far := pair(t)
	failed := make(chan error, 1)
	config := device()
	config.Certificates = []tls.Certificate{identity()}
	go func() { failed <- tls.Server(far, config).HandshakeContext(bounded(t)) }()
	h := Hello{Version: VersionTLS12, Suites: []uint16{0xc02f}, Compression: []uint8{0}, Extensions: []Extension{
		SupportedGroups(GroupP384), SignatureAlgorithms(0x0401), {extensionPointFormats, []byte{1, 0}}}}
	if _, err := (Client{Hello: h}).Handshake(bounded(t), near); err != nil {
		t.Error(err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
