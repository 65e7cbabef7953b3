package slackbot_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/permissions"
)

func (w *world) rows(f audit.Filter) (all []audit.Row) {
	w.Helper()
	for row, err := range w.store.Rows(w.Context(), f) {
		require.NoError(w, err)
		all = append(all, row)
	}
	return all
}

// typeCommand types a command and returns the ephemeral answer.
func (w *world) typeCommand(user, command string) *fakeslack.Message {
	w.Helper()
	before := len(w.slack.Ephemerals(user))
	w.slack.As(user).In(ops).Type(command)
	w.eventually("an answer to "+command, func() bool { return len(w.slack.Ephemerals(user)) > before })
	return w.slack.Ephemerals(user)[before]
}

func TestHelpFollowsPolicy(t *testing.T) {
	w := newParallelWorld(t)
	says := w.typeCommand(eve, "/vps").Text()
	require.Contains(t, says, "/vps servers list")
	require.NotContains(t, says, "/vps servers delete")
	require.Contains(t, says, "more are refused here")
	require.Contains(t, w.typeCommand(lea, "/vps help").Text(), "/vps servers delete")
	says = w.typeCommand(lea, "/vps help backups").Text()
	require.Contains(t, says, "/vps backups create")
	require.NotContains(t, says, "/vps servers list")
	require.Contains(t, w.typeCommand(eve, "/vps servers delete --help").Text(), "Refused here: no rule of the policy allows it")
	require.Contains(t, w.typeCommand(eve, "/vps help freeze").Text(), "stops every change")
}

func TestWhy(t *testing.T) {
	w := newParallelWorld(t)
	require.Contains(t, w.typeCommand(eve, "/vps why servers delete web-server-01").Text(), "servers delete` is refused: no rule of the policy allows it")
	require.Contains(t, w.typeCommand(lea, "/vps why delete web-server-01").Text(), "It needs the name typed")
	require.Empty(t, w.sent())
	require.Empty(t, w.records())
}

func TestApprovalsList(t *testing.T) {
	w := newParallelWorld(t)
	card := w.typeCommand(lea, "/vps stop db-server-01")
	require.Contains(t, card.Text(), "Stops")
	m := w.typeCommand(max, "/vps approvals")
	require.Contains(t, m.Text(), "1 request waits for you")
	require.Contains(t, m.Buttons(), "Approve")
	m = w.typeCommand(lea, "/vps approvals")
	require.Contains(t, m.Text(), "1 request of yours is open")
	require.Contains(t, m.Buttons(), "Confirm")
	for _, user := range []string{eve, stranger} {
		require.Contains(t, w.typeCommand(user, "/vps approvals").Text(), "Nothing waits for you")
	}

	w.slack.As(lea).In(ops).Press(card, "confirm")
	w.eventually("lea has agreed", func() bool {
		given, err := w.store.Consents(t.Context(), w.records()[0].ID)
		return err == nil && len(given) == 1
	})
	m = w.typeCommand(lea, "/vps approvals")
	require.Contains(t, m.Text(), "1 request of yours is open")
	require.NotContains(t, m.Buttons(), "Confirm", "lea has confirmed already")
	require.Contains(t, m.Buttons(), "Cancel")
}

func TestAuditList(t *testing.T) {
	w := newParallelWorld(t)
	require.Contains(t, w.typeCommand(eve, "/vps reboot web-server-01").Text(), "is refused")
	require.NoError(t, w.store.Note(t.Context(), audit.Row{
		At: w.now(), Actor: "key:lea-laptop", Surface: "mcp", Operation: "servers.stop", Decision: "refused",
	}))
	m := w.typeCommand(max, "/vps audit")
	require.Contains(t, m.Text(), "Audit log, newest first")
	require.Contains(t, m.Text(), "/vps servers reboot")
	require.Contains(t, m.Text(), "/vps servers stop")

	m = w.typeCommand(max, "/vps audit STOP refused")
	require.Contains(t, m.Text(), "/vps servers stop")
	require.NotContains(t, m.Text(), "/vps servers reboot", "the words narrow it down")

	m = w.typeCommand(eve, "/vps audit")
	require.Contains(t, m.Text(), "Audit log, newest first")
	require.Contains(t, m.Text(), "/vps servers reboot")
	require.NotContains(t, m.Text(), "/vps servers stop")

	w.setPolicy(func(p *permissions.Policy) { p.ReadOnly = true })
	m = w.typeCommand(lea, "/vps audit")
	require.Contains(t, m.Text(), "Audit log, newest first")
	require.Contains(t, m.Text(), "/vps servers stop", "the same person by another identity")
	require.NotContains(t, m.Text(), "/vps servers reboot")

	require.Contains(t, w.typeCommand(stranger, "/vps audit").Text(), "for people of this workspace")
}

func TestFreezeNeedsDestructiveRight(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		require.Contains(t, w.typeCommand(eve, "/vps freeze because").Text(), "freeze is refused: it is for those who may run something destructive here")
		refused := w.rows(audit.Filter{Operation: "freeze"})
		require.Len(t, refused, 1)
		require.Equal(t, audit.Refused, refused[0].Decision)
		require.Equal(t, "slack:"+eve, refused[0].Actor)

		require.Contains(t, w.typeCommand(lea, "/vps freeze the database is being moved").Text(), "All changes are frozen")
		require.Contains(t, w.typeCommand(max, "/vps servers start web-server-01").Text(), "the database is being moved")
		require.Contains(t, w.typeCommand(stranger, "/vps unfreeze").Text(), "unfreeze is refused")
		w.setPolicy(func(p *permissions.Policy) {
			p.Book.Rules = append(p.Book.Rules, permissions.Rule{
				Name: "lea stops, others go on", Effect: permissions.Deny, Who: []permissions.Principal{"lea"}, Operations: []permissions.Glob{"freeze.lift"},
			})
		})
		require.Contains(t, w.typeCommand(lea, "/vps unfreeze").Text(), "unfreeze is refused")
		refused = w.rows(audit.Filter{Operation: "unfreeze"})
		require.Contains(t, refused[len(refused)-1].Reason, `"lea stops, others go on" forbids it`)
		require.Contains(t, w.typeCommand(max, "/vps unfreeze").Text(), "is lifted")
		require.Contains(t, w.typeCommand(max, "/vps unfreeze").Text(), "Nothing was frozen")
		require.Empty(t, w.sent())
	})
}

func TestFreezeWhileTokenUnreadable(t *testing.T) {
	w := newWorld(t)
	w.delayAPI(http.MethodGet, 5*time.Second)
	w.advanceClock(2 * time.Minute)                                                         // what is remembered of the token is too old
	require.Contains(t, w.typeCommand(lea, "/vps freeze").Text(), "All changes are frozen") // it must be possible just then: the policy decides
	require.Contains(t, w.typeCommand(lea, "/vps help").Text(), "cannot be read at the moment")
}
