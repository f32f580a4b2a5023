package report

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"
)

func TestJUnit(t *testing.T) {
	r, known := made()
	r.Settle(known)
	f := Folder(t.TempDir())
	if err := f.WriteJUnit(r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(string(f), "junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.golden.xml", b)
	var back junitSuites
	if err := xml.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	s := back.Suites[0]
	if s.Tests != len(r.Checks) || len(s.Cases) != s.Tests || s.Failures != 2 || s.Errors != 2 || s.Skipped != 2 {
		t.Errorf("%d tests, %d cases, %d failures, %d errors, %d skipped", s.Tests, len(s.Cases), s.Failures, s.Errors, s.Skipped)
	}
}
