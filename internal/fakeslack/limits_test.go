package fakeslack

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func several[T any](n int, of func(i int) T) []any {
	var all []any
	for i := range n {
		all = append(all, of(i))
	}
	return all
}

func with(of obj, key string, value any) obj { of[key] = value; return of }

// Every limit is held at its figure: what has the figure passes, and one more does not.
func TestLimitsOfMessages(t *testing.T) {
	button := func(key string, n int) []any { return []any{row(with(press("a", "A"), key, long(n)))} }
	options := func(n, text, value int) []any {
		return []any{row(obj{"type": "static_select", "action_id": "a", "options": several(n, func(i int) obj {
			return choice(long(text), fmt.Sprintf("%0*d", value, i))
		})})}
	}
	confirm := func(key string, n int) []any {
		c := obj{"title": plainText("T"), "text": plainText("T"), "confirm": plainText("Y"), "deny": plainText("N")}
		c[key] = plainText(long(n))
		return []any{row(with(press("a", "A"), "confirm", c))}
	}
	for name, c := range map[string]struct {
		most   int
		blocks func(n int) []any
	}{
		"blocks":  {50, func(n int) []any { return several(n, func(int) obj { return obj{"type": "divider"} }) }},
		"section": {3000, func(n int) []any { return []any{section(long(n))} }},
		"fields": {10, func(n int) []any {
			return []any{obj{"type": "section", "fields": several(n, func(int) obj { return mrkdwn("x") })}}
		}},
		"field":  {2000, func(n int) []any { return []any{obj{"type": "section", "fields": []any{mrkdwn(long(n))}}} }},
		"header": {150, func(n int) []any { return []any{obj{"type": "header", "text": plainText(long(n))}} }},
		"context": {10, func(n int) []any {
			return []any{obj{"type": "context", "elements": several(n, func(int) obj { return mrkdwn("x") })}}
		}},
		"actions": {25, func(n int) []any {
			return []any{row(several(n, func(i int) obj { return press(fmt.Sprint(i), "A") })...)}
		}},
		"block_id":      {255, func(n int) []any { return []any{with(section("x"), "block_id", long(n))} }},
		"action_id":     {255, func(n int) []any { return button("action_id", n) }},
		"button value":  {2000, func(n int) []any { return button("value", n) }},
		"button text":   {75, func(n int) []any { return []any{row(press("a", long(n)))} }},
		"options":       {100, func(n int) []any { return options(n, 5, 5) }},
		"option text":   {75, func(n int) []any { return options(1, n, 5) }},
		"option value":  {75, func(n int) []any { return options(1, 5, n) }},
		"confirm title": {100, func(n int) []any { return confirm("title", n) }},
		"confirm text":  {300, func(n int) []any { return confirm("text", n) }},
		"confirm yes":   {30, func(n int) []any { return confirm("confirm", n) }},
		"confirm no":    {30, func(n int) []any { return confirm("deny", n) }},
		"markdown":      {12000, func(n int) []any { return []any{obj{"type": "markdown", "text": long(n)}} }},
		"all text": {13000, func(n int) []any {
			return append(several(4, func(int) obj { return section(long(3000)) }), section(long(n-12000)))
		}},
		"table rows":     {100, func(n int) []any { return []any{table(n, 1)} }},
		"table columns":  {20, func(n int) []any { return []any{table(1, n)} }},
		"tables":         {1, func(n int) []any { return several(n, func(int) obj { return table(1, 1) }) }},
		"same block_id":  {1, func(n int) []any { return several(n, func(int) obj { return with(section("x"), "block_id", "same") }) }},
		"same action_id": {1, func(n int) []any { return []any{row(several(n, func(int) obj { return press("same", "A") })...)} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answered := w.post("chat.postMessage", obj{"channel": "C1", "text": "x", "blocks": c.blocks(c.most)})
			require.Equal(t, true, answered["ok"], w.Violations())
			w.clean()
			answered = w.post("chat.postMessage", obj{"channel": "C1", "text": "x", "blocks": c.blocks(c.most + 1)})
			require.Equal(t, "invalid_blocks", answered["error"])
			require.NotEmpty(t, w.Violations())
			require.Len(t, w.Messages("C1"), 1)
		})
	}
}

