//go:build linux && amd64 && !nolibssl

package libssl

import (
	"fmt"
	"reflect"

	"github.com/ebitengine/purego"
)

// open loads the library under its file name and fills l. It is called with the
// one library of the process, once: callbacks cannot be given back.
func open(name string, l *library) error {
	handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("loading OpenSSL: %w: install OpenSSL 3 (Debian and Ubuntu: libssl3, Fedora: openssl-libs, Alpine: use the build without it)", err)
	}
	functions := reflect.ValueOf(l).Elem()
	for i := range functions.NumField() {
		field := functions.Type().Field(i)
		symbol := field.Name
		if c := field.Tag.Get("c"); c != "" {
			symbol = c
		}
		address, err := purego.Dlsym(handle, symbol) // finds what is in libcrypto too
		if err != nil {
			return fmt.Errorf("loading OpenSSL: %s lacks %s: %w: install a complete OpenSSL 3", name, symbol, err)
		}
		purego.RegisterFunc(functions.Field(i).Addr().Interface(), address)
	}
	callbacks.alert = purego.NewCallback(noteAlert)
	callbacks.acceptChain = purego.NewCallback(func(_, _ uintptr) uintptr { return 1 })
	callbacks.staple = purego.NewCallback(func(_, _ uintptr) uintptr { return 0 }) // SSL_TLSEXT_ERR_OK
	return nil
}

// noteAlert is called by OpenSSL within the operations of a connection, whose
// lock is held.
func noteAlert(ssl uintptr, where, what int32) {
	const readAlert, writeAlert = 0x4004, 0x4008 // SSL_CB_READ_ALERT, SSL_CB_WRITE_ALERT
	if where != readAlert && where != writeAlert {
		return
	}
	level, code := what>>8, uint8(what)
	found, ok := alertLogs.Load(ssl)
	if !ok || level != 2 {
		return
	}
	if log := found.(*alertLog); where == readAlert {
		log.received = &AlertError{Code: code}
	} else {
		log.sent = &AlertError{Code: code, Sent: true}
	}
}
