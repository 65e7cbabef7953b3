package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// pattern is a value that only stands for one: $NAME, %NAME%, <token>, YOUR_TOKEN.
var pattern = regexp.MustCompile(`^(\$\(?[A-Za-z_]\w*\)?|%\w+%|<[^>]*>|\{\{.*\}\}|(?i:your[-_ ].*))$`)

// unfilled says in what way a value is none: a program that hands it over did not fill in a
// placeholder, or left the quotation marks of a shell or of JSON around it. Empty: nothing is wrong.
func unfilled(value string) string {
	switch value = strings.TrimSpace(value); {
	case strings.HasPrefix(value, "${"):
		return "begins with ${: it is a placeholder that was not filled in"
	case strings.HasPrefix(value, `"`), strings.HasPrefix(value, "'"), strings.HasPrefix(value, "`"),
		strings.HasPrefix(value, "“"), strings.HasPrefix(value, "‘"), strings.HasPrefix(value, "„"), strings.HasPrefix(value, "«"):
		return "begins with a quotation mark: leave the quotation marks out"
	}
	return ""
}

// unfilledSecret is unfilled for a token, a key or a secret, of which no part may be shown.
func unfilledSecret(value string) string {
	if why := unfilled(value); why != "" {
		return why
	}
	if pattern.MatchString(strings.TrimSpace(value)) {
		return "is a placeholder that was not filled in"
	}
	return ""
}

// checkFilled names the first variable whose value is a placeholder or quoted. Secrets are looked at
// where they are used, so that an assistant can be told.
func (v variables) checkFilled() error {
	values := reflect.ValueOf(v)
	for i, field := range reflect.VisibleFields(values.Type()) {
		text, plain := values.Field(i).Interface().(string)
		if why := unfilled(text); plain && why != "" {
			return fmt.Errorf("%s %s", field.Tag.Get("env"), why)
		}
	}
	if why := unfilled(v.DatabaseURL.Reveal()); why != "" {
		return fmt.Errorf("VPSBOT_DATABASE_URL %s", why)
	}
	return nil
}
