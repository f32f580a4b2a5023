package scripted

import (
	"errors"
	"fmt"
	"slices"
)

// Versions of TLS as they stand on the wire.
const (
	VersionTLS10 = 0x0301
	VersionTLS11 = 0x0302
	VersionTLS12 = 0x0303
	VersionTLS13 = 0x0304
)

// Extension types (RFC 6066, 8422, 5246, 7627, 8446, 5746).
const (
	extensionServerName           = 0
	extensionSupportedGroups      = 10
	extensionPointFormats         = 11
	extensionSignatureAlgorithms  = 13
	extensionExtendedMasterSecret = 23
	extensionSupportedVersions    = 43
	extensionRenegotiationInfo    = 0xff01
)

// RenegotiationSCSV stands in the suites for an empty renegotiation_info
// extension (RFC 5746 3.3).
const RenegotiationSCSV = 0x00ff

// ErrMalformed is the cause of an error about a message that does not follow
// its syntax.
var ErrMalformed = errors.New("malformed message")

// Hello is a ClientHello (RFC 5246 7.4.1.2), field by field as on the wire.
type Hello struct {
	Version     uint16
	Random      [32]byte
	SessionID   []byte
	Suites      []uint16
	Compression []uint8
	// Extensions in their order; nil leaves the block out, which TLS 1.2 allows.
	Extensions []Extension
}

// Extension is one extension of a hello.
type Extension struct {
	Type uint16
	Body []byte
}

// NewHello returns the ClientHello of the simulated cloud: TLS 1.2, the given
// suites, secp384r1 alone, RSA signatures. An empty name sends no server_name.
func NewHello(name string, suites ...uint16) Hello {
	h := Hello{Version: VersionTLS12, Suites: suites, Compression: []uint8{0}}
	if name != "" {
		h.Extensions = append(h.Extensions, ServerName(name))
	}
	h.Extensions = append(h.Extensions,
		SupportedGroups(GroupP384),
		Extension{extensionPointFormats, []byte{1, 0}},
		SignatureAlgorithms(0x0601, 0x0501, 0x0401, 0x0806, 0x0805, 0x0804),
		Extension{extensionExtendedMasterSecret, nil},
		Extension{extensionRenegotiationInfo, []byte{0}},
	)
	return h
}

// ServerName returns a server_name extension with one host name (RFC 6066 3).
func ServerName(name string) Extension {
	entry := appendVector([]byte{0}, 2, []byte(name))
	return Extension{extensionServerName, appendVector(nil, 2, entry)}
}

// SupportedGroups returns a supported_groups extension (RFC 8422 5.1.1).
func SupportedGroups(groups ...uint16) Extension {
	return Extension{extensionSupportedGroups, appendVector(nil, 2, encodeNumbers(groups))}
}

// SignatureAlgorithms returns a signature_algorithms extension (RFC 5246
// 7.4.1.4.1; the numbers as in RFC 8446 4.2.3).
func SignatureAlgorithms(schemes ...uint16) Extension {
	return Extension{extensionSignatureAlgorithms, appendVector(nil, 2, encodeNumbers(schemes))}
}

// SupportedVersions returns a supported_versions extension (RFC 8446 4.2.1), of
// at most 127 versions.
func SupportedVersions(versions ...uint16) Extension {
	return Extension{extensionSupportedVersions, appendVector(nil, 1, encodeNumbers(versions))}
}

// GREASE returns the i-th of the sixteen values that are reserved so that peers
// learn to ignore what they do not know (RFC 8701 2): they serve as suite,
// group, version and extension type.
func GREASE(i int) uint16 { return uint16(i&15)<<12 | uint16(i&15)<<4 | 0x0a0a }

// ParseHello reads the body of a ClientHello message.
func ParseHello(body []byte) (Hello, error) {
	c := cursor{b: body}
	h := Hello{Version: uint16(c.number(2))}
	copy(h.Random[:], c.take(32))
	h.SessionID = slices.Clone(c.vector(1))
	h.Suites = c.numbers(2)
	h.Compression = slices.Clone(c.vector(1))
	if !c.short && len(c.b) > 0 {
		h.Extensions = parseExtensions(&c)
	}
	if !c.whole() {
		return h, fmt.Errorf("reading the ClientHello: %w", ErrMalformed)
	}
	return h, nil
}

// parseExtensions reads a block of extensions; it is not nil where there is one.
func parseExtensions(c *cursor) []Extension {
	block := cursor{b: c.vector(2)}
	out := []Extension{}
	for !block.short && len(block.b) > 0 {
		e := Extension{Type: uint16(block.number(2)), Body: slices.Clone(block.vector(2))}
		if !block.short {
			out = append(out, e)
		}
	}
	c.short = c.short || block.short
	return out
}

// Marshal returns the body of the message. It fails where a field is longer
// than its length can say.
func (h Hello) Marshal() ([]byte, error) {
	extensions := appendExtensions(nil, h.Extensions)
	switch {
	case len(h.SessionID) > 0xff:
		return nil, fmt.Errorf("writing a ClientHello: a session_id of %d octets", len(h.SessionID))
	case 2*len(h.Suites) > 0xffff:
		return nil, fmt.Errorf("writing a ClientHello: %d cipher suites", len(h.Suites))
	case len(h.Compression) > 0xff:
		return nil, fmt.Errorf("writing a ClientHello: %d compression methods", len(h.Compression))
	case len(extensions) > 0xffff:
		return nil, fmt.Errorf("writing a ClientHello: %d octets of extensions", len(extensions))
	}
	b := appendNumber(nil, 2, int(h.Version))
	b = append(b, h.Random[:]...)
	b = appendVector(b, 1, h.SessionID)
	b = appendVector(b, 2, encodeNumbers(h.Suites))
	b = appendVector(b, 1, h.Compression)
	if h.Extensions != nil {
		b = appendVector(b, 2, extensions)
	}
	return b, nil
}

func appendExtensions(dst []byte, all []Extension) []byte {
	for _, e := range all {
		dst = appendVector(appendNumber(dst, 2, int(e.Type)), 2, e.Body)
	}
	return dst
}

// Extension returns the body of the first extension of that type.
func (h Hello) Extension(kind uint16) ([]byte, bool) { return findExtension(h.Extensions, kind) }

func findExtension(all []Extension, kind uint16) ([]byte, bool) {
	for _, e := range all {
		if e.Type == kind {
			return e.Body, true
		}
	}
	return nil, false
}

// Groups returns the supported_groups; nil where the extension is missing or
// malformed.
func (h Hello) Groups() []uint16 { return h.list(extensionSupportedGroups, 2) }

// Schemes returns the signature_algorithms, in the same way.
func (h Hello) Schemes() []uint16 { return h.list(extensionSignatureAlgorithms, 2) }

// Versions returns the supported_versions, in the same way. Without them a
// client offers all up to Version, from a lowest that it keeps to itself.
func (h Hello) Versions() []uint16 { return h.list(extensionSupportedVersions, 1) }

func (h Hello) list(kind uint16, prefix int) []uint16 {
	body, _ := h.Extension(kind)
	c := cursor{b: body}
	if v := c.numbers(prefix); c.whole() {
		return v
	}
	return nil
}

// mayOffer reports whether the client may have offered the version.
func (h Hello) mayOffer(version uint16) bool {
	if v := h.Versions(); v != nil {
		return slices.Contains(v, version)
	}
	return version <= h.Version
}
