package text

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxTyped is the longest word, in letters, that is compared: comparing takes time by the length of both.
const maxTyped = 40

// Suggest returns the known word that may be meant by a mistyped one: the only one that it begins, or the
// nearest; "" if none is near.
func Suggest(typed string, known []string) string {
	length := utf8.RuneCountInString(typed)
	if length < 2 || length > maxTyped {
		return ""
	}
	begun := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, typed) })
	if len(begun) == 1 {
		return begun[0]
	}
	if nearest := Nearest(typed, known, min(2, length/2)); nearest != nil { // two letters of three wrong are another word
		return nearest[0]
	}
	return ""
}

// Nearest returns the names within a number of edits of name, the nearest first and each once.
func Nearest(name string, known []string, edits int) (near []string) {
	distances := map[string]int{}
	for _, k := range known {
		if _, seen := distances[k]; seen {
			continue
		}
		if distances[k] = distance([]rune(name), []rune(k)); distances[k] <= edits {
			near = append(near, k)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return distances[a] - distances[b] })
	return near
}

// distance is the number of letters to add, drop, change, or swap with the next (optimal string
// alignment).
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Search returns a function that reports whether each typed word is in one of some texts, in any case; @name is the
// name. No words are in all texts.
func Search(typed string) func(texts ...string) bool {
	words := strings.Fields(strings.ToLower(typed))
	return func(texts ...string) bool {
		all := strings.ToLower(strings.Join(texts, "\n")) // no word has a line break
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, strings.TrimPrefix(word, "@")) })
	}
}
