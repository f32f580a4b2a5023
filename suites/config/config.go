// Package config reads byocheck.yaml, the file in which a user says which
// device is under test and how it can be reached, and lays command line flags
// over it. Every error is one line that says where the wrong value came from
// (file, line and column, or the flag), what is wrong, and what to write instead.
//
// The usual way through the package is [Load], then [Config.Set] for each flag
// that was given, then [Config.Validate] once.
package config

import (
	"net/netip"
	"time"
)

// DefaultFile is the name that [Load] looks for in the working directory when
// no file is named.
const DefaultFile = "byocheck.yaml"

// DefaultPort is the port of a target that names none: SIP over TLS (RFC 3261
// section 19.1.2).
const DefaultPort = 5061

// Config is everything a run needs to know about the device and the lab. Start
// from [Default] or [Load]; the zero value has no addresses and does not
// validate.
type Config struct {
	// Target is the device as the trunk names it ("SIP Servers or Proxies").
	Target Target
	// Connect is where Target is really reached, as with curl's --connect-to.
	// Validate fills it in when Target is an IP address. Invalid otherwise
	// means that the caller has to resolve the name.
	Connect netip.AddrPort
	// Region is the code of the simulated region. Only its form is checked
	// here; whether it exists is for the caller to say, through Errorf.
	Region string
	// SRVDomain and Root override those of the region's row; empty leaves them.
	// What they may be is for the caller to say, through Errorf.
	SRVDomain, Root string
	// Scheme of the cloud's URIs: "sip", with ;transport=tls, or "sips".
	Scheme string
	// Edition of the specification: "older", "newer", or
	// "after-deprecation": the newer one without the suites that it is to lose.
	Edition string
	// Listen holds the addresses of lb01 to lb04, in that order: four
	// addresses, or one address with four ports.
	Listen []netip.AddrPort
	// Advertise is what DNS and SIP say instead of Listen, where the device
	// sees other addresses than this host has. Validate copies Listen if empty.
	Advertise []netip.AddrPort
	// Edge is what the trunk leads to in place of a region, if it is played.
	Edge Edge
	// State is the lab's state directory, relative to the working directory.
	State string
	// DNS is where the simulated zone is served.
	DNS netip.AddrPort
	// Media is the cloud's RTP address, never a signalling address.
	Media netip.Addr
	// Revocation is where revocation lists and OCSP are served.
	Revocation Revocation
	// Offline: nothing is fetched from the addresses in the device's certificate.
	Offline bool
	// Carrier is the agent on the device's other side.
	Carrier Carrier
	// Device describes the device under test.
	Device Device
	// Numbers are the telephone numbers that calls are made with.
	Numbers Numbers
	// Declared maps features that the device does not have to the reason why.
	// The names are checked by the caller, through Errorf.
	Declared map[string]string
	// Handshakes says how many TLS handshakes with the device are timed.
	Handshakes Handshakes
	// Timeouts bound the waiting of a run.
	Timeouts Timeouts
	// Trigger lists the ways to make the device call, the preferred one first.
	Trigger []Rung
	// KnownFailures is the path of the known failures file, or empty. A
	// relative path in a configuration file is relative to that file.
	KnownFailures string

	// Dir is the folder of the file that was read, or empty if there was none.
	// Device.Reset and Device.Provision run in it.
	Dir string

	origins map[string]Origin
}

// Revocation is the server to which the certificates of the lab point.
type Revocation struct {
	// Listen is its address.
	Listen netip.AddrPort
	// Advertise is the host:port in the certificates; Listen where empty.
	Advertise string
}

// Carrier is the SIP and RTP agent on the side of the device that faces away
// from the cloud.
type Carrier struct {
	// None is true for `carrier: none`: the lab has no carrier side, and the
	// other fields mean nothing.
	None bool
	// Listen is where the carrier takes calls from the device.
	Listen netip.AddrPort
	// Device is where the device takes calls from the carrier. Invalid means
	// that the carrier can take calls but not make them.
	Device netip.AddrPort
	// Transport of the carrier's signalling; only "udp".
	Transport string
	// Media is the carrier's RTP address. Validate takes that of Listen if it
	// is not set.
	Media netip.Addr
}

// Device describes the device under test.
type Device struct {
	// Vendor, Model and Firmware go into the report as they are.
	Vendor, Model, Firmware string
	// Sources are the networks the device connects from; peers outside them
	// are recorded as foreign and never judged. Validate takes the address of
	// Connect if there are none.
	Sources []netip.Prefix
	// Recovery is how long the device may take to use a proxy again after a
	// fault.
	Recovery time.Duration
	// Reset is a command line, run by `sh -c` in Dir, that makes the device
	// forget what it knows of failed proxies. Empty means there is none.
	Reset string
	// Provision is a command line, run by `sh -c` in Dir, that makes the device
	// present another certificate. Its environment holds the paths of PEM files:
	// BYOCHECK_KEY, BYOCHECK_CHAIN (leaf first) and BYOCHECK_ROOT. Empty means
	// there is none.
	Provision string
	// CRLs is a command line, run by `sh -c` in Dir once before the first
	// connection, that makes the device load revocation lists from the PEM file
	// named by BYOCHECK_CRLS: for devices that fetch none. Empty means there is none.
	CRLs string
}

// Handshakes are those with the device that are timed.
type Handshakes struct {
	// Count is how many.
	Count int
	// Parallel is how many of them are done at once, where load is the question.
	Parallel []int
}

// Timeouts bound the waiting of a run. All are greater than zero.
type Timeouts struct {
	// Attempt is how long one stimulus is watched. The default is above SIP
	// timer B (32 s, RFC 3261 section 17.1.1.2).
	Attempt time.Duration
	// Call is how long a call may take to be answered.
	Call time.Duration
	// Connect is how long a TCP connection may take to be set up.
	Connect time.Duration
	// Handshake is how long a TLS handshake may take.
	Handshake time.Duration
}

// Default returns the configuration of a lab on loopback, complete but for
// Target.
func Default() Config {
	proxies := make([]netip.AddrPort, 0, 4)
	for i := range byte(4) {
		proxies = append(proxies, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, i + 1}), DefaultPort))
	}
	return Config{
		Region:     "use1",
		Scheme:     "sip",
		Edition:    "newer",
		Listen:     proxies,
		Edge:       defaultEdge(),
		State:      ".byocheck",
		DNS:        netip.MustParseAddrPort("127.0.1.53:53"),
		Media:      netip.MustParseAddr("127.0.3.1"),
		Revocation: Revocation{Listen: netip.MustParseAddrPort("127.0.1.80:8088")},
		Carrier:    Carrier{Listen: netip.MustParseAddrPort("127.0.2.1:5060"), Transport: "udp"},
		Device:     Device{Recovery: 120 * time.Second},
		Numbers:    Numbers{Match: 7},
		Handshakes: Handshakes{Count: 20, Parallel: []int{10, 50}},
		Timeouts: Timeouts{
			Attempt:   40 * time.Second,
			Call:      10 * time.Second,
			Connect:   5 * time.Second,
			Handshake: 500 * time.Millisecond,
		},
		Trigger: []Rung{{Kind: CarrierCall}, {Kind: Options}},
	}
}
