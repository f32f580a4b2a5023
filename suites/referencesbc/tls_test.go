package referencesbc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/transport/libssl"
	"byocheck/simulator/transport/scripted"
)

// caller does a handshake with the SBC as the cloud would, but for what change does.
func (w *world) caller(change func(*tls.Config)) (*tls.Conn, error) {
	c := &tls.Config{ServerName: "sbc.customer.test", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CurvePreferences: curves}
	change(c)
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", w.sbc.TLSAddr().String(), c)
	if err == nil {
		w.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// What a server that is right refuses, and the mutants take; what both take is
// in TestServerPolicy.
func TestServersThatTakeMore(t *testing.T) {
	for m, change := range map[Mutant]func(*tls.Config){
		TLS10Accepted: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 },
		Takes3DES:     func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA} },
		TLS13Only:     func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS13, tls.VersionTLS13 },
	} {
		if _, err := build(t, nil).caller(change); err == nil {
			t.Errorf("the control takes what is for %s", m)
		}
		w := build(t, func(s *SBC) { s.Mutant = m })
		if _, err := w.caller(change); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		if _, err := w.caller(func(*tls.Config) {}); (err == nil) != (m != TLS13Only) {
			t.Errorf("%s with what is right: %v", m, err)
		}
	}
}

func TestNullCipher(t *testing.T) {
	if err := libssl.Available(); err != nil {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		if err := (&SBC{Mutant: TakesNullCipher}).Start(); err == nil {
			t.Error("the mutant is made without OpenSSL")
		}
		t.Skip("not run: ", err)
	}
	for _, m := range []Mutant{Control, TakesNullCipher} {
		w := build(t, func(s *SBC) { s.Mutant = m })
		for _, suite := range append([]uint16{0x003b}, suites...) {
			tcp, err := net.Dial("tcp", w.sbc.TLSAddr().String())
			must(t, err)
			conn, err := libssl.Client(bounded(t), tcp, &libssl.Config{Suites: []uint16{suite}, Groups: []uint16{24}, SecurityLevel: 0})
			if want := suite != 0x003b || m == TakesNullCipher; (err == nil) != want {
				t.Errorf("%s, suite %04x: %v", m, suite, err)
			}
			if err == nil {
				conn.Close()
			}
			tcp.Close()
		}
	}
}

// It chooses DEFLATE where that is offered, and only there.
func TestCompresses(t *testing.T) {
	for _, m := range []Mutant{Control, Compresses} {
		w := build(t, func(s *SBC) { s.Mutant = m })
		if _, err := w.caller(func(*tls.Config) {}); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		for _, offered := range [][]uint8{{0}, {1, 0}, {0, 64}} {
			tcp, err := net.Dial("tcp", w.sbc.TLSAddr().String())
			must(t, err)
			hello := scripted.NewHello("sbc.customer.test", suites...)
			hello.Compression = offered
			hello.SessionID = bytes.Repeat([]byte{7}, 32)
			answer, err := scripted.Probe{Hello: hello}.Do(bounded(t), tcp)
			tcp.Close()
			want := uint8(0)
			if m == Compresses && slices.Contains(offered, 1) {
				want = 1
			}
			if err != nil || !answer.Complete() || answer.Compression != want {
				t.Errorf("%s, offered %d: it chooses %d, %v", m, offered, answer.Compression, err)
			}
		}
	}
}

// It completes the handshake with a caller without a certificate, and then it
// hangs up.
func TestRequiresClientCertificateLate(t *testing.T) {
	w := build(t, func(s *SBC) { s.Mutant = RequiresClientCertificateLate })
	conn, err := w.caller(func(*tls.Config) {})
	must(t, err)
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("without a certificate: %v", err)
	}
	conn, err = w.caller(func(c *tls.Config) { c.Certificates = withCertificate(t).Certificates })
	must(t, err)
	conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	var slow net.Error
	if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &slow) || !slow.Timeout() {
		t.Errorf("with one: %v", err)
	}
}

// It answers at once while there are three handshakes, and waits with a fourth.
// Its wait never ends here, so no load of the machine can look like it.
func TestSlowUnderLoad(t *testing.T) {
	w := build(t, func(s *SBC) { s.Mutant, s.Timers.Slow = SlowUnderLoad, time.Hour })
	under := func(n int64) { // n handshakes that begin and do not go on
		waitFor(t, func() []byte {
			if w.sbc.shaking.Load() != n {
				return nil
			}
			return []byte{1}
		})
	}
	for open := range int64(busy) {
		under(open)
		_, err := w.caller(func(*tls.Config) {})
		must(t, err)
		under(open)
		c, err := net.Dial("tcp", w.sbc.TLSAddr().String())
		must(t, err)
		defer c.Close()
	}
	under(busy)
	tcp, err := net.Dial("tcp", w.sbc.TLSAddr().String())
	must(t, err)
	defer tcp.Close()
	tcp.SetDeadline(time.Now().Add(200 * time.Millisecond))
	var slow net.Error
	if err := tls.Client(tcp, &tls.Config{InsecureSkipVerify: true}).Handshake(); !errors.As(err, &slow) || !slow.Timeout() {
		t.Errorf("beside %d others: %v", busy, err)
	}
}

func TestNeedsSNI(t *testing.T) {
	for _, m := range []Mutant{Control, NeedsSNI} {
		w := build(t, func(s *SBC) { s.Mutant = m })
		for _, name := range []string{"sbc.customer.test", ""} {
			conn, err := w.caller(func(c *tls.Config) { c.ServerName = name })
			must(t, err)
			own := selfSigned(conn.ConnectionState().PeerCertificates[0])
			if own != (m == NeedsSNI && name == "") {
				t.Errorf("%s, SNI %q: signed by itself: %v", m, name, own)
			}
		}
	}
}

