package mcpserver

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	alice = permissions.Actor("local:alice")
	api   = "http://localhost/api/v1"
)

// world is an account on the simulator, a store, and the server of an assistant's process.
type world struct {
	testing.TB
	sim    *simulator.Simulator
	store  *store.Store
	clock  *testkit.Clock
	log    *testkit.Log
	server *Server
	token  string
	talk   *talk // the client that speaks with it
}

func newWorld(t testing.TB) *world { return newWorldWith(t, "vps_demo", simulator.Options{}) }

func newWorldWith(t testing.TB, token string, o simulator.Options) *world {
	w := &world{TB: t, token: token, log: &testkit.Log{}, clock: testkit.NewClock(time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC))}
	if o.Now == nil {
		o.Now = w.clock.Now
	}
	w.sim = simulator.New(o)
	w.store = storetest.Open(t)
	w.server = w.process("process-1", w.sim.Transport())
	t.Cleanup(func() { <-w.server.approvals.close() })
	t.Cleanup(func() {
		if strings.HasPrefix(token, "vps_") {
			require.NotContains(t, w.log.String(), token, "the token must not be in the log")
		}
	})
	return w
}

// process makes the server of another process on the same store.
func (w *world) process(id string, transport http.RoundTripper) *Server {
	source := func() (string, error) { return w.token, nil }
	log := slog.New(slog.NewTextHandler(redact.Writer(w.log, func() []string { return []string{w.token} }), &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := apiclient.New(apiclient.Options{BaseURL: api, Token: source, Transport: transport, Logger: log})
	require.NoError(w, err)
	core := &runner.Runner{
		Client: client, API: api, Token: source, Policy: func() permissions.Policy { return permissions.Policy{} },
		Store:   func(context.Context) (approval.Store, error) { return w.store, nil },
		Process: id,
		Now:     w.clock.Now, Random: rand.Reader, Log: log,
	}
	return &Server{Runner: core, Version: "1.2.3", Log: log, poll: 10 * time.Millisecond}
}

// sent lists the writes that arrived, as "DELETE /servers/12345/".
func (w *world) sent() []string { return testkit.Sent(w.sim) }

// records returns all records, newest first.
func (w *world) records() []approval.Record {
	w.Helper()
	all, err := w.store.Find(w.Context(), approval.Query{})
	require.NoError(w, err)
	return all
}

// state returns the state of the newest record.
func (w *world) state() approval.State {
	w.Helper()
	all := w.records()
	require.NotEmpty(w, all)
	return all[0].State
}

// approve approves the newest record at a terminal.
func (w *world) approve(name string) {
	w.Helper()
	rec := w.records()[0]
	_, err := w.server.Runner.Decide(w.Context(), alice, runner.Answer{
		Approval: rec.ID, Channel: permissions.Terminal, Yes: true, Text: name,
	}, "")
	require.NoError(w, err)
}

// eventually waits for a condition that another goroutine fulfils.
func (w *world) eventually(ok func() bool, what string) {
	w.Helper()
	require.Eventually(w, ok, time.Minute, 2*time.Millisecond, what)
}

func decoded(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m), string(raw))
	return m
}
