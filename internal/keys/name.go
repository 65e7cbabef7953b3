package keys

import (
	"errors"
	"slices"
	"strings"
)

const nameBytes = 64

// ErrSecretName refuses a name that is a secret, or looks like one: names stand in the log for ever.
var ErrSecretName = errors.New("that is a secret, or looks like one, and would stand in the log for ever: write a name such as lead-laptop")

// secretPrefixes begin tokens of VPS.org, access keys, tokens of Slack and those of others.
var secretPrefixes = []string{"vps_", Prefix, "xox", "xapp-", "ghp_", "gho_", "github_pat_", "glpat-", "sk-", "sk_", "eyJ", "AKIA"}

// longestWord is how long a mixture of letters and digits without a hyphen may be in a name.
const longestWord = 19

func looksSecret(name string) bool {
	if slices.ContainsFunc(secretPrefixes, func(prefix string) bool { return strings.HasPrefix(strings.ToLower(name), strings.ToLower(prefix)) }) {
		return true
	}
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '_' || c == '.' })
	return slices.ContainsFunc(words, func(word string) bool {
		return len(word) > longestWord && strings.ContainsAny(word, "0123456789") && strings.Trim(word, "0123456789") != ""
	})
}

var errName = errors.New("an access key is named with 1 to 64 letters, digits, hyphens, underscores and dots")

// CheckName fails for what cannot be a key's name: it stands in policies as key:NAME, and in
// every audit row of its bearer.
func CheckName(name string) error {
	if looksSecret(name) {
		return ErrSecretName
	}
	if name == "" || len(name) > nameBytes {
		return errName
	}
	for _, c := range []byte(name) {
		if !inName(c) {
			return errName
		}
	}
	return nil
}

func inName(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.'
}
