package config

import (
	"slices"
	"strings"
	"testing"
)

const (
	// near is a device on loopback, far one beyond it that may have everything else.
	near = "target: 127.0.0.20\n"
	far  = "target: 192.0.2.9\n"
	// ours is the lab that a far device can reach.
	ours = "listen: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]\nmedia: 192.0.2.2\n"
)

// The lines that are advised, and those of an address that the device cannot reach.
const (
	listenLine  = "listen: [<address of this host>:5061, <...>:5062, <...>:5063, <...>:5064]  # the four proxies, where the device reaches them"
	mediaLine   = "media: <another address of this host>  # the cloud's RTP"
	carrierNear = "  listen: 127.0.2.1:5060  # where the device sends calls for the carrier"
	carrierFar  = "  listen: <address of this host>:5060  # where the device sends calls for the carrier"
	inLine      = `  inbound: ["+13175550100"]  # the carrier dials these, the device sends them to the cloud`
	outLine     = `  outbound: ["+13175550123"]  # the cloud dials these, the device sends them to the carrier`
)

func deviceLine(addr string) string {
	return "  device: " + addr + ":5060  # where the device takes calls from the carrier"
}

func TestMissing(t *testing.T) {
	const numbers = "numbers: {inbound: [3175550100], outbound: [3175550123]}\n"
	for _, tt := range []struct {
		name, file   string
		outboundOnly bool
		in, out      []string
	}{
		{"nothing given", near, false,
			[]string{"carrier:", carrierNear, deviceLine("127.0.0.20"), "numbers:", inLine},
			[]string{"numbers:", outLine}},
		{"only the device's side missing", near + "carrier: {listen: 127.0.2.9:5060}\n" + numbers, false,
			[]string{"carrier:", deviceLine("127.0.0.20")}, nil},
		{"no carrier", near + "carrier: none\n" + numbers, false,
			[]string{"# instead of carrier: none", "carrier:", carrierNear, deviceLine("127.0.0.20")}, nil},
		{"only numbers missing", near + "carrier: {device: 127.0.0.21:5060}\n", false,
			[]string{"numbers:", inLine}, []string{"numbers:", outLine}},
		{"complete", near + "carrier: {device: 127.0.0.21:5060}\n" + numbers, false, nil, nil},
		{"far, nothing given", far, true,
			[]string{listenLine, mediaLine, "carrier:", carrierFar, deviceLine("192.0.2.9"), "numbers:", inLine},
			[]string{listenLine, mediaLine, "numbers:", outLine}},
		{"far by connect", "target: sbc.example.com\nconnect: 192.0.2.9:5061\n" + numbers, true,
			[]string{listenLine, mediaLine, "carrier:", carrierFar, deviceLine("192.0.2.9")},
			[]string{listenLine, mediaLine}},
		{"far IPv6", "target: '[2001:db8::9]'\n" + numbers, true,
			[]string{listenLine, mediaLine, "carrier:", carrierFar, deviceLine("[2001:db8::9]")},
			[]string{listenLine, mediaLine}},
		{"a name that nobody resolved", "target: sbc.example.com\n" + numbers, true,
			[]string{listenLine, mediaLine, "carrier:", carrierNear, deviceLine("<address of the device>")},
			[]string{listenLine, mediaLine}},
		{"far, only addresses missing", far + "carrier: {listen: 192.0.2.1:5060, device: 192.0.2.9:5060}\n" + numbers, true,
			[]string{listenLine, mediaLine}, []string{listenLine, mediaLine}},
		{"far, addresses given", far + ours, false,
			[]string{"carrier:", carrierFar, deviceLine("192.0.2.9"), "numbers:", inLine},
			[]string{"numbers:", outLine}},
		{"far, complete", far + ours + "carrier: {listen: 192.0.2.1:5060, device: 192.0.2.9:5060}\n" + numbers, false, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := decode("b.yaml", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			if got := c.OutboundOnly(); got != tt.outboundOnly {
				t.Errorf("OutboundOnly() = %t, want %t", got, tt.outboundOnly)
			}
			if got := c.MissingForInbound(); !slices.Equal(got, tt.in) {
				t.Errorf("inbound, got:\n%q\nwant:\n%q", got, tt.in)
			}
			if got := c.MissingForOutbound(); !slices.Equal(got, tt.out) {
				t.Errorf("outbound, got:\n%q\nwant:\n%q", got, tt.out)
			}
		})
	}
}

// A listen on loopback that the user asked for is a mistake; one that nobody
// asked for is a lab for outbound calls.
func TestOutboundOnlyNeedsNoListen(t *testing.T) {
	c, err := decode("b.yaml", []byte(far+"listen: [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.4:5061]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.OutboundOnly() {
		t.Error("a listen that was written is taken for one that was left alone")
	}
	if err := c.Validate(); err == nil {
		t.Error("a device beyond loopback and a listen on it pass")
	}
}

// The lines that are advised must read as the file they are pasted into, with
// the addresses in angle brackets filled in.
func TestAdviceIsValid(t *testing.T) {
	fill := strings.NewReplacer("<address of this host>", "192.0.2.1", "<...>", "192.0.2.1", "<another address of this host>", "192.0.2.2")
	for _, tt := range []struct{ name, file string }{{"near", near}, {"far", far}} {
		for _, d := range []struct {
			name    string
			missing func(*Config) []string
		}{{"inbound", (*Config).MissingForInbound}, {"outbound", (*Config).MissingForOutbound}} {
			t.Run(tt.name+" "+d.name, func(t *testing.T) {
				c, err := decode("b.yaml", []byte(tt.file))
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Validate(); err != nil {
					t.Fatal(err)
				}
				advised := tt.file + fill.Replace(strings.Join(d.missing(&c), "\n"))
				if c, err = decode("advice.yaml", []byte(advised)); err != nil {
					t.Fatalf("%v in\n%s", err, advised)
				}
				if err := c.Validate(); err != nil {
					t.Errorf("%v in\n%s", err, advised)
				}
				if missing := d.missing(&c); len(missing) != 0 {
					t.Errorf("advice followed, but still missing %q", missing)
				}
			})
		}
	}
}

// Certificates tell where they are revoked only where the device can ask there.
func TestTellsRevocation(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		want       bool
	}{
		{"near", near, true},
		{"near, served elsewhere", near + "revocation: {listen: 192.0.2.1:8088}\n", true},
		{"far, nothing given", far, false},
		{"far, only the proxies given", far + ours, false},
		{"far, served where it can reach it", far + ours + "revocation: {listen: 192.0.2.1:8088}\n", true},
		{"far, forwarded to loopback", far + ours + "revocation: {advertise: 'crl.lab.test:80'}\n", true},
		{"far, served everywhere", far + ours + "revocation: {listen: 0.0.0.0:8088, advertise: 'crl.lab.test:80'}\n", true},
		{"a name that nobody resolved", "target: sbc.example.com\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := decode("b.yaml", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			if got := c.TellsRevocation(); got != tt.want {
				t.Errorf("%t, want %t", got, tt.want)
			}
		})
	}
}
