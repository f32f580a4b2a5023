package main_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/suites"
	"byocheck/suites/command"
	"byocheck/suites/config"
)

// The rules of the repository that no compiler keeps.

// module is the prefix of our own import paths.
const module = "byocheck/"

// allowed are the rooms that each room may know, tests aside. A new room needs a
// row: think before you add an arrow.
var allowed = map[string][]string{
	".":                            {"suites/command"},
	"certs":                        {},
	"certs/revocation":             {"certs"},
	"certs/trust":                  {},
	"certs/trust/fetch":            {"certs/trust"},
	"simulator/record":             {},
	"simulator/region":             {},
	"simulator/sdp":                {},
	"simulator/sdes":               {},
	"simulator/transport":          {"certs", "simulator/record", "simulator/transport/libssl", "simulator/transport/scripted"},
	"simulator/transport/libssl":   {},
	"simulator/transport/scripted": {},
	"simulator/sipua":              {"simulator/transport", "simulator/record"},
	"simulator/media":              {"simulator/sdes", "simulator/record"},
	"simulator/dns":                {"simulator/region", "simulator/record"},
	"simulator/leg":                {"simulator/media", "simulator/record", "simulator/sdes", "simulator/sdp", "simulator/sipua"},
	"simulator/carrier":            {"simulator/leg", "simulator/media", "simulator/record", "simulator/sipua", "simulator/transport"},
	"simulator":                    {"certs", "certs/revocation", "certs/trust", "certs/trust/fetch", "simulator/carrier", "simulator/dns", "simulator/leg", "simulator/media", "simulator/record", "simulator/region", "simulator/sdes", "simulator/sdp", "simulator/sipua", "simulator/transport", "simulator/transport/scripted"},
	"scenarios/ledger":             {},
	"scenarios/judge":              {"certs/trust", "simulator/record", "simulator/sdes", "simulator/sdp", "scenarios/ledger"},
	"scenarios/trigger":            {"simulator", "simulator/record"},
	"scenarios":                    {"certs", "scenarios/judge", "scenarios/ledger", "scenarios/trigger", "simulator", "simulator/carrier", "simulator/leg", "simulator/record", "simulator/sipua", "simulator/transport", "simulator/transport/scripted"},
	"suites/config":                {},
	"suites/report":                {"scenarios/judge", "scenarios/ledger", "simulator/record"},
	"suites":                       {"certs", "scenarios", "scenarios/judge", "scenarios/ledger", "scenarios/trigger", "simulator", "simulator/carrier", "simulator/record", "simulator/region", "simulator/transport", "suites/config", "suites/referencesbc", "suites/report"},
	"suites/command":               {"certs", "scenarios", "scenarios/judge", "scenarios/ledger", "simulator/region", "suites", "suites/config", "suites/report", "suites/storm"},
	"suites/storm":                 {"simulator/transport"},
	"suites/referencesbc":          {"certs", "simulator/media", "simulator/record", "simulator/sdes", "simulator/sdp", "simulator/sipua", "simulator/transport", "simulator/transport/libssl", "simulator/transport/scripted"},
}

// foreign are packages that only the named rooms may know.
var foreign = map[string][]string{
	"github.com/onsi/":                  {"suites"},
	"github.com/spf13/cobra":            {"suites/command"},
	"github.com/goccy/go-yaml":          {"suites/config", "scenarios/ledger"},
	"github.com/rogpeppe/":              {"suites/command"},
	"github.com/HdrHistogram/":          {"suites/storm"},
	"github.com/emiago/sipgo/transport": {},
}

// sockets are what a pure room must not import.
var sockets = []string{"net", "net/http", "os", "os/exec", "syscall", "crypto/rand", "math/rand", "math/rand/v2"}

