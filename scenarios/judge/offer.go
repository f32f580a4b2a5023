package judge

import (
	"fmt"
	"slices"

	"byocheck/simulator/record"
)

// The judges of the device's ClientHello: what it offers when it calls the
// cloud. Whether it uses what it offers is for other scenarios.

const (
	secp384r1       = 24     // RFC 8422 section 5.1.1
	ecdsaP384SHA384 = 0x0503 // RFC 8446 section 4.2.3

	supportedGroups = 10 // RFC 8422 section 5.1
)

var (
	// surviving are the suites of the newer edition that are not slated for
	// removal, and deprecated those that are (clauses byoc-013 and byoc-014).
	surviving  = []uint16{0xc030, 0xc02f, 0xc014, 0x009d, 0x009c, 0x0035}
	deprecated = []uint16{0xc028, 0x003d}
	// older are those of the older edition that are not among the deprecated.
	older = []uint16{0xc030, 0xc02f, 0x0035}
	// static are those of all editions that need no curve.
	static = []uint16{0x009d, 0x009c, 0x0035, 0x003d}
)

// edition returns the suites of the edition that stay, and those that it has
// for the time being; the trunk's own list, where it has one, stays.
func (c Case) edition() (lasting, going []uint16) {
	if len(c.Suites) > 0 {
		return c.Suites, nil
	}
	switch c.Edition {
	case "older":
		return older, deprecated
	case "after-deprecation":
		return surviving, nil
	}
	return surviving, deprecated
}

// offers returns the ClientHellos of the device in the attempts, with the
// attempts and events they stand in; ok is false, and the verdict reached, where
// there is none.
func (c Case) offers(v *Verdict) (hellos []greeting, ok bool) {
	if !c.outside(v) {
		return nil, false
	}
	for _, a := range c.Attempts {
		for _, conn := range tried(connections(a)) {
			for _, e := range a.Events {
				if h, is := e.Body.(record.ClientHello); is && e.Conn == conn.id && e.Generation == a.Generation {
					hellos = append(hellos, greeting{h, a, e, conn})
				}
			}
		}
	}
	if len(hellos) == 0 {
		v.Status = Inconclusive
		v.Observed, v.Hint = silence(c.Attempts[len(c.Attempts)-1])
	}
	return hellos, len(hellos) > 0
}

// greeting is a ClientHello of the device and where it stands.
type greeting struct {
	record.ClientHello
	a    record.Attempt
	e    record.Event
	conn *connection
}

// of returns those of the offered suites that are among all.
func (o greeting) of(all []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(o.Suites), func(s uint16) bool { return !slices.Contains(all, s) })
}

// proper returns the suites that are offered, without GREASE and signals.
func (o greeting) proper() []uint16 {
	return slices.DeleteFunc(slices.Clone(o.Suites), func(s uint16) bool { return grease(s) || slices.Contains(signals, s) })
}

// each judges every ClientHello alike: one says Fail for a requirement that is
// not met, whatever its level. The gravest outcome counts, and is the one that is
// told. Where it is enough that one ClientHello meets the requirement, others
// that do not are a warning.
func (c Case) each(expected string, enough bool, one func(greeting) (status Status, observed, hint string)) Verdict {
	v := Verdict{Expected: expected}
	hellos, ok := c.offers(&v)
	if !ok {
		return v
	}
	unmetOn := 0
	for i, o := range hellos {
		status, observed, hint := one(o)
		if status == Fail {
			unmetOn++
		}
		if order := Statuses(); i == 0 || slices.Index(order, status) < slices.Index(order, v.Status) {
			v.Status, v.Observed, v.Hint, v.Evidence = status, observed, hint, nil
			v.show(o.a, o.e, "%s: the device's ClientHello", o.conn.proxy)
		}
	}
	v.measure("ClientHellos looked at", float64(len(hellos)), "")
	switch {
	case v.Status != Fail:
	case enough && unmetOn < len(hellos):
		v.Status = Warn
		v.Observed = fmt.Sprintf("On %d of %d connections: %s On the others the device offers what is needed.", unmetOn, len(hellos), v.Observed)
	default:
		v.Status = unmet(c.Level)
	}
	return v
}

