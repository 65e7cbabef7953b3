package slackbot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/permissions"
)

// An approvals channel that takes no messages is reported to the requester and to the log, whatever Slack's
// error code; the requester's own messages arrive.
func TestUnusableApprovalsChannel(t *testing.T) {
	t.Parallel()
	for _, word := range []string{
		"channel_not_found", "not_in_channel", "is_archived", "restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "missing_scope", "no_permission", "posting_to_general_channel_denied", "a_word_of_tomorrow",
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.Fail("chat.postMessage", fakeslack.Fault{Error: word, Channel: approvals})
			w.slack.As(lea).In(ops).Type("/vps stop db-server-01")
			told := w.direct(lea, "Nobody was asked")
			require.Contains(t, told.Text(), word)
			require.Contains(t, told.Text(), "<#"+approvals+">")
			require.Contains(t, told.Text(), "/vps approvals")
			w.direct(lea, "Please confirm")
			w.slack.As(max).In(ops).Type("/vps approvals")
			w.slack.As(max).In(ops).Press(w.ephemeral(max, "Stop a server"), "approve")
			w.eventually("max agreed", func() bool { return w.records()[0].Approver == "max" })
			logged := slices.DeleteFunc(strings.Split(w.log.String(), "\n"), func(l string) bool { return !strings.Contains(l, "level=ERROR") })
			require.NotEmpty(t, logged)
			for _, line := range logged { // one for each try: a record that changes is tried again
				require.Contains(t, line, word)
			}
		})
	}
}

// If the policy names no channel, the requester is told that nobody was asked.
func TestNoApprovalsChannel(t *testing.T) {
	w := newParallelWorld(t)
	w.setPolicy(func(p *permissions.Policy) { p.Book.Slack = permissions.SlackChannels{} })
	w.slack.As(lea).In(ops).Type("/vps stop db-server-01")
	w.ephemeral(lea, "Nobody else was asked")
	w.ephemeral(lea, "Please confirm")
}

// A shared change whose channel takes no messages continues in a direct message.
func TestUnusableChannelOfSharedChange(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"restricted_action_read_only_channel", "missing_scope", "a_word_of_tomorrow"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.Fail("chat.postMessage", fakeslack.Fault{Error: word, Channel: ops})
			w.slack.As(lea).In(ops).Type(change + " --share")
			w.direct(lea, "Done")
			require.Contains(t, w.log.String(), word)
		})
	}
}

// A revoked token is one error in the log, and the process is not ready until Slack accepts it again.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"token_revoked", "account_inactive", "invalid_auth", "token_expired", "not_authed"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.Fail("*", fakeslack.Fault{Error: word})
			w.slack.Fail("response_url", fakeslack.Fault{Hang: 1})
			p := w.slack.As(lea).In(ops)
			p.Type("/vps servers create")
			m := w.ephemeral(lea, "("+word+")")
			require.NotContains(t, m.Text(), "in time")
			p.Type("/vps stop web-server-01")
			w.ephemeral(lea, "Please confirm")
			w.eventually("it is not ready", func() bool { return !w.bot.Ready() && strings.Contains(w.bot.Unready(), "token") })
			require.Equal(t, 1, strings.Count(w.log.String(), "level=ERROR"), w.log.String())
			w.slack.Heal()
			w.direct(lea, "Please confirm")
			w.eventually("it is ready again", func() bool {
				return w.bot.Ready() && strings.Contains(w.log.String(), "takes the bot's token again")
			})
		})
	}
}

// If Slack rejects the blocks, every kind of message arrives as text.
func TestRejectedBlocksBecomeText(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"invalid_blocks", "msg_blocks_too_long", "invalid_blocks_format"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.NoBlocks(word)
			p := w.slack.As(lea).In(ops)
			p.Type("/vps servers list")
			list := w.ephemeral(lea, "db-server-01")
			require.Empty(t, list.Now().Blocks)
			p.Type("/vps stop db-server-01")
			require.Contains(t, w.direct(lea, "Please confirm").Text(), "/vps approvals")
			require.Empty(t, w.posted(approvals, "Approval needed").Now().Blocks)
			p.Type(change)
			w.direct(lea, "Done")
			p.Type("/vps servers create")
			w.eventually("a form with its inputs", func() bool { v := w.slack.Modal(lea); return v != nil && v.Meta() != "" })
			w.slack.As(lea).OpenHome()
			w.eventually("a Home tab", func() bool { v := w.slack.Home(lea); return v != nil && strings.Contains(v.Text(), "web-") })
			require.Contains(t, w.log.String(), word)
		})
	}
}
