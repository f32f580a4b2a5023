package judge

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"byocheck/simulator/record"
)

// usual are the suites of a device that is set up rightly.
var usual = []uint16{0xc030, 0xc02f, 0x009d}

// greeted is a ClientHello with changes to one that is right in every way.
func greeted(change func(*record.ClientHello)) act {
	return func(w *wire, l link) {
		h := record.ClientHello{ServerName: "lb01.voice.use1.pure.cloud", Versions: []uint16{0x0303}, Suites: usual, Groups: []uint16{24, 23},
			SignatureSchemes: []uint16{0x0401, 0x0503}, Extensions: []uint16{0, 10, 13}}
		if change != nil {
			change(&h)
		}
		w.emit(l, in(22, 1))
		w.emit(l, h)
		w.emit(l, out(22, 2, 11, 12, 14))
	}
}

// offering is a connection of the device with such a ClientHello, and SIP over it.
func offering(change func(*record.ClientHello)) step {
	return device("lb01", greeted(change), ends, sends("INVITE"))
}

// refusedUs is a connection with such a ClientHello that we cannot go on with.
func refusedUs(change func(*record.ClientHello)) step {
	return device("lb01", greeted(change), ourAlert, fin)
}

// suites, groups and versions change that field.
func withSuites(all ...uint16) func(*record.ClientHello) {
	return func(h *record.ClientHello) { h.Suites = all }
}
func withGroups(all ...uint16) func(*record.ClientHello) {
	return func(h *record.ClientHello) { h.Groups = all }
}
func withVersions(all ...uint16) func(*record.ClientHello) {
	return func(h *record.ClientHello) { h.Versions = all }
}
func withSchemes(all ...uint16) func(*record.ClientHello) {
	return func(h *record.ClientHello) { h.SignatureSchemes = all }
}

// also makes one change of two.
func also(a, b func(*record.ClientHello)) func(*record.ClientHello) {
	return func(h *record.ClientHello) { a(h); b(h) }
}

// inEdition makes a case of an edition.
func inEdition(edition string, all ...step) Case {
	return with(one(all...), func(c *Case) { c.Edition = edition })
}

// offerCases are alike for all judges of the ClientHello.
func offerCases(more ...expected) []expected {
	return append([]expected{
		{"no ClientHello: idle", one(), Inconclusive, []string{"Nothing of the device"}, nil},
		{"no ClientHello: bare TCP", one(device("lb01", fin)), Inconclusive, []string{"began no TLS handshake"}, nil},
		{"no ClientHello: only a foreign peer's", one(foreign), Inconclusive, []string{"device.sources"}, nil},
		{"no ClientHello: only in an earlier profile", one(earlier(offering(nil))), Inconclusive, []string{"Nothing of the device"}, nil},
		{"no ClientHello: only the cloud's own", one(dial(ourHello)), Inconclusive, []string{"Nothing of the device"}, nil},
		{"as it should be", one(offering(nil)), Pass, nil, []string{"tls.client-hello"}},
		{"as it should be, the call failing for another reason", one(device("lb01", greeted(nil), alert("unknown_ca"))), Pass, nil, nil},
		{"as it should be, with GREASE and signals", one(offering(func(h *record.ClientHello) {
			h.Suites = slices.Concat([]uint16{0x3a3a}, usual, []uint16{0x00ff, 0x5600})
			h.Groups, h.Versions, h.Extensions = []uint16{0xfafa, 24}, []uint16{0x1a1a, 0x0304, 0x0303}, append(h.Extensions, 0xdada)
		})), Pass, nil, nil},
		{"as it should be, without SNI beside the call", one(device("lb02", greeted(func(h *record.ClientHello) { h.ServerName = "" }), fin), offering(nil)), Pass, nil, nil},
	}, more...)
}

func survivingCases() []expected {
	was, works := inEdition("older", offering(withSuites(0xc028, 0x003d))), []string{"offers only TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, TLS_RSA_WITH_AES_256_CBC_SHA256", "fails when they are removed"}
	return offerCases([]expected{
		{"one that stays beside deprecated ones", one(offering(withSuites(0x003d, 0x0035))), Pass, []string{"1 of the suites that stay: TLS_RSA_WITH_AES_256_CBC_SHA."}, nil},
		{"only deprecated ones", one(offering(withSuites(0xc028, 0x003d))), Warn, append(works, "TLS_RSA_WITH_AES_128_GCM_SHA256"), nil},
		{"only deprecated ones, older edition", was, Warn, append(works, "one of: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_CBC_SHA."), nil},
		{"only deprecated ones, after the removal", inEdition("after-deprecation", refusedUs(withSuites(0xc028, 0x003d))), Fail, []string{"None of the 2 suites"}, []string{"tls.client-hello"}},
		{"one of the newer edition alone, in the older", inEdition("older", refusedUs(withSuites(0x009d))), Fail, []string{"None of the 1 suites"}, nil},
		{"one of the newer edition alone", one(offering(withSuites(0x009d))), Pass, nil, nil},
		{"none of the specification", one(refusedUs(withSuites(0x3a3a, 0xc02b, 0x009e, 0x00ff, 0x5600))), Fail, []string{"None of the 2 suites", "Enable on the device one of"}, nil},
		{"only signals", one(refusedUs(withSuites(0x00ff))), Fail, []string{"None of the 0 suites"}, nil},
		{"TLS 1.3 suites only", one(refusedUs(withSuites(0x1301, 0x1302, 0x1303))), Fail, []string{"None of the 3 suites"}, nil},
		{"one connection with, one without", one(refusedUs(withSuites(0xc02b)), offering(nil)), Warn, []string{"On 1 of 2 connections: None", "On the others the device offers what is needed"}, nil},
	}...)
}

