package transport

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

const (
	ecdheGCM256 = tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	ecdheGCM128 = tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	ecdheCBC    = tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
	rsaGCM256   = tls.TLS_RSA_WITH_AES_256_GCM_SHA384
	rsaGCM128   = tls.TLS_RSA_WITH_AES_128_GCM_SHA256
	rsaCBC      = tls.TLS_RSA_WITH_AES_256_CBC_SHA
	chacha      = tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
)

func TestChoose(t *testing.T) {
	all := SurvivingSuites()
	p384 := []tls.CurveID{tls.X25519, P384}
	for _, tt := range []struct {
		name             string
		offered, allowed []uint16
		groups           []tls.CurveID
		want             uint16
		fault            string
	}{
		{"the device's order decides", []uint16{rsaCBC, ecdheGCM256}, all, p384, rsaCBC, ""},
		{"our order does not", []uint16{ecdheCBC, ecdheGCM128, ecdheGCM256}, all, p384, ecdheCBC, ""},
		{"what is not allowed is skipped", []uint16{chacha, 0x1301, ecdheGCM128}, all, p384, ecdheGCM128, ""},
		{"a narrower edition", []uint16{ecdheGCM256, rsaGCM128}, []uint16{rsaGCM128}, p384, rsaGCM128, ""},
		{"without P-384 static RSA", []uint16{ecdheGCM256, ecdheGCM128, ecdheCBC, rsaGCM256}, all, []tls.CurveID{tls.X25519, tls.CurveP256}, rsaGCM256, ""},
		{"static RSA needs no groups", []uint16{rsaGCM128}, all, nil, rsaGCM128, ""},
		{"ECDHE without groups", []uint16{ecdheGCM256}, all, nil, 0, "secp384r1"},
		{"ECDHE without P-384", []uint16{chacha, ecdheCBC}, all, []tls.CurveID{tls.CurveP521}, 0, "secp384r1"},
		{"nothing allowed among them", []uint16{chacha, 0x1301, 0x00ff}, all, p384, 0, "none of the 3 suites offered"},
		{"nothing offered", nil, all, p384, 0, "none of the 0 suites offered"},
		{"nothing allowed at all", all, nil, p384, 0, "none of the 6 suites offered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choose(tt.offered, tt.groups, tt.allowed)
			switch {
			case tt.fault == "" && (err != nil || got != tt.want):
				t.Errorf("got %s, %v, want %s", SuiteName(got), err, SuiteName(tt.want))
			case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("got %s, %v, want an error with %q", SuiteName(got), err, tt.fault)
			}
		})
	}
}

func TestSurvivingSuites(t *testing.T) {
	want := []uint16{ecdheGCM256, ecdheGCM128, ecdheCBC, rsaGCM256, rsaGCM128, rsaCBC}
	got := SurvivingSuites()
	if !slices.Equal(got, want) {
		t.Fatalf("got %x, want %x", got, want)
	}
	got[0] = 0 // a caller's change stays the caller's
	if !slices.Equal(SurvivingSuites(), want) {
		t.Error("a caller could change the list")
	}
}

func TestAlertName(t *testing.T) {
	for code, want := range map[uint8]string{0: "close_notify", 42: "bad_certificate", 48: "unknown_ca", 200: "alert_200"} {
		if got := AlertName(code); got != want {
			t.Errorf("%d: got %s, want %s", code, got, want)
		}
	}
}

func TestEditionSuites(t *testing.T) {
	deprecated := []uint16{0xc028, 0x003d}
	lasting := []uint16{ecdheGCM256, ecdheGCM128, ecdheCBC, rsaGCM256, rsaGCM128, rsaCBC}
	for edition, want := range map[string][]uint16{
		Older:            slices.Concat([]uint16{ecdheGCM256, ecdheGCM128, rsaCBC}, deprecated),
		Newer:            slices.Concat(lasting, deprecated),
		"":               slices.Concat(lasting, deprecated),
		AfterDeprecation: lasting,
	} {
		if got := EditionSuites(edition); !slices.Equal(got, want) {
			t.Errorf("%q: got %x, want %x", edition, got, want)
		}
		if got := LastingSuites(edition); !slices.Equal(got, slices.DeleteFunc(slices.Clone(want), func(s uint16) bool { return slices.Contains(deprecated, s) })) {
			t.Errorf("%q: lasting %x", edition, got)
		}
	}
}
