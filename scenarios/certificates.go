package scenarios

import (
	"time"

	"byocheck/certs"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator"
)

// certificate is a scenario in which the cloud presents a certificate of a
// profile. What is presented, and what the sources say of it, is the profile's.
type certificate struct {
	profile certs.Profile
	// level of a requirement; info where the sources disagree.
	level   ledger.Level
	title   string
	clauses []string
	judge   func(judge.Case) judge.Verdict // nil: by what the profile expects
}

// certificates are the profiles in the order in which they are played.
//
// Where nothing of the specification forbids what is presented, but the field
// does (a weak key, a wildcard), the level is should.
var certificates = []certificate{
	{certs.UntrustedRoot, ledger.LevelMust, "The device refuses a cloud whose certificate comes from a root that it was not told to trust",
		[]string{"byoc-008-client-trusts-server-ca", "byoc-016-client-validates", "rfc5280-6.1-path-validation"}, nil},
	{certs.SelfSigned, ledger.LevelMust, "The device refuses a self-signed certificate",
		[]string{"byoc-017-reputable-ca", "byoc-016-client-validates", "byoc-k08-self-signed-or-signed", "rfc5280-6.1-path-validation"}, nil},
	{certs.MissingIntermediate, ledger.LevelMust, "The device refuses a leaf whose intermediate it was never given",
		[]string{"byoc-016-client-validates", "byoc-023-trust-root-only", "rfc5280-6.1-path-validation"}, judge.MissingIntermediate},
	{certs.WrongOrder, ledger.LevelInfo, "What the device makes of a chain in the wrong order",
		[]string{"rfc5246-7.4.2-server-certificate-order"}, nil},
	{certs.SuperfluousRoot, ledger.LevelMust, "The device accepts a chain that holds the root as well",
		[]string{"rfc5246-7.4.2-server-certificate-order", "byoc-018-trust-digicert-root"}, nil},
	{certs.IntermediateNotCA, ledger.LevelMust, "The device refuses a chain whose intermediate is no CA",
		[]string{"byoc-016-client-validates", "rfc5280-4.2.1.9-basic-constraints"}, nil},
	{certs.PathLengthExceeded, ledger.LevelMust, "The device refuses a chain that is longer than its path length constraint allows",
		[]string{"byoc-016-client-validates", "rfc5280-4.2.1.9-basic-constraints"}, nil},
	{certs.NameConstraintsExclude, ledger.LevelMust, "The device refuses a name that its intermediate may not certify",
		[]string{"byoc-016-client-validates", "rfc5280-4.2.1.10-name-constraints"}, nil},

	{certs.Expired, ledger.LevelMust, "The device refuses an expired certificate",
		[]string{"byoc-038-date-fail-closed", "byoc-036-date-window", "rfc5280-6.1.3-basic-certificate-processing"}, nil},
	{certs.NotYetValid, ledger.LevelMust, "The device refuses a certificate that is not yet valid",
		[]string{"byoc-038-date-fail-closed", "byoc-036-date-window", "rfc5280-6.1.3-basic-certificate-processing"}, nil},
	{certs.ExpiredIntermediate, ledger.LevelMust, "The device refuses a chain whose intermediate has expired",
		[]string{"rfc5280-6.1.3-basic-certificate-processing", "byoc-016-client-validates"}, nil},
	{certs.ExpiresSoon, ledger.LevelMust, "The device accepts a certificate that ends in a few days",
		[]string{"byoc-037-renew-near-expiry", "byoc-036-date-window"}, nil},

	// The specification says of one and the same check that a valid certificate
	// must contain the name (a must), and that the client should refuse otherwise
	// (a should). Without the refusal the must has no effect, so names are a must.
	{certs.SANMismatch, ledger.LevelMust, "The device refuses a cloud whose certificate does not name the proxy that it dialled",
		[]string{"byoc-031-name-validation", "byoc-035-spoofing-warning", "rfc5922-7.3-client-behaviour"}, nil},
	{certs.OtherRegion, ledger.LevelMust, "The device refuses a certificate for the proxies of another region",
		[]string{"byoc-031-name-validation", "byoc-032-genesys-names", "rfc5922-7.3-client-behaviour"}, nil},
	{certs.IPSAN, ledger.LevelMust, "The device refuses a certificate that names the proxy's address and no host",
		[]string{"byoc-034-no-ip-target", "byoc-031-name-validation"}, nil},
	{certs.IPAsDNS, ledger.LevelMust, "The device refuses a certificate that holds the proxy's address as a dNSName",
		[]string{"byoc-034-no-ip-target", "byoc-031-name-validation"}, nil},
	{certs.IPAsCN, ledger.LevelMust, "The device refuses a certificate that holds the proxy's address as its common name",
		[]string{"byoc-034-no-ip-target", "byoc-031-name-validation"}, nil},
	{certs.SRVNameSAN, ledger.LevelMust, "The device refuses a certificate that holds an SRV record's name and no host's",
		[]string{"byoc-048-srv-available", "byoc-031-name-validation", "byoc-k10-srv-record-name"}, nil},
	{certs.WildcardSAN, ledger.LevelShould, "The device does not take a wildcard for the proxy's name",
		[]string{"rfc5922-7.2-comparing-identities", "byoc-047-fqdn-limits"}, judge.Refusal},
	{certs.RightCNWrongSAN, ledger.LevelInfo, "What the device makes of the right common name beside wrong alternative names",
		[]string{"byoc-031-name-validation", "rfc5922-7.1-finding-identities", "rfc9525-2-no-common-name"}, nil},
	{certs.CNOnly, ledger.LevelInfo, "What the device makes of a certificate with a common name only",
		[]string{"byoc-031-name-validation", "byoc-k07-common-name-column", "rfc5922-7.1-finding-identities", "rfc9525-2-no-common-name"}, nil},
	{certs.URISAN, ledger.LevelInfo, "What the device makes of a certificate that names the proxy by SIP URI only",
		[]string{"rfc5922-7.1-finding-identities", "byoc-031-name-validation"}, nil},
	{certs.URIBesideDNS, ledger.LevelMust, "The device accepts a certificate with SIP URIs beside the right host names",
		[]string{"byoc-031-name-validation", "rfc5922-7.1-finding-identities"}, nil},
	{certs.UpperCaseSAN, ledger.LevelMust, "The device compares names without regard to letter case",
		[]string{"rfc5922-7.2-comparing-identities", "rfc9525-6.3-matching-dns-name"}, nil},
	{certs.TrailingDotSAN, ledger.LevelInfo, "What the device makes of names that end in a dot",
		[]string{"rfc9525-6.3-matching-dns-name"}, nil},

	{certs.NoServerAuth, ledger.LevelMust, "The device refuses a certificate that is not for TLS servers",
		[]string{"rfc5280-4.2.1.12-extended-key-usage", "byoc-016-client-validates"}, nil},
	{certs.WithClientAuth, ledger.LevelMust, "The device accepts a certificate for TLS servers and clients, as Genesys had until 2026",
		[]string{"byoc-k13-client-authentication-usage", "rfc5280-4.2.1.12-extended-key-usage"}, nil},
	{certs.NoEKU, ledger.LevelInfo, "What the device makes of a certificate without an extended key usage",
		[]string{"rfc5280-4.2.1.12-extended-key-usage"}, nil},
	{certs.NoKeyEncipherment, ledger.LevelInfo, "What the device makes of an RSA key that is not for key encipherment",
		[]string{"rfc5280-4.2.1.3-key-usage", "byoc-013-cipher-list"}, nil},

	{certs.SHA1Signature, ledger.LevelShould, "The device refuses a certificate that is signed with SHA-1",
		[]string{"rfc6194-3.1-collision-resistance", "byoc-016-client-validates"}, nil},
	{certs.MD5Signature, ledger.LevelShould, "The device refuses a certificate that is signed with MD5",
		[]string{"rfc6151-2-security-considerations", "byoc-016-client-validates"}, nil},
	{certs.UnknownSignature, ledger.LevelMust, "The device refuses a signature of an algorithm that it cannot know",
		[]string{"rfc5280-6.1.3-basic-certificate-processing", "byoc-016-client-validates"}, nil},
	{certs.RSA1024, ledger.LevelShould, "The device refuses a certificate with an RSA key of 1024 bits",
		[]string{"byoc-016-client-validates", "byoc-017-reputable-ca"}, nil},
	{certs.RSA3072, ledger.LevelShould, "The device accepts a certificate with an RSA key of 3072 bits",
		[]string{"byoc-016-client-validates", "byoc-022-no-leaf-pinning"}, nil},
	{certs.RSA4096, ledger.LevelShould, "The device accepts a certificate with an RSA key of 4096 bits",
		[]string{"byoc-016-client-validates", "byoc-022-no-leaf-pinning"}, nil},
	{certs.ECDSALeaf, ledger.LevelInfo, "What the device makes of a certificate with an ECDSA key",
		[]string{"byoc-k12-g3-root-rsa-suites", "byoc-013-cipher-list"}, judge.ECDSALeaf},

	// Called important and not mandatory. But whoever pins loses every call on
	// the day of a renewal, twice a year and without notice: a must.
	{certs.RotatedLeaf, ledger.LevelMust, "The device goes on when the proxies' certificate and key have been replaced",
		[]string{"byoc-022-no-leaf-pinning", "byoc-037-renew-near-expiry", "byoc-k17-when-certificates-change"}, nil},
	{certs.RotatedIntermediate, ledger.LevelMust, "The device goes on when the intermediate has been replaced",
		[]string{"byoc-023-trust-root-only", "byoc-028-sbc-must-not-need-ica"}, nil},
}

