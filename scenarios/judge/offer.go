package judge

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"byocheck/simulator/record"
)

// The judges of the device's ClientHello: what it offers when it calls the
// cloud. Whether it uses what it offers is for other scenarios.

const (
	secp384r1       = 24     // RFC 8422 section 5.1.1
	ecdsaP384SHA384 = 0x0503 // RFC 8446 section 4.2.3
)

var (
	// surviving are the suites of the newer edition that are not slated for
	// removal, and deprecated those that are (clauses byoc-013 and byoc-014).
	surviving  = []uint16{0xc030, 0xc02f, 0xc014, 0x009d, 0x009c, 0x0035}
	deprecated = []uint16{0xc028, 0x003d}
	// older are the five of the older edition.
	older = []uint16{0xc030, 0xc02f, 0x0035, 0xc028, 0x003d}
)

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

// worse keeps the graver of two statuses.
func worse(a, b Status) Status {
	order := Statuses()
	if slices.Index(order, b) < slices.Index(order, a) {
		return b
	}
	return a
}

// each judges every ClientHello alike; the gravest outcome counts, and is the
// one that is told.
func (c Case) each(expected string, one func(greeting) (Status, string, string)) Verdict {
	v := Verdict{Expected: expected}
	hellos, ok := c.offers(&v)
	if !ok {
		return v
	}
	for i, o := range hellos {
		status, observed, hint := one(o)
		if i == 0 || worse(v.Status, status) != v.Status {
			v.Status, v.Observed, v.Hint, v.Evidence = status, observed, hint, nil
			v.show(o.a, o.e, "%s: the device's ClientHello", o.conn.proxy)
		}
	}
	v.measure("ClientHellos looked at", float64(len(hellos)), "")
	return v
}

// OffersSurvivingSuite judges whether the device offers a suite that it can
// still use when the deprecated ones are gone.
func OffersSurvivingSuite(c Case) Verdict {
	allowed := surviving
	if c.Edition == "older" {
		allowed = older
	}
	return c.each("The device offers a cipher suite of the specification, and one that stays when the deprecated ones are gone.", func(o greeting) (Status, string, string) {
		lasting, going := o.of(slices.DeleteFunc(slices.Clone(allowed), func(s uint16) bool { return slices.Contains(deprecated, s) })), o.of(deprecated)
		switch {
		case len(lasting) > 0:
			return Pass, fmt.Sprintf("The device offers %d of the suites that stay: %s.", len(lasting), suiteNames(lasting)), ""
		case len(going) > 0 && c.Edition != "after-deprecation":
			return Warn, fmt.Sprintf("Of the specification's suites the device offers only %s. It works as long as these are accepted, and fails when they are removed, as announced on 24 March 2025.", suiteNames(going)),
				"Enable on the device one of: " + suiteNames(surviving) + "."
		}
		return unmet(c.Level), fmt.Sprintf("None of the %d suites that the device offers is in the specification.", len(o.Suites)), "Enable on the device one of: " + suiteNames(surviving) + "."
	})
}

// OffersP384 judges whether a device that offers ECDHE can do it on the one
// curve of the trunk.
func OffersP384(c Case) Verdict {
	return c.each("A device that offers ECDHE suites offers the curve secp384r1 for them.", func(o greeting) (Status, string, string) {
		const enable = "Enable the curve secp384r1 (P-384) in the device's TLS profile for the trunk."
		ecdhe, plain := o.of([]uint16{0xc030, 0xc02f, 0xc014, 0xc028}), o.of([]uint16{0x009d, 0x009c, 0x0035, 0x003d})
		switch {
		case len(ecdhe) == 0:
			return Pass, "The device offers no ECDHE suite of the specification, so no curve is needed; without ECDHE there is no forward secrecy.", ""
		case slices.Contains(o.Groups, secp384r1):
			return Pass, "The device offers ECDHE suites and secp384r1.", ""
		case len(plain) > 0:
			return Warn, fmt.Sprintf("The device offers ECDHE suites but not secp384r1 (its groups: %s), so these cannot be used; the connection falls back to %s, without forward secrecy.", groupNames(o.Groups), suiteNames(plain)), enable
		}
		return unmet(c.Level), fmt.Sprintf("The device offers only ECDHE suites, and not secp384r1 (its groups: %s): no connection is possible.", groupNames(o.Groups)), enable
	})
}

// OffersTLS12 judges whether the device offers the one version of the trunk.
func OffersTLS12(c Case) Verdict {
	return c.each("The device offers TLS 1.2.", func(o greeting) (Status, string, string) {
		if slices.Contains(o.Versions, tls.VersionTLS12) {
			if old := slices.DeleteFunc(slices.Clone(o.Versions), func(v uint16) bool { return v >= tls.VersionTLS12 || grease(v) }); len(old) > 0 {
				return Warn, "The device offers TLS 1.2, and beside it " + versionNames(old) + ", which RFC 8996 forbids.", "Switch off versions below TLS 1.2 in the device's TLS profile."
			}
			return Pass, "The device offers " + versionNames(o.Versions) + ".", ""
		}
		return unmet(c.Level), "The device offers only " + versionNames(o.Versions) + ".", "Enable TLS 1.2, the only version on these trunks, in the device's TLS profile."
	})
}

