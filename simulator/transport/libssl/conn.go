package libssl

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
	"unsafe"
)

const (
	maxPlaintext = 16 << 10 // octets in a record (RFC 5246 6.2.1)
	readSize     = 16 << 10 // octets taken from the peer at a time
	// parting bounds the wait for a peer that does not take our close_notify.
	parting = 5 * time.Second
)

// Conn is an established TLS connection. Its methods may be called from several
// goroutines. It must be closed: OpenSSL's memory is not the collector's.
type Conn struct {
	raw   net.Conn
	state ConnectionState

	reading sync.Mutex // one reader at a time; guards in
	in      []byte

	writing  sync.Mutex // keeps records in the order in which they were made; guards what follows
	out      []byte
	writeErr error // nothing may follow what is on the wire

	mu       sync.Mutex // held in every call of OpenSSL; guards what follows
	ssl      uintptr    // SSL, 0 when freed
	from, to uintptr    // its memory BIOs, freed with it
	alerts   *alertLog
	broken   error // the connection can do no more
}

var (
	errWantRead   = errors.New("want read") // OpenSSL needs more octets of the peer's
	errNoMoreData = errors.New("write after close_notify")
)

// newConn makes what OpenSSL needs for one connection.
func newConn(raw net.Conn, config *Config) (*Conn, error) {
	ctx, err := config.context()
	if err != nil {
		return nil, err
	}
	c := &Conn{raw: raw, in: make([]byte, readSize), alerts: &alertLog{}}
	onThread(func() {
		if c.ssl = lib.SSL_new(ctx); c.ssl == 0 {
			err = fmt.Errorf("setting up a TLS connection: %s", lastError())
			return
		}
		c.from, c.to = memory(nil), memory(nil)
		lib.SSL_set_bio(c.ssl, c.from, c.to)
	})
	if err != nil {
		return nil, err
	}
	alertLogs.Store(c.ssl, c.alerts)
	return c, nil
}

// free gives OpenSSL's part of the connection back.
func (c *Conn) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ssl != 0 {
		alertLogs.Delete(c.ssl)
		lib.SSL_free(c.ssl)
		c.ssl = 0
	}
}

// operate does one operation of OpenSSL that returns a positive number for
// success. Without that the error is errWantRead, io.EOF for the peer's
// close_notify, or final.
func (c *Conn) operate(operation func(ssl uintptr) int32) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ssl == 0 {
		return 0, net.ErrClosed
	}
	if c.broken != nil {
		return 0, c.broken
	}
	onThread(func() {
		result := operation(c.ssl)
		if result > 0 {
			n = int(result)
			return
		}
		switch lib.SSL_get_error(c.ssl, result) {
		case errorWantRead:
			err = errWantRead
		case errorZeroReturn:
			err = io.EOF
		default:
			c.broken = c.failure()
			err = c.broken
		}
	})
	return n, err
}

// failure says why an operation failed for good.
func (c *Conn) failure() error {
	reason := lastError()
	switch {
	case c.alerts.received != nil:
		return *c.alerts.received
	case c.alerts.sent != nil:
		return fmt.Errorf("%s: %w", reason, *c.alerts.sent)
	}
	return errors.New(reason)
}

// feed reads from the peer what is there and gives it to OpenSSL. The lock
// reading is held, or the handshake is under way.
func (c *Conn) feed() error {
	n, err := c.raw.Read(c.in)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ssl == 0:
		return net.ErrClosed
	case n > 0:
		if lib.BIO_write(c.from, unsafe.Pointer(&c.in[0]), int32(n)) != int32(n) {
			return errors.New("TLS input: out of memory")
		}
		return nil
	case err == io.EOF && (lib.SSL_has_pending(c.ssl) != 0 || lib.SSL_rstate_string(c.ssl) != "RH"):
		return io.ErrUnexpectedEOF // within a record
	}
	return err
}

// waiting reports whether OpenSSL made octets that are not sent yet.
func (c *Conn) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ssl != 0 && lib.BIO_ctrl_pending(c.to) > 0
}

// take takes the octets that OpenSSL made. The lock writing is held, or the
// handshake is under way.
func (c *Conn) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ssl == 0 {
		return nil
	}
	c.out = contents(c.to, c.out)
	return c.out
}

// send sends what OpenSSL made, under the same condition.
func (c *Conn) send() error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if b := c.take(); len(b) > 0 {
		_, c.writeErr = c.raw.Write(b)
	}
	return c.writeErr
}

// Read reads application data. It returns io.EOF at the peer's close_notify, and
// where the peer closes the connection without one between two records; within a
// record io.ErrUnexpectedEOF; an AlertError where an alert ended the connection.
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		n, err := c.operate(func(ssl uintptr) int32 {
			return lib.SSL_read(ssl, unsafe.Pointer(&b[0]), int32(min(len(b), maxPlaintext)))
		})
		if n == 0 && c.waiting() { // an alert
			c.writing.Lock()
			c.send()
			c.writing.Unlock()
		}
		if err != errWantRead {
			return n, err
		}
		if err := c.feed(); err != nil {
			return 0, err
		}
	}
}

// Write writes application data. After a failed write, one past its deadline
// included, nothing more can be written: part of a record may have gone out.
func (c *Conn) Write(b []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(b) > 0 {
		if c.writeErr != nil {
			return n, c.writeErr
		}
		k, err := c.operate(func(ssl uintptr) int32 {
			return lib.SSL_write(ssl, unsafe.Pointer(&b[0]), int32(min(len(b), maxPlaintext)))
		})
		if err == nil {
			err = c.send()
		}
		if err != nil {
			return n, err
		}
		n += k
		b = b[k:]
	}
	return n, nil
}

// CloseWrite sends close_notify. What the peer sends can still be read.
func (c *Conn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.closeNotify()
}

// closeNotify sends close_notify, once: a second SSL_shutdown would read. The
// lock writing is held.
func (c *Conn) closeNotify() error {
	if c.writeErr == errNoMoreData {
		return nil
	}
	c.mu.Lock()
	err := c.broken
	switch {
	case c.ssl == 0:
		err = net.ErrClosed
	case err == nil:
		onThread(func() { lib.SSL_shutdown(c.ssl) })
	}
	c.mu.Unlock()
	if err == nil {
		err = c.send()
	}
	if err == nil {
		c.writeErr = errNoMoreData
	}
	return err
}

// Close sends close_notify, unless a Write is under way, and closes the
// connection.
func (c *Conn) Close() error {
	if c.writing.TryLock() {
		c.raw.SetWriteDeadline(time.Now().Add(parting))
		c.closeNotify()
		c.writeErr = net.ErrClosed
		c.writing.Unlock()
	}
	err := c.raw.Close()
	c.free()
	return err
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.raw.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }
