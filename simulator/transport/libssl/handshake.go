package libssl

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// ConnectionState is what a handshake came to.
type ConnectionState struct {
	// Version, Suite and Group are the numbers on the wire; Group is 0 without
	// ECDHE.
	Version, Suite, Group uint16
	// ServerName is what the client put into SNI.
	ServerName string
	// PeerChain is what the peer presented, in DER, leaf first.
	PeerChain [][]byte
	// ClientCertificateAsked: the server asked this client for a certificate.
	ClientCertificateAsked bool
	// SecureRenegotiation: the peer knows RFC 5746.
	SecureRenegotiation bool
	// Resumed: the session is an earlier one.
	Resumed bool
}

// Server does the server side of a handshake on raw, until ctx ends. After an
// error raw is still open, and it is the caller's to close. The error is an
// AlertError where an alert ended the handshake.
func Server(ctx context.Context, raw net.Conn, config *Config) (*Conn, error) {
	return handshake(ctx, raw, config, func(ssl uintptr) error {
		lib.SSL_set_accept_state(ssl)
		if len(config.Staple) > 0 {
			// SSL_free frees the copy.
			response := lib.CRYPTO_memdup(unsafe.Pointer(&config.Staple[0]), uint64(len(config.Staple)), "", 0)
			lib.SSL_ctrl_give(ssl, ctrlStatusResponse, int64(len(config.Staple)), response)
		}
		switch {
		case config.RequireClientCertificate:
			lib.SSL_set_verify(ssl, verifyPeer|verifyFailIfNoPeer, 0)
		case config.RequestClientCertificate:
			lib.SSL_set_verify(ssl, verifyPeer, 0)
		}
		return nil
	})
}

// Client does the client side of a handshake on raw; see Server.
func Client(ctx context.Context, raw net.Conn, config *Config) (*Conn, error) {
	return handshake(ctx, raw, config, func(ssl uintptr) error {
		lib.SSL_set_connect_state(ssl)
		if config.ServerName == "" {
			return nil
		}
		name := append([]byte(config.ServerName), 0)
		if lib.SSL_ctrl(ssl, ctrlServerName, 0, unsafe.Pointer(&name[0])) != 1 {
			return fmt.Errorf("server name of %d octets: want 1 to 255", len(config.ServerName))
		}
		return nil
	})
}

func handshake(ctx context.Context, raw net.Conn, config *Config, role func(ssl uintptr) error) (*Conn, error) {
	c, err := newConn(raw, config)
	if err != nil {
		return nil, err
	}
	onThread(func() { err = role(c.ssl) })
	runtime.KeepAlive(config) // and with it its SSL_CTX
	if err == nil {
		err = c.handshakeContext(ctx, config)
	}
	if err != nil {
		c.free()
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return c, nil
}

// handshakeContext does the handshake until ctx ends.
func (c *Conn) handshakeContext(ctx context.Context, config *Config) error {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		c.raw.SetDeadline(time.Unix(1, 0)) // ends a Read or Write under way
	})
	err := c.negotiate(config)
	if stop() {
		return err
	}
	<-done
	c.raw.SetDeadline(time.Time{})
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err // it had failed before
}

// negotiate does the handshake and the checks that belong to it.
func (c *Conn) negotiate(config *Config) error {
	defer c.logKeys(config)
	checked := config.Verify == nil
	for {
		_, err := c.operate(lib.SSL_do_handshake)
		if err == io.EOF {
			err = AlertError{} // close_notify
		}
		if !checked && (err == nil || err == errWantRead) {
			if chain := c.peerChain(); len(chain) > 0 {
				checked = true
				if refusal := config.Verify(chain); refusal != nil {
					return fmt.Errorf("%w: %w", refusal, c.refuse())
				}
			}
		}
		sent := c.send()
		switch {
		case err != nil && err != errWantRead:
			return err
		case sent != nil:
			return sent
		case err == nil:
			c.state = c.outcome()
			return nil
		}
		if err := c.feed(); err == io.EOF {
			return fmt.Errorf("the peer closed the connection: %w", err)
		} else if err != nil {
			return err
		}
	}
}

// refuse refuses the peer's chain. OpenSSL went on, but its answer, which would
// begin the encryption, has not been sent: the alert goes out in its place.
func (c *Conn) refuse() AlertError {
	c.take()
	alert := AlertError{Code: 42, Sent: true} // bad_certificate
	c.raw.Write([]byte{21, 3, byte(lib.SSL_version(c.ssl)), 0, 2, 2, alert.Code})
	return alert
}

// ConnectionState returns what the handshake came to.
func (c *Conn) ConnectionState() ConnectionState { return c.state }

// outcome reads what the handshake came to.
func (c *Conn) outcome() ConnectionState {
	s := ConnectionState{
		Version:                uint16(lib.SSL_version(c.ssl)),
		Suite:                  lib.SSL_CIPHER_get_protocol_id(lib.SSL_get_current_cipher(c.ssl)),
		ServerName:             lib.SSL_get_servername(c.ssl, 0),
		PeerChain:              c.peerChain(),
		ClientCertificateAsked: lib.SSL_ctrl(c.ssl, ctrlCertTypes, 0, nil) > 0,
		SecureRenegotiation:    lib.SSL_ctrl(c.ssl, ctrlRenegotiation, 0, nil) == 1,
		Resumed:                lib.SSL_session_reused(c.ssl) == 1,
	}
	// A group that OpenSSL has no number for comes as 0x1000000 + IANA number.
	nid := int32(lib.SSL_ctrl(c.ssl, ctrlGroup, 0, nil))
	s.Group = uint16(nid)
	if i := slices.IndexFunc(groups, func(g group) bool { return g.nid == nid }); i >= 0 {
		s.Group = groups[i].id
	}
	return s
}

// peerChain returns what the peer presented so far, leaf first.
func (c *Conn) peerChain() (chain [][]byte) {
	leaf := lib.SSL_get0_peer_certificate(c.ssl)
	if leaf == 0 {
		return nil
	}
	all := []uintptr{leaf}
	stack := lib.SSL_get_peer_cert_chain(c.ssl)
	for i := range max(0, lib.OPENSSL_sk_num(stack)) {
		if certificate := lib.OPENSSL_sk_value(stack, i); certificate != leaf { // a client's view has the leaf too
			all = append(all, certificate)
		}
	}
	for _, certificate := range all {
		bio := memory(nil)
		lib.X509ToBIO(bio, certificate)
		chain = append(chain, contents(bio, nil))
		lib.BIO_free(bio)
	}
	return chain
}

// keyLogs keeps the lines of connections apart that share a writer.
var keyLogs sync.Mutex

// logKeys writes the master secret, if there is one yet, in the format of NSS.
func (c *Conn) logKeys(config *Config) {
	if config.KeyLog == nil {
		return
	}
	var random [32]byte
	var secret [48]byte
	session := lib.SSL_get_session(c.ssl)
	if session == 0 || lib.SSL_SESSION_get_master_key(session, unsafe.Pointer(&secret[0]), 48) != 48 {
		return
	}
	lib.SSL_get_client_random(c.ssl, unsafe.Pointer(&random[0]), 32)
	keyLogs.Lock()
	defer keyLogs.Unlock()
	fmt.Fprintf(config.KeyLog, "CLIENT_RANDOM %s %s\n", hex.EncodeToString(random[:]), hex.EncodeToString(secret[:]))
}
