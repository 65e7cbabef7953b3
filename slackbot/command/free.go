package command

import (
	"slices"
	"strings"
)

// isFree reports whether what follows the word is a text and no fields.
func isFree(kind Kind) bool {
	switch kind {
	case Approvals, Audit, Freeze, Unfreeze:
		return true
	}
	return false
}

// freeText cuts a command that ends in a text of any form.
func freeText(text string) (kind Kind, rest string, ok bool) {
	first, rest, _ := strings.Cut(text, " ")
	kind = Kind(strings.ToLower(first))
	return kind, rest, isFree(kind)
}

// free makes a command of a kind and its text. Nothing that somebody writes as a reason keeps
// a freeze from happening, but a question about it does.
func (r reader) free(kind Kind, rest string) (Command, error) {
	typed := strings.Fields(rest)
	if len(typed) == 1 && slices.Contains(helpMarks, strings.ToLower(undash(typed[0]))) {
		return Command{Kind: Help, Rest: string(kind)}, nil
	}
	if kind == Approvals || kind == Audit {
		if flag := slices.IndexFunc(typed, isLongFlag); flag >= 0 {
			without := strings.Join(slices.DeleteFunc(slices.Clone(typed), isLongFlag), " ")
			return Command{}, r.mistake([]word{bare(string(kind)), bare(without)}, "%s takes words to look for and no flags such as %s", kind, name(typed[flag]))
		}
	}
	return Command{Kind: kind, Rest: unquote(strings.Join(typed, " "))}, nil
}

func isLongFlag(word string) bool { return strings.HasPrefix(undash(word), "--") }

// unquote takes off the quotes that are around the whole of a text.
func unquote(text string) string {
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	return strings.TrimSpace(text)
}

// sentence joins words to the text that they were.
func sentence(all []word) string {
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = w.plain()
	}
	return strings.Join(texts, " ")
}
