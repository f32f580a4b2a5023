package judge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// keys are made once: one that all certificates have, another for issuers that
// only bear the right name, and keys of RSA.
var keys = sync.OnceValue(func() (k [4]crypto.Signer) {
	for i, bits := range []int{0, 0, rsaKey: 2048, shortKey: 1024} {
		var err error
		if bits == 0 {
			k[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		} else {
			k[i], err = rsa.GenerateKey(rand.Reader, bits)
		}
		if err != nil {
			panic(err)
		}
	}
	return k
})

// Indices into keys.
const (
	rsaKey   = 2
	shortKey = 3
)

// cert is a certificate to be made.
type cert struct {
	subject, issuer string
	ca              bool
	key, signer     int // indices into keys
	from, to        int // days from when the scenario was played; 0 to 0 is valid
	dns             []string
	ips             []net.IP
	uris            []*url.URL
	serial          int64 // 0 is 1
	alter           func(*x509.Certificate)
}

func (x cert) der() []byte {
	if x.from == 0 && x.to == 0 {
		x.from, x.to = -100, 300
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(max(1, x.serial)), Subject: pkix.Name{CommonName: x.subject},
		NotBefore: played.AddDate(0, 0, x.from), NotAfter: played.AddDate(0, 0, x.to),
		BasicConstraintsValid: true, IsCA: x.ca, DNSNames: x.dns, IPAddresses: x.ips, URIs: x.uris,
	}
	if x.ca {
		tmpl.KeyUsage = x509.KeyUsageCertSign
	}
	if x.alter != nil {
		x.alter(tmpl)
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: x.issuer}}
	b, err := x509.CreateCertificate(rand.Reader, tmpl, parent, keys()[x.key].Public(), keys()[x.signer])
	if err != nil {
		panic(err)
	}
	return b
}

// The lab's hierarchy of two intermediates, and its leaf for the target.
var (
	root    = cert{subject: "Root", issuer: "Root", ca: true, from: -1000, to: 4000}
	upper   = cert{subject: "Upper CA", issuer: "Root", ca: true}
	lower   = cert{subject: "Lower CA", issuer: "Upper CA", ca: true}
	leaf    = cert{subject: "sbc.customer.test", issuer: "Lower CA", dns: []string{"sbc.customer.test"}}
	stray   = cert{subject: "Stray Root", issuer: "Stray Root", ca: true}
	selfish = cert{subject: "sbc.customer.test", issuer: "sbc.customer.test"}
)

// presents is a handshake of the cloud's in which the device shows certificates.
func presents(certs ...cert) step {
	return dial(ourHello, shows(certs...), ourFlight, finished)
}

func shows(certs ...cert) act {
	var chain [][]byte
	for _, c := range certs {
		chain = append(chain, c.der())
	}
	return func(w *wire, l link) {
		flight(w, l)
		w.emit(l, record.PeerChain{Certificates: chain})
	}
}

func trusting(steps ...step) Case {
	return with(one(steps...), func(c *Case) { c.Roots = [][]byte{root.der()} })
}

// changed returns the certificate with a change.
func (x cert) changed(change func(*cert)) cert {
	change(&x)
	return x
}

