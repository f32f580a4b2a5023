package judge

import (
	"fmt"
	"strings"
)

// System is a kind of trunk that can be simulated.
type System string

// The systems of the specification.
const (
	Cloud System = "cloud" // BYOC Cloud: the four proxies of a region
	Edge  System = "edge"  // BYOC Premises: one Edge of the customer's
)

// Systems lists them.
func Systems() []System { return []System{Cloud, Edge} }

// Scope says which trunks a scenario is about. The zero value is all of them.
type Scope struct {
	// System is the only one, if any; MediaSecurity the only setting of it.
	System        System `json:"system,omitempty"`
	MediaSecurity string `json:"media_security,omitempty"`
	// Clause is the id of the one that says so, Why the reason in one sentence.
	Clause string `json:"clause"`
	Why    string `json:"why"`
}

// String says it in a sentence; empty for the zero value.
func (s Scope) String() string {
	var only string
	switch {
	case s.System == Cloud:
		only = "Only for BYOC Cloud"
	case s.System == Edge:
		only = "Only for BYOC Premises"
	case s.MediaSecurity != "":
		only = "Only where media security is " + s.MediaSecurity
	default:
		return ""
	}
	return fmt.Sprintf("%s: %s (%s).", only, strings.TrimSuffix(s.Why, "."), s.Clause)
}

// Covers reports whether the scenario is about a system, whatever its settings.
func (s Scope) Covers(system System) bool { return s.System == "" || s.System == system }

// InScope reports whether the scenario is about the trunk that was simulated.
func (c Case) InScope() bool {
	security := c.MediaSecurity
	if security == "" {
		security = "required"
	}
	system := c.System
	if system == "" {
		system = Cloud
	}
	return c.Scope.Covers(system) && (c.Scope.MediaSecurity == "" || c.Scope.MediaSecurity == security)
}
