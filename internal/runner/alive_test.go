package runner_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// A process that was stopped in the middle of a call may go on with it hours later: as long as it
// exists nobody says that the change was not applied.
func TestNothingIsNotAppliedWhileItsProcessExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside, goOn := make(chan struct{}), make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			close(inside)
			<-goOn
		}
		next.ServeHTTP(rw, r)
	})
	ended := make(chan runner.Reply)
	go func() { ended <- w.agree("servers.delete", `{"server":"web-server-01"}`) }()
	<-inside
	running, err := w.store.Find(t.Context(), approval.Query{States: []approval.State{approval.Executing}})
	require.NoError(t, err)
	require.Len(t, running, 1)
	id := running[0].ID

	other := w.newRunner("process-2", "vps_demo")
	for _, c := range []struct {
		later time.Duration
		state approval.State
	}{{6 * time.Minute, approval.Unknown}, {2 * time.Minute, approval.Unknown}, {3 * time.Hour, approval.Unknown}} {
		w.clock.Advance(c.later)
		for _, r := range []*runner.Runner{other, w.runner} {
			require.NoError(t, r.ReconcileOnce(t.Context()))
			require.Equal(t, c.state, w.onRecord(id).State)
		}
	}
	close(goOn)
	require.Equal(t, runner.Done, (<-ended).Outcome)
	require.Equal(t, approval.Done, w.onRecord(id).State)
}

// After a day a person must look; once the process has ended, reading back tells.
func TestWhoEndsWhatAnotherProcessLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dead  bool
		later time.Duration
		state approval.State
	}{
		"it still exists":           {false, time.Hour, approval.Unknown},
		"it still exists after all": {false, 25 * time.Hour, approval.NeedsHuman},
		"it has ended":              {true, time.Hour, approval.NotApplied},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.loseWrites(losses["500 instead of the change"])
			reply := w.runAndAgree("servers.delete", `{"server":"web-server-01"}`)
			require.Equal(t, runner.Unknown, reply.Outcome, reply.Message)
			w.clock.Advance(c.later)
			if c.dead {
				w.kill("process-1")
			}
			require.NoError(t, w.newRunner("process-2", "vps_demo").ReconcileOnce(t.Context()))
			require.Equal(t, c.state, w.onRecord(reply.Record.ID).State)
		})
	}
}
