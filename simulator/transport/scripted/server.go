package scripted

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Parameters are what a server plays a script with.
type Parameters struct {
	// Chain is presented, DER, leaf first.
	Chain [][]byte
	// Key is the leaf's, RSA. For static RSA it must be a crypto.Decrypter too.
	Key crypto.Signer
	// Suite to choose where the script does not say otherwise; 0 is the first of
	// the client's that the specification knows, deprecated ones included.
	Suite uint16
	// Group of ECDHE where the script does not say otherwise; 0 is secp384r1.
	Group uint16
	// Rand is the source of randomness; nil is crypto/rand.
	Rand io.Reader
	// DelayHello and DelayFinished pass before the server's first flight and
	// before its second. A client that ends the connection meanwhile is noticed.
	DelayHello, DelayFinished time.Duration
}

// server is the server's side of one handshake.
type server struct {
	*records
	ctx  context.Context
	bugs bugs
	p    Parameters
	out  Outcome

	choice
	share      share
	exportKey  exportKey
	randoms    []byte // the client's and the server's
	transcript []byte
	secrets    secrets
	sealing    *protection // of our records after change_cipher_spec
}

// errStopped is the cause where the script has stopped, and the client did not
// end the connection.
var errStopped = errors.New("the script sends nothing more")

// Serve plays the script to the client on raw and observes what it does, until
// the client ends the connection, sends application data, or ctx is over. The
// caller closes raw.
//
// The error is nil where the script was played to its end and the client had
// its say: refused, went on (ErrTaken shows in Outcome.Reached) or gave up.
// Otherwise it is the cause of ctx, ErrUnsuitable, or what was wrong with the
// client's messages. The outcome holds in each case.
func Serve(ctx context.Context, raw net.Conn, script Script, p Parameters) (Outcome, error) {
	s, err := newServer(ctx, raw, script, p)
	if err != nil {
		return Outcome{}, err
	}
	done := guard(ctx, raw)
	if err = s.play(); err == nil {
		err = s.watch()
	}
	if s.out.Alert != nil && s.out.Closed == "" {
		s.deadline(time.Now().Add(lingering))
		s.linger()
	}
	cause := done()
	switch {
	case s.out.ended(), errors.Is(err, ErrTaken), errors.Is(err, errStopped):
		return s.out, nil
	case err != nil && cause != nil:
		return s.out, fmt.Errorf("playing %s, at %s: %w", script, s.out.Reached, cause)
	case err != nil:
		return s.out, fmt.Errorf("playing %s: %w", script, err)
	}
	return s.out, nil
}

// Handshake plays the script to the client on raw and returns the connection if
// the handshake completes. Otherwise the error says how it ended; it holds the
// client's Alert where there was one, io.EOF or the like where the client just
// closed, else what Serve returns and ErrTaken. After an error the caller
// closes raw.
func Handshake(ctx context.Context, raw net.Conn, script Script, p Parameters) (*Session, Outcome, error) {
	s, err := newServer(ctx, raw, script, p)
	if err != nil {
		return nil, Outcome{}, err
	}
	done := guard(ctx, raw)
	err = s.play()
	if cause := done(); cause != nil && !s.out.ended() {
		err = cause
	}
	if err != nil {
		return nil, s.out, fmt.Errorf("playing %s, at %s: %w", script, s.out.Reached, err)
	}
	return &Session{Conn: raw, layer: s.records, empty: s.bugs.emptyRecords}, s.out, nil
}

func newServer(ctx context.Context, raw net.Conn, script Script, p Parameters) (*server, error) {
	b, ok := findBugs(script)
	if !ok {
		return nil, fmt.Errorf("there is no script %q", script)
	}
	if p.Rand == nil {
		p.Rand = rand.Reader
	}
	r := newRecords(raw, p.Rand)
	r.octets = b.octets
	return &server{records: r, ctx: ctx, bugs: b, p: p}, nil
}

// guard interrupts what goes on on raw when ctx is over. The function that it
// returns ends that and returns the cause of ctx if it came to it.
func guard(ctx context.Context, raw net.Conn) func() error {
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(past) })
	return func() error {
		if !stop() {
			return context.Cause(ctx)
		}
		return nil
	}
}

// deadline sets the deadline of reading, but not over the end of ctx.
func (s *server) deadline(t time.Time) {
	s.conn.SetReadDeadline(t)
	if s.ctx.Err() != nil {
		s.conn.SetReadDeadline(past)
	}
}

// play does the handshake. On an error of its own it sends an alert.
func (s *server) play() error {
	err := s.handshake()
	s.out.note(err)
	if code, tell := alertFor(err); tell {
		s.alert(levelFatal, code)
	}
	return err
}

