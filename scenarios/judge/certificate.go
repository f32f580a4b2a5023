package judge

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// presented returns the chain that the device showed as TLS server, or reaches
// a verdict why there is none.
func (c Case) presented(v *Verdict) ([]*x509.Certificate, bool) {
	a := c.Attempts[len(c.Attempts)-1]
	for _, conn := range connections(a) {
		if len(conn.chain) == 0 {
			continue
		}
		var chain []*x509.Certificate
		for i, der := range conn.chain {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				v.Status = unmet(c.Level)
				v.Observed = fmt.Sprintf("Certificate %d of the %d that the device presents cannot be parsed: %v.", i+1, len(conn.chain), err)
				v.Hint = "Install a well-formed certificate chain on the device."
				return nil, false
			}
			chain = append(chain, cert)
		}
		for _, e := range a.Events {
			if _, is := e.Body.(record.PeerChain); is && e.Conn == conn.id && e.Generation == a.Generation {
				v.show(a, e, "the %d certificate(s) that the device presented", len(chain))
			}
		}
		return chain, true
	}
	*v = c.notMeasured(*v, a, "The device presented no certificate.")
	return nil, false
}

// ChainComplete judges whether what the device sent alone leads from its leaf to
// a trusted root: the cloud fetches no intermediates.
func ChainComplete(c Case) Verdict {
	v := Verdict{Expected: "The device presents its certificate and every intermediate, so that the chain leads to a trusted root from what was sent alone."}
	if !c.outside(&v) {
		return v
	}
	var trusted []*x509.Certificate
	for _, der := range c.Roots {
		if root, err := x509.ParseCertificate(der); err == nil {
			trusted = append(trusted, root)
		}
	}
	if len(trusted) == 0 {
		v.Status = Error
		v.Observed = "The case holds no readable trusted root, so no chain can lead to one."
		return v
	}
	chain, ok := c.presented(&v)
	if !ok {
		return v
	}
	v.Witnesses = append(v.Witnesses, "presented: "+describe(chain))
	err := c.verify(chain, trusted)
	if err == nil {
		v.Status = Pass
		v.Observed = fmt.Sprintf("The chain of %d certificate(s) leads to a trusted root.", len(chain))
		return v
	}
	v.Status = unmet(c.Level)
	v.Witnesses = append(v.Witnesses, "verification: "+err.Error())
	last := top(chain)
	issuer := func(among []*x509.Certificate) bool {
		return slices.ContainsFunc(among, func(p *x509.Certificate) bool { return p != last && bytes.Equal(p.RawSubject, last.RawIssuer) })
	}
	switch {
	case bytes.Equal(last.RawSubject, last.RawIssuer) && len(chain) == 1:
		v.Observed = fmt.Sprintf("The device presents a self-signed certificate (%s).", last.Subject)
		v.Hint = "Install a certificate issued by a CA that Genesys trusts; in the lab: byocheck certs issue."
	case bytes.Equal(last.RawSubject, last.RawIssuer):
		v.Observed = fmt.Sprintf("The chain leads to the root %s, which is not trusted here.", last.Subject)
		v.Hint = "In the lab, give the device a certificate of the lab's device CA: byocheck certs issue."
	case issuer(chain) || issuer(trusted):
		v.Observed = fmt.Sprintf("No certificate is missing, but the chain cannot be verified beyond %q: %v.", last.Subject, err)
		v.Hint = "Install the intermediate certificate(s) that really signed the device's certificate; a CA certificate must be marked as one."
	default:
		v.Observed = fmt.Sprintf("The chain stops at %q: the certificate of its issuer %q was neither sent nor is it a trusted root.", last.Subject, last.Issuer)
		v.Hint = "Install the intermediate certificate(s) on the device, leaf first; if they are there, the issuer is one that is not trusted here."
	}
	return v
}

// verify checks the leaf with what was sent alone. Dates are judged by scenarios
// of their own: the chain need only be valid as a whole at some time. If the
// periods overlap, they do so at the first instant of one of the certificates.
func (c Case) verify(chain, trusted []*x509.Certificate) error {
	roots, sent := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range trusted {
		roots.AddCert(root)
	}
	for _, cert := range chain[1:] {
		sent.AddCert(cert)
	}
	at := []time.Time{c.Now}
	for _, cert := range slices.Concat(chain, trusted) {
		at = append(at, cert.NotBefore)
	}
	var found error
	for _, t := range at {
		if t.IsZero() {
			t = time.Unix(0, 0) // crypto/x509 takes the zero time for now
		}
		_, err := chain[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: sent, CurrentTime: t, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			return nil
		}
		if invalid := (x509.CertificateInvalidError{}); found == nil || errors.As(found, &invalid) && invalid.Reason == x509.Expired {
			found = err // a reason other than dates tells more
		}
	}
	return found
}

