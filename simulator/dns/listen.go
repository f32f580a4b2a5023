package dns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// pairAttempts bounds the search for a port that is free for UDP and TCP alike.
const pairAttempts = 20

// open binds UDP and TCP to the same port of the address. With fallback, a port
// that we may not have gives way to one that is free.
func open(addr netip.AddrPort, fallback bool) (*net.UDPConn, *net.TCPListener, error) {
	udp, tcp, err := bind(addr)
	if err != nil && fallback && unavailable(err) {
		udp, tcp, err = bind(netip.AddrPortFrom(addr.Addr(), 0))
	}
	if err != nil {
		return nil, nil, explain(err)
	}
	return udp, tcp, nil
}

// bind takes a free port when that of the address is 0.
func bind(addr netip.AddrPort) (*net.UDPConn, *net.TCPListener, error) {
	var failed error
	for range pairAttempts {
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			return nil, nil, err
		}
		port := udp.LocalAddr().(*net.UDPAddr).AddrPort()
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(port))
		if err == nil {
			return udp, tcp, nil
		}
		failed = errors.Join(err, udp.Close())
		if addr.Port() != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break // only a port that the kernel chose is worth choosing again
		}
	}
	return nil, nil, failed
}

// unavailable reports whether another port of the same address may do.
func unavailable(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM)
}

// explain adds what a person can do about an address that cannot be bound. The
// error itself names the transport, the address and the cause.
func explain(err error) error {
	advice := "check the address"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "stop the server that has this port, or listen on another address or port, or allow a fallback port"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		advice = "ports below 1024 need root or CAP_NET_BIND_SERVICE: grant it, or listen on a higher port, or allow a fallback port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "this machine does not have the address: add it to an interface, or listen on one that it has"
	}
	return fmt.Errorf("opening the DNS port: %w; %s", err, advice)
}
