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

// typeWhy types /vps why, and requires a text in the answer.
func (w *world) typeWhy(user, says string) {
	w.Helper()
	require.Contains(w, w.typeCommand(user, "/vps why servers start web-server-01").Text(), says)
}

func TestUserGroupRights(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		w.onCall()
		w.typeWhy(eve, "servers start` is allowed")
		w.typeWhy(stranger, "the account has no servers") // none that a stranger may know of
		w.slack.AddUserGroup("S0CALL", max)
		w.typeWhy(eve, "servers start` is allowed") // for a minute
		w.advanceClock(61 * time.Second)
		w.typeWhy(eve, "servers start` is refused")
	})
}

func TestUnreadableUserGroupGrantsNothing(t *testing.T) {
	w := newParallelWorld(t)
	w.onCall()
	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Error: "internal_error"})
	w.typeWhy(eve, "servers start` is refused")
	w.slack.Heal()
	w.typeWhy(eve, "servers start` is refused") // not asked again at once
	w.advanceClock(11 * time.Second)
	w.typeWhy(eve, "servers start` is allowed")

	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Error: "internal_error"})
	w.advanceClock(4 * time.Minute)
	w.typeWhy(eve, "servers start` is allowed") // as it was four minutes ago
	w.advanceClock(time.Minute)
	w.typeWhy(eve, "servers start` is refused")
}

func TestSlowUserGroup(t *testing.T) {
	w := newWorld(t)
	w.onCall()
	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Hang: 20 * time.Second})
	began := time.Now()
	w.typeWhy(eve, "servers start` is refused")
	require.Less(t, time.Since(began), 3*time.Second)
}

func TestUserGroupsWithoutScope(t *testing.T) {
	w := newWorldOfTwoScopes(t, eve)
	w.onCall()
	w.typeWhy(eve, "servers start` is refused")
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
	w.typeWhy(eve, "servers start` is refused")
	w.typeWhy(max, "servers start` is allowed")
	w.slack.Fail("usergroups.users.list", fakeslack.Fault{Error: "internal_error"})
	w.advanceClock(6 * time.Minute)
	w.typeWhy(eve, "servers start` is refused")
	require.Contains(t, w.typeCommand(eve, "/vps servers start web-server-01").Text(), "but newcomers")
	w.typeWhy(max, "servers start` is refused")
	w.slack.Heal()
	w.advanceClock(11 * time.Second)
	w.typeWhy(max, "servers start` is allowed")
	w.typeWhy(eve, "servers start` is refused")
}
