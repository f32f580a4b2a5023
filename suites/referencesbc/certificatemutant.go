package referencesbc

// More mutants whose defect is in certificates: what they refuse is right.
const (
	// RefusesSuperfluousRoot refuses a chain that has the root in it.
	RefusesSuperfluousRoot Mutant = "refuses-superfluous-root"
	// RefusesURISANBeside refuses a certificate with URIs beside its host names.
	RefusesURISANBeside Mutant = "refuses-uri-san-beside"
	// RefusesClientAuthEKU refuses one that is for TLS clients as well.
	RefusesClientAuthEKU Mutant = "refuses-client-auth-eku"
	// RefusesExpiringSoon refuses one that has less than 14 days left.
	RefusesExpiringSoon Mutant = "refuses-expiring-soon"
	// RefusesBigKeys refuses RSA keys of more than 2048 bits.
	RefusesBigKeys Mutant = "refuses-big-keys"
	// ComparesCase compares names letter for letter.
	ComparesCase Mutant = "compares-case"
	// NoEVRoot was given but Global Root G2 and G3 of the three that the cloud may
	// use. Whoever starts the SBC gives it those alone.
	NoEVRoot Mutant = "no-ev-root"
	// PresentsIPOnly presents a certificate that names its address and no host.
	// Whoever starts the SBC gives it that one, as with the next.
	PresentsIPOnly Mutant = "presents-ip-only"
	// PresentsRSA1024 presents a certificate with an RSA key of 1024 bits.
	PresentsRSA1024 Mutant = "presents-rsa-1024"
	// KeepsWrongCertificate says that it takes a new certificate, but does not
	// part with one that has ended.
	KeepsWrongCertificate Mutant = "keeps-wrong-certificate"
)

var certificateMutants = []MutantInfo{
	{RefusesSuperfluousRoot, "It refuses a chain that has the root in it.",
		[]string{"cert.inbound.superfluous-root-accepted"}, nil},
	{RefusesURISANBeside, "It refuses a certificate that has SIP URIs beside its host names.",
		[]string{"cert.inbound.uri-beside-dns-accepted"}, nil},
	{RefusesClientAuthEKU, "It refuses a certificate that is for TLS clients as well.",
		[]string{"cert.inbound.with-client-auth-accepted"}, nil},
	{RefusesExpiringSoon, "It refuses a certificate that has less than 14 days left.",
		[]string{"cert.inbound.expires-soon-accepted"}, nil},
	{RefusesBigKeys, "It refuses RSA keys of more than 2048 bits.",
		[]string{"cert.inbound.rsa-3072-accepted", "cert.inbound.rsa-4096-accepted"}, nil},
	{ComparesCase, "It compares names letter for letter.",
		[]string{"cert.inbound.upper-case-san-accepted"}, nil},
	{NoEVRoot, "It trusts Global Root G2 and G3, but not the EV root; to be seen in a lab whose proxies come from another one.",
		[]string{"cert.inbound.root-high-assurance-ev-accepted"}, nil},
	{PresentsIPOnly, "Its certificate names an address only.",
		[]string{"cert.outbound.ip-only-target", "cert.outbound.name-matches"}, nil},
	{PresentsRSA1024, "Its certificate has an RSA key of 1024 bits.",
		[]string{"cert.outbound.strong-enough"}, nil},
	{KeepsWrongCertificate, "It does not part with a certificate that has ended.",
		[]string{"cert.outbound.survives-wrong-certificates"}, nil},
}
