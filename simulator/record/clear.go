package record

// Cleartext tells that somebody spoke to a proxy's port for SIP without TLS. The
// port has no service: it is there to notice this.
type Cleartext struct {
	// Transport is TCP or UDP.
	Transport string `json:"transport"`
	Local     string `json:"local"`
	Remote    string `json:"remote"`
	// Foreign: the peer is outside device.sources.
	Foreign bool `json:"foreign,omitempty"`
	// Raw is the beginning of what came, at most 512 octets; empty where TCP was
	// opened and nothing sent.
	Raw Text `json:"raw,omitempty"`
}

// Kind implements Body.
func (Cleartext) Kind() string { return "cleartext" }
