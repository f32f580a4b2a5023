package record

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

func init() {
	register[Profile]()
	register[Stimulus]()
	register[Accepted]()
	register[Dialled]()
	register[Closed]()
	register[ClientHello]()
	register[TLSRecord]()
	register[Alert]()
	register[HandshakeDone]()
	register[HandshakeFailed]()
	register[PeerChain]()
	register[SIPMessage]()
	register[SIPGarbage]()
	register[Call]()
	register[Media]()
	register[DNSQuery]()
	register[DNSChange]()
	register[Fetch]()
	register[RevocationAnswer]()
	register[Cleartext]()
	register[TLSProbe]()
	register[Provisioned]()
	register[Truncated]()
}

// Direction of a message or record, seen from the simulator.
type Direction string

// The two directions.
const (
	In  Direction = "in"  // from the device
	Out Direction = "out" // to the device
)

// Party says who did something.
type Party string

// The two parties of a connection.
const (
	Device Party = "device"
	Us     Party = "us"
)

// Profile tells that the cloud now shows another face: new connections from
// this event on carry its generation.
type Profile struct {
	Name string `json:"name"`
	// Generation is the one that begins here.
	Generation int `json:"generation"`
	// Chain is what the proxies present, leaf first, DER.
	Chain [][]byte `json:"chain,omitempty"`
	// Deadline is the handshake deadline in force, 0 for none.
	Deadline time.Duration `json:"deadline_ns,omitempty"`
	// Refusing are the proxies whose ports answer RST.
	Refusing []string `json:"refusing,omitempty"`
	// Dropping are those whose ports do not answer a SYN.
	Dropping []string `json:"dropping,omitempty"`
	// Script is how the handshake is played where not as it should be, and Odd
	// are the proxies that do so; all of them where it is empty.
	Script string   `json:"script,omitempty"`
	Odd    []string `json:"odd,omitempty"`
	// Delay is how long they wait in the handshake before they go on.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// Issuer is the lab's name, as a Fetch has it, for the CA whose word on
	// revocation matters: that of the leaf, or the root for an intermediate.
	Issuer string `json:"issuer,omitempty"`
	// Revocation is how the revocation of Chain stands, empty for good.
	Revocation string `json:"revocation,omitempty"`
	// Revoked: a certificate of Chain is revoked.
	Revoked bool `json:"revoked,omitempty"`
	// Stapled: the proxies offer an OCSP response within the handshake.
	Stapled bool `json:"stapled,omitempty"`
}

// Kind implements Body.
func (Profile) Kind() string { return "profile.applied" }

// Stimulus tells what was done to make the device act, and how that ended.
type Stimulus struct {
	// Rung of the trigger ladder: carrier-call, options, command, http, prompt, or cloud-call.
	Rung string `json:"rung"`
	// State is started or ended.
	State string `json:"state"`
	// Detail says what exactly: a number called, a command run.
	Detail string `json:"detail,omitempty"`
	// Status is the SIP status of the final response where the rung has one.
	Status int `json:"status,omitempty"`
	// Error says why the stimulus could not be given or got no end.
	Error string `json:"error,omitempty"`
}

// Kind implements Body.
func (Stimulus) Kind() string { return "stimulus" }

// Accepted is a TCP connection that a peer opened to a proxy.
type Accepted struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
	// Foreign: the peer is outside device.sources; it is closed and never judged.
	Foreign bool `json:"foreign,omitempty"`
}

// Kind implements Body.
func (Accepted) Kind() string { return "tcp.accepted" }

// Dialled is a TCP connection that the cloud tried to open to the device.
type Dialled struct {
	Local  string `json:"local,omitempty"`
	Remote string `json:"remote"`
	// Connect is the time from SYN to the established connection.
	Connect time.Duration `json:"connect_ns"`
	Error   string        `json:"error,omitempty"`
}

// Kind implements Body.
func (Dialled) Kind() string { return "tcp.dialled" }

// Closed tells the end of a TCP connection. By is whoever acted first.
type Closed struct {
	By Party `json:"by"`
	// How: fin, rst, or close (ours).
	How string `json:"how"`
	// Reason says why we closed; empty where the device did.
	Reason string `json:"reason,omitempty"`
}

