package transport

import (
	"crypto/tls"
	"fmt"
	"slices"
)

// P384 is the only group for ECDHE on these trunks (clause byoc-015-ecdhe-p384-only).
const P384 = tls.CurveP384

// Suites that stay in the newer edition, in the order in which the cloud
// offers them as client: forward secrecy and AEAD first. The vendor's own
// order is not published (clause byoc-013-cipher-list).
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

// EditionSuites returns those of an edition of the specification ("older" or
// "newer") that crypto/tls can do, in the order of SurvivingSuites: the older one
// knows three of the six. The two that are slated for removal need another engine.
func EditionSuites(edition string) []uint16 {
	if edition != "older" {
		return SurvivingSuites()
	}
	return []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	}
}

// ECDSASuites returns those that a leaf with an ECDSA key would need; no edition
// has one (clause byoc-k12-g3-root-rsa-suites).
func ECDSASuites() []uint16 {
	return []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
}

// SuiteName returns the IANA name of a cipher suite, or its number.
func SuiteName(id uint16) string { return tls.CipherSuiteName(id) }

func ecdhe(suite uint16) bool {
	switch suite {
	case tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:
		return true
	}
	return slices.Contains(ECDSASuites(), suite)
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
