package trust

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// inputRows are what no device should send.
func inputRows() []row {
	lower, upper := lowerCA(), upperCA()
	leaf := lower.leaf()
	chain := []made{leaf, lower, upper}
	raw := func(name string, g grades, says string, chain ...[]byte) row {
		return row{name, nil, func(p *Presented) { p.Chain, p.Answers = chain, lists(leaf, lower, upper) }, g, []string{says}}
	}
	times := func(n int, der []byte) (out [][]byte) {
		for range n {
			out = append(out, der)
		}
		return out
	}
	huge := bytes.Repeat([]byte{0x30}, maxOctets+1)
	// Two authorities that vouch for each other, and eighteen that all do.
	a, b := newRoot(cn("A"), "a"), newRoot(cn("B"), "b")
	ab, ba := a.authority("B", "b"), b.authority("A", "a")
	var same, layers []made
	for range 18 {
		same = append(same, sign(authority(cn("A"), []change{func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://crl.test/"} }}), a, a.key, a.key.Public()))
	}
	// Three certificates each of six authorities in a row: 729 ways to no root.
	top := newRoot(cn("Top"), "top")
	names := []string{"L0", "L1", "L2", "L3", "L4", "L5"}
	issuer := top
	for _, name := range names {
		var next made
		for range 3 {
			next = issuer.authority(name, "layer "+name)
			layers = append(layers, next)
		}
		issuer = next
	}
	return []row{
		{"no certificate", nil, nil, nothing(nil), []string{"presented no certificate"}},
		raw("no certificate, as nil", nothing(nil), "presented no certificate"),
		raw("empty certificate", nothing(grades{StepChain: Bad}), "Certificate 1 of the 1 that the device presents cannot be parsed", nil),
		raw("not a certificate", nothing(grades{StepChain: Bad}), "Certificate 1 of the 2", []byte("junk"), lower.Raw),
		raw("second not a certificate", grades{StepChain: Bad}, "Certificate 2 of the 4", leaf.Raw, []byte("junk"), lower.Raw, upper.Raw),
		raw("last not a certificate", grades{StepChain: Bad}, "Certificate 4 of the 4", leaf.Raw, lower.Raw, upper.Raw, leaf.Raw[:100]),
		raw("octets behind a certificate", badChain(Unknown, nil), "Certificate 3 of the 3", leaf.Raw, lower.Raw, append(bytes.Clone(upper.Raw), 0)),
		raw("very large", nothing(grades{StepChain: Bad}), "has 65537 octets, more than the 65536", huge),
		raw("a thousand times the leaf", badChain(Unknown, nil), "stops at", times(1000, leaf.Raw)...),
		raw("the chain, and a thousand times the leaf", grades{StepChain: Warn}, "The chain of 1003 certificate(s) leads to a trusted root, the lab's CN=Root; only the first 20 were looked at.", append(ders(chain...), times(1000, leaf.Raw)...)...),
		raw("the chain, and a thousand times garbage", grades{StepChain: Bad}, "Certificate 4 of the 1003", append(ders(chain...), times(1000, []byte("junk"))...)...),
		{"in a circle", []made{a.leaf(), ba, ab}, nil, badChain(Unknown, nil), []string{`beyond "CN=B": there is a certificate of its issuer "CN=A", but the chain goes in a circle`}},
		{"in a circle, a root beside", []made{a.leaf(), ba, ab, a}, nil, badChain(OK, grades{StepProvider: Bad}), []string{"root CN=A, which is not trusted"}},
		{"eighteen of one name and key", append([]made{a.leaf()}, same...), nil, badChain(OK, grades{StepProvider: Bad}), []string{"root CN=A, which is not trusted"}},
		{"729 ways", append([]made{issuer.leaf()}, layers...), func(p *Presented) { p.Roots = ders(top) }, grades{StepChain: Warn}, []string{"not in order"}},
		{"729 ways to no root", append([]made{issuer.leaf()}, layers...), nil, badChain(Unknown, nil), []string{"so entangled that no way"}},
		{"negative serial number", chain, func(p *Presented) { p.Chain = ders(chain...); p.Chain[0] = negative(leaf) }, nothing(grades{StepChain: Bad}), []string{"cannot be parsed"}},
	}
}

// negative is a certificate with a serial number that RFC 5280 section 4.1.2.2
// does not allow; its signature is wrong, too.
func negative(m made) []byte {
	number := m.SerialNumber.Bytes()
	at := bytes.Index(m.Raw, append([]byte{2, byte(len(number))}, number...))
	out := bytes.Clone(m.Raw)
	out[at+2] |= 0x80
	if new(big.Int).SetBytes(out[at+2:at+3]).Bit(7) == 0 {
		panic("not negative")
	}
	return out
}

// TestBounded: the work that a device can make.
func TestBounded(t *testing.T) {
	find := func(name string) []made {
		rows := inputRows()
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == name })
		if i < 0 {
			t.Fatalf("no row %q", name)
		}
		return rows[i].chain
	}
	// Many authorities of one name, each certified by the next: who signed what has
	// to be tried.
	const tangled = "A"
	above := newRoot(cn(tangled), "tangled root")
	up := []made{above}
	for i := range 8 {
		above = above.authority(tangled, fmt.Sprint("tangled ", i))
		up = append(up, above)
	}
	chain := []made{above.leaf()}
	for i := range 10 {
		chain = append(chain, newRoot(cn(tangled), fmt.Sprint("stray ", i)))
	}
	chain = append(chain, up...)
	for _, tt := range []struct {
		name               string
		chain              []made
		visits, signatures int
	}{
		{"healthy", []made{lowerCA().leaf(), lowerCA(), upperCA()}, 3, 3},
		{"eighteen of one name and key", find("eighteen of one name and key"), 19, 37},
		{"729 ways to no root", find("729 ways to no root"), maxVisits + 50, 60},
		{"authorities of one name", chain, 20, maxSignatures},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := parse(ders(tt.chain...)).sent
			f := newForest(sent, ders(labRoot()), public())
			f.walk(sent[:1:1])
			if f.visits > tt.visits || len(f.links) > tt.signatures {
				t.Errorf("%d visits and %d signatures, want at most %d and %d", f.visits, len(f.links), tt.visits, tt.signatures)
			}
		})
	}
	r := evaluate(row{chain: chain}.presented(), public())
	if f := r.Find(StepChain); f.Grade != Bad || !strings.Contains(f.Observed, "gave up after 100 signatures") {
		t.Errorf("authorities of one name: %+v", f)
	}
}
