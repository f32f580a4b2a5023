package suites

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites/config"
)

func TestJoined(t *testing.T) {
	in := []string{"listen: l", "media: m", "carrier:", "  device: d", "numbers:", "  inbound: i"}
	out := []string{"listen: l", "media: m", "numbers:", "  outbound: o"}
	for _, tt := range []struct {
		name              string
		lines, more, want []string
	}{
		{"nothing", nil, nil, nil},
		{"first", nil, out, out},
		{"second", out, nil, out},
		{"same", out, out, out},
		{"both", in, out, []string{"listen: l", "media: m", "carrier:", "  device: d", "numbers:", "  outbound: o", "  inbound: i"}},
		{"nothing in common", []string{"a:", "  b: 1"}, []string{"c:", "  d: 1"}, []string{"a:", "  b: 1", "c:", "  d: 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := joined(tt.lines, tt.more); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestAdvise(t *testing.T) {
	in := scenarios.Scenario{ID: "media.inbound.x", Needs: judge.CallsToCloud}
	out := scenarios.Scenario{ID: "media.outbound.x", Needs: judge.CallsFromCloud}
	lacking := scenarios.Stage{MissingInbound: []string{"numbers:", "  inbound: i"}, MissingOutbound: []string{"numbers:", "  outbound: o"}}
	declared := lacking
	declared.Declared = map[string]string{judge.CallsToCloud: "a reason"}
	for _, tt := range []struct {
		name     string
		stage    scenarios.Stage
		selected []scenarios.Scenario
		dir      string
		want     string
	}{
		{"nothing missing", scenarios.Stage{}, []scenarios.Scenario{in, out}, "", ""},
		{"inbound", lacking, []scenarios.Scenario{in}, "",
			"\nTo play the inbound calls, add to byocheck.yaml, each line below its key if that is there already:\n\n    numbers:\n      inbound: i\n"},
		{"both", lacking, []scenarios.Scenario{in, out}, "",
			"\nTo play the inbound and outbound calls, add to byocheck.yaml, each line below its key if that is there already:\n\n    numbers:\n      outbound: o\n      inbound: i\n"},
		{"a file that was named", lacking, []scenarios.Scenario{out}, "lab",
			"\nTo play the outbound calls, add to the configuration file, each line below its key if that is there already:\n\n    numbers:\n      outbound: o\n"},
		{"declared absent", declared, []scenarios.Scenario{in}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			o := Options{Config: config.Config{Dir: tt.dir}, Selected: tt.selected, Say: func(f string, a ...any) { fmt.Fprintf(&b, f+"\n", a...) }}
			o.advise(&tt.stage)
			if got := b.String(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
