package fakeslack

import (
	"encoding/json"
	"strings"
)

// Person is somebody who uses Slack. Each deed waits for the app's acknowledgement and shows
// what comes with it.
type Person struct {
	s             *Slack
	user, channel string
	team          string // as Slack names it beside the person; empty: the one they were added with
	slow          bool
}

// As is a person who is in the direct messages with the bot, until In says otherwise.
func (s *Slack) As(user string) *Person {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.users[user]; !known {
		s.fail("the test knows no user %s: add it with AddUser", user)
		s.users[user] = User{ID: user, Name: user, Team: s.o.Team}
	}
	return &Person{s: s, user: user, channel: s.dm(user).id}
}

// In is the same person in a channel.
func (p *Person) In(channelID string) *Person {
	p.s.t.Helper()
	q := *p
	p.s.inChannel(channelID, func(*channel) { q.channel = channelID })
	return &q
}

// Of is the same person as Slack names them on Enterprise Grid: by a workspace of their own,
// wherever they press.
func (p *Person) Of(team string) *Person {
	q := *p
	q.team = team
	return &q
}

// AllowSlow is the same person, who does not mind an acknowledgement that is late or lost.
func (p *Person) AllowSlow() *Person {
	q := *p
	q.slow = true
	return &q
}

// Type types a slash command, as "/vps servers list".
func (p *Person) Type(line string) Ack {
	p.s.t.Helper()
	command, text, _ := strings.Cut(line, " ")
	p.s.mu.Lock()
	c := p.s.channels[p.channel]
	payload := p.s.commandPayload(p, c, command, strings.TrimSpace(text))
	p.s.mu.Unlock()
	a := p.s.send("slash_commands", payload, p.slow)
	if a.OK() {
		a.settle(p.s, p.show(c, a.Body))
	}
	return a
}

// show shows what a command was acknowledged with: text, or a message. To the person alone,
// unless it says otherwise.
func (p *Person) show(c *channel, body []byte) answer {
	if len(body) == 0 {
		return nil
	}
	said := params{}
	if json.Unmarshal(body, &said) != nil {
		said = params{"text": string(body)}
	}
	if len(said) == 0 {
		return nil
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v, _, a := p.s.content("an acknowledgement", said)
	if a != nil {
		return a
	}
	to := p.user
	if said.str("response_type") == "in_channel" {
		to = ""
	}
	p.s.add(c, &Message{From: p.s.o.BotUser, To: to}, v)
	return nil
}

// settle fails the test for an acknowledgement that Slack would not take.
func (a *Ack) settle(s *Slack, refused answer) {
	if refused != nil {
		s.fail("the acknowledgement is not one that Slack takes: %s", refused.code())
	}
}

// Say writes an ordinary message, and returns it.
func (p *Person) Say(text string) *Message {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.s.add(p.s.channels[p.channel], &Message{From: p.user}, Version{Fallback: text, At: p.s.now()})
}

// Press presses the first button with an action id; PressText does by what it says. A
// confirmation that Slack asks for itself is agreed to.
func (p *Person) Press(on Surface, actionID string) Ack {
	p.s.t.Helper()
	return p.PressButton(on, p.s.button(on, actionID))
}

// PressText presses the first button that says text.
func (p *Person) PressText(on Surface, text string) Ack {
	p.s.t.Helper()
	return p.Press(on, text)
}

// PressButton presses a button that is on the message or view now, or was on an older version
// that a screen may still show.
func (p *Person) PressButton(on Surface, b Button) Ack {
	p.s.t.Helper()
	p.s.mu.Lock()
	e, found := had(on, b)
	if !found {
		p.s.mu.Unlock()
		p.s.fail("button %+v was never there: Slack has no way to press it", b)
		return Ack{Unsent: "no such button"}
	}
	payload := p.s.blockActions(p, on, e, nil)
	p.s.mu.Unlock()
	return p.s.send("interactive", payload, p.slow)
}

// Choose picks or types a value in something that reports at once: a select in a message, in
// App Home or beside a text, or an input with dispatch_action.
func (p *Person) Choose(on Surface, name string, value any) Ack {
	p.s.t.Helper()
	p.s.mu.Lock()
	e, err := input(on, name)
	var payload map[string]any
	if err == nil {
		err = p.enter(on, e, value)
	}
	if err == nil && e.asked() && e.block["dispatch_action"] != true {
		p.s.mu.Unlock()
		return Ack{Unsent: "the input reports nothing until the form is submitted"}
	}
	if err == nil {
		payload = p.s.blockActions(p, on, e, on.inputs().of(e))
	}
	p.s.mu.Unlock()
	if err != nil {
		p.s.fail("%v", err)
		return Ack{Unsent: err.Error()}
	}
	return p.s.send("interactive", payload, p.slow)
}

// Interact sends an interaction as it stands, with what all interactions have added.
func (p *Person) Interact(is map[string]any) Ack {
	p.s.t.Helper()
	kind, _ := is["type"].(string)
	p.s.mu.Lock()
	payload := p.s.interaction(kind, p)
	payload["trigger_id"] = p.s.pull(p.user, kind == "view_submission")
	p.s.mu.Unlock()
	for key, value := range is {
		payload[key] = value
	}
	return p.s.send("interactive", payload, p.slow)
}

// OpenHome opens the app's Home.
func (p *Person) OpenHome() Ack {
	p.s.t.Helper()
	p.s.mu.Lock()
	is := map[string]any{"type": "app_home_opened", "user": p.user, "channel": p.s.dm(p.user).id, "tab": "home"}
	if v := p.s.homes[p.user]; v != nil {
		is["view"] = v.payload()
	}
	payload := p.s.event(is)
	p.s.mu.Unlock()
	return p.s.send("events_api", payload, p.slow)
}
