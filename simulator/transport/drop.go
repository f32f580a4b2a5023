package transport

import (
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// drop makes the port answer no SYN, as a host does that is down or behind a
// firewall: a listening socket whose filter keeps nothing. Where the kernel
// allows no filter, its accept queue has one place, and a connection of our own
// takes that (Linux drops SYNs to a full queue).
func (p *port) drop() error {
	if p.silence >= 0 {
		return nil
	}
	p.refuse()
	filtered := false
	fd, err := p.open(0, func(fd int) { filtered = p.filter(fd) == nil })
	if err != nil {
		return err
	}
	p.silence = fd
	if filtered {
		return nil
	}
	if err := p.fill(); err != nil {
		p.speak()
		return err
	}
	return nil
}

// speak ends drop: the port answers RST.
func (p *port) speak() {
	if p.silence >= 0 {
		syscall.Close(p.silence) // before the filler, whose place must not be taken
		p.silence = -1
	}
	if p.filler != nil {
		p.filler.Close()
		p.filler = nil
	}
}

const (
	// filling bounds each wait for a connection of ours to the port.
	filling = 200 * time.Millisecond
	// maxFilling bounds how often that is tried.
	maxFilling = 8
)

// fill takes the one place in the queue. A connection of the device's that took
// it first is reset.
func (p *port) fill() error {
	for range maxFilling {
		c, err := net.DialTimeout("tcp", p.addr.String(), filling)
		if err == nil {
			p.filler = c
			return nil
		}
		if !timedOut(err) {
			return fmt.Errorf("filling the queue of %s: %w", p.addr, err)
		}
		if fd, _, err := syscall.Accept(p.silence); err == nil {
			syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
			syscall.Close(fd)
		}
	}
	return fmt.Errorf("filling the queue of %s: others take it each time: run as root, so that no queue is needed", p.addr)
}

// keepNothing attaches a classic BPF program that returns 0: of each segment
// nothing is kept.
func keepNothing(fd int) error {
	program := [1]syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K}}
	f := syscall.SockFprog{Len: 1, Filter: &program[0]}
	_, _, failed := syscall.Syscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_ATTACH_FILTER, uintptr(unsafe.Pointer(&f)), unsafe.Sizeof(f), 0)
	if failed != 0 {
		return failed
	}
	return nil
}