// top follows the issuers from the leaf as far as the sent certificates lead.
func top(chain []*x509.Certificate) *x509.Certificate {
	cur := chain[0]
	for range chain {
		next := cur
		for _, c := range chain[1:] {
			if c != cur && bytes.Equal(c.RawSubject, cur.RawIssuer) && cur.CheckSignatureFrom(c) == nil {
				next = c
			}
		}
		if next == cur {
			break
		}
		cur = next
	}
	return cur
}

func describe(chain []*x509.Certificate) string {
	var out []string
	for _, c := range chain {
		out = append(out, c.Subject.String())
	}
	return strings.Join(out, " <- ")
}

// NameMatches judges whether the device's certificate names the trunk's target,
// as common name or as alternative name. An IP address never counts.
func NameMatches(c Case) Verdict {
	v := Verdict{Expected: fmt.Sprintf("The device's certificate has %q, the trunk's SIP Servers or Proxies value, as a dNSName or as its common name.", c.Target)}
	if !c.outside(&v) {
		return v
	}
	if c.Target == "" {
		v.Status = Error
		v.Observed = "The case does not say which name the trunk has for the device."
		return v
	}
	if _, err := netip.ParseAddr(strings.Trim(c.Target, "[]")); err == nil {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The target %s is an IP address. Genesys validates the device by host name, and an address is not acceptable as the trunk's SIP Servers or Proxies value.", c.Target)
		v.Hint = "Give the device a DNS name, put the name into its certificate, and name it as target (connect says where to reach it)."
		return v
	}
	chain, ok := c.presented(&v)
	if !ok {
		return v
	}
	leaf := chain[0]
	v.Witnesses = append(v.Witnesses, fmt.Sprintf("common name %q; dNSNames %q", leaf.Subject.CommonName, leaf.DNSNames))
	for _, name := range leaf.DNSNames {
		if sameName(name, c.Target) {
			v.Status = Pass
			v.Observed = fmt.Sprintf("The certificate has the dNSName %q.", name)
			return v
		}
	}
	if sameName(leaf.Subject.CommonName, c.Target) {
		v.Status = Pass
		v.Observed = fmt.Sprintf("The certificate has the common name %q, but no such dNSName. The specification accepts either; RFC 9525 and most clients do not accept a common name.", leaf.Subject.CommonName)
		v.Hint = "Put the name into subjectAltName too."
		return v
	}
	v.Status = unmet(c.Level)
	v.Observed = fmt.Sprintf("The certificate names %s, but not %q.", names(leaf), c.Target)
	if names(leaf) == "" {
		v.Observed = fmt.Sprintf("The certificate holds no name at all, so not %q either.", c.Target)
	}
	v.Hint = "Install a certificate for the name under which the trunk reaches the device, or correct the trunk's SIP Servers or Proxies value (target). Wildcards and IP addresses do not count."
	return v
}

// sameName compares host names as DNS does: letter case does not count, nor
// does one trailing dot. Wildcards are not expanded (RFC 5922 7.2).
func sameName(a, b string) bool {
	a, b = strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")
	return a != "" && strings.EqualFold(a, b)
}

func names(leaf *x509.Certificate) string {
	var out []string
	if cn := leaf.Subject.CommonName; cn != "" {
		out = append(out, fmt.Sprintf("%q (common name)", cn))
	}
	for _, n := range leaf.DNSNames {
		out = append(out, fmt.Sprintf("%q", n))
	}
	for _, ip := range leaf.IPAddresses {
		out = append(out, ip.String())
	}
	for _, u := range leaf.URIs {
		out = append(out, u.String())
	}
	return strings.Join(out, ", ")
}

// IPOnly judges whether the trunk rests on an IP address: as its SIP Servers or
// Proxies value, or as all that the device's certificate names. Whether the name
// is the right one is NameMatches's to judge.
func IPOnly(c Case) Verdict {
	v := Verdict{Expected: "The trunk's SIP Servers or Proxies value is a host name, and the device's certificate names a host."}
	if !c.outside(&v) {
		return v
	}
	if c.Target == "" {
		v.Status = Error
		v.Observed = "The case does not say which name the trunk has for the device."
		return v
	}
	if isAddress(c.Target) {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The target %s is an IP address, which Genesys does not accept.", c.Target)
		v.Hint = "Give the device a DNS name, put the name into its certificate, and name it as target (connect says where to reach it)."
		return v
	}
	chain, ok := c.presented(&v)
	if !ok {
		return v
	}
	leaf := chain[0]
	if !slices.ContainsFunc(append(slices.Clone(leaf.DNSNames), leaf.Subject.CommonName), hostName) {
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("The device's certificate names no host, only %s.", names(leaf))
		if names(leaf) == "" {
			v.Observed = "The device's certificate holds no name at all."
		}
		v.Hint = "Install a certificate with the device's DNS name in subjectAltName; addresses do not count."
		return v
	}
	v.Status = Pass
	v.Observed = fmt.Sprintf("The trunk names the device %q, and its certificate names %s.", c.Target, names(leaf))
	return v
}

// hostName reports whether a name can be a host's: letters, digits and hyphens
// between dots (RFC 1123 2.1), perhaps with a wildcard before, and no address. A
// common name may be any text.
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
