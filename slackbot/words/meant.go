package words

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/tools"
)

// longestName is how much of a wrong word a mistake repeats: a part of a secret that was
// pasted into the wrong place is still a part of a secret.
const longestName = 40

// name puts what was typed into a sentence.
func name(text string) string {
	if n := utf8.RuneCountInString(text); n > longestName {
		return fmt.Sprintf("a text of %d characters", n)
	}
	return "“" + tools.Clean(text) + "”"
}

// farthest is how many letters a typo may be wrong in.
const farthest = 2

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
	best, far := "", min(farthest, length/2)+1 // two letters of three wrong are another word
	for _, k := range known {
		if d := distance([]rune(typed), []rune(k)); d < far {
			best, far = k, d
		}
	}
	return best
}

// distance is how many letters to add, drop or change.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
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
