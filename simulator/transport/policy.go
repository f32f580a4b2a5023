package transport

import (
	"crypto/tls"
	"fmt"
	"slices"
)

// P384 is the only group for ECDHE on these trunks (clause byoc-015-ecdhe-p384-only).
const P384 = tls.CurveP384

// The two suites that are slated for removal; crypto/tls has neither.
const (
	ecdheRSAAES256CBCSHA384 uint16 = 0xc028
	rsaAES256CBCSHA256      uint16 = 0x003d
)

// Editions of the specification, and what it is to become.
const (
	Older = "older"
	Newer = "newer"
	// AfterDeprecation is the newer edition without the suites whose removal it
	// announces.
	AfterDeprecation = "after-deprecation"
)

// survivingSuites stay in the newer edition, in the order in which the cloud
// offers them as client: forward secrecy and AEAD first. The vendor's own order
// is not published (clause byoc-013-cipher-list).
var survivingSuites = []uint16{
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_RSA_WITH_AES_256_CBC_SHA,
}

// SurvivingSuites returns the six suites of the newer edition that are not
// slated for removal, in the order in which the cloud offers them.
func SurvivingSuites() []uint16 { return slices.Clone(survivingSuites) }

// DeprecatedSuites returns the two that are slated for removal.
func DeprecatedSuites() []uint16 { return []uint16{ecdheRSAAES256CBCSHA384, rsaAES256CBCSHA256} }

// EditionSuites returns those of an edition, Newer where it is empty, in the
// order in which the cloud offers them: the deprecated ones last.
func EditionSuites(edition string) []uint16 {
	switch edition {
	case Older:
		return append([]uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_RSA_WITH_AES_256_CBC_SHA,
		}, DeprecatedSuites()...)
	case AfterDeprecation:
		return SurvivingSuites()
	}
	return append(SurvivingSuites(), DeprecatedSuites()...)
}

// LastingSuites returns those of an edition that are not slated for removal.
func LastingSuites(edition string) []uint16 {
	return slices.DeleteFunc(EditionSuites(edition), func(s uint16) bool { return slices.Contains(DeprecatedSuites(), s) })
}

// goCan reports whether crypto/tls has a suite.
func goCan(suite uint16) bool { return !slices.Contains(DeprecatedSuites(), suite) }

// ECDSASuites returns those that a leaf with an ECDSA key would need; no edition
// has one (clause byoc-k12-g3-root-rsa-suites).
func ECDSASuites() []uint16 {
	return []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
}

// SuiteName returns the IANA name of a cipher suite, or its number.
func SuiteName(id uint16) string {
	switch id {
	case ecdheRSAAES256CBCSHA384:
		return "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"
	case rsaAES256CBCSHA256:
		return "TLS_RSA_WITH_AES_256_CBC_SHA256"
	}
	return tls.CipherSuiteName(id)
}

func ecdhe(suite uint16) bool {
	switch suite {
	case tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		ecdheRSAAES256CBCSHA384:
		return true
	}
	return slices.Contains(ECDSASuites(), suite)
}

func curves(groups []uint16) []tls.CurveID {
	var out []tls.CurveID
	for _, g := range groups {
		out = append(out, tls.CurveID(g))
	}
	return out
}

// choose picks the suite as the cloud does for a call to it: the first in the
// device's list that the edition allows, and whose key exchange the device can
// do with P-384 (the device's priority decides).
func choose(offered []uint16, groups []tls.CurveID, allowed []uint16) (uint16, error) {
	p384 := slices.Contains(groups, P384)
	noGroup := false
	for _, s := range offered {
		if !slices.Contains(allowed, s) {
			continue
		}
		if ecdhe(s) && !p384 {
			noGroup = true
			continue
		}
		return s, nil
	}
	if noGroup {
		return 0, fmt.Errorf("choosing a cipher suite: the device's ECDHE suites cannot be used without secp384r1, which it does not offer")
	}
	return 0, fmt.Errorf("choosing a cipher suite: none of the %d suites offered is allowed on a BYOC Cloud trunk", len(offered))
}

// AlertName returns the name that RFC 5246 7.2 (and later RFCs) give an alert.
func AlertName(code uint8) string {
	if name, ok := alertNames[code]; ok {
		return name
	}
	return fmt.Sprintf("alert_%d", code)
}

var alertNames = map[uint8]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
	30: "decompression_failure", 40: "handshake_failure", 42: "bad_certificate",
	43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
	46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied",
	50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security",
	80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
	109: "missing_extension", 110: "unsupported_extension", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 115: "unknown_psk_identity", 116: "certificate_required",
	120: "no_application_protocol",
}
