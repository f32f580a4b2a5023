package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"reflect"
	"slices"

	"byocheck/simulator/transport/libssl"
	"byocheck/simulator/transport/scripted"
)

// Engine is a TLS implementation. Policy decides what is to be negotiated;
// the engine that can do it is chosen after that.
type Engine interface {
	// Name identifies the engine in recordings.
	Name() string
	// Server does the server side of a handshake on raw.
	Server(ctx context.Context, raw net.Conn, c ServerParameters) (Session, error)
	// Client does the client side of a handshake on raw.
	Client(ctx context.Context, raw net.Conn, c ClientParameters) (Session, error)
}

// ServerParameters are what the cloud shows as TLS server.
type ServerParameters struct {
	// Certificate is presented whatever name the device asks for; devices often send none.
	Certificate *tls.Certificate
	// Suites are those the edition allows.
	Suites []uint16
}

// ClientParameters are what the cloud shows as TLS client.
type ClientParameters struct {
	// ServerName goes into SNI; empty sends none.
	ServerName string
	// Suites that are offered, in this order where the engine can: crypto/tls
	// offers them in an order of its own.
	Suites []uint16
	// Verify, if not nil, sees what the device presented, leaf first; an
	// error refuses the certificate with an alert. Nil accepts everything.
	Verify func(chain []*x509.Certificate) error
}

// Session is an established TLS connection.
type Session interface {
	net.Conn
	// Negotiated says what the handshake came to.
	Negotiated() Negotiated
}

// Negotiated is the outcome of a handshake.
type Negotiated struct {
	Version, Suite, Group uint16
	ServerName            string
	// Engine is the one that did it.
	Engine string
}

// GoEngine is crypto/tls: TLS 1.2 only, P-384 only, the six suites that stay,
// no session tickets, no client certificate asked or given.
type GoEngine struct{}

// Name implements Engine.
func (GoEngine) Name() string { return "crypto/tls" }

// Server implements Engine.
func (GoEngine) Server(ctx context.Context, raw net.Conn, p ServerParameters) (Session, error) {
	base := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		MaxVersion:             tls.VersionTLS12,
		CurvePreferences:       []tls.CurveID{P384},
		SessionTicketsDisabled: true, // a resumed session shows no certificate
		ClientAuth:             tls.NoClientCert,
		Certificates:           []tls.Certificate{*p.Certificate},
	}
	var refused error
	base.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if !slices.Contains(h.SupportedVersions, tls.VersionTLS12) {
			return nil, nil // crypto/tls refuses with protocol_version
		}
		c := base.Clone()
		c.GetConfigForClient = nil
		// Without a suite crypto/tls refuses with handshake_failure, as servers
		// do; an error from here would become internal_error.
		c.CipherSuites = []uint16{}
		suite, err := choose(h.CipherSuites, h.SupportedCurves, slices.DeleteFunc(slices.Clone(p.Suites), func(s uint16) bool { return !goCan(s) }))
		if refused = err; err == nil {
			c.CipherSuites = append(c.CipherSuites, suite)
		}
		return c, nil
	}
	s, err := goHandshake(ctx, tls.Server(raw, base))
	if refused != nil {
		return nil, refused
	}
	return s, err
}

// Client implements Engine.
func (GoEngine) Client(ctx context.Context, raw net.Conn, p ClientParameters) (Session, error) {
	c := tls.Client(raw, &tls.Config{
		MinVersion:             tls.VersionTLS12,
		MaxVersion:             tls.VersionTLS12,
		CurvePreferences:       []tls.CurveID{P384},
		SessionTicketsDisabled: true,
		CipherSuites:           p.Suites,
		ServerName:             p.ServerName,
		// The check is ours, in Verify: crypto/x509 knows no common names and
		// would hide from the judge what the device showed.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if p.Verify == nil {
				return nil
			}
			return p.Verify(s.PeerCertificates)
		},
	})
	return goHandshake(ctx, c)
}

func goHandshake(ctx context.Context, c *tls.Conn) (Session, error) {
	if err := c.HandshakeContext(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			return nil, cause
		}
		return nil, err
	}
	return goSession{c}, nil
}

type goSession struct{ *tls.Conn }

func (s goSession) Negotiated() Negotiated {
	state := s.ConnectionState()
	return Negotiated{Version: state.Version, Suite: state.CipherSuite, ServerName: state.ServerName, Group: uint16(state.CurveID), Engine: GoEngine{}.Name()}
}

// AlertOf returns the code of the alert that the peer sent, where err is one
// that an engine made of an alert.
func AlertOf(err error) (uint8, bool) {
	if alert := (libssl.AlertError{}); errors.As(err, &alert) {
		return alert.Code, !alert.Sent
	}
	if alert := (scripted.Alert{}); errors.As(err, &alert) {
		return alert.Code, true
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 { // crypto/tls.alert, unexported
		return uint8(v.Uint()), true
	}
	return 0, false
}
