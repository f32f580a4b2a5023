package transport

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net"
	"time"

	"byocheck/simulator/transport/scripted"
)

// ScriptedEngine plays a handshake that no library would.
type ScriptedEngine struct {
	Script scripted.Script
	// DelayHello and DelayFinished pass before the server's first flight and
	// before its second.
	DelayHello, DelayFinished time.Duration
}

// Name implements Engine.
func (ScriptedEngine) Name() string { return "scripted" }

// Server implements Engine. Where the device ends the handshake, or its
// ClientHello does not allow the script, that is the error.
func (e ScriptedEngine) Server(ctx context.Context, raw net.Conn, p ServerParameters) (Session, error) {
	key, can := p.Certificate.PrivateKey.(crypto.Signer)
	if !can {
		return nil, errors.New("playing a handshake: the certificate's key cannot sign")
	}
	s, out, err := scripted.Handshake(ctx, raw, e.Script, scripted.Parameters{
		Chain: p.Certificate.Certificate, Key: key, DelayHello: e.DelayHello, DelayFinished: e.DelayFinished,
	})
	if err != nil {
		return nil, err
	}
	body, _ := out.Hello.Marshal()
	hello, _ := parseHello(body)
	return scriptedSession{s, Negotiated{Version: out.Version, Suite: out.Suite, Group: out.Group, ServerName: hello.ServerName, Engine: e.Name()}}, nil
}

// Client implements Engine; there are no scripts for that side.
func (e ScriptedEngine) Client(context.Context, net.Conn, ClientParameters) (Session, error) {
	return nil, fmt.Errorf("playing the handshake %s: it is a server's", e.Script)
}

type scriptedSession struct {
	*scripted.Session
	negotiated Negotiated
}

func (s scriptedSession) Negotiated() Negotiated { return s.negotiated }
