package policy

import "github.com/goccy/go-yaml/token"

// modest refuses, before it is parsed, what would take much time or memory: too many words, too much
// inside each other, and aliases, by which a few words can mean any number.
func (r *reader) modest(tokens token.Tokens) bool {
	nodes, depth := 0, nesting{}
	for _, t := range tokens {
		switch t.Type {
		case token.AliasType, token.AnchorType:
			r.bad(lineOfToken(t), "an unquoted * or & stands here, which YAML takes for an alias or an anchor; write it in quotes")
			return false
		case token.MappingValueType, token.CollectEntryType, token.SequenceEntryType, token.MappingEndType, token.SequenceEndType, token.CommentType:
		default:
			nodes++
		}
		switch {
		case nodes > mostNodes:
			r.bad(lineOfToken(t), "the file has over %d words; a policy has fewer", mostNodes)
			return false
		case depth.after(t) > mostDepth:
			r.bad(lineOfToken(t), "more than %d lists and keys are inside each other here; a policy has fewer", mostDepth)
			return false
		}
	}
	return true
}

func lineOfToken(t *token.Token) int {
	if t.Position == nil {
		return 1
	}
	return t.Position.Line
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

// after returns the depth once a token was seen.
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
