package referencesbc

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
)

// listing says what is special about a list; the zero value is a good one with
// nothing on it.
type listing struct {
	serials    []*big.Int
	this, next time.Duration // from now; an hour ago and in an hour where 0
	extensions []pkix.Extension
	entry      []pkix.Extension
}

func (l listing) of(t testing.TB, by *issuer) []byte {
	t.Helper()
	if l.this == 0 {
		l.this = -time.Hour
	}
	if l.next == 0 {
		l.next = time.Hour
	}
	r := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(l.this), NextUpdate: time.Now().Add(l.next), ExtraExtensions: l.extensions}
	for _, s := range l.serials {
		r.RevokedCertificateEntries = append(r.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: s, RevocationTime: time.Now().Add(-time.Minute), ExtraExtensions: l.entry})
	}
	der, err := x509.CreateRevocationList(rand.Reader, r, by.cert, by.key)
	must(t, err)
	return der
}

// point encodes an issuing distribution point: the tags of its parts as RFC 5280
// 5.2.5 has them, from 1 on, each of them true; url empty leaves the name out.
func point(t testing.TB, critical bool, url string, parts ...int) pkix.Extension {
	t.Helper()
	var body []byte
	add := func(tag int, constructed bool, value []byte) []byte {
		der, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: constructed, Bytes: value})
		must(t, err)
		return der
	}
	if url != "" {
		body = add(0, true, add(0, true, add(6, false, []byte(url))))
	}
	for _, tag := range parts {
		value := []byte{0xff}
		if tag == 3 { // a BIT STRING: keyCompromise
			value = []byte{6, 0x40}
		}
		body = append(body, add(tag, false, value)...)
	}
	der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
	must(t, err)
	return pkix.Extension{Id: oidIssuingDistributionPoint, Critical: critical, Value: der}
}

func TestReadList(t *testing.T) {
	const url = "http://127.0.0.1/a.crl"
	ca := cas(t)["intermediate"]
	leaf := shown{dns: names}.chain(t).Leaf
	mine := []*big.Int{big.NewInt(7), leaf.SerialNumber}
	with := func(e ...pkix.Extension) listing { return listing{serials: mine, extensions: e} }
	unknown := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}} // of a delta list
	light := unknown
	light.Critical = false
	late := &issuer{cert: ca.cert, key: otherKey(t)} // signs with another key
	for _, tt := range []struct {
		name  string
		list  listing
		by    *issuer
		taken bool
	}{
		{"good", listing{serials: mine}, ca, true},
		{"on P-384", listing{serials: mine}, cas(t)["curve"], false}, // of another issuer
		{"of the same key under another name", listing{serials: mine}, cas(t)["impostor"], false},
		{"of the same name with another key", listing{serials: mine}, late, false},
		{"of the issuer above", listing{serials: mine}, cas(t)["root"], false},
		{"stale", listing{serials: mine, next: -time.Second}, ca, false},
		{"of the future", listing{serials: mine, this: time.Minute}, ca, false},
		{"for this address", with(point(t, true, url)), ca, true},
		{"for another address", with(point(t, true, "http://127.0.0.1/b.crl")), ca, false},
		{"for no address", with(point(t, true, "")), ca, true},
		{"for users", with(point(t, true, url, 1)), ca, true},
		{"for CAs", with(point(t, true, url, 2)), ca, false},
		{"for some reasons", with(point(t, true, url, 3)), ca, false},
		{"indirect", with(point(t, true, url, 4)), ca, false},
		{"for attribute certificates", with(point(t, true, url, 5)), ca, false},
		{"for CAs, not critical", with(point(t, false, url, 2)), ca, false},
		{"with a broken point", with(pkix.Extension{Id: oidIssuingDistributionPoint, Critical: true, Value: []byte{0x30, 1}}), ca, false},
		{"a delta", with(unknown), ca, false},
		{"with an extension that does not matter", with(light), ca, true},
		{"with an entry that is not understood", listing{serials: mine, entry: []pkix.Extension{unknown}}, ca, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			der := tt.list.of(t, tt.by)
			r, err := readList(der, url, leaf, ca.cert, time.Now())
			if (err == nil) != tt.taken {
				t.Errorf("error %v", err)
			}
			if _, revoked := r.revoked[leaf.SerialNumber.String()]; revoked != tt.taken || tt.taken && len(r.revoked) != 2 {
				t.Errorf("it says %v", r.revoked)
			}
			if tt.taken && !r.until.Before(time.Now().Add(time.Hour)) {
				t.Errorf("it is good until %v", r.until)
			}
		})
	}
	for name, der := range map[string][]byte{"nothing": nil, "garbage": []byte("<html>"), "cut off": listing{}.of(t, ca)[:100]} {
		if _, err := readList(der, url, leaf, ca.cert, time.Now()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := readList(with(point(t, true, url, 1)).of(t, ca), url, ca.cert, ca.cert, time.Now()); err == nil {
		t.Error("a list for users is taken for a CA")
	}
	endless := withoutNext(t, listing{serials: mine}.of(t, ca), ca)
	if _, err := readList(endless, url, leaf, ca.cert, time.Now()); err == nil {
		t.Error("a list without a nextUpdate is taken")
	}
}

// withoutNext takes the nextUpdate out of a list and signs it again.
func withoutNext(t *testing.T, der []byte, by *issuer) []byte {
	t.Helper()
	var list struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(der, &list)
	must(t, err)
	var parts []byte
	dates := 0
	for rest := list.TBS.Bytes; len(rest) > 0; {
		var part asn1.RawValue
		rest, err = asn1.Unmarshal(rest, &part)
		must(t, err)
		if part.Tag == asn1.TagUTCTime && part.Class == asn1.ClassUniversal {
			if dates++; dates == 2 {
				continue
			}
		}
		parts = append(parts, part.FullBytes...)
	}
	tbs, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: parts})
	must(t, err)
	list.TBS = asn1.RawValue{FullBytes: tbs}
	list.Signature = asn1.BitString{Bytes: signed(t, by, tbs), BitLength: by.key.Public().(interface{ Size() int }).Size() * 8}
	der, err = asn1.Marshal(list)
	must(t, err)
	return der
}

// quickCA is a CA whose keys take a fuzzing process no time to make.
func quickCA(t testing.TB) *issuer {
	return authority(t, "SIMULATED quick root", curveKey(t), nil, nil)
}

func FuzzReadList(f *testing.F) {
	ca := quickCA(f)
	leaf := shown{dns: names, key: curveKey}.of(f, ca).Leaf
	f.Add(listing{serials: []*big.Int{leaf.SerialNumber}}.of(f, ca))
	f.Add(listing{extensions: []pkix.Extension{point(f, true, "http://127.0.0.1/a.crl", 1)}}.of(f, ca))
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, err := readList(der, "http://127.0.0.1/a.crl", leaf, ca.cert, time.Now()); err == nil && len(der) == 0 {
			t.Error("nothing is a list")
		}
	})
}

// The part of a list that needs no signature to get at our code.
func FuzzScope(f *testing.F) {
	f.Add(point(f, true, "http://127.0.0.1/a.crl", 1).Value, "http://127.0.0.1/a.crl", true)
	f.Add(point(f, true, "http://127.0.0.1/a.crl").Value, "http://127.0.0.1/a.crl", true)
	f.Add(point(f, true, "", 3, 4).Value, "", false)
	f.Fuzz(func(t *testing.T, der []byte, url string, ca bool) {
		if scope(der, url, ca) == nil && scope(append(der, 0), url, ca) == nil {
			t.Error("what follows it is not seen")
		}
	})
}
