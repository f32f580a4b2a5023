package referencesbc

import "slices"

// The mutants whose defect is in TLS. Those that take what they must refuse lack
// one check of a client each, and no other.
const (
	// TakesUnofferedVersion goes on with whatever version of TLS a proxy chooses.
	TakesUnofferedVersion Mutant = "takes-unoffered-version"
	// TakesUnofferedSuite goes on with whatever cipher suite a proxy chooses, one
	// of export strength too.
	TakesUnofferedSuite Mutant = "takes-unoffered-suite"
	// TakesUnofferedGroup does ECDHE on whatever curve a proxy chooses.
	TakesUnofferedGroup Mutant = "takes-unoffered-group"
	// TakesCompression goes on where a proxy compresses, which it did not offer.
	TakesCompression Mutant = "takes-compression"
	// TakesUnsolicitedExtension passes over extensions that it did not ask for.
	TakesUnsolicitedExtension Mutant = "takes-unsolicited-extension"
	// TakesBadRenegotiationInfo does not look at what renegotiation_info holds.
	TakesBadRenegotiationInfo Mutant = "takes-bad-renegotiation-info"
	// TakesMalformedCertificate does not compare the length of the certificate
	// list with that of its message.
	TakesMalformedCertificate Mutant = "takes-malformed-certificate"
	// TakesMessagesOutOfOrder waits for the messages of a flight in any order.
	TakesMessagesOutOfOrder Mutant = "takes-messages-out-of-order"
	// TakesHandshakeWithoutCertificate does not miss a certificate, nor then a
	// signature by its key: it speaks with anybody.
	TakesHandshakeWithoutCertificate Mutant = "takes-handshake-without-certificate"
	// TakesUnexpectedKeyExchange uses a temporary RSA key where there must be none.
	TakesUnexpectedKeyExchange Mutant = "takes-unexpected-key-exchange"
	// SkipsSignature does not verify that of the ServerKeyExchange: the
	// certificate of a proxy, which is public, is enough to pose as it.
	SkipsSignature Mutant = "skips-signature"
	// SkipsFinished does not verify a proxy's Finished: whoever stands between
	// may have changed the handshake.
	SkipsFinished Mutant = "skips-finished"

	// ChokesOnFragments cannot put a handshake message together from records.
	ChokesOnFragments Mutant = "chokes-on-fragments"
	// NeedsOneMessageARecord cannot take a second one out of a record.
	NeedsOneMessageARecord Mutant = "needs-one-message-a-record"
	// EndsOnEmptyRecord takes an empty record for the end of the connection.
	EndsOnEmptyRecord Mutant = "ends-on-empty-record"
	// DislikesSmallSegments ends connections whose data come in tiny TCP segments.
	DislikesSmallSegments Mutant = "dislikes-small-segments"

	// CBCSHA2Only offers the two suites that are slated for removal, and no other.
	CBCSHA2Only Mutant = "cbc-sha2-only"
	// OffersNoP384 offers ECDHE on P-256 only; its suites without ECDHE work.
	OffersNoP384 Mutant = "offers-no-p384"
	// TLS13Only speaks nothing else, on either side of a handshake.
	TLS13Only Mutant = "tls13-only"
	// OffersOldVersions offers TLS 1.0 and 1.1 too.
	OffersOldVersions Mutant = "offers-old-versions"
	// OffersRC4 offers a suite with RC4 after the good ones.
	OffersRC4 Mutant = "offers-rc4"
	// OffersSHA1Only offers no signature algorithm but with SHA-1.
	OffersSHA1Only Mutant = "offers-sha1-only"
	// OffersBrokenSuite ends a handshake in which the last suite that it offers
	// is chosen, TLS_RSA_WITH_AES_256_CBC_SHA.
	OffersBrokenSuite Mutant = "offers-broken-suite"
	// NoFailoverOnTimeout tries another proxy only where one refused TCP.
	NoFailoverOnTimeout Mutant = "no-failover-on-timeout"
	// FallsBackToTCP calls the first proxy without TLS, over TCP, where none could
	// be had with it.
	FallsBackToTCP Mutant = "falls-back-to-tcp"
	// FallsBackToUDP does the same over UDP.
	FallsBackToUDP Mutant = "falls-back-to-udp"

	// TLS10Accepted takes calls over TLS 1.0 and 1.1.
	TLS10Accepted Mutant = "tls10-accepted"
	// TakesNullCipher takes calls over a suite without encryption, after the good
	// ones. It needs the machine's OpenSSL 3.
	TakesNullCipher Mutant = "takes-null-cipher"
	// Takes3DES takes calls over a suite with 3DES, after the good ones.
	Takes3DES Mutant = "takes-3des"
	// Compresses chooses DEFLATE where a caller offers it.
	Compresses Mutant = "compresses"
	// RequiresClientCertificateLate asks a caller for a certificate, completes
	// the handshake without one, and ends the connection then.
	RequiresClientCertificateLate Mutant = "requires-client-certificate-late"
	// SlowUnderLoad waits, as TLS server, before it answers a ClientHello while
	// more than three handshakes go on.
	SlowUnderLoad Mutant = "slow-under-load"
	// NeedsSNI presents a certificate that it signed itself to callers that send
	// no SNI, as devices do that choose by it and have one from the factory.
	NeedsSNI Mutant = "needs-sni"
	// ReusesPeerConnectionOnly does not read requests on connections that the
	// cloud opened: it waits for them on its own.
	ReusesPeerConnectionOnly Mutant = "reuses-peer-connection-only"
)

