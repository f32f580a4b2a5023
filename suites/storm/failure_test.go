package storm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"byocheck/simulator/transport/libssl"
)

// system wraps an error as the network does.
func system(err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
}

func TestKinds(t *testing.T) {
	given, cancel := context.WithCancelCause(context.Background())
	cancel(errPatience)
	for _, tt := range []struct {
		name string
		kind func(error, context.Context) failure
		err  error
		ctx  context.Context
		want failure
	}{
		{"refused", connecting, system(syscall.ECONNREFUSED), nil, failure{"TCP connection refused", false}},
		{"reset", connecting, system(syscall.ECONNRESET), nil, failure{"TCP connection reset", false}},
		{"no route", connecting, system(syscall.EHOSTUNREACH), nil, failure{"TCP: no route to host", false}},
		{"no answer", connecting, system(syscall.ETIMEDOUT), nil, failure{"no TCP connection in time", false}},
		{"we gave up", connecting, &net.OpError{Op: "dial", Err: errors.New("operation was canceled")}, given, failure{"no TCP connection in time", false}},
		{"no ports", connecting, system(syscall.EADDRNOTAVAIL), nil, failure{"no local port left on this machine", true}},
		{"no descriptors", connecting, system(syscall.EMFILE), nil, failure{"no socket left on this machine", true}},
		{"alert", shaking, &net.OpError{Op: "remote error", Err: tls.AlertError(40)}, nil, failure{"alert: handshake_failure", false}},
		{"alert of libssl", shaking, libssl.AlertError{Code: 80}, nil, failure{"alert: internal_error", false}},
		{"closed", shaking, io.EOF, nil, failure{"connection closed in the TLS handshake", false}},
		{"closed in a record", shaking, fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), nil, failure{"connection closed in the TLS handshake", false}},
		{"reset in the handshake", shaking, system(syscall.ECONNRESET), nil, failure{"connection reset in the TLS handshake", false}},
		{"gone in the handshake", shaking, system(syscall.EPIPE), nil, failure{"connection reset in the TLS handshake", false}},
		{"too slow", shaking, errPatience, given, failure{"TLS handshake not done in time", false}},
		{"not TLS", shaking, tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, nil, failure{"TLS: tls: first record does not look like a TLS handshake", false}},
		{"what the device says is not trusted", shaking, errors.New("\x1b[31mred\n" + strings.Repeat("é", 200)), nil, failure{"TLS: \ufffd[31mred\ufffd" + strings.Repeat("é", 43) + "…", false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.ctx == nil {
				tt.ctx = context.Background()
			}
			if got := tt.kind(tt.err, tt.ctx); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
