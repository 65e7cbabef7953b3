package blocks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// checker holds what Slack would refuse, and what nobody else's text may do. It looks at
// the JSON that is sent and knows nothing of how it was made.
type checker struct {
	t    testing.TB
	name string
}

func (c checker) max(most int, s, what string) {
	n := utf8.RuneCountInString(s)
	require.LessOrEqual(c.t, n, most, "%s: %s has %d characters: %.200s", c.name, what, n, s)
}

func (c checker) between(least, most, n int, what string) {
	require.True(c.t, least <= n && n <= most, "%s: %d %s, allowed are %d to %d", c.name, n, what, least, most)
}

// check checks a message, a modal or a Home tab.
func check(t testing.TB, name string, shown any) {
	t.Helper()
	c := checker{t, name}
	var view map[string]any
	raw, err := json.Marshal(shown)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &view))
	list, most, total := "blocks", 100, 1_000_000
	if view["type"] == nil {
		list, most, total = "Blocks", 50, 13_000
		c.max(4000, view["Text"].(string), "the fallback")
		require.NotEmpty(t, strings.TrimSpace(view["Text"].(string)), "%s: no fallback", name)
		c.markup(view["Text"].(string))
	}
	if view["type"] == "modal" {
		c.modal(view)
	}
	blocks, _ := view[list].([]any)
	c.between(1, most, len(blocks), "blocks")
	sum, ids := 0, map[string]bool{}
	for _, b := range blocks {
		c.block(b.(map[string]any), ids)
		sum += texts(b)
	}
	require.LessOrEqual(t, sum, total, "%s: all texts together", name)
}

func (c checker) modal(view map[string]any) {
	for _, what := range []string{"title", "submit", "close"} {
		if view[what] != nil {
			c.plain(view[what], 24, what)
		}
	}
	meta, _ := view["private_metadata"].(string)
	c.max(3000, meta, "private_metadata")
	for _, b := range view["blocks"].([]any) {
		if b.(map[string]any)["type"] == "input" {
			require.NotNil(c.t, view["submit"], "%s: input without submit", c.name)
		}
	}
}

func (c checker) block(b map[string]any, ids map[string]bool) {
	if id, _ := b["block_id"].(string); id != "" {
		c.max(255, id, "block_id")
		require.False(c.t, ids[id], "%s: block_id %s twice", c.name, id)
		ids[id] = true
	}
	switch b["type"] {
	case "divider":
	case "section":
		c.section(b)
	case "context":
		elements := b["elements"].([]any)
		c.between(1, 10, len(elements), "context elements")
		for _, e := range elements {
			c.text(e, 2000, "context")
		}
	case "actions":
		c.actions(b["elements"].([]any))
	case "input":
		c.plain(b["label"], 2000, "label")
		if b["hint"] != nil {
			c.plain(b["hint"], 2000, "hint")
		}
		c.element(b["element"].(map[string]any))
	default:
		require.Fail(c.t, "unknown block", "%s: %v", c.name, b["type"])
	}
}

func (c checker) section(b map[string]any) {
	fields, _ := b["fields"].([]any)
	require.True(c.t, b["text"] != nil || len(fields) > 0, "%s: an empty section", c.name)
	c.between(0, 10, len(fields), "fields")
	if b["text"] != nil {
		c.text(b["text"], 3000, "section")
	}
	for _, f := range fields {
		c.text(f, 2000, "field")
	}
}

func (c checker) actions(elements []any) {
	c.between(1, 25, len(elements), "buttons")
	seen := map[string]bool{}
	for _, e := range elements {
		e := e.(map[string]any)
		id := e["action_id"].(string)
		require.False(c.t, seen[id], "%s: action_id %s twice in a block", c.name, id)
		seen[id] = true
		c.element(e)
	}
}

