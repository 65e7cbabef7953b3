package fakeslack

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// checker collects what is wrong with one message or view. Texts are counted in code points.
type checker struct {
	slack    *Slack
	message  bool // or else a view
	blocks   map[string]bool
	total    int // of all text
	markdown int
	tables   int
	inputs   int
	bad      []string
}

const (
	mostMessageBlocks = 50
	mostViewBlocks    = 100
	mostFallback      = 4000
	mostMessageText   = 13000
	mostMarkdown      = 12000
)

// checkMessage is what Slack, or a careful reader, would not take in a message. The caller
// holds the lock, as for all checks.
func (s *Slack) checkMessage(fallback string, blocks []any) []string {
	c := &checker{slack: s, message: true, blocks: map[string]bool{}}
	if fallback == "" {
		c.say("text", "there is no text for notifications and screen readers")
	}
	c.most("text", fallback, mostFallback)
	c.mrkdwn("text", fallback)
	c.all(blocks, mostMessageBlocks)
	if c.total > mostMessageText {
		c.say("blocks", "%d characters of text in all, and %d are the most", c.total, mostMessageText)
	}
	return c.bad
}

// CheckMessage returns what Slack, or a careful reader, would not take in a message to a workspace that has
// these users, user groups and channels. blocks is any value that is the blocks as JSON.
func CheckMessage(text string, blocks any, ids ...string) []string {
	all, _ := asJSON(blocks).([]any)
	return workspaceOf(ids).checkMessage(text, all)
}

// CheckView returns what Slack would not take in a view, a modal or a Home tab, which any value is as JSON.
func CheckView(view any, ids ...string) []string {
	is, _ := asJSON(view).(map[string]any)
	return workspaceOf(ids).checkView(str(is, "type"), is)
}

func asJSON(v any) (is any) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &is)
	}
	if err != nil {
		panic(err) // what is not JSON is a mistake of the test
	}
	return is
}

func workspaceOf(ids []string) *Slack {
	s := &Slack{users: map[string]User{}, groups: map[string][]string{}, channels: map[string]*channel{}}
	for _, id := range ids {
		switch id[0] {
		case 'U':
			s.users[id] = User{ID: id}
		case 'S':
			s.groups[id] = nil
		default:
			s.channels[id] = &channel{id: id}
		}
	}
	return s
}

// checkText is checkMessage for a text that stands alone.
func (s *Slack) checkText(text string) []string {
	c := &checker{slack: s, message: true}
	c.most("text", text, mostFallback)
	c.mrkdwn("text", text)
	return c.bad
}

// checkView is what Slack would not take in a view of a kind, modal or home.
func (s *Slack) checkView(kind string, is map[string]any) []string {
	c := &checker{slack: s, blocks: map[string]bool{}}
	if str(is, "type") != kind {
		c.say("view", "type is %q, not %q", str(is, "type"), kind)
	}
	blocks, given := is["blocks"].([]any)
	if !given || len(blocks) == 0 {
		c.say("blocks", "there are none")
	}
	c.all(blocks, mostViewBlocks)
	c.length("private_metadata", str(is, "private_metadata"), 3000)
	c.length("callback_id", str(is, "callback_id"), 255)
	c.length("external_id", str(is, "external_id"), 255)
	if kind == "modal" {
		c.modal(is)
	}
	return c.bad
}

func (c *checker) modal(is map[string]any) {
	c.plain("title", is["title"], 24)
	for _, part := range []string{"submit", "close"} {
		if is[part] != nil {
			c.plain(part, is[part], 24)
		}
	}
	if c.inputs > 0 && is["submit"] == nil {
		c.say("submit", "it is missing, and there are inputs")
	}
}

// checkOptions is what Slack would not take as the options of an external select.
func (s *Slack) checkOptions(said map[string]any) []string {
	c := &checker{slack: s}
	if said["options"] == nil && said["option_groups"] == nil {
		c.say("options", "there is neither options nor option_groups")
	}
	c.choices("options", said, 100, 0)
	return c.bad
}

func (c *checker) say(at, format string, args ...any) {
	c.bad = append(c.bad, at+": "+fmt.Sprintf(format, args...))
}

// most holds the length of a text that people read against a limit.
func (c *checker) most(at, text string, limit int) {
	c.length(at, text, limit)
	c.readable(at, text)
}

func (c *checker) length(at, text string, limit int) {
	if n := utf8.RuneCountInString(text); n > limit {
		c.say(at, "%d characters, and %d are the most", n, limit)
	}
}

// count holds the length of a list against its limits.
func (c *checker) count(at string, n, least, most int) {
	if n < least || n > most {
		c.say(at, "there are %d, and it must be %d to %d", n, least, most)
	}
}

// plain checks a text object that must be plain text.
func (c *checker) plain(at string, v any, limit int) {
	is, _ := v.(map[string]any)
	if kind := str(is, "type"); kind != "plain_text" {
		c.say(at, "must be plain_text, and is %q", kind)
		return
	}
	c.text(at, is, limit)
}

// text checks a text object of either kind.
func (c *checker) text(at string, v any, limit int) {
	is, _ := v.(map[string]any)
	text := str(is, "text")
	switch str(is, "type") {
	case "mrkdwn":
		c.mrkdwn(at, text)
	case "plain_text":
	default:
		c.say(at, "must be plain_text or mrkdwn, and is %q", str(is, "type"))
	}
	if text == "" {
		c.say(at, "is empty")
	}
	c.most(at, text, limit)
	c.total += utf8.RuneCountInString(text)
}