func chainCases() []expected {
	expired := func(x *cert) { x.from, x.to = -90, -10 }
	unsigned := upper.changed(func(x *cert) { x.key = 1 }) // the right name, another key
	cases := []expected{
		{"complete", trusting(presents(leaf, lower, upper)), Pass, []string{"3 certificate(s) leads to a trusted root"}, []string{"tls.peer-chain"}},
		{"complete with the root", trusting(presents(leaf, lower, upper, root)), Pass, nil, nil},
		{"signed by the root itself", trusting(presents(leaf.changed(func(x *cert) { x.issuer = "Root" }))), Pass, []string{"1 certificate(s)"}, nil},
		{"leaf expired", trusting(presents(leaf.changed(expired), lower, upper)), Pass, nil, nil},
		{"leaf not yet valid", trusting(presents(leaf.changed(func(x *cert) { x.from, x.to = 10, 20 }), lower, upper)), Pass, nil, nil},
		{"intermediate expired", trusting(presents(leaf, lower.changed(expired), upper)), Pass, nil, nil},
		{"no two dates in common", trusting(presents(leaf.changed(func(x *cert) { x.from, x.to = -900, -800 }), lower, upper)), Pass, nil, nil},
		{"shown before the handshake fails", trusting(dial(ourHello, shows(leaf, lower, upper), alert("decrypt_error"))), Pass, nil, nil},
		{"second connection shows it", trusting(dial(refusesUs), presents(leaf, lower, upper)), Pass, nil, nil},

		// RFC 5246 7.4.2 wants them in order, and nothing else; clients go on.
		{"in the wrong order", trusting(presents(leaf, root, upper, lower)), Warn, []string{"leads to a trusted root", "not in order: certificate 2, CN=Root"}, []string{"tls.peer-chain"}},
		{"with a certificate that does not belong", trusting(presents(leaf, stray, lower, upper)), Warn, []string{"certificate 2, CN=Stray Root", "Leave out what does not belong"}, nil},
		{"with an old certificate that does not belong", trusting(presents(leaf, lower, upper, stray.changed(func(x *cert) { x.from, x.to = -3000, -2000 }))), Warn, []string{"certificate 4, CN=Stray Root"}, nil},
		{"leaf expired, an old certificate beside", trusting(presents(leaf.changed(expired), lower, upper, stray.changed(func(x *cert) { x.from, x.to = -3000, -80 }))), Warn, []string{"certificate 4"}, nil},

		{"leaf only", trusting(presents(leaf)), Fail, []string{`stops at "CN=sbc.customer.test"`, `issuer "CN=Lower CA" was neither sent`}, []string{"tls.peer-chain"}},
		{"one intermediate missing", trusting(presents(leaf, lower)), Fail, []string{`stops at "CN=Lower CA"`, `issuer "CN=Upper CA"`}, nil},
		{"the first intermediate missing", trusting(presents(leaf, upper, root)), Fail, []string{`issuer "CN=Lower CA"`}, nil},
		{"leaf only, and expired", trusting(presents(leaf.changed(expired))), Fail, []string{`issuer "CN=Lower CA"`}, nil},
		{"self-signed", trusting(presents(selfish)), Fail, []string{"self-signed", "byocheck certs issue"}, nil},
		{"unknown root", trusting(presents(leaf.changed(func(x *cert) { x.issuer = "Stray Root" }), stray)), Fail, []string{"root CN=Stray Root, which is not trusted"}, nil},
		{"unknown root not sent", trusting(presents(leaf.changed(func(x *cert) { x.issuer = "Stray Root" }))), Fail, []string{`issuer "CN=Stray Root"`, "not trusted here"}, nil},
		{"intermediate of the same name with another key", trusting(presents(leaf, lower, unsigned)), Fail, []string{"No certificate is missing", `beyond "CN=Lower CA"`}, nil},
		{"intermediate that is no CA", trusting(presents(leaf, lower.changed(func(x *cert) { x.ca = false }), upper)), Fail, []string{"No certificate is missing", "must be marked"}, nil},
		{"not a certificate", trusting(presentsBytes("junk")), Fail, []string{"Certificate 1 of the 1", "cannot be parsed"}, nil},
		{"second not a certificate", trusting(presentsBytes(string(leaf.der()), "junk")), Fail, []string{"Certificate 2 of the 2"}, nil},

		{"no root in the case", one(presents(leaf, lower, upper)), Error, []string{"no readable trusted root"}, nil},
		{"unreadable root in the case", with(one(presents(leaf, lower, upper)), func(c *Case) { c.Roots = [][]byte{[]byte("junk")} }), Error, []string{"no readable trusted root"}, nil},
	}
	return append(cases, nothingPresented(trusting)...)
}

