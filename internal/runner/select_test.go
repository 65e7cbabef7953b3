package runner_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func every(permissions.TargetServer) bool { return true }

func TestSelect(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60, Servers: 25})
	whole := w.run("servers.list", `{"limit":500}`)
	all, _ := whole.Table()
	require.Len(t, all.Rows, 25)
	table, ok := whole.Select(every, 10, 20).Table()
	require.True(t, ok)
	require.Equal(t, all.Rows[20:], table.Rows)
	require.Equal(t, "21 to 25 of 25 servers.", table.Note)

	wanted := all.Rows[12]
	page := whole.Select(func(s permissions.TargetServer) bool { return s.ID == wanted[0] && s.Name == wanted[1] }, 10, 0)
	table, _ = page.Table()
	require.Equal(t, [][]string{wanted}, table.Rows)
	require.EqualValues(t, 1, decoded(t, page.JSON())["count"])
	before, _ := whole.Table()
	require.Len(t, before.Rows, 25, "the reply stays as it was")
}

func TestSelectOfNoListOfServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, reply := range []runner.Reply{w.run("plans.list", `{}`), w.run("account.get", `{}`), {}, {Class: runner.Failed, Message: "no"}} {
		require.Equal(t, reply, reply.Select(every, 1, 0))
	}
}

func TestMomentShowsItsDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)
	require.Equal(t, "2026-03-01 23:59:00 UTC", runner.At(now.In(time.FixedZone("east", 9*3600))))
	require.Equal(t, "2026-03-01 23:58:00 UTC", runner.Since(now.Add(-time.Minute), now))
	require.Equal(t, "2026-03-01 23:59:00 UTC", runner.Since(now.Add(time.Hour), now), "what has happened cannot be to come")
}

func TestExpiryNotice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		left time.Duration
		says string
	}{
		{8 * 24 * time.Hour, ""},
		{6*24*time.Hour + time.Hour, "expires in 7 days: make a new one at https://admin.vps.org/account/developers/"},
		{time.Hour, "expires in less than a day"},
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
