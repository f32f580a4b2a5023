package transport

import (
	"strings"
	"testing"
)

func TestParseSuite(t *testing.T) {
	if len(openSSLNames) != len(EditionSuites(Newer)) {
		t.Errorf("%d names for %d suites", len(openSSLNames), len(EditionSuites(Newer)))
	}
	for _, id := range EditionSuites(Newer) {
		for _, name := range []string{SuiteName(id), openSSLNames[id], strings.ToLower(SuiteName(id))} {
			if got, err := ParseSuite(name); err != nil || got != id {
				t.Errorf("%q is %04x, error %v", name, got, err)
			}
		}
	}
	for _, name := range []string{"", "AES256", "TLS_AES_128_GCM_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"} {
		if got, err := ParseSuite(name); err == nil || !strings.Contains(err.Error(), "TLS_RSA_WITH_AES_256_CBC_SHA") {
			t.Errorf("%q is %04x, error %v", name, got, err)
		}
	}
}
