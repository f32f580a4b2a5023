package referencesbc

import (
	"encoding/binary"
	"fmt"
	"net"
	"syscall"
	"unsafe"
)

// received returns how many octets came on a TCP connection, and in how many
// segments. How reads cut them tells nothing of that: the kernel joins what waits.
func received(c net.Conn) (octets uint64, segments uint32, err error) {
	tcp, is := c.(syscall.Conn)
	if !is {
		return 0, 0, fmt.Errorf("counting the segments of a %T: it is no socket", c)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, 0, fmt.Errorf("counting segments: %w", err)
	}
	// struct tcp_info of linux/tcp.h, up to tcpi_data_segs_in.
	const atOctets, atSegments, size = 128, 152, 156
	var info [size]byte
	length := uint32(size)
	var failed syscall.Errno
	if err := raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&length)), 0)
	}); err != nil {
		return 0, 0, fmt.Errorf("counting segments: %w", err)
	}
	switch {
	case failed != 0:
		return 0, 0, fmt.Errorf("counting segments: %w", failed)
	case length < size:
		return 0, 0, fmt.Errorf("counting segments: the kernel tells %d octets of %d", length, size)
	}
	return binary.NativeEndian.Uint64(info[atOctets:]), binary.NativeEndian.Uint32(info[atSegments:]), nil
}
