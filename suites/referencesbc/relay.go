package referencesbc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/srtp/v3"

	"byocheck/simulator/sdes"
	"byocheck/simulator/sdp"
)

// relay passes the audio of one call from one side to the other. Packets keep
// their headers and payloads; RTCP is not relayed.
type relay struct {
	cloud, carrier *half
	pumps          sync.WaitGroup
}

// half is the relay's port on one side, and what was agreed there.
type half struct {
	s    *SBC
	conn *net.UDPConn
	// profile is written into our descriptions; others are what theirs may also have.
	profile string
	others  []string

	mu            sync.Mutex
	remote        netip.AddrPort
	ours          sdes.Line // with our key; the zero value on a side without SRTP
	theirs        string    // their a=crypto value that is in force
	send, receive *srtp.Context
	sources       map[uint32]struct{} // SSRCs sent
}

// openRelay opens both ports. close must be called.
func (s *SBC) openRelay() (*relay, error) {
	r := &relay{
		cloud:   &half{s: s, profile: sdp.ProfileSRTP},
		carrier: &half{s: s, profile: sdp.ProfileRTP},
	}
	if s.Mutant == SendsPlainRTP {
		r.cloud.profile, r.cloud.others = sdp.ProfileRTP, []string{sdp.ProfileSRTP}
	}
	for _, h := range []*half{r.cloud, r.carrier} {
		var err error
		if h.conn, err = listenRTP(s.Media); err != nil {
			r.close()
			return nil, err
		}
	}
	r.pumps.Go(func() { r.cloud.pump(r.carrier) })
	r.pumps.Go(func() { r.carrier.pump(r.cloud) })
	return r, nil
}

// close ends the audio and waits for it.
func (r *relay) close() {
	for _, h := range []*half{r.cloud, r.carrier} {
		if h.conn != nil {
			h.conn.Close()
		}
	}
	r.pumps.Wait()
}

// listenRTP opens an even port (RFC 3550 11) that the kernel chooses. Odd ones
// are held until then, so that they are not chosen again.
func listenRTP(addr netip.Addr) (*net.UDPConn, error) {
	const tries = 64
	for range tries {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			return nil, fmt.Errorf("opening a media port: %w", err)
		}
		if c.LocalAddr().(*net.UDPAddr).Port%2 == 0 {
			return c, nil
		}
		defer c.Close()
	}
	return nil, fmt.Errorf("opening a media port on %s: no even one is free", addr)
}

// maxPacket is more than an RTP packet with 20 ms of G.711 can have.
const maxPacket = 2048

// pump passes what arrives here to the other half, until the port is closed.
func (h *half) pump(to *half) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := h.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an ICMP error of an earlier packet: the port is still good
			continue
		}
		if packet := h.open(buf[:n], from.Addr().Unmap()); packet != nil {
			to.write(packet)
		}
	}
}

// open returns the RTP packet in what came from an address; nil if it is not
// from the far end or not authentic.
func (h *half) open(packet []byte, from netip.Addr) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case from != h.remote.Addr(), len(packet) < 12, packet[0]>>6 != 2:
		return nil
	case !h.secure():
		return packet
	case h.receive == nil: // early, before we know their key
		return nil
	}
	clear, err := h.receive.DecryptRTP(nil, packet, nil)
	if err != nil {
		return nil
	}
	return clear
}

// maxSources bounds the SSRCs of one call, for each of which SRTP keeps a state.
const maxSources = 16

// write sends a packet to the far end, if it is known where that is.
func (h *half) write(packet []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.remote.IsValid() || h.remote.Port() == 0 {
		return
	}
	if h.secure() {
		if h.send == nil || !h.admit(packet) {
			return
		}
		sealed, err := h.send.EncryptRTP(nil, packet, nil)
		if err != nil {
			return
		}
		packet = sealed
	}
	h.conn.WriteToUDPAddrPort(packet, h.remote) // lost is lost, as on any network
}

// admit counts the packet's SSRC. mu is held.
func (h *half) admit(packet []byte) bool {
	ssrc := uint32(packet[8])<<24 | uint32(packet[9])<<16 | uint32(packet[10])<<8 | uint32(packet[11])
	if _, known := h.sources[ssrc]; known {
		return true
	}
	if len(h.sources) >= maxSources {
		return false
	}
	if h.sources == nil {
		h.sources = map[uint32]struct{}{}
	}
	h.sources[ssrc] = struct{}{}
	return true
}