func table(rows, columns int) obj {
	return obj{"type": "table", "rows": several(rows, func(int) []any {
		return several(columns, func(int) obj { return obj{"type": "raw_text", "text": "x"} })
	})}
}

func TestLimitsOfViews(t *testing.T) {
	for name, c := range map[string]struct {
		most int
		view func(n int) obj
	}{
		"blocks":   {100, func(n int) obj { return modal(several(n, func(int) obj { return obj{"type": "divider"} })...) }},
		"title":    {24, func(n int) obj { return with(modal(section("x")), "title", plainText(long(n))) }},
		"submit":   {24, func(n int) obj { return with(modal(section("x")), "submit", plainText(long(n))) }},
		"close":    {24, func(n int) obj { return with(modal(section("x")), "close", plainText(long(n))) }},
		"metadata": {3000, func(n int) obj { return with(modal(section("x")), "private_metadata", long(n)) }},
		"callback": {255, func(n int) obj { return with(modal(section("x")), "callback_id", long(n)) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.open(c.view(c.most))
			w.clean()
			answered := w.post("views.open", obj{"trigger_id": w.trigger(), "view": c.view(c.most + 1)})
			require.Equal(t, "invalid_arguments", answered["error"])
			require.NotEmpty(t, w.Violations())
		})
	}
}

func TestWrongBlocks(t *testing.T) {
	noSubmit := modal(nameInput())
	delete(noSubmit, "submit")
	for name, v := range map[string]obj{
		"input without submit":   noSubmit,
		"no title":               with(modal(section("x")), "title", nil),
		"mrkdwn title":           with(modal(section("x")), "title", mrkdwn("x")),
		"no blocks":              modal(),
		"a home":                 with(modal(section("x")), "type", "home"),
		"a table in a modal":     modal(table(1, 1)),
		"unknown block":          modal(obj{"type": "hologram"}),
		"empty section":          modal(obj{"type": "section"}),
		"empty text":             modal(section("")),
		"text of no kind":        modal(obj{"type": "section", "text": obj{"text": "x"}}),
		"mrkdwn header":          modal(obj{"type": "header", "text": mrkdwn("x")}),
		"empty actions":          modal(row()),
		"input among actions":    modal(row(obj{"type": "plain_text_input", "action_id": "a"})),
		"button as input":        modal(asks("a", press("a", "A"))),
		"mrkdwn button":          modal(row(with(press("a", "A"), "text", mrkdwn("A")))),
		"style":                  modal(row(with(press("a", "A"), "style", "default"))),
		"confirm without text":   modal(row(with(press("a", "A"), "confirm", obj{"title": plainText("T")}))),
		"no options":             modal(asks("a", obj{"type": "static_select", "action_id": "a", "options": []any{}})),
		"option without value":   modal(asks("a", obj{"type": "static_select", "action_id": "a", "options": []any{obj{"text": plainText("x")}}})),
		"same option":            modal(asks("a", obj{"type": "static_select", "action_id": "a", "options": []any{choice("a", "1"), choice("b", "1")}})),
		"initial not offered":    modal(asks("a", obj{"type": "static_select", "action_id": "a", "options": []any{choice("a", "1")}, "initial_option": choice("b", "1")})),
		"number of what kind":    modal(asks("a", obj{"type": "number_input", "action_id": "a"})),
		"number that is none":    modal(asks("a", obj{"type": "number_input", "action_id": "a", "is_decimal_allowed": false, "initial_value": "x"})),
		"lengths":                modal(asks("a", obj{"type": "plain_text_input", "action_id": "a", "min_length": 5, "max_length": 4})),
		"image without alt":      modal(obj{"type": "image", "image_url": "https://vps.org/x.png"}),
		"control in plain text":  modal(asks("a", obj{"type": "plain_text_input", "action_id": "a", "placeholder": plainText("a\x00b")})),
		"link to a strange host": modal(row(with(press("a", "A"), "url", "https://evil.example"))),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answered := w.post("views.open", obj{"trigger_id": w.trigger(), "view": v})
			require.Equal(t, "invalid_arguments", answered["error"])
			require.NotEmpty(t, w.Violations())
			require.Nil(t, w.Modal("U1"))
		})
	}
}