func nameCases() []expected {
	name := func(name string, status Status, says, target string, change func(*cert)) expected {
		x := leaf
		x.subject, x.dns = "", nil
		change(&x)
		return expected{name, with(one(presents(x)), func(c *Case) { c.Target = target }), status, []string{says}, []string{"tls.peer-chain"}}
	}
	dns := func(names ...string) func(*cert) { return func(x *cert) { x.dns = names } }
	address := func(name, target string) expected {
		return expected{name, with(one(presents(leaf)), func(c *Case) { c.Target = target }), Fail, []string{"is an IP address", "Give the device a DNS name"}, nil}
	}
	ip := func(x *cert) { x.ips = []net.IP{net.IPv4(192, 0, 2, 7)} }
	uri, _ := url.Parse("sip:sbc.customer.test")
	cases := []expected{
		name("dNSName", Pass, `dNSName "sbc.customer.test"`, "sbc.customer.test", dns("sbc.customer.test")),
		name("dNSName among others", Pass, `dNSName "sbc.customer.test"`, "sbc.customer.test", dns("other.test", "sbc.customer.test")),
		name("letter case", Pass, "SBC.Customer.Test", "sbc.customer.TEST", dns("SBC.Customer.Test")),
		name("trailing dot in the target", Pass, "dNSName", "sbc.customer.test.", dns("sbc.customer.test")),
		name("common name only", Pass, "but no such dNSName", "sbc.customer.test", func(x *cert) { x.subject = "SBC.customer.test" }),
		name("common name beside another dNSName", Pass, "but no such dNSName", "sbc.customer.test", func(x *cert) { x.subject, x.dns = "sbc.customer.test", []string{"other.test"} }),

		name("another name", Fail, `names "cn.test" (common name), "other.test", but not "sbc.customer.test"`, "sbc.customer.test", func(x *cert) { x.subject, x.dns = "cn.test", []string{"other.test"} }),
		name("wildcard", Fail, "Wildcards and IP addresses do not count", "sbc.customer.test", dns("*.customer.test")),
		name("wildcard as common name", Fail, "Wildcards", "sbc.customer.test", func(x *cert) { x.subject = "*.customer.test" }),
		name("the domain above", Fail, `names "customer.test"`, "sbc.customer.test", dns("customer.test")),
		name("the name below", Fail, "a.sbc.customer.test", "sbc.customer.test", dns("a.sbc.customer.test")),
		name("two trailing dots", Fail, "is no host name", "sbc.customer.test..", dns("sbc.customer.test")),
		name("IP address only", Fail, "names 192.0.2.7", "sbc.customer.test", ip),
		name("URI only", Fail, "sip:sbc.customer.test", "sbc.customer.test", func(x *cert) { x.uris = []*url.URL{uri} }),
		name("no name at all", Fail, "holds no name at all", "sbc.customer.test", dns()),
		address("IPv4 target", "192.0.2.7"),
		address("IPv6 target", "2001:db8::7"),
		address("IPv6 target in brackets", "[2001:db8::7]"),
		{"IP target, the address in the certificate", with(one(presents(leaf.changed(ip))), func(c *Case) { c.Target = "192.0.2.7" }), Fail, []string{"is an IP address"}, nil},
		{"IP target, the device unreachable", with(one(notDialled("unreachable")), func(c *Case) { c.Target = "192.0.2.7" }), Fail, []string{"is an IP address"}, nil},
		{"not a certificate", one(presentsBytes("junk")), Inconclusive, []string{"Certificate 1 of the 1", "cannot be parsed"}, []string{"tls.peer-chain"}},
		{"second not a certificate", one(presentsBytes(string(leaf.der()), "junk")), Pass, nil, nil},
		{"no target", with(one(presents(leaf)), func(c *Case) { c.Target = "" }), Error, []string{"does not say"}, nil},
	}
	return append(cases, nothingPresented(one)...)
}

// nothingPresented are the ways in which no certificate comes to be seen.
func nothingPresented(made func(...step) Case) []expected {
	return []expected{
		{"unreachable", made(notDialled("unreachable: connection refused")), Inconclusive, []string{"presented no certificate", "connection refused"}, []string{"tcp.dialled"}},
		{"handshake fails", made(dial(refusesUs)), Inconclusive, []string{"presented no certificate", "handshake failure"}, []string{"tls.handshake-failed"}},
		{"handshake under way", made(dial(ourHello)), Inconclusive, []string{"had not come to an end"}, nil},
		{"empty chain", made(presents()), Error, []string{"presented no certificate", "nothing was recorded"}, nil},
		{"shown under the former profile only", made(earlier(presents(leaf, lower, upper))), Error, []string{"nothing was recorded"}, nil},
		{"nothing kept", made(flooded), Inconclusive, []string{"17 could not be kept"}, nil},
		{"our own mishap", made(stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
	}
}

func presentsBytes(chain ...string) step {
	return dial(func(w *wire, l link) {
		var b [][]byte
		for _, c := range chain {
			b = append(b, []byte(c))
		}
		w.emit(l, record.PeerChain{Certificates: b})
	})
}

// TestChainAsksNoClock: crypto/x509 takes the zero time for the present one.
func TestChainAsksNoClock(t *testing.T) {
	c := trusting(presents(leaf.changed(func(x *cert) { x.from, x.to = -40000, -30000 }), lower, upper))
	c.Now = time.Time{}
	if v := ChainComplete(c); v.Status != Fail {
		t.Errorf("%s without a common date: %s", v.Status, v.Observed)
	}
	c = trusting(presents(leaf, lower, upper))
	c.Now = time.Time{}
	if v := ChainComplete(c); v.Status != Pass {
		t.Errorf("%s without the time of the run: %s", v.Status, v.Observed)
	}
}
