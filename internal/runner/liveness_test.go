package runner_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// A process that was stopped in the middle of a call may go on with it hours later: as long as it
// exists nobody says that the change was not applied.
func TestNotAppliedOnlyOnceTheHolderIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside, goOn := w.holdWrite()
	ended := make(chan runner.Reply)
	go func() { ended <- w.agree("servers.delete", `{"server":"web-server-01"}`) }()
	<-inside
	running, err := w.store.Find(t.Context(), approval.Query{States: []approval.State{approval.Executing}})
	require.NoError(t, err)
	require.Len(t, running, 1)
	id := running[0].ID

	other := w.newRunner("process-2", "vps_demo")
	for _, later := range []time.Duration{6 * time.Minute, 2 * time.Minute, 3 * time.Hour} {
		w.clock.Advance(later)
		for _, r := range []*runner.Runner{other, w.runner} {
			require.NoError(t, r.ReconcileOnce(t.Context()))
			require.Equal(t, approval.Unknown, w.onRecord(id).State)
		}
	}
	close(goOn)
	require.Equal(t, runner.Done, (<-ended).Outcome)
	require.Equal(t, approval.Done, w.onRecord(id).State)
}

// After a day a person must look; once the process has ended, reading back tells. Where it has left no lock
// it may exist, and a person must look after ten minutes.
func TestHolderStatesOfAbandonedRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ends  func(w *world)
		later time.Duration
		state approval.State
	}{
		"it still exists":           {func(*world) {}, time.Hour, approval.Unknown},
		"it still exists after all": {func(*world) {}, 25 * time.Hour, approval.NeedsHuman},
		"it has ended":              {func(w *world) { w.kill("process-1") }, time.Hour, approval.NotApplied},
		"its lock is missing":       {(*world).removeLocks, 9 * time.Minute, approval.Unknown},
		"its lock stays missing":    {(*world).removeLocks, 10 * time.Minute, approval.NeedsHuman},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.loseWrites(losses["500 instead of the change"])
			reply := w.runAndAgree("servers.delete", `{"server":"web-server-01"}`)
			require.Equal(t, runner.Unknown, reply.Outcome, reply.Message)
			w.clock.Advance(c.later)
			c.ends(w)
			require.NoError(t, w.newRunner("process-2", "vps_demo").ReconcileOnce(t.Context()))
			rec := w.onRecord(reply.Record.ID)
			require.Equal(t, c.state, rec.State, rec.Message)
		})
	}
}

// removeLocks removes the lock files of all processes, as somebody may who tidies up.
func (w *world) removeLocks() {
	w.Helper()
	require.NoError(w, os.RemoveAll(strings.TrimPrefix(w.url, "sqlite:")+"-locks"))
}
