package referencesbc

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"byocheck/simulator/transport/scripted"
)

// tcpPair returns both ends of a TCP connection.
func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	must(t, err)
	s, err := l.Accept()
	must(t, err)
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// meet lets a device do a handshake with a proxy that plays a script, and returns
// how far it went for the proxy, and for the device until a word of the proxy's
// was read.
func meet(t *testing.T, s *SBC, script scripted.Script, verify func(tls.ConnectionState) error) (proxy scripted.Outcome, device error) {
	t.Helper()
	near, far := tcpPair(t)
	cert := shown{dns: names}.chain(t)
	done := make(chan scripted.Outcome, 1)
	go func() {
		defer far.Close()
		session, out, err := scripted.Handshake(bounded(t), far, script, scripted.Parameters{Chain: cert.Certificate, Key: cert.PrivateKey.(*rsa.PrivateKey)})
		if err == nil {
			session.Write([]byte("x"))
			io.Copy(io.Discard, session)
		} else if errors.Is(err, scripted.ErrTaken) {
			out.Reached = scripted.ApplicationData // it would have gone on
		}
		done <- out
	}()
	conn, err := s.secureProxy(bounded(t), near, lb01, at, verify)
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	near.Close()
	return <-done, err
}

func accept(tls.ConnectionState) error { return nil }

// What each mutant takes that the control refuses. The control is crypto/tls,
// which passes over a list that is too long and some extensions; CBCSHA2Only is
// one by hand that lacks nothing.
func TestScriptsTaken(t *testing.T) {
	takes := map[scripted.Script][]Mutant{
		"unoffered-version":       {TakesUnofferedVersion},
		"unoffered-suite":         {TakesUnofferedSuite},
		"export-suite":            {TakesUnofferedSuite},
		"unoffered-group":         {TakesUnofferedGroup},
		"compression":             {TakesCompression},
		"unsolicited-extension":   {TakesUnsolicitedExtension},
		"bad-renegotiation-info":  {TakesBadRenegotiationInfo},
		"malformed-certificate":   {TakesMalformedCertificate},
		"reordered-done":          {TakesMessagesOutOfOrder},
		"reordered-key-exchange":  {TakesMessagesOutOfOrder},
		"missing-certificate":     {TakesHandshakeWithoutCertificate},
		"unexpected-key-exchange": {TakesUnexpectedKeyExchange},
		"wrong-signature":         {SkipsSignature},
		"wrong-finished":          {SkipsFinished},
	}
	mutants := []Mutant{Control, CBCSHA2Only}
	for m := range lacks {
		mutants = append(mutants, m)
	}
	if len(mutants) != 2+12 {
		t.Errorf("%d mutants lack a check", len(mutants)-2)
	}
	for script, by := range takes {
		for _, m := range mutants {
			if script == "missing-certificate" && m == TakesMessagesOutOfOrder {
				continue // waits for the certificate
			}
			t.Run(string(script)+"/"+string(m), func(t *testing.T) {
				t.Parallel()
				out, err := meet(t, device(t, m), script, accept)
				// The alert of a client that refuses a Finished comes after its own.
				taken := err == nil || out.Reached == scripted.ApplicationData
				if want := slices.Contains(by, m); taken != want {
					t.Errorf("the proxy reached %v, the device %v", out.Reached, err)
				}
			})
		}
	}
}

// A handshake by hand goes well where nothing is wrong, and ends with an alert
// where the certificate is.
func TestVerifyByHand(t *testing.T) {
	wrong := errors.New("not this one")
	for m := range lacks {
		s := device(t, m)
		seen := 0
		out, err := meet(t, s, scripted.Honest, func(state tls.ConnectionState) error {
			seen = len(state.PeerCertificates)
			return nil
		})
		if err != nil || seen != 2 {
			t.Errorf("%s: %d certificates were verified, %v", m, seen, err)
		}
		if name := out.Hello.Extensions[0]; string(name.Body[5:]) != lb01 || !slices.Equal(out.Hello.Suites, suites) || !slices.Contains(out.Hello.Schemes(), 0x0503) {
			t.Errorf("%s: its ClientHello is %+v", m, out.Hello)
		}
		out, err = meet(t, s, scripted.Honest, func(tls.ConnectionState) error { return wrong })
		if err == nil || out.Alert == nil || out.Alert.Code != 42 {
			t.Errorf("%s: a wrong certificate is refused with %v, alert %v", m, err, out.Alert)
		}
	}
}

