package libssl

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// Config says what is shown to the peer and what is asked of it. The zero value
// is a client that speaks TLS 1.2 with everything the library still has, and
// accepts every certificate. It serves any number of connections at once, in
// both roles. Its first connection sets it up, which costs as much as a handshake:
// keep it. It must not be copied or changed after that.
type Config struct {
	// Chain is what is presented: certificates in DER, leaf first, sent as they
	// stand. A client presents it if asked. Empty: none.
	Chain [][]byte
	// Key is that of the leaf: an RSA, ECDSA or Ed25519 key that is in memory.
	Key crypto.PrivateKey
	// Suites are IANA numbers, in our order of preference. The library's own
	// list if empty. One that this build of OpenSSL does not have is an error.
	Suites []uint16
	// ServerOrder: a server chooses by our order instead of the client's.
	ServerOrder bool
	// Groups for ECDHE are IANA numbers (RFC 8422 5.1.1); secp384r1 is 24. The
	// library's own if empty.
	Groups []uint16
	// MinVersion and MaxVersion are 0x0301 (TLS 1.0) to 0x0303 (TLS 1.2); zero
	// is TLS 1.2.
	MinVersion, MaxVersion uint16
	// SecurityLevel is OpenSSL's, 0 to 5: 0 allows all that the library has,
	// SHA-1 signatures, small keys and suites without encryption included, and
	// is needed below TLS 1.2. -1 is the library's own default.
	SecurityLevel int
	// SignatureAlgorithms are IANA numbers (RFC 8446 4.2.3), in order. The
	// library's own if empty.
	SignatureAlgorithms []uint16
	// ServerName is what a client puts into SNI (RFC 6066 3); empty: no SNI.
	ServerName string
	// Staple is an OCSP response in DER that a server hands to clients that ask
	// for one (RFC 6066 8).
	Staple []byte
	// RequestClientCertificate: a server asks for a certificate;
	// RequireClientCertificate: and refuses clients that have none.
	RequestClientCertificate, RequireClientCertificate bool
	// Tickets lets a server hand out and accept session tickets (RFC 5077). A
	// resumed session shows no certificate.
	Tickets bool
	// Verify, if not nil, sees the chain that the peer presented, in DER, leaf
	// first, before we answer it. An error refuses it with bad_certificate. It
	// is not called if the peer presented none.
	Verify func(chain [][]byte) error
	// KeyLog, if not nil, gets a line with the secrets of each session, as
	// SSLKEYLOGFILE has it. Writes are one after the other.
	KeyLog io.Writer

	once sync.Once
	ctx  uintptr // SSL_CTX, freed when nobody has the Config any more
	err  error
}

// context returns the SSL_CTX of c, which is made by the first call.
func (c *Config) context() (uintptr, error) {
	c.once.Do(func() {
		if c.err = load(); c.err != nil {
			return
		}
		onThread(func() {
			ctx := lib.SSL_CTX_new(lib.TLS_method())
			if ctx == 0 {
				c.err = errors.New(lastError())
				return
			}
			if c.err = c.apply(ctx); c.err != nil {
				lib.SSL_CTX_free(ctx)
				return
			}
			c.ctx = ctx
			runtime.AddCleanup(c, lib.SSL_CTX_free, ctx) // connections hold references of their own
		})
		if c.err != nil {
			c.err = fmt.Errorf("setting up OpenSSL: %w", c.err)
		}
	})
	return c.ctx, c.err
}

// apply sets up ctx with everything that is not a matter of one connection.
func (c *Config) apply(ctx uintptr) error {
	if c.SecurityLevel < -1 || c.SecurityLevel > 5 {
		return fmt.Errorf("security level %d: want 0 to 5, or -1 for the library's own", c.SecurityLevel)
	}
	if c.SecurityLevel >= 0 {
		lib.SSL_CTX_set_security_level(ctx, int32(c.SecurityLevel))
	}
	for _, apply := range []func(uintptr) error{c.versions, c.suites, c.groups, c.signatures, c.identity} {
		if err := apply(ctx); err != nil {
			return err
		}
	}
	// A peer without RFC 5746 is spoken to all the same, as it would be by crypto/tls.
	options := uint64(optionNoRenegotiation | optionLegacyServerConnect)
	if c.ServerOrder {
		options |= optionServerPreference
	}
	if c.Tickets {
		lib.SSL_CTX_set_session_id_context(ctx, "byocheck", 8) // sessions with client certificates want one
	} else {
		options |= optionNoTicket
	}
	lib.SSL_CTX_set_options(ctx, options)
	lib.SSL_CTX_ctrl(ctx, ctrlSessionCache, 0, nil)
	lib.SSL_CTX_ctrl(ctx, ctrlMode, modeNoAutoChain, nil)
	lib.SSL_CTX_ctrl(ctx, ctrlDHAuto, 1, nil) // parameters for anonymous DH and DHE
	lib.SSL_CTX_set_info_callback(ctx, callbacks.alert)
	lib.SSL_CTX_set_cert_verify_callback(ctx, callbacks.acceptChain, 0) // the check is Verify
	if len(c.Staple) > 0 {
		lib.SSL_CTX_callback_ctrl(ctx, ctrlStatusCallback, callbacks.staple)
	}
	return nil
}

