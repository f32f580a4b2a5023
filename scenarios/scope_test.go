package scenarios

import (
	"slices"
	"strings"
	"testing"

	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
)

func TestScopes(t *testing.T) {
	for id, scope := range scopes {
		s, ok := Find(id)
		if !ok {
			t.Errorf("there is no scenario %s", id)
		}
		if s.Scope != scope || scope.String() == "" {
			t.Errorf("%s has the scope %q", id, s.Scope)
		}
		if _, ok := ledger.Lookup(scope.Clause); !ok {
			t.Errorf("%s rests on %s, which the ledger does not have", id, scope.Clause)
		}
		if scope.Why == "" || strings.HasSuffix(scope.Why, ".") || strings.ToLower(scope.Why[:1]) != scope.Why[:1] && !strings.HasPrefix(scope.Why, "SRV") {
			t.Errorf("%s: %q does not go on after a colon", id, scope.Why)
		}
	}
	both := []string{"system:cloud", "system:edge"}
	for id, want := range map[string][]string{
		"cert.inbound.organisation-root-accepted": both[1:],
		"tls.outbound.handshake-within-500ms":     both[:1],
		"media.inbound.no-plain-rtp-offered":      both,
		"cert.inbound.expired-refused":            both,
	} {
		s, _ := Find(id)
		if got := slices.DeleteFunc(s.Labels(), func(l string) bool { return !strings.HasPrefix(l, "system:") }); !slices.Equal(got, want) {
			t.Errorf("%s is labelled %v, want %v", id, got, want)
		}
	}
}

// Whatever the specification ties to the DigiCert roots, to the regions or to
// the 500 ms is not for an Edge: a clause that only the cloud has must not be
// the weightiest of a scenario that is played on an Edge too.
func TestClausesOfTheCloudAreForTheCloud(t *testing.T) {
	own := []string{"byoc-018-trust-digicert-root", "byoc-019-ev-root-regions", "byoc-020-ev-regions-will-migrate", "byoc-021-g2g3-regions",
		"byoc-025-genesys-trusted-cas", "byoc-030-handshake-500ms", "byoc-032-genesys-names", "byoc-044-tgrp-recommended", "byoc-048-srv-available",
		"byoc-049-all-proxies-listed", "byoc-k12-g3-root-rsa-suites"}
	for _, s := range All() {
		if slices.Contains(own, s.Clauses[0]) && s.Scope.System != judge.Cloud {
			t.Errorf("%s rests on %s, and is played on an Edge", s.ID, s.Clauses[0])
		}
	}
}
