package certs

import (
	"testing"

	zcrypto "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// lintErrors are the lints that certificates of healthy chains fail, and why
// that stays so.
var lintErrors = map[string]string{
	"e_sub_cert_certificate_policies_missing": "a private authority asserts no policy of the CA/Browser Forum",
	"e_sub_cert_cert_policy_empty":            "the same",
	"e_subj_orgunit_in_ca_cert":               "the real roots, and the intermediate under the EV root, have a unit in their subject, which was allowed then",
	"e_sub_cert_or_sub_ca_using_sha1":         "the real EV root is signed with SHA-1, which nobody checks on a trust anchor",
}

// failsLint is where they are: from the leaf on, by hierarchy.
var failsLint = map[Hierarchy][3][]string{
	HighAssuranceEV: {nil, {"e_subj_orgunit_in_ca_cert"}, {"e_sub_cert_or_sub_ca_using_sha1", "e_subj_orgunit_in_ca_cert"}},
	GlobalG2:        {nil, nil, {"e_subj_orgunit_in_ca_cert"}},
	GlobalG3:        {nil, nil, {"e_subj_orgunit_in_ca_cert"}},
	Organisation:    {{"e_sub_cert_certificate_policies_missing", "e_sub_cert_cert_policy_empty"}, nil, nil},
	deviceShape.id:  {},
}

// TestLint holds healthy chains against the profiles of RFC 5280 and the
// CA/Browser Forum. zlint has no lint that wants certificate timestamps (SCTs),
// which the chains lack: no log takes certificates of a lab.
func TestLint(t *testing.T) {
	forEveryChain(t, func(t *testing.T, s sample) {
		if s.Profile != Healthy {
			return
		}
		for i, c := range append(parsed(t, s.chain), s.authority.Root()) {
			parsed, err := zcrypto.ParseCertificate(c.Raw)
			if err != nil {
				t.Fatal(err)
			}
			known := map[string]bool{}
			for _, name := range failsLint[s.authority.shape.id][i] {
				if lintErrors[name] == "" {
					t.Errorf("%s: no reason is given", name)
				}
				known[name] = true
			}
			results, passed := zlint.LintCertificate(parsed).Results, 0
			for name, result := range results {
				switch {
				case (result.Status >= lint.Error) != known[name]:
					t.Errorf("certificate %d: %s is %s %s", i, name, result.Status, result.Details)
				case result.Status == lint.Pass:
					passed++
				}
			}
			if passed < 50 {
				t.Errorf("certificate %d: of %d lints only %d passed", i, len(results), passed)
			}
		}
	})
}