func TestTexts(t *testing.T) {
	w := newWorld(t)
	w.AddUserGroup("S1")
	for text, right := range map[string]bool{
		"plain":                              true,
		"a &lt;b&gt; &amp; c":                true,
		"> quoted\n> twice":                  true,
		"<@U1> did it":                       true,
		"<@U1|lea> did it":                   true,
		"<@U404> did it":                     false,
		"<!channel>":                         false,
		"<!here|here>":                       false,
		"<!everyone>":                        false,
		"<!subteam^S1>":                      true,
		"<!subteam^S2>":                      false,
		"<#C1>":                              true,
		"<#C9>":                              false,
		"<!date^1750000000^{date}|a day>":    true,
		"<!date^1750000000^{date} {time}>":   false,
		"<!date^soon^{date}|a day>":          false,
		"<https://admin.vps.org/x|the page>": true,
		"<https://evil.example|vps.org>":     false,
		"<https://notvps.org|x>":             false,
		"<javascript:alert(1)|x>":            false,
		"a < b":                              false,
		"a > b":                              false,
		"<>":                                 false,
		"<b>":                                false,
		"a & b":                              false,
		"a &copy; b":                         false,
		"```code```":                         true,
		"```code":                            false,
		"turned \u202e round":                false,
		"null \x00":                          false,
		"bell \a":                            false,
		"tab\tand\nline":                     true,
	} {
		bad := check(w.Slack).message(text, nil)
		require.Equal(t, right, bad == nil, "as text: %q %v", text, bad)
		bad = check(w.Slack).message("x", []any{section(text)})
		require.Equal(t, right, bad == nil, "in a block: %q %v", text, bad)
	}
}

func TestRichTextCallsNobody(t *testing.T) {
	for _, el := range []obj{
		{"type": "broadcast", "range": "channel"},
		{"type": "user", "user_id": "U404"},
		{"type": "usergroup", "usergroup_id": "S404"},
		{"type": "link", "url": "https://evil.example"},
	} {
		w := newWorld(t)
		w.post("chat.postMessage", obj{"channel": "C1", "text": "x", "blocks": []any{
			obj{"type": "rich_text", "elements": []any{obj{"type": "rich_text_section", "elements": []any{el}}}},
		}})
		require.Len(t, w.Violations(), 1, el)
	}
}

func TestFallbackText(t *testing.T) {
	w := newWorld(t)
	answered := w.post("chat.postMessage", obj{"channel": "C1", "blocks": []any{section("x")}})
	require.Equal(t, "invalid_blocks", answered["error"])
	require.Contains(t, w.Violations()[0], "notifications")
	w.post("chat.postMessage", obj{"channel": "C1", "text": long(4001)})
	require.Len(t, w.Violations(), 2)
}

func TestOptionsOfASuggestion(t *testing.T) {
	for name, body := range map[string]string{
		"no json": "x", "nothing": "{}", "no value": `{"options":[{"text":{"type":"plain_text","text":"x"}}]}`,
	} {
		w := newWorld(t)
		v := w.open(modal(asks("server", obj{"type": "external_select", "action_id": "a", "min_query_length": 0})))
		w.app.says(body)
		w.lea.Suggest(v, "server", "")
		require.NotEmpty(t, w.Violations(), name)
	}
}
