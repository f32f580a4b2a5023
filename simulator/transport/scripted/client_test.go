package scripted

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// offer is a ClientHello with two suites, one of each key exchange.
func offer() Hello { return NewHello("lb01.test", 0xc030, 0x0035, 0x009d) }

// attempt has a client meet a script: it sends a word where the handshake
// completes, and closes.
func attempt(t *testing.T, c Client, s Script, p Parameters) (served, error) {
	t.Helper()
	near, far := pair(t)
	ch := serve(t, far, s, p)
	session, err := c.Handshake(bounded(t), near)
	if err == nil {
		if _, err := io.WriteString(session, "x"); err != nil {
			t.Error(err)
		}
	} else {
		near.CloseWrite()
	}
	return <-ch, err
}

// lacking are the scripts that find a check missing, and how far each then comes.
var lacking = map[Script]struct {
	check   Check
	reached Stage
}{
	"unoffered-suite":         {CheckSuite, ApplicationData},
	"export-suite":            {CheckSuite, KeyExchanged},
	"unoffered-group":         {CheckGroup, ApplicationData},
	"unoffered-version":       {CheckVersion, KeyExchanged},
	"compression":             {CheckCompression, KeyExchanged},
	"unsolicited-extension":   {CheckExtensions, ApplicationData},
	"unknown-extension":       {CheckExtensions, ApplicationData},
	"bad-renegotiation-info":  {CheckRenegotiation, ApplicationData},
	"malformed-certificate":   {CheckLength, ApplicationData},
	"wrong-signature":         {CheckSignature, ApplicationData},
	"wrong-finished":          {CheckFinished, ApplicationData},
	"reordered-done":          {CheckOrder, ApplicationData},
	"reordered-key-exchange":  {CheckOrder, ApplicationData},
	"missing-certificate":     {CheckCertificate, ApplicationData},
	"unexpected-key-exchange": {CheckKeyExchange, ApplicationData},
}

// A client with all checks refuses each script that is to be refused; one that
// lacks a check takes the scripts that are about that check, and no other.
func TestScriptsFindWhatIsLacking(t *testing.T) {
	checks := []Check{"", CheckVersion, CheckSuite, CheckGroup, CheckCompression, CheckExtensions, CheckRenegotiation, CheckLength,
		CheckOrder, CheckCertificate, CheckKeyExchange, CheckSignature, CheckFinished}
	for _, info := range Scripts() {
		if info.Expect == GiveUp {
			continue
		}
		for _, check := range checks {
			if info.Script == "missing-certificate" && check == CheckOrder {
				continue // waits for the certificate without end
			}
			t.Run(string(info.Script)+"/without "+string(check), func(t *testing.T) {
				t.Parallel()
				got, err := attempt(t, Client{Hello: offer(), Lacks: check}, info.Script, parameters())
				if got.err != nil {
					t.Fatal(got.err)
				}
				row, wrong := lacking[info.Script]
				takes := !wrong || row.check == check
				want := ApplicationData
				if wrong {
					want = row.reached
				}
				switch {
				case takes && got.out.Reached != want:
					t.Errorf("reached %v, want %v: %v", got.out.Reached, want, err)
				case !takes && (got.out.Alert == nil || got.out.Alert.Level != levelFatal || err == nil):
					t.Errorf("reached %v, alert %v, error %v", got.out.Reached, got.out.Alert, err)
				case !takes && got.out.Reached > DoneSent && info.Script != "wrong-finished":
					t.Errorf("refused at %v", got.out.Reached)
				}
			})
		}
	}
}

// A client that offers an export suite takes it.
func TestExportSuiteOffered(t *testing.T) {
	for _, id := range exportSuites {
		h := offer()
		h.Suites = append(h.Suites, id)
		got, err := attempt(t, Client{Hello: h}, "export-suite", parameters())
		if got.err != nil || got.out.Suite != id || got.out.Reached != KeyExchanged || !errors.Is(err, errExport) {
			t.Errorf("suite %04x: %+v, %v", id, got, err)
		}
	}
}

// Each group that can be chosen unoffered can be followed to the end.
func TestUnofferedGroups(t *testing.T) {
	for i, want := range unofferedGroups {
		h := Hello{Version: VersionTLS12, Suites: []uint16{0xc02f}, Compression: []uint8{0}, Extensions: []Extension{
			SupportedGroups(append([]uint16{30}, unofferedGroups[:i]...)...), SignatureAlgorithms(0x0401)}}
		got, err := attempt(t, Client{Hello: h, Lacks: CheckGroup}, "unoffered-group", parameters())
		if err != nil || got.out.Group != want || got.out.Reached != ApplicationData {
			t.Errorf("group %d: got %d, reached %v, %v", want, got.out.Group, got.out.Reached, err)
		}
	}
}

