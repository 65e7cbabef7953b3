package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
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

// processes is how many child processes answer one approval.
const processes = 3

// Three processes confirm one approval ten thousand times concurrently. The API answers the one call
// only when all other answers have got their reply, so that each of them could have sent a second call.
func TestFigure1ConcurrentAnswers(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) { testConcurrentAnswers(t, name, engine(t), testkit.Size(300, 10_000)) })
	}
}

func testConcurrentAnswers(t *testing.T, engine, url string, answers int) {
	w := newWorld(t, url, simulator.Options{Speed: 60})
	release := make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			<-release
		}
		next.ServeHTTP(rw, r)
	})
	api := w.serve(plainListener)
	asked := w.runner(w.processConfig("process-0")).Run(t.Context(), call(alice, "servers.delete", `{"server":"web-server-01"}`))
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)

	outcomes := answerFromProcesses(t, answers, release, childOf(url, api), asked.Record.ID)
	require.Equal(t, map[string]int{string(runner.Done): 1, string(runner.Busy): answers - 1}, outcomes)
	require.Len(t, w.sim.Writes(), 1, "API calls")
	log := readLog(t, w.store)
	log.requireComplete(t)
	require.Equal(t, map[approval.State]int{approval.Done: 1}, log.states())
	require.Len(t, log.rows, 3, "requested, claimed, done: a late answer writes no row")
	testkit.Figure(t, 1, "%s: %d concurrent answers to one approval from %d processes: %d API call, %d answered that it is running, 0 errors",
		engine, answers, processes, len(w.sim.Writes()), outcomes[string(runner.Busy)])
}

// childOf is the environment of another process on the same database and the same API.
func childOf(database, api string) []string {
	return append(os.Environ(), "PROOF_DATABASE="+database, "PROOF_API="+api)
}

// answerFromProcesses answers from all processes, and closes release when all answers but one have got
// a reply. It returns the count of each outcome.
func answerFromProcesses(t *testing.T, answers int, release chan struct{}, env []string, id string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	outcomes, sum := map[string]int{}, 0
	readReplies := func(out io.Reader) {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var reply answerReply
			if err := json.Unmarshal(lines.Bytes(), &reply); err != nil || !reply.isExpected() {
				t.Errorf("%s", lines.Text())
			}
			mu.Lock()
			outcomes[string(reply.Outcome)]++
			if sum++; sum == answers-1 {
				close(release)
			}
			mu.Unlock()
		}
	}
	var all sync.WaitGroup
	var stdins []io.Closer
	for i := range processes {
		n := answers / processes
		if i < answers%processes {
			n++
		}
		cmd := child(t, "answer", append(env, "PROOF_APPROVAL="+id, "PROOF_ANSWERS="+strconv.Itoa(n)))
		in, out := pipes(t, cmd)
		stdins = append(stdins, in)
		all.Go(func() { readReplies(out) })
		defer func() { require.NoError(t, cmd.Wait()) }()
	}
	for _, in := range stdins {
		require.NoError(t, in.Close()) // the end of their input starts them
	}
	all.Wait()
	return outcomes
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

// answerReply is the reply to one answer, as a child process prints it.
type answerReply struct {
	Outcome runner.Outcome
	Class   runner.Class
	Message string
	Record  bool
}

// isExpected reports whether a reply has the record's state, not an error.
func (r answerReply) isExpected() bool {
	return r.Record && (r.Outcome == runner.Done || r.Outcome == runner.Busy) && r.Message != ""
}

// answerConcurrently is a child process: it sends PROOF_ANSWERS answers concurrently.
func answerConcurrently(db *store.Store) error {
	ctx := context.Background()
	core, err := childConfig(db).runner()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(os.Getenv("PROOF_ANSWERS"))
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
	testkit.Concurrently(n, func(int) {
		reply := core.Answer(ctx, call(alice, rec.Operation, ""), yes(&rec))
		mu.Lock()
		defer mu.Unlock()
		err = out.Encode(answerReply{reply.Outcome, reply.Class, reply.Message, reply.Record != nil})
	})
	return err
}

// childConfig is the configuration of a child process, from its environment.
func childConfig(db approval.Store) processConfig {
	return processConfig{
		process: liveness.NewID(), url: os.Getenv("PROOF_API"), token: demoToken, store: db, now: (&clock{}).Now,
		policy: func() permissions.Policy { return permissions.Policy{} }, log: slog.New(slog.DiscardHandler),
	}
}
