package libssl

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
)

// AlertError is the alert that ended a handshake or a connection (RFC 5246 7.2).
type AlertError struct {
	Code uint8
	// Sent: we sent it; otherwise the peer did.
	Sent bool
}

// Error implements error.
func (e AlertError) Error() string {
	verb := "received"
	if e.Sent {
		verb = "sent"
	}
	return fmt.Sprintf("%s alert %d (%s)", verb, e.Code, strings.TrimPrefix(tls.AlertError(e.Code).Error(), "tls: "))
}

// alertLog holds the last fatal alert of each direction of one connection.
type alertLog struct{ received, sent *AlertError }

// alertLogs are those of the connections there are, by SSL*. OpenSSL tells of
// alerts to a callback only, and callbacks are few: all connections share one.
var alertLogs sync.Map

// callbacks are addresses for OpenSSL to call: noteAlert; one that accepts every
// chain (it runs in the middle of the handshake, Verify just after); and one that
// says that an OCSP response is there.
var callbacks struct{ alert, acceptChain, staple uintptr }