var tlsMutants = []MutantInfo{
	{TakesUnofferedVersion, "It goes on with a version of TLS that it did not offer.",
		[]string{"tls.inbound.unoffered-version-refused"}, nil},
	{TakesUnofferedSuite, "It goes on with a cipher suite that it did not offer.",
		// One of export strength is just another one to it.
		[]string{"tls.inbound.unoffered-suite-refused", "tls.inbound.export-suite-refused"}, nil},
	{TakesUnofferedGroup, "It goes on with a curve that it did not offer.",
		[]string{"tls.inbound.unoffered-group-refused"}, nil},
	{TakesCompression, "It goes on with compression that it did not offer.",
		[]string{"tls.inbound.compression-refused"}, nil},
	{TakesUnsolicitedExtension, "It takes extensions that it did not ask for.",
		[]string{"tls.inbound.unsolicited-extension-refused"}, nil},
	{TakesBadRenegotiationInfo, "It does not look at what renegotiation_info holds.",
		[]string{"tls.inbound.bad-renegotiation-info-refused"}, nil},
	{TakesMalformedCertificate, "It takes a Certificate message of the wrong length.",
		[]string{"tls.inbound.malformed-certificate-refused"}, nil},
	{TakesMessagesOutOfOrder, "It takes the messages of a handshake in any order.",
		[]string{"tls.inbound.reordered-done-refused", "tls.inbound.reordered-key-exchange-refused"}, nil},
	{TakesHandshakeWithoutCertificate, "It speaks with a proxy that shows no certificate.",
		[]string{"tls.inbound.missing-certificate-refused"}, nil},
	{TakesUnexpectedKeyExchange, "It uses a key that a proxy sends out of turn.",
		[]string{"tls.inbound.unexpected-key-exchange-refused"}, nil},
	{SkipsSignature, "It does not verify the signature of the key exchange.",
		[]string{"tls.inbound.wrong-signature-refused"}, nil},
	{SkipsFinished, "It does not verify a proxy's Finished.",
		[]string{"tls.inbound.wrong-finished-refused"}, nil},

	{ChokesOnFragments, "It cannot put a handshake message together from several records.",
		[]string{"tls.inbound.fragmented-flight-accepted"}, nil},
	{NeedsOneMessageARecord, "It cannot take more than one handshake message out of a record.",
		[]string{"tls.inbound.coalesced-flight-accepted"}, nil},
	{EndsOnEmptyRecord, "It ends the connection when an empty record comes.",
		[]string{"tls.inbound.empty-records-accepted"}, nil},
	{DislikesSmallSegments, "It ends connections whose data come in tiny TCP segments.",
		[]string{"tls.inbound.one-octet-segments-accepted"}, nil},

	{CBCSHA2Only, "It offers only the two cipher suites that are slated for removal.",
		[]string{"tls.inbound.offers-surviving-suite"}, nil},
	{OffersNoP384, "It offers ECDHE on P-256 only.",
		// Those of its suites that need the other curve do not work.
		[]string{"tls.inbound.offers-p384-for-ecdhe", "tls.inbound.each-offered-suite-works"}, nil},
	{TLS13Only, "It speaks TLS 1.3 only, as client and as server.",
		// The cloud speaks another version, so there is no handshake, and no call.
		[]string{"tls.inbound.offers-tls12", "tls.inbound.offers-surviving-suite", "tls.outbound.tls12-accepted", "media.inbound.call-with-srtp-both-ways", "media.outbound.call-with-srtp-both-ways"},
		slices.Concat(certificateShown, []string{"cert.outbound.survives-wrong-certificates", "tls.outbound.surviving-suite-accepted", "tls.outbound.suites",
			"tls.outbound.no-client-certificate-required", "tls.outbound.handshake-within-500ms", "tls.outbound.handshake-under-load"}, probes, outboundCalls, inboundCalls)},
	{OffersOldVersions, "It offers TLS 1.0 and 1.1 too.",
		[]string{"tls.inbound.offers-tls12", "tls.inbound.old-version-refused"}, nil}, // they work, too
	{OffersRC4, "It offers a cipher suite with RC4 too.",
		[]string{"tls.inbound.offers-no-weak-suite", "tls.inbound.weak-suite-refused"}, nil}, // it works, too
	{OffersSHA1Only, "It offers signature algorithms with SHA-1 only.",
		[]string{"tls.inbound.offers-signatures-for-g3"}, nil},
	{OffersBrokenSuite, "It offers a cipher suite that does not work with it.",
		[]string{"tls.inbound.each-offered-suite-works"}, nil},
	{NoFailoverOnTimeout, "It tries another proxy only where one refused TCP.",
		append([]string{"sip.inbound.next-proxy-after-unanswered-connection"}, stalls...), nil},
	{FallsBackToTCP, "When TLS fails it calls over TCP without it.",
		[]string{"tls.inbound.no-fallback-to-clear"}, nil},
	{FallsBackToUDP, "When TLS fails it calls over UDP without it.",
		[]string{"tls.inbound.no-fallback-to-clear"}, nil},

	{TLS10Accepted, "As TLS server it speaks TLS 1.0 and 1.1 too.",
		[]string{"tls.outbound.old-versions-refused"}, nil},
	{TakesNullCipher, "As TLS server it takes a cipher suite without encryption too.",
		[]string{"tls.outbound.weak-suites-refused"}, nil},
	{Takes3DES, "As TLS server it takes a cipher suite with 3DES too.",
		[]string{"tls.outbound.weak-suites-refused"}, nil},
	{Compresses, "As TLS server it compresses where that is offered.",
		[]string{"tls.outbound.compression-refused"}, nil},
	{RequiresClientCertificateLate, "It ends the connection after a handshake in which the cloud had no certificate.",
		// A call that does not come about has no sips: URIs either.
		[]string{"tls.outbound.no-client-certificate-required", "media.outbound.call-with-srtp-both-ways", "sip.outbound.sips-uri"},
		[]string{"sip.outbound.release-by-each-side", "sip.outbound.cancel-while-ringing"}},
	{SlowUnderLoad, "It takes too long for a TLS handshake while others go on.",
		[]string{"tls.outbound.handshake-under-load"}, nil},
	{NeedsSNI, "Without SNI it presents a certificate that it signed itself.",
		[]string{"cert.outbound.same-without-sni"}, nil},
	{ReusesPeerConnectionOnly, "It answers only on connections that it opened itself.",
		// A call that does not come about has no sips: URIs either.
		[]string{"media.outbound.call-with-srtp-both-ways", "sip.outbound.sips-uri"},
		[]string{"tls.outbound.no-client-certificate-required", "sip.outbound.release-by-each-side", "sip.outbound.cancel-while-ringing"}},
}
