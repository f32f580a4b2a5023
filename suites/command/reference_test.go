package command

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byocheck/suites/config"
)

// What names no device tests the reference SBC, with all that it says; what is
// about a device of the user's does not.
func TestReference(t *testing.T) {
	for _, tt := range []struct {
		name, yaml, flag, value string
		want                    bool
	}{
		{name: "empty", want: true},
		{name: "region and more", yaml: "region: euw2\nedition: older\nstate: lab-state\nnumbers: {inbound: ['+441315550100']}\n", want: true},
		{name: "an Edge", yaml: "edge: {name: edge01.customer.test}\n", want: true},
		{name: "a region as flag", flag: "region", value: "euw2", want: true},
		{name: "target", yaml: "target: 127.0.0.20\n"},
		{name: "target as flag", yaml: "region: euw2\n", flag: "target", value: "127.0.0.20"},
		{name: "connect", yaml: "connect: 127.0.0.20:5061\n"},
		{name: "connect as flag", flag: "connect", value: "127.0.0.20:5061"},
		{name: "carrier", yaml: "carrier: {device: '127.0.0.21:5060'}\n"},
		{name: "no carrier", yaml: "carrier: none\n"},
		{name: "device", yaml: "device: {vendor: Example}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lab.yaml")
			if err := os.WriteFile(path, []byte(tt.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if tt.flag != "" {
				if err := c.Set(tt.flag, tt.value, "--"+tt.flag); err != nil {
					t.Fatal(err)
				}
			}
			said := c
			got, err := conformance{}.reference(&c)
			if err != nil || got != tt.want {
				t.Fatalf("the reference SBC is the device: %t (error %v)", got, err)
			}
			if c.Region != said.Region || c.Edition != said.Edition || c.State != said.State || c.Edge.Played != said.Edge.Played ||
				len(said.Numbers.Inbound) > 0 && !slices.Equal(c.Numbers.Inbound, said.Numbers.Inbound) {
				t.Errorf("what the file says is lost: %+v", c)
			}
			if tt.want {
				if err := c.Validate(); err != nil || c.Target.Host == "" {
					t.Errorf("target %v, error %v", c.Target, err)
				}
			}
		})
	}
}
