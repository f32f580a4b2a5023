package trust

import (
	"crypto/x509"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// row is a device's certificate and what the check must come to.
type row struct {
	name  string
	chain []made
	set   func(*Presented)
	// grades are those that are not as on a healthy lab certificate; says is in
	// the finding of the first of these steps, or of the chain.
	grades map[Step]Grade
	says   []string
}

type grades = map[Step]Grade

// presented is what a row shows: with current lists, as fetched.
func (r row) presented() Presented {
	p := Presented{
		Chain: ders(r.chain...), Target: target, Now: now, Edition: Newer,
		Roots: ders(labRoot()), Answers: lists(r.chain...),
	}
	if r.set != nil {
		r.set(&p)
	}
	return p
}

// public are the roots that stand for the world's in these tests.
func public() []anchor {
	var out []anchor
	for _, m := range []made{digiRoot(), googleRoot(), sslRoot()} {
		out = append(out, anchor{cert: m.Certificate, public: true})
	}
	return append(out, anchor{cert: izenRoot().Certificate, public: true, distrusted: izenDistrusted})
}

// healthy are the grades of a lab certificate with nothing wrong.
func healthy() grades {
	out := grades{}
	for _, s := range steps {
		out[s.step] = OK
	}
	out[StepProvider] = Unknown
	return out
}

func (r row) check(t *testing.T) {
	t.Helper()
	report := evaluate(r.presented(), public())
	first := StepChain
	want := healthy()
	for _, s := range slices.Backward(steps) {
		if g, named := r.grades[s.step]; named {
			want[s.step], first = g, s.step
		}
	}
	if len(report.Findings) != len(steps) {
		t.Fatalf("%d findings", len(report.Findings))
	}
	for i, f := range report.Findings {
		if f.Step != steps[i].step {
			t.Errorf("finding %d is of step %q", i, f.Step)
		}
		if f.Grade != want[f.Step] {
			t.Errorf("%s is %s, want %s: %s", f.Step, f.Grade, want[f.Step], f.Observed)
		}
		if f.Observed == "" || strings.ContainsAny(f.Observed, "\n\x00") || strings.Contains(f.Observed, "%!") || strings.Contains(f.Hint, "%!") {
			t.Errorf("%s says %q, %q", f.Step, f.Observed, f.Hint)
		}
		if f.Grade == Bad && f.Hint == "" {
			t.Errorf("%s is bad, but there is no hint", f.Step)
		}
	}
	for _, words := range r.says {
		if !strings.Contains(report.Find(first).Observed, words) {
			t.Errorf("%s says %q, want %q", first, report.Find(first).Observed, words)
		}
	}
	refused, is := report.Refused()
	if wantRefused := slices.ContainsFunc(report.Findings, func(f Finding) bool { return want[f.Step] == Bad }); is != wantRefused {
		t.Errorf("refused %v for %q", is, refused.Observed)
	} else if is && report.Find(refused.Step) != refused {
		t.Errorf("refused for %v, which is no finding of it", refused)
	}
}

func allRows() []row {
	return slices.Concat(chainRows(), anchorRows(), nameRows(), dateRows(), revocationRows(), ocspRows(), usageRows(), strengthRows(), inputRows())
}

func TestEvaluate(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range allRows() {
		if seen[r.name] {
			t.Errorf("there are two rows %q", r.name)
		}
		seen[r.name] = true
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

// TestGrades: the grades that each step can come to, all of them in a row.
func TestGrades(t *testing.T) {
	can := map[Step][]Grade{
		StepChain: {OK, Warn, Bad, Unknown}, StepName: {OK, Bad, Unknown}, StepAddress: {OK, Bad, Unknown},
		StepDates: {OK, Bad, Unknown}, StepExpiry: {OK, Warn, Bad, Unknown}, StepRevocation: {OK, Warn, Bad, Unknown},
		StepUsage: {OK, Warn, Bad, Unknown}, StepStrength: {OK, Bad, Unknown}, StepProvider: {OK, Bad, Unknown},
	}
	met := map[Step]map[Grade]bool{}
	for _, s := range steps {
		met[s.step] = map[Grade]bool{}
	}
	for _, r := range allRows() {
		for _, f := range evaluate(r.presented(), public()).Findings {
			met[f.Step][f.Grade] = true
		}
	}
	for _, s := range steps {
		for _, g := range []Grade{OK, Warn, Bad, Unknown} {
			if met[s.step][g] != slices.Contains(can[s.step], g) {
				t.Errorf("%s is %s in a row: %v", s.step, g, met[s.step][g])
			}
		}
	}
}

// TestPure: nothing of this package reaches for a socket, a file, a clock or
// chance, so that a recorded case is judged the same at any time and place.
func TestPure(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		read++
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if path != "net/netip" && slices.Contains([]string{"net", "os", "syscall", "byocheck"}, strings.Split(path, "/")[0]) || strings.Contains(path, "/rand") {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, is := n.(*ast.SelectorExpr); is {
				if x, is := s.X.(*ast.Ident); is && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After"}, s.Sel.Name) {
					t.Errorf("%s uses time.%s", name, s.Sel.Name)
				}
			}
			return true
		})
	}
	if read < 8 {
		t.Errorf("only %d files read", read)
	}
}

