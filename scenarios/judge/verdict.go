package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/scenarios/ledger"
	"byocheck/simulator/record"
)

// Status is what a verdict says.
type Status string

// The statuses. Only Pass and Warn are green; what was not measured never is.
const (
	// Pass: the requirement is met.
	Pass Status = "pass"
	// Fail: a requirement of level must is not met.
	Fail Status = "fail"
	// Warn: a requirement of level should is not met, or one is met with little to spare.
	Warn Status = "warn"
	// NotApplicable: the device is declared not to have the feature, and nothing
	// seen contradicts it; or the trunk that is played is none that it is about.
	NotApplicable Status = "not-applicable"
	// Inconclusive: what was seen proves neither.
	Inconclusive Status = "inconclusive"
	// Error: the harness failed; it says nothing about the device.
	Error Status = "error"
)

// Statuses lists all of them, the gravest first.
func Statuses() []Status { return []Status{Error, Fail, Inconclusive, Warn, NotApplicable, Pass} }

// Verdict is what a judge makes of a case.
type Verdict struct {
	Status Status `json:"status"`
	// Expected and Observed are sentences for the person at the device.
	Expected string `json:"expected"`
	Observed string `json:"observed"`
	// Hint says what to do about it; empty where there is nothing to do.
	Hint string `json:"hint,omitempty"`
	// Evidence points into the case's events.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Measurements are figures worth keeping whatever the status.
	Measurements []Measurement `json:"measurements,omitempty"`
	// Witnesses are observations that prove nothing by themselves, such as
	// which alert was sent: stacks differ.
	Witnesses []string `json:"witnesses,omitempty"`
}

// Evidence is one event of the case and what it shows.
type Evidence struct {
	Attempt string `json:"attempt"`
	Seq     uint64 `json:"seq"`
	Shows   string `json:"shows"`
}

// Measurement is a named figure with its unit.
type Measurement struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// unmet is the status of a requirement that is not met, by its level.
func unmet(l ledger.Level) Status {
	switch l {
	case ledger.LevelMust:
		return Fail
	case ledger.LevelShould:
		return Warn
	}
	return Pass // may and info: told, never held against the device
}

// show adds an event as evidence, unless it was not recorded.
func (v *Verdict) show(a record.Attempt, e record.Event, format string, args ...any) {
	if e.Body == nil {
		return
	}
	v.Evidence = append(v.Evidence, Evidence{a.Name, e.Seq, fmt.Sprintf(format, args...)})
}

func (v *Verdict) measure(name string, value float64, unit string) {
	v.Measurements = append(v.Measurements, Measurement{name, value, unit})
}

// outside handles what every judge handles alike, before the attempts are
// looked at: a feature declared absent, and a stimulus that could not be given.
// ok is false where the verdict is already reached.
func (c Case) outside(v *Verdict) (ok bool) {
	if !slices.Contains([]ledger.Level{ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo}, c.Level) {
		v.Status = Error
		v.Observed = fmt.Sprintf("The case has no level (it says %q), so it cannot be said what an unmet requirement amounts to.", c.Level)
		return false
	}
	if !c.InScope() {
		v.Status = NotApplicable
		v.Observed = c.Scope.String()
		return false
	}
	if reason, declared := c.Declared[c.Needs]; declared && c.Needs != "" {
		for _, a := range slices.Concat(c.Control, c.Attempts) {
			if e, seen := contradicts(c.Needs, a); seen {
				v.Status = Inconclusive
				v.Observed = fmt.Sprintf("The configuration declares that the device does not have %s (%s), but the device was seen using it.", c.Needs, reason)
				v.Hint = fmt.Sprintf("Remove %s from declared in the configuration and run again.", c.Needs)
				v.show(a, e, "the device used %s", c.Needs)
				return false
			}
		}
		v.Status = NotApplicable
		v.Observed = fmt.Sprintf("Declared absent: %s (%s). Nothing seen during the run contradicts it.", c.Needs, reason)
		return false
	}
	if len(c.Missing) > 0 {
		v.Status = Inconclusive
		v.Observed = "The scenario could not be played: the configuration does not say how to make the device act."
		v.Hint = "Add to the configuration: " + strings.Join(c.Missing, " / ")
		return false
	}
	if len(c.Attempts) == 0 {
		v.Status = Error
		v.Observed = "The case holds no attempt: the harness did not play the scenario to its end."
		return false
	}
	return true
}

// Features that a device may be declared not to have.
const (
	// CallsToCloud: the device sends calls to the cloud.
	CallsToCloud = "calls-to-cloud"
	// CallsFromCloud: the device takes calls from the cloud.
	CallsFromCloud = "calls-from-cloud"
	// Provisioning: a hook makes the device present another certificate.
	Provisioning = "provisioning"
)

// Features lists all of them.
func Features() []string { return []string{CallsFromCloud, CallsToCloud, Provisioning} }

// contradicts finds the event that shows the device using a feature: an INVITE
// that it sends to a proxy, or a 2xx with which it takes one from there.
func contradicts(feature string, a record.Attempt) (record.Event, bool) {
	for _, e := range a.Events {
		m, is := e.Body.(record.SIPMessage)
		if !is || m.Dir != record.In || m.Method != "INVITE" || !e.AtCloud() {
			continue
		}
		calls, takes := m.Status == 0, m.Status >= 200 && m.Status < 300
		if feature == CallsToCloud && calls || feature == CallsFromCloud && takes {
			return e, true
		}
	}
	return record.Event{}, false
}