func (c checker) element(e map[string]any) {
	id, _ := e["action_id"].(string)
	require.NotEmpty(c.t, id, "%s: an element without action_id", c.name)
	c.max(255, id, "action_id")
	if e["placeholder"] != nil {
		c.plain(e["placeholder"], 150, "placeholder")
	}
	switch e["type"] {
	case "button":
		c.plain(e["text"], 75, "button")
		v, _ := e["value"].(string)
		require.NotEmpty(c.t, v)
		c.max(2000, v, "button value")
	case "plain_text_input", "number_input":
		initial, _ := e["initial_value"].(string)
		c.max(3000, initial, "initial_value")
	case "static_select", "radio_buttons", "external_select":
		c.options(e)
	default:
		require.Fail(c.t, "unknown element", "%s: %v", c.name, e["type"])
	}
}

func (c checker) options(e map[string]any) {
	options, _ := e["options"].([]any)
	most := map[any]int{"static_select": 100, "radio_buttons": 10}[e["type"]]
	if e["type"] == "external_select" {
		require.Empty(c.t, options)
	} else {
		c.between(1, most, len(options), "options")
	}
	initial, found := e["initial_option"], e["type"] == "external_select"
	values := map[any]bool{}
	for _, o := range options {
		c.option(o.(map[string]any))
		require.False(c.t, values[o.(map[string]any)["value"]], "%s: an option twice", c.name)
		values[o.(map[string]any)["value"]] = true
		found = found || fmt.Sprint(o) == fmt.Sprint(initial)
	}
	if initial != nil {
		c.option(initial.(map[string]any))
		require.True(c.t, found, "%s: the initial option is none of the options", c.name)
	}
}

func (c checker) option(o map[string]any) {
	c.plain(o["text"], 75, "option")
	v := o["value"].(string)
	require.NotEmpty(c.t, v)
	c.max(75, v, "option value")
}

func (c checker) plain(o any, most int, what string) {
	t := o.(map[string]any)
	require.Equal(c.t, "plain_text", t["type"])
	require.Equal(c.t, false, t["emoji"], "%s: a name must not become a picture", c.name)
	s := t["text"].(string)
	require.NotEmpty(c.t, s)
	c.max(most, s, what)
	c.visible(s)
}

func (c checker) text(o any, most int, what string) {
	t := o.(map[string]any)
	require.Equal(c.t, "mrkdwn", t["type"])
	require.Equal(c.t, true, t["verbatim"], "%s: Slack would make links", c.name)
	s := t["text"].(string)
	require.NotEmpty(c.t, strings.TrimSpace(s), "%s: an empty text", c.name)
	c.max(most, s, what)
	c.markup(s)
}

var (
	ours   = regexp.MustCompile(`<!date\^[0-9]+\^\{date_short_pretty\} \{time\}\|[0-9: -]+ UTC>|<@(U1|U2|U3)>|<!subteam\^S1>`)
	entity = regexp.MustCompile(`&(amp|lt|gt);`)
	spans  = regexp.MustCompile("`[^`\n]+`")
	emoji  = regexp.MustCompile(`(^|[^0-9A-Za-z]):[a-z_+]+:`)
)

// markup checks that a text has no markup but ours.
func (c checker) markup(s string) {
	c.visible(s)
	bare := spans.ReplaceAllString(s, "")
	require.NotContains(c.t, bare, "`", "%s: a code span is open in %q", c.name, s)
	require.False(c.t, emoji.MatchString(bare), "%s: a picture in %q", c.name, s)
	for _, rest := range []string{ours.ReplaceAllString(bare, ""), strings.Join(spans.FindAllString(s, -1), "")} {
		rest = entity.ReplaceAllString(rest, "")
		require.False(c.t, strings.ContainsAny(rest, "<>&"), "%s: markup that is not ours in %q", c.name, s)
	}
}

// visible checks that nothing hides or steers. The mark that makes a sign a picture is ours.
func (c checker) visible(s string) {
	require.True(c.t, utf8.ValidString(s), "%s: %q", c.name, s)
	i := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && r != '\uFE0F' && !unicode.IsGraphic(r) })
	require.Equal(c.t, -1, i, "%s: a character that does not show in %q", c.name, s)
}

// texts counts the characters of every text in a block.
func texts(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		if s, ok := v["text"].(string); ok {
			return utf8.RuneCountInString(s)
		}
		for _, inner := range v {
			n += texts(inner)
		}
	case []any:
		for _, inner := range v {
			n += texts(inner)
		}
	}
	return n
}
