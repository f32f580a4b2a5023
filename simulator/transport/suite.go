package transport

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// openSSLNames are what OpenSSL calls the suites of the specification.
var openSSLNames = map[uint16]string{
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:    "ECDHE-RSA-AES256-SHA",
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384:       "AES256-GCM-SHA384",
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256:       "AES128-GCM-SHA256",
	tls.TLS_RSA_WITH_AES_256_CBC_SHA:          "AES256-SHA",
	ecdheRSAAES256CBCSHA384:                   "ECDHE-RSA-AES256-SHA384",
	rsaAES256CBCSHA256:                        "AES256-SHA256",
}

// ParseSuite finds a suite of the specification by its IANA or its OpenSSL name,
// whatever the letter case. The error for another name lists them.
func ParseSuite(name string) (uint16, error) {
	var known []string
	for _, id := range EditionSuites(Newer) {
		if strings.EqualFold(name, SuiteName(id)) || strings.EqualFold(name, openSSLNames[id]) {
			return id, nil
		}
		known = append(known, SuiteName(id))
	}
	return 0, fmt.Errorf("unknown cipher suite %.80q; write one of %s, or its OpenSSL name", name, strings.Join(known, ", "))
}
