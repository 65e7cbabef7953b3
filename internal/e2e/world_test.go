package e2e_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	alice = permissions.Actor("local:alice")
	bob   = permissions.Actor("key:bob")

	token     = "vps_demo"
	localhost = "http://localhost/api/v1" // of the simulator in this process; nothing listens there
)

// childRoles are the functions that the test binary runs when it is started as a child process.
var childRoles = map[string]func(*store.Store) error{"answer": answerConcurrently, "worker": runWorker, "slack": serveSlack, "stopped": runStopped, "replica": serveReplica}

const childVariable = "VPSBOT_PROOF_CHILD"

func TestMain(m *testing.M) {
	role, ok := childRoles[os.Getenv(childVariable)]
	if !ok {
		os.Exit(pgtest.Run(m))
	}
	if err := runChild(role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runChild(role func(*store.Store) error) error {
	db, err := store.Open(context.Background(), os.Getenv("PROOF_DATABASE"))
	if err != nil {
		return err
	}
	defer db.Close()
	return role(db)
}

// engines return the URL of a new store.
var engines = map[string]func(t testing.TB) string{
	"sqlite":   storetest.SQLite,
	"postgres": pgtest.URL,
}

// clock is the machine's clock plus the time that a test has added. A stopped clock moves by Advance alone.
type clock struct {
	ahead   atomic.Int64
	stopped atomic.Pointer[time.Time]
}

func (c *clock) Now() time.Time {
	now := time.Now()
	if at := c.stopped.Load(); at != nil {
		now = *at
	}
	return now.Add(time.Duration(c.ahead.Load())).UTC()
}

// Stop stops the clock, so that measured times do not depend on the machine's speed.
func (c *clock) Stop() {
	now := time.Now()
	c.stopped.Store(&now)
}

func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// world is an account on the simulator, and a store.
type world struct {
	testing.TB
	sim    *simulator.Simulator
	url    string
	store  *store.Store
	clock  *clock
	policy permissions.Policy
}

func newWorld(t testing.TB, url string, o simulator.Options) *world {
	t.Helper()
	w := &world{TB: t, url: url, clock: &clock{}}
	o.Now = w.clock.Now
	w.sim = simulator.New(o)
	w.store = open(t, url)
	return w
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// serve serves the simulator on a local port, and returns its base URL.
func (w *world) serve(listen func(net.Listener) net.Listener) string {
	w.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w, err)
	address := listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- simulator.Serve(ctx, listen(listener), w.sim) }()
	w.Cleanup(func() { stop(); require.NoError(w, <-ended) })
	return "http://" + address + "/api/v1"
}

func plainListener(l net.Listener) net.Listener { return l }

// processConfig is the part of a Runner's configuration that differs between processes.
type processConfig struct {
	process   string
	url       string
	token     func() string
	transport http.RoundTripper
	store     approval.Store
	policy    func() permissions.Policy
	now       func() time.Time
	sleep     func(context.Context, time.Duration)
	log       *slog.Logger
}

func (s processConfig) runner() (*runner.Runner, error) {
	source := func() (string, error) { return s.token(), nil }
	var core *runner.Runner
	client, err := apiclient.New(apiclient.Options{
		BaseURL: s.url, Token: source, Transport: s.transport, Logger: s.log, Observe: func(c apiclient.Call) { core.ObserveCall(c) },
	})
	if err != nil {
		return nil, err
	}
	core = &runner.Runner{
		Client: client, API: localhost, Token: source, Policy: s.policy,
		Store:   func(context.Context) (approval.Store, error) { return s.store, nil },
		Process: s.process,
		Now:     s.now, Random: rand.Reader, Log: s.log, Sleep: s.sleep,
	}
	return core, nil
}

// processConfig configures a simulated process, which calls the simulator without a socket.
func (w *world) processConfig(process string) processConfig {
	return processConfig{
		process: process, url: localhost, token: demoToken, transport: w.sim.Transport(), store: open(w, w.url),
		policy: func() permissions.Policy { return w.policy },
		now:    w.clock.Now, sleep: shortSleep, log: slog.New(slog.DiscardHandler),
	}
}

func demoToken() string { return token }

// shortSleep sleeps 1 ms instead of the given time.
func shortSleep(context.Context, time.Duration) { time.Sleep(time.Millisecond) }

func (w *world) runner(s processConfig) *runner.Runner {
	w.Helper()
	r, err := s.runner()
	require.NoError(w, err)
	return r
}

// call is a call of the actor's assistant, whose client can ask the person.
func call(actor permissions.Actor, operation, format string, args ...any) runner.Call {
	return mcpCall(actor, operation, fmt.Sprintf(format, args...))
}

// yes is the right answer to a card, on the surface of its request.
func yes(rec *approval.Record) runner.Answer {
	return runner.Answer{Approval: rec.ID, Channel: permissions.MCP, Yes: true, Text: rec.Confirm}
}
