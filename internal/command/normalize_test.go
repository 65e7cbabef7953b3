package command_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What phones, browsers and Slack make of a text is taken back; nothing else is touched.
func TestTypography(t *testing.T) {
	for _, c := range []struct{ typed, server, description string }{
		{"backups create web-1 description=“a b”", "web-1", "a b"},
		{"backups create web-1 description=„a b“", "web-1", "a b"},
		{"backups create web-1 description=«a b»", "web-1", "a b"},
		{"backups create web-1 description=‘a b’", "web-1", "a b"},
		{"backups create web-1 description=‚a b‘", "web-1", "a b"},
		{"backups create web-1 —description ‘Bob’s box’", "web-1", "Bob’s box"},
		{"backups create web-1 –description=Bob’s", "web-1", "Bob’s"},
		{"backups create web-1 description='don't, now'", "web-1", "don't, now"},
		{"backups create web-1 description=—wait", "web-1", "—wait"},
		{`backups create web-1 description="— — x"`, "web-1", "— — x"},
		{"backups\u00a0create\u2009web\u200b-1\ufeff\ndescription=a\tweb-1", "web-1", "a"},
		{"backups create web-1 description=\"a\u00a0b\"", "web-1", "a b"},
		{"backups create web-1 description=R&amp;D", "web-1", "R&D"},
		{"backups create web-1 description=&lt;b&gt;", "web-1", "<b>"},
		{"backups create web-1 description=&amp;lt;", "web-1", "&lt;"},
		{"backups create web-1 description=&quot;", "web-1", "&quot;"},
		{"backups create <http://web-1.example.com|web-1.example.com> description=a", "web-1.example.com", "a"},
		{"backups create <https://web-1.example.com> description=a", "https://web-1.example.com", "a"},
		{"backups create <mailto:x@example.com|x@example.com> description=<mailto:y@example.com>", "x@example.com", "y@example.com"},
		{"backups create <http://x|a&amp;amp;b> description=<tel:+123>", "a&amp;b", "+123"},
		{"backups create <@U123|ann> description=<#C123|general>", "<@U123|ann>", "<#C123|general>"},
		{"backups create <!channel> description=&lt;http://a|b&gt;", "<!channel>", "<http://a|b>"},
	} {
		got := parse(t, c.typed)
		require.Equal(t, c.server, got.Input["server"], "%q", c.typed)
		require.Equal(t, c.description, got.Input["description"], "%q", c.typed)
		require.Equal(t, got, parse(t, got.String()), "%q", c.typed)
	}
}

// Only what Slack would take for its own is escaped: a person may read the rest.
func TestStringIsReadable(t *testing.T) {
	for typed, shown := range map[string]string{
		"freeze R&amp;D &lt;3":               "freeze R&D <3",
		"freeze write &amp;amp; for &amp;":   "freeze write &amp;amp; for &amp;",
		"freeze &lt;http://a|b&gt;":          "freeze &lt;http://a|b&gt;",
		"get \"a &amp; b\"":                  `servers get "a & b"`,
		"get \"&lt;x:\" server=\"&lt;x:\"":   `servers get "<x:"`,
		"backups create <mailto:a|&amp;lt;>": `backups create "&amp;lt;"`,
	} {
		require.Equal(t, shown, parse(t, typed).String(), "%q", typed)
		require.Equal(t, parse(t, typed), parse(t, shown))
	}
}
