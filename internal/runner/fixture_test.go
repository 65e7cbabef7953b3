package runner_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// isLeftOut draws whether a case of a large table is left out: half of them are, others in each run. At
// full size none is.
func isLeftOut() bool { return !testkit.IsFull() && mathrand.N(2) == 0 }

const alice = permissions.Actor("local:alice")

// world is an account on the simulator, a store, and a runner between them.
type world struct {
	testing.TB
	sim    *simulator.Simulator
	store  *store.Store
	runner *runner.Runner
	clock  *testkit.Clock
	url    string
	others map[string]*store.Store // of other processes on the same database
	policy permissions.Policy

	changes int // of benchmarks
}

func newWorld(t *testing.T) *world { return newWorldWith(t, "vps_demo", simulator.Options{Speed: 60}) }

func newWorldWith(t testing.TB, token string, o simulator.Options) *world {
	w := &world{TB: t, clock: testkit.NewClock(time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)), others: map[string]*store.Store{}}
	if o.Now == nil {
		o.Now = w.clock.Now
	}
	w.sim = simulator.New(o)
	w.url = storetest.SQLite(t)
	w.store = w.open()
	w.runner = w.newRunner("process-1", token)
	return w
}

func (w *world) open() *store.Store {
	w.Helper()
	s, err := store.Open(context.Background(), w.url)
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, s.Close()) })
	return s
}

// storeOf is the store as a process has it open.
func (w *world) storeOf(process string) *store.Store {
	w.Helper()
	if process == "process-1" {
		return w.store
	}
	if w.others[process] == nil {
		w.others[process] = w.open()
	}
	return w.others[process]
}

// kill takes the lock from a process, as its death does.
func (w *world) kill(process string) {
	w.Helper()
	lock, err := w.storeOf(process).Hold(w.Context())
	require.NoError(w, err)
	require.NoError(w, lock.Release())
}

// newRunner makes another process on the same store.
func (w *world) newRunner(process, token string) *runner.Runner {
	return w.runnerOn(w.sim.Transport(), process, token)
}

func (w *world) runnerOn(transport http.RoundTripper, process, token string) *runner.Runner {
	source, opened := func() (string, error) { return token, nil }, w.storeOf(process)
	var core *runner.Runner
	client, err := apiclient.New(apiclient.Options{
		BaseURL: "http://localhost/api/v1", Token: source, Transport: transport,
		Observe: func(c apiclient.Call) { core.ObserveCall(c) },
	})
	require.NoError(w, err)
	core = &runner.Runner{
		Client: client, API: "http://localhost/api/v1", Token: source,
		Policy:  func() permissions.Policy { return w.policy },
		Store:   func(context.Context) (approval.Store, error) { return opened, nil },
		Process: process,
		Now:     w.clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Sleep: func(context.Context, time.Duration) { time.Sleep(time.Millisecond) },
	}
	return core
}

// call is what alice's assistant asks for.
func call(operation, input string) runner.Call {
	return runner.Call{Operation: operation, Input: []byte(input), Actor: alice, Surface: permissions.MCP, CanPrompt: true}
}

func (w *world) run(operation, input string) runner.Reply {
	w.Helper()
	reply := w.runner.Run(w.Context(), call(operation, input))
	require.Equal(w, -1, strings.IndexFunc(reply.Text(), func(c rune) bool { return c != '\n' && !unicode.IsGraphic(c) }), "what is shown must be clean")
	return reply
}

// agree runs a call and gives the answer that its card asks for.
func (w *world) agree(operation, input string) runner.Reply {
	w.Helper()
	asked := w.run(operation, input)
	require.Equal(w, runner.ApprovalRequired, asked.Outcome, asked.Message)
	return w.answer(operation, asked.Record.ID, asked.Card.Confirm)
}

func (w *world) answer(operation, id, text string) runner.Reply {
	w.Helper()
	return w.runner.Answer(w.Context(), call(operation, ""), runner.Answer{Approval: id, Channel: permissions.MCP, Yes: true, Text: text})
}

// holdWrite stops the next write on its way: inside is closed once it has come, and it goes on once goOn is closed.
func (w *world) holdWrite() (inside, goOn chan struct{}) {
	inside, goOn = make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet && held.CompareAndSwap(false, true) {
			close(inside)
			<-goOn
		}
		next.ServeHTTP(rw, r)
	})
	return inside, goOn
}

// failingAt makes the requests of a path fail.
func (w *world) failingAt(path string, status int) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, path) {
			rw.WriteHeader(status)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// sent lists the writes that arrived, as "DELETE /servers/12345/".
func (w *world) sent() []string {
	var all []string
	for _, r := range w.sim.Writes() {
		all = append(all, r.Method+" "+r.Path[len("/api/v1"):])
	}
	return all
}

// onRecord returns how a record stands.
func (w *world) onRecord(id string) approval.Record {
	w.Helper()
	rec, err := w.store.Record(w.Context(), id)
	require.NoError(w, err)
	return rec
}

func decoded(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m), string(raw))
	return m
}

var teamSimulator = simulator.Options{Speed: 60}

func addServers(world *simulator.World) {
	for i := range 10 {
		world.AddServer(simulator.Server{Name: fmt.Sprintf("many-%d", i), Status: "active", Location: "us-west"})
	}
}
