// Package carrier is the agent on the device's other side: plain SIP over UDP
// and plain RTP, as a carrier or a PBX behind the device would speak. Through
// it a call can be made to pass the device, and what came out of it be heard.
package carrier

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"byocheck/simulator/leg"
	"byocheck/simulator/record"
	"byocheck/simulator/sipua"
	"byocheck/simulator/transport"
)

// Carrier is the agent. With Listen alone it can take calls.
type Carrier struct {
	// Recorder receives the events; nil makes one of its own.
	Recorder *record.Recorder
	// Listen is our SIP address; the zero value is 127.0.0.1 with a free port.
	Listen netip.AddrPort
	// Device is where the device takes calls from the carrier.
	Device netip.AddrPort
	// Media is our RTP address; that of Listen where it is not valid.
	Media netip.Addr
	// Sources are where the device sends from; others are left alone. Empty accepts everybody.
	Sources []netip.Prefix
	// Match is how many last digits identify a call; 0 means 7.
	Match int

	side      leg.Side
	reception leg.Reception
	agent     *sipua.Agent
	udp       *sipua.UDP
	pc        *net.UDPConn
	work      sync.WaitGroup
}

// Start opens the SIP port.
func (c *Carrier) Start() error {
	if c.Recorder == nil {
		c.Recorder = &record.Recorder{}
	}
	if !c.Listen.IsValid() {
		c.Listen = netip.MustParseAddrPort("127.0.0.1:0")
	}
	if !c.Media.IsValid() {
		c.Media = c.Listen.Addr()
	}
	pc, err := transport.ListenUDP(c.Listen)
	if err != nil {
		return fmt.Errorf("starting the carrier: %w", err)
	}
	c.pc = pc
	c.Listen = pc.LocalAddr().(*net.UDPAddr).AddrPort()
	c.reception.Match = c.Match
	c.agent = &sipua.Agent{Recorder: c.Recorder, Leg: "carrier", Product: "byocheck carrier", Incoming: c.reception.Incoming}
	c.side = leg.Side{Name: "carrier", Recorder: c.Recorder, Agent: c.agent, Media: c.Media, SendHz: leg.CarrierHz, ExpectHz: leg.CloudHz}
	c.udp = c.agent.UDP(pc, record.Origin{Conn: c.Recorder.NextConn(), Proxy: "carrier"})
	c.udp.Sources = c.Sources
	c.work.Go(c.udp.Serve)
	return nil
}

// Close ends the agent. Calls should be hung up before.
func (c *Carrier) Close() {
	if c.pc != nil {
		c.pc.Close()
		c.work.Wait()
	}
}

// HangUp ends all calls.
func (c *Carrier) HangUp(ctx context.Context) { c.agent.HangUp(ctx) }

// Call dials number through the device and waits for the answer.
func (c *Carrier) Call(ctx context.Context, number, from string) (*leg.Leg, error) {
	if !c.Device.IsValid() {
		return nil, fmt.Errorf("calling %s: the configuration does not say where the device takes calls from the carrier (carrier.device)", number)
	}
	return c.side.Dial(ctx, c.udp.To(c.Device), sipua.Invitation{To: number, From: from, Host: c.Device.String()})
}

// Expect makes calls to the number wait for Answer.
func (c *Carrier) Expect(number string) (*leg.Expected, error) { return c.reception.Expect(number) }

// Answer accepts a call of the device.
func (c *Carrier) Answer(call *sipua.Call) (*leg.Leg, error) { return c.side.Answer(call) }