// NoWeakSuiteOffered judges whether the device offers suites that nobody should use.
func NoWeakSuiteOffered(c Case) Verdict {
	return c.each("The device offers no suite without encryption or authentication, none of export strength, and no RC4, DES or 3DES.", func(o greeting) (Status, string, string) {
		var bad []string
		for _, s := range o.Suites {
			if name, weak := weakSuites[s]; weak {
				bad = append(bad, name)
			}
		}
		if len(bad) == 0 {
			return Pass, fmt.Sprintf("None of the %d suites that the device offers is weak.", len(o.Suites)), ""
		}
		return unmet(c.Level), "The device offers " + strings.Join(bad, ", ") + ". The cloud chooses none of them, but whoever poses as the cloud may.", "Remove them from the device's cipher list."
	})
}

// SignaturesForG3 judges whether the device offers what it takes to verify a
// chain under Global Root G3, whose CAs have ECDSA keys.
func SignaturesForG3(c Case) Verdict {
	return c.each("The device offers the signature algorithms that an RSA certificate under Global Root G3 needs: ecdsa_secp384r1_sha384, and RSA with SHA-256.", func(o greeting) (Status, string, string) {
		const enable = "Enable ecdsa_secp384r1_sha384 and rsa_pkcs1_sha256 in the device's TLS profile."
		rsa := slices.ContainsFunc(o.SignatureSchemes, func(s uint16) bool {
			return slices.Contains([]uint16{0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806}, s)
		})
		switch {
		case len(o.SignatureSchemes) == 0:
			return unmet(c.Level), "The device sends no signature_algorithms, which means SHA-1 only (RFC 5246 section 7.4.1.4.1).", enable
		case !rsa:
			return unmet(c.Level), "The device offers no signature of RSA with SHA-256 or better, which every certificate of the cloud needs.", enable
		case !slices.Contains(o.SignatureSchemes, ecdsaP384SHA384):
			return unmet(c.Level), "The device does not offer ecdsa_secp384r1_sha384, with which the certificates under Global Root G3 are signed.", enable
		}
		return Pass, fmt.Sprintf("The device offers both, among %d signature algorithms.", len(o.SignatureSchemes)), ""
	})
}

// Fingerprint tells what the device's ClientHello looks like, to be compared
// between versions of its firmware. It judges nothing.
func Fingerprint(c Case) Verdict {
	v := c.each("What the device's ClientHello looks like is told, not judged.", func(o greeting) (Status, string, string) {
		sni := "no SNI"
		if o.ServerName != "" {
			sni = fmt.Sprintf("SNI %q", o.ServerName)
		}
		extra := ""
		if slices.ContainsFunc(slices.Concat(o.Suites, o.Groups, o.Extensions, o.Versions), grease) {
			extra = ", with GREASE (RFC 8701)"
		}
		return Pass, fmt.Sprintf("%s, %s, %d suites, %d groups, %d extensions%s.", versionNames(o.Versions), sni, len(o.Suites), len(o.Groups), len(o.Extensions), extra), ""
	})
	hellos, _ := c.offers(&Verdict{})
	for _, o := range hellos[:min(1, len(hellos))] {
		v.Witnesses = append(v.Witnesses, "suites: "+suiteNames(o.Suites), "groups: "+groupNames(o.Groups),
			"signature algorithms: "+numbers(o.SignatureSchemes), "extensions: "+numbers(o.Extensions))
	}
	return v
}

// grease reports whether a value is one of those reserved by RFC 8701.
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func suiteNames(suites []uint16) string {
	var out []string
	for _, s := range suites {
		name := tls.CipherSuiteName(s)
		if other, is := otherSuites[s]; is {
			name = other
		} else if weak, is := weakSuites[s]; is {
			name = weak
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// otherSuites are names that crypto/tls does not know.
var otherSuites = map[uint16]string{
	0xc028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
	0x003d: "TLS_RSA_WITH_AES_256_CBC_SHA256",
	0x00ff: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
	0x5600: "TLS_FALLBACK_SCSV",
}

func groupNames(groups []uint16) string {
	if len(groups) == 0 {
		return "none"
	}
	names := map[uint16]string{23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448"}
	var out []string
	for _, g := range groups {
		if n, is := names[g]; is {
			out = append(out, n)
			continue
		}
		out = append(out, fmt.Sprintf("0x%04x", g))
	}
	return strings.Join(out, ", ")
}

func versionNames(versions []uint16) string {
	var out []string
	for _, v := range versions {
		if !grease(v) {
			out = append(out, tls.VersionName(v))
		}
	}
	return strings.Join(out, ", ")
}

func numbers(values []uint16) string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprintf("%04x", v))
	}
	return strings.Join(out, " ")
}
