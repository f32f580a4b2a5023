// Package sdes reads, writes and negotiates the SDP security descriptions of
// RFC 4568: the "a=crypto" lines in which the two ends of a call exchange
// their SRTP master keys.
//
// A [Line] is one such attribute. [Parse] is strict and says which part of a
// line is wrong with an [Error]; a line that names a suite unknown to this
// package is still a line, because a peer may offer suites that nobody here
// has. [Choose] and [Answer] follow the answerer's part of RFC 4568 section
// 5.1.2, and [Line.Context] turns the keys into an SRTP context.
package sdes

import (
	"strings"

	"github.com/pion/srtp/v3"
)

// SuiteName is a crypto suite as written in SDP, for example
// "AES_CM_128_HMAC_SHA1_80". A peer may write it in any case (RFC 4568
// section 4); [Parse] gives every known suite its registered spelling.
type SuiteName string

// The crypto suites registered with IANA for SRTP that this package knows.
const (
	AESCM128HMACSHA1x80 SuiteName = "AES_CM_128_HMAC_SHA1_80" // RFC 4568 section 6.2.1
	AESCM128HMACSHA1x32 SuiteName = "AES_CM_128_HMAC_SHA1_32" // RFC 4568 section 6.2.2
	F8128HMACSHA1x80    SuiteName = "F8_128_HMAC_SHA1_80"     // RFC 4568 section 6.2.3
	AES192CMHMACSHA1x80 SuiteName = "AES_192_CM_HMAC_SHA1_80" // RFC 6188 section 4
	AES192CMHMACSHA1x32 SuiteName = "AES_192_CM_HMAC_SHA1_32" // RFC 6188 section 4
	AES256CMHMACSHA1x80 SuiteName = "AES_256_CM_HMAC_SHA1_80" // RFC 6188 section 4
	AES256CMHMACSHA1x32 SuiteName = "AES_256_CM_HMAC_SHA1_32" // RFC 6188 section 4
	AEADAES128GCM       SuiteName = "AEAD_AES_128_GCM"        // RFC 7714 section 14.1
	AEADAES256GCM       SuiteName = "AEAD_AES_256_GCM"        // RFC 7714 section 14.1
)

// Suite is what has to be known of a crypto suite to read its keys.
type Suite struct {
	Name SuiteName
	// KeyLen and SaltLen are the lengths of master key and master salt, in
	// octets. An inline key is the base64 of both, one after the other.
	KeyLen, SaltLen int
	// Profile is the transform that carries the suite out. Zero means that
	// the suite's lines can be read and written but not used.
	Profile srtp.ProtectionProfile
}

// Usable reports whether an SRTP context can be made for the suite.
func (s Suite) Usable() bool { return s.Profile != 0 }

// aead reports whether encryption and authentication are one operation, which
// leaves nothing to switch off separately.
func (s Suite) aead() bool {
	return s.Profile == srtp.ProtectionProfileAeadAes128Gcm || s.Profile == srtp.ProtectionProfileAeadAes256Gcm
}

var suites = []Suite{
	{AESCM128HMACSHA1x80, 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_80},
	{AESCM128HMACSHA1x32, 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_32},
	{F8128HMACSHA1x80, 16, 14, 0},
	{AES192CMHMACSHA1x80, 24, 14, 0},
	{AES192CMHMACSHA1x32, 24, 14, 0},
	{AES256CMHMACSHA1x80, 32, 14, srtp.ProtectionProfileAes256CmHmacSha1_80},
	{AES256CMHMACSHA1x32, 32, 14, srtp.ProtectionProfileAes256CmHmacSha1_32},
	{AEADAES128GCM, 16, 12, srtp.ProtectionProfileAeadAes128Gcm},
	{AEADAES256GCM, 32, 12, srtp.ProtectionProfileAeadAes256Gcm},
}

// Lookup finds a suite by its name in SDP, in any case; false if the name is
// not known.
func Lookup(name SuiteName) (Suite, bool) {
	for _, s := range suites {
		if strings.EqualFold(string(s.Name), string(name)) {
			return s, true
		}
	}
	return Suite{}, false
}
