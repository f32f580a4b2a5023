package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"byocheck/simulator/record"
)

// Tripwire listens where the proxies have no service, TCP and UDP, and records
// who speaks to it. It answers nothing.
type Tripwire struct {
	// Recorder receives the events. It must be set.
	Recorder *record.Recorder
	// Listen are the addresses, and Names what recordings call them.
	Listen []netip.AddrPort
	Names  []string
	// Sources as in Server.
	Sources []netip.Prefix
	// Generation returns that of the face now shown. It must be set.
	Generation func() int

	tcp  []net.Listener
	udp  []*net.UDPConn
	work sync.WaitGroup
}

const (
	// tripping bounds the wait for the first octets of a TCP connection.
	tripping = time.Second
	// tripped bounds what is kept of them.
	tripped = 512
	// maxTripped bounds the connections that are listened to at once.
	maxTripped = 64
)

// Start opens the ports. On an error nothing stays open.
func (w *Tripwire) Start() error {
	for i, at := range w.Listen {
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			w.Close()
			return fmt.Errorf("listening for cleartext: %w", err)
		}
		w.tcp = append(w.tcp, l)
		pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			w.Close()
			return fmt.Errorf("listening for cleartext: %w", err)
		}
		w.udp = append(w.udp, pc)
		w.work.Go(func() { w.streams(l, w.Names[i]) })
		w.work.Go(func() { w.packets(pc, w.Names[i]) })
	}
	return nil
}

// Close closes the ports and waits until nothing runs.
func (w *Tripwire) Close() {
	for _, l := range w.tcp {
		l.Close()
	}
	for _, pc := range w.udp {
		pc.Close()
	}
	w.work.Wait()
}

func (w *Tripwire) tell(generation int, name, transport string, local, remote net.Addr, b []byte) {
	peer, _ := netip.ParseAddrPort(remote.String())
	w.Recorder.Emit(record.Origin{Generation: generation, Proxy: name}, record.Cleartext{
		Transport: transport, Local: addrPort(local), Remote: addrPort(remote), Raw: slices.Clone(b),
		Foreign: len(w.Sources) > 0 && !slices.ContainsFunc(w.Sources, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) }),
	})
}

func (w *Tripwire) streams(l net.Listener, name string) {
	slots := make(chan struct{}, maxTripped)
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: let some close
			continue
		}
		generation := w.Generation() // of the face that stood when the device connected
		select {
		case slots <- struct{}{}:
		default:
			w.tell(generation, name, "TCP", c.LocalAddr(), c.RemoteAddr(), nil)
			c.Close()
			continue
		}
		w.work.Go(func() {
			defer func() { <-slots }()
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(tripping))
			b := make([]byte, tripped)
			n, _ := c.Read(b)
			w.tell(generation, name, "TCP", c.LocalAddr(), c.RemoteAddr(), b[:n])
		})
	}
}

func (w *Tripwire) packets(pc *net.UDPConn, name string) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := pc.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		w.tell(w.Generation(), name, "UDP", pc.LocalAddr(), net.UDPAddrFromAddrPort(from), b[:min(n, tripped)])
	}
}