// What the two mutants offer that could not be said with a library.
func TestOffersByHand(t *testing.T) {
	for m, want := range map[Mutant]struct{ suites, schemes []uint16 }{
		CBCSHA2Only:    {[]uint16{0xc028, 0x003d}, []uint16{0x0804, 0x0403, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603}},
		OffersSHA1Only: {suites, []uint16{0x0201, 0x0203}},
	} {
		out, err := meet(t, device(t, m), scripted.Honest, accept)
		if err != nil || !slices.Equal(out.Hello.Suites, want.suites) || !slices.Equal(out.Hello.Schemes(), want.schemes) || !slices.Equal(out.Hello.Groups(), []uint16{24}) {
			t.Errorf("%s offers %04x and %04x: %v", m, out.Hello.Suites, out.Hello.Schemes(), err)
		}
	}
}

// A device that is stuck with an export suite ends with its context, if the
// proxy does not end it.
func TestStuckIsBounded(t *testing.T) {
	near, _ := tcpPair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	(&speechless{Conn: near, stuck: true}).wait(ctx)
}

// The mutants that stumble over right but unusual records, and what they make of
// each kind; the control takes all.
func TestFussy(t *testing.T) {
	stumbles := map[scripted.Script]Mutant{
		scripted.Honest:      "",
		"fragmented-flight":  ChokesOnFragments,
		"coalesced-flight":   NeedsOneMessageARecord,
		"empty-records":      EndsOnEmptyRecord,
		"one-octet-segments": DislikesSmallSegments,
	}
	for script, stumbler := range stumbles {
		for _, m := range []Mutant{Control, ChokesOnFragments, NeedsOneMessageARecord, EndsOnEmptyRecord, DislikesSmallSegments} {
			t.Run(string(script)+"/"+string(m), func(t *testing.T) {
				t.Parallel()
				if _, err := meet(t, device(t, m), script, accept); (err != nil) != (m == stumbler) {
					t.Errorf("the device gets %v", err)
				}
			})
		}
	}
}

// Records that are cut short, or longer than any may be, end the connection and
// nothing else.
func TestFussyReadsRecords(t *testing.T) {
	whole := []byte{22, 3, 3, 0, 4, 14, 0, 0, 0}
	for _, tt := range []struct {
		name string
		sent []byte
		read int
		err  error
	}{
		{"a record", whole, len(whole), io.EOF},
		{"two", slices.Concat(whole, whole), 2 * len(whole), io.EOF},
		{"nothing", nil, 0, io.EOF},
		{"half a header", whole[:3], 0, io.EOF},
		{"half a record", whole[:7], 0, io.EOF},
		{"a message that says more than there is", []byte{22, 3, 3, 0, 4, 14, 0xff, 0xff, 0xff}, 0, nil},
		{"a piece of a message's header", []byte{22, 3, 3, 0, 1, 14}, 0, nil},
		{"too long", append([]byte{23, 3, 3, 0xff, 0xff}, make([]byte, 0xffff)...), 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := tcpPair(t)
			go func() {
				far.Write(tt.sent)
				far.CloseWrite()
			}()
			got, err := io.ReadAll(device(t, ChokesOnFragments).fussy(near))
			if tt.err == io.EOF && err != nil || tt.err == nil && err == nil || len(got) != tt.read {
				t.Errorf("read %d octets and %v", len(got), err)
			}
		})
	}
}

// Segments are counted as they came, however they are read.
func TestReceived(t *testing.T) {
	near, far := tcpPair(t)
	for i := range 20 {
		if _, err := scripted.WriteSegment(far, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := io.ReadFull(near, make([]byte, 20))
	must(t, err)
	octets, segments, err := received(near)
	if err != nil || octets != 20 || segments != 20 {
		t.Errorf("%d octets in %d segments, %v", octets, segments, err)
	}
	if err := crumbled(near); err == nil {
		t.Error("tiny segments are not disliked")
	}
	if _, _, err := received(struct{ net.Conn }{near}); err == nil {
		t.Error("what is no socket has segments")
	}
}
