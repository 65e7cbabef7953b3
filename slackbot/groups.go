package slackbot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	groupFresh  = time.Minute
	groupGrace  = 5 * time.Minute  // the age below which a list is used although a newer one cannot be read
	groupRetry  = 10 * time.Second // after a read that failed
	groupReads  = 20               // a minute: Slack's own limit
	groupReadin = 10 * time.Second // one read
	groupWait   = 1500 * time.Millisecond
)

// groupCache holds the known users of the workspace, and the members of the user groups in the
// policy.
type groupCache struct {
	mu    sync.Mutex
	met   map[string]bool // users that are known to be of the workspace
	reads []time.Time     // the requests of the last minute
	lists ttl.Cache[[]string]
}

func newGroupCache(now func() time.Time) groupCache {
	return groupCache{lists: ttl.Cache[[]string]{Fresh: groupFresh, Grace: groupGrace, Pause: groupPause, Now: now}}
}

// groupPause is the pause after a read that failed: the one that Slack asks for, or ten seconds. A read
// that was not allowed by our own limit may be tried at once.
func groupPause(err error) time.Duration {
	if errors.Is(err, errGroupReads) {
		return 0
	}
	if limited, ok := errors.AsType[*limitedError](err); ok {
		return limited.after
	}
	return groupRetry
}

// groupsOf returns the user groups that the visitor is in, of those that the policy mentions. One that
// cannot be read is among them as [permissions.Unsure]: what is not known gives no right, and lifts no deny.
func (b *Bot) groupsOf(ctx context.Context, v *visit) []string {
	if v.external || v.user == "" {
		return nil
	}
	if v.trigger != "" { // not of an event, which names the workspace that it happened in
		b.groups.meet(v.user)
	}
	mentioned := mentionedGroups(b.Runner.Policy().Book)
	if len(mentioned) > 0 && b.team.may(ScopeGroups) {
		b.readGroups(ctx, mentioned)
	}
	return b.groups.of(v.user, mentioned)
}

// GroupsOf returns the user groups that a user of Slack is in now, of those that the policy
// mentions. It is for the Runner, to look again at who has agreed.
func (b *Bot) GroupsOf(ctx context.Context, who permissions.Actor) []string {
	user, isSlack := strings.CutPrefix(string(who), string(permissions.SlackUser("")))
	if !isSlack {
		return nil
	}
	return b.groupsOf(ctx, &visit{user: user})
}

// mentionedGroups are the ids of the user groups that a policy gives anything to.
func mentionedGroups(book *permissions.Rulebook) []string {
	if book == nil {
		return nil
	}
	var ids []string
	for _, g := range book.Groups {
		ids = append(ids, g.SlackGroups...)
	}
	for _, r := range book.Rules {
		parties := r.Who
		if r.Approvers != nil {
			parties = slices.Concat(parties, r.Approvers.Who)
		}
		for _, p := range parties {
			if id, ok := strings.CutPrefix(string(p), "slack-group:"); ok {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// readGroups reads the lists that are due, concurrently, and waits at most groupWait for them.
func (b *Bot) readGroups(ctx context.Context, ids []string) {
	ctx, cancel := context.WithTimeout(ctx, groupWait)
	defer cancel()
	var reads sync.WaitGroup
	for _, id := range b.groups.due(ids) {
		reads.Go(func() {
			_, _ = b.groups.lists.Get(ctx, id, func(ctx context.Context) (members []string, err error) {
				err = b.guarded(ctx, func(ctx context.Context) error {
					members, err = b.readGroup(ctx, id)
					return err
				})
				return members, err
			})
		})
	}
	reads.Wait()
}

var errGroupReads = errors.New("too many reads of user groups within a minute")

func (b *Bot) readGroup(ctx context.Context, id string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, groupReadin)
	defer cancel()
	if !b.groups.reserveRead(b.Now()) {
		return nil, errGroupReads
	}
	members, err := b.slack.GetUserGroupMembersContext(ctx, id)
	if err != nil {
		b.Log.Warn("Slack: reading who is in a user group", "group", id, "error", err)
		return nil, known(err)
	}
	return members, nil
}

const mostMet = 10_000

func (c *groupCache) meet(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.met == nil || len(c.met) >= mostMet {
		c.met = map[string]bool{}
	}
	c.met[user] = true
}

// hasMet reports whether somebody is known to be of the workspace.
func (c *groupCache) hasMet(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.met[user]
}

// of returns the groups that the user is a member of, and as [permissions.Unsure] those without a list
// that is younger than groupGrace.
func (c *groupCache) of(user string, ids []string) []string {
	var in []string
	for _, id := range ids {
		switch members, known := c.lists.Peek(id); {
		case !known:
			in = append(in, permissions.Unsure(id))
		case slices.Contains(members, user):
			in = append(in, id)
		}
	}
	return in
}

// due returns the groups to read now, the oldest list first, so that each is read in turn if there are more
// than groupReads.
func (c *groupCache) due(ids []string) []string {
	readAt := map[string]time.Time{}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		at, isDue := c.lists.ReadAt(id)
		readAt[id] = at
		return !isDue
	})
	slices.SortStableFunc(ids, func(a, b string) int { return readAt[a].Compare(readAt[b]) })
	return ids[:min(len(ids), groupReads)]
}

// reserveRead reports whether another list may be read now, and counts it.
func (c *groupCache) reserveRead(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads = slices.DeleteFunc(c.reads, func(at time.Time) bool { return at.After(now) || now.Sub(at) >= time.Minute })
	if len(c.reads) >= groupReads {
		return false
	}
	c.reads = append(c.reads, now)
	return true
}
