package slackbot_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/tools"
)

// Requests complete although the store, a clock, Slack or VPS.org fails for a while.

// faultyStore is a store whose writes can be made to fail.
type faultyStore struct {
	*store.Store
	fails atomic.Int64
	gone  atomic.Bool // nothing can be stored
}

func (f *faultyStore) Enqueue(ctx context.Context, now time.Time, ds []delivery.Delivery) ([]bool, error) {
	if f.gone.Load() {
		return nil, errors.New("the database is gone")
	}
	return f.Store.Enqueue(ctx, now, ds)
}

func (f *faultyStore) AddPost(ctx context.Context, p delivery.Post) (bool, error) {
	if f.fails.Add(-1) >= 0 {
		return false, errors.New("the database is away for a moment")
	}
	return f.Store.AddPost(ctx, p)
}

// startFaultyStore starts the bot on a faultyStore.
func (w *world) startFaultyStore() (f *faultyStore) {
	w.Helper()
	w.startOn(func(db *store.Store) slackbot.Store {
		f = &faultyStore{Store: db}
		return f
	})
	return f
}

// fromAssistant is a call of lea's assistant.
func fromAssistant(op, server string) runner.Call {
	return runner.Call{Operation: op, Input: []byte(`{"server":"` + server + `"}`), Actor: "key:lea-laptop", Surface: permissions.MCP, CanPrompt: true}
}

// blockAPI blocks the requests to VPS.org until release is called: writes alone, or all.
func (w *world) blockAPI(writesAlone bool) (release func()) {
	let := make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if !writesAlone || r.Method != http.MethodGet {
			select {
			case <-let:
			case <-r.Context().Done():
			}
		}
		next.ServeHTTP(rw, r)
	})
	release = sync.OnceFunc(func() { close(let) })
	w.Cleanup(release)
	return release
}

// countEphemerals counts a user's ephemeral messages that contain a text.
func (w *world) countEphemerals(user, holds string) (n int) {
	for _, m := range w.slack.Ephemerals(user) {
		if strings.Contains(m.Text(), holds) {
			n++
		}
	}
	return n
}

// requireThroughout fails unless a condition holds for a time.
func (w *world) requireThroughout(what string, for_ time.Duration, ok func() bool) {
	w.Helper()
	require.Never(w, func() bool { return !ok() }, for_, 20*time.Millisecond, what)
}

// A client that fails to ask escalates its question a moment after it was recorded.
func TestEscalatedQuestion(t *testing.T) {
	w := newParallelWorld(t)
	reply := w.runner.Run(t.Context(), fromAssistant("servers.stop", "web-server-01"))
	require.Equal(t, approval.Interactive, reply.Record.AnswerMode)
	time.Sleep(300 * time.Millisecond)
	require.Empty(t, w.slack.DMs(lea))
	op, _ := tools.Default.Lookup("servers.stop")
	w.runner.Escalate(t.Context(), op, reply.Record.ID, "the client could not ask")
	w.direct(lea, "Stops")
}

func TestQuestionAfterStoreError(t *testing.T) {
	t.Parallel()
	t.Run("of an assistant", func(t *testing.T) {
		w := newStoppedSQLiteWorld(t)
		f := w.startFaultyStore()
		w.eventually("ready", w.bot.Ready)
		f.fails.Store(1)
		w.runner.Run(t.Context(), fromAssistant("servers.delete", "web-server-01"))
		w.direct(lea, "Deletes")
	})
	t.Run("of a person in Slack", func(t *testing.T) {
		w := newStoppedSQLiteWorld(t)
		f := w.startFaultyStore()
		w.eventually("ready", w.bot.Ready)
		f.fails.Store(2)
		w.slack.As(lea).In(ops).Type("/vps stop web-server-01")
		w.eventually("neither message could be prepared", func() bool { return len(w.records()) == 1 && f.fails.Load() <= 0 })
		w.advanceClock(6 * time.Second)
		p := w.slack.As(lea)
		p.Press(w.direct(lea, "Please confirm"), "confirm")
		w.waitDone()
	})
}

// A long Retry-After is not a failure, and no other request of the method is sent until it has passed.
func TestRetryAfterIsObeyed(t *testing.T) {
	w := newWorld(t)
	w.slack.Fail("chat.postMessage", fakeslack.Fault{Status: 429, RetryAfter: 30})
	w.runner.Run(t.Context(), fromAssistant("servers.delete", "web-server-01"))
	w.eventually("it was tried", func() bool { return len(w.slack.Calls("chat.postMessage")) == 1 })
	w.runner.Run(t.Context(), fromAssistant("servers.delete", "db-server-01"))
	w.slack.As(max).In(ops).Type("/vps stop web-server-01")
	w.ephemeral(max, "Stops")
	time.Sleep(time.Second)
	require.Len(t, w.slack.Calls("chat.postMessage"), 1)
	w.slack.Fail("chat.postMessage", fakeslack.Fault{Status: 429, RetryAfter: 1, Times: 45})
	for range 60 {
		time.Sleep(60 * time.Millisecond)
		w.advanceClock(2 * time.Second)
	}
	w.direct(lea, "web-server-01")
}

