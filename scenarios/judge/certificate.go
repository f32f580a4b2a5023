package judge

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"byocheck/certs/trust"
	"byocheck/simulator/record"
)

// The judges of the certificate that the device shows as TLS server. Each looks
// at one step of the check that Genesys is documented to make.

// ChainComplete judges whether what the device sent alone leads from its leaf to
// a trusted root: the cloud fetches no intermediates.
func ChainComplete(c Case) Verdict {
	return c.step(trust.StepChain, "The device presents its certificate and every intermediate, so that the chain leads to a trusted root from what was sent alone.")
}

// NameMatches judges whether the device's certificate names the trunk's target,
// as common name or as alternative name. An IP address never counts.
func NameMatches(c Case) Verdict {
	return c.step(trust.StepName, fmt.Sprintf("The device's certificate has %q, the trunk's SIP Servers or Proxies value, as a dNSName or as its common name.", c.Target))
}

// IPOnly judges whether the trunk rests on an IP address: as its SIP Servers or
// Proxies value, or as all that the device's certificate names. Whether the name
// is the right one is NameMatches's to judge.
func IPOnly(c Case) Verdict {
	return c.step(trust.StepAddress, "The trunk's SIP Servers or Proxies value is a host name, and the device's certificate names a host.")
}

// DatesValid judges whether every certificate of the chain is in force.
func DatesValid(c Case) Verdict {
	return c.step(trust.StepDates, "Every certificate that the device presents is valid today.")
}

// NotExpiringSoon judges whether the device's certificate has some time left.
func NotExpiringSoon(c Case) Verdict {
	return c.step(trust.StepExpiry, "The device's certificate is valid for at least 30 more days.")
}

// NotRevoked judges whether the device's certificate or an intermediate is revoked.
func NotRevoked(c Case) Verdict {
	return c.step(trust.StepRevocation, "The device's certificate says where its revocation is published, and it is not revoked.")
}

// UsageFits judges whether the certificate is for a TLS server.
func UsageFits(c Case) Verdict {
	return c.step(trust.StepUsage, "The device's certificate is for TLS servers, and its key for the trunk's cipher suites.")
}

// StrongEnough judges keys and signatures.
func StrongEnough(c Case) Verdict {
	return c.step(trust.StepStrength, "The device presents an RSA key of at least 2048 bits, and no certificate is signed with SHA-1 or MD5.")
}

// IssuerTrusted judges whether the root is one of those that Genesys trusts.
func IssuerTrusted(c Case) Verdict {
	return c.step(trust.StepProvider, "The device's certificate comes from a certificate authority that Genesys trusts.")
}

// step judges one step of the check.
func (c Case) step(step trust.Step, expected string) Verdict {
	v := Verdict{Expected: expected}
	rooted := slices.Contains([]trust.Step{trust.StepChain, trust.StepDates, trust.StepRevocation, trust.StepProvider}, step)
	if !c.outside(&v) || !c.checkable(&v, rooted) {
		return v
	}
	a := c.Attempts[len(c.Attempts)-1]
	conn := presentedIn(a, &v)
	if conn == nil {
		// Some of it can be said of the target alone.
		if f := trust.Evaluate(trust.Presented{Target: c.Target}).Find(step); f.Grade == trust.Bad && (step == trust.StepName || step == trust.StepAddress) {
			return c.found(v, f, trust.Report{})
		}
		return c.notMeasured(v, a, "The device presented no certificate.")
	}
	r := c.evaluate(a, conn)
	return c.found(v, r.Find(step), r)
}

// checkable reports whether the case says what a certificate of the device is held
// against: the trunk's target and, where the step needs one, a trusted root.
func (c Case) checkable(v *Verdict, rooted bool) bool {
	switch {
	case c.Target == "":
		v.Observed = "The case does not say which name the trunk has for the device."
	case rooted && !slices.ContainsFunc(c.Roots, func(der []byte) bool { _, err := x509.ParseCertificate(der); return err == nil }):
		v.Observed = "The case holds no readable trusted root, so no chain can lead to one."
	default:
		return true
	}
	v.Status = Error
	return false
}

// presentedIn returns the connection on which the device showed its certificate,
// nil for none.
func presentedIn(a record.Attempt, v *Verdict) *connection {
	for _, conn := range connections(a) {
		if len(conn.chain) == 0 {
			continue
		}
		for _, e := range a.Events {
			if _, is := e.Body.(record.PeerChain); is && e.Conn == conn.id && e.Generation == a.Generation {
				v.show(a, e, "the %d certificate(s) that the device presented", len(conn.chain))
			}
		}
		return conn
	}
	return nil
}

