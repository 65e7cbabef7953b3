package runner_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

const stopWeb = `{"server":"web-server-01"}`

// byHand is the same wish of the same person at a terminal of theirs; byScript without one.
func byHand(operation, input string) runner.Call {
	c := call(operation, input)
	c.Surface, c.Interactive = permissions.Terminal, true
	return c
}

func byScript(operation, input string) runner.Call {
	c := byHand(operation, input)
	c.Interactive = false
	return c
}

// A no binds the machine that asked, for ten minutes, and never the person who said it.
func TestDenialPausesMachinesOnly(t *testing.T) {
	t.Parallel()
	deny := map[string]func(w *world, id string){
		"in its form": func(w *world, id string) {
			w.runner.Answer(w.Context(), call("servers.stop", ""), runner.Answer{Approval: id, Channel: permissions.MCP})
		},
		"at a terminal": func(w *world, id string) {
			_, err := w.decide(id, false, "not today")
			require.NoError(w, err)
		},
	}
	for how, no := range deny {
		for who, c := range map[string]struct {
			asks   func(operation, input string) runner.Call
			paused bool
		}{
			"the assistant":         {call, true},
			"a script":              {byScript, true},
			"the person themselves": {byHand, false},
		} {
			t.Run(how+", then "+who+" asks again", func(t *testing.T) {
				w := newWorld(t)
				no(w, w.run("servers.stop", stopWeb).Record.ID)
				reply := w.runner.Run(t.Context(), c.asks("servers.stop", stopWeb))
				if c.paused && reply.Outcome == runner.Declined { // it is told the end first, once
					reply = w.runner.Run(t.Context(), c.asks("servers.stop", stopWeb))
				}
				if c.paused {
					require.Equal(t, runner.Refuse, reply.Class, reply.Message)
					require.Contains(t, reply.Message, "a person said no to this very request")
					return
				}
				require.Equal(t, runner.ApprovalRequired, reply.Outcome, reply.Message)
				require.True(t, reply.Record.Interactive)
			})
		}
	}
}

// Who presses Enter at their own prompt has denied nothing: neither they nor their assistant are
// held up afterwards.
func TestEnterAtAPromptIsNoDenial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		asked := w.runner.Run(t.Context(), byHand("servers.stop", stopWeb))
		require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
		reply := w.runner.Answer(t.Context(), byHand("servers.stop", ""), runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal})
		require.Equal(t, runner.Declined, reply.Outcome, reply.Message)
		require.Equal(t, approval.Cancelled, w.onRecord(asked.Record.ID).State)
		consents, err := w.store.Consents(t.Context(), asked.Record.ID)
		require.NoError(t, err)
		require.Empty(t, consents, "nothing is remembered")
	}
	require.Equal(t, runner.ApprovalRequired, w.run("servers.stop", stopWeb).Outcome)
	require.Empty(t, w.sent())
}

// Who comes upon what their assistant has asked for, and presses Enter, leaves it as it is.
func TestEnterKeepsAnAssistantsRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	theirs := w.run("servers.stop", stopWeb)
	joined := w.runner.Run(t.Context(), byHand("servers.stop", stopWeb))
	require.Equal(t, theirs.Record.ID, joined.Record.ID)
	reply := w.runner.Answer(t.Context(), byHand("servers.stop", ""), runner.Answer{Approval: theirs.Record.ID, Channel: permissions.Terminal})
	require.Equal(t, runner.Waiting, reply.Class)
	require.Contains(t, reply.Message, "vpsbot approvals deny "+theirs.Record.ID)
	require.Equal(t, approval.Pending, w.onRecord(theirs.Record.ID).State)
}

// A machine's question that ended is the machine's to hear; a person who asks for the same is asked.
func TestPersonDoesNotGetAnAssistantsOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.elsewhere("servers.stop", stopWeb)
	_, err := w.runner.Cancel(t.Context(), alice, asked.ID)
	require.NoError(t, err)
	require.Equal(t, runner.ApprovalRequired, w.runner.Run(t.Context(), byHand("servers.stop", stopWeb)).Outcome)
}

// Questions that people put to themselves are not counted among the five.
func TestQuestionsAtATerminalAreNotLimited(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", teamSimulator)
	w.sim.Edit(addServers)
	for i := range 7 {
		wish := byHand("servers.stop", `{"server":"many-`+string(rune('0'+i))+`"}`)
		require.Equal(t, runner.ApprovalRequired, w.runner.Run(t.Context(), wish).Outcome)
	}
	require.Equal(t, runner.ApprovalRequired, w.run("servers.stop", `{"server":"many-8"}`).Outcome, "nor do they count for a machine")
}
