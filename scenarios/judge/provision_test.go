package judge

import (
	"slices"
	"strings"
	"testing"

	"byocheck/simulator/record"
)

// provides gives the device a chain, by its hook.
func provides(profile, failure string, chain ...[]byte) step {
	return func(w *wire) {
		w.emit(link{}, record.Provisioned{Profile: profile, Chain: chain, Error: failure})
	}
}

// shakesWith is a handshake of the cloud's with the documented check, in which the
// device shows a chain: refused by us, or done.
func shakesWith(chain [][]byte, then ...act) step {
	return dial(append([]act{ourHello, func(w *wire, l link) {
		flight(w, l)
		w.emit(l, record.PeerChain{Certificates: chain})
	}}, then...)...)
}

func done(w *wire, l link) {
	ourFlight(w, l)
	finished(w, l)
}

// weRefuse: our check does not pass.
func weRefuse(w *wire, l link) {
	w.emit(l, out(21))
	w.emit(l, record.Alert{Dir: record.Out, Level: 2, Code: 42, Name: "bad_certificate"})
	w.emit(l, record.HandshakeFailed{Error: "checking the device's certificate: dates: it expired", By: record.Us})
	w.emit(l, record.Closed{By: record.Us, How: "close", Reason: "handshake failed"})
}

func provisionCases() []expected {
	rsa := leaf.changed(func(x *cert) { x.key = rsaKey })
	above := [][]byte{lower.der(), upper.der()}
	chain := func(x cert) [][]byte { return append([][]byte{x.der()}, above...) }
	right := chain(rsa)
	expired := chain(rsa.changed(func(x *cert) { x.from, x.to = -90, -10 }))
	soon := chain(rsa.changed(func(x *cert) { x.from, x.to = -90, 5 })) // Genesys takes it
	gave := func(profile string, chain [][]byte, then ...step) []step {
		return append([]step{provides(profile, "", chain...)}, then...)
	}
	back := gave("expired, then healthy", right, shakesWith(right, done))
	presentedWrong := gave("expired", expired, shakesWith(expired, weRefuse))
	declined := gave("expired", expired, shakesWith(right, done))
	made := func(all ...[]step) Case {
		c := trusting()
		c.Fault, c.Attempts = "The device is given wrong certificates.", nil
		c.Control = []record.Attempt{attempt("healthy", gave("healthy", right, shakesWith(right, done))...)}
		for _, steps := range all {
			c.Attempts = append(c.Attempts, attempt("given", steps...))
		}
		return c
	}
	control := func(all ...step) Case {
		return with(made(presentedWrong, back), func(c *Case) { c.Control = []record.Attempt{attempt("healthy", all...)} })
	}
	after := func(name string, status Status, says []string, shows []string, all ...step) expected {
		return expected{"then " + name, made(presentedWrong, all), status, says, shows}
	}
	inbound := device("lb01", handshake, sends("OPTIONS"))
	fails := func(profile, failure string, then ...step) []step {
		return append([]step{provides(profile, failure, right...)}, then...)
	}
	return []expected{
		{"presents it, and comes back", made(presentedWrong, back), Pass, []string{"Of 1 wrong certificates the device presented 1", "declined 0"}, nil},
		{"presents one, declines another", made(presentedWrong, back, declined, back), Pass, []string{"Of 2", "presented 1", "declined 1"}, nil},
		{"presents one that Genesys takes", made(gave("expires-soon", soon, shakesWith(soon, done)), back), Pass, nil, nil},
		{"presents one that Genesys takes, but ends the handshake", made(gave("expires-soon", soon, shakesWith(soon, alert("internal_error"))), back), Pass, []string{"presented 1"}, nil},
		{"presents one that Genesys takes, then hangs", made(gave("expires-soon", soon, shakesWith(soon)), back), Pass, nil, nil},
		{"is not reachable with one, presents another", made(gave("expired", expired, notDialled("unreachable: connection refused")), back, presentedWrong, back), Pass, []string{"declined 1"}, nil},
		{"the hook declines one, presents another", made(append([]step{provides("expired", "the hook failed", expired...)}, shakesWith(right, done)), back, presentedWrong, back), Pass, nil, nil},
		{"presents it while it is connected to us", made(append(presentedWrong, inbound), append(back, inbound)), Pass, nil, nil},

		after("presents the wrong one still", Fail, []string{`After the wrong certificate "expired"`, "did not present that"}, []string{"device.provisioned", "tcp.dialled"}, gave("healthy", right, shakesWith(expired, weRefuse))...),
		after("presents an earlier one", Fail, []string{"did not present that"}, nil, gave("healthy", right, shakesWith(soon, done))...),
		after("is not reachable any more", Fail, []string{"did not come back"}, []string{"tcp.dialled"}, gave("healthy", right, notDialled("unreachable: connection refused"))...),
		after("is not reachable any more, nor for the hook", Fail, []string{"did not come back", "the hook failed: exit status 1."}, nil, fails("healthy", "the hook failed: exit status 1", notDialled("unreachable: connection refused"))...),
		after("does no handshake any more", Fail, []string{"did not come back"}, nil, gave("healthy", right, dial(refusesUs))...),
		after("presents the right one, but ends the handshake", Fail, []string{"complete handshake"}, nil, gave("healthy", right, shakesWith(right, alert("internal_error")))...),
		after("presents the right one without its intermediates", Fail, nil, nil, gave("healthy", right, shakesWith(right[:1], weRefuse))...),
		after("comes through as client only", Fail, nil, nil, gave("healthy", right, inbound, shakesWith(right, alert("internal_error")))...),
		{"comes back once, then not", made(presentedWrong, back, declined, gave("healthy", right, dial(refusesUs))), Fail, nil, nil},

		after("the hook fails", Inconclusive, []string{"the hook device.provision failed", "exit status 1."}, nil, fails("healthy", "exit status 1", shakesWith(expired, weRefuse))...),
		after("nothing is kept", Inconclusive, []string{"17 could not be kept"}, nil, flooded),
		after("the call is not kept", Inconclusive, []string{"17 could not be kept", `"expired"`}, nil, gave("healthy", right, flooded)...),
		{"declines all", made(declined, back, declined, back), Inconclusive, []string{"none of the 2 wrong certificates", "installs what it is given"}, nil},
		{"the hook declines all", made(append([]step{provides("expired", "no such option", expired...)}, shakesWith(right, done)), back), Inconclusive, []string{"none of the 1", "no such option"}, nil},
		{"the run ended after the first wrong one", made(presentedWrong), Inconclusive, []string{"none of the 0"}, nil},
		{"control: another certificate shown", control(gave("healthy", right, shakesWith(expired, weRefuse))...), Inconclusive, []string{"did not make the device present the right certificate", "BYOCHECK_CHAIN"}, nil},
		{"control: another right certificate shown", control(gave("healthy", right, shakesWith(soon, done))...), Inconclusive, []string{"did not make the device present the right certificate"}, nil},
		{"control: the hook failed", control(fails("healthy", "no such file.", shakesWith(expired, weRefuse))...), Inconclusive, []string{"that it was given: no such file."}, nil},
		{"control: the handshake failed", control(gave("healthy", right, shakesWith(right, weRefuse))...), Inconclusive, []string{"the simulated Genesys refuses it", "chain-complete"}, nil},
		{"control: came through as client only", control(gave("healthy", right, inbound, shakesWith(right, weRefuse))...), Inconclusive, []string{"the simulated Genesys refuses it"}, nil},
		{"control: under the former profile only", control(earlier(gave("healthy", right, shakesWith(right, done))...)), Inconclusive, []string{"did not make the device present"}, nil},
		{"control: not told what was given", control(shakesWith(right, done)), Inconclusive, []string{"did not make the device present"}, nil},

		{"we took what Genesys refuses", made(gave("expired", expired, shakesWith(expired, done)), back), Error, []string{"did not treat the certificate expired as documented"}, []string{"tcp.dialled"}},
		{"we refused what Genesys takes", made(gave("expires-soon", soon, shakesWith(soon, weRefuse)), back), Error, []string{"did not treat the certificate expires-soon as documented"}, nil},
		{"not told which one was given", made([]step{shakesWith(expired, weRefuse)}, back), Error, []string{"not recorded which certificate"}, nil},
		after("is not called", Error, []string{"the device was not called"}, nil, gave("healthy", right)...),
		{"no control", with(made(presentedWrong, back), func(c *Case) { c.Control = nil }), Error, []string{"no control"}, nil},
		{"no root in the case", with(made(presentedWrong, back), func(c *Case) { c.Roots = nil }), Error, []string{"no readable trusted root"}, nil},
	}
}

