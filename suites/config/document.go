package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxBytes = 64 << 10 // of one file
	maxDepth = 16       // of flow collections: the parser's time grows with its square
)

// document is one YAML file. It reads the syntax tree itself, and not through
// reflection, for three reasons: text stays as written, every value has a
// place, and anchors cannot multiply.
type document struct {
	file string
	root ast.Node // nil if the file holds nothing but comments
}

func parseDocument(file string, data []byte) (d *document, err error) {
	d = &document{file: file}
	whole := Origin{File: file}
	// The parser meets whatever a user saved under this name.
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, &Error{Origin: whole, Err: fmt.Errorf("malformed YAML (%v); start from the example in the README", r)}
		}
	}()
	if len(data) > maxBytes {
		return nil, &Error{Origin: whole, Err: fmt.Errorf("longer than %d bytes; name the configuration, not another file", maxBytes)}
	}
	if !utf8.Valid(data) {
		return nil, &Error{Origin: notText(file, data), Err: errors.New("not UTF-8 text; save it as UTF-8, or name another file")}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(data), "\ufeff"))
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				return nil, &Error{Origin: d.place(t), Err: fmt.Errorf("more than %d brackets inside each other; remove some", maxDepth)}
			}
		case token.SequenceEndType, token.MappingEndType:
			depth = max(0, depth-1)
		}
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, d.syntax(err)
	}
	for _, doc := range tree.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.DirectiveNode:
		default:
			if d.root != nil {
				return nil, d.errorf(body, "", "second document in one file; leave out the line ---")
			}
			d.root = body
		}
	}
	return d, nil
}

// notText is the place of the first byte that is not UTF-8.
func notText(file string, data []byte) Origin {
	o := Origin{File: file, Line: 1, Column: 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return o
		case r == '\n':
			o.Line, o.Column = o.Line+1, 1
		default:
			o.Column++
		}
		data = data[size:]
	}
	return o
}

func (d *document) syntax(err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return &Error{Origin: Origin{File: d.file}, Err: err}
	}
	advice := "indent with spaces, and quote a value that has brackets or a colon and a space"
	if strings.Contains(ye.GetMessage(), "already defined") {
		advice = "leave one of them out"
	}
	message := strings.ReplaceAll(ye.GetMessage(), "\t", `\t`)
	return &Error{Origin: d.place(ye.GetToken()), Err: fmt.Errorf("not YAML: %.200s; %s", message, advice)}
}

func (d *document) place(t *token.Token) Origin {
	return Origin{File: d.file, Line: t.Position.Line, Column: t.Position.Column}
}

// at is where a reader sees n begin; the tree puts a mapping at its first colon.
func (d *document) at(n ast.Node) Origin {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return d.at(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return d.at(m.Key)
	}
	return d.place(n.GetToken())
}

func (d *document) errorf(n ast.Node, key, format string, args ...any) error {
	return &Error{Origin: d.at(n), Key: key, Err: fmt.Errorf(format, args...)}
}

type entry struct {
	key   string
	name  ast.Node
	value ast.Node
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// entries returns the members of a mapping, all of which are known if known is
// not nil.
func (d *document) entries(path string, n ast.Node, known []string) ([]entry, error) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		keys := "write lines of name: value"
		if known != nil {
			keys = "write lines of key: value; the keys here are " + strings.Join(known, ", ")
		}
		return nil, d.errorf(n, path, "%s instead of keys and values; %s", kind(n), keys)
	}
	all := make([]entry, 0, len(values))
	for _, v := range values {
		key, err := d.text(path, v.Key)
		if err != nil {
			return nil, err
		}
		if known != nil && !slices.Contains(known, key) {
			return nil, d.errorf(v.Key, path, "unknown key %.80q; %s", key, suggest(key, known))
		}
		all = append(all, entry{key, v.Key, v.Value})
	}
	return all, nil
}

func (d *document) items(path string, n ast.Node) ([]ast.Node, error) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		return nil, d.errorf(n, path, "%s instead of a list; write [a, b] or lines that begin with \"- \"", kind(n))
	}
	return s.Values, nil
}

// text returns a scalar as it was written, whatever type YAML gives it.
func (d *document) text(path string, n ast.Node) (string, error) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, nil
	case *ast.LiteralNode:
		return strings.TrimRight(v.Value.Value, "\n"), nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil
	}
	if _, ok := n.(*ast.NullNode); ok {
		return "", d.errorf(n, path, "no value; write one or leave the key out")
	}
	return "", d.errorf(n, path, "%s instead of a value; write the value itself, in quotes if it begins with one of [{*&!", kind(n))
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	case *ast.MappingKeyNode:
		return "a complex key"
	}
	return "text"
}

// suggest names the known key nearest to a mistyped one, or all if none is near.
func suggest(key string, known []string) string {
	best, least := "", max(2, len(key)/3)+1
	for _, k := range known {
		if n := distance(strings.ToLower(key), k); n < least {
			best, least = k, n
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "the keys here are " + strings.Join(known, ", ")
}

// distance is the Levenshtein distance of two keys.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
