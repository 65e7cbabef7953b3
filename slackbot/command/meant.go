package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// longestName is how much of a wrong word a mistake repeats: a part of a secret that was
// pasted into the wrong place is still a part of a secret.
const longestName = 40

// name puts what was typed into a sentence.
func name(typed string) string {
	if n := utf8.RuneCountInString(typed); n > longestName {
		return fmt.Sprintf("a text of %d characters", n)
	}
	return "“" + text.Clean(typed) + "”"
}

// near returns the word among the known that may be meant: the only one that it begins, or
// the nearest; else "".
func near(typed string, known []string) string {
	length := utf8.RuneCountInString(typed)
	if length < 2 || length > longestName {
		return ""
	}
	begun := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, typed) })
	if len(begun) == 1 {
		return begun[0]
	}
	if best := text.Nearest(typed, known, min(2, length/2)); best != nil { // two letters of three wrong are another word
		return best[0]
	}
	return ""
}

// manyFixes is how many words of one command are put right before it is no typo any more.
const manyFixes = 3

// mistake says what is wrong. If fixed is not nil, it is the command with that one word put
// right, and suggested if all of it makes sense then.
func (r reader) mistake(fixed []word, format string, args ...any) error {
	m := mistake(format, args...)
	if fixed == nil || r.fixes == manyFixes {
		return m
	}
	c, err := reader{fixes: r.fixes + 1}.command(slices.Concat(r.before, fixed))
	if deeper, ok := errors.AsType[*Mistake](err); ok {
		m.Suggestion, m.Reads = deeper.Suggestion, deeper.Reads
		return m
	}
	if text := c.String(); utf8.RuneCountInString(text) <= MaxCharacters {
		m.Suggestion, m.Reads = text, c.reads()
	}
	return m
}

// with returns the words with those from i to j replaced.
func with(all []word, i, j int, by ...word) []word {
	return slices.Concat(all[:i], by, all[j:])
}