// The client with each suite against servers that we did not write.
func TestClientOnServers(t *testing.T) {
	cert, key := files(t)
	for _, s := range suites[:specified] {
		t.Run("openssl/"+opensslNames[s.id], func(t *testing.T) {
			t.Parallel()
			p := run(t, program(t, "openssl"), "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_2", "-groups", "P-384", "-cipher", opensslNames[s.id], "-cert", cert, "-key", key)
			session := dial(t, p.line(t, "ACCEPT "), Client{Hello: NewHello("", s.id)})
			if _, err := io.WriteString(session, text); err != nil {
				t.Fatal(err)
			}
			p.line(t, strings.TrimSpace(text))
			if _, err := io.WriteString(p.in, text); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, len(text))
			if _, err := io.ReadFull(session, b); err != nil || string(b) != text {
				t.Errorf("got %q, %v", b, err)
			}
		})
	}
	t.Run("a client certificate is asked for", func(t *testing.T) {
		near, far := pair(t)
		config := &tls.Config{Certificates: []tls.Certificate{identity()}, ClientAuth: tls.RequestClientCert}
		failed := make(chan error, 1)
		go func() { failed <- tls.Server(far, config).HandshakeContext(bounded(t)) }()
		if _, err := (Client{Hello: offer()}).Handshake(bounded(t), near); err != nil {
			t.Error(err)
		}
		if err := <-failed; err != nil {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, addr string, c Client) *Session {
	t.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(a))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	session, err := c.Handshake(bounded(t), raw)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// A certificate that Verify does not like is refused with an alert.
func TestClientVerify(t *testing.T) {
	odd := errors.New("not this one")
	got, err := attempt(t, Client{Hello: offer(), Verify: func(chain [][]byte) error {
		if len(chain) != 1 {
			t.Errorf("%d certificates", len(chain))
		}
		return odd
	}}, Honest, parameters())
	if err == nil || !strings.Contains(err.Error(), odd.Error()) || got.out.Alert == nil || got.out.Alert.Code != alertBadCertificate {
		t.Errorf("got %+v, %v", got.out.Alert, err)
	}
}

// A signature of a scheme that was not offered is refused; without the
// extension SHA-1 is what is offered (RFC 5246 7.4.1.4.1).
func TestSchemes(t *testing.T) {
	bare := Hello{Version: VersionTLS12, Suites: []uint16{0xc02f}, Compression: []uint8{0}, Extensions: []Extension{SupportedGroups(GroupP384)}}
	if got, err := attempt(t, Client{Hello: bare}, Honest, parameters()); err != nil || got.err != nil {
		t.Errorf("without signature_algorithms: %v, %v", err, got.err)
	}
	for _, s := range schemes {
		h := bare
		h.Extensions = append(slices.Clone(bare.Extensions), SignatureAlgorithms(s.id))
		if got, err := attempt(t, Client{Hello: h}, Honest, parameters()); err != nil || got.err != nil {
			t.Errorf("%04x: %v, %v", s.id, err, got.err)
		}
	}
	near, far := pair(t)
	ch := serve(t, far, Honest, parameters())
	c := begin(t, near, offer())
	c.Hello = bare
	if err := c.checkSignature(); !errors.As(err, new(refusal)) {
		t.Errorf("a scheme that was not offered: %v", err)
	}
	near.Close()
	<-ch
}

// A key in a ServerKeyExchange that would take for ever is refused.
func TestHugeWeakKey(t *testing.T) {
	for name, params := range map[string][]byte{
		"modulus":  appendVector(appendVector(nil, 2, make([]byte, maxWeak+1)), 2, []byte{3}),
		"exponent": appendVector(appendVector(nil, 2, make([]byte, 64)), 2, make([]byte, 5)),
	} {
		c := &client{suite: suite{id: 0x0035, key: 32}}
		if err := c.takeKeyExchange(append(params, 4, 1, 0, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A public key of another form is refused, on every kind of curve.
func TestShares(t *testing.T) {
	for _, group := range unofferedGroups {
		s, err := newShare(group, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.agree(s.point); err != nil {
			t.Errorf("group %d: %v", group, err)
		}
		for _, bad := range [][]byte{nil, s.point[1:], append([]byte{2}, s.point[1:]...)} {
			if _, err := s.agree(bad); !errors.Is(err, ErrMalformed) && !(group == GroupX25519 && len(bad) == 32) {
				t.Errorf("group %d: % x: %v", group, bad, err)
			}
		}
	}
	if _, err := newShare(GroupP256, &endless{b: []byte{0xff}}); err == nil {
		t.Error("a private key was drawn from nothing but ones")
	}
}
