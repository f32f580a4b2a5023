package judge

import (
	"fmt"
	"slices"
	"strings"

	"byocheck/certs/trust"
	"byocheck/simulator/record"
)

// WrongCertificates judges what becomes of a device that is given wrong
// certificates: it may present or decline them, but after a right one it must
// work again. That we refuse what Genesys is documented to refuse is checked as
// well: a handshake that came through with a wrong certificate would be our error.
func WrongCertificates(c Case) Verdict {
	v := Verdict{Expected: "Given a wrong certificate, the device presents it, or declines it and keeps its old one; given a right one it presents that, and calls can be made again."}
	if !c.outside(&v) || !c.checkable(&v, true) {
		return v
	}
	if len(c.Control) == 0 {
		v.Status = Error
		v.Observed = "The case holds no control: the harness did not play the scenario to its end."
		return v
	}
	if !Accepts(c.Control[0]) {
		v.Status = Inconclusive
		if g, _ := given(c.Control[0]); g.Error == "" && presentsGiven(c.Control[0], g) {
			v.Observed = "The device presents the right certificate that it was given, but the simulated Genesys refuses it, so nothing can be said of wrong ones" + said(c.Control)
			v.Hint = "cert.outbound.chain-complete and its neighbours say what is wrong with it: often an intermediate that the device does not send."
			return v
		}
		v.Observed = "The hook device.provision did not make the device present the right certificate that it was given" + said(c.Control)
		v.Hint = "See that the hook installs BYOCHECK_KEY and BYOCHECK_CHAIN and lets the device load them before it ends."
		return v
	}
	var presented, declined []string
	for i := 0; i+1 < len(c.Attempts); i += 2 {
		wrong, right := c.Attempts[i], c.Attempts[i+1]
		for _, a := range []record.Attempt{wrong, right} {
			if _, is := given(a); !is {
				v = c.notMeasured(v, a, "It is not recorded which certificate the device was given.")
				if _, dropped := truncated(a); !dropped {
					v.Status = Error
				}
				return v
			}
		}
		g, _ := given(wrong)
		switch conn := showing(wrong); {
		case !presentsGiven(wrong, g):
			declined = append(declined, g.Profile)
		case c.mistreated(wrong, conn):
			v.Status = Error
			v.Observed = fmt.Sprintf("The simulated Genesys did not treat the certificate %s as documented.", g.Profile)
			v.show(wrong, conn.opened, "the connection on which the device presented it")
			return v
		default:
			presented = append(presented, g.Profile)
		}
		if !Accepts(right) {
			return c.notBack(v, g.Profile, right)
		}
	}
	n := len(presented) + len(declined)
	v.measure("wrong certificates given", float64(n), "")
	if len(declined) > 0 {
		v.Witnesses = append(v.Witnesses, "declined: "+strings.Join(declined, ", "))
	}
	if len(presented) == 0 {
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("The device presented none of the %d wrong certificates that it was given, so it was not seen with one.", n)
		v.Hint = "See that the hook device.provision installs what it is given, whatever that is" + said(c.Attempts)
		return v
	}
	v.Status = Pass
	v.Observed = fmt.Sprintf("Of %d wrong certificates the device presented %d, and the simulated Genesys treated each as documented; it declined %d. After each it presented a right one again.", n, len(presented), len(declined))
	return v
}

// mistreated reports whether we accepted a certificate that Genesys is documented
// to refuse, or refused another: the error would be ours.
func (c Case) mistreated(a record.Attempt, conn *connection) bool {
	_, refuse := trust.Evaluate(trust.Presented{Chain: conn.chain, Target: c.Target, Now: c.Now, Edition: c.providers(), Roots: c.Roots, Offline: c.Offline, Answers: fetched(a)}).Refused()
	if refuse {
		return conn.done != nil
	}
	return conn.failed != nil && conn.failed.By == record.Us
}

// notBack is the verdict where the device did not present the right certificate
// that it was given after a wrong one.
func (c Case) notBack(v Verdict, wrong string, a record.Attempt) Verdict {
	g, _ := given(a)
	conn := attempted(a)
	unreachable := false
	if conn != nil {
		d, _ := conn.opened.Body.(record.Dialled)
		unreachable = d.Error != ""
	}
	switch {
	case conn == nil:
		return c.notMeasured(v, a, fmt.Sprintf("After the wrong certificate %q the device was not called.", wrong))
	case g.Error != "" && !unreachable:
		v.Status = Inconclusive
		v.Observed = fmt.Sprintf("After the wrong certificate %q the hook device.provision failed, so the device may not have been given a right one%s", wrong, said([]record.Attempt{a}))
		v.Hint = "Let the hook install every certificate, whatever was installed before."
		return v
	}
	v.Status = unmet(c.Level)
	v.Observed = fmt.Sprintf("After the wrong certificate %q the device did not come back: given a right one, it did not present that in a complete handshake%s", wrong, said([]record.Attempt{a}))
	v.Hint = "Look at the device's log for the time after that certificate was installed."
	if e, is := provisionedAt(a); is {
		v.show(a, e, "the device was given a right certificate")
	}
	v.show(a, conn.opened, "and was called after that")
	return v
}

// presentsGiven reports whether the device presented the certificate that it was given.
func presentsGiven(a record.Attempt, g record.Provisioned) bool {
	conn := showing(a)
	return conn != nil && len(g.Chain) > 0 && string(conn.chain[0]) == string(g.Chain[0])
}

// given returns the certificate that the device was given in an attempt.
func given(a record.Attempt) (record.Provisioned, bool) {
	e, is := provisionedAt(a)
	if !is {
		return record.Provisioned{}, false
	}
	return e.Body.(record.Provisioned), true
}

func provisionedAt(a record.Attempt) (record.Event, bool) {
	i := slices.IndexFunc(a.Events, func(e record.Event) bool { _, is := e.Body.(record.Provisioned); return is })
	if i < 0 {
		return record.Event{}, false
	}
	return a.Events[i], true
}

// showing returns the connection of ours on which the device presented a
// certificate, the one that came through if any did; nil for none.
func showing(a record.Attempt) (best *connection) {
	for _, conn := range connections(a) {
		if conn.dialled() && len(conn.chain) > 0 && (best == nil || best.done == nil && conn.done != nil) {
			best = conn
		}
	}
	return best
}

// Accepts reports whether the device presented what it was given, in a
// handshake that came through.
func Accepts(a record.Attempt) bool {
	g, is := given(a)
	return is && presentsGiven(a, g) && showing(a).done != nil
}

// said is the end of a sentence: what the hook said, if it failed.
func said(attempts []record.Attempt) string {
	for _, a := range attempts {
		if g, is := given(a); is && g.Error != "" {
			return ": " + strings.TrimSuffix(g.Error, ".") + "."
		}
	}
	return "."
}

func fetched(a record.Attempt) []trust.Answer {
	var out []trust.Answer
	for _, e := range a.Events {
		if b, is := e.Body.(record.RevocationAnswer); is {
			out = append(out, trust.Answer{Kind: b.What, URL: b.URL, Subject: b.Subject, Body: b.Body, Error: b.Error, Took: b.Took})
		}
	}
	return out
}
