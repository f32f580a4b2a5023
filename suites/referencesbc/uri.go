package referencesbc

import (
	"net/netip"
	"strconv"
)

// maxNumber bounds a number, in characters; E.164 has 15 digits.
const maxNumber = 64

// number returns the user part of a SIP URI if it can stand as a number or name
// in another URI as it is, without escapes.
func number(user string) (string, bool) {
	if user == "" || len(user) > maxNumber {
		return "", false
	}
	for i, c := range []byte(user) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '*', c == '.', c == '-', c == '_':
		case c == '+' && i == 0:
		default:
			return "", false
		}
	}
	return user, true
}

// trunkUser returns the user part of a Request-URI towards the cloud: the
// number and, in the user part where they belong, the trunk group's parameters
// (RFC 4904 5). Without a trunk group it is the number alone.
func (s *SBC) trunkUser(number string) string {
	user := number
	if s.TrunkGroup != "" {
		user += ";tgrp=" + s.TrunkGroup
		if s.TrunkContext != "" {
			user += ";trunk-context=" + s.TrunkContext
		}
	}
	return user
}

// trunkHost returns the host part of a Request-URI towards a proxy: the very
// name that the certificate is checked against. The transport parameter follows
// it where the request is written.
func (s *SBC) trunkHost(p *proxy, addr netip.Addr) string {
	if s.Mutant == DialsIP {
		return netip.AddrPortFrom(addr, s.Port).String()
	}
	return p.name + ":" + strconv.Itoa(int(s.Port))
}
