package tools

import "strings"

// SpellNames returns a text of ours with the name of each operation spelled as spell says: messages
// say "servers.list", which an assistant knows as servers_list and somebody in Slack as /vps servers
// list. What stands between “ and ” was written by others and stays as it is.
func SpellNames(text string, spell func(*Op) string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	var b strings.Builder
	for quotes := 0; text != ""; {
		word := leadingWord(text)
		switch op, ok := Lookup(strings.TrimRight(word, ".:")); {
		case word == "":
			c := cut(text, 1)
			quotes += nesting[c]
			word = c
			b.WriteString(c)
		case ok && quotes <= 0:
			b.WriteString(spell(op))
			b.WriteString(word[len(op.Name):])
		default:
			b.WriteString(word)
		}
		text = text[len(word):]
	}
	return b.String()
}

var nesting = map[string]int{"“": 1, "”": -1}

// leadingWord returns what the text begins with of letters, digits and what joins them in names,
// hosts and paths.
func leadingWord(text string) string {
	end := strings.IndexFunc(text, func(c rune) bool {
		return !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune("._-/:@", c))
	})
	if end < 0 {
		return text
	}
	return text[:end]
}
