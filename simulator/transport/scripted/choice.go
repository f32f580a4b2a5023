package scripted

import (
	"fmt"
	"slices"
)

// choice is what the server makes of a ClientHello.
type choice struct {
	version uint16
	suite   suite
	// temporary: the key exchange is done with a weak RSA key of ours.
	temporary   bool
	group       uint16
	scheme      scheme
	compression uint8
	extensions  []Extension
	// extended: both sides derive the extended master secret.
	extended bool
}

// followed reports whether we can speak what was chosen beyond the client's
// key exchange.
func (c choice) followed() bool {
	return c.version == VersionTLS12 && c.suite.key > 0 && c.compression == 0
}

var errVersion = fmt.Errorf("choosing a version: %w: it does not offer TLS 1.2", ErrUnsuitable)

// choose picks what an honest server would, but for the script's bugs.
func choose(h Hello, b bugs, p Parameters) (choice, error) {
	c := choice{version: VersionTLS12, group: p.Group}
	if c.group == 0 {
		c.group = GroupP384
	}
	var err error
	switch {
	case !h.mayOffer(VersionTLS12):
		return c, errVersion
	case !slices.Contains(h.Compression, 0):
		return c, fmt.Errorf("choosing a compression method: %w: it offers none without compression", ErrUnsuitable)
	}
	if b.unofferedGroup {
		if c.group, err = unofferedGroup(h); err != nil {
			return c, err
		}
	}
	if b.exportSuite {
		c.suite = suite{id: exportSuites[0]}
		for _, id := range exportSuites {
			if slices.Contains(h.Suites, id) {
				c.suite.id = id
				break
			}
		}
	} else if c.suite, err = chooseSuite(h, b, p.Suite, c.group); err != nil {
		return c, err
	}
	if b.unofferedVersion {
		if c.version, c.suite, err = unofferedVersion(h, c.suite); err != nil {
			return c, err
		}
	}
	c.temporary = b.exportSuite || b.weakKey
	if c.suite.ecdhe || c.temporary {
		if c.scheme, err = chooseScheme(h); err != nil {
			return c, err
		}
	}
	if !c.suite.ecdhe {
		c.group = 0
	}
	for b.compress && (c.compression == 0 || slices.Contains(h.Compression, c.compression)) {
		if c.compression++; c.compression == 0 {
			return c, fmt.Errorf("choosing a compression method: %w: it offers all", ErrUnsuitable)
		}
	}
	_, c.extended = h.Extension(extensionExtendedMasterSecret)
	c.extensions, err = answerExtensions(h, b, c)
	return c, err
}

// chooseSuite picks the first of the client's list that the script can use. A
// suite that was not offered is picked in the order of ours.
func chooseSuite(h Hello, b bugs, wanted, group uint16) (suite, error) {
	_, limited := h.Extension(extensionSupportedGroups)
	groupFits := !limited || b.unofferedGroup || slices.Contains(h.Groups(), group)
	fits := func(s suite) bool { return s.ecdhe && groupFits && !b.weakKey || !s.ecdhe && !b.ecdhe }
	if b.unofferedSuite {
		for _, s := range suites {
			if !slices.Contains(h.Suites, s.id) && fits(s) {
				return s, nil
			}
		}
		return suite{}, fmt.Errorf("choosing a cipher suite: %w: it offers all that could be chosen", ErrUnsuitable)
	}
	for _, id := range h.Suites {
		s, known := lookUp(id)
		if known && fits(s) && (id == wanted || wanted == 0 && slices.ContainsFunc(suites[:specified], func(o suite) bool { return o.id == id })) {
			return s, nil
		}
	}
	return suite{}, fmt.Errorf("choosing a cipher suite: %w: none of its %d suites will do", ErrUnsuitable, len(h.Suites))
}

func unofferedGroup(h Hello) (uint16, error) {
	offered := h.Groups()
	if offered == nil {
		return 0, fmt.Errorf("choosing a group: %w: it names no groups, so that each may be chosen (RFC 8422 4)", ErrUnsuitable)
	}
	for _, g := range unofferedGroups {
		if !slices.Contains(offered, g) {
			return g, nil
		}
	}
	return 0, fmt.Errorf("choosing a group: %w: it offers all that could be chosen", ErrUnsuitable)
}

// unofferedVersion prefers TLS 1.1, which a client may really take, where the
// client names its versions and offers a suite that TLS 1.1 has, without a
// signature of its own form. Else it takes a version above the client's.
func unofferedVersion(h Hello, s suite) (uint16, suite, error) {
	for _, id := range []uint16{0x0035, 0x002f} { // TLS_RSA_WITH_AES_256_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA
		if older, _ := lookUp(id); slices.Contains(h.Suites, id) && !h.mayOffer(VersionTLS11) {
			return VersionTLS11, older, nil
		}
	}
	for v := uint16(VersionTLS13); v < 0x0400; v++ {
		if !h.mayOffer(v) {
			return v, s, nil
		}
	}
	return 0, s, fmt.Errorf("choosing a version: %w: it offers all", ErrUnsuitable)
}

// known are answers to extensions that libraries know.
var known = []Extension{
	{16, []byte("\x00\x06\x05sip/2")}, // application_layer_protocol_negotiation (RFC 7301 3.1)
	{1, []byte{1}},                    // max_fragment_length (RFC 6066 4)
	{extensionServerName, nil},
}

// answerExtensions are those of the ServerHello: nothing that the client did
// not send (RFC 5246 7.4.1.4), but for the bugs.
func answerExtensions(h Hello, b bugs, c choice) ([]Extension, error) {
	var out []Extension
	_, secure := h.Extension(extensionRenegotiationInfo)
	secure = secure || slices.Contains(h.Suites, RenegotiationSCSV)
	if b.renegotiated {
		out = append(out, Extension{extensionRenegotiationInfo, append([]byte{24}, make([]byte, 24)...)})
	} else if secure {
		out = append(out, Extension{extensionRenegotiationInfo, []byte{0}}) // RFC 5746 3.6
	}
	if c.extended {
		out = append(out, Extension{extensionExtendedMasterSecret, nil})
	}
	if _, asked := h.Extension(extensionPointFormats); asked && c.suite.ecdhe {
		out = append(out, Extension{extensionPointFormats, []byte{1, 0}}) // RFC 8422 5.2
	}
	if b.unsolicited {
		i := slices.IndexFunc(known, func(e Extension) bool { _, asked := h.Extension(e.Type); return !asked })
		if i < 0 {
			return nil, fmt.Errorf("choosing an extension: %w: it sends all that could be chosen", ErrUnsuitable)
		}
		out = append(out, known[i])
	}
	if b.unknown {
		kind := uint16(0xffee) // for private use (RFC 8446 11)
		for {
			if _, asked := h.Extension(kind); !asked {
				break
			}
			kind--
		}
		out = append(out, Extension{kind, nil})
	}
	return out, nil
}