func p384Cases() []expected {
	return offerCases([]expected{
		{"no ECDHE", one(offering(also(withSuites(0x009d, 0x0035), withGroups()))), Pass, []string{"no ECDHE suite", "no forward secrecy"}, nil},
		{"no ECDHE of the specification", one(offering(also(withSuites(0xc013, 0xcca8, 0x0035), withGroups(29)))), Pass, []string{"no ECDHE suite of the specification"}, nil},
		{"ECDHE without the curve, RSA beside it", one(offering(also(withSuites(0xc030, 0x009d), withGroups(29, 23)))), Warn, []string{"its groups: x25519, secp256r1", "falls back to TLS_RSA_WITH_AES_256_GCM_SHA384"}, nil},
		{"ECDHE without the curve, only a deprecated RSA beside it", one(offering(also(withSuites(0xc030, 0x003d), withGroups(29)))), Warn, []string{"What is left is TLS_RSA_WITH_AES_256_CBC_SHA256, which is to be removed"}, nil},
		{"the same after the removal", inEdition("after-deprecation", refusedUs(also(withSuites(0xc030, 0x003d), withGroups(29)))), Fail, []string{"only ECDHE ones"}, nil},
		{"ECDHE without the curve, RSA of the newer edition, in the older", inEdition("older", refusedUs(also(withSuites(0xc030, 0x009d), withGroups(29)))), Fail, []string{"no connection is possible"}, nil},
		{"ECDHE only, without the curve", one(refusedUs(also(withSuites(0xc030, 0xc02f), withGroups(0x2a2a, 29, 4588)))), Fail, []string{"its groups: GREASE, x25519, X25519MLKEM768", "Enable the curve secp384r1"}, nil},
		{"ECDHE, an empty list of curves", one(refusedUs(also(withSuites(0xc030), withGroups()))), Fail, []string{"its groups: none"}, nil},
		{"ECDHE, no list of curves", one(refusedUs(func(h *record.ClientHello) { h.Groups, h.Extensions = nil, []uint16{13} })), Warn, []string{"names no curve", "RFC 8422 section 4"}, nil},
		{"one connection with, one without", one(refusedUs(also(withSuites(0xc030), withGroups(29))), offering(nil)), Warn, []string{"On 1 of 2 connections"}, nil},
	}...)
}

func tls12Cases() []expected {
	return offerCases([]expected{
		{"1.3 beside it", one(offering(withVersions(0x0304, 0x0303))), Pass, []string{"TLS 1.3, TLS 1.2"}, nil},
		{"a draft of 1.3 beside it", one(offering(withVersions(0x7f1c, 0x0303))), Pass, []string{"0x7F1C, TLS 1.2"}, nil},
		{"older ones beside it", one(offering(withVersions(0x0303, 0x0302, 0x0301))), Warn, []string{"beside it TLS 1.1, TLS 1.0, which RFC 8996 forbids"}, nil},
		{"1.3 only", one(refusedUs(withVersions(0x0a0a, 0x0304))), Fail, []string{"does not offer TLS 1.2; it offers: TLS 1.3."}, []string{"tls.client-hello"}},
		{"1.0 only", one(refusedUs(withVersions(0x0301))), Fail, []string{"it offers: TLS 1.0."}, nil},
		{"no version at all", one(refusedUs(withVersions(0x0a0a))), Fail, []string{"it offers: none."}, nil},
		{"begins with 1.0, then 1.2", one(refusedUs(withVersions(0x0301)), offering(nil)), Warn, []string{"On 1 of 2 connections"}, nil},
	}...)
}

