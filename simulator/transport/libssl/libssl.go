// Package libssl speaks TLS 1.0 to 1.2 with the machine's OpenSSL 3, which is
// loaded at run time and without cgo. It does what crypto/tls does not: the
// CBC suites with SHA-2, suites without encryption or without certificate,
// SHA-1 signatures, TLS 1.0 and 1.1 as server. OpenSSL works on memory only and
// all input and output is done here, so that deadlines and contexts hold.
//
// It is there on linux/amd64; the build tag nolibssl leaves it out. Available
// says whether it can be used.
package libssl

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// soname is the library with the stable interface of OpenSSL 3.
const soname = "libssl.so.3"

// Available returns nil if the engine can be used, otherwise why not and what
// to do about it.
func Available() error { return load() }

// Version returns what the library calls itself, or "" where there is none.
func Version() string {
	if load() != nil {
		return ""
	}
	return lib.OpenSSL_version(0)
}

var load = sync.OnceValue(func() error {
	if err := open(soname, &lib); err != nil {
		return err
	}
	// The machine's openssl.cnf must not decide what a device is shown; and
	// nothing is torn down at exit under the feet of other threads.
	var err error
	onThread(func() {
		if lib.OPENSSL_init_ssl(initNoLoadConfig|initNoAtExit, 0) != 1 {
			err = errors.New("setting up OpenSSL: " + lastError())
		}
	})
	return err
})

// lib is written by load alone.
var lib library

// library are the functions of OpenSSL that are used, under their names there
// or under that of their tag. C pointers are uintptr, Go memory is
// unsafe.Pointer or string: it is valid for the time of the call.
type library struct {
	OPENSSL_init_ssl        func(options uint64, settings uintptr) int32
	OpenSSL_version         func(kind int32) string
	CRYPTO_memdup           func(from unsafe.Pointer, n uint64, file string, line int32) uintptr
	ERR_clear_error         func()
	ERR_get_error           func() uint64
	ERR_reason_error_string func(code uint64) string

	BIO_s_mem        func() uintptr
	BIO_new          func(method uintptr) uintptr
	BIO_free         func(bio uintptr) int32
	BIO_read         func(bio uintptr, b unsafe.Pointer, n int32) int32
	BIO_write        func(bio uintptr, b unsafe.Pointer, n int32) int32
	BIO_ctrl_pending func(bio uintptr) uint64

	X509FromBIO         func(bio, reuse uintptr) uintptr `c:"d2i_X509_bio"`
	X509ToBIO           func(bio, x509 uintptr) int32    `c:"i2d_X509_bio"`
	PrivateKeyFromBIO   func(bio, reuse uintptr) uintptr `c:"d2i_PrivateKey_bio"`
	X509_free           func(x509 uintptr)
	EVP_PKEY_free       func(key uintptr)
	OPENSSL_sk_new_null func() uintptr
	OPENSSL_sk_push     func(stack, element uintptr) int32
	OPENSSL_sk_num      func(stack uintptr) int32
	OPENSSL_sk_value    func(stack uintptr, i int32) uintptr
	OPENSSL_sk_free     func(stack uintptr)

	TLS_method                       func() uintptr
	SSL_CTX_new                      func(method uintptr) uintptr
	SSL_CTX_free                     func(ctx uintptr)
	SSL_CTX_ctrl                     func(ctx uintptr, command int32, n int64, p unsafe.Pointer) int64
	SSL_CTX_callback_ctrl            func(ctx uintptr, command int32, callback uintptr) int64
	SSL_CTX_set_options              func(ctx uintptr, options uint64) uint64
	SSL_CTX_set_security_level       func(ctx uintptr, level int32)
	SSL_CTX_set_cipher_list          func(ctx uintptr, names string) int32
	SSL_CTX_set_ciphersuites         func(ctx uintptr, names string) int32
	SSL_CTX_get_ciphers              func(ctx uintptr) uintptr
	SSL_CTX_use_cert_and_key         func(ctx, x509, key, chain uintptr, override int32) int32
	SSL_CTX_set_session_id_context   func(ctx uintptr, id string, n uint32) int32
	SSL_CTX_set_info_callback        func(ctx, callback uintptr)
	SSL_CTX_set_cert_verify_callback func(ctx, callback, argument uintptr)

	SSL_new                    func(ctx uintptr) uintptr
	SSL_free                   func(ssl uintptr)
	SSL_ctrl                   func(ssl uintptr, command int32, n int64, p unsafe.Pointer) int64
	SSL_ctrl_give              func(ssl uintptr, command int32, n int64, p uintptr) int64 `c:"SSL_ctrl"`
	SSL_set_bio                func(ssl, in, out uintptr)
	SSL_set_accept_state       func(ssl uintptr)
	SSL_set_connect_state      func(ssl uintptr)
	SSL_set_verify             func(ssl uintptr, mode int32, callback uintptr)
	SSL_do_handshake           func(ssl uintptr) int32
	SSL_read                   func(ssl uintptr, b unsafe.Pointer, n int32) int32
	SSL_write                  func(ssl uintptr, b unsafe.Pointer, n int32) int32
	SSL_shutdown               func(ssl uintptr) int32
	SSL_get_error              func(ssl uintptr, result int32) int32
	SSL_has_pending            func(ssl uintptr) int32
	SSL_rstate_string          func(ssl uintptr) string
	SSL_version                func(ssl uintptr) int32
	SSL_session_reused         func(ssl uintptr) int32
	SSL_get_servername         func(ssl uintptr, kind int32) string
	SSL_get_current_cipher     func(ssl uintptr) uintptr
	SSL_get0_peer_certificate  func(ssl uintptr) uintptr
	SSL_get_peer_cert_chain    func(ssl uintptr) uintptr
	SSL_get_session            func(ssl uintptr) uintptr
	SSL_get_client_random      func(ssl uintptr, b unsafe.Pointer, n uint64) uint64
	SSL_SESSION_get_master_key func(session uintptr, b unsafe.Pointer, n uint64) uint64
	SSL_CIPHER_find            func(ssl uintptr, id unsafe.Pointer) uintptr
	SSL_CIPHER_get_name        func(cipher uintptr) string
	SSL_CIPHER_get_protocol_id func(cipher uintptr) uint16
}

