package slackbot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vpsbot/vpsbot/permissions"
)

const (
	groupFresh  = time.Minute
	groupOld    = 5 * time.Minute  // until then a list counts although a newer one cannot be read
	groupAgain  = 10 * time.Second // after a read that failed
	groupReads  = 20               // a minute: Slack's own limit
	groupReadin = 10 * time.Second // one read
	groupWait   = 1500 * time.Millisecond
)

// groupCache remembers who is of the workspace, and in the user groups that the policy mentions.
// Its zero value is ready to use.
type groupCache struct {
	mu     sync.Mutex
	met    map[string]bool // who was seen to be of the workspace
	lists  map[string]groupList
	read   []time.Time // when Slack was asked, within the last minute
	flight singleflight.Group
}

// groupList is who is in one group.
type groupList struct {
	members []string
	at      time.Time // when that was so; zero: never read
	next    time.Time // not to be read before
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
	return b.groups.of(v.user, mentioned, b.Now())
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

// readGroups reads the lists that are due, at once, and waits for them as long as a person can.
func (b *Bot) readGroups(ctx context.Context, ids []string) {
	ctx, cancel := context.WithTimeout(ctx, groupWait)
	defer cancel()
	var waiting []<-chan singleflight.Result
	for _, id := range b.groups.due(ids, b.Now()) {
		waiting = append(waiting, b.groups.flight.DoChan(id, func() (any, error) {
			return nil, b.guarded(context.WithoutCancel(ctx), func(ctx context.Context) error { return b.readGroup(ctx, id) })
		}))
	}
	for _, one := range waiting {
		select {
		case <-ctx.Done():
			return
		case <-one:
		}
	}
}

func (b *Bot) readGroup(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, groupReadin)
	defer cancel()
	asked := b.Now()
	if !b.groups.mayRead(id, asked) {
		return nil
	}
	members, err := b.slack.GetUserGroupMembersContext(ctx, id)
	if err != nil {
		b.Log.Warn("Slack: reading who is in a user group", "group", id, "error", err)
		b.groups.failed(id, b.Now(), known(err))
		return err
	}
	b.groups.keep(id, members, asked)
	return nil
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

// of returns the groups whose list has the user in it, and as unsure those whose list is too old.
func (c *groupCache) of(user string, ids []string, now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var in []string
	for _, id := range ids {
		switch list := c.lists[id]; {
		case age(now, list.at) >= groupOld:
			in = append(in, permissions.Unsure(id))
		case slices.Contains(list.members, user):
			in = append(in, id)
		}
	}
	return in
}

// age is how long ago something was. What was never, or is yet to come, is old.
func age(now, at time.Time) time.Duration {
	if at.IsZero() || at.After(now) {
		return 1<<63 - 1
	}
	return now.Sub(at)
}

// due returns the groups to be read now, the oldest list first: where there are more than may be
// read, each has its turn.
func (c *groupCache) due(ids []string, now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		list := c.lists[id]
		return age(now, list.at) < groupFresh || now.Before(list.next)
	})
	slices.SortStableFunc(ids, func(a, b string) int { return c.lists[a].at.Compare(c.lists[b].at) })
	return ids[:min(len(ids), groupReads)]
}

// mayRead reports whether a list may be read now, and counts it.
func (c *groupCache) mayRead(id string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = slices.DeleteFunc(c.read, func(at time.Time) bool { return age(now, at) >= time.Minute })
	list := c.lists[id]
	if len(c.read) >= groupReads || age(now, list.at) < groupFresh || now.Before(list.next) {
		return false // the last two: it was read while this one waited
	}
	c.read = append(c.read, now)
	return true
}

func (c *groupCache) keep(id string, members []string, at time.Time) {
	c.change(id, func(list *groupList) { list.members, list.at, list.next = members, at, time.Time{} })
}

// failed puts the next read off. The list stays, and grows old.
func (c *groupCache) failed(id string, now time.Time, err error) {
	wait := groupAgain
	if limited, ok := errors.AsType[*limitedError](err); ok {
		wait = limited.after
	}
	c.change(id, func(list *groupList) { list.next = now.Add(wait) })
}

func (c *groupCache) change(id string, do func(*groupList)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil {
		c.lists = map[string]groupList{}
	}
	list := c.lists[id]
	do(&list)
	c.lists[id] = list
}