func (c *Config) versions(ctx uintptr) error {
	for _, v := range []struct {
		name    string
		command int32
		version uint16
	}{{"lowest", ctrlMinVersion, c.MinVersion}, {"highest", ctrlMaxVersion, c.MaxVersion}} {
		if v.version == 0 {
			v.version = 0x0303
		}
		if v.version < 0x0301 || v.version > 0x0303 {
			return fmt.Errorf("%s version %#04x: want 0x0301 (TLS 1.0) to 0x0303 (TLS 1.2)", v.name, v.version)
		}
		if lib.SSL_CTX_ctrl(ctx, v.command, int64(v.version), nil) != 1 {
			return fmt.Errorf("%s version %#04x: %s", v.name, v.version, lastError())
		}
	}
	return nil
}

// suites sets the cipher suites and sees to it that exactly these are in force:
// OpenSSL passes over what it does not have.
func (c *Config) suites(ctx uintptr) error {
	lib.SSL_CTX_set_ciphersuites(ctx, "") // those of TLS 1.3
	if len(c.Suites) == 0 {
		return nil
	}
	ssl := lib.SSL_new(ctx)
	if ssl == 0 {
		return errors.New(lastError())
	}
	defer lib.SSL_free(ssl)
	var names []string
	for _, id := range c.Suites {
		cipher := lib.SSL_CIPHER_find(ssl, unsafe.Pointer(&[2]byte{byte(id >> 8), byte(id)}))
		if cipher == 0 {
			return fmt.Errorf("cipher suite %#04x: %s does not have it", id, lib.OpenSSL_version(0))
		}
		names = append(names, lib.SSL_CIPHER_get_name(cipher))
	}
	list := strings.Join(names, ":")
	if lib.SSL_CTX_set_cipher_list(ctx, list) != 1 {
		return fmt.Errorf("cipher suites %s: %s", list, lastError())
	}
	var inForce []uint16
	ciphers := lib.SSL_CTX_get_ciphers(ctx)
	for i := range lib.OPENSSL_sk_num(ciphers) {
		inForce = append(inForce, lib.SSL_CIPHER_get_protocol_id(lib.OPENSSL_sk_value(ciphers, i)))
	}
	if !slices.Equal(inForce, c.Suites) {
		return fmt.Errorf("cipher suites %#04x: %s takes only %#04x", c.Suites, lib.OpenSSL_version(0), inForce)
	}
	return nil
}

func (c *Config) groups(ctx uintptr) error {
	if len(c.Groups) == 0 {
		return nil
	}
	var nids []int32
	for _, id := range c.Groups {
		i := slices.IndexFunc(groups, func(g group) bool { return g.id == id })
		if i < 0 {
			return fmt.Errorf("group %d: not known", id)
		}
		nids = append(nids, groups[i].nid)
	}
	if lib.SSL_CTX_ctrl(ctx, ctrlGroups, int64(len(nids)), unsafe.Pointer(&nids[0])) != 1 {
		return fmt.Errorf("groups %d: %s", c.Groups, lastError())
	}
	return nil
}

func (c *Config) signatures(ctx uintptr) error {
	if len(c.SignatureAlgorithms) == 0 {
		return nil
	}
	var names []string
	for _, id := range c.SignatureAlgorithms {
		name, known := signatureNames[id]
		if !known {
			return fmt.Errorf("signature algorithm %#04x: not known", id)
		}
		names = append(names, name)
	}
	list := append([]byte(strings.Join(names, ":")), 0)
	if lib.SSL_CTX_ctrl(ctx, ctrlSignatures, 0, unsafe.Pointer(&list[0])) != 1 {
		return fmt.Errorf("signature algorithms %s: %s", list[:len(list)-1], lastError())
	}
	return nil
}

// identity hands over chain and key.
func (c *Config) identity(ctx uintptr) error {
	if len(c.Chain) == 0 {
		if c.Key != nil {
			return errors.New("a key without a certificate: give both or none")
		}
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		return fmt.Errorf("encoding the private key: %w", err)
	}
	bio := memory(der)
	key := lib.PrivateKeyFromBIO(bio, 0)
	lib.BIO_free(bio)
	if key == 0 {
		return fmt.Errorf("reading the private key: %s", lastError())
	}
	defer lib.EVP_PKEY_free(key)

	above := lib.OPENSSL_sk_new_null()
	defer lib.OPENSSL_sk_free(above)
	var leaf uintptr
	for i, der := range c.Chain {
		bio := memory(der)
		certificate := lib.X509FromBIO(bio, 0)
		lib.BIO_free(bio)
		if certificate == 0 {
			return fmt.Errorf("reading certificate %d of the chain: %s", i, lastError())
		}
		defer lib.X509_free(certificate)
		if i == 0 {
			leaf = certificate
		} else {
			lib.OPENSSL_sk_push(above, certificate)
		}
	}
	if lib.SSL_CTX_use_cert_and_key(ctx, leaf, key, above, 1) != 1 {
		return fmt.Errorf("using the certificate and its key: %s", lastError())
	}
	return nil
}
