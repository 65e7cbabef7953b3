package slackbot

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// workspace knows the people of the bot's workspace and their user groups.
type workspace struct {
	api    *webapi.Client
	store  func(context.Context) (Store, error)
	policy func() permissions.Policy
	log    *slog.Logger

	groups *groupCache
	met    ttl.Bounded[string, bool]   // users who were found to belong to it
	names  ttl.Bounded[string, string] // users who have typed a command in it, with their name at that time
}

// memberKind is the kind of a post that shows nothing: it keeps a user who has typed, for every replica.
const memberKind = "member"

// includes reports whether somebody belongs to the workspace: Slack says that they are of it, or of its
// enterprise; the policy names them; or they have typed a command in it, because on Enterprise Grid a
// press alone does not prove it. All others are external: people of Slack Connect.
func (w *workspace) includes(ctx context.Context, user string, from origin) bool {
	own := w.api.Identity()
	switch {
	case from.team == own.Team:
		return true
	case from.enterprise != "" && from.enterprise == own.Enterprise:
		return true
	case user == "":
		return false
	}
	if isNamed(w.policy().Book, permissions.SlackUser(user)) {
		return true
	}
	_, typed := w.nameOf(ctx, user)
	return typed
}

// isNamed reports whether a policy names somebody by their id.
func isNamed(book *permissions.Rulebook, who permissions.Actor) bool {
	if book == nil {
		return false
	}
	if _, listed := (permissions.Policy{Book: book}).Person(who); listed {
		return true
	}
	return slices.ContainsFunc(book.Rules, func(r permissions.Rule) bool {
		named := r.Who
		if r.Approvers != nil {
			named = slices.Concat(named, r.Approvers.Who)
		}
		return r.Effect == permissions.Allow && slices.Contains(named, permissions.Principal(who))
	})
}

// noteCommand remembers that somebody has typed a command in the workspace.
func (w *workspace) noteCommand(ctx context.Context, user, name string) {
	if was, known := w.names.Get(user); user == "" || known && was == name {
		return
	}
	w.names.Set(user, name)
	store, err := w.store(ctx)
	if err == nil {
		err = store.ReplacePost(ctx, delivery.Post{Key: memberKind + ":" + w.member(user), Approval: w.member(user), Kind: memberKind, User: user, Shown: name})
	}
	if err != nil {
		w.log.Debug("Slack: remembering who is of the workspace", "error", err)
	}
}

// member names somebody as one of this workspace: bots of several workspaces may share a store, and a
// member of one is external to the others.
func (w *workspace) member(user string) string { return w.api.Identity().Team + ":" + user }

// nameOf is the name that Slack gave with somebody's last command. known is set if there ever was one.
func (w *workspace) nameOf(ctx context.Context, user string) (name string, known bool) {
	if name, known = w.names.Get(user); known {
		return name, true
	}
	store, err := w.store(ctx)
	if err != nil {
		return "", false
	}
	p, err := store.Post(ctx, memberKind+":"+w.member(user))
	if err != nil {
		if !errors.Is(err, approval.ErrNotFound) {
			w.log.Debug("Slack: looking up who is of the workspace", "error", err)
		}
		return "", false // unknown counts as external
	}
	w.names.Set(user, p.Shown)
	return p.Shown, true
}
