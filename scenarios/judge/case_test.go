package judge

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"byocheck/scenarios/ledger"
)

// full is a case with every field set.
func full() Case {
	return with(faulty(device("lb01", hello, alert("unknown_ca")), cloudCall(call{})), func(c *Case) {
		c.Needs, c.Declared = CallsToCloud, map[string]string{CallsFromCloud: "no route"}
		c.Missing = []string{"numbers: {inbound: […]}"}
		c.Names = []string{"lb01.voice.use1.pure.cloud"}
		c.Roots = [][]byte{{1, 2, 3}}
		c.System, c.MediaSecurity, c.Suites = Edge, "optional", []uint16{0xc030}
		c.Scope = onlyEdge
		c.Readings, c.Offline = "accept: why; refuse: why not", true
		c.Releasing = time.Second
		c.Attempts = append(c.Attempts, attempt("again"))
	})
}

func TestCaseSurvivesEncoding(t *testing.T) {
	want := full()
	for v, i := reflect.ValueOf(want), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("the test sets no %s", v.Type().Field(i).Name)
		}
	}
	got, b, err := want.Decoded()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back\n%+v\nwrote\n%+v", got, want)
	}
	if again, err := ReadCase(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("the bytes read as %+v, %v", again, err)
	}
}

func TestReadCaseRefuses(t *testing.T) {
	_, b, err := full().Decoded()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	head := func(old, new string) string {
		if !strings.Contains(lines[0], old) {
			t.Fatalf("no %q in %s", old, lines[0])
		}
		return strings.Replace(lines[0], old, new, 1) + strings.Join(lines[1:], "")
	}
	for name, x := range map[string]struct{ in, want string }{
		"nothing":                 {"", "EOF"},
		"no JSON":                 {"hello\n", "invalid character"},
		"no version":              {head(`"v":1,`, ``), "schema version 0"},
		"a later version":         {head(`"v":1,`, `"v":2,`), "schema version 2, this program reads up to 1"},
		"a negative count":        {head(`"controls":1`, `"controls":-1`), "-1 controls"},
		"an attempt too few":      {head(`"attempts":2`, `"attempts":3`), "attempt 4: unexpected EOF"},
		"a huge count":            {head(`"attempts":2`, `"attempts":9223372036854775807`), "attempt 4: unexpected EOF"},
		"cut within an attempt":   {strings.Join(lines[:4], ""), "EOF"},
		"cut within a line":       {string(b[:len(b)-10]), "EOF"},
		"no JSON in an attempt":   {lines[0] + "{\n", "attempt 1"},
		"an attempt of a later v": {lines[0] + `{"v":2,"events":0}` + "\n", "schema version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadCase(strings.NewReader(x.in)); err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want an error with %q", err, x.want)
			}
		})
	}
}

// failing is a writer that takes so many writes.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestWriteJSONTellsFailure(t *testing.T) {
	for n := range 5 {
		if err := full().WriteJSON(&failing{n}); err == nil || !strings.Contains(err.Error(), "area.direction.slug") {
			t.Errorf("after %d writes: %v", n, err)
		}
	}
}

func TestUnmet(t *testing.T) {
	for level, want := range map[ledger.Level]Status{ledger.LevelMust: Fail, ledger.LevelShould: Warn, ledger.LevelMay: Pass, ledger.LevelInfo: Pass} {
		if got := unmet(level); got != want {
			t.Errorf("%s: %s, want %s", level, got, want)
		}
	}
}

// TestPurity: a judge knows what it is given. No file of the package reaches a
// socket, a file or a clock, nor a room that does.
func TestPurity(t *testing.T) {
	rooms := []string{"byocheck/scenarios/ledger", "byocheck/simulator/record", "byocheck/simulator/sdes", "byocheck/simulator/sdp", "byocheck/certs/trust"}
	forbidden := []string{"net", "os", "syscall", "crypto/tls", "crypto/rand", "math/rand", "math/rand/v2"}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			switch {
			case path == "net/netip":
			case slices.Contains(forbidden, path), strings.HasPrefix(path, "net/"), strings.HasPrefix(path, "os/"),
				strings.HasPrefix(path, "byocheck/") && !slices.Contains(rooms, path),
				strings.Contains(strings.Split(path, "/")[0], "."): // no library: not Ginkgo, not a stack
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, is := n.(*ast.SelectorExpr)
			if !is {
				return true
			}
			if x, is := s.X.(*ast.Ident); is && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}, s.Sel.Name) {
				t.Errorf("%s uses time.%s", name, s.Sel.Name)
			}
			return true
		})
	}
}
