package scripted

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"
)

// suite is a cipher suite that we can speak.
type suite struct {
	id    uint16
	ecdhe bool // else static RSA; all certificates are RSA
	key   int  // octets
	block func(key []byte) (cipher.Block, error)
	mac   func() hash.Hash // of the MAC; nil is GCM
	hash  func() hash.Hash // of the PRF
}

// suites holds the eight of the specification first. The rest is there to have
// a suite left that a client with all eight did not offer.
var suites = []suite{
	{0xc030, true, 32, aes.NewCipher, nil, sha512.New384},             // TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	{0xc02f, true, 16, aes.NewCipher, nil, sha256.New},                // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	{0xc014, true, 32, aes.NewCipher, sha1.New, sha256.New},           // TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
	{0xc028, true, 32, aes.NewCipher, sha512.New384, sha512.New384},   // TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384
	{0x009d, false, 32, aes.NewCipher, nil, sha512.New384},            // TLS_RSA_WITH_AES_256_GCM_SHA384
	{0x009c, false, 16, aes.NewCipher, nil, sha256.New},               // TLS_RSA_WITH_AES_128_GCM_SHA256
	{0x0035, false, 32, aes.NewCipher, sha1.New, sha256.New},          // TLS_RSA_WITH_AES_256_CBC_SHA
	{0x003d, false, 32, aes.NewCipher, sha256.New, sha256.New},        // TLS_RSA_WITH_AES_256_CBC_SHA256
	{0xc013, true, 16, aes.NewCipher, sha1.New, sha256.New},           // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
	{0xc027, true, 16, aes.NewCipher, sha256.New, sha256.New},         // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
	{0x002f, false, 16, aes.NewCipher, sha1.New, sha256.New},          // TLS_RSA_WITH_AES_128_CBC_SHA
	{0x003c, false, 16, aes.NewCipher, sha256.New, sha256.New},        // TLS_RSA_WITH_AES_128_CBC_SHA256
	{0x000a, false, 24, des.NewTripleDESCipher, sha1.New, sha256.New}, // TLS_RSA_WITH_3DES_EDE_CBC_SHA
}

// specified is how many of suites the specification knows.
const specified = 8

func lookUp(id uint16) (suite, bool) {
	i := slices.IndexFunc(suites, func(s suite) bool { return s.id == id })
	if i < 0 {
		return suite{}, false
	}
	return suites[i], true
}

// exportSuites are those with RSA keys of 512 bits for the key exchange (RFC
// 2246 A.5). RFC 4346 A.5 forbids them.
var exportSuites = []uint16{
	0x0003, // TLS_RSA_EXPORT_WITH_RC4_40_MD5
	0x0006, // TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5
	0x0008, // TLS_RSA_EXPORT_WITH_DES40_CBC_SHA
}

// prf is the pseudorandom function of TLS 1.2 (RFC 5246 5), n octets of it.
func prf(h func() hash.Hash, secret []byte, label string, seed []byte, n int) []byte {
	m := hmac.New(h, secret)
	sum := func(parts ...[]byte) []byte {
		m.Reset()
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// secrets are what both sides derive of the premaster secret.
type secrets struct {
	suite  suite
	master []byte
}

// newSecrets derives the master secret: of the whole handshake up to the
// ClientKeyExchange where that was agreed (RFC 7627 4), else of the randoms
// (RFC 5246 8.1).
func newSecrets(s suite, premaster, randoms, transcript []byte, extended bool) secrets {
	label, seed := "master secret", randoms
	if extended {
		label, seed = "extended master secret", digest(s.hash, transcript)
	}
	return secrets{s, prf(s.hash, premaster, label, seed, 48)}
}

// protections derives the keys of both directions (RFC 5246 6.3). randoms are
// the client's and the server's.
func (s secrets) protections(randoms []byte) (client, server *protection) {
	mac, iv := 0, 4 // GCM: RFC 5288 3
	if s.suite.mac != nil {
		mac, iv = s.suite.mac().Size(), 0 // CBC: every record has an IV of its own
	}
	seed := append(slices.Clone(randoms[32:]), randoms[:32]...)
	c := cursor{b: prf(s.suite.hash, s.master, "key expansion", seed, 2*(mac+s.suite.key+iv))}
	client, server = &protection{suite: s.suite}, &protection{suite: s.suite}
	client.mac, server.mac = c.take(mac), c.take(mac)
	client.key, server.key = c.take(s.suite.key), c.take(s.suite.key)
	client.iv, server.iv = c.take(iv), c.take(iv)
	return client, server
}

// finished returns the verify_data (RFC 5246 7.4.9); who is "client" or "server".
func (s secrets) finished(who string, transcript []byte) []byte {
	return prf(s.suite.hash, s.master, who+" finished", digest(s.suite.hash, transcript), 12)
}

func digest(h func() hash.Hash, b []byte) []byte {
	sum := h()
	sum.Write(b)
	return sum.Sum(nil)
}
