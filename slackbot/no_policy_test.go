package slackbot_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

// Without a policy file nobody in Slack can answer or see a record of an assistant or a terminal: not by
// a button or a modal from the time of a policy, not in a list, not in the Home tab.
func TestFigure18WithoutAPolicyNobodyInSlackAnswers(t *testing.T) {
	s := testkit.Seed(t)
	w := newWorld(t)
	m := &members{world: w, windows: map[string]string{}}
	m.ask()
	m.openWindows()
	since := w.now()
	w.setPolicy(func(p *permissions.Policy) { p.Book = nil })

	n := testkit.Size(200, 1000)
	random := rand.New(rand.NewPCG(s, s))
	for i := range n {
		m.do(random, i)
	}
	for _, user := range everybody {
		w.slack.As(user).In(ops).Type("/vps approvals")
		w.slack.As(user).In(ops).Type("/vps audit")
		w.slack.As(user).OpenHome()
	}
	w.idle()
	w.eventually("the last has been answered", func() bool { return m.answeredLists(since) })
	require.Zero(t, m.answered())
	require.Empty(t, m.shown(since))
	require.Empty(t, w.sent())
	testkit.Figure(t, 18, "without a policy: %d presses and typed names by all %d members of the workspace and a stranger on %d open records of assistants and terminals, and their lists and Home tabs: 0 answered, 0 shown (seed %d)",
		n, len(everybody)-1, len(m.records), s)
}

var everybody = []string{lea, max, eve, stranger}

// members are the people of a workspace, and what they have left of a time with a policy.
type members struct {
	*world
	records []approval.Record
	windows map[string]string // what Slack keeps of the window in which a record's name is typed
}

// ask lets assistants and terminals ask for all kinds of changes.
func (m *members) ask() {
	m.setPolicy(func(p *permissions.Policy) {
		p.Book.Protected = nil
		p.Book.People = append(p.Book.People, permissions.Person{ID: "ann", Identities: []permissions.Actor{"local:ann-desk"}})
		p.Book.Rules[1].Who, p.Book.Rules[2].Who = []permissions.Principal{"*"}, []permissions.Principal{"*"}
	})
	for _, from := range []runner.Call{
		{Actor: "key:ci-robot", Surface: permissions.MCP},
		{Actor: "key:lea-laptop", Surface: permissions.MCP, CanPrompt: true},
		{Actor: "local:ann-desk", Surface: permissions.Terminal, Interactive: true},
	} {
		for _, operation := range []string{"servers.delete", "servers.stop", "servers.reboot"} {
			from.Operation, from.Input = operation, []byte(`{"server":"web-server-01"}`)
			reply := m.runner.Run(m.Context(), from)
			require.Equal(m, runner.ApprovalRequired, reply.Outcome, reply.Message)
			m.records = append(m.records, *reply.Record)
		}
	}
}

// openWindows opens, while the policy lets them, the windows in which names are typed.
func (m *members) openWindows() {
	for _, rec := range m.records {
		if rec.Confirm == "" {
			continue
		}
		user, where := max, approvals
		if rec.Actor == "key:lea-laptop" {
			user, where = lea, "D"+lea
		}
		var on *fakeslack.Message
		var button fakeslack.Button
		m.eventually("a button for it", func() bool {
			on, button = m.button(where, rec.ID)
			return on != nil
		})
		p := m.slack.As(user).In(where)
		p.PressButton(on, button)
		window := m.modal(user, "web-server-01")
		m.windows[rec.ID] = window.Meta()
		p.CloseView(window)
	}
}

// button finds the button that says yes to a record, and the message that it is on.
func (m *members) button(where, id string) (*fakeslack.Message, fakeslack.Button) {
	for _, on := range m.slack.Messages(where) {
		for _, b := range on.Now().Buttons() {
			if b.Value == id && (b.ActionID == blocks.ActApprove || b.ActionID == blocks.ActConfirm) {
				return on, b
			}
		}
	}
	return nil, fakeslack.Button{}
}

