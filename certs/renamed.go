package certs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// each applies change to every name.
func (n Names) each(change func(string) string) Names {
	var out Names
	if n.CN != "" {
		out.CN = change(n.CN)
	}
	for _, name := range n.DNS {
		out.DNS = append(out.DNS, change(name))
	}
	return out
}

func wildcards(n Names) (identifiers, error) {
	for _, name := range append([]string{n.CN}, n.DNS...) {
		if name != "" && !strings.Contains(name, ".") {
			return identifiers{}, fmt.Errorf("making wildcards: use names of two labels or more: %q", name)
		}
	}
	i := n.each(func(name string) string {
		_, parent, _ := strings.Cut(name, ".")
		return "*." + parent
	}).identifiers()
	i.dns = slices.Compact(i.dns)
	return i, nil
}

// otherDomain is where otherNames live: a name reserved for documentation
// (RFC 2606), so nobody's.
const otherDomain = "voice.other.example"

// otherNames gives as many names as n has, in the same form, none of them in n:
// lb01.voice.use1.pure.cloud becomes lb01.voice.other.example.
func otherNames(n Names) (Names, error) {
	for _, name := range append([]string{n.CN}, n.DNS...) {
		if strings.HasSuffix(strings.ToLower(name), otherDomain) {
			return Names{}, errors.New("choosing names that do not match: the right names already are in " + otherDomain)
		}
	}
	return n.each(func(name string) string {
		if host, _, _ := strings.Cut(name, "."); !strings.EqualFold(name, n.CN) {
			return host + "." + otherDomain
		}
		return otherDomain
	}), nil
}

// regional is the form of a name of a region: a host or none, voice, the code of
// the region, and the domain of all regions.
var regional = regexp.MustCompile(`(?i)^((?:.+\.)?voice\.)([a-z0-9-]+)(\.[^.]+\..+)$`)

// otherRegion gives the names in another region: lb01.voice.use1.pure.cloud
// becomes lb01.voice.usw2.pure.cloud. A name that is not of the form, as some
// SRV domains are, becomes the domain of the other region's. Where there is no
// region in the names they are somebody else's.
func otherRegion(n Names) (identifiers, error) {
	i := slices.IndexFunc(n.DNS, regional.MatchString)
	if i < 0 {
		other, err := otherNames(n)
		return other.identifiers(), err
	}
	form := regional.FindStringSubmatch(n.DNS[i])
	code := "usw2"
	if strings.EqualFold(form[2], code) {
		code = "use1"
	}
	return n.each(func(name string) string {
		if parts := regional.FindStringSubmatch(name); parts != nil {
			return parts[1] + code + parts[3]
		}
		return "voice." + code + form[3]
	}).identifiers(), nil
}
