package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
)

// stopPoints are where a process is stopped: after its claim, in the last check as it reads the record,
// and after the last check, when only the connection comes before the call.
var stopPoints = []string{"after the claim", "in the last check", "after the last check"}

// A process is stopped (SIGSTOP) during a change, and continues hours after other processes have
// reconciled its record. It sends nothing, and while it exists no process settles the change as not
// applied.
func TestStoppedProcessSendsNothing(t *testing.T) {
	t.Parallel()
	for name, engine := range engines {
		for _, point := range stopPoints {
			t.Run(name+", "+point, func(t *testing.T) {
				t.Parallel()
				testStopped(t, engine(t), point)
			})
		}
	}
}

func testStopped(t *testing.T, url, point string) {
	w := newWorld(t, url, simulator.Options{Speed: 60})
	ahead := filepath.Join(t.TempDir(), "ahead")
	cmd := child(t, "stopped", append(childOf(url, w.serve(plainListener)), "PROOF_POINT="+point, "PROOF_AHEAD="+ahead))
	in, out := pipes(t, cmd)
	defer in.Close()
	var id string
	_, err := fmt.Fscanln(out, &id)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		return err == nil && strings.Contains(string(stat), ") T ")
	}, time.Minute, time.Millisecond, "the child process is stopped")

	other := w.runner(w.processConfig("process-2"))
	for _, later := range []time.Duration{time.Minute, 10 * time.Minute, 3 * time.Hour} {
		w.clock.Advance(later)
		require.NoError(t, other.ReconcileOnce(t.Context()))
		rec, err := w.store.Record(t.Context(), id)
		require.NoError(t, err)
		require.Contains(t, []approval.State{approval.Executing, approval.Unknown}, rec.State, "after another %s: %s", later, rec.Message)
	}
	if point == stopPoints[2] {
		time.Sleep(5100 * time.Millisecond) // this check uses the machine's clocks, the others the Runner's
	} else {
		require.NoError(t, os.WriteFile(ahead, []byte("3h"), 0o600))
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	require.NoError(t, cmd.Wait())
	require.Empty(t, w.sim.Writes())
	rec, err := w.store.Record(t.Context(), id)
	require.NoError(t, err)
	require.Contains(t, []approval.State{approval.Refused, approval.NotApplied, approval.Unknown}, rec.State, rec.Message)
	require.NoError(t, other.ReconcileOnce(t.Context()))
	rec, err = w.store.Record(t.Context(), id)
	require.NoError(t, err)
	require.NotEqual(t, approval.Done, rec.State)
	readLog(t, w.store).requireComplete(t)
}

// runStopped is a child process: it stops itself at a point of its change.
func runStopped(db *store.Store) error {
	ctx := context.Background()
	s := childConfig(&stoppingStore{Store: db, point: os.Getenv("PROOF_POINT")})
	s.now = func() time.Time {
		raw, _ := os.ReadFile(os.Getenv("PROOF_AHEAD"))
		ahead, _ := time.ParseDuration(string(raw))
		return time.Now().Add(ahead)
	}
	runner, err := s.runner()
	if err != nil {
		return err
	}
	c := call(alice, "servers.delete", `{"server":"web-server-01"}`)
	c.Surface, c.Interactive = permissions.Terminal, true
	asked := runner.Run(ctx, c)
	if asked.Record == nil {
		return fmt.Errorf("no approval was requested: %s", asked.Message)
	}
	a := yes(asked.Record)
	a.Channel = permissions.Terminal
	runner.Answer(ctx, c, a)
	return nil
}

// stoppingStore is a store that stops its process once, at a point.
type stoppingStore struct {
	approval.Store
	point   string
	claimed string // the id of the claimed record
	checks  int
}

func (s *stoppingStore) stop(point string) {
	if s.point != point || s.claimed == "" {
		return
	}
	s.point = ""
	fmt.Println(s.claimed)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	time.Sleep(300 * time.Millisecond) // the threads of a process are stopped one after the other
}

func (s *stoppingStore) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	moved, err := s.Store.Move(ctx, m, row)
	if err == nil && m.To == approval.Executing {
		s.claimed = m.ID
		s.stop(stopPoints[0])
	}
	return moved, err
}

func (s *stoppingStore) Record(ctx context.Context, id string) (approval.Record, error) {
	s.stop(stopPoints[1])
	return s.Store.Record(ctx, id)
}

func (s *stoppingStore) Frozen(ctx context.Context) (*approval.Freeze, error) {
	f, err := s.Store.Frozen(ctx)
	s.stop(stopPoints[2])
	return f, err
}
