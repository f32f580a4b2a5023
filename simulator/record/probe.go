package record

// TLSProbe is what the device, as TLS server, made of one ClientHello. The
// handshake was not completed.
type TLSProbe struct {
	// Name says what was offered.
	Name string `json:"name"`
	// Offered are the versions and suites of the ClientHello.
	Versions []uint16 `json:"versions"`
	Suites   []uint16 `json:"suites"`
	// Complete: the device chose, and sent its whole first flight; what it chose
	// follows.
	Complete    bool   `json:"complete"`
	Version     uint16 `json:"version,omitempty"`
	Suite       uint16 `json:"suite,omitempty"`
	Group       uint16 `json:"group,omitempty"`
	Compression uint8  `json:"compression,omitempty"`
	// RenegotiationInfo: it knows secure renegotiation (RFC 5746).
	RenegotiationInfo bool `json:"renegotiation_info,omitempty"`
	// Alert is the name of the one with which it refused, and Closed how it ended
	// the connection without one: fin or rst.
	Alert  string `json:"alert,omitempty"`
	Closed string `json:"closed,omitempty"`
	// Error says why there is no answer.
	Error string `json:"error,omitempty"`
}

// Kind implements Body.
func (TLSProbe) Kind() string { return "tls.probe" }
