//go:build !(linux && amd64) || nolibssl

package libssl

import (
	"context"
	"strings"
	"testing"
)

// Without the library nothing works, and everything says so.
func TestAbsent(t *testing.T) {
	_, server := Server(context.Background(), nil, &Config{})
	_, client := Client(context.Background(), nil, &Config{})
	for _, err := range []error{Available(), server, client} {
		if err == nil || !strings.Contains(err.Error(), "loading OpenSSL: ") {
			t.Errorf("got %v", err)
		}
	}
	if v := Version(); v != "" {
		t.Errorf("version %q", v)
	}
}
