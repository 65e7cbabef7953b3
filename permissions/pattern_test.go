package permissions_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, text string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "web/1", true},
		{"**", "x", true},
		{"?", "", false},
		{"?", "é", true},
		{"?", "ab", false},
		{"web-*", "web-1", true},
		{"web-*", "web-", true},
		{"web-*", "web", false},
		{"web-*", "Web-1", false},
		{"*-db", "a-db", true},
		{"*-db", "a-db-", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXcYb", false},
		{"*ab", "aab", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"servers.*", "servers.delete", true},
		{"servers.*", "serversXdelete", false},
		{"*.delete", "backups.delete", true},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{"a", "ab", false},
		{"ab", "a", false},
		{"a*?", "a", false},
		{"a*?", "ab", true},
		{"*é?", "xéé", true},
	} {
		require.Equal(t, c.want, permissions.Glob(c.glob).Matches(c.text), "%q %q", c.glob, c.text)
	}
}

// A hostile name must not make matching slow.
func TestGlobIsNotExponential(t *testing.T) {
	glob := permissions.Glob(strings.Repeat("a*", 100) + "b")
	require.False(t, glob.Matches(strings.Repeat("a", 5000)))
}

func TestGlobCovers(t *testing.T) {
	for _, c := range []struct {
		wide, narrow permissions.Glob
		want         bool
	}{
		{"*", "db-*", true},
		{"db-*", "db-1", true},
		{"db-*", "db-*", true},
		{"db-*", "db-a*", true},
		{"db-a*", "db-*", false},
		{"db-?", "db-*", false},
		{"db-?", "db-1", true},
		{"db-?", "db-?", true},
		{"a?*", "a?*", true},
		{"db-1", "db-*", false},
	} {
		require.Equal(t, c.want, c.wide.Covers(c.narrow), "%s %s", c.wide, c.narrow)
	}
}

// A glob says what the regular expression of the same meaning says, and what it covers it
// matches.
func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "aXXbYc", "a*b?c")
	f.Add("*?*", "é", "?")
	f.Add("db-*", "db-1", "db-?")
	f.Fuzz(func(t *testing.T, glob, text, other string) {
		if len(glob) > 50 || len(text) > 200 || len(other) > 50 || !utf8.ValidString(glob+" "+text+" "+other) {
			t.Skip()
		}
		expression := strings.NewReplacer(`\*`, `(?s:.*)`, `\?`, `(?s:.)`).Replace(regexp.QuoteMeta(glob))
		got := permissions.Glob(glob).Matches(text)
		require.Equal(t, regexp.MustCompile(`\A(?:`+expression+`)\z`).MatchString(text), got, "%q %q", glob, text)
		if permissions.Glob(glob).Covers(permissions.Glob(other)) && permissions.Glob(other).Matches(text) {
			require.True(t, got, "%q covers %q, which matches %q", glob, other, text)
		}
	})
}

func TestServerPatterns(t *testing.T) {
	for pattern, want := range map[permissions.ServerPattern]bool{
		"12345": true, "007": true, "8c5f1e0a-9d6b-4a51-b4f4-0123456789ab": true, "": false, "web-1": false, "1*": false,
		"8c5f1e0a-9d6b-4a51-b4f4-0123456789a*": false, "8c5f1e0a09d6b-4a51-b4f4-0123456789ab": false, "8c5f1e0a-9d6b-4a51-b4f4-0123456789ag": false,
	} {
		require.Equal(t, want, pattern.IsID(), pattern)
	}
}