// Kind implements Body.
func (Closed) Kind() string { return "tcp.closed" }

// ClientHello is the device's first handshake message, as far as it could be
// parsed, and its bytes.
type ClientHello struct {
	ServerName       string   `json:"server_name,omitempty"`
	Versions         []uint16 `json:"versions"`
	Suites           []uint16 `json:"suites"`
	Groups           []uint16 `json:"groups,omitempty"`
	SignatureSchemes []uint16 `json:"signature_schemes,omitempty"`
	// CertificateSchemes are those of certificates where the device has a list of
	// its own for them (signature_algorithms_cert, RFC 8446 4.2.3).
	CertificateSchemes []uint16 `json:"certificate_schemes,omitempty"`
	Extensions         []uint16 `json:"extensions,omitempty"`
	Raw                []byte   `json:"raw"`
}

// Kind implements Body.
func (ClientHello) Kind() string { return "tls.client-hello" }

// TLSRecord is one TLS record as it passed, its time the event's.
type TLSRecord struct {
	Dir    Direction `json:"dir"`
	Type   uint8     `json:"type"` // RFC 5246 6.2.1: 20 change_cipher_spec, 21 alert, 22 handshake, 23 application_data
	Length int       `json:"length"`
	// Handshake lists the message types inside a plaintext handshake record (RFC 5246 7.4).
	Handshake []uint8 `json:"handshake,omitempty"`
	// Encrypted: the record came after this side's change_cipher_spec.
	Encrypted bool `json:"encrypted,omitempty"`
}

// Kind implements Body.
func (TLSRecord) Kind() string { return "tls.record" }

// Alert is a TLS alert. An encrypted one has a code only where the TLS stack told it.
type Alert struct {
	Dir       Direction `json:"dir"`
	Level     uint8     `json:"level,omitempty"`
	Code      uint8     `json:"code"`
	Name      string    `json:"name"`
	Encrypted bool      `json:"encrypted,omitempty"`
}

// Kind implements Body.
func (Alert) Kind() string { return "tls.alert" }

// HandshakeDone tells that both Finished messages were exchanged and verified.
type HandshakeDone struct {
	Version    uint16 `json:"version"`
	Suite      uint16 `json:"suite"`
	Group      uint16 `json:"group,omitempty"`
	ServerName string `json:"server_name,omitempty"`
	Engine     string `json:"engine"`
	// ClientCertificateAsked: the device, as server, sent a CertificateRequest.
	ClientCertificateAsked bool `json:"client_certificate_asked,omitempty"`
}

// Kind implements Body.
func (HandshakeDone) Kind() string { return "tls.handshake-done" }

// HandshakeFailed tells that a TLS handshake ended without success.
type HandshakeFailed struct {
	Error string `json:"error"`
	// By is whoever ended it: the device by alert, FIN or RST, or we.
	By Party `json:"by"`
	// Deadline: we cut it because it took longer than the deadline in force.
	Deadline bool `json:"deadline,omitempty"`
	// ClientCertificateAsked: the device, as server, sent a CertificateRequest.
	ClientCertificateAsked bool `json:"client_certificate_asked,omitempty"`
}

// Kind implements Body.
func (HandshakeFailed) Kind() string { return "tls.handshake-failed" }

// PeerChain is what the device presented as TLS server, leaf first, DER.
type PeerChain struct {
	Certificates [][]byte `json:"certificates"`
}

// Kind implements Body.
func (PeerChain) Kind() string { return "tls.peer-chain" }

// SIPMessage is one SIP message, whole and unchanged.
type SIPMessage struct {
	Dir       Direction `json:"dir"`
	Transport string    `json:"transport"` // TLS or UDP
	Local     string    `json:"local"`
	Remote    string    `json:"remote"`
	// Method is the request's, or that of CSeq in a response.
	Method string `json:"method"`
	// Status is 0 for a request.
	Status int    `json:"status,omitempty"`
	CallID string `json:"call_id"`
	// Call is the harness's own number of the call that the message belongs to; 0 unknown.
	Call uint64 `json:"call,omitempty"`
	Raw  Text   `json:"raw"`
}

