package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
)

// bind opens the local socket. RTP takes even ports (RFC 3550 section 11).
func bind(cfg Config) (*net.UDPConn, error) {
	ip := cfg.Local.Addr()
	if !ip.IsValid() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if port := cfg.Local.Port(); port != 0 {
		conn, err := listen(ip, port)
		if err != nil {
			return nil, fmt.Errorf("opening a media port: %w", err)
		}
		return conn, nil
	}
	if cfg.PortMin == 0 && cfg.PortMax == 0 {
		return bindAny(ip)
	}
	first, last := int(cfg.PortMin)+int(cfg.PortMin)%2, int(cfg.PortMax)
	if first == 0 || first > last {
		return nil, fmt.Errorf("opening a media port on %s: no even port from %d to %d", ip, cfg.PortMin, cfg.PortMax)
	}
	// Start anywhere, so that packets still on their way to a stream that
	// ended do not reach the next one.
	count := (last-first)/2 + 1
	var seed [4]byte
	if _, err := io.ReadFull(cfg.Random, seed[:]); err != nil {
		return nil, fmt.Errorf("choosing a media port: %w", err)
	}
	offset := int(binary.BigEndian.Uint32(seed[:]) % uint32(count))
	for i := range count {
		conn, err := listen(ip, uint16(first+(offset+i)%count*2))
		if err == nil {
			return conn, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("opening a media port: %w", err)
		}
	}
	return nil, fmt.Errorf("opening a media port on %s: all %d even ports from %d to %d are in use: widen the range or end what uses them",
		ip, count, cfg.PortMin, cfg.PortMax)
}

// bindAny lets the kernel choose until it chooses an even port. Odd ones are
// kept until then, so that it cannot offer them again.
func bindAny(ip netip.Addr) (*net.UDPConn, error) {
	const tries = 64
	for range tries {
		conn, err := listen(ip, 0)
		if err != nil {
			return nil, fmt.Errorf("opening a media port: %w", err)
		}
		if conn.LocalAddr().(*net.UDPAddr).Port%2 == 0 {
			return conn, nil
		}
		defer conn.Close()
	}
	return nil, fmt.Errorf("opening a media port on %s: no even port in %d tries: give a range of ports", ip, tries)
}

func listen(ip netip.Addr, port uint16) (*net.UDPConn, error) {
	network := "udp4"
	if ip.Is6() && !ip.Is4In6() {
		network = "udp6"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), port)))
}
