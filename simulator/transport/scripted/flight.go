package scripted

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// flight sends messages, as the script wants them put into records, up to the
// one where it stops.
func (s *server) flight(messages ...uint8) error {
	var out, joined []byte
	size := s.bugs.recordSize
	if size == 0 {
		size = maxFragment
	}
	put := func(m []byte) (err error) {
		if s.bugs.coalesce {
			joined = append(joined, m...)
			return nil
		}
		out, err = s.seal(out, typeHandshake, m, size)
		return err
	}
	flush := func() (err error) {
		if len(joined) > 0 {
			out, err = s.seal(out, typeHandshake, joined, size)
			joined = nil
		}
		return err
	}
	reached, stopped := s.out.Reached, false
	for _, kind := range messages {
		if stopped = kind == s.bugs.stop; stopped && !s.bugs.half {
			break
		}
		if kind == messageChangeCipherSpec {
			if err := flush(); err != nil {
				return err
			}
			var err error
			if out, err = s.seal(out, typeChangeCipherSpec, []byte{1}, size); err != nil {
				return err
			}
			s.send = s.sealing
			continue
		}
		m, err := s.build(kind)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		if stopped {
			m = m[:len(m)/2]
		}
		if err := put(m); err != nil {
			return err
		}
		if stopped {
			break
		}
		s.transcript = append(s.transcript, m...)
		reached = max(reached, sent[kind])
	}
	if err := flush(); err != nil {
		return err
	}
	if err := s.write(out); err != nil {
		if closedBy(err) != "" {
			s.drain()
		}
		return fmt.Errorf("sending a flight: %w", err)
	}
	s.out.reach(reached)
	if stopped {
		return s.stop()
	}
	return nil
}

// sent are the stages that are reached by sending.
var sent = map[uint8]Stage{messageServerHello: HelloSent, messageCertificate: CertificateSent, messageServerHelloDone: DoneSent}

// drain reads what the client left before it closed: its alert, most likely.
func (s *server) drain() {
	for range maxIdle {
		_, _, err := s.record()
		s.out.note(err)
		if a := (Alert{}); err != nil && !errors.As(err, &a) {
			return
		}
	}
}

// build makes a message, header included; nil where the suite has no such.
func (s *server) build(kind uint8) ([]byte, error) {
	switch kind {
	case messageServerHello:
		h := serverHello{version: s.choice.version, suite: s.suite.id, compression: s.compression, extensions: s.extensions}
		copy(h.random[:], s.randoms[32:])
		return wrap(kind, h.marshal()), nil
	case messageCertificate:
		excess := 0
		if s.bugs.longList {
			excess = 16
		}
		return wrap(kind, marshalCertificate(s.p.Chain, excess)), nil
	case messageServerKeyExchange:
		return s.keyExchange()
	case messageServerHelloDone:
		return wrap(kind, nil), nil
	case messageFinished:
		verify := s.secrets.finished("server", s.transcript)
		if s.bugs.wrongFinished {
			verify[0] ^= 1
		}
		return wrap(kind, verify), nil
	}
	return nil, fmt.Errorf("there is no way to make handshake message %d", kind)
}

// keyExchange makes the ServerKeyExchange: parameters, scheme and signature.
func (s *server) keyExchange() ([]byte, error) {
	var params []byte
	switch {
	case s.temporary:
		params = s.exportKey.marshal()
	case s.suite.ecdhe:
		params = marshalCurve(s.group, s.share.point)
	default:
		return nil, nil
	}
	randoms := slices.Clone(s.randoms)
	if s.bugs.foreignSignature {
		randoms[0] ^= 1
	}
	signature, err := s.scheme.sign(s.p.Key, s.p.Rand, slices.Concat(randoms, params))
	if err != nil {
		return nil, err
	}
	body := appendNumber(params, 2, int(s.scheme.id))
	return wrap(messageServerKeyExchange, appendVector(body, 2, signature)), nil
}

// stop ends the script as it says, and waits for the client to end the
// connection.
func (s *server) stop() error {
	switch s.bugs.then {
	case fin:
		c, can := s.conn.(interface{ CloseWrite() error })
		if !can {
			return fmt.Errorf("ending the connection: a %T cannot send FIN alone", s.conn)
		}
		if err := c.CloseWrite(); err != nil {
			return fmt.Errorf("ending the connection: %w", err)
		}
	case rst:
		c, can := s.conn.(interface{ SetLinger(int) error })
		if !can {
			return fmt.Errorf("resetting the connection: a %T cannot", s.conn)
		}
		if err := c.SetLinger(0); err != nil {
			return fmt.Errorf("resetting the connection: %w", err)
		}
		s.conn.Close()
		return errStopped
	}
	if err := s.watch(); err != nil {
		return err
	}
	return errStopped
}

// pause waits, for the client to end the connection or for d to pass.
func (s *server) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	s.deadline(time.Now().Add(d))
	kind, _, err := s.record()
	switch {
	case err == nil:
		return unexpected{kind: kind}
	case !timedOut(err) || s.ctx.Err() != nil:
		return err
	}
	s.deadline(time.Time{})
	return nil
}
