package runner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// A change expires what is overdue behind more than a thousand newer records that still wait.
func TestAChangeExpiresWhatIsBeyondAThousand(t *testing.T) {
	w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60})
	w.sim.Edit(addServers)
	var old []string
	for i := range 3 {
		asked := w.run("servers.delete", fmt.Sprintf(`{"server":"many-%d"}`, i))
		require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
		old = append(old, asked.Record.ID)
	}
	w.clock.Advance(10 * time.Minute) // a question here waits five
	scope, err := w.runner.Scope(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.store.Close())
	bigstore.Fill(t, w.url, bigstore.Size{Open: 1100, Now: w.clock.Now(), API: scope.API, Account: scope.Account, Actor: "local:bob"})
	w.store = w.open()
	w.runner = w.newRunner("process-1", "vps_demo")
	require.Equal(t, runner.Done, w.run("servers.update", `{"server":"12345","name":"web-9"}`).Outcome)
	for _, id := range old {
		require.Equal(t, approval.Expired, w.onRecord(id).State)
	}
	open, err := w.store.Find(t.Context(), approval.Query{States: approval.Open, Limit: 5000})
	require.NoError(t, err)
	require.Len(t, open, 1101, "what is not overdue waits on")
}