// TestProvisionAsksRevocation: the answers that were had count in the judgement of
// our own treatment.
func TestProvisionAsksRevocation(t *testing.T) {
	for _, x := range revocationCases() {
		if x.name != "on the list" {
			continue
		}
		var chain [][]byte
		var answers []step
		for _, e := range x.c.Attempts[0].Events {
			switch b := e.Body.(type) {
			case record.PeerChain:
				chain = b.Certificates
			case record.RevocationAnswer:
				answers = append(answers, func(w *wire) { w.emit(link{}, b) })
			}
		}
		rsa := leaf.changed(func(x *cert) { x.key = rsaKey })
		right := [][]byte{rsa.der(), lower.der(), upper.der()}
		for status, end := range map[Status]act{Pass: weRefuse, Error: done} {
			c := with(x.c, func(c *Case) {
				c.Control = []record.Attempt{attempt("healthy", provides("healthy", "", right...), shakesWith(right, done))}
				c.Attempts = []record.Attempt{
					attempt("revoked", steps(answers...), provides("revoked", "", chain...), shakesWith(chain, end)),
					attempt("back", provides("healthy", "", right...), shakesWith(right, done)),
				}
			})
			if v := WrongCertificates(c); v.Status != status {
				t.Errorf("%s, want %s: %s", v.Status, status, v.Observed)
			}
		}
		return
	}
	t.Error("there is no such case")
}

// TestProvisionTells: what was declined, and how many there were.
func TestProvisionTells(t *testing.T) {
	for _, x := range provisionCases() {
		if x.name != "presents one, declines another" {
			continue
		}
		v := WrongCertificates(x.c)
		if !slices.Contains(v.Witnesses, "declined: expired") || !slices.Contains(v.Measurements, Measurement{"wrong certificates given", 2, ""}) {
			t.Errorf("witnesses %q, measurements %+v", strings.Join(v.Witnesses, "; "), v.Measurements)
		}
	}
}
