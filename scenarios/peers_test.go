package scenarios

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is said to be confirmed is what a peer's check script demands.
func TestConfirmationsAreHeld(t *testing.T) {
	for _, c := range Confirmations() {
		t.Run(c.Peer+" "+c.Scenario+" "+c.outcome(), func(t *testing.T) {
			if _, ok := Find(c.Scenario); !ok {
				t.Fatal("there is no such scenario")
			}
			script, err := os.ReadFile(filepath.Join("..", "suites", "targets", strings.ToLower(c.Peer), "check"))
			if err != nil {
				t.Fatal(err)
			}
			demand := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(strings.TrimRight(c.Scenario+" "+string(c.Status)+" "+c.Does, " ")) + `(\|warn)?$`)
			if !demand.Match(script) {
				t.Errorf("no run of the check of %s demands it", c.Peer)
			}
		})
	}
}

func TestConfirmedSaysWho(t *testing.T) {
	if got := Confirmed("no.such.scenario"); got != "" {
		t.Errorf("got %q", got)
	}
	for id, want := range map[string]string{
		"cert.inbound.san-mismatch-refused": "pass: stunnel; fail: Kamailio, baresip, stunnel (checking the chain alone)",
		"cert.inbound.uri-san":              "accepts: Kamailio, baresip, stunnel (checking the chain alone); refuses: stunnel",
	} {
		if got := Confirmed(id); got != want {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
}
