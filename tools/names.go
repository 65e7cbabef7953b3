package tools

import (
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
)

// SpellNames returns a text of ours with the name of each operation spelled as spell says: messages
// say "servers.list", which an assistant knows as servers_list and somebody in Slack as /vps servers
// list. What stands between “ and ” was written by others and stays as it is.
func SpellNames(rest string, spell func(*Op) string) string {
	if !strings.Contains(rest, ".") {
		return rest
	}
	var b strings.Builder
	for quotes := 0; rest != ""; {
		word := leadingWord(rest)
		switch op, ok := Lookup(strings.TrimRight(word, ".:")); {
		case word == "":
			c := text.Cut(rest, 1)
			quotes += nesting[c]
			word = c
			b.WriteString(c)
		case ok && quotes <= 0:
			b.WriteString(spell(op))
			b.WriteString(word[len(op.Name):])
		default:
			b.WriteString(word)
		}
		rest = rest[len(word):]
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
