package runner_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestAnswerMatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operation, input string
		wait             bool
		refused          string
	}{
		"as asked":          {"servers.reboot", `{"server":"web-server-01"}`, false, ""},
		"and wait":          {"servers.reboot", `{"wait":true,"server":"web-server-01"}`, true, ""},
		"by id":             {"servers.reboot", `{"server":12345}`, false, ""},
		"by hostname":       {"servers.reboot", `{"server":"web01.example.com"}`, false, ""},
		"another server":    {"servers.reboot", `{"server":"12346"}`, false, "another call"},
		"no server":         {"servers.reboot", `{"server":"nothing-like-it"}`, false, "no server is called"},
		"another operation": {"servers.delete", `{"server":"web-server-01"}`, false, "another call"},
		"a dry run":         {"servers.reboot", `{"server":"web-server-01","dry_run":true}`, false, "dry run"},
		"bad input":         {"servers.reboot", `{"server":[]}`, false, "must be a string"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
			_, wait, err := w.runner.AnswerMatches(t.Context(), call(c.operation, c.input), asked.Record.ID)
			require.Equal(t, c.wait, wait)
			if c.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.refused)
			}
			require.Empty(t, w.sent())
		})
	}
}

func TestAnswerMatchesForTheAskerOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	mallory := call("servers.reboot", `{"server":"web-server-01"}`)
	mallory.Actor = permissions.Local("mallory")
	_, _, err := w.runner.AnswerMatches(t.Context(), mallory, asked.Record.ID)
	require.ErrorContains(t, err, "who asked")
	require.Equal(t, runner.Refused, w.runner.Standing(t.Context(), mallory, asked.Record.ID).Outcome)
	_, _, err = w.runner.AnswerMatches(t.Context(), call("servers.reboot", `{}`), "no-such-record")
	require.ErrorContains(t, err, "no approval")
}

func TestStanding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reboot := call("servers.reboot", `{"server":"web-server-01"}`)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	require.Equal(t, runner.ApprovalRequired, w.runner.Standing(t.Context(), reboot, asked.Record.ID).Outcome)
	w.clock.Advance(5*time.Minute + time.Second)
	require.Equal(t, runner.Expired, w.runner.Standing(t.Context(), reboot, asked.Record.ID).Outcome)

	again := w.run("servers.reboot", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Done, w.answer("servers.reboot", again.Record.ID, "").Outcome)
	require.Equal(t, runner.Done, w.runner.Standing(t.Context(), reboot, again.Record.ID).Outcome)
}
