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
		t.Run(c.Peer+" "+c.Scenario+" "+string(c.Status), func(t *testing.T) {
			if _, ok := Find(c.Scenario); !ok {
				t.Fatal("there is no such scenario")
			}
			script, err := os.ReadFile(filepath.Join("..", "suites", "targets", strings.ToLower(c.Peer), "check"))
			if err != nil {
				t.Fatal(err)
			}
			demand := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(c.Scenario) + ` ` + string(c.Status) + `(\|warn)?$`)
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
	const want = "pass: stunnel (checking chain and host); fail: Kamailio, baresip, stunnel (checking the chain)"
	if got := Confirmed("cert.inbound.san-mismatch-refused"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