// A card is the only message that asks: Slack's errors do not use up its response_url, and when that is
// used up a direct message asks.
func TestUndeliverableCardBecomesDirectMessage(t *testing.T) {
	t.Parallel()
	t.Run("Slack fails for half a minute", func(t *testing.T) {
		w := newWorld(t)
		w.slack.Fail("response_url", fakeslack.Fault{Status: 500, Times: 5})
		w.slack.As(lea).In(ops).Type("/vps stop web-server-01")
		for range 20 {
			time.Sleep(80 * time.Millisecond)
			w.advanceClock(2 * time.Second)
		}
		w.ephemeral(lea, "Stops")
	})
	t.Run("the address takes nothing", func(t *testing.T) {
		w := newWorld(t)
		w.slack.Fail("response_url", fakeslack.Fault{Status: 404})
		w.slack.As(lea).In(ops).Type("/vps stop web-server-01")
		p := w.slack.As(lea)
		p.Press(w.direct(lea, "Please confirm"), "confirm")
		w.waitDone()
	})
}

// The messages of a record that ended elsewhere lose their buttons: after a restart of the bot, with a
// clock that is behind, and for a press in between.
func TestRecordEndedElsewhere(t *testing.T) {
	t.Parallel()
	t.Run("while the bot was away", func(t *testing.T) {
		w := newWorld(t)
		reply := w.runner.Run(t.Context(), fromAssistant("servers.delete", "web-server-01"))
		m := w.direct(lea, "Deletes")
		w.stop()
		db, err := store.Open(t.Context(), w.url)
		require.NoError(t, err)
		_, err = w.newRunner("other", db).Cancel(t.Context(), "key:lea-laptop", reply.Record.ID)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		w.advanceClock(2 * time.Minute)
		w.start()
		w.waitNoButtons(m)
	})
	t.Run("by a clock that is behind", func(t *testing.T) {
		w := newWorld(t)
		reply := w.runner.Run(t.Context(), fromAssistant("servers.delete", "db-server-01"))
		m := w.posted(approvals, "Deletes")
		other := w.newRunner("laptop", w.store)
		other.Now = func() time.Time { return w.now().Add(-20 * time.Second) }
		_, err := other.Cancel(t.Context(), "key:lea-laptop", reply.Record.ID)
		require.NoError(t, err)
		w.waitNoButtons(m)
	})
	t.Run("pressed before that is seen", func(t *testing.T) {
		w := newWorld(t)
		reply := w.runner.Run(t.Context(), fromAssistant("servers.delete", "db-server-01"))
		m := w.posted(approvals, "Deletes")
		b := m.Button("deny")
		other := w.newRunner("laptop", w.store)
		other.Now = func() time.Time { return w.now().Add(-2 * time.Minute) }
		_, err := other.Cancel(t.Context(), "key:lea-laptop", reply.Record.ID)
		require.NoError(t, err)
		w.slack.As(max).In(approvals).PressButton(m, b)
		w.ephemeral(max, "cancelled")
		w.waitNoButtons(m)
	})
}

// An acknowledged delivery is executed once, however long auth.test fails and however long the execution
// takes.
func TestQueuedDeliveryIsCarriedOutOnce(t *testing.T) {
	t.Run("before Slack says whose bot this is", func(t *testing.T) {
		w := newStoppedSQLiteWorld(t)
		w.slack.Fail("auth.test", fakeslack.Fault{Status: 500})
		w.startFaultyStore()
		require.True(t, w.slack.As(lea).In(ops).Type("/vps servers list").OK())
		for range 4 {
			time.Sleep(600 * time.Millisecond)
			w.advanceClock(61 * time.Second)
		}
		w.slack.Heal()
		w.ephemeral(lea, "web-server-01")
		w.requireThroughout("once", time.Second, func() bool { return w.countEphemerals(lea, "web-server-01") == 1 })
		require.NotContains(t, w.log.String(), "given up")
	})
	t.Run("while VPS.org hangs", func(t *testing.T) {
		w := newWorld(t)
		release := w.blockAPI(false)
		const n = 300
		for range n {
			require.True(t, w.slack.As(lea).In(ops).Type("/vps servers list").OK())
		}
		w.advanceClock(61 * time.Second)
		time.Sleep(time.Second)
		release()
		w.eventually("all are answered", func() bool { return w.countEphemerals(lea, "web-server-01") == n })
		w.requireThroughout("once", time.Second, func() bool { return w.countEphemerals(lea, "web-server-01") == n })
	})
}

