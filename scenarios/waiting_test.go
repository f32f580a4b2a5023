package scenarios

import (
	"testing"

	"byocheck/scenarios/trigger"
)

// Only who never came is not waited for again: a device that was seen may hold
// the proxies to be down.
func TestListened(t *testing.T) {
	wait, act := []trigger.Rung{trigger.Patience{}}, []trigger.Rung{trigger.Command{Line: "true"}}
	for name, tt := range map[string]struct {
		s    Stage
		mute bool
	}{
		"never came":                        {Stage{Ladder: wait}, true},
		"came before":                       {Stage{Ladder: wait, acted: true}, false},
		"something makes it act":            {Stage{Ladder: act}, false},
		"the carrier calls":                 {Stage{Ladder: wait, CarrierCalls: true}, false},
		"the carrier cannot call":           {Stage{Ladder: wait, CarrierCalls: true, MissingInbound: []string{"carrier:"}}, true},
		"nothing is waited for on a ladder": {Stage{}, false},
	} {
		if tt.s.listened(); tt.s.mute != tt.mute {
			t.Errorf("%s: it is not waited for again: %v", name, tt.s.mute)
		}
	}
}