// source is a Go file of ours.
type source struct {
	path, room string
	test       bool
	file       *ast.File
	lines      int
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

// walk calls do with every text file that belongs to the repository.
func walk(t *testing.T, do func(name string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		switch {
		case d.IsDir() && name != "." && (base == ".git" || strings.HasPrefix(base, ".byocheck") || base == "byocheck-report"):
			return fs.SkipDir
		case !d.Type().IsRegular() || name == "byocheck" || strings.HasSuffix(base, ".test") || strings.HasSuffix(base, ".out"):
			return nil // ignored by git, or no text
		}
		b, err := os.ReadFile(name)
		if err == nil && bytes.IndexByte(b, 0) < 0 {
			do(filepath.ToSlash(name), b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	walk(t, func(name string, content []byte) {
		if !strings.HasSuffix(name, ".go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, content, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), f, bytes.Count(content, []byte("\n"))})
	})
	if len(out) < 50 {
		t.Fatalf("only %d Go files found: is this the root of the repository?", len(out))
	}
	return out
}

func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		rooms, known := allowed[s.room]
		if !known && !s.test {
			t.Errorf("%s: the room %s has no row in the table of this test", s.path, s.room)
		}
		for _, i := range s.imports() {
			room, ours := strings.CutPrefix(i, module)
			if ours && !s.test && !slices.Contains(rooms, room) {
				t.Errorf("%s: %s must not know %s", s.path, s.room, room)
			}
			// A test may look around, but not up.
			if strings.HasPrefix(s.room+"/", "simulator/") && (strings.HasPrefix(room, "scenarios") || strings.HasPrefix(room, "suites")) {
				t.Errorf("%s: the simulator must not know %s, in a test neither", s.path, room)
			}
			for prefix, rooms := range foreign {
				if strings.HasPrefix(i, prefix) && !slices.Contains(rooms, s.room) {
					t.Errorf("%s: %s must not know %s", s.path, s.room, i)
				}
			}
		}
	}
}

// A judge sees a case and nothing else: no socket, no file, no clock, no chance.
func TestJudgesArePure(t *testing.T) {
	for _, s := range sources(t) {
		if s.room != "scenarios/judge" || s.test {
			continue
		}
		for _, i := range s.imports() {
			if slices.Contains(sockets, i) {
				t.Errorf("%s imports %s", s.path, i)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			x, is := n.(*ast.SelectorExpr)
			if !is {
				return true
			}
			if p, is := x.X.(*ast.Ident); is && p.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "Tick"}, x.Sel.Name) {
				t.Errorf("%s uses time.%s", s.path, x.Sel.Name)
			}
			return true
		})
	}
}

func TestPackages(t *testing.T) {
	comments := map[string]string{}
	for _, s := range sources(t) {
		if s.lines > 700 {
			t.Errorf("%s has %d lines, more than 700", s.path, s.lines)
		}
		if s.test {
			continue
		}
		if _, seen := comments[s.room]; !seen {
			comments[s.room] = ""
		}
		if doc := s.file.Doc.Text(); doc != "" {
			if comments[s.room] != "" {
				t.Errorf("%s: the package %s is described in another file too", s.path, s.room)
			}
			comments[s.room] = doc
		}
		if base := path.Base(s.room); slices.Contains([]string{"util", "utils", "common", "helpers", "misc"}, base) {
			t.Errorf("%s: %q says nothing of what the package is", s.path, base)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(comments)) {
		want := "Package " + path.Base(room) + " "
		if room == "." {
			want = "Command byocheck "
		}
		if !strings.HasPrefix(comments[room], want) {
			t.Errorf("%s: the package comment %.40q does not begin with %q", room, comments[room], want)
		}
	}
}

func TestCatalogue(t *testing.T) {
	form := regexp.MustCompile(`^(cert|tls|sip|media)\.(inbound|outbound)\.[a-z0-9]+(-[a-z0-9]+)*$`)
	levels := []ledger.Level{ledger.LevelMust, ledger.LevelShould, ledger.LevelMay, ledger.LevelInfo}
	ids, titles := map[string]bool{}, map[string]string{}
	for _, s := range scenarios.All() {
		if !form.MatchString(s.ID) {
			t.Errorf("%s: the id is not area.direction.slug", s.ID)
			continue
		}
		if ids[s.ID] {
			t.Errorf("%s: there are two of it", s.ID)
		}
		ids[s.ID] = true
		if other, same := titles[s.Title]; same {
			t.Errorf("%s has the title of %s", s.ID, other)
		}
		titles[s.Title] = s.ID
		if s.Title == "" || strings.HasSuffix(s.Title, ".") || strings.ContainsAny(s.Title, "\n\t") || s.Title[0] < 'A' || s.Title[0] > 'Z' {
			t.Errorf("%s: the title %q is no line that begins with a capital and has no full stop", s.ID, s.Title)
		}
		if !slices.Contains(levels, s.Level) {
			t.Errorf("%s: level %q", s.ID, s.Level)
		}
		if len(s.Clauses) == 0 {
			t.Errorf("%s rests on no clause", s.ID)
		}
		for i, c := range s.Clauses {
			if _, ok := ledger.Lookup(c); !ok {
				t.Errorf("%s rests on %s, which the ledger does not have", s.ID, c)
			}
			if slices.Contains(s.Clauses[:i], c) {
				t.Errorf("%s cites %s twice", s.ID, c)
			}
		}
		if s.Needs != "" && !slices.Contains(judge.Features(), s.Needs) {
			t.Errorf("%s needs %q, which nobody can declare", s.ID, s.Needs)
		}
		if s.Play == nil || s.Judge == nil {
			t.Errorf("%s cannot be played or judged", s.ID)
			continue
		}
		refusal := strings.HasSuffix(runtime.FuncForPC(reflect.ValueOf(s.Judge).Pointer()).Name(), "judge.Refusal")
		if named := strings.HasSuffix(s.ID, "-refused"); (refusal || named) && s.Fault == "" {
			t.Errorf("%s: the device has to refuse, but nothing is wrong on purpose", s.ID)
		} else if refusal && !named {
			t.Errorf("%s is judged as a refusal: its id should say so", s.ID)
		}
		if s.Fault != "" && !strings.HasSuffix(s.Fault, ".") {
			t.Errorf("%s: the fault %q is no sentence", s.ID, s.Fault)
		}
	}
}

// unwanted are the words that tell of where the repository was made, that
// something is still to be done, and that a key or certificate was left behind.
// They are written in two parts, so that this file may hold them.
var unwanted = []string{"/wo" + "rk/", "../sha" + "red", "/ro" + "ot/", "TO" + "DO", "FIX" + "ME", "@" + "@SESSION", "<<<<" + "<<< ",
	"PRIVATE KEY" + "-----\n", "BEGIN CERTIFICATE" + "-----\n"}

// The repository stands alone.
func TestStandsAlone(t *testing.T) {
	walk(t, func(name string, content []byte) {
		for _, w := range unwanted {
			if at := bytes.Index(content, []byte(w)); at >= 0 {
				t.Errorf("%s:%d: %q", name, 1+bytes.Count(content[:at], []byte("\n")), w)
			}
		}
	})
}

// Every lab that is delivered reads, and its known failures are scenarios.
func TestTargets(t *testing.T) {
	files, err := filepath.Glob("suites/targets/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, f := range files {
		if filepath.Base(f) == config.DefaultFile {
			c, err := config.Load(f)
			if err == nil {
				err = suites.Complete(context.Background(), &c, nil)
			}
			if err != nil {
				t.Error(err)
			}
			continue
		}
		known, err := config.LoadKnownFailures(f)
		if err != nil || len(known) == 0 {
			t.Errorf("%s: %d entries, error %v", f, len(known), err)
		}
		for _, k := range known {
			if _, ok := scenarios.Find(k.ID); !ok {
				t.Errorf("%s: there is no scenario %s", k.Origin, k.ID)
			}
		}
	}
}

// documents are the Markdown files, by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	walk(t, func(name string, content []byte) {
		if strings.HasSuffix(name, ".md") {
			out[name] = string(content)
		}
	})
	if out["README.md"] == "" {
		t.Fatal("no README.md")
	}
	return out
}

