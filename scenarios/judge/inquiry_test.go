package judge

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
)

// The issuers of these tests, as the lab names them.
const (
	issuing = "high-assurance-ev-crl-revoked"
	another = "high-assurance-ev-root"
)

// stands tells how the revocation of what the proxies show in the attempt stands.
func stands(p record.Profile) step {
	return func(w *wire) {
		p.Generation = w.generation
		w.emit(link{}, p)
	}
}

var (
	onList   = stands(record.Profile{Issuer: issuing, Revocation: "crl-revoked", Revoked: true})
	onStaple = stands(record.Profile{Issuer: issuing, Revocation: "staple-revoked", Revoked: true, Stapled: true})
	goodTwin = stands(record.Profile{Issuer: issuing, Revocation: "crl-revoked"})
)

// fetches is a question of the device's to the revocation server.
func fetches(what, issuer string, status int) step {
	return func(w *wire) {
		w.emit(link{}, record.Fetch{What: what, Issuer: issuer, State: "good", Client: "192.0.2.7:40100", Method: "GET", Path: "/1/" + issuer, Status: status, Octets: 600, Took: 2 * time.Millisecond})
	}
}

// whiled lets something happen beside a connection.
func whiled(s step) act { return func(w *wire, _ link) { s(w) } }

// stapling is a handshake whose ClientHello asks for a stapled response.
func stapling(w *wire, l link) {
	greets(nil, []uint16{0, 5, 10})(w, l)
	ends(w, l)
}

// inquiries are what a device may do about a revoked certificate, with the
// sentence that tells it.
func inquiries() []struct {
	name string
	c    Case
	o    outcome
	want string
} {
	list := fetches("crl", issuing, 200)
	refusing := func(first ...act) step { return device("lb01", append(first, alert("certificate_revoked"))...) }
	asksFirst := func(more ...step) act { return whiled(steps(more...)) }
	cached := func(before step, all ...step) Case {
		return with(faulty(all...), func(c *Case) {
			c.Control = []record.Attempt{attempt("control", goodTwin, device("lb01", hello, whiled(before), ends, sends("OPTIONS")))}
		})
	}
	return []struct {
		name string
		c    Case
		o    outcome
		want string
	}{
		{"asked and refused", faulty(onList, refusing(hello, asksFirst(list))), refused, "It asked for the revocation list once, and refused."},
		{"asked twice and refused", faulty(onList, refusing(hello, asksFirst(list, list))), refused, "It asked for the revocation list 2 times, and refused."},
		{"asked both and refused", faulty(onList, refusing(hello, asksFirst(fetches("ocsp", issuing, 200), list))), refused, "It asked for OCSP once and the revocation list once, and refused."},
		{"refused without asking", faulty(onList, refusing(hello)), refused, "It refused without asking: what it knows of the revocation it has from elsewhere."},
		{"asked another issuer only and refused", faulty(onList, refusing(hello, asksFirst(fetches("crl", another, 200)))), refused, "It refused without asking:"},
		{"fetched the issuer's certificate only and refused", faulty(onList, refusing(hello, asksFirst(fetches("certificate", issuing, 200)))), refused, "It refused without asking:"},
		{"refused by what it kept of the control", cached(list, onList, refusing(hello)), refused, "It refused without asking again: it had asked for the revocation list once with the good certificate."},
		{"asked in the control and again, and refused", cached(list, onList, refusing(hello, asksFirst(list))), refused, "It asked for the revocation list once, and refused."},
		{"asked another issuer in the control and refused", cached(fetches("crl", another, 200), onList, refusing(hello)), refused, "It refused without asking: what"},
		{"not tried at first, then asked and refused", with(faulty(onList), func(c *Case) {
			c.Attempts = append(c.Attempts, attempt("fault-2", onList, refusing(hello, asksFirst(list))))
		}), refused, "It asked for the revocation list once, and refused."},
		{"staple asked for and refused", faulty(onStaple, device("lb01", stapling, sealedAlert("bad_certificate_status_response"))), refused, "It asked for a stapled OCSP response in its ClientHello, and refused."},
		{"staple not asked for and refused", faulty(onStaple, refusing(hello)), refused, "It refused without asking:"},

		{"asked and went on", faulty(onList, device("lb01", hello, whiled(list), ends, sends("OPTIONS"))), accepted, "It asked for the revocation list once, and went on."},
		{"asked, had no answer and went on", faulty(onList, device("lb01", hello, whiled(fetches("crl", issuing, 0)), ends, sends("OPTIONS"))), accepted, "It asked for the revocation list once, and went on."},
		{"asked before the attempt's connection and went on", faulty(onList, list, came("lb01")), accepted, "It asked for the revocation list once, and went on."},
		{"never asked", faulty(onList, came("lb01")), accepted, "It never asked whether the certificate is revoked."},
		{"asked another issuer only and went on", faulty(onList, fetches("crl", another, 200), came("lb01")), accepted, "It never asked whether the certificate is revoked."},
		{"asked in the control and went on", cached(list, onList, came("lb01")), accepted, "It did not ask whether the certificate is revoked; it had asked for the revocation list once with the good certificate."},
		{"accepted, asked, then closed", faulty(onList, device("lb01", handshake, sends("OPTIONS"), after(1500*time.Millisecond), whiled(list), fin)), accepted, "Only then it asked for the revocation list once, and closed the connection 1.5 s after its first octet: too late for the call."},
		{"accepted, asked, then went on", faulty(onList, device("lb01", handshake, sends("OPTIONS"), whiled(list))), accepted, "It asked for the revocation list once only after that, and went on."},
		{"accepted, asked, then we closed", faulty(onList, device("lb01", handshake, sends("OPTIONS"), whiled(list), swapped, fin)), accepted, "only after that, and went on."},
		{"accepted, closed, then asked", faulty(onList, device("lb01", handshake, sends("OPTIONS"), fin, whiled(list))), accepted, "only after that, and went on."},
		{"asked, accepted, asked again, closed", faulty(onList, list, device("lb01", handshake, sends("OPTIONS"), whiled(list), fin)), accepted, "It asked for the revocation list 2 times, and went on."},
		{"staple asked for and went on", faulty(onStaple, device("lb01", stapling, sends("OPTIONS"))), accepted, "It asked for a stapled OCSP response in its ClientHello, and went on."},
		{"a staple asked for, but none shown", faulty(onList, device("lb01", stapling, sends("OPTIONS"))), accepted, "It never asked whether the certificate is revoked."},
		{"never asked, and asked in a later attempt", with(faulty(onList, came("lb01")), func(c *Case) {
			c.Attempts = append(c.Attempts, attempt("fault-2", onList, list))
		}), accepted, "It never asked whether the certificate is revoked."},
		{"asked and went on, a good profile shown after that", faulty(onList, device("lb01", hello, whiled(list), ends, sends("OPTIONS")), func(w *wire) {
			w.emit(link{}, record.Profile{Generation: present + 1, Issuer: another})
		}), accepted, "It asked for the revocation list once, and went on."},
		{"only the former profile was stapled", faulty(earlier(onStaple), onList, device("lb01", stapling, sends("OPTIONS"))), accepted, "It never asked whether the certificate is revoked."},
	}
}

