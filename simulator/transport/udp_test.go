package transport

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestListenUDP(t *testing.T) {
	c, err := ListenUDP(loopback())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	used := c.LocalAddr().(*net.UDPAddr).AddrPort()
	for _, tt := range []struct {
		name string
		addr netip.AddrPort
		want string
	}{
		{"port in use", used, "the port is in use; stop the program that holds it"},
		{"not our address", netip.MustParseAddrPort("192.0.2.1:0"), "this machine does not have that address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ListenUDP(tt.addr)
			if err == nil {
				c.Close()
				t.Fatal("it listens")
			}
			if got := err.Error(); !strings.Contains(got, tt.want) || !strings.Contains(got, tt.addr.String()) {
				t.Errorf("got %q, want %q and %s", got, tt.want, tt.addr)
			}
		})
	}
}
