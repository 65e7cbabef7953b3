package e2e_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// Races of figure 3, made deterministic.

const wantedServer = `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`

// The token's permissions expire in the cache while a create is planned, and cannot be read again. The
// create is refused, or its plan has the permissions that its read-back needs.
func TestFigure3PermissionsUnreadableForAMoment(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t), simulator.Options{Speed: 60})
	var planned, unreadable atomic.Bool
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case r.Method != http.MethodGet:
			applyThen502(rw, r, next)
			return
		case strings.HasSuffix(r.URL.Path, "/plans/") && planned.CompareAndSwap(false, true):
			w.clock.Advance(time.Minute) // the cached permissions are expired from now on
			unreadable.Store(true)
		case strings.HasSuffix(r.URL.Path, "/account/me/") && unreadable.Load():
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(rw, r)
	})
	core := w.runner(w.processConfig("process-1"))
	asked := core.Run(t.Context(), call(alice, "servers.create", wantedServer))
	if asked.Outcome != runner.ApprovalRequired {
		return // refused: no approval was requested and no request sent
	}
	require.NotContains(t, asked.Card.Text(), "is missing", "the token has every permission")
	unreadable.Store(false)
	reply := core.Answer(t.Context(), call(alice, "servers.create", wantedServer), yes(asked.Record))
	w.clock.Advance(2 * time.Minute)
	require.NoError(t, core.ReconcileOnce(t.Context()))
	rec, err := w.store.Record(t.Context(), asked.Record.ID)
	require.NoError(t, err)
	require.Contains(t, []approval.State{approval.Done, approval.Refused, approval.Stale}, rec.State, "%s", reply.Message)
}

// A create with an unknown outcome is requested again; while that call is planned, a reconciler finds
// that the create was applied. The requester gets that outcome, and no approval for a second server.
func TestFigure3SettledWhileItIsAskedForAgain(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t), simulator.Options{Speed: 60})
	core, other := w.runner(w.processConfig("process-1")), w.runner(w.processConfig("process-2"))
	var again atomic.Bool
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			abortRequest(rw, r, next)
		}
		if strings.HasSuffix(r.URL.Path, "/plans/") && again.CompareAndSwap(true, false) {
			w.sim.Edit(func(world *simulator.World) { world.AddServer(simulator.Server{Name: "web-3"}) }) // made late
			require.NoError(t, other.ReconcileOnce(t.Context()))
		}
		next.ServeHTTP(rw, r)
	})
	c := call(alice, "servers.create", wantedServer)
	asked := core.Run(t.Context(), c)
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
	lost := core.Answer(t.Context(), c, yes(asked.Record))
	require.Equal(t, approval.Unknown, lost.Record.State, lost.Message)
	again.Store(true)
	reply := core.Run(t.Context(), c)
	require.NotEqual(t, runner.ApprovalRequired, reply.Outcome, "it has been created: %s", reply.Message)
	require.Equal(t, asked.Record.ID, reply.Record.ID)
}
