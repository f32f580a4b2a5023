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
)

// MutantInfo tells about a mutant.
type MutantInfo struct {
	Mutant Mutant
	// Sentence says for a person what it does wrong.
	Sentence string
	// Kills are the ids of the scenarios whose requirement it does not meet: they
	// fail, or warn where the level is should. No other does; where there are
	// several, the list of the mutants says why.
	Kills []string
}

var mutants = []MutantInfo{
	{Control, "Nothing is wrong with it.", nil},
	{SkipsHostNameCheck, "It does not check that a proxy's certificate names the proxy that it dialled.",
		[]string{"cert.inbound.san-mismatch-refused"}},
	{TrustsAnything, "It accepts certificates from any issuer.",
		[]string{"cert.inbound.untrusted-root-refused"}},
	{RequiresClientCertificate, "It demands a client certificate from the cloud, which has none.",
		// No connection can be made then: with no suite, and for no call.
		[]string{"tls.outbound.no-client-certificate-required", "tls.outbound.surviving-suite-accepted", "media.outbound.call-with-srtp-both-ways"}},
	{SendsPlainRTP, "It offers, answers with and sends plain RTP on the cloud's side.",
		// The cloud refuses that in either direction, so no call is connected.
		[]string{"media.inbound.no-plain-rtp-offered", "media.inbound.call-with-srtp-both-ways", "media.outbound.call-with-srtp-both-ways"}},
	{NoFailover, "It tries lb01 only.",
		[]string{"sip.inbound.next-proxy-after-refused-connection"}},
	{SlowHandshake, "It takes more than the 500 ms for a TLS handshake that the cloud allows.",
		// The cloud gives up at its deadline, so the call cannot come about.
		[]string{"tls.outbound.handshake-within-500ms", "media.outbound.call-with-srtp-both-ways"}},
	{DialsIP, "It names the proxies by address: no SNI, and an address in the Request-URI.",
		[]string{"sip.inbound.connects-by-name"}},
}

// Mutants lists all mutants, Control first.
func Mutants() []MutantInfo {
	out := slices.Clone(mutants)
	for i := range out {
		out[i].Kills = slices.Clone(out[i].Kills)
	}
	return out
}

func (m Mutant) known() bool {
	return m == "" || slices.ContainsFunc(mutants, func(i MutantInfo) bool { return i.Mutant == m })
}
