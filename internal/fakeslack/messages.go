package fakeslack

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Message is a message as the people in the channel see it, the newest version of it.
type Message struct {
	Channel, TS, Thread string // where it is; Thread is empty outside of threads
	From, To            string // who wrote it, and who alone sees it, if it is ephemeral
	Files               []File // those that were shared with it

	content
	deleted bool
}

// Text is all that can be read of the message: its fallback text and that of its blocks.
func (m *Message) Text() string { return m.Now().Text() }

// Messages are the messages that everybody in a channel sees, oldest first.
func (s *Slack) Messages(channelID string) []*Message {
	return s.messages(func(m *Message) bool { return m.Channel == channelID && m.To == "" })
}

// Ephemerals are the messages that one person alone sees, in all channels, oldest first.
func (s *Slack) Ephemerals(user string) []*Message {
	return s.messages(func(m *Message) bool { return m.To == user })
}

// DMs are the direct messages between a person and the bot, oldest first.
func (s *Slack) DMs(user string) []*Message { return s.Messages("D" + user) }

func (s *Slack) messages(which func(*Message) bool) []*Message {
	return locked(s, func() []*Message {
		return slices.DeleteFunc(slices.Clone(s.posted), func(m *Message) bool { return m.deleted || !which(m) })
	})
}

// DeleteMessage deletes a message, as somebody with the right to it would.
func (s *Slack) DeleteMessage(m *Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.deleted = true
}

// payload is the message as Slack sends it; the caller holds the lock.
func (m *Message) payload() map[string]any {
	v := m.latest()
	out := map[string]any{
		"type": "message", "user": m.From, "ts": m.TS, "text": v.Fallback, "blocks": v.Blocks, "team": m.slack.o.Team,
	}
	if m.From == m.slack.o.BotUser {
		out["bot_id"], out["app_id"] = botID, appID
	}
	if m.Thread != "" {
		out["thread_ts"] = m.Thread
	}
	return out
}

