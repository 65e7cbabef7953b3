package slackbot

import (
	"context"
	"errors"
	"sync"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
)

// members remembers who has typed a command in the workspace, and what Slack called them then. On
// Enterprise Grid a press alone does not tell whether somebody is of it. Its zero value is ready to use.
type members struct {
	mu    sync.Mutex
	names map[string]string // by user id
}

const (
	memberKind  = "member" // of a post that shows nothing: it keeps who has typed, for every replica
	mostMembers = 10_000   // kept in memory
)

// note remembers somebody, and reports whether that is new.
func (m *members) note(user, name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if was, known := m.names[user]; known && was == name {
		return false
	}
	if m.names == nil || len(m.names) >= mostMembers {
		m.names = map[string]string{}
	}
	m.names[user] = name
	return true
}

func (m *members) name(user string) (name string, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, known = m.names[user]
	return name, known
}

// noteTyped remembers that somebody has typed a command in the workspace.
func (b *Bot) noteTyped(ctx context.Context, user, name string) {
	if user == "" || !b.members.note(user, name) {
		return
	}
	store, err := b.Store(ctx)
	if err == nil {
		err = store.ReplacePost(ctx, delivery.Post{Key: memberKind + ":" + b.member(user), Approval: b.member(user), Kind: memberKind, User: user, Shown: name})
	}
	if err != nil {
		b.Log.Debug("Slack: remembering who is of the workspace", "error", err)
	}
}

// member names somebody as one of this workspace: bots of several may share a store, and who is of one
// of them is a stranger in the others.
func (b *Bot) member(user string) string { return b.team.id() + ":" + user }

// nameOf is what Slack called somebody when they last typed. known is set if they ever did.
func (b *Bot) nameOf(ctx context.Context, user string) (name string, known bool) {
	if name, known = b.members.name(user); known {
		return name, true
	}
	store, err := b.Store(ctx)
	if err != nil {
		return "", false
	}
	p, err := store.Post(ctx, memberKind+":"+b.member(user))
	if err != nil {
		if !errors.Is(err, approval.ErrNotFound) {
			b.Log.Debug("Slack: looking up who is of the workspace", "error", err)
		}
		return "", false // who is not known to be of it is not
	}
	b.members.note(user, p.Shown)
	return p.Shown, true
}

// hasTyped reports whether somebody has ever typed a command in the workspace.
func (b *Bot) hasTyped(ctx context.Context, user string) bool {
	_, known := b.nameOf(ctx, user)
	return known
}
