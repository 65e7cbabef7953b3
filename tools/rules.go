package tools

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// rule is what a string of an input must look like. Rules refuse what could not be right
// before anything is sent; what VPS.org alone can know it is left to say.
type rule struct {
	max  int
	also string // allowed beside letters and digits of ASCII; "*": any visible character
	says string
}

// Rules are the rules for the text of fields, by the name that a field's tag gives.
var Rules = map[string]rule{
	"server":   {255, "*", "a server's id or exact name"},
	"name":     {63, "-", "letters, digits and hyphens"},
	"snapshot": {100, "-_", "letters, digits, hyphens and underscores"},
	"hostname": {253, "-.", "a fully qualified domain name such as web01.example.com"},
	"domain":   {253, "-.", "a domain name such as example.com"},
	"code":     {64, "-_", ""}, // the field's description has the words
	"text":     {500, "*", "one line of plain text"},
}

// Check reports why s does not fit, in words that follow a field's name.
func (r rule) Check(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty; it must be %s", r.says)
	case utf8.RuneCountInString(s) > r.max:
		return fmt.Errorf("is %d characters long; at most %d are allowed", utf8.RuneCountInString(s), r.max)
	case strings.IndexFunc(s, r.forbids) >= 0:
		return fmt.Errorf("has characters that are not allowed; it must be %s", r.says)
	}
	return nil
}

func (r rule) forbids(c rune) bool {
	if r.also == "*" {
		return c == utf8.RuneError || c != ' ' && !unicode.IsGraphic(c) || text.Hidden(c)
	}
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	return !letter && !('0' <= c && c <= '9') && !strings.ContainsRune(r.also, c)
}
