package fakeslack

import (
	"slices"
	"strings"
)

// User is a person. Team is the workspace the person belongs to; empty: the app's own. One of
// another team is a guest by way of Slack Connect.
type User struct {
	ID, Name, Team string
	bot            bool
}

type channel struct {
	id, name string
	members  []string
	messages []*Message
	archived bool
	// posted counts what went to the channel, by its rate.
	posted pace
}

// AddUser adds a person; the same id again replaces the person.
func (s *Slack) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.Team == "" {
		u.Team = s.o.Team
	}
	s.users[u.ID] = u
}

// AddChannel adds a channel that the bot is in, with its members. An id that begins with G
// is a private one.
func (s *Slack) AddChannel(id string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[id] = &channel{id: id, name: strings.ToLower(id), members: append(slices.Clone(members), s.o.BotUser)}
}

// AddUserGroup adds a user group, or replaces who is in it.
func (s *Slack) AddUserGroup(id string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = slices.Clone(users)
}

// ArchiveChannel makes a channel one that nothing can be posted to.
func (s *Slack) ArchiveChannel(id string) {
	s.inChannel(id, func(c *channel) { c.archived = true })
}

// KickBot takes the bot out of a channel.
func (s *Slack) KickBot(id string) {
	s.inChannel(id, func(c *channel) {
		c.members = slices.DeleteFunc(c.members, func(u string) bool { return u == s.o.BotUser })
	})
}

// InviteBot takes the bot into a channel again.
func (s *Slack) InviteBot(id string) {
	s.inChannel(id, func(c *channel) { c.members = append(c.members, s.o.BotUser) })
}

func (s *Slack) inChannel(id string, do func(*channel)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		s.fail("the test knows no channel %s: add it with AddChannel", id)
		return
	}
	do(c)
}

// dm is the direct messages between a person and the bot; the caller holds the lock.
func (s *Slack) dm(user string) *channel {
	id := "D" + user
	if s.channels[id] == nil {
		s.channels[id] = &channel{id: id, name: "directmessage", members: []string{user, s.o.BotUser}}
	}
	return s.channels[id]
}

// find is the channel an app means by an id: a person's id is the direct messages with
// that person. The caller holds the lock.
func (s *Slack) find(id string) *channel {
	if u, ok := s.users[id]; ok && !u.bot && u.Team == s.o.Team {
		return s.dm(id)
	}
	return s.channels[id]
}

func (c *channel) direct() bool  { return strings.HasPrefix(c.id, "D") }
func (c *channel) private() bool { return strings.HasPrefix(c.id, "G") }

func (c *channel) has(user string) bool { return slices.Contains(c.members, user) }

func (c *channel) message(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts && !m.deleted {
			return m
		}
	}
	return nil
}
