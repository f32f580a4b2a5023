package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// port is one proxy's address and port. It is bound for as long as it exists,
// whatever its state, so that nobody else can take it.
type port struct {
	addr netip.AddrPort
	hold int // a bound socket that never listens
	ln   net.Listener

	filter  func(fd int) error // makes a socket drop all that comes; keepNothing but in tests
	silence int                // a listening socket that answers no SYN; -1 for none
	filler  net.Conn           // the connection of ours in its queue, where it takes one
}

// openPort binds addr, without listening yet.
func openPort(addr netip.AddrPort) (*port, error) {
	fd, err := bind(addr)
	if err != nil {
		return nil, explainBind(addr, err)
	}
	if addr.Port() == 0 { // the kernel chose one: keep to it
		sa, err := syscall.Getsockname(fd)
		if err != nil {
			syscall.Close(fd)
			return nil, fmt.Errorf("asking for the port of %s: %w", addr, err)
		}
		switch sa := sa.(type) {
		case *syscall.SockaddrInet4:
			addr = netip.AddrPortFrom(addr.Addr(), uint16(sa.Port))
		case *syscall.SockaddrInet6:
			addr = netip.AddrPortFrom(addr.Addr(), uint16(sa.Port))
		}
	}
	if err := share(fd, false); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return &port{addr: addr, hold: fd, filter: keepNothing, silence: -1}, nil
}

// listen makes the port accept connections.
func (p *port) listen() error {
	p.refuse()
	fd, err := p.open(512, func(int) {})
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), p.addr.String())
	defer f.Close()
	p.ln, err = net.FileListener(f)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", p.addr, err)
	}
	return nil
}

// open makes a listening socket beside the one that holds the port; prepare
// sees it before it listens.
func (p *port) open(backlog int, prepare func(fd int)) (int, error) {
	if err := share(p.hold, true); err != nil {
		return -1, fmt.Errorf("listening on %s: %w", p.addr, err)
	}
	defer share(p.hold, false)
	fd, err := bind(p.addr)
	if err != nil {
		return -1, explainBind(p.addr, err)
	}
	prepare(fd)
	if err := syscall.Listen(fd, backlog); err != nil {
		syscall.Close(fd)
		return -1, explainBind(p.addr, err)
	}
	return fd, nil
}

// refuse makes the port answer RST.
func (p *port) refuse() {
	if p.ln != nil {
		p.ln.Close()
		p.ln = nil
	}
	p.speak()
}

func (p *port) close() {
	p.refuse()
	if p.hold >= 0 {
		syscall.Close(p.hold)
		p.hold = -1
	}
}

// bind makes a TCP socket bound to addr. SO_REUSEADDR lets a second socket of
// ours bind beside one that does not listen.
func bind(addr netip.AddrPort) (int, error) {
	family := syscall.AF_INET6
	var sa syscall.Sockaddr = &syscall.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	if addr.Addr().Unmap().Is4() {
		family = syscall.AF_INET
		sa = &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().Unmap().As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	if err := syscall.Bind(fd, sa); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// share lets another socket use the port of fd, or no longer. Most servers set
// SO_REUSEADDR, so a port that nobody listens on would be theirs for the asking
// if the socket that holds it kept the option.
func share(fd int, on bool) error {
	v := 0
	if on {
		v = 1
	}
	return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, v)
}

// explainBind says what to do about an address that cannot be bound.
func explainBind(addr netip.AddrPort, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listening on %s: the port is in use; stop the program that holds it (ss -lntup 'sport = :%d') or choose other addresses under listen", addr, addr.Port())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listening on %s: this machine does not have that address; add it to an interface or choose one of its own under listen", addr)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("listening on %s: no permission for that port; run as root, grant CAP_NET_BIND_SERVICE, or choose a port above 1023 under listen", addr)
	}
	return fmt.Errorf("listening on %s: %w", addr, err)
}
