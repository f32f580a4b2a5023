package certs_test

import (
	"regexp"
	"testing"

	"byocheck/certs"
	"byocheck/scenarios/ledger"
)

// TestCitedClausesAreThere: what a profile cites of the specification is a
// clause of the ledger.
func TestCitedClausesAreThere(t *testing.T) {
	id := regexp.MustCompile(`byoc-[0-9a-z-]+`)
	seen := 0
	for _, info := range certs.Profiles() {
		for _, clause := range id.FindAllString(info.Citation, -1) {
			seen++
			if _, ok := ledger.Lookup(clause); !ok {
				t.Errorf("%s cites %s, which the ledger does not have", info.Profile, clause)
			}
		}
	}
	if seen == 0 {
		t.Error("no profile cites a clause")
	}
}
