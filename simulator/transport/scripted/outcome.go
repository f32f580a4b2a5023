package scripted

import (
	"errors"
	"time"
)

// Outcome is what the client made of a script.
type Outcome struct {
	// Hello is the client's.
	Hello Hello
	// Version, Suite and Group are what the script chose; Group is 0 without ECDHE.
	Version, Suite, Group uint16
	// Reached is the furthest that the handshake came. From KeyExchanged on the
	// client has taken all of the server's first flight.
	Reached Stage
	// Alert is the client's that ended the handshake or the connection; nil is none.
	Alert *Alert
	// Closed is how the client ended TCP: ClosedFIN, ClosedRST, or empty while
	// it had not.
	Closed string
}

// Stage is how far a handshake came.
type Stage int

// Stages, in their order.
const (
	NoHello         Stage = iota // no ClientHello came, or none that can be read
	HelloRead                    // the ClientHello came
	HelloSent                    // the server's hello went out
	CertificateSent              // the server's certificate went out, whole
	DoneSent                     // the server's first flight went out, whole
	KeyExchanged                 // the client's key exchange came
	Finished                     // the client's Finished came and is right
	ApplicationData              // application data came
)

var stageNames = [...]string{"no-hello", "client-hello", "server-hello", "certificate", "server-hello-done", "client-key-exchange", "finished", "application-data"}

// String returns the name of the stage, after the message that it stands for.
func (s Stage) String() string {
	if s < 0 || int(s) >= len(stageNames) {
		return "unknown"
	}
	return stageNames[s]
}

// reach notes a stage; an earlier one than noted changes nothing.
func (o *Outcome) reach(s Stage) { o.Reached = max(o.Reached, s) }

// note notes what an error of reading or writing says of the client.
func (o *Outcome) note(err error) {
	var a Alert
	if o.Alert == nil && errors.As(err, &a) {
		o.Alert = &a
	}
	if o.Closed == "" {
		o.Closed = closedBy(err)
	}
}

// ended reports whether the client ended the connection or said that it does.
func (o *Outcome) ended() bool { return o.Alert != nil || o.Closed != "" }

// lingering bounds the wait for the client's FIN or RST after its alert.
const lingering = time.Second

// maxWatched bounds what is read of a client after a script.
const maxWatched = 1 << 20

// linger reads on after the client's alert until it closes, so that the end is
// noted too, within the deadline that is set.
func (s *server) linger() {
	for n := 0; n < maxWatched; {
		got, err := s.in.Discard(s.in.Size())
		n += got
		if err != nil {
			s.out.note(err)
			return
		}
	}
}

// watch reads what the client sends after the script's last word, until
// application data comes or the client ends the connection.
func (s *server) watch() error {
	for n := 0; n < maxWatched; {
		kind, fragment, err := s.record()
		switch {
		case err != nil:
			s.out.note(err)
			if s.out.ended() {
				return nil
			}
			return err
		case kind == typeApplicationData && s.recv != nil:
			s.out.reach(ApplicationData)
			return nil
		case kind == typeHandshake && s.recv == nil && fragment[0] == messageClientKeyExchange:
			s.out.reach(KeyExchanged)
		}
		n += len(fragment)
	}
	return ErrFlood
}
