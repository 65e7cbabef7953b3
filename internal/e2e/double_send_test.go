package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// pressers are the processes that press.
const pressers = 3

// Three processes press the yes of one approval ten thousand times, all at once. The API
// answers the one call only when all others have been told that it is running, so that each
// of them had its chance.
func TestFigure1PressesOfOneApproval(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) { pressed(t, name, engine(t), testkit.Size(300, 10_000)) })
	}
}

func pressed(t *testing.T, engine, url string, presses int) {
	w := newWorld(t, url, simulator.Options{Speed: 60})
	release := make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			<-release
		}
		next.ServeHTTP(rw, r)
	})
	api := w.serve(plainly)
	asked := w.runner(w.side("process-0")).Run(t.Context(), call(alice, "servers.delete", `{"server":"web-server-01"}`))
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)

	told := pressFromProcesses(t, presses, release, childOf(url, api), asked.Record.ID)
	require.Equal(t, map[string]int{string(runner.Done): 1, string(runner.Busy): presses - 1}, told)
	require.Len(t, w.sim.Writes(), 1, "calls of the API")
	l := readLedger(t, w.store)
	l.requireBalanced(t)
	require.Equal(t, map[approval.State]int{approval.Done: 1}, l.states())
	require.Len(t, l.rows, 3, "asked, claimed, done: who came too late leaves no row")
	testkit.Figure(t, 1, "%s: %d presses of one approval from %d processes: %d API call, %d told politely that it is running, 0 errors",
		engine, presses, pressers, len(w.sim.Writes()), told[string(runner.Busy)])
}

// childOf is the environment of another process on the same database and the same API.
func childOf(database, api string) []string {
	return append(os.Environ(), "PROOF_DATABASE="+database, "PROOF_API="+api)
}

// pressFromProcesses presses from three processes, and closes release when all but one have
// been told something. It returns what they were told, and how often.
func pressFromProcesses(t *testing.T, presses int, release chan struct{}, env []string, id string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	told, sum := map[string]int{}, 0
	hear := func(out io.Reader) {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var heard pressReply
			if err := json.Unmarshal(lines.Bytes(), &heard); err != nil || !heard.isPolite() {
				t.Errorf("%s", lines.Text())
			}
			mu.Lock()
			told[string(heard.Outcome)]++
			if sum++; sum == presses-1 {
				close(release)
			}
			mu.Unlock()
		}
	}
	var all sync.WaitGroup
	var begin []io.Closer
	for i := range pressers {
		n := presses / pressers
		if i < presses%pressers {
			n++
		}
		cmd := child(t, "press", append(env, "PROOF_APPROVAL="+id, "PROOF_PRESSES="+strconv.Itoa(n)))
		in, out := pipes(t, cmd)
		begin = append(begin, in)
		all.Go(func() { hear(out) })
		defer func() { require.NoError(t, cmd.Wait()) }()
	}
	for _, in := range begin {
		require.NoError(t, in.Close()) // the end of their input starts them
	}
	all.Wait()
	return told
}

// child starts this test program as another process.
func child(t testing.TB, role string, env []string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(env, childVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

func pipes(t testing.TB, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err = cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return in, out
}

// pressReply is what one press was told.
type pressReply struct {
	Outcome runner.Outcome
	Class   runner.Class
	Message string
	Record  bool
}

// isPolite reports whether a reply says how the record stands, not that something went wrong.
func (r pressReply) isPolite() bool {
	return r.Record && (r.Outcome == runner.Done || r.Outcome == runner.Busy) && r.Message != ""
}

// pressApproval is the other process: it presses as often as it was told, all at once.
func pressApproval() error {
	ctx := context.Background()
	db, err := store.Open(ctx, os.Getenv("PROOF_DATABASE"))
	if err != nil {
		return err
	}
	defer db.Close()
	core, err := childSide(db).runner()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(os.Getenv("PROOF_PRESSES"))
	if err != nil {
		return err
	}
	rec, err := db.Record(ctx, os.Getenv("PROOF_APPROVAL"))
	if err != nil {
		return err
	}
	if _, err := io.ReadAll(os.Stdin); err != nil {
		return err
	}
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	atOnce(n, func(int) {
		reply := core.Answer(ctx, call(alice, rec.Operation, ""), yes(&rec))
		mu.Lock()
		defer mu.Unlock()
		err = out.Encode(pressReply{reply.Outcome, reply.Class, reply.Message, reply.Record != nil})
	})
	return err
}

// childSide is the side of a process that was started by a test.
func childSide(db approval.Store) side {
	return side{
		process: liveness.NewID(), url: os.Getenv("PROOF_API"), store: db, now: (&clock{}).Now,
		policy: func() permissions.Policy { return permissions.Policy{} },
	}
}
