package judge

import (
	"fmt"
	"slices"
	"strings"
)

// otherSuites are the IANA names of those that a device is likely to offer, beside weakSuites.
var otherSuites = map[uint16]string{
	0x002f: "TLS_RSA_WITH_AES_128_CBC_SHA",
	0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
	0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
	0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
	0x003c: "TLS_RSA_WITH_AES_128_CBC_SHA256",
	0x003d: "TLS_RSA_WITH_AES_256_CBC_SHA256",
	0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
	0x006b: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
	0x009c: "TLS_RSA_WITH_AES_128_GCM_SHA256",
	0x009d: "TLS_RSA_WITH_AES_256_GCM_SHA384",
	0x009e: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
	0x009f: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
	0x00ff: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
	0x1301: "TLS_AES_128_GCM_SHA256",
	0x1302: "TLS_AES_256_GCM_SHA384",
	0x1303: "TLS_CHACHA20_POLY1305_SHA256",
	0x1304: "TLS_AES_128_CCM_SHA256",
	0x1305: "TLS_AES_128_CCM_8_SHA256",
	0x5600: "TLS_FALLBACK_SCSV",
	0xc009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
	0xc00a: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
	0xc013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
	0xc014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	0xc023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
	0xc024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
	0xc027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
	0xc028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
	0xc02b: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	0xc02c: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	0xc02f: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	0xc030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	0xc09c: "TLS_RSA_WITH_AES_128_CCM",
	0xc09d: "TLS_RSA_WITH_AES_256_CCM",
	0xc09e: "TLS_DHE_RSA_WITH_AES_128_CCM",
	0xc09f: "TLS_DHE_RSA_WITH_AES_256_CCM",
	0xc0a0: "TLS_RSA_WITH_AES_128_CCM_8",
	0xc0a1: "TLS_RSA_WITH_AES_256_CCM_8",
	0xc0a2: "TLS_DHE_RSA_WITH_AES_128_CCM_8",
	0xc0a3: "TLS_DHE_RSA_WITH_AES_256_CCM_8",
	0xc0ac: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
	0xc0ad: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
	0xc0ae: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
	0xc0af: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
	0xcca8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	0xcca9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	0xccaa: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

// signals are values among the cipher suites that are none (RFC 5746 section 3.3,
// RFC 7507 section 2).
var signals = []uint16{0x00ff, 0x5600}

// SuiteName returns the IANA name of a suite, or its number.
func SuiteName(id uint16) string {
	if name, is := otherSuites[id]; is {
		return name
	}
	if name, is := weakSuites[id]; is {
		return name
	}
	return unnamed(id)
}

// unnamed is a value without a name here. Those of RFC 8701 are drawn anew each
// time, so they are told alike.
func unnamed(id uint16) string {
	if grease(id) {
		return "GREASE"
	}
	return fmt.Sprintf("0x%04X", id)
}

// grease reports whether a value is one of those reserved by RFC 8701.
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// Versions of TLS (RFC 8446 section 4.2.1 and before).
const (
	tls12 = 0x0303
	tls11 = 0x0302
)

// versionNumbers are their names.
var versionNumbers = map[uint16]string{0x0300: "SSL 3.0", 0x0301: "TLS 1.0", tls11: "TLS 1.1", tls12: "TLS 1.2", 0x0304: "TLS 1.3"}

func versionName(v uint16) string {
	if name, is := versionNumbers[v]; is {
		return name
	}
	return unnamed(v)
}

// groupNumbers are the names of RFC 8446 section 4.2.7 and of the hybrid groups in use.
var groupNumbers = map[uint16]string{23: "secp256r1", secp384r1: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448",
	256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192", 4588: "X25519MLKEM768"}

func groupName(g uint16) string {
	if name, is := groupNumbers[g]; is {
		return name
	}
	return unnamed(g)
}

// named lists values by their names.
func named(values []uint16, name func(uint16) string) string {
	var out []string
	for _, v := range values {
		out = append(out, name(v))
	}
	return listed(out)
}

func suiteNames(all []uint16) string { return named(all, SuiteName) }
func groupNames(all []uint16) string { return named(all, groupName) }

// versionNames leaves out what stands for no version.
func versionNames(all []uint16) string {
	return named(slices.DeleteFunc(slices.Clone(all), grease), versionName)
}

func numbers(values []uint16) string {
	return named(values, func(v uint16) string {
		if grease(v) {
			return "GREASE"
		}
		return fmt.Sprintf("%04x", v)
	})
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