func weakOfferCases() []expected {
	bad := func(name, says string, all ...uint16) expected {
		return expected{name, one(offering(withSuites(append(all, usual...)...))), Fail, []string{says, "Remove them"}, []string{"tls.client-hello"}}
	}
	return offerCases([]expected{
		bad("NULL", "offers TLS_RSA_WITH_NULL_SHA, TLS_ECDH_RSA_WITH_NULL_SHA.", 0x0002, 0xc00b),
		bad("RC4", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xc011), bad("3DES", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a),
		bad("anonymous", "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA", 0x0089), bad("export", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", 0x0003),
		bad("Kerberos with DES", "TLS_KRB5_WITH_DES_CBC_SHA", 0x001e),
		{"one connection of two", one(offering(nil), device("lb02", greeted(withSuites(0x000a)), fin)), Fail, []string{"offers TLS_RSA_WITH_3DES_EDE_CBC_SHA."}, nil},
		{"old but not weak", one(offering(withSuites(0x002f, 0x0039, 0x0041, 0x0096))), Pass, []string{"None of the 4 suites"}, nil},
		{"signals are no suites", one(offering(withSuites(0x0a0a, 0x0035, 0x00ff, 0x5600))), Pass, []string{"None of the 1 suites"}, nil},
	}...)
}

func signatureCases() []expected {
	return offerCases([]expected{
		{"PSS in place of PKCS1", one(offering(withSchemes(0x0804, 0x0503))), Pass, []string{"among 2"}, nil},
		{"none sent", one(offering(withSchemes())), Fail, []string{"SHA-1 only"}, nil},
		{"RSA only", one(offering(withSchemes(0x0401, 0x0501))), Fail, []string{"does not offer ecdsa_secp384r1_sha384"}, nil},
		{"ECDSA with P-256 only", one(offering(withSchemes(0x0401, 0x0403))), Fail, []string{"does not offer ecdsa_secp384r1_sha384"}, nil},
		{"ECDSA only", one(offering(withSchemes(0x0503))), Fail, []string{"no signature of RSA"}, nil},
		{"SHA-1 only", one(offering(withSchemes(0x0201, 0x0203))), Fail, []string{"no signature of RSA with SHA-256"}, nil},
		{"in a list of its own for certificates", one(offering(func(h *record.ClientHello) {
			h.SignatureSchemes, h.CertificateSchemes = []uint16{0x0401}, []uint16{0x0503, 0x0401}
		})), Pass, []string{"among 2 signature algorithms in its list for certificates"}, nil},
		{"not in a list of its own for certificates", one(offering(func(h *record.ClientHello) {
			h.CertificateSchemes = []uint16{0x0401}
		})), Fail, []string{"does not offer ecdsa_secp384r1_sha384 in its list for certificates"}, nil},
		{"one connection with, one without", one(offering(withSchemes(0x0401)), offering(nil)), Warn, []string{"On 1 of 2"}, nil},
	}...)
}

func fingerprintCases() []expected {
	return offerCases(expected{"as told", one(offering(func(h *record.ClientHello) {
		h.Suites, h.ServerName = []uint16{0x3a3a, 0xc030, 0x00ff}, ""
	})), Pass, []string{"TLS 1.2; no SNI; suites: 1, groups: 2, extensions: 3, with GREASE (RFC 8701)."}, nil})
}

// TestFingerprintTells: what stands in the witnesses is the same from run to run,
// and other ClientHellos are told beside the first.
func TestFingerprintTells(t *testing.T) {
	made := func(grease uint16) []string {
		return Fingerprint(one(offering(withSuites(grease, 0xc030, 0x00ff, 0xeeee)), offering(nil), offering(nil))).Witnesses
	}
	v := made(0x1a1a)
	if !slices.Equal(v, made(0xfafa)) {
		t.Errorf("GREASE makes a difference: %q, %q", v, made(0xfafa))
	}
	for _, want := range []string{"suites: GREASE, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_EMPTY_RENEGOTIATION_INFO_SCSV, 0xEEEE", "groups: secp384r1, secp256r1",
		"signature algorithms: 0401, 0503", "extensions: 0000, 000a, 000d", `another ClientHello: TLS 1.2; SNI "lb01.voice.use1.pure.cloud"; suites: 3, groups: 2, extensions: 3.`} {
		if !slices.Contains(v, want) {
			t.Errorf("no witness %q in %q", want, v)
		}
	}
	if len(v) != 5 {
		t.Errorf("witnesses %q", v)
	}
}

// TestNamesOfSuites: those that crypto/tls names have the same names here.
func TestNamesOfSuites(t *testing.T) {
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if got := SuiteName(s.ID); got != s.Name {
			t.Errorf("%#04x is %s, want %s", s.ID, got, s.Name)
		}
	}
	for id, name := range weakSuites {
		if otherSuites[id] != "" || !strings.Contains(name, "NULL") && !strings.Contains(name, "EXPORT") && !strings.Contains(name, "anon") && !strings.Contains(name, "RC4") && !strings.Contains(name, "DES") {
			t.Errorf("%#04x %s is not weak, or stands twice", id, name)
		}
	}
	for id, name := range otherSuites {
		if strings.Contains(name, "NULL") || strings.Contains(name, "anon") || strings.Contains(name, "RC4") || strings.Contains(name, "DES") {
			t.Errorf("%#04x %s is weak", id, name)
		}
	}
	if !slices.IsSorted(WeakSuites()) || len(WeakSuites()) != len(weakSuites) {
		t.Errorf("%d weak suites", len(WeakSuites()))
	}
}