// OffersSurvivingSuite judges whether the device offers a suite that it can
// still use when the deprecated ones are gone.
func OffersSurvivingSuite(c Case) Verdict {
	lasting, going := c.edition()
	enable := "Enable on the device one of: " + suiteNames(lasting) + "."
	return c.each("The device offers a cipher suite of the specification, and one that stays when the deprecated ones are gone.", true, func(o greeting) (Status, string, string) {
		switch stay, leave := o.of(lasting), o.of(going); {
		case len(stay) > 0:
			return Pass, fmt.Sprintf("The device offers %d of the suites that stay: %s.", len(stay), suiteNames(stay)), ""
		case len(leave) > 0:
			return Warn, fmt.Sprintf("Of the specification's suites the device offers only %s. It works as long as these are accepted, and fails when they are removed, as announced on 24 March 2025.", suiteNames(leave)), enable
		}
		list := "the specification"
		if len(c.Suites) > 0 {
			list = "the trunk's list"
		}
		return Fail, fmt.Sprintf("None of the %d suites that the device offers is in %s.", len(o.proper()), list), enable
	})
}

// OffersP384 judges whether a device that offers ECDHE can do it on the one
// curve of the trunk.
func OffersP384(c Case) Verdict {
	lasting, going := c.edition()
	return c.each("A device that offers ECDHE suites offers the curve secp384r1 for them.", true, func(o greeting) (Status, string, string) {
		const enable = "Enable the curve secp384r1 (P-384) in the device's TLS profile for the trunk."
		all := o.of(slices.Concat(lasting, going))
		ecdhe := slices.DeleteFunc(slices.Clone(all), func(s uint16) bool { return slices.Contains(static, s) })
		plain := slices.DeleteFunc(all, func(s uint16) bool { return !slices.Contains(static, s) })
		stays := slices.ContainsFunc(plain, func(s uint16) bool { return slices.Contains(lasting, s) })
		switch {
		case len(ecdhe) == 0:
			return Pass, "The device offers no ECDHE suite of the specification, so no curve is needed; without ECDHE there is no forward secrecy.", ""
		case slices.Contains(o.Groups, secp384r1):
			return Pass, "The device offers ECDHE suites and secp384r1.", ""
		case len(o.Groups) == 0 && !slices.Contains(o.Extensions, supportedGroups):
			return Warn, "The device offers ECDHE suites but names no curve (it sends no supported_groups), so the server may choose any (RFC 8422 section 4), or take it for a device without ECDHE.",
				enable + " If it is enabled, let the device send the extension supported_groups."
		case stays:
			return Warn, fmt.Sprintf("The device offers ECDHE suites but not secp384r1 (its groups: %s), so these cannot be used; the connection falls back to %s, without forward secrecy.", groupNames(o.Groups), suiteNames(plain)), enable
		case len(plain) > 0:
			return Warn, fmt.Sprintf("The device offers ECDHE suites but not secp384r1 (its groups: %s), so these cannot be used. What is left is %s, which is to be removed: then no connection is possible.", groupNames(o.Groups), suiteNames(plain)), enable
		}
		return Fail, fmt.Sprintf("Of the specification's suites the device offers only ECDHE ones, and not secp384r1 (its groups: %s): no connection is possible.", groupNames(o.Groups)), enable
	})
}

// OffersTLS12 judges whether the device offers the one version of the trunk.
func OffersTLS12(c Case) Verdict {
	return c.each("The device offers TLS 1.2.", true, func(o greeting) (Status, string, string) {
		old := slices.DeleteFunc(slices.Clone(o.Versions), func(v uint16) bool { return v >= tls12 || grease(v) })
		switch {
		case !slices.Contains(o.Versions, tls12):
			return Fail, fmt.Sprintf("The device does not offer TLS 1.2; it offers: %s.", versionNames(o.Versions)), "Enable TLS 1.2, the only version on these trunks, in the device's TLS profile."
		case len(old) > 0:
			return Warn, "The device offers TLS 1.2, and beside it " + versionNames(old) + ", which RFC 8996 forbids.", "Switch off versions below TLS 1.2 in the device's TLS profile."
		}
		return Pass, "The device offers " + versionNames(o.Versions) + ".", ""
	})
}

