package fakeslack

import (
	"slices"
)

// content is what a message is to show, read from a request and checked. The caller holds the lock.
func (s *Slack) content(where string, p params) (Version, bool, answer) {
	var raw []any
	given, err := p.value("blocks", &raw)
	text := p.str("text")
	switch {
	case err != nil:
		s.fail("%s: blocks are no list of blocks: %v", where, err)
		return Version{}, given, no("invalid_blocks_format")
	case text == "" && len(raw) == 0:
		return Version{}, given, no("no_text")
	}
	if s.noBlocks != "" && len(raw) > 0 {
		return Version{}, given, no(s.noBlocks)
	}
	if bad := s.checkMessage(text, raw); len(bad) > 0 {
		return Version{}, given, s.refuse(where, "invalid_blocks", bad)
	}
	return Version{Fallback: text, Blocks: s.name(raw), At: s.now()}, given, nil
}

// refuse fails the test for what breaks a limit, and answers as Slack does.
func (s *Slack) refuse(where, code string, bad []string) answer {
	var messages []string
	for _, b := range bad {
		s.fail("%s breaks a limit: %s", where, b)
		messages = append(messages, "[ERROR] "+b)
	}
	a := no(code)
	a["response_metadata"] = map[string]any{"messages": messages}
	return a
}

// writable is why the bot cannot write to a channel; nil: it can. The caller holds the lock.
func (s *Slack) writable(c *channel) answer {
	switch {
	case c == nil:
		return no("channel_not_found")
	case c.archived:
		return no("is_archived")
	case c.has(s.o.BotUser):
		return nil
	case c.private():
		return no("channel_not_found")
	case slices.Contains(s.o.Scopes, "chat:write.public"):
		return nil
	}
	return no("not_in_channel")
}

// add puts a message into a channel; the caller holds the lock. A thread whose first message
// is gone takes no more: the message stands in the channel.
func (s *Slack) add(c *channel, m *Message, v Version) *Message {
	if m.Thread != "" && c.message(m.Thread) == nil {
		m.Thread = ""
	}
	m.slack, m.Channel, m.TS, m.versions = s, c.id, s.ts(), []Version{v}
	c.messages = append(c.messages, m)
	c.posted.count(s.now())
	return m
}

func (s *Slack) postMessage(p params) answer {
	c := s.find(p.str("channel"))
	if a := s.writable(c); a != nil {
		return a
	}
	v, _, a := s.content("chat.postMessage", p)
	if a != nil {
		return a
	}
	m := s.add(c, &Message{From: s.o.BotUser, Thread: p.str("thread_ts")}, v)
	return ok(answer{"channel": c.id, "ts": m.TS, "message": m.payload()})
}

func (s *Slack) postEphemeral(p params) answer {
	c, user := s.find(p.str("channel")), p.str("user")
	if a := s.writable(c); a != nil {
		return a
	}
	if !c.has(user) {
		return no("user_not_in_channel")
	}
	v, _, a := s.content("chat.postEphemeral", p)
	if a != nil {
		return a
	}
	m := s.add(c, &Message{From: s.o.BotUser, To: user, Thread: p.str("thread_ts")}, v)
	return ok(answer{"message_ts": m.TS})
}

// own is a message of the app's that everybody sees: what chat.update and chat.delete can change.
func (s *Slack) own(p params, forbidden string) (*channel, *Message, answer) {
	c := s.channels[p.str("channel")]
	if c == nil {
		return nil, nil, no("channel_not_found")
	}
	m := c.message(p.str("ts"))
	switch {
	case m == nil || m.To != "":
		return nil, nil, no("message_not_found")
	case m.From != s.o.BotUser:
		return nil, nil, no(forbidden)
	}
	if a := s.writable(c); a != nil {
		return nil, nil, a
	}
	return c, m, nil
}

// chatUpdate changes a message; blocks that are not given stay.
func (s *Slack) chatUpdate(p params) answer {
	c, m, a := s.own(p, "cant_update_message")
	if a != nil {
		return a
	}
	v, given, a := s.content("chat.update", p)
	if a != nil {
		return a
	}
	if !given {
		v.Blocks = m.versions[len(m.versions)-1].Blocks
	}
	m.change(v)
	c.posted.count(s.now())
	return ok(answer{"channel": c.id, "ts": m.TS, "text": v.Fallback, "message": m.payload()})
}

// change gives a message a new version; the caller holds the lock.
func (m *Message) change(v Version) {
	m.versions = append(m.versions, v)
	m.entered.keep(v.Blocks)
}

func (s *Slack) chatDelete(p params) answer {
	c, m, a := s.own(p, "cant_delete_message")
	if a != nil {
		return a
	}
	m.deleted = true
	return ok(answer{"channel": c.id, "ts": m.TS})
}