// TestInquiry: a verdict tells whether the device asked, and what it made of the answer.
func TestInquiry(t *testing.T) {
	for _, x := range inquiries() {
		t.Run(x.name, func(t *testing.T) {
			status := map[outcome]Status{refused: Pass, accepted: Fail}[x.o]
			expected{x.name, x.c, status, []string{x.want}, nil}.check(t, Refusal)
			expected{x.name, x.c, Pass, []string{x.want}, nil}.check(t, Told)
		})
	}
}

// TestControlOfOwnIssuer: a good certificate may be refused for its intermediate.
func TestControlOfOwnIssuer(t *testing.T) {
	c := faulty(came("lb01"))
	c.Control = []record.Attempt{attempt("control", func(w *wire) {
		w.emit(link{}, record.Profile{Name: "crl-revoked, good", Generation: w.generation})
	}, device("lb01", hello, alert("unknown_ca")))}
	expected{"refused", c, Inconclusive, []string{"control did not succeed", "an intermediate of its own", "byocheck certs export"}, nil}.check(t, Refusal)
}

// TestNoStapleAskedFor: a device need not ask for one.
func TestNoStapleAskedFor(t *testing.T) {
	c := faulty(onStaple, came("lb01"))
	expected{"refusal", c, NotApplicable, []string{"asks for no stapled OCSP response (status_request)"}, nil}.check(t, Refusal)
	expected{"told", c, Pass, []string{"It never asked for a stapled OCSP response."}, nil}.check(t, Told)
}

// TestNotAboutRevocation: of fetches beside another fault nothing is said.
func TestNotAboutRevocation(t *testing.T) {
	for name, c := range map[string]Case{
		"refused":  faulty(fetches("crl", "", 200), device("lb01", hello, alert("unknown_ca"))),
		"accepted": faulty(fetches("crl", issuing, 200), came("lb01")),
	} {
		for _, judge := range []func(Case) Verdict{Refusal, Told, Acceptance} {
			if v := judge(c); strings.Contains(v.Observed, "ask") || strings.Contains(v.Hint, "revocation") {
				t.Errorf("%s: observed %q, hint %q", name, v.Observed, v.Hint)
			}
		}
	}
}

// TestInquiryHint: who never asks needs another setting than who asks and goes on.
func TestInquiryHint(t *testing.T) {
	for _, x := range inquiries() {
		if x.o != accepted {
			continue
		}
		want := "The device asks, but does not act on the answer"
		if strings.Contains(x.want, "never asked") {
			want = "Switch on the device's check of revocation"
		}
		if v := Refusal(x.c); !strings.HasPrefix(v.Hint, want) {
			t.Errorf("%s: hint %q, want %q", x.name, v.Hint, want)
		}
	}
}