var (
	fence  = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	inline = regexp.MustCompile("`((?:\\./)?byocheck [a-z][^`]*|make [a-z][^`]*)`")
	link   = regexp.MustCompile(`\]\(([^):#]+)\)`)
)

// commands returns the command lines that a document shows.
func commands(text string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		body := strings.ReplaceAll(m[2], "\\\n", " ")
		for line := range strings.Lines(body) {
			line = strings.TrimSpace(line)
			shown, prompt := strings.CutPrefix(line, "$ ")
			if !prompt {
				shown, prompt = strings.CutPrefix(line, "# ")
			}
			switch {
			case m[1] == "console" && prompt:
				out = append(out, shown)
			case (m[1] == "sh" || m[1] == "") && !prompt && !strings.HasPrefix(line, "#"):
				out = append(out, line)
			}
		}
	}
	for _, m := range inline.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

// words splits a command line as a shell would, as far as these documents go,
// and returns each of its commands without assignments before it.
func words(line string) [][]string {
	var out [][]string
	var command []string
	end := func() {
		for len(command) > 0 && (assignment.MatchString(command[0]) || command[0] == "sudo") {
			command = command[1:]
		}
		if len(command) > 0 {
			out = append(out, command)
		}
		command = nil
	}
	for _, w := range regexp.MustCompile(`'[^']*'|"[^"]*"|&&|[|;]|(?:[^\s'"|;&]|'[^']*'|"[^"]*")+|&`).FindAllString(line, -1) {
		switch {
		case w == "&&" || w == "|" || w == ";" || w == "&":
			end()
		case strings.HasPrefix(w, "#"):
			end()
			return out
		default:
			command = append(command, strings.Trim(w, `'"`))
		}
	}
	end()
	return out
}

