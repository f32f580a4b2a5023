package report

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lay writes files into a fresh folder; a name that ends in a slash is a folder.
func lay(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		path := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(n, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string
		under string
		want  string // part of the error; empty for none
	}{
		{"empty", nil, "", ""},
		{"absent", nil, "a/b/c", ""},
		{"an earlier report", []string{"report.json", "junit.xml", "cases/x.jsonl"}, "", ""},
		{"an earlier run that failed early", []string{"cases/"}, "", ""},
		{"a write that was cut off", []string{"report.json.new", "cases/"}, "", ""},
		{"a foreign file", []string{"thesis.tex"}, "", "it holds thesis.tex, which is no part of an earlier report; empty it or name another one with --out"},
		{"a report among foreign files", []string{"report.json", "thesis.tex"}, "", "it holds thesis.tex"},
		{"a folder called cases among foreign files", []string{"cases/", "thesis.tex"}, "", "it holds thesis.tex"},
		{"a file", []string{"thesis.tex"}, "thesis.tex", "not a directory; name another one with --out"},
		{"below a file", []string{"thesis.tex"}, "thesis.tex/out", "not a directory; name another one with --out"},
		{"a file called cases", []string{"cases"}, "", "not a directory; name another one with --out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := lay(t, tt.files...)
			f, err := Open(filepath.Join(dir, tt.under))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if st, err := os.Stat(filepath.Join(string(f), "cases")); err != nil || !st.IsDir() {
					t.Errorf("no folder for the recordings: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			for _, n := range tt.files {
				if b, err := os.ReadFile(filepath.Join(dir, n)); err == nil && string(b) != "old" {
					t.Errorf("%s was written to", n)
				}
			}
		})
	}
}

func TestBegin(t *testing.T) {
	f := Folder(lay(t, "report.json", "junit.xml", "cases/x.jsonl"))
	for range 2 { // the second time there is none
		if err := f.Begin(); err != nil {
			t.Fatal(err)
		}
		if got := names(t, string(f)); got != "cases" {
			t.Errorf("left: %s, want cases alone", got)
		}
	}
	f = Folder(lay(t, "report.json/x"))
	if err := f.Begin(); err == nil {
		t.Error("a report that cannot be removed is no error")
	}
}

func TestRecord(t *testing.T) {
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first\n", "second\n"} {
		file, err := f.Record("cert.inbound.x", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(string(f), file.Path))
		if err != nil || string(b) != content {
			t.Errorf("wrote %q (%v), want %q", b, err, content)
		}
		sum := sha256.Sum256(b)
		if file.Path != "cases/cert.inbound.x.jsonl" || file.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("file %+v", file)
		}
	}
	if got := names(t, filepath.Join(string(f), "cases")); got != "cert.inbound.x.jsonl" {
		t.Errorf("left in cases: %s", got)
	}
}

// A report that cannot be written leaves the folder as it was.
func TestWholeOrNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string
		left  string // afterwards
	}{
		{"something in the way", []string{"report.json/x"}, "report.json"},
		{"nowhere to write the new one", []string{"report.json", "report.json.new/x"}, "report.json report.json.new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := lay(t, tt.files...)
			err := Folder(dir).Write(Report{})
			if err == nil || !strings.Contains(err.Error(), "writing "+filepath.Join(dir, "report.json")) {
				t.Errorf("error %v does not say what could not be written", err)
			}
			if got := names(t, dir); got != tt.left {
				t.Errorf("left: %s, want %s", got, tt.left)
			}
			for _, n := range tt.files {
				if b, err := os.ReadFile(filepath.Join(dir, n)); err != nil || string(b) != "old" {
					t.Errorf("%s: %q, %v", n, b, err)
				}
			}
		})
	}
	if _, err := Folder(t.TempDir()).Record("x", nil); err == nil {
		t.Error("a recording without its folder is no error")
	}
}