// version is what a message is to show, read from a request and checked. The caller holds the lock.
func (s *Slack) version(where string, p params) (v Version, hasBlocks bool, a answer) {
	var raw []any
	hasBlocks, err := p.value("blocks", &raw)
	text := p.str("text")
	switch {
	case err != nil:
		s.fail("%s: blocks are no list of blocks: %v", where, err)
		return v, hasBlocks, no("invalid_blocks_format")
	case text == "" && len(raw) == 0:
		return v, hasBlocks, no("no_text")
	case s.noBlocks != "" && len(raw) > 0:
		return v, hasBlocks, no(s.noBlocks)
	}
	if bad := check(s).message(text, raw); len(bad) > 0 {
		return v, hasBlocks, s.refuse(where, "invalid_blocks", bad)
	}
	return Version{Fallback: text, Blocks: addIDs(s, raw), At: s.now()}, hasBlocks, nil
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
func (c *channel) writable(bot string) answer {
	switch {
	case c == nil:
		return no("channel_not_found")
	case c.archived:
		return no("is_archived")
	case !slices.Contains(c.members, bot):
		return no("not_in_channel")
	}
	return nil
}

// add posts a message to a channel; the caller holds the lock. A thread whose first message is gone takes no more: the
// message stands in the channel.
func (s *Slack) add(c *channel, m *Message, v Version) *Message {
	if m.Thread != "" && findMessage(s, c.id, m.Thread) == nil {
		m.Thread = ""
	}
	m.Channel, m.TS, m.content = c.id, s.ts(), content{slack: s, versions: []Version{v}, entered: entries{}}
	s.posted = append(s.posted, m)
	c.count(s.now())
	return m
}

// findMessage is a message of a channel; nil if it is gone. The caller holds the lock.
func findMessage(s *Slack, channelID, ts string) *Message {
	i := slices.IndexFunc(s.posted, func(m *Message) bool { return m.Channel == channelID && m.TS == ts && !m.deleted })
	if i < 0 {
		return nil
	}
	return s.posted[i]
}

// count notes a message or an update, of which Slack takes about one a second, and a few at once.
func (c *channel) count(now time.Time) {
	if !c.rate.AllowN(now, 1) {
		c.tooFast++
	}
}

// Rate is how many messages and updates came to a channel beyond about one a second, by the clock of the Options. Slack
// would begin to answer 429.
func (s *Slack) Rate(channelID string) (over int) {
	s.inChannel(channelID, func(c *channel) { over = c.tooFast })
	return over
}

func postMessage(s *Slack, p params) answer {
	c := s.find(p.str("channel"))
	if a := c.writable(s.o.BotUser); a != nil {
		return a
	}
	v, _, a := s.version("chat.postMessage", p)
	if a != nil {
		return a
	}
	m := s.add(c, &Message{From: s.o.BotUser, Thread: p.str("thread_ts")}, v)
	return ok(answer{"channel": c.id, "ts": m.TS, "message": m.payload()})
}

// chatUpdate changes a message that everybody sees; blocks that are not given stay.
func chatUpdate(s *Slack, p params) answer {
	c := s.channels[p.str("channel")]
	if a := c.writable(s.o.BotUser); a != nil {
		return a
	}
	m := findMessage(s, c.id, p.str("ts"))
	switch {
	case m == nil || m.To != "":
		return no("message_not_found")
	case m.From != s.o.BotUser:
		return no("cant_update_message")
	}
	v, hasBlocks, a := s.version("chat.update", p)
	if a != nil {
		return a
	}
	if !hasBlocks {
		v.Blocks = m.latest().Blocks
	}
	m.change(v)
	c.count(s.now())
	return ok(answer{"channel": c.id, "ts": m.TS, "text": v.Fallback, "message": m.payload()})
}

// responseURL is the right to answer something that a person did, a few times, for a while.
type responseURL struct {
	user, channel, thread string
	at                    time.Time
	uses                  int
	// original is the message whose button was pressed. A command has none: what was answered to it can be replaced by
	// nobody, until one of its own buttons is pressed.
	original *Message
}

const (
	responseLife = 30 * time.Minute
	maxUses      = 5
)

// newResponseURL makes a response URL; the caller holds the lock.
func (s *Slack) newResponseURL(user, channelID string, original *Message) string {
	kind := "commands"
	r := &responseURL{user: user, channel: channelID, at: s.now(), original: original}
	if original != nil {
		kind, r.thread = "actions", original.Thread
	}
	path := fmt.Sprintf("/%s/%s/%d/%s", kind, s.o.Team, s.next(), s.opaque("response"))
	s.responses[path] = r
	return s.server.URL + path
}

// respond handles what is posted to a response URL.
func (s *Slack) respond(q request) {
	p, _, err := readParams(q.r, q.body)
	s.guard("a post to a response_url", fmt.Sprint(p))
	code := "invalid_payload"
	if err == nil {
		s.mu.Lock()
		code = s.responded(q.r.URL.Path, p)
		s.mu.Unlock()
	}
	s.log(Call{Method: "response_url", Params: p, Error: code})
	status := http.StatusOK
	switch code {
	case "":
		code = "ok"
	case "expired_url", "used_url", "no_service":
		status = http.StatusNotFound
	default:
		status = http.StatusBadRequest
	}
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	q.w.WriteHeader(status)
	_, _ = io.WriteString(q.w, code) //nolint:gosec // plain text, of the codes above
}

// responded does what a post wants and returns the code of its error; the caller holds the lock.
func (s *Slack) responded(path string, p params) (code string) {
	u := s.responses[path]
	switch {
	case u == nil:
		return "no_service"
	case s.now().Sub(u.at) > responseLife:
		return "expired_url"
	case u.uses >= maxUses:
		return "used_url"
	}
	u.uses++
	v, _, a := s.version("a response_url", p)
	switch {
	case a != nil:
		return a.code()
	case p["replace_original"] != true || u.original == nil:
		s.add(s.channels[u.channel], &Message{From: s.o.BotUser, To: addressee(u.user, p), Thread: u.thread}, v)
	case u.original.deleted:
		return "message_not_found"
	default:
		u.original.change(v)
	}
	return ""
}

// addressee is who alone sees an answer; empty: everybody.
func addressee(user string, p params) string {
	if p.str("response_type") == "in_channel" {
		return ""
	}
	return user
}
