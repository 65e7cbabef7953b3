package slackbot_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/permissions"
)

// onCall lets the user group S0CALL reboot.
func (w *world) onCall() {
	w.slack.AddUserGroup("S0CALL", eve, stranger)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "on call", Effect: permissions.Allow, Who: []permissions.Principal{"slack-group:S0CALL"}, Operations: []permissions.Glob{"servers.start"},
		})
	})
}

// asksWhy types /vps why, and waits for the answer.
func (w *world) asksWhy(user, says string) {
	w.Helper()
	require.Contains(w, w.ask(user, "/vps why servers start web-server-01").Text(), says)
}

func TestUserGroupRights(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		w.onCall()
		w.asksWhy(eve, "servers start` is allowed")
		w.asksWhy(stranger, "the account has no servers") // none that a stranger may know of
		w.slack.AddUserGroup("S0CALL", max)
		w.asksWhy(eve, "servers start` is allowed") // for a minute
		w.later(61 * time.Second)
		w.asksWhy(eve, "servers start` is refused")
	})
}

func TestUnreadableUserGroupGrantsNothing(t *testing.T) {
	w := newParallelWorld(t)
	w.onCall()
	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Error: "internal_error"})
	w.asksWhy(eve, "servers start` is refused")
	w.slack.Heal()
	w.asksWhy(eve, "servers start` is refused") // not asked again at once
	w.later(11 * time.Second)
	w.asksWhy(eve, "servers start` is allowed")

	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Error: "internal_error"})
	w.later(4 * time.Minute)
	w.asksWhy(eve, "servers start` is allowed") // as it was four minutes ago
	w.later(time.Minute)
	w.asksWhy(eve, "servers start` is refused")
}

func TestSlowUserGroup(t *testing.T) {
	w := newWorld(t)
	w.onCall()
	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Hang: 20 * time.Second})
	began := time.Now()
	w.asksWhy(eve, "servers start` is refused")
	require.Less(t, time.Since(began), 3*time.Second)
}

func TestUserGroupsWithoutScope(t *testing.T) {
	t.Parallel()
	w := newSQLite(t)
	w.slack = fakeslack.New(t, fakeslack.Options{Now: w.now, Scopes: []string{"commands", "chat:write"}})
	w.slack.AddUser(fakeslack.User{ID: eve, Name: "eve"})
	w.slack.AddChannel(ops, eve)
	w.start()
	w.onCall()
	w.asksWhy(eve, "servers start` is refused")
	require.Empty(t, w.slack.Calls("usergroups.users.list"))
}

// A rule that denies a user group holds for everybody while its members are unknown.
func TestUnreadableUserGroupLiftsNoDeny(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.AddUserGroup("S0NEW", eve)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Groups = append(p.Book.Groups, permissions.Group{Name: "newcomers", SlackGroups: []string{"S0NEW"}})
		p.Book.Rules = append(p.Book.Rules,
			permissions.Rule{Name: "all start", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Operations: []permissions.Glob{"servers.start"}},
			permissions.Rule{Name: "but newcomers", Effect: permissions.Deny, Who: []permissions.Principal{"newcomers"}, Operations: []permissions.Glob{"servers.start"}})
	})
	w.asksWhy(eve, "servers start` is refused")
	w.asksWhy(max, "servers start` is allowed")
	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Error: "internal_error"})
	w.later(6 * time.Minute)
	w.asksWhy(eve, "servers start` is refused")
	require.Contains(t, w.ask(eve, "/vps servers start web-server-01").Text(), "but newcomers")
	w.asksWhy(max, "servers start` is refused")
	w.slack.Heal()
	w.later(11 * time.Second)
	w.asksWhy(max, "servers start` is allowed")
	w.asksWhy(eve, "servers start` is refused")
}