func TestExpiredDelivery(t *testing.T) {
	t.Parallel()
	w := newStoppedSQLiteWorld(t)
	w.slack.Fail("auth.test", fakeslack.Fault{Status: 500})
	w.startFaultyStore()
	require.True(t, w.slack.As(lea).In(ops).Type(change).OK())
	w.stop()
	w.slack.Heal()
	w.advanceClock(72 * time.Hour)
	w.start()
	w.direct(lea, "did not carry out what you sent")
	require.Empty(t, w.sent())
}

// agreeOnReboot makes a request of lea's that max approves.
func (w *world) agreeOnReboot() {
	w.Helper()
	p, card := w.request(lea, "reboot db-server-01", "Reboots")
	asked := w.posted(approvals, "Reboots")
	p.Press(card, "confirm")
	w.eventually("lea agreed", func() bool { return w.records()[0].Approver != "" })
	w.slack.As(max).In(approvals).Press(asked, "approve")
}

func TestApprovedRecordIsFollowed(t *testing.T) {
	w := newParallelWorld(t)
	w.agreeOnReboot()
	w.direct(lea, ": active")
}

func TestStopWhileAPIHangs(t *testing.T) {
	w := newWorld(t)
	w.blockAPI(true)
	w.agreeOnReboot()
	w.eventually("it runs", func() bool { return w.records()[0].State == approval.Executing })
	began := time.Now()
	w.stop()
	require.Less(t, time.Since(began), 12*time.Second)
}

// The requester's user groups are read again when the change runs.
func TestFormerGroupMemberRunsNothing(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.AddUserGroup("S0CALL", eve)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.People = append(p.Book.People, permissions.Person{ID: "eve", Identities: []permissions.Actor{"slack:" + eve}})
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "on call", Effect: permissions.Allow, Who: []permissions.Principal{"slack-group:S0CALL"}, Operations: []permissions.Glob{"servers.stop"},
		})
	})
	p, card := w.request(eve, "stop db-server-01", "Stops")
	asked := w.posted(approvals, "Stops")
	p.Press(card, "confirm")
	w.eventually("eve agreed", func() bool { return w.records()[0].Approver != "" })
	w.slack.AddUserGroup("S0CALL", max) // without eve
	w.advanceClock(3 * time.Minute)
	w.slack.As(max).In(approvals).Press(asked, "approve")
	w.eventually("it was refused", func() bool { return w.records()[0].State == approval.Refused })
	require.Empty(t, w.sent())
}

func TestServerSuggestionsAfterDeny(t *testing.T) {
	w := newParallelWorld(t)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "eve", Effect: permissions.Allow, Who: []permissions.Principal{"slack:" + eve}, Operations: []permissions.Glob{"servers.reboot"},
		})
	})
	p := w.slack.As(eve).In(ops)
	p.Type("/vps reboot")
	v := w.form(eve, "server")
	require.NotEmpty(t, p.Suggest(v, "field:server", ""))
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{Name: "no eve", Effect: permissions.Deny, Who: []permissions.Principal{"slack:" + eve}})
	})
	w.advanceClock(time.Minute)
	require.Empty(t, p.Suggest(v, "field:server", ""))
}

// A message that Slack does not answer delays no other.
func TestSlowMessageHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.slack.Fail("chat.postMessage", fakeslack.Fault{Hang: 8 * time.Second, Times: 1})
	w.slack.As(lea).In(ops).Type("/vps stop web-server-01")
	w.eventually("it hangs", func() bool { return len(w.records()) == 1 })
	began := time.Now()
	w.slack.As(max).In(ops).Type("/vps reboot web-server-01")
	w.ephemeral(max, "Reboots")
	require.Less(t, time.Since(began), 4*time.Second)
}

// Without a store a change is refused with a reason, and reads work.
func TestReadsWithoutStore(t *testing.T) {
	t.Parallel()
	w := newStoppedSQLiteWorld(t)
	f := w.startFaultyStore()
	w.eventually("ready", w.bot.Ready)
	f.gone.Store(true)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers list")
	w.ephemeral(lea, "web-server-01")
	require.Contains(t, string(p.Type(change).Body), "was not taken")
	w.requireThroughout("nothing is changed", 300*time.Millisecond, func() bool { return len(w.sent()) == 0 })
	f.gone.Store(false)
	p.Type(change)
	w.waitDone()
}
