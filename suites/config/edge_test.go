package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEdgeErrors(t *testing.T) {
	const lo = "target: 127.0.0.20\n"
	for _, tt := range []struct{ name, file, want string }{
		{"nothing in the group", lo + "edge:",
			`b.yaml:2:7: edge: nothing instead of keys and values; write lines of key: value; the keys here are advertise, ciphers, listen, media-security, name`},
		{"a word", lo + "edge: yes",
			`b.yaml:2:7: edge: text instead of keys and values; write lines of key: value; the keys here are advertise, ciphers, listen, media-security, name`},
		{"mistyped key", lo + "edge: {cipher: [AES256-SHA]}",
			`b.yaml:2:8: edge: unknown key "cipher"; did you mean "ciphers"?`},
		{"empty name", lo + "edge: {name: ''}",
			`b.yaml:2:14: edge.name: "" is no host name; write the one by which the device calls the Edge, such as edge01.example.com`},
		{"an address as name", lo + "edge: {name: 127.0.1.1}",
			`b.yaml:2:14: edge.name: "127.0.1.1" is no host name; write the one by which the device calls the Edge, such as edge01.example.com`},
		{"long name", lo + "edge: {name: " + strings.Repeat("edge.", 12) + "test1}",
			`b.yaml:2:14: edge.name: 65 characters; write at most 64: it is the common name of the Edge's certificate`},
		{"four addresses", lo + "edge: {listen: [127.0.1.1:5061, 127.0.1.2:5061]}",
			`b.yaml:2:16: edge.listen: a list instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"media security", lo + "edge: {media-security: best-effort}",
			`b.yaml:2:24: edge.media-security: unknown media security "best-effort"; write required, optional or off`},
		{"cipher without a name", lo + "edge: {ciphers: [AES256-SHA, '']}",
			`b.yaml:2:30: edge.ciphers[1]: no text; write some or leave the key out`},
		{"the device's address", lo + "edge: {listen: 127.0.0.20:5061}",
			`connect: 127.0.0.20:5061 is also the address of the Edge; write the device's own address`},
		{"every address", lo + "edge: {listen: 0.0.0.0:5061}",
			`b.yaml:2:16: edge.listen: 0.0.0.0:5061 is not an address that a device can call; write under edge.advertise the one it should use`},
		{"every address told", lo + "edge: {listen: 127.0.1.1:5061, advertise: 0.0.0.0:5061}",
			`b.yaml:2:43: edge.advertise: 0.0.0.0:5061 is not an address that a device can call; write under edge.advertise the one it should use`},
		{"far, on loopback", "target: 192.0.2.9\nedge: {listen: 127.0.1.1:5061}",
			`b.yaml:2:16: edge.listen: the device at 192.0.2.9:5061 is beyond loopback, but 127.0.1.1:5061 is on loopback; set listen, advertise and media to addresses of this host that the device can reach`},
		{"far, told on loopback", "target: 192.0.2.9\nedge: {listen: 192.0.2.1:5061, advertise: 127.0.1.1:5061}",
			`b.yaml:2:43: edge.advertise: 127.0.1.1:5061 is on loopback, but the device is beyond it; set advertise to addresses of this host that the device can reach`},
		{"far, its name alone", "target: 192.0.2.9\nedge: {name: edge01.example.com}", ""},
		{"far", "target: 192.0.2.9\nedge: {listen: 192.0.2.1:5061}\nmedia: 192.0.2.1", ""},
		{"one address for signalling and media", lo + "edge: {listen: 127.0.1.1:5061}\nmedia: 127.0.1.1", ""},
		{"beside the cloud's", lo + "edge: {name: edge01.example.com}\nregion: euw1\nroot: global-g2\nlisten: [127.0.0.20:5061]", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(check(tt.file)); got != tt.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, tt.want)
			}
		})
	}
}

// A flag that names a region contradicts one that asks for an Edge.
func TestEdgeBelongsToNoRegion(t *testing.T) {
	for _, key := range []string{"region", "srv-domain", "root"} {
		c := Default()
		c.Target = Target{Host: "127.0.0.20", Port: 5061}
		c.PlayEdge("--premises")
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(key, "usw2", "--"+key); err != nil {
			t.Fatal(err)
		}
		want := "--" + key + ": an Edge belongs to no region, and its certificate comes from the organisation's root; leave it out"
		if got := text(c.Validate()); got != want {
			t.Errorf("\ngot:  %s\nwant: %s", got, want)
		}
	}
}

func TestProxies(t *testing.T) {
	cloud := fmt.Sprint(Default().Listen)
	for _, tt := range []struct{ name, file, listen, advertise string }{
		{"a region", "", cloud, "[]"},
		{"an Edge", "edge: {name: edge01.example.com}", "[127.0.1.1:5061]", "[]"},
		{"an Edge elsewhere", "edge: {listen: 127.0.9.1:5071, advertise: 192.0.2.1:5061}\nadvertise: [192.0.2.9:5061]", "[127.0.9.1:5071]", "[192.0.2.1:5061]"},
	} {
		c, err := decode("b.yaml", []byte(tt.file))
		if err != nil {
			t.Fatal(err)
		}
		listen, advertise := c.Proxies()
		if got := fmt.Sprint(listen); got != tt.listen {
			t.Errorf("%s listens on %s", tt.name, got)
		}
		if got := fmt.Sprint(advertise); got != tt.advertise {
			t.Errorf("%s advertises %s", tt.name, got)
		}
		if len(advertise) > 0 && slices.Equal(listen, advertise) {
			t.Errorf("%s: both are alike", tt.name)
		}
	}
}

func TestHandshakeTime(t *testing.T) {
	for file, want := range map[string]time.Duration{
		"":                             500 * time.Millisecond,
		"timeouts: {handshake: 400ms}": 400 * time.Millisecond,
		"edge: {name: edge.test}":      5 * time.Second,
		"edge: {name: edge.test}\ntimeouts: {handshake: 500ms}": 500 * time.Millisecond,
		"edge: {name: edge.test}\ntimeouts: {handshake: 2s}":    2 * time.Second,
	} {
		c, err := decode("b.yaml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.HandshakeTime(); got != want {
			t.Errorf("%q: %v, want %v", file, got, want)
		}
	}
}

func TestMissingOfAnEdge(t *testing.T) {
	c, err := decode("b.yaml", []byte("target: 192.0.2.9\nedge: {name: edge01.example.com}\nnumbers: {outbound: [3175550123]}\n"))
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"edge:", "  listen: <address of this host>:5061  # the Edge, where the device reaches it", "media: <address of this host>  # the Edge's RTP"}
	if got := c.MissingForOutbound(); !c.OutboundOnly() || !slices.Equal(got, want) {
		t.Errorf("outbound only: %v, missing %q", c.OutboundOnly(), got)
	}
}
