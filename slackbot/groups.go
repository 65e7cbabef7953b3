package slackbot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// workspace knows the people of the bot's workspace and their user groups.
type workspace struct {
	*Bot
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
	case from.team == own.Team, from.enterprise != "" && from.enterprise == own.Enterprise:
		return true
	case user == "":
		return false
	case isNamed(w.Runner.Policy().Book, permissions.SlackUser(user)):
		return true
	}
	_, typed := w.nameOf(ctx, user)
	return typed
}

func isNamed(book *permissions.Rulebook, who permissions.Actor) bool {
	if book == nil {
		return false
	}
	if _, listed := (permissions.Policy{Book: book}).Person(who); listed {
		return true
	}
	return slices.ContainsFunc(book.Rules, func(r permissions.Rule) bool {
		return r.Effect == permissions.Allow && slices.Contains(r.Principals(), permissions.Principal(who))
	})
}

func (w *workspace) noteCommand(ctx context.Context, user, name string) {
	if was, known := w.names.Get(user); user == "" || known && was == name {
		return
	}
	w.names.Set(user, name)
	store, err := w.Store(ctx)
	if err == nil {
		err = store.ReplacePost(ctx, delivery.Post{Key: memberKind + ":" + w.member(user), Approval: w.member(user), Kind: memberKind, User: user, Shown: name})
	}
	if err != nil {
		w.Log.Debug("Slack: remembering who is of the workspace", "error", err)
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
	store, err := w.Store(ctx)
	if err != nil {
		return "", false
	}
	p, err := store.Post(ctx, memberKind+":"+w.member(user))
	if err != nil {
		if !errors.Is(err, approval.ErrNotFound) {
			w.Log.Debug("Slack: looking up who is of the workspace", "error", err)
		}
		return "", false // unknown counts as external
	}
	w.names.Set(user, p.Shown)
	return p.Shown, true
}

const (
	groupFresh    = time.Minute
	groupGrace    = 5 * time.Minute  // a list counts so long although a newer one cannot be read
	groupPause    = 10 * time.Second // after a read that failed
	groupReads    = 20               // a minute: Slack's own limit
	readGroupFor  = 10 * time.Second
	waitForGroups = 1500 * time.Millisecond
)

// groupCache keeps the members of the user groups that the policy mentions.
type groupCache struct {
	lists ttl.Cache[[]string]
	mu    sync.Mutex
	reads []time.Time // within the last minute
}

func newGroupCache(now func() time.Time) *groupCache {
	return &groupCache{lists: ttl.Cache[[]string]{Fresh: groupFresh, Grace: groupGrace, Pause: groupPauseAfter, Now: now}}
}

// errReadLimit is returned while Slack's limit of reads is used up: nothing is wrong with the group.
var errReadLimit = errors.New("no more user groups can be read within a minute")

func groupPauseAfter(err error) time.Duration {
	if limited, ok := errors.AsType[*webapi.RateLimitedError](err); ok {
		return limited.After
	}
	if errors.Is(err, errReadLimit) {
		return 0
	}
	return groupPause
}

// groupsOf returns the user groups that somebody is in, of those that the policy mentions. One that
// cannot be read is among them as [permissions.UnknownMembership]: an unknown membership grants nothing, and lifts
// no deny. Somebody external is in none.
func (w *workspace) groupsOf(ctx context.Context, user string, external bool) []string {
	if external || user == "" {
		return nil
	}
	mentioned := MentionedGroups(w.Runner.Policy().Book)
	if len(mentioned) > 0 && w.api.HasScope(ScopeGroups) {
		w.readGroups(ctx, mentioned)
	}
	return w.groups.of(user, mentioned)
}

// of returns the groups whose list has the user in it, and as unsure those whose list is too old.
func (c *groupCache) of(user string, ids []string) (in []string) {
	for _, id := range ids {
		switch members, ok := c.lists.Peek(id); {
		case !ok:
			in = append(in, permissions.UnknownMembership(id))
		case slices.Contains(members, user):
			in = append(in, id)
		}
	}
	return in
}

// MentionedGroups are the ids of Slack's user groups that a policy mentions.
func MentionedGroups(book *permissions.Rulebook) []string {
	if book == nil {
		return nil
	}
	var ids []string
	for _, g := range book.Groups {
		ids = append(ids, g.SlackGroups...)
	}
	for _, rule := range book.Rules {
		for _, p := range rule.Principals() {
			if id, ok := strings.CutPrefix(string(p), "slack-group:"); ok {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// readGroups reads the lists that are due, at once, and waits for them as long as a person can.
func (w *workspace) readGroups(ctx context.Context, ids []string) {
	ctx, cancel := context.WithTimeout(ctx, waitForGroups)
	defer cancel()
	var reading sync.WaitGroup
	for _, id := range w.groups.due(ids) {
		reading.Go(func() {
			_, _ = w.groups.lists.Get(ctx, id, func(ctx context.Context) ([]string, error) { return w.readGroup(ctx, id) })
		})
	}
	reading.Wait()
}

// readGroup reads the members of a group. An error was logged.
func (w *workspace) readGroup(ctx context.Context, id string) (members []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readGroupFor)
	defer cancel()
	if !w.groups.reserveRead() {
		return nil, errReadLimit
	}
	err = background.Safely(ctx, func(ctx context.Context) (err error) {
		members, err = w.api.GroupMembers(ctx, id)
		return err
	})
	if err != nil {
		w.Log.Warn("Slack: reading who is in a user group", "group", id, "error", err)
	}
	return members, err
}

// due returns the groups to be read now, the oldest list first: if there are more than may be read,
// each has its turn.
func (c *groupCache) due(ids []string) []string {
	at := map[string]time.Time{}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) (notDue bool) {
		var isDue bool
		at[id], isDue = c.lists.ReadAt(id)
		return !isDue
	})
	slices.SortStableFunc(ids, func(a, b string) int { return at[a].Compare(at[b]) })
	return ids[:min(len(ids), groupReads)]
}

// reserveRead counts a read, unless Slack's limit is used up.
func (c *groupCache) reserveRead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.lists.Now()
	c.reads = slices.DeleteFunc(c.reads, func(at time.Time) bool { return at.After(now) || now.Sub(at) >= time.Minute })
	if len(c.reads) >= groupReads {
		return false
	}
	c.reads = append(c.reads, now)
	return true
}
