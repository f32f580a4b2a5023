package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const targetName = "Give the device a DNS name, put the name into its certificate, and name it as target (connect says where to reach it)."

// name looks for the target among the leaf's names: as dNSName or as common
// name, which crypto/x509 ignores. Wildcards are not expanded (RFC 5922 section
// 7.2), and an address never counts.
func (e *evaluation) name() Finding {
	switch {
	case e.Target == "":
		return Finding{Grade: Unknown, Observed: "It is not said which name the trunk has for the device."}
	case isAddress(e.Target):
		return Finding{Grade: Bad, Hint: targetName,
			Observed: fmt.Sprintf("The target %s is an IP address. Genesys validates the device by host name, and an address is not acceptable as the trunk's SIP Servers or Proxies value.", e.Target)}
	case !hostName(e.Target) || strings.Contains(e.Target, "*"):
		return Finding{Grade: Bad, Observed: fmt.Sprintf("The target %q is no host name.", printable(e.Target)), Hint: targetName}
	case e.leaf == nil:
		return noLeaf
	}
	for _, name := range e.leaf.DNSNames {
		if SameName(name, e.Target) {
			return Finding{Grade: OK, Observed: fmt.Sprintf("The certificate has the dNSName %q.", name)}
		}
	}
	for _, name := range commonNames(e.leaf) {
		if SameName(name, e.Target) {
			return Finding{Grade: OK, Hint: "Put the name into subjectAltName too.",
				Observed: fmt.Sprintf("The certificate has the common name %q, but no such dNSName. The specification accepts either; RFC 9525 and most clients do not accept a common name.", name)}
		}
	}
	f := Finding{Grade: Bad, Observed: fmt.Sprintf("The certificate names %s, but not %q.", names(e.leaf), e.Target)}
	if names(e.leaf) == "" {
		f.Observed = fmt.Sprintf("The certificate holds no name at all, so not %q either.", e.Target)
	}
	f.Hint = "Install a certificate for the name under which the trunk reaches the device, or correct the trunk's SIP Servers or Proxies value (target). Wildcards and IP addresses do not count."
	return f
}

// address judges whether the trunk rests on an IP address: as its SIP Servers or
// Proxies value, or as all that the leaf names. Whether the name is the right
// one is another step.
func (e *evaluation) address() Finding {
	switch {
	case e.Target == "":
		return Finding{Grade: Unknown, Observed: "It is not said which name the trunk has for the device."}
	case isAddress(e.Target):
		return Finding{Grade: Bad, Hint: targetName, Observed: fmt.Sprintf("The target %s is an IP address, which Genesys does not accept.", e.Target)}
	case e.leaf == nil:
		return noLeaf
	case slices.ContainsFunc(slices.Concat(e.leaf.DNSNames, commonNames(e.leaf)), hostName):
		return Finding{Grade: OK, Observed: fmt.Sprintf("The trunk names the device %q, and its certificate names %s.", e.Target, names(e.leaf))}
	}
	f := Finding{Grade: Bad, Hint: "Install a certificate with the device's DNS name in subjectAltName; addresses do not count.",
		Observed: fmt.Sprintf("The device's certificate names no host, only %s.", names(e.leaf))}
	if names(e.leaf) == "" {
		f.Observed = "The device's certificate holds no name at all."
	}
	return f
}

// SameName compares host names as DNS does: the case of ASCII letters does not
// count (RFC 4343), nor does one trailing dot. Wildcards are not expanded.
func SameName(a, b string) bool {
	a, b = strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")
	return a != "" && lower(a) == lower(b)
}

// lower leaves all but ASCII alone: under Unicode's rules the long s of a common
// name, which is UTF-8, would be an s.
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// isAddress reports whether a name is an IP address, perhaps in brackets.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	return err == nil
}

// hostName reports whether a name can be a host's: letters, digits and hyphens
// between dots (RFC 1123 section 2.1), with the underscore that is met in
// practice, perhaps with a wildcard before, and no address. A common name may be
// any text.
func hostName(name string) bool {
	name = strings.TrimPrefix(strings.TrimSuffix(name, "."), "*.")
	if name == "" || isAddress(name) {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "-") != label || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return false
		}
	}
	return true
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// commonNames are all of a subject: there may be several, and pkix.Name has only
// the last of them.
func commonNames(c *x509.Certificate) []string {
	var out []string
	for _, a := range c.Subject.Names {
		if text, is := a.Value.(string); is && a.Type.Equal(oidCommonName) {
			out = append(out, text)
		}
	}
	return out
}

// names shows what a certificate names, the first twenty.
func names(c *x509.Certificate) string {
	var out []string
	for _, cn := range commonNames(c) {
		if cn != "" {
			out = append(out, fmt.Sprintf("%q (common name)", printable(cn)))
		}
	}
	for _, n := range c.DNSNames {
		out = append(out, fmt.Sprintf("%q", printable(n)))
	}
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	for _, u := range c.URIs {
		out = append(out, printable(u.String()))
	}
	const most = 20
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("and %d more", len(out)-most))
	}
	return strings.Join(out, ", ")
}
