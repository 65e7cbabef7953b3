package slackbot_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
)

const elsewhere = "T0HOME002" // a person's own workspace on Enterprise Grid, as Slack names it in a press

// A person of the policy is not external when they press, whatever workspace Slack names.
func TestEnterpriseGridPolicyPerson(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps stop db-server-01")
	p.Of(elsewhere).Press(w.ephemeral(lea, "Stops"), "confirm")
	asked := w.posted(approvals, "Approval needed")
	w.slack.As(max).In(approvals).Of(elsewhere).Press(asked, "approve")
	w.eventually("it ran", func() bool { return len(w.sent()) == 1 })
}

// A user who has typed a command in the workspace is not external when they press, also after a restart. A
// person of Slack Connect is.
func TestEnterpriseGridTypedCommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user, team string
		typed      bool
		says       string
	}{
		"has typed":       {eve, elsewhere, true, "as a file"},
		"has typed never": {eve, elsewhere, false, "no rule of the policy"},
		"a stranger":      {stranger, "T9OTHER", true, "no rule of the policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.typed {
				w.slack.As(c.user).In(ops).Type("/vps help")
				w.ephemeral(c.user, "vpsbot runs")
			}
			w.stop()
			w.start()
			w.slack.As(lea).In(ops).Type("/vps servers list --share")
			w.slack.As(c.user).In(ops).Of(c.team).Press(w.posted(ops, "web-server-01"), "csv")
			w.message("to "+c.user, c.says, func() []*fakeslack.Message {
				return slices.Concat(w.slack.Ephemerals(c.user), w.slack.DMs(c.user), w.slack.Messages(ops))
			})
			require.Equal(t, c.says == "as a file", len(w.slack.Files()) == 1)
		})
	}
}

// A user who has typed in one workspace is external in another whose bot has the same store.
func TestTypedCommandCountsInOneWorkspace(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(eve).In(ops).Type("/vps help")
	w.ephemeral(eve, "vpsbot runs")

	other := newEmptyWorld(t, w.url, fakeslack.Options{Team: "T0OTHER"})
	other.slack.AddUser(fakeslack.User{ID: lea, Name: "lea"})
	other.slack.AddUser(fakeslack.User{ID: eve, Name: "eve", Team: "T0TEAM"})
	other.slack.AddChannel(ops, lea, eve)
	other.start()
	other.slack.As(lea).In(ops).Type("/vps servers list --share")
	other.slack.As(eve).In(ops).Press(other.posted(ops, "web-server-01"), "csv")
	other.message("to "+eve, "no rule of the policy", func() []*fakeslack.Message {
		return slices.Concat(other.slack.Ephemerals(eve), other.slack.DMs(eve), other.slack.Messages(ops))
	})
	require.Empty(t, other.slack.Files())
}
