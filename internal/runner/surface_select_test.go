package runner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func every(permissions.TargetServer) bool { return true }

func TestSelectMakesOnePageOfSeveral(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60, Servers: 25})
	var pages []runner.Reply
	for offset := 0; offset < 25; offset += 10 {
		pages = append(pages, w.run("servers.list", fmt.Sprintf(`{"limit":10,"offset":%d}`, offset)))
	}
	all, _ := runner.Select(pages, every, 500, 0).Table()
	require.Len(t, all.Rows, 25)
	table, ok := runner.Select(pages, every, 10, 20).Table()
	require.True(t, ok)
	require.Equal(t, all.Rows[20:], table.Rows)
	require.Equal(t, "21 to 25 of 25 servers.", table.Note)

	wanted := all.Rows[12]
	page := runner.Select(pages, func(s permissions.TargetServer) bool { return s.ID == wanted[0] && s.Name == wanted[1] }, 10, 0)
	table, _ = page.Table()
	require.Equal(t, [][]string{wanted}, table.Rows)
	require.EqualValues(t, 1, decoded(t, page.JSON())["count"])
	before, _ := pages[0].Table()
	require.Len(t, before.Rows, 10, "the replies stay as they were")
}

func TestSelectGivesBackWhatIsNoListOfServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, runner.Reply{}, runner.Select(nil, every, 10, 0))
	for _, op := range []string{"plans.list", "account.get"} {
		reply := w.run(op, `{}`)
		require.Equal(t, reply, runner.Select([]runner.Reply{reply}, every, 1, 0), op)
	}
	failed := runner.Reply{Class: runner.Failed, Message: "no"}
	require.Equal(t, failed, runner.Select([]runner.Reply{w.run("servers.list", `{}`), failed}, every, 1, 0))
}

func TestExpiryNotice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		left time.Duration
		says string
	}{
		{8 * 24 * time.Hour, ""},
		{6*24*time.Hour + time.Hour, "expires in 6 days: make a new one at https://admin.vps.org/account/developers/"},
		{time.Hour, "expires in 0 days"},
	} {
		w := newWorld(t)
		tokens := simulator.DefaultTokens(w.clock.Now())
		for i := range tokens {
			tokens[i].ExpiresAt = w.clock.Now().Add(c.left)
		}
		w.sim = simulator.New(simulator.Options{Tokens: tokens, Now: w.clock.Now})
		w.runner = w.newRunner("process-2", "vps_demo")
		says := w.runner.ExpiryNotice(t.Context())
		require.Equal(t, c.says == "", says == "", says)
		require.Contains(t, says, c.says)
	}
	w := newWorld(t)
	w.answering("/account/me/", `{"account":{"email":"a@b.c"},"token":{"name":"old","permissions":["*:*"],"is_expired":true}}`)
	require.Contains(t, w.runner.ExpiryNotice(t.Context()), `The token "old" has expired`)
	w.answering("/account/me/", `{}`)
	w.clock.Advance(2 * time.Minute)
	require.Empty(t, w.runner.ExpiryNotice(t.Context()), "one that cannot be read is told of elsewhere")
}
