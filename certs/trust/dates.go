package trust

import (
	"fmt"
	"strings"
	"time"
)

// soon is how long before its end a leaf is said to expire soon.
const soon = 30 * 24 * time.Hour

var noTime = Finding{Grade: Unknown, Observed: "The time of the check is not known."}

// dates compares the periods of the chain's certificates, root included, with the
// time of the check. Both ends belong to a period (RFC 5280 section 4.1.2.5).
func (e *evaluation) dates() Finding {
	switch {
	case e.leaf == nil:
		return noLeaf
	case e.Now.IsZero():
		return noTime
	}
	var wrong []string
	for _, c := range e.path.certs {
		switch {
		case e.Now.Before(c.NotBefore):
			wrong = append(wrong, fmt.Sprintf("%q is not valid before %s.", subject(c), instant(c.NotBefore)))
		case e.Now.After(c.NotAfter):
			wrong = append(wrong, fmt.Sprintf("%q expired on %s.", subject(c), instant(c.NotAfter)))
		}
	}
	if len(wrong) > 0 {
		return Finding{Grade: Bad, Observed: strings.Join(wrong, " "), Hint: "Install a certificate, and intermediates, that are in force; if they are, set the clock."}
	}
	return Finding{Grade: OK, Observed: fmt.Sprintf("Every certificate of the chain is in force, the device's until %s.", instant(e.leaf.NotAfter))}
}

// expiry looks how long the leaf still lasts.
func (e *evaluation) expiry() Finding {
	switch {
	case e.leaf == nil:
		return noLeaf
	case e.Now.IsZero():
		return noTime
	}
	left := e.leaf.NotAfter.Sub(e.Now)
	switch {
	case left < 0:
		return Finding{Grade: Bad, Observed: fmt.Sprintf("The certificate expired on %s.", instant(e.leaf.NotAfter)), Hint: "Renew the certificate."}
	case left < soon:
		return Finding{Grade: Warn, Hint: "Renew the certificate; if that is automated, see that it works.",
			Observed: fmt.Sprintf("The certificate expires in %s, on %s.", days(left), instant(e.leaf.NotAfter))}
	}
	return Finding{Grade: OK, Observed: fmt.Sprintf("The certificate is valid for another %s.", days(left))}
}

func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n != 0 {
		return fmt.Sprintf("%d day(s)", n)
	}
	return fmt.Sprintf("%d hour(s)", int(d/time.Hour))
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
