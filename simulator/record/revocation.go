package record

import "time"

// What a Fetch or a RevocationAnswer is about.
const (
	CRL         = "crl"         // a certificate revocation list (RFC 5280 section 5)
	OCSP        = "ocsp"        // a status request (RFC 6960)
	Certificate = "certificate" // the issuer's certificate (RFC 5280 section 4.2.2.1, caIssuers)
)

// Fetch is one request to the lab's revocation server, with what it was
// answered: how the device asks after the certificates that the proxies show.
type Fetch struct {
	// What was asked for: CRL, OCSP or Certificate.
	What string `json:"what"`
	// Issuer is the lab's name for the CA that it is about.
	Issuer string `json:"issuer"`
	// State is how the server behaves for that issuer.
	State  string `json:"state"`
	Client string `json:"client"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Status of the HTTP response, 0 where none was sent.
	Status int `json:"status,omitempty"`
	// Octets of the body that were sent.
	Octets int `json:"octets,omitempty"`
	// Serial is the number that an OCSP request was about, in hex.
	Serial string `json:"serial,omitempty"`
	// Took is the time from the request's arrival to the end of the answer.
	Took  time.Duration `json:"took_ns"`
	Error string        `json:"error,omitempty"`
}

// Kind implements Body.
func (Fetch) Kind() string { return "revocation.fetch" }

// RevocationAnswer is what the cloud got when it asked after a certificate of
// the device, at the address in that certificate.
type RevocationAnswer struct {
	// What was asked for: CRL or OCSP.
	What string `json:"what"`
	URL  string `json:"url"`
	// Subject is the SHA-256 of the certificate that it is about, in hex.
	Subject string        `json:"subject"`
	Body    []byte        `json:"body,omitempty"`
	Error   string        `json:"error,omitempty"`
	Took    time.Duration `json:"took_ns"`
}

// Kind implements Body.
func (RevocationAnswer) Kind() string { return "revocation.answer" }

// Provisioned tells that the device was given a certificate to present.
type Provisioned struct {
	Profile string   `json:"profile"`
	Chain   [][]byte `json:"chain"`
	// Error says why the device or its hook did not take it.
	Error string `json:"error,omitempty"`
}

// Kind implements Body.
func (Provisioned) Kind() string { return "device.provisioned" }
