package slackbot_test

import (
	"encoding/json"
	"math/rand/v2"
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
	m := &noPolicyTest{world: w, modalMetadata: map[string]string{}}
	m.requestApprovals()
	m.openModals()
	since := w.now()
	w.setPolicy(func(p *permissions.Policy) { p.Book = nil })

	n := testkit.Size(200, 1000)
	random := rand.New(rand.NewPCG(s, s))
	for i := range n {
		m.act(random, i)
	}
	for _, user := range everybody {
		w.slack.As(user).In(ops).Type("/vps approvals")
		w.slack.As(user).In(ops).Type("/vps audit")
		w.slack.As(user).OpenHome()
	}
	w.waitIdle()
	w.eventually("the last has been answered", func() bool { return m.listsAnswered(since) })
	require.Zero(t, m.countAnswered())
	require.Empty(t, m.disclosures(since))
	require.Empty(t, w.sent())
	testkit.Figure(t, 18, "without a policy: %d presses and typed names by all %d members of the workspace and a stranger on %d open records of assistants and terminals, and their lists and Home tabs: 0 answered, 0 shown (seed %d)",
		n, len(everybody)-1, len(m.records), s)
}

var everybody = []string{lea, max, eve, stranger}

// noPolicyTest has open records, and modals opened while the workspace still had a policy.
type noPolicyTest struct {
	*world
	records       []approval.Record
	modalMetadata map[string]string // of the modal in which a record's name is typed, by record
}

// requestApprovals requests changes from assistants and terminals.
func (m *noPolicyTest) requestApprovals() {
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

// openModals opens the modals in which names are typed, while the policy allows it.
func (m *noPolicyTest) openModals() {
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
		m.modalMetadata[rec.ID] = window.Meta()
		p.CloseView(window)
	}
}

// button finds the button that confirms or approves a record, and its message.
func (m *noPolicyTest) button(where, id string) (*fakeslack.Message, fakeslack.Button) {
	for _, on := range m.slack.Messages(where) {
		for _, b := range on.Now().Buttons() {
			if b.Value == id && (b.ActionID == blocks.ActApprove || b.ActionID == blocks.ActConfirm) {
				return on, b
			}
		}
	}
	return nil, fakeslack.Button{}
}

// act presses a button or submits a name as a random user.
func (m *noPolicyTest) act(random *rand.Rand, i int) {
	rec, user := m.records[random.IntN(len(m.records))], everybody[random.IntN(len(everybody))]
	if window := m.modalMetadata[rec.ID]; window != "" && random.IntN(2) == 0 {
		callback := []string{blocks.CallbackName, blocks.CallbackDeny}[random.IntN(2)]
		m.submitText(user, callback, window, rec.Confirm)
		return
	}
	m.press(user, []string{blocks.ActConfirm, blocks.ActApprove, blocks.ActCancel, blocks.ActDeny}[i%4], rec.ID)
}

func (m *noPolicyTest) press(user, action, id string) {
	m.deliver(user, map[string]any{
		"type": "block_actions", "actions": []any{map[string]any{"action_id": action, "value": id}},
	})
}

func (m *noPolicyTest) submitText(user, callback, metadata, text string) {
	entered := func(block string) map[string]any { return map[string]any{block: map[string]any{"value": text}} }
	m.deliver(user, map[string]any{"type": "view_submission", "view": map[string]any{
		"type": "modal", "callback_id": callback, "private_metadata": metadata,
		"state": map[string]any{"values": map[string]any{"name": entered("name"), "reason": entered("reason")}},
	}})
}

// deliver sends an interaction in the approvals channel, as Slack would.
func (m *noPolicyTest) deliver(user string, payload map[string]any) {
	payload["channel"] = map[string]any{"id": approvals}
	a := m.slack.As(user).AllowSlow().Interact(payload)
	require.True(m, a.OK(), a)
}

// countAnswered counts the records that are no longer pending or have a consent.
func (m *noPolicyTest) countAnswered() (n int) {
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

// versionsSince are the versions of all messages and views since a time.
func (w *world) versionsSince(since time.Time) (all []fakeslack.Version) {
	var histories [][]fakeslack.Version
	for _, channel := range []string{ops, approvals} {
		for _, message := range w.slack.Messages(channel) {
			histories = append(histories, message.History())
		}
	}
	for _, user := range everybody {
		for _, message := range append(w.slack.Ephemerals(user), w.slack.DMs(user)...) {
			histories = append(histories, message.History())
		}
		for _, view := range []*fakeslack.View{w.slack.Modal(user), w.slack.Home(user)} {
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

// listsAnswered reports whether everybody has got an empty list.
func (m *noPolicyTest) listsAnswered(since time.Time) bool {
	lists := 0
	for _, v := range m.versionsSince(since) {
		if strings.Contains(v.Text(), "Nothing waits for you.") {
			lists++
		}
	}
	return lists >= len(everybody)
}

// disclosures are the texts since a time that contain a detail of a record.
func (m *noPolicyTest) disclosures(since time.Time) (texts []string) {
	for _, v := range m.versionsSince(since) {
		raw, err := json.Marshal(v.Blocks)
		require.NoError(m, err)
		for _, rec := range m.records {
			card, err := runner.CardOf(rec, rec.CreatedAt)
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
