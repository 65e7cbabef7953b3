package text_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/text"
)

func TestDurationsAreRoundedUpToAWord(t *testing.T) {
	t.Parallel()
	for d, says := range map[time.Duration]string{
		-time.Second: "1 second", 0: "1 second", time.Millisecond: "1 second", time.Second: "1 second", 1001 * time.Millisecond: "2 seconds",
		time.Minute: "1 minute", 61 * time.Second: "61 seconds", 119 * time.Second: "119 seconds", 2 * time.Minute: "2 minutes",
		5*time.Minute - time.Millisecond: "5 minutes", 10 * time.Minute: "10 minutes", time.Hour: "1 hour", 61 * time.Minute: "61 minutes",
		90 * time.Minute: "90 minutes", 3 * time.Hour: "3 hours", 24 * time.Hour: "1 day", 47 * time.Hour: "47 hours", 49 * time.Hour: "3 days",
	} {
		require.Equal(t, says, text.Duration(d), d.String())
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"start", "stop", "restart", "STOP", "stop"}
	for _, c := range []struct {
		name  string
		edits int
		want  []string
	}{
		{"stop", 0, []string{"stop"}},
		{"sotp", 1, []string{"stop"}}, // two neighbours swapped are one slip
		{"stpo", 1, []string{"stop"}},
		{"stat", 1, []string{"start"}},
		{"stat", 2, []string{"start", "stop"}},
		{"STOQ", 1, []string{"STOP"}},
		{"größe", 1, nil},
		{"", 4, []string{"stop", "STOP"}},
	} {
		require.Equal(t, c.want, text.Nearest(c.name, known, c.edits), "%q within %d", c.name, c.edits)
	}
	require.Equal(t, []string{"größer"}, text.Nearest("große", []string{"größer"}, 2), "letters are counted, not bytes")
}

func TestIsUUID(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"0190d3a4-7c1e-7b2a-9f00-1234567890ab": true, "0190D3A4-7C1E-7B2A-9F00-1234567890AB": true,
		"0190d3a47c1e-7b2a-9f00-1234567890abcd": false, "0190d3a4-7c1e-7b2a-9f00-1234567890a": false,
		"0190d3a4-7c1e-7b2a-9f00-1234567890ag": false, "": false, "12345": false,
	} {
		require.Equal(t, want, text.IsUUID(s), s)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	require.Equal(t, "“a\"b”", text.Quote("a“b"), "our own quotation marks stay ours")
	long := strings.Repeat("ü", 200)
	require.Equal(t, "“"+strings.Repeat("ü", 100)+"…”", text.Quote(long))
	require.Equal(t, []string{"0 rows", "1 row", "2 rows", "1 person", "2 people"}, []string{text.Plural(0, "row"), text.Plural(1, "row"), text.Plural(2, "row"), text.Plural(1, "person"), text.Plural(2, "person")})
	require.Equal(t, "a\uFFFDb\uFFFD", text.Storable("a\x00b\xff"))
}

func TestSuggest(t *testing.T) {
	known := []string{"list", "get", "reboot", "restore", "backup_id"}
	for typed, want := range map[string]string{
		"lst": "list", "reb": "reboot", "re": "", "rebot": "reboot", "backup": "backup_id", "gte": "get", "ab": "", "l": "", "": "", strings.Repeat("l", 41): "",
	} {
		require.Equal(t, want, text.Suggest(typed, known), typed)
	}
}

func TestJoin(t *testing.T) {
	require.Empty(t, text.Join(nil, "or"))
	require.Equal(t, "a", text.Join([]string{"a"}, "or"))
	require.Equal(t, "a or b", text.Join([]string{"a", "b"}, "or"))
	require.Equal(t, "a, b and c", text.Join([]string{"a", "b", "c"}, "and"))
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"web-server-01": "web-server-01", "web01.example.com": "web01.example.com", "": "''", "two words": "'two words'",
		"it's": `'it'\''s'`, "a;b": "'a;b'", "$HOME": "'$HOME'",
		"a b": "'a b'", "-x": "-x",
	} {
		require.Equal(t, want, text.ShellWord(word))
	}
}
