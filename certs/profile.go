package certs

import (
	"fmt"
	"slices"
	"strings"
)

// Profile names a kind of chain: the healthy one, or one with a single fault or
// peculiarity. Profiles explains each.
type Profile string

// Healthy is the chain that a device must accept.
const Healthy Profile = "healthy"

// Outcome is what a device must do with a chain.
type Outcome string

const (
	// Accept is to complete the handshake and use the connection.
	Accept Outcome = "accept"
	// Refuse is to end the connection before any application octet.
	Refuse Outcome = "refuse"
	// Either is that the sources disagree, or leave it open.
	Either Outcome = "either"
)

// ProfileInfo says what a profile is, for people.
type ProfileInfo struct {
	Profile  Profile
	Sentence string  // what is presented, in one sentence
	Citation string  // what says what to do with it: sections of RFCs, and clauses of the specification by their id
	Expect   Outcome // what the device must do
	Readings string  // of Either: why to accept it, and why to refuse it
}

// profile is a row of the table of profiles.
type profile struct {
	ProfileInfo
	base   alteration // what the twin has too; nil: the twin is the healthy chain
	change alteration // the fault; nil: none
}

// profiles are all profiles, the healthy one first.
var profiles = slices.Concat(
	[]profile{{ProfileInfo: ProfileInfo{
		Profile:  Healthy,
		Sentence: "A valid chain for the right names, under the root that the device was told to trust.",
		Citation: "byoc-018-trust-digicert-root; RFC 5280 section 6.1; RFC 5922 section 7.1",
		Expect:   Accept,
	}}},
	dateProfiles, nameProfiles, trustProfiles, usageProfiles, algorithmProfiles, rotationProfiles,
)

// Profiles lists every profile, the healthy one first.
func Profiles() []ProfileInfo {
	var infos []ProfileInfo
	for _, row := range profiles {
		infos = append(infos, row.ProfileInfo)
	}
	return infos
}

func profileRow(p Profile) (profile, error) {
	var known []string
	for _, row := range profiles {
		if row.Profile == p {
			return row, nil
		}
		known = append(known, string(row.Profile))
	}
	return profile{}, fmt.Errorf("choosing a certificate profile: unknown profile %q (known: %s)", p, strings.Join(known, ", "))
}