// What the mutants offer as TLS clients.
func TestClientOffers(t *testing.T) {
	curve, version := []tls.CurveID{tls.CurveP384}, []uint16{tls.VersionTLS12}
	for m, want := range map[Mutant]struct {
		suites   []uint16
		curves   []tls.CurveID
		versions []uint16
	}{
		Control:           {suites, curve, version},
		OffersBrokenSuite: {suites, curve, version},
		OffersRC4:         {append(slices.Clone(suites), tls.TLS_RSA_WITH_RC4_128_SHA), curve, version},
		OffersNoP384:      {suites, []tls.CurveID{tls.CurveP256}, version},
		OffersOldVersions: {suites, curve, []uint16{tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10}},
		TLS13Only:         {nil, curve, []uint16{tls.VersionTLS13}},
	} {
		near, far := tcpPair(t)
		seen := make(chan tls.ClientHelloInfo, 1)
		go tls.Server(far, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			seen <- *h
			return nil, errors.New("that is all")
		}}).Handshake()
		if _, err := device(t, m).secureProxy(bounded(t), near, lb01, at, accept); err == nil {
			t.Errorf("%s: a handshake", m)
		}
		h := <-seen
		same := func(a, b []uint16) bool {
			return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
		}
		if want.suites != nil && !same(h.CipherSuites, want.suites) || !slices.Equal(h.SupportedCurves, want.curves) || !slices.Equal(h.SupportedVersions, want.versions) || h.ServerName != lb01 {
			t.Errorf("%s offers suites %04x, curves %v, versions %04x to %q", m, h.CipherSuites, h.SupportedCurves, h.SupportedVersions, h.ServerName)
		}
	}
}

// The suite that does not work is refused with an alert, and no other.
func TestBrokenSuite(t *testing.T) {
	cert := shown{dns: names}.chain(t)
	for _, m := range []Mutant{Control, OffersBrokenSuite} {
		for _, suite := range suites {
			near, far := tcpPair(t)
			failed := make(chan error, 1)
			go func() {
				failed <- tls.Server(far, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}, CurvePreferences: curves,
					Certificates: []tls.Certificate{cert}}).HandshakeContext(bounded(t))
			}()
			_, err := device(t, m).secureProxy(bounded(t), near, lb01, at, accept)
			if broken := m == OffersBrokenSuite && suite == tls.TLS_RSA_WITH_AES_256_CBC_SHA; (err != nil) != broken || (<-failed != nil) != broken {
				t.Errorf("%s, %s: %v", m, tls.CipherSuiteName(suite), err)
			}
		}
	}
}

// Where no proxy can be had over TLS, two mutants send their INVITE without it.
func TestFallsBack(t *testing.T) {
	for _, m := range []Mutant{Control, FallsBackToTCP, FallsBackToUDP} {
		t.Run(string(m), func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.41.1:0")
			must(t, err)
			defer l.Close()
			port := l.Addr().(*net.TCPAddr).Port
			pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 41, 1), Port: port})
			must(t, err)
			defer pc.Close()
			w := build(t, func(s *SBC) { s.Mutant, s.clearPort = m, uint16(port) })
			came := make(chan string, 2)
			first := func(over string, c net.Conn) {
				b := make([]byte, 4096)
				if n, err := c.Read(b); err == nil {
					came <- over + " " + string(b[:n])
				}
			}
			go first("UDP", pc)
			go func() {
				if c, err := l.Accept(); err == nil {
					first("TCP", c)
					c.Close()
				}
			}()
			if got := w.call(w.answer); got != 200 {
				t.Errorf("with TLS the carrier gets %d", got)
			}
			w.sbc.Reset()
			for _, p := range w.proxies {
				p.set(refusing)
				p.hangUp()
			}
			if got := w.call(w.answer); got != 503 {
				t.Errorf("without it the carrier gets %d", got)
			}
			said, falls := map[Mutant][]string{
				FallsBackToTCP: {"TCP INVITE sip:" + toCloud, "SIP/2.0/TCP ", "transport=tcp"},
				FallsBackToUDP: {"UDP INVITE sip:" + toCloud, "SIP/2.0/UDP "},
			}[m]
			if !falls {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				select {
				case got := <-came:
					t.Errorf("it sent %s", got)
				case <-ctx.Done():
				}
				return
			}
			select {
			case got := <-came:
				for _, want := range said {
					if !strings.Contains(got, want) {
						t.Errorf("there is no %q in\n%s", want, got)
					}
				}
			case <-time.After(10 * time.Second):
				t.Error("nothing came")
			}
		})
	}
}

// A call that is taken without TLS is a call like any other.
func TestFallBackIsAnswered(t *testing.T) {
	for _, m := range []Mutant{FallsBackToTCP, FallsBackToUDP} {
		t.Run(string(m), func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.41.1:0")
			must(t, err)
			defer l.Close()
			pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 41, 1), Port: l.Addr().(*net.TCPAddr).Port})
			must(t, err)
			w := build(t, func(s *SBC) {
				s.Mutant, s.clearPort, s.Timers.Clear = m, uint16(l.Addr().(*net.TCPAddr).Port), 5*time.Second
			})
			w.serveClear(l, pc)
			for _, p := range w.proxies {
				p.set(refusing)
			}
			if got := w.call(w.answer); got != 200 {
				t.Errorf("the carrier gets %d", got)
			}
		})
	}
}