// Kind implements Body.
func (SIPMessage) Kind() string { return "sip.message" }

// SIPGarbage is what came where a SIP message was due.
type SIPGarbage struct {
	Transport string `json:"transport"`
	Remote    string `json:"remote"`
	Error     string `json:"error"`
	// Raw is its beginning, at most 4096 octets.
	Raw Text `json:"raw,omitempty"`
}

// Kind implements Body.
func (SIPGarbage) Kind() string { return "sip.garbage" }

// Call is one step in the life of a call leg.
type Call struct {
	// Leg: cloud or carrier.
	Leg string `json:"leg"`
	// Call is the harness's own number of the call on this leg.
	Call uint64 `json:"call"`
	// Role: caller or callee, ours.
	Role string `json:"role"`
	// Number is the one dialled, as it stood in the Request-URI.
	Number string `json:"number,omitempty"`
	// State: invited, progress, answered, confirmed, rejected, cancelled, ended, failed.
	State  string `json:"state"`
	Status int    `json:"status,omitempty"`
	// By is whoever sent the BYE or CANCEL.
	By    Party  `json:"by,omitempty"`
	Error string `json:"error,omitempty"`
}

// Kind implements Body.
func (Call) Kind() string { return "call" }

// Media is what one side of a call heard and sent until the call ended.
type Media struct {
	Leg  string `json:"leg"` // cloud or carrier
	Call uint64 `json:"call"`
	// Encrypted: SRTP was agreed on this leg, with Suite.
	Encrypted bool   `json:"encrypted"`
	Suite     string `json:"suite,omitempty"`
	Codec     string `json:"codec"`
	// Packets, by what they turned out to be.
	Sent          int `json:"sent"`
	Received      int `json:"received"`
	Authenticated int `json:"authenticated"`
	AuthFailed    int `json:"auth_failed"`
	Clear         int `json:"clear"` // clear RTP although SRTP was agreed
	WrongPayload  int `json:"wrong_payload"`
	Lost          int `json:"lost"`
	Reordered     int `json:"reordered"`
	Duplicates    int `json:"duplicates"`
	// Jitter is RFC 3550's interarrival jitter.
	JitterMS float64 `json:"jitter_ms"`
	// Sources are the addresses that packets came from, the first few.
	Sources []string `json:"sources,omitempty"`
	// SentToneHz is what we played; ExpectToneHz is what the far end plays.
	SentToneHz   float64 `json:"sent_tone_hz"`
	ExpectToneHz float64 `json:"expect_tone_hz"`
	// Blocks of 20 ms that were heard, and the shares of them in which the
	// expected tone, our own tone come back, and silence dominated.
	Blocks       int     `json:"blocks"`
	ToneShare    float64 `json:"tone_share"`
	EchoShare    float64 `json:"echo_share"`
	SilenceShare float64 `json:"silence_share"`
}

// Kind implements Body.
func (Media) Kind() string { return "media" }

// DNSQuery is one question that the simulator's DNS was asked, with its answer.
type DNSQuery struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Rcode     string   `json:"rcode"`
	Answers   []string `json:"answers,omitempty"`
	Client    string   `json:"client"`
	Transport string   `json:"transport"`
}

// Kind implements Body.
func (DNSQuery) Kind() string { return "dns.query" }

// DNSChange tells that a name now leads to another proxy's address.
type DNSChange struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Proxy   string `json:"proxy"`
}

// Kind implements Body.
func (DNSChange) Kind() string { return "dns.changed" }

// Truncated tells that the recorder left out events because there were too many.
type Truncated struct {
	Dropped uint64 `json:"dropped"`
}

// Kind implements Body.
func (Truncated) Kind() string { return "record.truncated" }

// Text is octets that are usually readable: encoded as a string where it is
// valid UTF-8, else as {"base64": "…"}, so that nothing is lost.
type Text []byte

type base64Text struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return json.Marshal(string(t))
	}
	return json.Marshal(base64Text{t})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var x base64Text
		err := json.Unmarshal(b, &x)
		*t = x.Base64
		return err
	}
	var s string
	err := json.Unmarshal(b, &s)
	*t = Text(s)
	return err
}
