package transport

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// ListenUDP opens a UDP port; its errors say what to do.
func ListenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		var sys *os.SyscallError
		if errors.As(err, &sys) {
			var no syscall.Errno
			if errors.As(sys, &no) {
				err = no
			}
		}
		return nil, explainBind(addr, err)
	}
	return pc, nil
}
