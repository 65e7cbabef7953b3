package fakeslack

import (
	"slices"
	"strings"
	"time"
)

// Message is a message as the people in the channel see it, the newest version of it.
type Message struct {
	// Channel, TS and Thread say where it is; Thread is empty outside of threads.
	Channel, TS, Thread string
	// From is who wrote it; To is who alone sees it, if it is ephemeral.
	From, To string
	// Files are those that were shared with it.
	Files []File

	slack    *Slack
	versions []Version
	deleted  bool
	entered  entries
}

// Version is what a message or a view was at a time.
type Version struct {
	// Fallback is the text that notifications show; a view has none.
	Fallback string
	Blocks   []Block
	At       time.Time
}

// Block is a block as the app sent it, with the ids that Slack adds where there were none.
type Block = map[string]any

// Messages are the messages that everybody in a channel sees, oldest first.
func (s *Slack) Messages(channelID string) []*Message {
	return s.messages(func(c *channel, m *Message) bool { return c.id == channelID && m.To == "" })
}

// Ephemerals are the messages that one person alone sees, in all channels, oldest first.
func (s *Slack) Ephemerals(user string) []*Message {
	return s.messages(func(_ *channel, m *Message) bool { return m.To == user })
}

// DMs are the direct messages between a person and the bot, oldest first.
func (s *Slack) DMs(user string) []*Message { return s.Messages("D" + user) }

func (s *Slack) messages(which func(*channel, *Message) bool) []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*Message
	for _, c := range s.channels {
		for _, m := range c.messages {
			if !m.deleted && which(c, m) {
				found = append(found, m)
			}
		}
	}
	slices.SortFunc(found, func(a, b *Message) int { return strings.Compare(a.place(), b.place()) })
	return found
}

// place orders messages by when they were posted: seconds may be the same, what follows is not.
func (m *Message) place() string {
	_, n, _ := strings.Cut(m.TS, ".")
	return strings.Repeat("0", max(0, 12-len(n))) + n
}

// DeleteMessage deletes a message, as somebody with the right to it would.
func (s *Slack) DeleteMessage(m *Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.deleted = true
}

// Deleted reports whether the message is gone.
func (m *Message) Deleted() bool {
	m.slack.mu.Lock()
	defer m.slack.mu.Unlock()
	return m.deleted
}

// Text is all that can be read of the message: its fallback text and that of its blocks.
func (m *Message) Text() string { return m.Now().Text() }

// Fallback is the text that notifications show.
func (m *Message) Fallback() string { return m.Now().Fallback }

// Now is the newest version.
func (m *Message) Now() Version {
	h := m.History()
	return h[len(h)-1]
}

// History is every version that the message had, oldest first.
func (m *Message) History() []Version {
	m.slack.mu.Lock()
	defer m.slack.mu.Unlock()
	return slices.Clone(m.versions)
}

// Buttons are the texts of its buttons.
func (m *Message) Buttons() []string { return m.Now().texts() }

// Button is the first button with an action id, or with a text; the test fails if there is none.
func (m *Message) Button(of string) Button { return m.slack.button(m, of) }

// Text is all that can be read of the version.
func (v Version) Text() string {
	return strings.TrimSpace(v.Fallback + "\n" + strings.Join(read(v.Blocks), "\n"))
}

func (v Version) texts() []string {
	texts := []string{}
	for _, b := range v.Buttons() {
		texts = append(texts, b.Text)
	}
	return texts
}

// read is what of blocks people can read, in order.
func read(blocks []Block) []string {
	var lines []string
	for _, b := range blocks {
		walk(b, func(text map[string]any) { lines = append(lines, str(text, "text")) })
	}
	return lines
}

// shown are the parts of blocks and elements that can be read, in the order people see them.
var shown = []string{"label", "text", "fields", "elements", "rows", "accessory", "element", "hint", "placeholder", "options"}

// walk calls do for every text in a block: text objects, texts of rich text, markdown.
func walk(v any, do func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, do)
		}
	case map[string]any:
		if _, plain := v["text"].(string); plain {
			do(v)
			return
		}
		for _, part := range shown {
			walk(v[part], do)
		}
	}
}

// payload is the message as Slack sends it; the caller holds the lock.
func (m *Message) payload() map[string]any {
	v := m.versions[len(m.versions)-1]
	out := map[string]any{
		"type": "message", "user": m.From, "ts": m.TS, "text": v.Fallback, "blocks": v.Blocks, "team": m.slack.o.Team,
	}
	if m.From == m.slack.o.BotUser {
		out["bot_id"], out["app_id"] = botID, appID
	}
	if m.Thread != "" {
		out["thread_ts"] = m.Thread
	}
	if len(m.versions) > 1 {
		out["edited"] = map[string]any{"user": m.From, "ts": m.TS}
	}
	return out
}
