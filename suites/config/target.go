package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Target is the device as a trunk names it: a host name or an IP address, and
// a port.
type Target struct {
	// Host is a host name or an IP address without brackets, as written.
	Host string
	// Port is never 0 in a parsed target.
	Port uint16
}

// String returns "host:port", with brackets around an IPv6 address, and "" for
// the zero Target.
func (t Target) String() string {
	if t.Host == "" {
		return ""
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
}

// Addr returns the target's IP address, and false if it is a name.
func (t Target) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.Host)
	return a, err == nil
}

var uri = regexp.MustCompile(`(?i)^(?:[a-z][a-z0-9+.-]*://|(?:sips?|tel):)`)

// ParseTarget reads "name", "name:port", "address:port" or "[IPv6]:port". The
// port defaults to [DefaultPort]. A name is a host name (RFC 1123 section 2.1),
// not a URI.
func ParseTarget(s string) (Target, error) {
	const example = "write a host name and port, such as sbc.example.com:5061"
	if s == "" {
		return Target{}, errors.New("empty target; " + example)
	}
	// "sip:5061" is a host called sip.
	if scheme := uri.FindString(s); scheme != "" && !isDigits(s[len(scheme):]) {
		return Target{}, fmt.Errorf("%.80q is a URI; leave out %q and write only host:port", s, scheme)
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return Target{}, fmt.Errorf("%.80q has a user part; write only what follows the @, %.80q", s, s[i+1:])
	}
	if strings.ContainsAny(s, ";?/,") {
		return Target{}, fmt.Errorf("%.80q is more than host:port; %s", s, example)
	}
	host, port, err := splitTarget(s)
	if err != nil {
		return Target{}, err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return Target{Host: a.Unmap().String(), Port: port}, nil
	}
	if strings.HasPrefix(s, "[") {
		return Target{}, fmt.Errorf("%.80q is not an IPv6 address; write one in the brackets, such as [2001:db8::1]:5061", host)
	}
	if err := checkName(host); err != nil {
		return Target{}, err
	}
	return Target{Host: host, Port: port}, nil
}

func splitTarget(s string) (host string, port uint16, err error) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		host, rest, ok = strings.Cut(rest, "]")
		if !ok {
			return "", 0, fmt.Errorf("%.80q has no closing bracket; write [address]:port", s)
		}
		if rest == "" {
			return host, DefaultPort, nil
		}
		if rest[0] != ':' {
			return "", 0, fmt.Errorf("%.80q has %.80q after the bracket; write [address]:port", s, rest)
		}
		port, err = parsePort(rest[1:])
		return host, port, err
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
		return "", 0, fmt.Errorf("%q is an IPv6 address without brackets; write [%s]:%d", s, s, DefaultPort)
	}
	host, text, ok := strings.Cut(s, ":")
	if !ok {
		return host, DefaultPort, nil
	}
	if strings.Contains(text, ":") {
		return "", 0, fmt.Errorf("%.80q has more than one colon; write name:port, or [address]:port for IPv6", s)
	}
	port, err = parsePort(text)
	return host, port, err
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || !isDigits(s) {
		return 0, fmt.Errorf("bad port %.80q; write a number from 1 to 65535", s)
	}
	return uint16(n), nil
}

var label = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// checkName says whether s is a host name: letters, digits and hyphens, labels
// of at most 63 octets, 253 in all (RFC 1123 section 2.1, RFC 1035 section 2.3.4).
func checkName(s string) error {
	if s == "" {
		return errors.New("no host name before the port; write sbc.example.com:5061")
	}
	if strings.HasSuffix(s, ".") {
		return fmt.Errorf("%.80q ends in a dot; leave it out", s)
	}
	if len(s) > 253 {
		return fmt.Errorf("host name has %d characters; write one of at most 253", len(s))
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if !label.MatchString(l) {
			return fmt.Errorf("bad host name %.80q at %.80q; write labels of 1 to 63 letters, digits and inner hyphens", s, l)
		}
	}
	if isDigits(labels[len(labels)-1]) {
		return fmt.Errorf("%.80q is neither an IPv4 address nor a host name; write one of them", s)
	}
	return nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
