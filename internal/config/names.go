package config

import (
	_ "embed" // the table of variables
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/text"
)

//go:embed variables.md
var table string // as docs/configuration.md has it

// Variable is a row of the table of variables.
type Variable struct{ Names, Default, Meaning string }

var markup = regexp.MustCompile("`|\\[([^]]*)\\]\\([^)]*\\)")

// Variables returns the table of variables, without those of the system, in plain words.
func Variables() (all []Variable) {
	for row := range strings.Lines(table) {
		cells := strings.Split(markup.ReplaceAllString(row, "$1"), "|")
		if len(cells) == 5 && strings.Contains(cells[1], "_") { // not the head
			all = append(all, Variable{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])})
		}
	}
	return all
}

// Lister is an environment that lists its variables. Another one is not searched for misspelt names.
type Lister interface {
	Names() []string
}

// Unknown is a variable that looks like one of vpsbot's and is none.
type Unknown struct {
	Name  string
	Meant string // the variable whose name comes close; empty: none does
}

// String says what is wrong in a sentence.
func (u Unknown) String() string {
	if u.Meant == "" {
		return u.Name + " is no variable of vpsbot and changes nothing"
	}
	return u.Name + " is no variable of vpsbot; " + u.Meant + " is"
}

// protective are the variables that protect the account or identify somebody.
var protective = []string{"VPSBOT_READ_ONLY", "VPSBOT_POLICY_FILE", "VPSBOT_KEY", "VPSBOT_KEY_FILE", "VPSBOT_AUDIT_KEY_FILE"}

// kubernetes are the variables that Kubernetes gives each container for a service called vpsbot.
var kubernetes = regexp.MustCompile(`^VPSBOT_(PORT|SERVICE)(_.*)?$`)

// checkNames refuses misspelt names: a variable that silently has no effect may be the one that was to protect
// the account.
func (c *Config) checkNames(env envconfig.Lookuper) error {
	lister, ok := env.(Lister)
	if !ok {
		return nil
	}
	ours := known()
	for _, name := range slices.Sorted(slices.Values(lister.Names())) {
		own, slack := strings.HasPrefix(name, "VPSBOT_"), strings.HasPrefix(name, "SLACK_")
		if !own && !slack && !strings.HasPrefix(name, "VPS_") || slices.Contains(ours, name) || kubernetes.MatchString(name) {
			continue
		}
		found := Unknown{name, nearest(name, ours)}
		switch {
		case found.Meant != "" && !slack:
			return fmt.Errorf("%s: correct the name, or unset it", found)
		case own || found.Meant != "":
			c.Unknown = append(c.Unknown, found)
		}
	}
	return nil
}

// known returns the names of the variables that are read.
func known() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[variables]()) {
		names = append(names, field.Tag.Get("env"))
	}
	return names
}

// nearest returns the one of our names that a name comes close to: one letter away, or the same
// with or without _FILE.
func nearest(name string, ours []string) string {
	bare, isFile := strings.CutSuffix(name, fileSuffix)
	for _, known := range ours {
		if name+fileSuffix == known || isFile && bare == known {
			return known
		}
	}
	if near := text.Nearest(name, ours, 1); near != nil {
		return near[0]
	}
	return ""
}

// placeholder matches a value that nobody filled in: $NAME, %NAME%, <token>, YOUR_TOKEN.
var placeholder = regexp.MustCompile(`^(\$\(?[A-Za-z_]\w*\)?|%\w+%|<[^>]*>|\{\{.*\}\}|(?i:your[-_ ].*))$`)

// comment matches a value behind which, or in whose place, a comment stands.
var comment = regexp.MustCompile(`(^|\s)#`)

// unfilled returns what is wrong with a value that a program passed on without filling in a placeholder, or
// with the quotation marks of a shell or of JSON around it; "" for nothing.
func unfilled(value string) string {
	switch value = strings.TrimSpace(value); {
	case strings.HasPrefix(value, "${"):
		return "begins with ${: it is a placeholder that was not filled in"
	case strings.IndexAny(value, "\"'`“‘„«") == 0:
		return "begins with a quotation mark: leave the quotation marks out"
	}
	return ""
}

// unfilledSecret is unfilled for a secret, of which no part may be shown.
func unfilledSecret(value string) string {
	if why := unfilled(value); why != "" {
		return why
	}
	switch {
	case placeholder.MatchString(strings.TrimSpace(value)):
		return "is a placeholder that was not filled in"
	case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }):
		return "has a character that cannot be seen: copy it anew, and save a file as plain UTF-8"
	}
	return ""
}

// checkFilled fails for the first variable whose value is a placeholder, quoted or with a comment. Secrets are checked where
// they are used, so that an assistant is served and gets the error.
func (v variables) checkFilled() error {
	values := reflect.ValueOf(v)
	for i, field := range reflect.VisibleFields(values.Type()) {
		text, isText := values.Field(i).Interface().(string)
		name := field.Tag.Get("env")
		if name == "VPSBOT_DATABASE_URL" {
			text, isText = v.DatabaseURL.Reveal(), true
		}
		isOurs := strings.HasPrefix(name, "VPS") || strings.HasPrefix(name, "SLACK_") // the others are folders of the system
		if why := unfilled(text); isText && why != "" {
			return fmt.Errorf("%s %s", name, why)
		} else if isText && isOurs && comment.MatchString(text) {
			return fmt.Errorf(`%s holds a comment (" #…"): environment files keep it; remove it`, name)
		}
	}
	return nil
}
