package certs

import (
	"testing"
	"time"
)

func TestPeriodsOfValidity(t *testing.T) {
	const day, life = 24 * time.Hour, 180*24*time.Hour + time.Hour
	type period struct{ from, to time.Duration } // from testStart
	healthy := [2]period{{-time.Hour, 180 * day}, {-day, 5 * year}}
	wrong := map[Profile][2]period{
		Expired:             {{-7*day - life, -7 * day}, healthy[1]},
		NotYetValid:         {{7 * day, 7*day + life}, healthy[1]},
		ExpiredIntermediate: {healthy[0], {-7*day - day - 5*year, -7 * day}},
		ExpiresSoon:         {{10*day - life, 10 * day}, healthy[1]},
	}
	forEveryChain(t, func(t *testing.T, c sample) {
		want, is := wrong[c.Profile]
		if !is {
			want = healthy
		}
		for i, cert := range parsed(t, c.chain) {
			if cert.Subject.CommonName == c.authority.Root().Subject.CommonName {
				continue // as the lab has it
			}
			w := want[min(i, 1)]
			if !cert.NotBefore.Equal(testStart.Add(w.from)) || !cert.NotAfter.Equal(testStart.Add(w.to)) {
				t.Errorf("certificate %d is valid from %v to %v, want %v and %v from %v", i, cert.NotBefore, cert.NotAfter, w.from, w.to, testStart)
			}
		}
	})
}
