package libssl

// group is a named group for key exchange.
type group struct {
	id  uint16 // RFC 8422 5.1.1, RFC 7027 2
	nid int32  // OpenSSL's number (obj_mac.h)
}

var groups = []group{
	{21, 713},  // secp224r1
	{22, 714},  // secp256k1
	{23, 415},  // secp256r1
	{24, 715},  // secp384r1
	{25, 716},  // secp521r1
	{26, 927},  // brainpoolP256r1
	{27, 931},  // brainpoolP384r1
	{28, 933},  // brainpoolP512r1
	{29, 1034}, // x25519
	{30, 1035}, // x448
}

// signatureNames are the IANA numbers (RFC 8446 4.2.3, RFC 5246 7.4.1.4.1) and
// the names under which OpenSSL knows them.
var signatureNames = map[uint16]string{
	0x0201: "rsa_pkcs1_sha1",
	0x0203: "ecdsa_sha1",
	0x0301: "rsa_pkcs1_sha224",
	0x0303: "ecdsa_sha224",
	0x0401: "rsa_pkcs1_sha256",
	0x0403: "ecdsa_secp256r1_sha256",
	0x0501: "rsa_pkcs1_sha384",
	0x0503: "ecdsa_secp384r1_sha384",
	0x0601: "rsa_pkcs1_sha512",
	0x0603: "ecdsa_secp521r1_sha512",
	0x0804: "rsa_pss_rsae_sha256",
	0x0805: "rsa_pss_rsae_sha384",
	0x0806: "rsa_pss_rsae_sha512",
	0x0807: "ed25519",
	0x0808: "ed448",
	0x0809: "rsa_pss_pss_sha256",
	0x080a: "rsa_pss_pss_sha384",
	0x080b: "rsa_pss_pss_sha512",
}
