package certs

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
)

// Names are the hosts that a server certificate is for.
type Names struct {
	// CN is the subject's common name: on the real cloud the SRV domain. Empty
	// leaves it out.
	CN string
	// DNS are the dNSName entries of the subject alternative name, in order:
	// the SRV domain and the names of the proxies.
	DNS []string
	// IP are the addresses where the hosts are reached. No healthy certificate
	// carries them, only those whose fault is to name addresses.
	IP []netip.Addr
}

// identifiers are the names in a certificate, by where they stand.
type identifiers struct {
	cn  []string     // common names of the subject
	dns []string     // dNSName entries of the subject alternative name
	uri []string     // hosts of uniformResourceIdentifier entries, with the scheme sip
	ip  []netip.Addr // iPAddress entries
}

// identifiers are those of a healthy certificate.
func (n Names) identifiers() identifiers {
	i := identifiers{dns: append([]string(nil), n.DNS...)}
	if n.CN != "" {
		i.cn = []string{n.CN}
	}
	return i
}

// dialled are the names that a client connects to.
func (n Names) dialled() []string {
	if len(n.DNS) == 0 {
		return []string{n.CN}
	}
	return n.DNS
}

func (n Names) check() error {
	if n.CN == "" && len(n.DNS) == 0 {
		return errors.New("checking names: none is given, and a certificate is for one host name or more")
	}
	if n.CN != "" {
		if err := checkHost(n.CN); err != nil {
			return err
		}
	}
	for _, name := range n.DNS {
		if err := checkHost(name); err != nil {
			return err
		}
	}
	return nil
}

// maxCommonName is ub-common-name of RFC 5280 appendix A.1, in characters.
const maxCommonName = 64

// hostName is RFC 1123 section 2.1, with the underscore that is met in
// practice; no trailing dot and no wildcard.
var hostName = func() *regexp.Regexp {
	const label = `[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`
	return regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)
}()

func checkHost(name string) error {
	if len(name) > 253 || !hostName.MatchString(name) {
		return fmt.Errorf("checking a host name: use letters, digits and hyphens, separated by single dots: %.260q", name)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("checking a host name: it is an address, and certificates are matched by name: %q", name)
	}
	return nil
}
