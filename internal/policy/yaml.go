package policy

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// parse returns the one document of the file.
func (r *reader) parse(raw []byte) (ast.Node, bool) {
	switch {
	case len(raw) > Most:
		r.bad(1, "the file has over %d bytes; a policy is shorter than that", Most)
		return nil, false
	case !utf8.Valid(raw):
		r.bad(1, "the file is not UTF-8; save it as UTF-8")
		return nil, false
	}
	tokens := lexer.Tokenize(string(raw))
	if !r.modest(tokens) {
		return nil, false
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		r.syntax(err)
		return nil, false
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		r.bad(1, "the file is empty; begin with version: 1")
		return nil, false
	}
	if len(file.Docs) > 1 {
		r.bad(lineOf(file.Docs[1].Body), "a second document begins here; a policy is one, without --- inside")
		return nil, false
	}
	return file.Docs[0].Body, true
}

func (r *reader) syntax(err error) {
	line, text := 1, err.Error()
	if found, ok := errors.AsType[yaml.Error](err); ok {
		text = found.GetMessage()
		if t := found.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
	}
	advice := "indent with spaces, and put into quotes what begins with * or has a colon and a space in it"
	if strings.Contains(text, "already defined") {
		advice = "write each key once"
	}
	r.bad(line, "this is not YAML (%s); %s", strings.ReplaceAll(text, "\n", " "), advice)
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

// key is what may stand in a mapping.
type key struct {
	name string
	need bool
	take func(ast.Node)
}

// mapping reads keys with values, and refuses every key that is not listed, or twice.
func (r *reader) mapping(n ast.Node, what string, keys ...key) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.bad(lineOf(n), "%s must be keys with values; the keys are %s", what, listed(keys))
		return
	}
	seen := map[string]bool{}
	for entry := m.MapRange(); entry.Next(); {
		name, line := entry.Key().GetToken().Value, lineOf(entry.Key())
		if _, plain := entry.Key().(*ast.StringNode); !plain {
			r.bad(line, "%q is not a plain key; the keys of %s are %s", name, what, listed(keys))
			continue
		}
		if seen[name] {
			r.bad(line, "%s has %s twice; write it once", what, name)
		}
		seen[name] = true
		r.value(line, what, name, entry.Value(), keys)
	}
	for _, k := range keys {
		if k.need && !seen[k.name] {
			r.bad(lineOf(firstOf(m, n)), "%s has no %s; add it", what, k.name)
		}
	}
}

// firstOf is where a mapping begins: its own token is the first colon.
func firstOf(m ast.MapNode, n ast.Node) ast.Node {
	if entry := m.MapRange(); entry.Next() {
		return entry.Key()
	}
	return n
}

func (r *reader) value(line int, what, name string, value ast.Node, keys []key) {
	for _, k := range keys {
		if k.name != name {
			continue
		}
		if _, null := value.(*ast.NullNode); null {
			r.bad(line, "%s of %s has no value; write one ([] for nobody or nothing), or leave the key out", name, what)
			return
		}
		k.take(value)
		return
	}
	var known []string
	for _, k := range keys {
		known = append(known, k.name)
	}
	r.bad(line, "%s has no key %q%s; the keys are %s", what, name, meant(name, known), listed(keys))
}

func listed(keys []key) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

// list reads a list. It returns no nil: what was written is not what was left out.
func (r *reader) list(n ast.Node, what string) []ast.Node {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.bad(lineOf(n), "%s must be a list; write [ ] around it", what)
		return []ast.Node{}
	}
	return s.Values
}

// word is a text of the file.
type word struct {
	text string
	line int
}

// words reads a list of texts.
func (r *reader) words(n ast.Node, what string) []word {
	words := []word{}
	for _, item := range r.list(n, what) {
		if w, ok := r.word(item, what); ok {
			words = append(words, w)
		}
	}
	return words
}

// word reads a text or a whole number, as it was written.
func (r *reader) word(n ast.Node, what string) (word, bool) {
	w := word{line: lineOf(n)}
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode:
		w.text = n.GetToken().Value
	default:
		r.bad(w.line, "%s must be a word; write it on one line, in quotes if YAML takes it for something else", what)
		return w, false
	}
	if strings.TrimSpace(w.text) != w.text || w.text == "" || strings.ContainsFunc(w.text, isHidden) {
		r.bad(w.line, "%s is empty, or has a space at an end, or a control or invisible character in it; write it plainly", what)
		return w, false
	}
	return w, true
}

// isHidden reports whether a character is not seen: what looks like one word must not be two.
func isHidden(c rune) bool {
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
