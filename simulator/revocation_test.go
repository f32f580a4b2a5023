package simulator

import (
	"bytes"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"byocheck/certs"
	"byocheck/certs/revocation"
	"byocheck/simulator/record"
)

// presented is what a device was shown of a condition: the certificate that stands
// in it, or its good twin.
type presented struct {
	cond         Condition
	good         bool
	recorded     record.Profile
	leaf, issuer *x509.Certificate
	staple       []byte
}

// shownIn shows the device a condition, through one of the proxies.
func shownIn(t testing.TB, c *Cloud, cond Condition, good bool) presented {
	t.Helper()
	recorded := shows(t, c, Face{Revocation: cond.ID, Good: good})
	state := looks(t, c, 2)
	if len(state.PeerCertificates) != 2 {
		t.Fatalf("%s: %d certificates", recorded.Name, len(state.PeerCertificates))
	}
	return presented{cond, good, recorded, state.PeerCertificates[0], state.PeerCertificates[1], state.OCSPResponse}
}

// asked is what came of a question to the revocation server.
type asked struct {
	status int
	body   []byte
	err    error
}

// get asks as devices do: GET for a list or a certificate, POST for OCSP.
func get(t testing.TB, url string, body []byte, within time.Duration) asked {
	t.Helper()
	client := &http.Client{Timeout: within, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if body != nil {
		method, content = http.MethodPost, bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(bounded(t), method, url, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	res, err := client.Do(req)
	if err != nil {
		return asked{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return asked{res.StatusCode, b, err}
}

// asks puts the question that the leaf's addresses allow.
func (p presented) asks(t testing.TB, within time.Duration) asked {
	t.Helper()
	if p.cond.Source == CRL {
		return get(t, p.leaf.CRLDistributionPoints[0], nil, within)
	}
	req, err := ocsp.CreateRequest(p.leaf, p.issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	return get(t, p.leaf.OCSPServer[0], req, within)
}

// Each condition is as its sentence says, and its good twin differs in nothing but that.
func TestConditions(t *testing.T) {
	c := start(t, &Cloud{})
	var all []presented
	for _, cond := range Conditions() {
		good := shownIn(t, c, cond, true) // first, as in a control
		bad := shownIn(t, c, cond, false)
		if !bytes.Equal(good.leaf.RawSubject, bad.leaf.RawSubject) || good.leaf.SerialNumber.Cmp(bad.leaf.SerialNumber) == 0 {
			t.Errorf("%s: the leaf and its good twin: subjects %s and %s, serial numbers %v and %v", cond.ID, bad.leaf.Subject, good.leaf.Subject, bad.leaf.SerialNumber, good.leaf.SerialNumber)
		}
		if same := good.issuer.Equal(bad.issuer); same != (cond.Revoked == Leaf) {
			t.Errorf("%s: the same issuer: %t", cond.ID, same)
		}
		all = append(all, good, bad)
	}
	t.Run("each", func(t *testing.T) { // waits for the parallel ones before the cloud is closed
		for _, p := range all {
			t.Run(p.recorded.Name, func(t *testing.T) {
				t.Parallel()
				p.points(t)
				p.isRecorded(t)
				if p.cond.Source == Staple {
					p.status(t, p.staple, p.cond.Revoked == Leaf && !p.good)
				} else {
					p.answers(t)
				}
				p.isTold(t, c)
			})
		}
	})
}

// points: the leaf names the source and no other, and where its issuer's
// certificate is.
func (p presented) points(t *testing.T) {
	crl, status := len(p.leaf.CRLDistributionPoints), len(p.leaf.OCSPServer)
	want := map[Source][2]int{CRL: {1, 0}, OCSP: {0, 1}, Staple: {0, 0}}[p.cond.Source]
	if [2]int{crl, status} != want || (len(p.staple) > 0) != (p.cond.Source == Staple) {
		t.Fatalf("the leaf names %d lists and %d responders, and %d octets are stapled", crl, status, len(p.staple))
	}
	if len(p.leaf.IssuingCertificateURL) != 1 {
		t.Fatalf("the leaf names %d places of its issuer's certificate", len(p.leaf.IssuingCertificateURL))
	}
	if !p.good && p.cond.State != revocation.Good {
		return // the state is that of whatever is asked
	}
	if a := get(t, p.leaf.IssuingCertificateURL[0], nil, patience); a.status != 200 || !bytes.Equal(a.body, p.issuer.Raw) {
		t.Errorf("the issuer's certificate: HTTP %d, %v", a.status, a.err)
	}
}

func (p presented) isRecorded(t *testing.T) {
	r := p.recorded
	if r.Revocation != p.cond.ID || r.Revoked != (p.cond.Revoked != Nothing && !p.good) || r.Stapled != (p.cond.Source == Staple) || r.Issuer == "" {
		t.Errorf("recorded as revocation %q, revoked %t, stapled %t, issuer %q", r.Revocation, r.Revoked, r.Stapled, r.Issuer)
	}
}

// answers puts the question, and looks at the answer.
func (p presented) answers(t *testing.T) {
	state := p.cond.State
	if p.good {
		state = revocation.Good
	}
	within := patience
	if state == revocation.Silent {
		within = 200 * time.Millisecond
	}
	begin := time.Now()
	a := p.asks(t, within)
	took := time.Since(begin)
	switch state {
	case revocation.Unreachable, revocation.Silent:
		if a.err == nil || strings.Contains(a.err.Error(), "Timeout") != (state == revocation.Silent) {
			t.Errorf("HTTP %d, error %v", a.status, a.err)
		}
		return
	case revocation.NotFound, revocation.ServerError:
		if want := map[revocation.State]int{revocation.NotFound: 404, revocation.ServerError: 500}[state]; a.status != want {
			t.Errorf("HTTP %d, error %v, want %d", a.status, a.err, want)
		}
		return
	case revocation.Slow:
		if took < 2*time.Second {
			t.Errorf("the answer took %v only", took)
		}
	}
	if a.err != nil || a.status != 200 {
		t.Fatalf("HTTP %d, error %v", a.status, a.err)
	}
	revoked := p.cond.Revoked == Leaf && !p.good
	if p.cond.Source == OCSP {
		p.status(t, a.body, revoked)
		return
	}
	p.list(t, a.body, state, revoked)
}

// list looks at a revocation list.
func (p presented) list(t *testing.T, der []byte, state revocation.State, revoked bool) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(p.issuer); (err != nil) != (state == revocation.WrongSignature) {
		t.Errorf("its signature: %v", err)
	}
	if stale := list.NextUpdate.Before(time.Now()); stale != (state == revocation.Stale) {
		t.Errorf("it is due again on %v", list.NextUpdate)
	}
	if n := len(list.RevokedCertificateEntries); (n >= 100_000) != (state == revocation.Huge) {
		t.Errorf("it has %d entries", n)
	}
	if on(list, p.leaf.SerialNumber) != revoked {
		t.Errorf("the leaf is on the list: %t", !revoked)
	}
}

func on(list *x509.RevocationList, serial *big.Int) bool {
	for _, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(serial) == 0 {
			return true
		}
	}
	return false
}

// status looks at an OCSP response.
func (p presented) status(t *testing.T, der []byte, revoked bool) {
	r, err := ocsp.ParseResponseForCert(der, p.leaf, p.issuer)
	if wrong := p.cond.State == revocation.WrongSignature && !p.good; wrong || err != nil {
		if !wrong || err == nil || !strings.Contains(err.Error(), "signature") && !strings.Contains(err.Error(), "verification") {
			t.Errorf("the response: %v", err)
		}
		return
	}
	if (r.Status == ocsp.Revoked) != revoked || r.Status != ocsp.Good && r.Status != ocsp.Revoked {
		t.Errorf("its status is %d", r.Status)
	}
	if stale := r.NextUpdate.Before(time.Now()); stale != (p.cond.State == revocation.Stale && !p.good) {
		t.Errorf("it is due again on %v", r.NextUpdate)
	}
}

// isTold: a question about what is revoked, or would be, is recorded under the name
// that the profile gives the issuer.
func (p presented) isTold(t *testing.T, c *Cloud) {
	state := p.cond.State
	if p.good {
		state = revocation.Good
	}
	var at string
	switch {
	case p.cond.Source == Staple:
		return // nobody is asked
	case p.cond.Revoked == Intermediate: // what matters is what the root says
		at = p.issuer.CRLDistributionPoints[0]
		if a := get(t, at, nil, patience); a.status != 200 {
			t.Errorf("the root's list: HTTP %d, %v", a.status, a.err)
		}
	case p.cond.Source == CRL:
		at = p.leaf.CRLDistributionPoints[0]
	default:
		at = p.leaf.OCSPServer[0]
	}
	e, f := wait(t, c.Recorder, func(_ record.Event, f record.Fetch) bool {
		return f.What == string(p.cond.Source) && strings.HasSuffix(at, f.Path)
	})
	if f.Issuer != p.recorded.Issuer || f.State != string(state) || e.Generation != 0 || e.Conn != 0 {
		t.Errorf("recorded as asked of %s, which is %s; the profile names %s", f.Issuer, f.State, p.recorded.Issuer)
	}
}

// The revoked intermediate is on the root's list before anything is shown, and
// what is revoked in a condition before its control: a device that keeps lists
// learns nothing that is not so any more.
func TestRevokedFromTheBeginning(t *testing.T) {
	c := start(t, &Cloud{})
	listAt := func(url string) *x509.RevocationList {
		a := get(t, url, nil, patience)
		list, err := x509.ParseRevocationList(a.body)
		if err != nil {
			t.Fatalf("HTTP %d, %v: %v", a.status, a.err, err)
		}
		return list
	}
	roots := listAt(looks(t, c, 0).PeerCertificates[1].CRLDistributionPoints[0])
	if err := roots.CheckSignatureFrom(c.Authority.Root()); err != nil {
		t.Errorf("the list of the healthy chain's intermediate is not the root's: %v", err)
	}
	find := func(id string) Condition {
		cond, err := findCondition(id)
		if err != nil {
			t.Fatal(err)
		}
		return cond
	}
	good, bad := shownIn(t, c, find("intermediate-revoked"), true), shownIn(t, c, find("intermediate-revoked"), false)
	if !on(roots, bad.issuer.SerialNumber) || on(roots, good.issuer.SerialNumber) {
		t.Errorf("on the root's first list: the revoked intermediate %t, its twin %t", on(roots, bad.issuer.SerialNumber), on(roots, good.issuer.SerialNumber))
	}
	if bad.issuer.CRLDistributionPoints[0] != good.issuer.CRLDistributionPoints[0] {
		t.Error("the two intermediates name different lists")
	}
	control := shownIn(t, c, find("crl-revoked"), true)
	kept := listAt(control.leaf.CRLDistributionPoints[0])
	if fault := shownIn(t, c, find("crl-revoked"), false); !on(kept, fault.leaf.SerialNumber) || on(kept, control.leaf.SerialNumber) {
		t.Error("the list of the control does not hold what is revoked")
	}
}

// What stands in a condition is the same each time: a device that refused it once
// must not meet another one.
func TestConditionIsKept(t *testing.T) {
	c := start(t, &Cloud{})
	first := shownIn(t, c, Conditions()[0], false)
	if again := shownIn(t, c, Conditions()[0], false); !again.leaf.Equal(first.leaf) {
		t.Error("another leaf")
	}
	if _, err := c.Show(Face{Revocation: "no-such-condition"}); err == nil || !strings.Contains(err.Error(), `"no-such-condition"`) {
		t.Errorf("an unknown condition: error %v", err)
	}
}

// A device that is given lists as a file has one, in force and rightly signed, for
// every certificate of the healthy chains and of those of every condition.
func TestRevocationLists(t *testing.T) {
	c := startEvery(t)
	ders, err := c.RevocationLists()
	if err != nil {
		t.Fatal(err)
	}
	var lists []*x509.RevocationList
	for _, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, list)
	}
	faces := []Face{{}}
	for _, h := range certs.Hierarchies() {
		faces = append(faces, Face{Hierarchy: h})
	}
	for _, cond := range Conditions() {
		faces = append(faces, Face{Revocation: cond.ID, Good: true}, Face{Revocation: cond.ID})
	}
	for _, f := range faces {
		recorded := shows(t, c, f)
		var chain []*x509.Certificate
		for _, der := range recorded.Chain {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			chain = append(chain, cert)
		}
		root := c.Authority.Root()
		if f.Hierarchy != "" {
			root = c.Authorities[f.Hierarchy].Root()
		}
		revoked := 0
		for i, cert := range chain {
			issuer := root
			if i+1 < len(chain) {
				issuer = chain[i+1]
			}
			found := 0
			for _, list := range lists {
				if !bytes.Equal(list.RawIssuer, cert.RawIssuer) || list.CheckSignatureFrom(issuer) != nil {
					continue
				}
				found++
				if on(list, cert.SerialNumber) {
					revoked++
				}
				if stale := list.NextUpdate.Before(time.Now()); stale != (f.Revocation == "crl-stale" || f.Revocation == "ocsp-stale") && i == 0 && !f.Good {
					t.Errorf("%s: the list is due again on %v", f.Name(), list.NextUpdate)
				}
			}
			if found != 1 {
				t.Errorf("%s: %d lists for %s", f.Name(), found, cert.Subject)
			}
		}
		if want := recorded.Revoked; (revoked == 1) != want || revoked > 1 {
			t.Errorf("%s: %d of its certificates are on the lists, revoked %t", f.Name(), revoked, want)
		}
	}
}

// Without a server certificates carry no addresses, and conditions cannot be shown.
func TestNoLists(t *testing.T) {
	c := start(t, &Cloud{NoLists: true})
	for _, cert := range looks(t, c, 0).PeerCertificates {
		if n := len(cert.CRLDistributionPoints) + len(cert.OCSPServer) + len(cert.IssuingCertificateURL); n > 0 {
			t.Errorf("%s carries %d addresses", cert.Subject, n)
		}
	}
	_, show := c.Show(Face{Revocation: "crl-revoked"})
	_, lists := c.RevocationLists()
	for _, err := range []error{show, lists} {
		if err == nil || !strings.Contains(err.Error(), "serves") {
			t.Errorf("error %v", err)
		}
	}
	if c.TellsRevocation() || c.Generation() != 1 {
		t.Errorf("tells revocation: %t, generation %d", c.TellsRevocation(), c.Generation())
	}
	if !start(t, &Cloud{}).TellsRevocation() {
		t.Error("the usual cloud does not tell")
	}
}

// The addresses in certificates are the advertised ones.
func TestListsAdvertised(t *testing.T) {
	c := start(t, &Cloud{ListsAdvertise: "crl.lab.test:8088"})
	leaf := looks(t, c, 0).PeerCertificates[0]
	for _, url := range []string{leaf.CRLDistributionPoints[0], leaf.OCSPServer[0], leaf.IssuingCertificateURL[0]} {
		if !strings.HasPrefix(url, "http://crl.lab.test:8088/") {
			t.Errorf("the leaf names %s", url)
		}
	}
	if c.Lists.Port() == 0 {
		t.Errorf("the lists are served on %s", c.Lists)
	}
}

// A port of the revocation server that is in use is an error that says so, and
// leaves nothing open.
func TestListsOnAPortInUse(t *testing.T) {
	first := start(t, &Cloud{})
	c := &Cloud{Authority: authority(t, certs.HighAssuranceEV), Lists: first.Lists, Handshake: patience}
	if err := c.Start(); err == nil || !strings.Contains(err.Error(), first.Lists.String()) {
		t.Errorf("error %v, want one that names %s", err, first.Lists)
	}
	c.Close()
}
