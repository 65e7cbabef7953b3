package permissions

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Glob is a pattern in which * matches any text, the empty one too, and ? one character. Every other character
// matches itself; case counts.
type Glob string

// Matches reports whether the glob matches the whole text. Its time is at most proportional to the product of both
// lengths.
func (g Glob) Matches(text string) bool {
	pattern := string(g)
	back, mark := -1, 0 // the last star, and the end of the text that it matches so far
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

// Covers reports whether g matches everything that other matches. For some patterns with question marks it
// returns false although g does.
func (g Glob) Covers(other Glob) bool {
	// A star of g matches a star of other as ordinary text; a question mark must not.
	if strings.Contains(string(g), "?") && strings.Contains(string(other), "*") {
		return g == other
	}
	return g.Matches(string(other))
}

// ServerPattern matches servers in a rule. A whole number or a UUID is an id and never matches a name; every other
// pattern is a glob over names and never matches an id.
type ServerPattern string

// IsID reports whether the pattern is an id.
func (p ServerPattern) IsID() bool {
	return p != "" && (strings.Trim(string(p), "0123456789") == "" || text.IsUUID(string(p)))
}

// matches returns unread where the server's name would decide and could not be read.
func (p ServerPattern) matches(t TargetServer, unread bool) bool {
	switch {
	case p.IsID():
		return strings.EqualFold(string(p), t.ID) // a UUID is the same in either case
	case t.Name == "" && t.ID != "" && p != "*":
		return unread
	}
	return Glob(p).Matches(t.Name)
}

// covers reports whether p matches every server that other matches, as far as the patterns tell.
func (p ServerPattern) covers(other ServerPattern) bool {
	switch {
	case p == "*":
		return true
	case p.IsID() || other.IsID():
		return strings.EqualFold(string(p), string(other))
	}
	return Glob(p).Covers(Glob(other))
}

// matchAny reports whether one of the patterns matches; nil matches all.
func matchAny(patterns []ServerPattern, t TargetServer, unread bool) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p ServerPattern) bool { return p.matches(t, unread) })
}

// coverAny reports whether the patterns match every server that other matches.
func coverAny(patterns []ServerPattern, other ServerPattern) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p ServerPattern) bool { return p.covers(other) })
}
