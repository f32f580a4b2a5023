package storm

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode"

	"byocheck/simulator/transport"
)

// errPatience is the cause of a handshake that we gave up.
var errPatience = errors.New("not done in time")

// failure is a kind of handshake that came to nothing.
type failure struct {
	kind string
	ours bool // this machine could not do it, whatever the device would have done
}

// connecting tells the kind of a TCP connect that failed.
func connecting(err error, ctx context.Context) failure {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EADDRINUSE):
		return failure{"no local port left on this machine", true}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		return failure{"no socket left on this machine", true}
	case errors.Is(err, syscall.ECONNREFUSED):
		return failure{"TCP connection refused", false}
	case errors.Is(err, syscall.ECONNRESET):
		return failure{"TCP connection reset", false}
	case timedOut(err, ctx):
		return failure{"no TCP connection in time", false}
	}
	return failure{"TCP: " + innermost(err), false}
}

// shaking tells the kind of a TLS handshake that failed.
func shaking(err error, ctx context.Context) failure {
	if code, is := transport.AlertOf(err); is {
		return failure{"alert: " + transport.AlertName(code), false}
	}
	switch {
	case timedOut(err, ctx):
		return failure{"TLS handshake not done in time", false}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failure{"connection closed in the TLS handshake", false}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return failure{"connection reset in the TLS handshake", false}
	}
	return failure{"TLS: " + innermost(err), false}
}

func timedOut(err error, ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errPatience) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

// innermost is what the deepest error says, short and printable: it may quote the
// device.
func innermost(err error) string {
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, err.Error())
	if len(text) > 100 {
		text = strings.ToValidUTF8(text[:100], "") + "…"
	}
	return text
}