func TestDocumentedCommands(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, text := range documents(t) {
		for _, line := range commands(text) {
			for _, c := range words(line) {
				var err error
				switch strings.TrimPrefix(c[0], "./") {
				case "byocheck":
					err = understood(c[1:])
				case "make":
					err = made(string(makefile), c[1:])
				default:
					continue
				}
				seen++
				if err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d commands found", seen)
	}
}

// understood reports whether the command line has the subcommand and its flags,
// by asking for help behind them.
func understood(args []string) error {
	var out, complaint bytes.Buffer
	code := command.Run(context.Background(), command.Environment{Out: &out, Err: &complaint}, append(slices.Clone(args), "--help"))
	if code != 0 {
		return fmt.Errorf("%s", complaint.String())
	}
	sub := args
	if i := slices.IndexFunc(sub, func(a string) bool { return strings.HasPrefix(a, "-") }); i >= 0 {
		sub = sub[:i]
	}
	depth := 1
	if len(sub) > 0 && sub[0] == "certs" {
		depth = 2
	}
	usage := "byocheck " + strings.Join(sub[:min(depth, len(sub))], " ")
	if !strings.Contains(out.String(), "Usage:\n  "+usage) {
		return fmt.Errorf("there is no command %q", usage)
	}
	return nil
}

// made reports whether the Makefile has the targets and uses the variables.
func made(makefile string, args []string) error {
	for _, a := range args {
		name, value, variable := strings.Cut(a, "=")
		switch {
		case variable && !strings.Contains(makefile, "$("+name+")"):
			return fmt.Errorf("the Makefile does not use %s", name)
		case variable && (name == "CONFIG" || name == "KNOWN"):
			if _, err := os.Stat(value); err != nil && strings.HasPrefix(value, "suites/") {
				return err
			}
		case !variable && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(name)+`:`).MatchString(makefile):
			return fmt.Errorf("the Makefile has no target %s", name)
		}
	}
	return nil
}

func TestDocuments(t *testing.T) {
	for name, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if _, err := os.Stat(filepath.Join(path.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link leads nowhere: %v", name, err)
			}
		}
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "yaml" || !strings.Contains(m[2], "target:") {
				continue
			}
			file := filepath.Join(t.TempDir(), config.DefaultFile)
			if err := os.WriteFile(file, []byte(m[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(file)
			if err == nil {
				err = suites.Complete(context.Background(), &c, nil)
			}
			if err != nil {
				t.Errorf("%s: the configuration that it shows: %v", name, err)
			}
		}
	}
}

// The checks above are worth something only if they can fail.
func TestCommandsAreReallyChecked(t *testing.T) {
	const makefile = "conformance: build\n\tx $(TARGET)\n"
	for line, good := range map[string]bool{
		"byocheck list --only area:tls":                              true,
		"./byocheck certs issue sbc.example.com":                     true,
		"byocheck conformance --only 'area:tls && level:must' | cat": true,
		"FOO=1 make conformance TARGET=x":                            true,
		"byocheck tset":                                              false,
		"byocheck certs isue sbc.example.com":                        false,
		"byocheck list --onyl area:tls":                              false,
		"byocheck list && byocheck certs export --outt x":            false,
		"make conformnce":                                            false,
		"make conformance TARGTE=x":                                  false,
	} {
		t.Run(line, func(t *testing.T) {
			var err error
			for _, c := range words(line) {
				if e := understood(c[1:]); strings.HasSuffix(c[0], "byocheck") && e != nil {
					err = e
				}
				if e := made(makefile, c[1:]); c[0] == "make" && e != nil {
					err = e
				}
			}
			if (err == nil) != good {
				t.Errorf("error %v", err)
			}
		})
	}
}
