package simulator

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"byocheck/certs"
	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

// everyAuthority is that of each hierarchy, in one run.
func everyAuthority(t testing.TB) map[certs.Hierarchy]*certs.Authority {
	out := map[certs.Hierarchy]*certs.Authority{}
	for _, h := range certs.Hierarchies() {
		out[h] = authority(t, h)
	}
	return out
}

// startEvery runs a cloud with the authorities of all hierarchies.
func startEvery(t testing.TB) *Cloud {
	t.Helper()
	all := everyAuthority(t)
	return start(t, &Cloud{Authority: all[certs.HighAssuranceEV], Authorities: all})
}

// looks lets a device that refuses nothing look at what a proxy presents.
func looks(t testing.TB, c *Cloud, proxy int) tls.ConnectionState {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: c.Region.Proxies.Value[proxy], MaxVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(bounded(t), "tcp", c.Listen[proxy].String())
	if err != nil {
		t.Fatalf("connecting to proxy %d: %v", proxy, err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState()
}

// shows shows a face and returns how it was recorded.
func shows(t testing.TB, c *Cloud, f Face) record.Profile {
	t.Helper()
	generation, err := c.Show(f)
	if err != nil {
		t.Fatalf("showing %s: %v", f.Name(), err)
	}
	_, p := wait(t, c.Recorder, func(_ record.Event, p record.Profile) bool { return p.Generation == generation })
	return p
}

// Recordings tell faces apart by their names.
func TestFaceNames(t *testing.T) {
	faces := []Face{{}}
	for _, p := range certs.Profiles() {
		if p.Profile == certs.Healthy {
			continue // that is the face without anything
		}
		faces = append(faces, Face{Certificate: p.Profile})
	}
	for _, c := range Conditions() {
		faces = append(faces, Face{Revocation: c.ID}, Face{Revocation: c.ID, Good: true})
	}
	for _, suite := range transport.SurvivingSuites() {
		faces = append(faces, Face{Suite: suite})
	}
	for _, f := range slices.Clone(faces) {
		for _, h := range certs.Hierarchies() {
			f.Hierarchy = h
			faces = append(faces, f)
		}
	}
	named := map[string]Face{}
	for _, f := range faces {
		if other, is := named[f.Name()]; is {
			t.Errorf("%+v and %+v are both called %q", f, other, f.Name())
		}
		named[f.Name()] = f
	}
	if (Face{}).Name() != (Face{Certificate: certs.Healthy}).Name() {
		t.Error("no profile and the healthy one differ in name")
	}
}

// Every profile is shown to the device and recorded as it is shown; with the same
// serial number each time, but for those of rotation.
func TestShowEveryProfile(t *testing.T) {
	c := start(t, &Cloud{})
	for _, info := range certs.Profiles() {
		if info.Profile == certs.ECDSALeaf {
			continue // see TestShowECDSA
		}
		t.Run(string(info.Profile), func(t *testing.T) {
			recorded := shows(t, c, Face{Certificate: info.Profile})
			var presented [][]byte
			for _, cert := range looks(t, c, 1).PeerCertificates {
				presented = append(presented, cert.Raw)
			}
			if recorded.Name != string(info.Profile) || !slices.EqualFunc(recorded.Chain, presented, bytes.Equal) {
				t.Errorf("recorded %q with %d certificates, presented %d", recorded.Name, len(recorded.Chain), len(presented))
			}
			if recorded.Revocation != "" || recorded.Revoked || recorded.Stapled || recorded.Issuer != "" {
				t.Errorf("recorded as about revocation: %+v", recorded)
			}
			again := shows(t, c, Face{Certificate: info.Profile})
			rotates := slices.Contains([]certs.Profile{certs.RotatedLeaf, certs.RotatedIntermediate}, info.Profile)
			if same := bytes.Equal(again.Chain[0], recorded.Chain[0]); same == rotates {
				t.Errorf("shown again, the leaf is the same: %t", same)
			}
		})
	}
}

// A certificate with an ECDSA key is of use only with suites that fit it; no other
// face takes these.
func TestShowECDSA(t *testing.T) {
	c := start(t, &Cloud{})
	dial := func(suites []uint16) error {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: suites}}).DialContext(bounded(t), "tcp", c.Listen[0].String())
		if err == nil {
			conn.Close()
		}
		return err
	}
	for _, face := range []Face{{}, {Certificate: certs.ECDSALeaf}} {
		shows(t, c, face)
		rsa, ecdsa := dial(transport.SurvivingSuites()), dial(transport.ECDSASuites())
		if fits := face.Certificate == certs.ECDSALeaf; (ecdsa == nil) != fits || (rsa == nil) == fits {
			t.Errorf("%s: with suites of RSA: %v; with those of ECDSA: %v", face.Name(), rsa, ecdsa)
		}
	}
}

// The chain leads to the root of the hierarchy, and to no other.
func TestShowHierarchy(t *testing.T) {
	c := startEvery(t)
	for _, h := range certs.Hierarchies() {
		recorded := shows(t, c, Face{Hierarchy: h})
		presented := looks(t, c, 3).PeerCertificates
		between := x509.NewCertPool()
		for _, cert := range presented[1:] {
			between.AddCert(cert)
		}
		for _, other := range certs.Hierarchies() {
			roots := x509.NewCertPool()
			roots.AddCert(c.Authorities[other].Root())
			_, err := presented[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: c.Region.Proxies.Value[3]})
			if (err == nil) != (other == h) {
				t.Errorf("%s, under the root of %s: %v", h, other, err)
			}
		}
		if !strings.HasSuffix(recorded.Name, "under "+string(h)) {
			t.Errorf("%s is recorded as %q", h, recorded.Name)
		}
	}
	if _, err := start(t, &Cloud{}).Show(Face{Hierarchy: certs.GlobalG3}); err == nil || !strings.Contains(err.Error(), string(certs.GlobalG3)) {
		t.Errorf("a hierarchy that the lab does not have: error %v", err)
	}
}

// Addresses in certificates are those at which the device reaches the proxies.
func TestShowAddresses(t *testing.T) {
	for _, x := range []struct {
		name      string
		advertise []netip.AddrPort
		want      []string
	}{
		{"the proxies' own, each once", nil, []string{"127.0.0.1"}},
		{"advertised ones where there are any", []netip.AddrPort{netip.MustParseAddrPort("192.0.2.11:5061"), netip.MustParseAddrPort("192.0.2.12:5061")}, []string{"192.0.2.11", "192.0.2.12", "127.0.0.1"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t, &Cloud{Advertise: x.advertise})
			shows(t, c, Face{Certificate: certs.IPSAN})
			var got []string
			for _, ip := range looks(t, c, 0).PeerCertificates[0].IPAddresses {
				got = append(got, ip.String())
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("the certificate has the addresses %v, want %v", got, x.want)
			}
		})
	}
}

// Proxies are counted from 0, and a set of them lists each once.
func TestProxies(t *testing.T) {
	for _, want := range [][]int{nil, {0}, {1, 3}, {0, 1, 2, 3}} {
		var p Proxies
		for _, i := range slices.Backward(want) {
			p |= Only(i)
			p |= Only(i)
		}
		if got := p.list(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
