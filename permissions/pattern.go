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
	isNoDigit := func(c rune) bool { return c < '0' || '9' < c }
	return p != "" && (!strings.ContainsFunc(string(p), isNoDigit) || text.IsUUID(string(p)))
}

func (p ServerPattern) matches(t TargetServer, unread bool) bool {
	switch {
	case p.IsID():
		return strings.EqualFold(string(p), t.ID) // a UUID is the same in either case
	case t.Name == "" && t.ID != "" && p != "*":
		return unread
	}
	return Glob(p).Matches(t.Name)
}

func (p ServerPattern) covers(other ServerPattern) bool {
	switch {
	case p == "*":
		return true
	case p.IsID() || other.IsID():
		return strings.EqualFold(string(p), string(other))
	}
	return Glob(p).Covers(Glob(other))
}

// patternSet is the patterns of many rules, indexed so that a server is compared with few of them.
type patternSet struct {
	all      bool            // there is a "*", or a rule about any server
	ids      map[string]bool // in lower case
	prefixes globIndex       // by the text before the first wildcard
	suffixes globIndex       // by the text after the last one: the globs that begin with a wildcard
}

func patternsOf(rules []Rule, want func(Rule) bool) *patternSet {
	var s patternSet
	for _, r := range rules {
		if want(r) {
			s.add(r.Servers)
		}
	}
	return &s
}

// add adds the patterns of a rule; nil is all servers.
func (s *patternSet) add(patterns []ServerPattern) {
	s.all = s.all || patterns == nil || slices.Contains(patterns, "*")
	for _, p := range patterns {
		first, last := strings.IndexAny(string(p), "*?"), strings.LastIndexAny(string(p), "*?")
		switch {
		case p.IsID():
			if s.ids == nil {
				s.ids = map[string]bool{}
			}
			s.ids[strings.ToLower(string(p))] = true
		case first < 0:
			s.prefixes.add(string(p), Glob(p))
		case first > 0:
			s.prefixes.add(string(p[:first]), Glob(p))
		default:
			s.suffixes.add(string(p[last+1:]), Glob(p))
		}
	}
}

func (s *patternSet) matches(t TargetServer, unread bool) bool {
	switch {
	case s.all || s.ids[strings.ToLower(t.ID)]:
		return true
	case t.Name == "" && t.ID != "":
		return unread && s.prefixes.lengths != nil || unread && s.suffixes.lengths != nil
	}
	return s.containsGlob(t.Name, func(g Glob) bool { return g.Matches(t.Name) })
}

func (s *patternSet) covers(other ServerPattern) bool {
	if s.all || other.IsID() {
		return s.all || s.ids[strings.ToLower(string(other))]
	}
	return s.containsGlob(string(other), func(g Glob) bool { return g.Covers(Glob(other)) })
}

// containsGlob reports whether one of the globs that can match the text is wanted.
func (s *patternSet) containsGlob(text string, is func(Glob) bool) bool {
	return slices.ContainsFunc(s.prefixes.lengths, func(n int) bool {
		return n <= len(text) && slices.ContainsFunc(s.prefixes.globs[text[:n]], is)
	}) || slices.ContainsFunc(s.suffixes.lengths, func(n int) bool {
		return n <= len(text) && slices.ContainsFunc(s.suffixes.globs[text[len(text)-n:]], is)
	})
}

// globIndex has globs by a text that all they match begins, or ends, with.
type globIndex struct {
	globs   map[string][]Glob
	lengths []int // of the texts, each once
}

func (x *globIndex) add(affix string, g Glob) {
	if x.globs == nil {
		x.globs = map[string][]Glob{}
	}
	if !slices.Contains(x.lengths, len(affix)) {
		x.lengths = append(x.lengths, len(affix))
	}
	if !slices.Contains(x.globs[affix], g) {
		x.globs[affix] = append(x.globs[affix], g)
	}
}

// matchAny reports whether one of the patterns matches; nil matches all.
func matchAny(patterns []ServerPattern, t TargetServer, unread bool) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p ServerPattern) bool { return p.matches(t, unread) })
}

// coverAny reports whether the patterns match every server that other matches.
func coverAny(patterns []ServerPattern, other ServerPattern) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p ServerPattern) bool { return p.covers(other) })
}
