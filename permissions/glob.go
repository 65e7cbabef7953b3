package permissions

import (
	"strings"
	"unicode/utf8"
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
