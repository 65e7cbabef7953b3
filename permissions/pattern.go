package permissions

import (
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Glob is a pattern in which * stands for any text, the empty one included, and ? for one
// character. All else stands for itself, and case matters.
type Glob string

// Matches reports whether the glob fits the whole text. It takes time in proportion to the
// product of both lengths at most.
func (g Glob) Matches(text string) bool {
	pattern := string(g)
	back, mark := -1, 0 // the last star, and up to where of the text it has eaten
	i, j := 0, 0
	for j < len(text) {
		_, size := utf8.DecodeRuneInString(text[j:])
		switch {
		case i < len(pattern) && pattern[i] == '*':
			back, mark = i, j
			i++
		case i < len(pattern) && pattern[i] == '?':
			i, j = i+1, j+size
		case i < len(pattern) && pattern[i] == text[j]:
			i, j = i+1, j+1
		case back >= 0:
			_, size = utf8.DecodeRuneInString(text[mark:])
			mark += size
			i, j = back+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// Covers reports whether everything that other matches is matched by g. It may miss a case
// of question marks, and then says no.
func (g Glob) Covers(other Glob) bool {
	// A star of other is ordinary text to a star of g, but not to a question mark.
	if strings.Contains(string(g), "?") && strings.Contains(string(other), "*") {
		return g == other
	}
	return g.Matches(string(other))
}

// ServerPattern names servers in a rule. A whole number or a UUID is an id and never
// matches a name; anything else is a glob over names and never matches an id.
type ServerPattern string

// IsID reports whether the pattern is an id.
func (p ServerPattern) IsID() bool {
	return p != "" && (strings.Trim(string(p), "0123456789") == "" || text.IsUUID(string(p)))
}

// matches answers unread where the server's name would decide and is not known.
func (p ServerPattern) matches(t TargetServer, unread bool) bool {
	switch {
	case p.IsID():
		return strings.EqualFold(string(p), t.ID) // a UUID is the same in either case
	case t.Name == "" && t.ID != "" && p != "*":
		return unread
	}
	return Glob(p).Matches(t.Name)
}

// covers reports whether p matches every server that other matches, as far as the words
// alone can tell.
func (p ServerPattern) covers(other ServerPattern) bool {
	switch {
	case p == "*":
		return true
	case p.IsID() || other.IsID():
		return strings.EqualFold(string(p), string(other))
	}
	return Glob(p).Covers(Glob(other))
}

// anyServer is what a rule that names no servers means.
var anyServer = []ServerPattern{"*"}

// matchAny reports whether one of the patterns matches; nil matches all.
func matchAny(patterns []ServerPattern, t TargetServer, unread bool) bool {
	for _, p := range patterns {
		if p.matches(t, unread) {
			return true
		}
	}
	return patterns == nil
}

// coverAny reports whether the patterns match every server that other matches.
func coverAny(patterns []ServerPattern, other ServerPattern) bool {
	for _, p := range patterns {
		if p.covers(other) {
			return true
		}
	}
	return patterns == nil
}
