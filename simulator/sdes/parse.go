package sdes

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"strings"
)

// maxValue is the longest value that is looked at, in octets. The longest
// useful line, with several keys, has a few hundred.
const maxValue = 8192

// Parse reads the value of an a=crypto attribute: what follows "a=crypto:",
// without the line's end. Every error is an [*Error].
//
// A suite that is not known is no error: the line comes back with opaque keys
// (see [Line.Known]). Nor is an unknown session parameter, even a mandatory
// one: the line can be read, only not used (see [Line.Context]).
func Parse(value string) (Line, error) {
	if len(value) > maxValue {
		return Line{}, wrong(PartLine, "", "%d octets are more than %d", len(value), maxValue)
	}
	for i := range len(value) {
		if c := value[i]; c != ' ' && c != '\t' && (c < 0x21 || c > 0x7e) {
			return Line{}, wrong(PartLine, value[i:i+1], "octet that is not printable ASCII")
		}
	}
	fields := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) < 3 {
		return Line{}, wrong(PartLine, "", "%d fields; tag, crypto-suite and key-params are needed", len(fields))
	}
	if value[0] == ' ' || value[0] == '\t' {
		return Line{}, wrong(PartLine, "", "white space before the tag")
	}
	var l Line
	var ok bool
	if l.Tag, ok = decimal(fields[0], 9); !ok {
		return Line{}, wrong(PartTag, fields[0], "not a number of 1 to 9 digits")
	}
	l.Suite = SuiteName(fields[1])
	if !isToken(fields[1]) {
		return Line{}, wrong(PartSuite, fields[1], "characters other than letters, digits and underscores")
	}
	if s, known := Lookup(l.Suite); known {
		l.Suite = s.Name
	}
	keys, err := parseKeys(fields[2], l.Suite)
	if err != nil {
		return Line{}, err
	}
	l.Keys = keys
	for _, p := range fields[3:] {
		p, err := parseParam(p)
		if err != nil {
			return Line{}, err
		}
		l.Params = append(l.Params, p)
	}
	return l, nil
}

func parseKeys(text string, name SuiteName) ([]Key, error) {
	suite, known := Lookup(name)
	var keys []Key
	for one := range strings.SplitSeq(text, ";") {
		method, info, ok := strings.Cut(one, ":")
		switch {
		case !ok || !isToken(method):
			return nil, wrong(PartKeyMethod, "", "key parameter is not method:value")
		case info == "":
			return nil, wrong(PartKey, "", "key parameter has no key")
		case !known:
			keys = append(keys, Key{Opaque: one})
			continue
		case !strings.EqualFold(method, "inline"):
			return nil, wrong(PartKeyMethod, method, "the only method for SRTP is inline")
		}
		k, err := parseInline(info, suite)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if !known || len(keys) == 1 {
		return keys, nil
	}
	for i, k := range keys {
		if len(k.MKI) == 0 {
			return nil, wrong(PartMKI, "", "several keys need an MKI each, key %d has none", i+1)
		}
		if len(k.MKI) != len(keys[0].MKI) {
			return nil, wrong(PartMKI, "", "MKIs of %d and %d octets in one line", len(keys[0].MKI), len(k.MKI))
		}
		for _, other := range keys[:i] {
			if bytes.Equal(other.MKI, k.MKI) {
				return nil, wrong(PartMKI, "", "two keys with the same MKI")
			}
		}
	}
	return keys, nil
}

// parseInline reads key-salt ["|" lifetime] ["|" mki].
func parseInline(info string, suite Suite) (Key, error) {
	parts := strings.Split(info, "|")
	secret, err := base64.StdEncoding.Strict().DecodeString(parts[0])
	if err != nil {
		return Key{}, wrong(PartKey, "", "not base64 with its padding (RFC 4648 section 4)")
	}
	if want := suite.KeyLen + suite.SaltLen; len(secret) != want {
		return Key{}, wrong(PartKey, "", "%d octets of key and salt, %s needs %d", len(secret), suite.Name, want)
	}
	k := Key{Master: secret[:suite.KeyLen:suite.KeyLen], Salt: secret[suite.KeyLen:]}
	rest := parts[1:]
	if len(rest) > 0 && !strings.Contains(rest[0], ":") {
		if k.Lifetime, err = parseLifetime(rest[0]); err != nil {
			return Key{}, err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if k.MKI, err = parseMKI(rest[0]); err != nil {
			return Key{}, err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return Key{}, wrong(PartMKI, rest[0], "text after the MKI")
	}
	return k, nil
}

// parseLifetime reads a number of packets, plain or as a power of two. SRTP
// never lets one key protect more than 2^48 packets (RFC 3711 section 9.2).
func parseLifetime(s string) (uint64, error) {
	const most = 1 << 48
	if exponent, ok := strings.CutPrefix(s, "2^"); ok {
		n, ok := decimal(exponent, 2)
		if !ok || n > 48 {
			return 0, wrong(PartLifetime, s, "exponent is not 0 to 48")
		}
		return 1 << n, nil
	}
	n, ok := decimal(s, 15)
	if !ok || n == 0 || n > most {
		return 0, wrong(PartLifetime, s, "not a number of packets from 1 to 2^48")
	}
	return uint64(n), nil
}

// parseMKI reads value:length, the length in octets.
func parseMKI(s string) ([]byte, error) {
	value, length, _ := strings.Cut(s, ":")
	n, ok := decimal(length, 3)
	if !ok || n < 1 || n > 128 {
		return nil, wrong(PartMKI, s, "length is not 1 to 128 octets")
	}
	const mostDigits = 309 // of 2^1024-1, the largest value of 128 octets
	if value == "" || len(value) > mostDigits || strings.Trim(value, "0123456789") != "" {
		return nil, wrong(PartMKI, s, "value is not a decimal number")
	}
	id, ok := new(big.Int).SetString(value, 10)
	if !ok || id.BitLen() > 8*n {
		return nil, wrong(PartMKI, s, "value needs more than the %d octets given", n)
	}
	return id.FillBytes(make([]byte, n)), nil
}

// isToken reports whether s is letters, digits and underscores, at least one.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}
