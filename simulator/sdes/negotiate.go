package sdes

import (
	"crypto/rand"
	"fmt"
	"io"
	"slices"
)

// Generate makes a line with a fresh key read from random, or from the
// system's generator where random is nil. It fails for an unknown suite, for
// a tag outside 0 to 999999999 and where random runs dry.
func Generate(tag int, suite SuiteName, random io.Reader) (Line, error) {
	s, ok := Lookup(suite)
	if !ok {
		return Line{}, wrong(PartSuite, string(suite), "generating a key: unknown suite")
	}
	if tag < 0 || tag > 999_999_999 {
		return Line{}, wrong(PartTag, fmt.Sprint(tag), "generating a key: a tag has 1 to 9 digits")
	}
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, s.KeyLen+s.SaltLen)
	if _, err := io.ReadFull(random, secret); err != nil {
		return Line{}, fmt.Errorf("generating a key for %s: %w", suite, err)
	}
	key := Key{Master: secret[:s.KeyLen:s.KeyLen], Salt: secret[s.KeyLen:]}
	return Line{Tag: tag, Suite: suite, Keys: []Key{key}}, nil
}

// Choose gives the line that an answerer accepts: the first in the offer's
// order of preference whose suite is allowed (RFC 4568 section 5.1.2). Lines
// are passed over that no context can be made for, and lines that would do
// without encryption or authentication, which sections 6.3.2 and 6.3.3 leave
// to a policy that we do not have. False where no line is left.
func Choose(offer []Line, allowed []SuiteName) (Line, bool) {
	for _, l := range offer {
		if !slices.Contains(allowed, l.Suite) || slices.ContainsFunc(l.Params, weakened) {
			continue
		}
		if _, err := l.Context(); err == nil {
			return l, true
		}
	}
	return Line{}, false
}

// Answer makes the line that accepts chosen: its tag, its suite and a key of
// our own read from random (see [Generate]). Of the session parameters it
// repeats those that both ends must agree on; lifetime, MKI and the others
// describe only what their writer sends.
func Answer(chosen Line, random io.Reader) (Line, error) {
	l, err := Generate(chosen.Tag, chosen.Suite, random)
	if err != nil {
		return Line{}, fmt.Errorf("answering crypto line %d: %w", chosen.Tag, err)
	}
	for _, p := range chosen.Params {
		if weakened(p) {
			l.Params = append(l.Params, p)
		}
	}
	return l, nil
}
