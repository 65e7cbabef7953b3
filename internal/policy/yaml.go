package policy

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/vpsbot/vpsbot/internal/text"
)

func decode(raw []byte) (file policyFile, err error) {
	switch {
	case len(raw) > maxBytes:
		return file, problem(1, "the file has over %d bytes; a policy is shorter than that", maxBytes)
	case !utf8.Valid(raw):
		return file, problem(1, "the file is not UTF-8; save it as UTF-8")
	}
	tokens := lexer.Tokenize(string(raw))
	if err := checkLimits(tokens); err != nil {
		return file, err
	}
	parsed, err := parser.Parse(tokens, 0)
	switch {
	case err != nil:
		return file, syntaxProblem(err)
	case len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil:
		return file, problem(1, "the file is empty; begin with version: 1")
	case len(parsed.Docs) > 1:
		return file, problem(lineOf(parsed.Docs[1].Body), "a second document begins here; a policy is one, without --- inside")
	}
	var root mapping[policyFile]
	if err := root.UnmarshalYAML(parsed.Docs[0].Body); err != nil {
		return file, syntaxProblem(err)
	}
	return root.fields, nil
}

// checkLimits refuses, before the parser sees it, what would take the parser much time or memory: too many
// words, too deep a nesting, and aliases, by which a few words can mean any number.
func checkLimits(tokens token.Tokens) error {
	words, depth := 0, nesting{}
	for _, t := range tokens {
		switch t.Type {
		case token.AliasType, token.AnchorType:
			return problem(lineOfToken(t), "an unquoted * or & stands here, which YAML takes for an alias or an anchor; write it in quotes")
		case token.TagType, token.DirectiveType: // a tag can make the decoder of the library panic
			return problem(lineOfToken(t), "%+q is a tag or a directive of YAML, which no policy needs; take it out, or write it in quotes", t.Value)
		case token.MappingValueType, token.CollectEntryType, token.SequenceEntryType, token.MappingEndType, token.SequenceEndType, token.CommentType:
		default:
			words++
		}
		switch {
		case words > maxWords:
			return problem(lineOfToken(t), "the file has over %d words; a policy has fewer", maxWords)
		case depth.after(t) > maxDepth:
			return problem(lineOfToken(t), "more than %d lists and keys are inside each other here; a policy has fewer", maxDepth)
		}
	}
	return nil
}

// nesting counts the lists and mappings that a token is inside of.
type nesting struct {
	flow  int     // [ and { that are open
	block []level // indented ones
}

// level is a list or a mapping that is written by indentation.
type level struct {
	column int
	list   bool
}

func (n *nesting) after(t *token.Token) int {
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		n.flow++
	case token.MappingEndType, token.SequenceEndType:
		n.flow = max(0, n.flow-1)
	case token.SequenceEntryType, token.MappingKeyType:
		n.indent(t, t.Type == token.SequenceEntryType)
	case token.MappingValueType:
		if t.Prev != nil {
			n.indent(t.Prev, false)
		}
	}
	return n.flow + len(n.block)
}

// indent notes an entry at the column of a token. Deeper ones are over; a list may stand at the very
// column of its key.
func (n *nesting) indent(t *token.Token, list bool) {
	if n.flow > 0 || t.Position == nil {
		return
	}
	at := level{t.Position.Column, list}
	for len(n.block) > 0 {
		top := n.block[len(n.block)-1]
		if top.column < at.column || top.column == at.column && (top.list == list || list) {
			break
		}
		n.block = n.block[:len(n.block)-1]
	}
	if len(n.block) == 0 || n.block[len(n.block)-1] != at {
		n.block = append(n.block, at)
	}
}

