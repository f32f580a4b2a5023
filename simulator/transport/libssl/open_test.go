//go:build linux && amd64 && !nolibssl

package libssl

import (
	"strings"
	"testing"
)

func TestNoLibrary(t *testing.T) {
	for name, want := range map[string]string{
		"libssl.so.of-another-time": "install OpenSSL 3",
		"libc.so.6":                 "libc.so.6 lacks OPENSSL_init_ssl",
	} {
		if err := open(name, &library{}); err == nil || !strings.HasPrefix(err.Error(), "loading OpenSSL: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