// inboundCertificates are the scenarios in which the cloud presents a
// certificate with one property changed.
func inboundCertificates() []Scenario {
	about := map[certs.Profile]certs.ProfileInfo{}
	for _, info := range certs.Profiles() {
		about[info.Profile] = info
	}
	var out []Scenario
	for _, c := range certificates {
		info := about[c.profile]
		s := Scenario{
			ID:      "cert.inbound." + string(c.profile) + suffix(info.Expect, c.level),
			Usually: time.Second,
			Title:   c.title,
			Level:   c.level,
			Clauses: c.clauses,
			Fault:   info.Sentence,
			Needs:   judge.CallsToCloud,
			Play:    playFace(simulator.Face{}, simulator.Face{Certificate: c.profile}),
			Judge:   c.judge,
		}
		s.Readings = info.Readings
		if s.Judge == nil {
			s.Judge = map[certs.Outcome]func(judge.Case) judge.Verdict{
				certs.Refuse: judge.Refusal, certs.Accept: judge.Acceptance, certs.Either: judge.Told,
			}[info.Expect]
		}
		out = append(out, s)
	}
	return out
}

// suffix is the end of an id: what the device is to do, if anything.
func suffix(expect certs.Outcome, level ledger.Level) string {
	switch {
	case expect == certs.Accept:
		return "-accepted"
	case expect == certs.Refuse || level != ledger.LevelInfo:
		return "-refused"
	}
	return ""
}