// Constants of OpenSSL's headers (ssl.h, tls1.h, crypto.h).
const (
	initNoLoadConfig = 0x80
	initNoAtExit     = 0x80000

	optionLegacyServerConnect = 0x4
	optionNoTicket            = 0x4000
	optionServerPreference    = 0x400000
	optionNoRenegotiation     = 0x40000000
	modeNoAutoChain           = 0x8

	ctrlMode           = 33
	ctrlSessionCache   = 44
	ctrlServerName     = 55
	ctrlStatusCallback = 63
	ctrlStatusResponse = 71
	ctrlRenegotiation  = 76
	ctrlGroups         = 91
	ctrlSignatures     = 98
	ctrlCertTypes      = 103
	ctrlDHAuto         = 118
	ctrlMinVersion     = 123
	ctrlMaxVersion     = 124
	ctrlGroup          = 134

	verifyPeer         = 1
	verifyFailIfNoPeer = 2

	errorWantRead   = 2
	errorZeroReturn = 6
)

// lastError returns the first entry of the calling thread's error queue, which
// names the cause, and empties the queue. The goroutine must be locked to its
// thread since the call that failed.
func lastError() string {
	code := lib.ERR_get_error()
	lib.ERR_clear_error()
	if reason := lib.ERR_reason_error_string(code); reason != "" {
		return reason
	}
	return fmt.Sprintf("error %#x of OpenSSL", code)
}

// memory returns a memory BIO that holds b; BIO_free frees it.
func memory(b []byte) uintptr {
	bio := lib.BIO_new(lib.BIO_s_mem())
	if len(b) > 0 {
		lib.BIO_write(bio, unsafe.Pointer(&b[0]), int32(len(b)))
	}
	return bio
}

// contents takes everything out of a memory BIO into buf, which it returns grown
// as far as needed.
func contents(bio uintptr, buf []byte) []byte {
	n := int(lib.BIO_ctrl_pending(bio))
	if n == 0 {
		return buf[:0]
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	return buf[:max(0, lib.BIO_read(bio, unsafe.Pointer(&buf[:n][0]), int32(n)))]
}

// onThread runs f, whose calls of OpenSSL share one error queue.
func onThread(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	lib.ERR_clear_error()
	f()
}