// evaluate makes Genesys's check of what the device showed on a connection.
func (c Case) evaluate(a record.Attempt, conn *connection) trust.Report {
	return trust.Evaluate(trust.Presented{Chain: conn.chain, Target: c.Target, Now: c.Now, Edition: c.providers(), Roots: c.Roots, Offline: c.Offline, Answers: fetched(a)})
}

// providers is the edition whose list of providers holds.
func (c Case) providers() string {
	if c.Edition == trust.Older {
		return trust.Older
	}
	return trust.Newer
}

// found makes a verdict of a finding.
func (c Case) found(v Verdict, f trust.Finding, r trust.Report) Verdict {
	v.Observed, v.Hint = f.Observed, f.Hint
	switch {
	case f.Grade == trust.OK:
		v.Status = Pass
	case f.Grade == trust.Bad:
		v.Status = unmet(c.Level)
	case r.Lab && f.Grade != trust.OK && (f.Step == trust.StepProvider || f.Step == trust.StepRevocation && !asksAnywhere(r)):
		// What only a public certificate can show: the lab's own stands in for one.
		v.Status = NotApplicable
	case f.Grade == trust.Warn:
		v.Status = Warn
	default:
		v.Status = Inconclusive
		if r.Leaf.SHA256 == "" && r.Unreadable != "" { // what cannot be read has no facts
			v.Observed = r.Unreadable
		} else if f.Step != trust.StepChain && r.Find(trust.StepChain).Grade == trust.Bad {
			v.Hint = "See what cert.outbound.chain-complete says: without the chain this cannot be told."
		}
	}
	v.Witnesses = append(v.Witnesses, about(r)...)
	return v
}

// asksAnywhere reports whether a certificate of the device's says where its
// revocation is published.
func asksAnywhere(r trust.Report) bool {
	return slices.ContainsFunc(r.Path, func(c trust.Certificate) bool { return len(c.CRL)+len(c.OCSP) > 0 })
}

// about says what the device presented.
func about(r trust.Report) []string {
	var out, sent []string
	for _, c := range r.Sent {
		sent = append(sent, c.Subject)
	}
	if len(sent) > 0 {
		out = append(out, "presented: "+strings.Join(sent, " <- "))
	}
	if l := r.Leaf; l.Subject != "" {
		out = append(out, fmt.Sprintf("common name %q; dNSNames %q; %s, signed %s; valid to %s", l.CommonNames, l.DNSNames, l.Key, l.Signature, l.NotAfter.UTC().Format("2006-01-02")))
	}
	if r.Anchor != "" {
		whose := "a public root"
		if r.Lab {
			whose = "a root of the lab"
		}
		out = append(out, fmt.Sprintf("leads to %s, %s", r.Anchor, whose))
	}
	return out
}

// SameWithoutSNI judges whether the device presents a certificate that passes
// the whole check also when it is not asked for by name: whether Genesys sends
// SNI is not published. The last attempt is the one without.
func SameWithoutSNI(c Case) Verdict {
	v := Verdict{Expected: "Also without SNI the device presents a certificate that passes the check."}
	if !c.outside(&v) || !c.checkable(&v, true) {
		return v
	}
	with, without := c.Attempts[0], c.Attempts[len(c.Attempts)-1]
	named := presentedIn(with, &v)
	if named == nil {
		return c.notMeasured(v, with, "The device presented no certificate.")
	}
	bare := presentedIn(without, &v)
	if bare == nil {
		conn := attempted(without)
		if conn == nil || conn.ender != record.Device || len(conn.alerts) == 0 || conn.elsewhere() {
			return c.notMeasured(v, without, "Without SNI the device presented no certificate, but it did not say that it will not.")
		}
		v.Status = unmet(c.Level)
		v.Observed = fmt.Sprintf("With SNI the device presents a certificate, without SNI it presents none: it ends the handshake (%s).", conn.how())
		v.show(without, conn.end, "without SNI the device ended the handshake")
		v.Hint = "Give the device's TLS profile a default certificate."
		return v
	}
	r := c.evaluate(without, bare)
	same := slices.EqualFunc(named.chain, bare.chain, func(a, b []byte) bool { return string(a) == string(b) })
	worse, is := r.Refused()
	if _, also := c.evaluate(with, named).Refused(); !is || same && also {
		v.Status = Pass
		v.Observed = "Without SNI the device presents the same certificate as with it."
		if !same {
			v.Observed = "Without SNI the device presents another certificate, which passes the check as well."
		}
		return v
	}
	v.Status = unmet(c.Level)
	v.Observed = "Without SNI the device presents another certificate, which does not pass the check: " + worse.Observed
	v.Hint = "Make the trunk's certificate the default one of the device's TLS profile. " + worse.Hint
	v.Witnesses = append(v.Witnesses, about(r)...)
	return v
}
