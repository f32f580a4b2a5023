package referencesbc

import "slices"

// Mutant names the one defect that an SBC has on purpose.
type Mutant string

// The mutants. Each breaks one thing and leaves all else as it is.
const (
	// Control breaks nothing. It shows that a mutant differs from the correct
	// device by its defect and by nothing else.
	Control Mutant = "control"
	// SkipsHostNameCheck verifies chain and dates of a proxy's certificate, but
	// not that it names the proxy: any customer of the same CA could pose as one.
	SkipsHostNameCheck Mutant = "skips-host-name-check"
	// TrustsAnything accepts a proxy's certificate from any issuer. Names and
	// dates are still checked, so that a root alone makes the difference.
	TrustsAnything Mutant = "trusts-anything"
	// RequiresClientCertificate ends a handshake with a caller that has no
	// certificate of its own: mutual TLS, which the cloud does not do.
	RequiresClientCertificate Mutant = "requires-client-certificate"
	// SendsPlainRTP knows only RTP/AVP on the cloud's side too: it offers it,
	// answers an offer of RTP/SAVP with it, and sends audio in the clear.
	SendsPlainRTP Mutant = "sends-plain-rtp"
	// NoFailover knows lb01 alone: a call fails where that proxy does.
	NoFailover Mutant = "no-failover"
	// SlowHandshake waits, as TLS server, before it answers a ClientHello.
	SlowHandshake Mutant = "slow-handshake"
	// DialsIP puts a proxy's address where its name belongs: into the
	// Request-URI, and so no SNI either, since that holds no addresses (RFC 6066
	// 3). It checks the certificate against the name that it was configured
	// with, as devices do that have a setting for the TLS peer's subject name:
	// compared with the address nothing would match and no call would pass, and
	// without a check it would have two defects.
	DialsIP Mutant = "dials-ip"
	// NoP384 takes calls with ECDHE on P-256 only, and nothing without ECDHE: a
	// list that is good for the web and common with none of these trunks.
	NoP384 Mutant = "no-p384"
	// SendsNoIntermediate presents its own certificate alone: nobody who trusts
	// only roots can verify it.
	SendsNoIntermediate Mutant = "sends-no-intermediate"
	// WrongName presents a certificate for another host. Whoever starts the SBC
	// gives it that one.
	WrongName Mutant = "wrong-name"
	// SwallowsBYE answers BYE and does not release the other side.
	SwallowsBYE Mutant = "swallows-bye"
	// IgnoresCancel answers CANCEL and lets the other side ring on.
	IgnoresCancel Mutant = "ignores-cancel"
	// RefusesSIPS answers calls to sips: URIs with 416.
	RefusesSIPS Mutant = "refuses-sips"
)

// MutantInfo tells about a mutant.
type MutantInfo struct {
	Mutant Mutant
	// Sentence says for a person what it does wrong.
	Sentence string
	// Kills are the ids of the scenarios that must fail (or warn) with it; where
	// there are several, the list of the mutants says why.
	Kills []string
	// Hinders are those that come to nothing, since what they are about cannot
	// be reached with it: inconclusive, never pass. All others must pass.
	Hinders []string
}

var mutants = []MutantInfo{
	{Control, "Nothing is wrong with it.", nil, nil},
	{SkipsHostNameCheck, "It does not check that a proxy's certificate names the proxy that it dialled.",
		[]string{"cert.inbound.san-mismatch-refused"}, nil},
	{TrustsAnything, "It accepts certificates from any issuer.",
		[]string{"cert.inbound.untrusted-root-refused"}, nil},
	{RequiresClientCertificate, "It demands a client certificate from the cloud, which has none.",
		// No connection can be made then, and no call.
		[]string{"tls.outbound.no-client-certificate-required", "media.outbound.call-with-srtp-both-ways"},
		append([]string{"tls.outbound.handshake-within-500ms", "tls.outbound.surviving-suite-accepted"}, outboundCalls...)},
	{SendsPlainRTP, "It offers, answers with and sends plain RTP on the cloud's side.",
		// The cloud refuses that in either direction, so no call is connected.
		[]string{"media.inbound.no-plain-rtp-offered", "media.inbound.call-with-srtp-both-ways", "media.outbound.call-with-srtp-both-ways"},
		[]string{"sip.inbound.next-proxy-after-refused-connection", "sip.outbound.release-by-each-side", "sip.inbound.release-by-each-side"}},
	{NoFailover, "It tries lb01 only.",
		[]string{"sip.inbound.next-proxy-after-refused-connection"}, nil},
	{SlowHandshake, "It takes more than the 500 ms for a TLS handshake that the cloud allows.",
		// The cloud gives up at its deadline, so the call cannot come about.
		[]string{"tls.outbound.handshake-within-500ms", "media.outbound.call-with-srtp-both-ways"}, outboundCalls},
	{DialsIP, "It names the proxies by address: no SNI, and an address in the Request-URI.",
		[]string{"sip.inbound.connects-by-name"}, nil},
	{NoP384, "As TLS server it knows P-256 only, and no suite without ECDHE.",
		// Nothing can be negotiated with it, so nothing else can be seen of it.
		[]string{"tls.outbound.surviving-suite-accepted", "media.outbound.call-with-srtp-both-ways"},
		append([]string{"cert.outbound.chain-complete", "cert.outbound.name-matches", "cert.outbound.ip-only-target",
			"tls.outbound.no-client-certificate-required", "tls.outbound.handshake-within-500ms"}, outboundCalls...)},
	{SendsNoIntermediate, "It presents its certificate without the intermediate.",
		[]string{"cert.outbound.chain-complete"}, nil},
	{WrongName, "Its certificate names another host.",
		[]string{"cert.outbound.name-matches"}, nil},
	{SwallowsBYE, "It answers BYE, but does not release the other side.",
		[]string{"sip.outbound.release-by-each-side", "sip.inbound.release-by-each-side"}, nil},
	{IgnoresCancel, "It answers CANCEL, but lets the other side ring on.",
		[]string{"sip.outbound.cancel-while-ringing"}, nil},
	{RefusesSIPS, "It refuses calls to sips: URIs.",
		[]string{"sip.outbound.sips-uri"}, nil},
}

// outboundCalls need a call of the cloud that is connected, and say nothing of
// the device where there is none.
var outboundCalls = []string{"sip.outbound.release-by-each-side", "sip.outbound.cancel-while-ringing", "sip.outbound.sips-uri"}

// Mutants lists all mutants, Control first.
func Mutants() []MutantInfo {
	out := slices.Clone(mutants)
	for i := range out {
		out[i].Kills, out[i].Hinders = slices.Clone(out[i].Kills), slices.Clone(out[i].Hinders)
	}
	return out
}

func (m Mutant) known() bool {
	return m == "" || slices.ContainsFunc(mutants, func(i MutantInfo) bool { return i.Mutant == m })
}