// NoWeakSuiteOffered judges whether the device offers suites that nobody should use.
func NoWeakSuiteOffered(c Case) Verdict {
	return c.each("The device offers no suite without encryption or authentication, none of export strength, and no RC4, DES or 3DES.", false, func(o greeting) (Status, string, string) {
		if bad := o.of(WeakSuites()); len(bad) > 0 {
			return Fail, "The device offers " + suiteNames(bad) + ". The cloud chooses none of them, but whoever poses as the cloud may.", "Remove them from the device's cipher list."
		}
		return Pass, fmt.Sprintf("None of the %d suites that the device offers is weak.", len(o.proper())), ""
	})
}

// SignaturesForG3 judges whether the device offers the signature algorithms that
// it takes to verify a chain under Global Root G3, whose CAs have ECDSA keys.
func SignaturesForG3(c Case) Verdict {
	return c.each("The device offers the signature algorithms that an RSA certificate under Global Root G3 needs: ecdsa_secp384r1_sha384, and RSA with SHA-256 or better.", true, func(o greeting) (Status, string, string) {
		const enable = "Enable ecdsa_secp384r1_sha384 and rsa_pkcs1_sha256 in the device's TLS profile."
		rsa := slices.ContainsFunc(o.SignatureSchemes, func(s uint16) bool {
			return slices.Contains([]uint16{0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806}, s)
		})
		ofCertificates, where := o.SignatureSchemes, ""
		if len(o.CertificateSchemes) > 0 {
			ofCertificates, where = o.CertificateSchemes, " in its list for certificates (signature_algorithms_cert)"
		}
		switch {
		case len(o.SignatureSchemes) == 0:
			return Fail, "The device sends no signature_algorithms, which means SHA-1 only (RFC 5246 section 7.4.1.4.1).", enable
		case !rsa:
			return Fail, "The device offers no signature of RSA with SHA-256 or better, which every certificate of the cloud needs.", enable
		case slices.Contains(ofCertificates, ecdsaP384SHA384):
			return Pass, fmt.Sprintf("The device offers both, among %d signature algorithms%s.", len(ofCertificates), where), ""
		}
		return Fail, "The device does not offer ecdsa_secp384r1_sha384" + where + ", with which the certificates under Global Root G3 are signed.", enable
	})
}

// Fingerprint tells what the device's ClientHello looks like, to be compared
// between versions of its firmware. It judges nothing.
func Fingerprint(c Case) Verdict {
	v := c.each("What the device's ClientHello looks like is told, not judged.", true, func(o greeting) (Status, string, string) { return Pass, o.sketch(), "" })
	hellos, _ := c.offers(&Verdict{})
	for i, o := range hellos {
		if i == 0 {
			v.Witnesses = append(v.Witnesses, "suites: "+suiteNames(o.Suites), "groups: "+groupNames(o.Groups),
				"signature algorithms: "+numbers(o.SignatureSchemes), "extensions: "+numbers(o.Extensions))
			if len(o.CertificateSchemes) > 0 {
				v.Witnesses = append(v.Witnesses, "signature algorithms of certificates: "+numbers(o.CertificateSchemes))
			}
		} else if other := "another ClientHello: " + o.sketch(); o.sketch() != v.Observed && !slices.Contains(v.Witnesses, other) {
			v.Witnesses = append(v.Witnesses, other)
		}
	}
	return v
}

// sketch is a ClientHello in one sentence.
func (o greeting) sketch() string {
	sni := "no SNI"
	if o.ServerName != "" {
		sni = fmt.Sprintf("SNI %q", o.ServerName)
	}
	extra := ""
	if slices.ContainsFunc(slices.Concat(o.Suites, o.Groups, o.Extensions, o.Versions), grease) {
		extra = ", with GREASE (RFC 8701)"
	}
	count := func(values []uint16) int {
		return len(slices.DeleteFunc(slices.Clone(values), grease))
	}
	return fmt.Sprintf("%s; %s; suites: %d, groups: %d, extensions: %d%s.", versionNames(o.Versions), sni, len(o.proper()), count(o.Groups), count(o.Extensions), extra)
}
