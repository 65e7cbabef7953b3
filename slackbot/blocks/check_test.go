package blocks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
)

// check fails for what Slack would refuse, and for what nobody else's text may do: in a message, a modal
// or a Home tab. It reads the JSON that is sent and knows nothing of how it was made.
func check(t testing.TB, name string, shown any) {
	t.Helper()
	people := []string{"U1", "U2", "U3", "S1"}
	switch shown := shown.(type) {
	case Message:
		require.NotEmpty(t, strings.TrimSpace(shown.Text), "%s: no text for notifications", name)
		require.NotEmpty(t, shown.Blocks, name)
		checkMarkup(t, name, shown.Text)
		require.Empty(t, fakeslack.CheckMessage(shown.Text, shown.Blocks, people...), name)
	case slack.ModalViewRequest, slack.HomeTabViewRequest:
		require.Empty(t, fakeslack.CheckView(shown, people...), name)
	default:
		require.Failf(t, "not what Slack shows", "%s: %T", name, shown)
	}
	raw, err := json.Marshal(shown)
	require.NoError(t, err)
	var all any
	require.NoError(t, json.Unmarshal(raw, &all))
	checkTexts(t, name, all)
}

// checkTexts checks each text object of a JSON value.
func checkTexts(t testing.TB, name string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			checkTexts(t, name, inner)
		}
	case map[string]any:
		text, _ := v["text"].(string)
		switch v["type"] {
		case slack.MarkdownType:
			require.Equal(t, true, v["verbatim"], "%s: Slack would make links", name)
			require.NotEmpty(t, strings.TrimSpace(text), "%s: an empty text", name)
			checkMarkup(t, name, text)
		case slack.PlainTextType:
			require.Equal(t, false, v["emoji"], "%s: a name must not become a picture", name)
			checkVisible(t, name, text)
		}
		for _, inner := range v {
			checkTexts(t, name, inner)
		}
	}
}

var (
	ourMarkup = regexp.MustCompile(`<!date\^[0-9]+\^\{date_short_pretty\} \{time\}\|[0-9: -]+ UTC>|<@(U1|U2|U3)>|<!subteam\^S1>`)
	entity    = regexp.MustCompile(`&(amp|lt|gt);`)
	spans     = regexp.MustCompile("`[^`\n]+`")
	emoji     = regexp.MustCompile(`(^|[^0-9A-Za-z]):[a-z_+]+:`)
)

// checkMarkup checks that a text has no markup but ours.
func checkMarkup(t testing.TB, name, s string) {
	t.Helper()
	checkVisible(t, name, s)
	bare := spans.ReplaceAllString(s, "")
	require.NotContains(t, bare, "`", "%s: a code span is open in %q", name, s)
	require.False(t, emoji.MatchString(bare), "%s: a picture in %q", name, s)
	for _, rest := range []string{ourMarkup.ReplaceAllString(bare, ""), strings.Join(spans.FindAllString(s, -1), "")} {
		rest = entity.ReplaceAllString(rest, "")
		require.False(t, strings.ContainsAny(rest, "<>&"), "%s: markup that is not ours in %q", name, s)
	}
}

// checkVisible checks that nothing hides or steers. The mark that makes a sign a picture is ours.
func checkVisible(t testing.TB, name, s string) {
	t.Helper()
	require.True(t, utf8.ValidString(s), "%s: %q", name, s)
	i := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && r != '\uFE0F' && !unicode.IsGraphic(r) })
	require.Equal(t, -1, i, "%s: a character that does not show in %q", name, s)
}

// Only markup.go turns a string into markup: what it is given has been escaped there.
func TestMarkupIsMadeInOnePlace(t *testing.T) {
	t.Parallel()
	conversion := regexp.MustCompile(`\bmd\(`)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range files {
		if !strings.HasSuffix(path, "_test.go") {
			source, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, path == "markup.go", conversion.Match(source), "%s: use esc, code or sentence", path)
		}
	}
}