// TestReport: what a report shows beside the findings.
func TestReport(t *testing.T) {
	leaf := lowerCA().leaf(func(c *x509.Certificate) { c.OCSPServer = []string{"http://ocsp.test"} })
	r := evaluate(row{chain: []made{leaf, lowerCA(), upperCA()}}.presented(), public())
	if r.Anchor != "CN=Root" || !r.Lab || r.Public || r.Provider != "" || r.Unreadable != "" {
		t.Errorf("anchor %q, lab %v, public %v, provider %q, unreadable %q", r.Anchor, r.Lab, r.Public, r.Provider, r.Unreadable)
	}
	var path []string
	for _, c := range r.Path {
		path = append(path, c.Subject)
	}
	if got := strings.Join(path, " < "); got != "CN=sbc.customer.test < CN=Lower CA < CN=Upper CA < CN=Root" || len(r.Sent) != 3 {
		t.Errorf("path %s, %d sent", got, len(r.Sent))
	}
	l := r.Leaf
	if l.Key != "RSA 2048" || l.Signature != "ECDSA-SHA256" || l.Issuer != "CN=Lower CA" || !slices.Equal(l.DNSNames, []string{target}) ||
		!slices.Equal(l.CommonNames, []string{target}) || l.SHA256 != Fingerprint(leaf.Certificate) || l.Serial != leaf.SerialNumber.Text(16) ||
		!l.NotAfter.Equal(at(80)) || !slices.Equal(l.OCSP, []string{"http://ocsp.test"}) || len(l.CRL) != 1 {
		t.Errorf("leaf %+v", l)
	}
	if f := r.Find("colour"); f.Grade != Unknown {
		t.Errorf("a step that there is not: %+v", f)
	}
	ca := digiRoot().authority("Digi CA", "x")
	r = evaluate(row{chain: []made{ca.leaf(), ca}, set: func(p *Presented) { p.Roots = ders(digiRoot()) }}.presented(), public())
	if !r.Lab || !r.Public {
		t.Errorf("a public root that the lab trusts: lab %v, public %v", r.Lab, r.Public)
	}
	private := newRoot(digiRoot().Subject, "private")
	r = evaluate(row{chain: []made{private.leaf()}, set: func(p *Presented) { p.Roots = ders(private) }}.presented(), public())
	if !r.Lab || r.Public || r.Provider != "" {
		t.Errorf("a lab root with the name of a public one: lab %v, public %v, provider %q", r.Lab, r.Public, r.Provider)
	}
	r = evaluate(row{chain: []made{digiRoot().authority("Digi CA", "x").leaf(), digiRoot().authority("Digi CA", "x")}}.presented(), public())
	if r.Lab || !r.Public || r.Provider != "DigiCert / QuoVadis / Symantec / Thawte / Verisign" {
		t.Errorf("lab %v, public %v, provider %q", r.Lab, r.Public, r.Provider)
	}
}
