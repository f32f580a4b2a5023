package scripted

import (
	"fmt"
	"net"
	"syscall"
)

// Segmenter is a connection that can send octets as TCP segments of their own.
// One that stands before a TCP connection does it with WriteSegment.
type Segmenter interface {
	WriteSegment(b []byte) (int, error)
}

// WriteSegment sends b on a TCP connection so that nothing that is sent later
// joins its segment. Small writes alone do not do that: the kernel joins all
// that has to wait for the peer's ACKs.
func WriteSegment(c syscall.Conn, b []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("sending a segment: %w", err)
	}
	failed := raw.Write(func(fd uintptr) bool {
		n, err = syscall.SendmsgN(int(fd), b, nil, nil, syscall.MSG_EOR|syscall.MSG_NOSIGNAL)
		return err != syscall.EAGAIN && err != syscall.EINTR
	})
	if failed != nil {
		err = failed
	}
	if err != nil {
		return n, fmt.Errorf("sending a segment: %w", err)
	}
	return n, nil
}

// writeOctets sends every octet as a segment of its own.
func writeOctets(c net.Conn, b []byte) error {
	send := func(b []byte) (int, error) {
		return 0, fmt.Errorf("sending a segment: a %T cannot say where one ends", c)
	}
	switch c := c.(type) {
	case Segmenter:
		send = c.WriteSegment
	case syscall.Conn:
		send = func(b []byte) (int, error) { return WriteSegment(c, b) }
	}
	for i := range b {
		if _, err := send(b[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}
