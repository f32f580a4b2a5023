package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Profile names a kind of chain: the healthy one or one with a single fault.
type Profile string

const (
	// Healthy is the chain that a device must accept.
	Healthy Profile = "healthy"
	// UntrustedRoot is a chain under a root that the device was not given.
	UntrustedRoot Profile = "untrusted-root"
	// SANMismatch is a trusted chain for other host names.
	SANMismatch Profile = "san-mismatch"
)

// Outcome is what a device must do with a chain.
type Outcome string

const (
	// Accept is to complete the handshake and use the connection.
	Accept Outcome = "accept"
	// Refuse is to end the connection before any application octet.
	Refuse Outcome = "refuse"
)

// ProfileInfo says what a profile is, for people.
type ProfileInfo struct {
	Profile  Profile
	Sentence string  // what is presented, in one sentence
	Citation string  // the standard that says what to do with it
	Expect   Outcome // what the device must do
}

// Profiles lists every profile, the healthy one first.
func Profiles() []ProfileInfo {
	var infos []ProfileInfo
	for _, row := range profiles {
		infos = append(infos, row.ProfileInfo)
	}
	return infos
}

// recipe is a leaf before it is made. A fault is a change of one part of it.
type recipe struct {
	names    Names             // become the common name and the alternative names
	template *x509.Certificate // everything else of the leaf
	issuer   hierarchyKeys     // signs the leaf and follows it in the chain
}

type profile struct {
	ProfileInfo
	change func(*Authority, *recipe) error // nil: no fault
}

var profiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  Healthy,
			Sentence: "A valid chain for the right names, under the root that the device was told to trust.",
			Citation: "RFC 5280 section 6.1; RFC 5922 section 7.1",
			Expect:   Accept,
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  UntrustedRoot,
			Sentence: "The whole chain comes from another root that has the same subject as the trusted one but another key.",
			Citation: "RFC 5280 section 6.1: a path must begin at a trust anchor; RFC 5246 section 7.2.2: unknown_ca",
			Expect:   Refuse,
		},
		change: func(a *Authority, r *recipe) (err error) {
			r.issuer, err = a.otherRoot()
			return err
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  SANMismatch,
			Sentence: "A chain under the trusted root whose common name and alternative names are host names of somebody else.",
			Citation: "RFC 5922 section 7.3: no identity of the certificate matches the domain the client connected to",
			Expect:   Refuse,
		},
		change: func(_ *Authority, r *recipe) (err error) {
			r.names, err = otherNames(r.names)
			return err
		},
	},
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

// otherDomain is where otherNames live: a name reserved for documentation
// (RFC 2606), so nobody's.
const otherDomain = "voice.other.example"

// otherNames gives as many names as n has, in the same form, none of them in n:
// lb01.voice.use1.pure.cloud becomes lb01.voice.other.example.
func otherNames(n Names) (Names, error) {
	move := func(name string) string {
		if host, _, _ := strings.Cut(name, "."); !strings.EqualFold(name, n.CN) {
			return host + "." + otherDomain
		}
		return otherDomain
	}
	other := Names{CN: move(n.CN)}
	for _, name := range n.DNS {
		other.DNS = append(other.DNS, move(name))
	}
	for _, name := range append([]string{n.CN}, n.DNS...) {
		if strings.HasSuffix(strings.ToLower(name), otherDomain) {
			return Names{}, errors.New("choosing names that do not match: the right names already are in " + otherDomain)
		}
	}
	return other, nil
}