// TestInquiryEvidence: what was asked and answered is shown, the first three of it.
func TestInquiryEvidence(t *testing.T) {
	asks := []step{onList}
	for _, status := range []int{0, 404, 200, 200} {
		asks = append(asks, fetches("ocsp", issuing, status))
	}
	v := Refusal(faulty(append(asks, device("lb01", hello, alert("certificate_revoked")))...))
	var shown []string
	for _, e := range v.Evidence {
		if before, after, is := strings.Cut(e.Shows, " asked for ocsp of "+issuing+": "); is && before == "192.0.2.7:40100" {
			shown = append(shown, after)
		}
	}
	if want := []string{"no answer, as arranged", "HTTP 404", "600 octets in 2 ms"}; !slices.Equal(shown, want) {
		t.Errorf("evidence %q, want %q", shown, want)
	}
	if !slices.Contains(v.Measurements, Measurement{"questions about revocation", 4, ""}) {
		t.Errorf("measurements %+v", v.Measurements)
	}
}

// TestMustNotPass: only what is shown in the attempt itself counts.
func TestMustNotPass(t *testing.T) {
	for _, x := range []struct {
		name string
		s    step
		want bool
	}{
		{"nothing said", steps(), false},
		{"revoked", onList, true},
		{"the good twin", goodTwin, false},
		{"the former profile", earlier(onList), false},
	} {
		if got := MustNotPass(attempt("fault", x.s)); got != x.want {
			t.Errorf("%s: %t", x.name, got)
		}
	}
}

// at puts the address of the issuer's certificate into a certificate.
func at(url string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.IssuingCertificateURL = []string{url} }
}

func missingIntermediateCases() []expected {
	incomplete := leaf.changed(func(x *cert) {
		x.subject, x.alter = "lb01.voice.use1.pure.cloud", at("http://127.0.1.80:8088/1/missing.crt")
	})
	shown := stands(record.Profile{Name: "missing-intermediate", Chain: [][]byte{incomplete.der()}})
	gets := func(path string, status int, took time.Duration) step {
		return func(w *wire) {
			w.emit(link{}, record.Fetch{What: "certificate", Issuer: "missing", Client: "192.0.2.7:40100", Path: path, Status: status, Took: took})
		}
	}
	const path = "/1/missing.crt"
	fetched := gets(path, 200, 0)
	uses := func(before step) step { return device("lb01", hello, whiled(before), ends, sends("OPTIONS")) }
	cases := []expected{
		{"fetched what was missing, and accepted", faulty(shown, uses(fetched)), Pass, []string{"had fetched the missing intermediate", "sends every intermediate"}, []string{"revocation.fetch", "tls.record"}},
		{"fetched it when it did not try yet, and accepted", with(faulty(shown, fetched), func(c *Case) {
			c.Attempts = append(c.Attempts, attempt("fault-2", shown, device("lb01", after(time.Second), handshake, sends("OPTIONS"))))
		}), Pass, []string{"had fetched the missing intermediate"}, nil},
		{"fetched it, and refused all the same", faulty(shown, fetched, device("lb01", hello, alert("unknown_ca"))), Pass, []string{"ended every connection itself"}, nil},

		{"accepted without a fetch", faulty(shown, came("lb01")), Fail, []string{"completed the handshake"}, nil},
		{"accepted, and fetched it after that", faulty(shown, device("lb01", handshake, sends("OPTIONS"), whiled(fetched))), Fail, nil, nil},
		{"accepted before the fetch came to its end", faulty(shown, uses(gets(path, 200, time.Second))), Fail, nil, nil},
		{"the fetch failed, and accepted", faulty(shown, uses(gets(path, 404, 0))), Fail, nil, nil},
		{"fetched another CA's certificate, and accepted", faulty(shown, uses(gets("/1/other.crt", 200, 0))), Fail, nil, nil},
		{"fetched from no path, and accepted", faulty(shown, uses(gets("", 200, 0))), Fail, nil, nil},
		{"fetched a revocation list of it, and accepted", faulty(shown, uses(func(w *wire) {
			w.emit(link{}, record.Fetch{What: "crl", Path: path, Status: 200})
		})), Fail, nil, nil},
		{"fetched what the former profile lacked, and accepted", faulty(earlier(shown), uses(fetched)), Fail, nil, nil},
		{"fetched something, the leaf not readable, and accepted", faulty(stands(record.Profile{Chain: [][]byte{[]byte("junk")}}), uses(fetched)), Fail, nil, nil},
	}
	for i := range cases[3:] {
		cases[3+i].says = append(cases[3+i].says, "Switch on the device's check")
	}
	return append(cases, refusalCases()...)
}

// TestRefusedIsNoFetch: of a refusal it is not said that the chain was verified.
func TestRefusedIsNoFetch(t *testing.T) {
	for _, x := range missingIntermediateCases() {
		v := MissingIntermediate(with(x.c, func(c *Case) { c.Level = "info" }))
		if _, conn := taken(x.c.Attempts); conn == nil && strings.Contains(v.Observed, "had fetched") {
			t.Errorf("%s: %s", x.name, v.Observed)
		}
	}
}
