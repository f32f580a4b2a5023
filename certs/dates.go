package certs

import (
	"crypto/x509"
	"time"
)

// Profiles whose fault is a period of validity.
const (
	Expired             Profile = "expired"
	NotYetValid         Profile = "not-yet-valid"
	ExpiredIntermediate Profile = "expired-intermediate"
	ExpiresSoon         Profile = "expires-soon"
)

// clockMargin is how far a wrong period of validity is from now: more than the
// clock of a device may be wrong, and more than a run may take.
const clockMargin = 7 * 24 * time.Hour

var dateProfiles = []profile{
	{
		ProfileInfo: ProfileInfo{
			Profile:  Expired,
			Sentence: "The proxy's own certificate ended a week ago.",
			Citation: "byoc-036-date-window; byoc-038-date-fail-closed; RFC 5280 section 6.1.3 (a)(2)",
			Expect:   Refuse,
		},
		change: func(a *Authority, r *recipe) error {
			endAt(r.leaf, a.start.Add(-clockMargin))
			return nil
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  NotYetValid,
			Sentence: "The proxy's own certificate begins in a week.",
			Citation: "byoc-036-date-window; byoc-038-date-fail-closed; RFC 5280 section 6.1.3 (a)(2)",
			Expect:   Refuse,
		},
		change: func(a *Authority, r *recipe) error {
			endAt(r.leaf, a.start.Add(clockMargin+leafBackdate+leafLife))
			return nil
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  ExpiredIntermediate,
			Sentence: "The certificate of the intermediate ended a week ago, that of the proxy is valid.",
			Citation: "byoc-036-date-window; RFC 5280 section 6.1.3 (a)(2), for each certificate of the path",
			Expect:   Refuse,
		},
		base: ownIntermediate,
		change: func(a *Authority, r *recipe) error {
			endAt(r.drafts[0].template, a.start.Add(-clockMargin))
			return nil
		},
	},
	{
		ProfileInfo: ProfileInfo{
			Profile:  ExpiresSoon,
			Sentence: "The proxy's own certificate ends in ten days: the real cloud renews at or near the end.",
			Citation: "byoc-037-renew-near-expiry; byoc-036-date-window; RFC 5280 section 6.1.3 (a)(2)",
			Expect:   Accept,
		},
		change: func(a *Authority, r *recipe) error {
			endAt(r.leaf, a.start.Add(10*24*time.Hour))
			return nil
		},
	},
}

// endAt moves a period of validity and leaves its length.
func endAt(t *x509.Certificate, end time.Time) {
	t.NotBefore, t.NotAfter = end.Add(-t.NotAfter.Sub(t.NotBefore)), end
}