// do presses a button, or types a name, for somebody.
func (m *members) do(random *rand.Rand, i int) {
	rec, user := m.records[random.IntN(len(m.records))], everybody[random.IntN(len(everybody))]
	if window := m.windows[rec.ID]; window != "" && random.IntN(2) == 0 {
		does := []string{blocks.CallbackName, blocks.CallbackDeny}[random.IntN(2)]
		m.typeInto(user, does, window, rec.Confirm)
		return
	}
	m.press(user, []string{blocks.ActConfirm, blocks.ActApprove, blocks.ActCancel, blocks.ActDeny}[i%4], rec.ID)
}

func (m *members) press(user, action, id string) {
	m.deliver(user, map[string]any{
		"type": "block_actions", "actions": []any{map[string]any{"action_id": action, "value": id}},
	})
}

func (m *members) typeInto(user, callback, metadata, text string) {
	entered := func(block string) map[string]any { return map[string]any{block: map[string]any{"value": text}} }
	m.deliver(user, map[string]any{"type": "view_submission", "view": map[string]any{
		"type": "modal", "callback_id": callback, "private_metadata": metadata,
		"state": map[string]any{"values": map[string]any{"name": entered("name"), "reason": entered("reason")}},
	}})
}

// deliver sends a signed interaction, as Slack would.
func (m *members) deliver(user string, payload map[string]any) {
	team := "T0TEAM"
	if user == stranger {
		team = "T9OTHER"
	}
	payload["team"], payload["user"] = map[string]any{"id": "T0TEAM"}, map[string]any{"id": user, "team_id": team}
	payload["channel"], payload["trigger_id"] = map[string]any{"id": approvals}, fmt.Sprint("t", time.Now().UnixNano())
	raw, err := json.Marshal(payload)
	require.NoError(m, err)
	a := m.slack.Send(m.slack.Signed("/slack/interactivity", []byte(url.Values{"payload": {string(raw)}}.Encode()), m.now()))
	require.True(m, a.OK(), a)
}

// answered counts the records that do not wait as they did, or have any consent.
func (m *members) answered() (n int) {
	for _, rec := range m.records {
		now, err := m.store.Record(m.Context(), rec.ID)
		require.NoError(m, err)
		given, err := m.store.Consents(m.Context(), rec.ID)
		require.NoError(m, err)
		if now.State != approval.Pending || len(given) > 0 {
			n++
		}
	}
	return n
}

// versions are all texts shown to anybody since a time.
func (m *members) versions(since time.Time) (all []fakeslack.Version) {
	histories := [][]fakeslack.Version{}
	for _, channel := range []string{ops, approvals} {
		for _, message := range m.slack.Messages(channel) {
			histories = append(histories, message.History())
		}
	}
	for _, user := range everybody {
		for _, message := range append(m.slack.Ephemerals(user), m.slack.DMs(user)...) {
			histories = append(histories, message.History())
		}
		for _, view := range []*fakeslack.View{m.slack.Modal(user), m.slack.Home(user)} {
			if view != nil {
				histories = append(histories, view.History())
			}
		}
	}
	for _, history := range histories {
		for _, v := range history {
			if v.At.After(since) {
				all = append(all, v)
			}
		}
	}
	return all
}

// answeredLists reports whether everybody was told what waits for them: nothing.
func (m *members) answeredLists(since time.Time) bool {
	told := 0
	for _, v := range m.versions(since) {
		if strings.Contains(v.Text(), "Nothing waits for you.") {
			told++
		}
	}
	return told >= len(everybody)
}

// shown are the texts since a time that disclose a record.
func (m *members) shown(since time.Time) (texts []string) {
	for _, v := range m.versions(since) {
		raw, err := json.Marshal(v.Blocks)
		require.NoError(m, err)
		for _, rec := range m.records {
			card, err := runner.CardOf(rec)
			require.NoError(m, err)
			for _, mark := range []string{rec.ID, card.Effect, "ci-robot", "ann-desk", "lea-laptop"} {
				if strings.Contains(v.Text(), mark) || strings.Contains(string(raw), mark) {
					texts = append(texts, mark+" in: "+v.Text())
				}
			}
		}
	}
	return texts
}
