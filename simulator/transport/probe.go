package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// probing bounds the wait for the device's answer to a probe.
const probing = 5 * time.Second

// Probe sends the device one ClientHello and records what it makes of it. The
// handshake is not completed.
func (d Dialer) Probe(ctx context.Context, remote netip.AddrPort, name string, hello scripted.Hello) {
	origin := d.Origin
	origin.Conn = d.Recorder.NextConn()
	p := record.TLSProbe{Name: name, Versions: hello.Versions(), Suites: hello.Suites}
	if len(p.Versions) == 0 {
		p.Versions = []uint16{hello.Version}
	}
	answer, err := d.probe(ctx, remote, hello)
	if err != nil {
		p.Error = err.Error()
	}
	p.Version, p.Suite, p.Group, p.Complete, p.Closed = answer.Version, answer.Suite, answer.Group, answer.Complete(), answer.Closed
	p.Compression, p.RenegotiationInfo = answer.Compression, answer.RenegotiationInfo()
	if answer.Alert != nil {
		p.Alert = AlertName(answer.Alert.Code)
	}
	d.Recorder.Emit(origin, p)
}

func (d Dialer) probe(ctx context.Context, remote netip.AddrPort, hello scripted.Hello) (scripted.Answer, error) {
	nd := net.Dialer{Timeout: d.connectTimeout()}
	if d.Local.IsValid() {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.Local, 0))
	}
	c, err := nd.DialContext(ctx, "tcp", remote.String())
	if err != nil {
		return scripted.Answer{}, explainDial(remote, err)
	}
	defer c.Close()
	bound, cancel := context.WithTimeoutCause(ctx, probing, fmt.Errorf("no answer within %v", probing))
	defer cancel()
	return scripted.Probe{Hello: hello}.Do(bound, c)
}