// alertFor returns the alert that the client is told of an error with. It is
// told nothing of its own end, and of the end of ctx and of the script.
func alertFor(err error) (uint8, bool) {
	var turn unexpected
	var found refusal
	var theirs Alert
	switch {
	case err == nil, timedOut(err), errors.Is(err, errStopped), errors.Is(err, net.ErrClosed), closedBy(err) != "", errors.As(err, &theirs):
		return 0, false
	case errors.As(err, &found):
		return found.alert, true
	case errors.As(err, &turn):
		return alertUnexpectedMessage, true
	case errors.Is(err, errRecord):
		return alertBadRecordMAC, true
	case errors.Is(err, errFinished):
		return alertDecryptError, true
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrFlood):
		return alertDecodeError, true
	case errors.Is(err, errVersion):
		return alertProtocolVersion, true
	case errors.Is(err, ErrUnsuitable), errors.Is(err, ErrTaken):
		return alertHandshakeFailure, true
	}
	return alertInternalError, true
}

func (s *server) handshake() error {
	if err := s.readHello(); err != nil {
		return err
	}
	if err := s.pause(s.p.DelayHello); err != nil {
		return err
	}
	order := s.bugs.order
	if order == nil {
		order = []uint8{messageServerHello, messageCertificate, messageServerKeyExchange, messageServerHelloDone}
	}
	if err := s.flight(order...); err != nil {
		return err
	}
	if err := s.readFlight(); err != nil {
		return err
	}
	if err := s.pause(s.p.DelayFinished); err != nil {
		return err
	}
	return s.flight(messageChangeCipherSpec, messageFinished)
}

func (s *server) readHello() error {
	m, err := s.message()
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the ClientHello: %w", err)
	case m[0] != messageClientHello:
		return unexpected{typeHandshake, m[0]}
	}
	hello, err := ParseHello(m[4:])
	if err != nil {
		return err
	}
	s.out.Hello = hello
	s.out.reach(HelloRead)
	if s.choice, err = choose(hello, s.bugs, s.p); err != nil {
		return err
	}
	s.out.Version, s.out.Suite, s.out.Group = s.choice.version, s.suite.id, s.group
	s.records.version = min(s.choice.version, VersionTLS12)
	s.transcript = append(s.transcript, m...)
	own := make([]byte, 32)
	if _, err := io.ReadFull(s.p.Rand, own); err != nil {
		return fmt.Errorf("drawing the server's random: %w", err)
	}
	s.randoms = append(hello.Random[:], own...)
	switch {
	case s.temporary:
		s.exportKey, err = newExportKey(s.p.Rand)
	case s.suite.ecdhe:
		s.share, err = newShare(s.group, s.p.Rand)
	}
	return err
}

// readFlight reads the client's ClientKeyExchange, change_cipher_spec and
// Finished.
func (s *server) readFlight() error {
	m, err := s.message()
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the ClientKeyExchange: %w", err)
	case m[0] != messageClientKeyExchange:
		return unexpected{typeHandshake, m[0]}
	}
	s.out.reach(KeyExchanged)
	premaster, err := s.premaster(m[4:])
	if err != nil {
		return err
	}
	if !s.followed() {
		return ErrTaken
	}
	s.transcript = append(s.transcript, m...)
	s.secrets = newSecrets(s.suite, premaster, s.randoms, s.transcript, s.extended)
	opening, sealing := s.secrets.protections(s.randoms)
	s.sealing = sealing
	if err := s.changeCipherSpec(); err != nil {
		return fmt.Errorf("waiting for the client's change_cipher_spec: %w", err)
	}
	s.recv = opening
	want := s.secrets.finished("client", s.transcript)
	m, err = s.message()
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the client's Finished: %w", err)
	case m[0] != messageFinished:
		return unexpected{typeHandshake, m[0]}
	case !hmac.Equal(m[4:], want):
		return errFinished
	}
	s.out.reach(Finished)
	s.transcript = append(s.transcript, m...)
	return nil
}

var errFinished = errors.New("the client's Finished is wrong")

// premaster takes the premaster secret out of the ClientKeyExchange.
func (s *server) premaster(body []byte) ([]byte, error) {
	c := cursor{b: body}
	if s.suite.ecdhe {
		point := c.vector(1)
		if !c.whole() {
			return nil, fmt.Errorf("reading the ClientKeyExchange: %w", ErrMalformed)
		}
		return s.share.agree(point)
	}
	sealed := c.vector(2)
	if !c.whole() {
		return nil, fmt.Errorf("reading the ClientKeyExchange: %w", ErrMalformed)
	}
	if s.temporary {
		// A client may also pass the key over and use the certificate's.
		if secret := s.exportKey.open(sealed); secret != nil {
			return secret, nil
		}
	}
	key, ok := s.p.Key.(crypto.Decrypter)
	if !ok {
		return nil, fmt.Errorf("reading the ClientKeyExchange: a %T cannot decrypt", s.p.Key)
	}
	// What does not decrypt becomes a random secret (RFC 5246 7.4.7.1): the
	// Finished will tell.
	//lint:ignore SA1019 static RSA is PKCS #1 v1.5 (RFC 5246 7.4.7.1)
	premaster, err := key.Decrypt(s.p.Rand, sealed, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 48})
	if err != nil {
		return nil, fmt.Errorf("reading the ClientKeyExchange: %w: %w", ErrMalformed, err)
	}
	return premaster, nil
}
