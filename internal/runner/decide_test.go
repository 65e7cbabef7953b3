package runner_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// elsewhere asks for something that must be answered at another terminal.
func (w *world) elsewhere(operation, input string) approval.Record {
	w.Helper()
	c := call(operation, input)
	c.CanPrompt = false
	reply := w.runner.Run(w.Context(), c)
	require.Equal(w, runner.ApprovalRequired, reply.Outcome, reply.Message)
	return *reply.Record
}

func (w *world) decide(id string, yes bool, reason string) (approval.Record, error) {
	return w.runner.Decide(w.Context(), alice, runner.Answer{Approval: id, Channel: permissions.Terminal, Yes: yes}, reason)
}

func TestDenialIsFinal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.elsewhere("servers.stop", `{"server":"web-server-01"}`)
	rec, err := w.decide(asked.ID, false, "not\non Friday")
	require.NoError(t, err)
	require.Equal(t, approval.Denied, rec.State)
	require.Contains(t, rec.Message, ": denied by local:alice: not on Friday.")
	_, err = w.decide(asked.ID, true, "")
	require.ErrorContains(t, err, "cannot be approved any more: denied")
	consents, err := w.store.Consents(t.Context(), asked.ID)
	require.NoError(t, err)
	require.Len(t, consents, 1)
	require.Equal(t, "not on Friday", consents[0].Reason)

	told := w.run("servers.stop", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Declined, told.Outcome, "the asker is told")
	require.Equal(t, runner.Refuse, w.run("servers.stop", `{"server":"web-server-01"}`).Class, "once; then there is a pause")
	w.clock.Advance(10 * time.Minute)
	require.Equal(t, runner.ApprovalRequired, w.run("servers.stop", `{"server":"web-server-01"}`).Outcome)
	require.Empty(t, w.sent())
}

func TestAnApprovalCanStillBeDeniedOrCancelled(t *testing.T) {
	t.Parallel()
	for _, end := range []func(*world, string) (approval.Record, error){
		func(w *world, id string) (approval.Record, error) { return w.decide(id, false, "") },
		func(w *world, id string) (approval.Record, error) { return w.runner.Cancel(w.Context(), alice, id) },
	} {
		w := newWorld(t)
		asked := w.elsewhere("servers.stop", `{"server":"web-server-01"}`)
		_, err := w.decide(asked.ID, true, "")
		require.NoError(t, err)
		rec, err := end(w, asked.ID)
		require.NoError(t, err)
		require.False(t, rec.State.IsOpen())
		rec, err = w.runner.RunApproved(t.Context(), call("", ""), asked.ID)
		require.NoError(t, err)
		require.False(t, rec.State.IsOpen())
		require.Empty(t, w.sent())
	}
}

func TestUnansweredRecordExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	late := w.elsewhere("servers.stop", `{"server":"web-server-01"}`)
	w.clock.Advance(59 * time.Minute)
	rec, err := w.runner.RunApproved(t.Context(), call("", ""), late.ID)
	require.NoError(t, err)
	require.True(t, rec.State.IsOpen())
	w.clock.Advance(time.Minute)
	_, err = w.decide(late.ID, true, "")
	require.ErrorContains(t, err, "nobody answered in time")
	require.Equal(t, approval.Expired, w.onRecord(late.ID).State)
	require.Equal(t, runner.Expired, w.run("servers.stop", `{"server":"web-server-01"}`).Outcome, "the asker is told, once")

	swept := w.run("servers.stop", `{"server":"web-server-01"}`)
	watched := w.elsewhere("servers.reboot", `{"server":"db-server-01"}`)
	w.clock.Advance(time.Hour)
	rec, err = w.runner.RunApproved(t.Context(), call("", ""), watched.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Expired, rec.State)
	w.run("backups.create", `{"server":"db-server-01"}`)
	require.Equal(t, approval.Expired, w.onRecord(swept.Record.ID).State, "the next change puts the store in order")
}

func TestJoiningAStaleRecordEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.run("servers.stop", `{"server":"12345"}`)
	w.sim.Edit(func(world *simulator.World) { world.Servers[12345].Name = "payroll" })
	joined := w.run("servers.stop", `{"server":"12345"}`)
	require.Equal(t, runner.Stale, joined.Outcome)
	require.Contains(t, joined.Message, "payroll")
	require.Equal(t, approval.Stale, w.onRecord(first.Record.ID).State)

	second := w.run("servers.stop", `{"server":"12345"}`)
	w.sim.Edit(func(world *simulator.World) { world.DeleteServer(12345) })
	require.Equal(t, runner.Stale, w.run("servers.stop", `{"server":"12345"}`).Outcome)
	require.Equal(t, approval.Stale, w.onRecord(second.Record.ID).State)
	require.Empty(t, w.sent())
}

func TestJoiningARunningRecordWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside, release := w.holdWrite()
	var first, second runner.Reply
	done, waits := make(chan struct{}), make(chan struct{})
	w.runner.Sleep = func(context.Context, time.Duration) { // of the second alone
		close(waits)
		<-done
	}
	go func() {
		defer close(done)
		first = w.agree("servers.delete", `{"server":"web-server-01"}`)
	}()
	<-inside
	go func() {
		select {
		case <-waits:
		case <-t.Context().Done(): // it did not wait
		}
		close(release)
	}()
	second = w.run("servers.delete", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Done, second.Outcome)
	<-done
	require.Equal(t, runner.Done, first.Outcome)
	require.Len(t, w.sent(), 1)
}

func TestDecisionsOnWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.decide("nothing", true, "")
	require.ErrorContains(t, err, "no approval has that id; vpsbot approvals list shows them")
	require.Equal(t, runner.Invalid, w.answer("servers.stop", "nothing", "").Class)
	asked := w.elsewhere("servers.stop", `{"server":"web-server-01"}`)
	_, err = w.runner.Settle(t.Context(), alice, asked.ID, true)
	require.ErrorContains(t, err, "nothing to settle", "only what is unknown can be settled")
}

func TestBackupOfADeletedServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) { world.DeleteServer(12345) })
	asked := w.run("backups.delete", `{"backup_id":"499"}`)
	require.Contains(t, asked.Card.Warnings, "Its server no longer exists.")
	require.Equal(t, "499", asked.Card.Confirm)
	require.Equal(t, runner.Done, w.answer("backups.delete", asked.Record.ID, "499").Outcome)
}

// failing is a store whose nth call fails, before or after it did its work.
type failing struct {
	approval.Store
	calls, at int
	after     bool
	always    bool
}

var errStore = errors.New("disk full")

func (f *failing) fails() bool { f.calls++; return f.calls == f.at || f.always }

// failingStore gives the runner a store that can fail.
func (w *world) failingStore() *failing {
	f := &failing{Store: w.store}
	w.runner.Store = func(context.Context) (approval.Store, error) { return f, nil }
	return f
}

// unlessFailing makes a call of the store, or fails instead of it or after it.
func unlessFailing[T any](f *failing, call func() (T, error)) (result T, err error) {
	if f.fails() {
		if f.after {
			_, _ = call()
		}
		return result, errStore
	}
	return call()
}

func (f *failing) Insert(ctx context.Context, r approval.Record, limits []approval.Limit, row audit.Row) (rec approval.Record, joined bool, err error) {
	rec, err = unlessFailing(f, func() (stored approval.Record, err error) {
		stored, joined, err = f.Store.Insert(ctx, r, limits, row)
		return stored, err
	})
	return rec, joined && err == nil, err
}

func (f *failing) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	return unlessFailing(f, func() (approval.Record, error) { return f.Store.Move(ctx, m, row) })
}

func (f *failing) Record(ctx context.Context, id string) (approval.Record, error) {
	return unlessFailing(f, func() (approval.Record, error) { return f.Store.Record(ctx, id) })
}

func (f *failing) Find(ctx context.Context, q approval.Query) ([]approval.Record, error) {
	return unlessFailing(f, func() ([]approval.Record, error) { return f.Store.Find(ctx, q) })
}

func (f *failing) MarkDelivered(ctx context.Context, id string, at time.Time) (bool, error) {
	return unlessFailing(f, func() (bool, error) { return f.Store.MarkDelivered(ctx, id, at) })
}

func (f *failing) Note(ctx context.Context, row audit.Row) error {
	_, err := unlessFailing(f, func() (any, error) { return nil, f.Store.Note(ctx, row) })
	return err
}

// Whichever call of the store fails, there is no request without its row, and none twice.
func TestNoCallWithoutItsAuditRow(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"servers.delete", "servers.update"} {
		input := map[string]string{"servers.delete": `{"server":"web-server-01"}`, "servers.update": `{"server":"web-server-01","name":"x"}`}[operation]
		for _, after := range []bool{false, true} {
			for at := 1; at < 14; at++ {
				t.Run(fmt.Sprintf("%s/%d/%v", operation, at, after), func(t *testing.T) {
					w := newWorld(t)
					broken := w.failingStore()
					broken.at, broken.after = at, after
					w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
						if r.Method != http.MethodGet {
							rows := w.rows()
							require.NotEmpty(t, rows)
							require.Equal(t, audit.Allowed, rows[len(rows)-1].Decision)
						}
						next.ServeHTTP(rw, r)
					})
					for range 2 {
						reply := w.run(operation, input)
						if reply.Outcome == runner.ApprovalRequired {
							w.answer(operation, reply.Record.ID, reply.Card.Confirm)
						}
					}
					require.LessOrEqual(t, len(w.sent()), 1+btoi(operation == "servers.update"), "a rename twice is two wishes, a delete is one")
					w.rows()
				})
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// What another process has expired since a record was read has expired here too.
func TestExpiredWhileAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.elsewhere("servers.stop", `{"server":"web-server-01"}`)
	w.clock.Advance(time.Hour)
	require.Equal(t, approval.Expired, w.newRunner("process-2", "vps_demo").AsOfNow(t.Context(), asked).State)
	require.Equal(t, approval.Expired, w.runner.AsOfNow(t.Context(), asked).State)
}
