package revocation

import "fmt"

// State is how the server behaves for one issuer.
type State string

const (
	// Good answers at once and rightly.
	Good State = "good"
	// Stale answers with lists and statuses that should have been replaced.
	Stale State = "stale"
	// Unreachable reads the request and resets the connection. To refuse the
	// connection would be more like a dead server, but would leave no trace of who
	// asked: a device that went on in spite of it could not be told from one that
	// never asked.
	Unreachable State = "unreachable"
	// Silent reads the request and does not answer.
	Silent State = "silent"
	// Slow answers rightly after Server.SlowBy.
	Slow State = "slow"
	// WrongSignature answers with lists and statuses that another key has signed.
	WrongSignature State = "wrong-signature"
	// NotFound answers with HTTP status 404.
	NotFound State = "not-found"
	// ServerError answers with HTTP status 500.
	ServerError State = "server-error"
	// Huge has Server.HugeEntries other certificates on the list.
	Huge State = "huge"
)

// StateInfo says what a state is, for people.
type StateInfo struct {
	State    State
	Sentence string // what a client meets, in one sentence
}

var states = []StateInfo{
	{Good, "The list and the status come at once, in date and signed by the issuer."},
	{Stale, "The list and the status are signed by the issuer but ran out hours ago."},
	{Unreachable, "The connection is reset as soon as the request was sent."},
	{Silent, "The request is taken and never answered."},
	{Slow, "The right answer comes, but late: after 3 s unless set otherwise."},
	{WrongSignature, "The list and the status look right, but a key that is not the issuer's has signed them."},
	{NotFound, "The server says 404 Not Found."},
	{ServerError, "The server says 500 Internal Server Error."},
	{Huge, "The list is right and long, 100 000 entries unless set otherwise; the status is as usual."},
}

// States lists every state, the healthy one first.
func States() []StateInfo { return append([]StateInfo(nil), states...) }

func (st State) check() error {
	for _, info := range states {
		if info.State == st {
			return nil
		}
	}
	return fmt.Errorf("setting a revocation state: there is no %q: use one of States", string(st))
}

// content is what is signed in a state: Good, Stale, WrongSignature or Huge. The
// other states are about the way to it.
func (st State) content() State {
	switch st {
	case Stale, WrongSignature, Huge:
		return st
	}
	return Good
}
