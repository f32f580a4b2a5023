package judge

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"byocheck/simulator/record"
)

// inquiry is what the device asked about the certificates that the proxies
// showed in an attempt, at the addresses that stand in them.
type inquiry struct {
	condition string // how the revocation stood, as the profile names it
	stapled   bool
	hello     *record.ClientHello // the first one
	fetches   []record.Event
	before    []record.Event // in the controls and the attempts before
}

// inquired looks for the device's questions in an attempt, and in what was
// played before it: a device keeps what it learned of an issuer. is tells whether
// the attempt is about revocation.
func (c Case) inquired(a record.Attempt) (q inquiry, is bool) {
	var issuer string
	for _, e := range a.Events {
		switch b := e.Body.(type) {
		case record.Profile:
			if b.Generation == a.Generation {
				q.condition, q.stapled, issuer = b.Revocation, b.Stapled, b.Issuer
			}
		case record.ClientHello:
			if q.hello == nil && e.Generation == a.Generation {
				q.hello = &b
			}
		}
	}
	q.fetches = asksOf(a, issuer)
	for _, earlier := range slices.Concat(c.Control, c.Attempts) {
		if earlier.Name == a.Name {
			break
		}
		q.before = append(q.before, asksOf(earlier, issuer)...)
	}
	return q, q.condition != ""
}

// asksOf are the questions about revocation to an issuer in an attempt.
func asksOf(a record.Attempt, issuer string) (out []record.Event) {
	for _, e := range a.Events {
		if b, is := e.Body.(record.Fetch); is && b.Issuer == issuer && b.What != record.Certificate {
			out = append(out, e)
		}
	}
	return out
}

// MustNotPass reports whether the certificate shown in the attempt is revoked.
func MustNotPass(a record.Attempt) bool {
	for _, e := range a.Events {
		if b, is := e.Body.(record.Profile); is && b.Generation == a.Generation && b.Revoked {
			return true
		}
	}
	return false
}

// statusRequest is the extension by which a client asks for a stapled OCSP
// response (RFC 6066 section 8).
const statusRequest = 5

func (q inquiry) wantsStaple() bool {
	return q.hello != nil && slices.Contains(q.hello.Extensions, statusRequest)
}

// asked says in words what the device asked for in the attempt, empty for nothing.
func (q inquiry) asked() string {
	parts := sources(q.fetches)
	if q.stapled && q.wantsStaple() {
		parts = append(parts, "a stapled OCSP response in its ClientHello")
	}
	return strings.Join(parts, " and ")
}

// known says in words what the device had asked for before, empty for nothing.
func (q inquiry) known() string { return strings.Join(sources(q.before), " and ") }

// sources says what was fetched, and how often.
func sources(fetches []record.Event) (parts []string) {
	count := map[string]int{}
	var order []string
	for _, e := range fetches {
		what := "OCSP"
		if e.Body.(record.Fetch).What == record.CRL {
			what = "the revocation list"
		}
		if count[what]++; count[what] == 1 {
			order = append(order, what)
		}
	}
	for _, what := range order {
		parts = append(parts, fmt.Sprintf("%s %s", what, times(count[what])))
	}
	return parts
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// refused says how a refusal came about.
func (q inquiry) refused() string {
	switch {
	case q.asked() != "":
		return "It asked for " + q.asked() + ", and refused."
	case q.known() != "":
		return "It refused without asking again: it had asked for " + q.known() + " with the good certificate."
	}
	return "It refused without asking: what it knows of the revocation it has from elsewhere."
}

// accepted says how an acceptance on conn came about.
func (q inquiry) accepted(conn *connection) string {
	asked := q.asked()
	switch {
	case asked == "" && q.known() != "":
		return "It did not ask whether the certificate is revoked; it had asked for " + q.known() + " with the good certificate."
	case asked == "" && q.stapled:
		return "It never asked for a stapled OCSP response."
	case asked == "":
		return "It never asked whether the certificate is revoked."
	case len(q.fetches) > 0 && q.fetches[0].Mono > conn.first.Mono && conn.ender == record.Device && conn.end.Mono > q.fetches[0].Mono:
		return fmt.Sprintf("Only then it asked for %s, and closed the connection %.1f s after its first octet: too late for the call.", asked, (conn.end.Mono - conn.first.Mono).Seconds())
	case len(q.fetches) > 0 && q.fetches[0].Mono > conn.first.Mono:
		return "It asked for " + asked + " only after that, and went on."
	}
	return "It asked for " + asked + ", and went on."
}

func (q inquiry) hint() string {
	if q.asked() == "" && q.known() == "" {
		return "Switch on the device's check of revocation for the trunk (CRL, OCSP or both), and let it reach the addresses in the certificate."
	}
	return "The device asks, but does not act on the answer: look for a setting that makes revocation binding, and at its log for this certificate."
}

// show adds the first questions as evidence.
func (q inquiry) show(v *Verdict, a record.Attempt) {
	for _, e := range q.fetches[:min(3, len(q.fetches))] {
		f := e.Body.(record.Fetch)
		v.show(a, e, "%s asked for %s of %s: %s", f.Client, f.What, f.Issuer, answered(f))
	}
	if len(q.fetches) > 0 {
		v.measure("questions about revocation", float64(len(q.fetches)), "")
	}
}

func answered(f record.Fetch) string {
	switch {
	case f.Status == 0:
		return "no answer, as arranged"
	case f.Status != 200:
		return fmt.Sprintf("HTTP %d", f.Status)
	}
	return fmt.Sprintf("%d octets in %.0f ms", f.Octets, float64(f.Took)/float64(time.Millisecond))
}

// MissingIntermediate is Refusal, but for a device that first fetched what was
// missing: it verified the whole chain after all.
func MissingIntermediate(c Case) Verdict {
	v := Refusal(c)
	used, conn := taken(c.Attempts)
	if conn == nil || v.Status != unmet(c.Level) {
		return v
	}
	for _, a := range c.Attempts {
		for _, e := range a.Events {
			f, is := e.Body.(record.Fetch)
			if !is || f.What != record.Certificate || f.Status != 200 || e.Mono+f.Took > conn.first.Mono || !namesIssuer(used, f.Path) {
				continue
			}
			v.Status = Pass
			v.Observed += " It had fetched the missing intermediate from the address in the leaf (authorityInfoAccess), so that it could verify the chain. The real cloud sends every intermediate."
			v.Hint = ""
			v.show(a, e, "%s fetched the certificate of %s", f.Client, f.Issuer)
			return v
		}
	}
	return v
}

// namesIssuer reports whether the leaf that the proxies showed in an attempt says
// that the certificate of its issuer is at an address with the path.
func namesIssuer(a record.Attempt, path string) bool {
	return path != "" && slices.ContainsFunc(a.Events, func(e record.Event) bool {
		b, is := e.Body.(record.Profile)
		if !is || b.Generation != a.Generation || len(b.Chain) == 0 {
			return false
		}
		leaf, err := x509.ParseCertificate(b.Chain[0])
		return err == nil && slices.ContainsFunc(leaf.IssuingCertificateURL, func(at string) bool { return strings.HasSuffix(at, path) })
	})
}
