package simulator

import (
	"crypto/tls"
	"io"
	"net/netip"
	"strings"
	"testing"

	"byocheck/certs"
	"byocheck/certs/revocation"
	"byocheck/certs/trust"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

const sbc = "sbc.customer.test"

// serves is a device that presents a chain to whoever comes, and waits for the end.
// Suites, if any, are all that it takes.
func serves(t testing.TB, chain tls.Certificate, suites ...uint16) netip.AddrPort {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{chain}, CipherSuites: suites, MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	return netip.MustParseAddrPort(ln.Addr().String())
}

// deviceNames are what a device's certificate is for.
var deviceNames = certs.Names{CN: sbc, DNS: []string{sbc}, IP: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}

// deviceAuthority begins a run under the lab's device CA.
func deviceAuthority(t testing.TB) *certs.Authority {
	t.Helper()
	a, err := home().DeviceAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Certificates are refused in the handshake where the documented check refuses
// them, and only there.
func TestDialVerifying(t *testing.T) {
	c := start(t, &Cloud{Target: sbc, DeviceRoots: [][]byte{home().DeviceRoot().Raw}})
	device := deviceAuthority(t)
	for _, info := range certs.Profiles() {
		t.Run(string(info.Profile), func(t *testing.T) {
			chain, err := device.Chain(info.Profile, deviceNames)
			if err != nil {
				t.Fatal(err)
			}
			c.Device = serves(t, chain)
			mark := c.Recorder.Mark()
			l, err := c.DialVerifying(bounded(t), 0)
			if l != nil {
				l.Close("seen")
			}
			if info.Profile == certs.ECDSALeaf { // no suite of the edition can use it, so it is not presented
				if err == nil || strings.Contains(err.Error(), "checking the device's certificate") {
					t.Errorf("error %v", err)
				}
				return
			}
			f, refused := trust.Evaluate(trust.Presented{Chain: chain.Certificate, Target: sbc, Now: c.now(), Edition: trust.Newer, Roots: c.DeviceRoots}).Refused()
			if info.Expect != certs.Either && refused != (info.Expect == certs.Refuse) {
				t.Fatalf("the check refuses: %t (%s: %s), and the profile says %s", refused, f.Step, f.Observed, info.Expect)
			}
			if !refused {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if l != nil || err == nil || !strings.Contains(err.Error(), "checking the device's certificate: "+string(f.Step)+": "+f.Observed) {
				t.Errorf("error %v, want one about %s: %s", err, f.Step, f.Observed)
			}
			shown, ended := false, record.Party("")
			for _, e := range c.Recorder.Since(mark) {
				switch b := e.Body.(type) {
				case record.PeerChain:
					shown = len(b.Certificates) == len(chain.Certificate)
				case record.HandshakeFailed:
					ended = b.By
				}
			}
			if !shown || ended != record.Us {
				t.Errorf("recorded: shown %t, ended by %q", shown, ended)
			}
		})
	}
}

// Revocation is asked for at the addresses in the device's certificate, unless the
// cloud is offline, and only a certificate that is said to be revoked is refused.
func TestDialVerifyingAsks(t *testing.T) {
	for _, x := range []struct {
		name    string
		offline bool
		revoke  bool
		state   revocation.State
		step    trust.Step // by which it is refused; empty: it is not
	}{
		{"good", false, false, revocation.Good, ""},
		{"revoked", false, true, revocation.Good, trust.StepRevocation},
		{"revoked, but offline", true, true, revocation.Good, ""},
		{"revoked, but nobody is there to say so", false, true, revocation.Unreachable, ""},
		{"revoked, but it fails", false, true, revocation.ServerError, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t, &Cloud{Target: sbc, DeviceRoots: [][]byte{home().DeviceRoot().Raw}, Offline: x.offline})
			device := deviceAuthority(t)
			device.Publish = c.Publish
			branch, err := device.Branch("asked", nil)
			if err != nil {
				t.Fatal(err)
			}
			chain, err := branch.Chain(deviceNames)
			if err != nil {
				t.Fatal(err)
			}
			if x.revoke {
				if err := c.Revoke(branch.Issuer().Name, chain.Leaf.SerialNumber); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.lists.Set(branch.Issuer().Name, x.state); err != nil {
				t.Fatal(err)
			}
			c.Device = serves(t, chain)
			l, err := c.DialVerifying(bounded(t), 1)
			if l != nil {
				l.Close("seen")
			}
			if (x.step == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), string(x.step)) {
				t.Errorf("error %v, want step %q", err, x.step)
			}
			questions, answers := 0, 0
			for _, e := range c.Recorder.Since(0) {
				switch b := e.Body.(type) {
				case record.Fetch:
					questions++
				case record.RevocationAnswer:
					answers++
					if e.Proxy != "lb02" || e.Conn != 0 || b.URL == "" || (b.Error == "") != (len(b.Body) > 0) {
						t.Errorf("recorded %+v of %s, connection %d", b, e.Proxy, e.Conn)
					}
				}
			}
			if (questions == 0) != x.offline || (answers == 0) != x.offline {
				t.Errorf("%d questions, %d answers", questions, answers)
			}
		})
	}
}

// Without SNI no name is sent; otherwise the target's.
func TestDialWithoutSNI(t *testing.T) {
	far := listen(t)
	c := start(t, &Cloud{Device: far.addr, Target: sbc})
	for _, x := range []struct {
		dial func() (*Link, error)
		want string
	}{
		{func() (*Link, error) { return c.DialPatiently(bounded(t), 0) }, sbc},
		{func() (*Link, error) { return c.DialWithoutSNI(bounded(t), 0) }, ""},
	} {
		if _, err := x.dial(); err != nil {
			t.Fatal(err)
		}
		if name := <-far.names; name != x.want {
			t.Errorf("the name in SNI is %q, want %q", name, x.want)
		}
	}
}

// Suites that are named are offered, and no others.
func TestDialWithSuites(t *testing.T) {
	chain, err := deviceAuthority(t).Chain(certs.Healthy, deviceNames)
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, &Cloud{Device: serves(t, chain, transport.SurvivingSuites()[0]), Target: sbc})
	for i, suite := range transport.SurvivingSuites() {
		l, err := c.DialPatiently(bounded(t), 0, suite)
		if (err == nil) != (i == 0) {
			t.Errorf("offering %s: %v", transport.SuiteName(suite), err)
		}
		if l != nil {
			l.Close("seen")
		}
	}
}