// syntaxProblem translates an error of the YAML library; one of ours it returns as it is.
func syntaxProblem(err error) error {
	if ours, ok := errors.AsType[Problems](err); ok {
		return ours
	}
	line, message := 1, err.Error()
	if found, ok := errors.AsType[yaml.Error](err); ok {
		line, message = lineOfToken(found.GetToken()), strings.ReplaceAll(found.GetMessage(), "\n", " ")
	}
	if found, ok := errors.AsType[*yaml.UnexpectedNodeTypeError](err); ok {
		return problem(line, "%+q stands in the place of a list; write [ ] around it", found.Token.Value)
	}
	advice := "indent with spaces, and put into quotes what begins with * or has a colon and a space in it"
	if strings.Contains(message, "already defined") || strings.Contains(message, "duplicate key") {
		advice = "write each key once"
	}
	return problem(line, "this is not YAML (%s); %s", message, advice)
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 1
	}
	return lineOfToken(n.GetToken())
}

func lineOfToken(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 1
	}
	return t.Position.Line
}

// word is a text or a whole number of the file. Its zero value was not written.
type word struct {
	text string
	line int
}

func (w word) isWritten() bool { return w.line > 0 }

// UnmarshalYAML implements [yaml.NodeUnmarshaler].
func (w *word) UnmarshalYAML(n ast.Node) error {
	*w = word{n.GetToken().Value, lineOf(n)}
	if n.Type() != ast.StringType && n.Type() != ast.IntegerType {
		return problem(w.line, "%+q is not a plain word; write it on one line, in quotes if YAML takes it for something else", w.text)
	}
	if strings.TrimSpace(w.text) != w.text || w.text == "" || strings.ContainsFunc(w.text, isHidden) {
		return problem(w.line, "%+q is empty, or has a space at an end, or a control or invisible character in it; write it plainly", w.text)
	}
	return nil
}

// isHidden reports whether a character is not seen: what looks like one word must not be two.
func isHidden(c rune) bool { return text.Hidden(c) || c == '\n' || c == '\t' || c == '\r' }

// mapping is keys with values, and the line where they begin. Its zero value was not written.
type mapping[T any] struct {
	fields T
	line   int
}

func (m mapping[T]) isWritten() bool { return m.line > 0 }

// UnmarshalYAML implements [yaml.NodeUnmarshaler]. It refuses a key that is no field of T, and one without a
// value, which the library would take for a key that was left out.
func (m *mapping[T]) UnmarshalYAML(n ast.Node) error {
	var known []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		known = append(known, cmp.Or(field.Tag.Get("yaml"), strings.ToLower(field.Name)))
	}
	node, ok := n.(ast.MapNode)
	if !ok {
		return problem(lineOf(n), "keys with values must stand here; the keys are %s", strings.Join(known, ", "))
	}
	m.line = lineOf(n)
	var problems Problems
	for i, entry := 0, node.MapRange(); entry.Next(); i++ {
		name, line := entry.Key().GetToken().Value, lineOf(entry.Key())
		if i == 0 {
			m.line = line // the token of the node itself is the first colon
		}
		switch {
		case !slices.Contains(known, name):
			problems.add(line, "there is no key %+q here%s; the keys are %s", name, suggestion(name, known), strings.Join(known, ", "))
		case lacksValue(entry.Value()):
			problems.add(line, "%s has no value, or an entry without one; write it ([] for nobody or nothing), or leave it out", name)
		}
	}
	if problems != nil {
		return problems
	}
	return yaml.NodeToValue(n, &m.fields, yaml.Strict())
}

func lacksValue(n ast.Node) bool {
	list, isList := n.(*ast.SequenceNode)
	return n.Type() == ast.NullType || isList && slices.ContainsFunc(list.Values, lacksValue)
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler].
func (g *groupList) UnmarshalYAML(n ast.Node) error {
	node, ok := n.(ast.MapNode)
	if !ok {
		return problem(lineOf(n), "groups must be names with members; write such as oncall: {people: [lead]}")
	}
	*g = make(groupList, 0)
	for entry := node.MapRange(); entry.Next(); {
		var group groupEntry
		if err := group.name.UnmarshalYAML(entry.Key()); err != nil {
			return err
		}
		if err := group.members.UnmarshalYAML(entry.Value()); err != nil {
			return err
		}
		*g = append(*g, group)
	}
	return nil
}
