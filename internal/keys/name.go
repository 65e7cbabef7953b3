package keys

import (
	"errors"
	"strings"
)

const nameBytes = 64

var errName = errors.New("an access key is named with 1 to 64 letters, digits, hyphens, underscores and dots")

// CheckName fails for what cannot be a key's name: it stands in policies as key:NAME, and in
// every audit row of its bearer.
func CheckName(name string) error {
	if len(name) > 40 && (strings.HasPrefix(name, "vps_") || strings.HasPrefix(name, Prefix)) {
		return errors.New("that is a secret, not a name: write such as lead-laptop")
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
