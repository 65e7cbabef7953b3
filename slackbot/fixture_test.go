package slackbot_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/internal/testkit/volumes"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

// The people, the channels and the token of every test.
const (
	lea, max, eve = "U0LEA", "U0MAX", "U0EVE" // eve is in no rule
	stranger      = "U9STRANGER"              // of another workspace
	ops           = "C0OPS"
	approvals     = "C0APPROVALS"
	token         = "vps_demo"
	loopback      = "http://localhost/api/v1"
)

// basePolicy is the policy of every test: all read; lea and max run web-* and db-*; db-* is protected.
func basePolicy() permissions.Policy {
	both := []permissions.Principal{"lea", "max"}
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "lea", Identities: []permissions.Actor{"slack:" + lea, "key:lea-laptop"}},
			{ID: "max", Identities: []permissions.Actor{"slack:" + max}},
		},
		Rules: []permissions.Rule{
			{Name: "all read", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Risks: []permissions.Risk{permissions.Read}},
			{Name: "both run web", Effect: permissions.Allow, Who: both, Servers: []permissions.ServerPattern{"web-*"}},
			{Name: "both run db", Effect: permissions.Allow, Who: both, Servers: []permissions.ServerPattern{"db-*"}},
		},
		Protected: []permissions.ServerPattern{"db-*"},
		Slack:     permissions.SlackChannels{Approvals: approvals},
	}}
}

// world is a workspace with vpsbot in it, an account on the simulator and a store.
type world struct {
	testing.TB
	slack         *fakeslack.Slack
	sim           *simulator.Simulator
	store         *store.Store
	runner        *runner.Runner
	bot           *slackbot.Bot
	log           *testkit.Log
	url           string // of the store
	socket        bool
	noConnections bool // Slack closes every connection
	mu            sync.Mutex
	policy        permissions.Policy
	clockOffset   atomic.Int64 // of the bot's clock
	stop          func()
	mux           *http.ServeMux // what Slack reaches in HTTP mode
	disks         *volumes.API   // nil: the catalogue has no volumes

	slackTransport http.RoundTripper    // to Slack's API; nil: the default
	changeRunner   func(*runner.Runner) // before the bot starts
}

// inEachMode runs a conversation over both transports and both stores.
func inEachMode(t *testing.T, talk func(t *testing.T, w *world)) {
	t.Run("http, sqlite", func(t *testing.T) { talk(t, newWorld(t)) })
	t.Run("socket, postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		w := newStoppedWorld(t, url)
		w.socket = true
		w.start()
		talk(t, w)
	})
}

func newWorld(t testing.TB) *world {
	w := newStoppedSQLiteWorld(t)
	w.start()
	return w
}

// newParallelWorld is newWorld for a test that runs beside others.
func newParallelWorld(t *testing.T) *world {
	t.Parallel()
	return newWorld(t)
}

// newStoppedSQLiteWorld makes a world on SQLite whose bot does not run yet.
func newStoppedSQLiteWorld(t testing.TB) *world {
	return newStoppedWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
}

// newStoppedWorld makes a world whose bot does not run yet.
func newStoppedWorld(t testing.TB, url string) *world {
	w := newEmptyWorld(t, url, fakeslack.Options{})
	for _, id := range []string{lea, max, eve} {
		w.slack.AddUser(fakeslack.User{ID: id, Name: strings.ToLower(id)})
	}
	w.slack.AddUser(fakeslack.User{ID: stranger, Name: "stranger", Team: "T9OTHER"})
	w.slack.AddChannel(ops, lea, max, eve, stranger)
	w.slack.AddChannel(approvals, lea, max, eve)
	return w
}

// newWorldOfTwoScopes makes a world with one user in ops, whose app has no scope but those it must have.
func newWorldOfTwoScopes(t *testing.T, user string) *world {
	t.Parallel()
	w := newEmptyWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"), fakeslack.Options{Scopes: slackbot.Features{}.Scopes()})
	w.slack.AddUser(fakeslack.User{ID: user, Name: strings.ToLower(user)})
	w.slack.AddChannel(ops, user)
	w.start()
	return w
}

// newEmptyWorld makes a world without people and channels.
func newEmptyWorld(t testing.TB, url string, o fakeslack.Options) *world {
	storetest.Prepare(t, url)
	w := &world{TB: t, url: url, log: &testkit.Log{}, policy: basePolicy()}
	w.sim = simulator.New(simulator.Options{Speed: 600})
	o.Now = w.now
	w.slack = fakeslack.New(t, o)
	w.slack.Secrets = []string{token}
	w.stop = func() {}
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.clockOffset.Load())) }

// advanceClock advances the clock of Slack and of the bot.
func (w *world) advanceClock(d time.Duration) { w.clockOffset.Add(int64(d)) }

func (w *world) setPolicy(change func(*permissions.Policy)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := basePolicy()
	change(&p)
	w.policy = p
}

func (w *world) currentPolicy() permissions.Policy {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.policy
}

// start starts a process: a store, a runner, a bot, a transport. stop ends it in good order.
func (w *world) start() {
	w.Helper()
	w.startOn(func(db *store.Store) slackbot.Store { return db })
	require.Eventually(w, w.bot.Ready, 5*time.Second, time.Millisecond)
}

// startOn is start with a store of the test's own around the real one, whether or not Slack answers.
func (w *world) startOn(wrap func(*store.Store) slackbot.Store) {
	w.Helper()
	db, err := store.Open(w.Context(), w.url)
	require.NoError(w, err)
	w.store, w.runner = db, w.newRunner("process-"+time.Now().Format("150405.000000"), db)
	if w.changeRunner != nil {
		w.changeRunner(w.runner)
	}
	wrapped, o := wrap(db), w.slack.Options()
	w.bot, err = slackbot.New(slackbot.Options{
		Runner: w.runner, Store: func(context.Context) (slackbot.Store, error) { return wrapped, nil },
		Token: o.BotToken, APIURL: w.slack.APIURL(), Client: &http.Client{Timeout: 10 * time.Second, Transport: w.slackTransport},
		Now: w.now, Random: rand.Reader, Log: w.runner.Log, Every: 50 * time.Millisecond,
	})
	require.NoError(w, err)
	w.runner.Groups = w.bot.GroupsOf
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.bot.Run(ctx) })
	w.connect(ctx, &running)
	w.stop = func() {
		cancel()
		running.Wait()
		require.NoError(w, db.Close())
		w.stop = func() {}
	}
}

// connect lets Slack reach the bot.
func (w *world) connect(ctx context.Context, running *sync.WaitGroup) {
	o := w.slack.Options()
	if !w.socket {
		mux := http.NewServeMux()
		h := &transport.HTTP{Secret: func() (string, error) { return o.SigningSecret, nil }, Handler: w.bot, Now: w.now, Log: w.runner.Log}
		h.Routes(mux)
		w.mux = mux
		w.slack.DeliverTo(mux)
		return
	}
	s := &transport.Socket{
		AppToken: func() (string, error) { return o.AppToken, nil }, APIURL: w.slack.APIURL(),
		Client: http.DefaultClient, Handler: w.bot, Log: w.runner.Log,
	}
	w.slack.SocketMode()
	running.Go(func() { s.Run(ctx) })
	require.Eventually(w, func() bool { return w.noConnections || w.slack.Connections() == 2 }, 5*time.Second, time.Millisecond)
}

// newRunner makes the Runner of one process.
func (w *world) newRunner(process string, db *store.Store) *runner.Runner {
	source := func() (string, error) { return token, nil }
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	transport, catalogue := w.sim.Transport(), tools.Default
	if w.disks != nil {
		transport, catalogue = w.disks, volumes.Catalogue()
	}
	client, err := apiclient.New(apiclient.Options{BaseURL: loopback, Token: source, Transport: transport, Logger: log})
	require.NoError(w, err)
	return &runner.Runner{
		Catalogue: catalogue,
		Client:    client, API: loopback, Token: source, Policy: w.currentPolicy,
		Store:   func(context.Context) (approval.Store, error) { return db, nil },
		Process: process,
		Slack:   func(context.Context) bool { return true },
		Now:     w.now, Random: rand.Reader, Log: log,
	}
}

// sent lists the writes that VPS.org received, as "DELETE /servers/12345/".
func (w *world) sent() []string { return testkit.Sent(w.sim) }

// records returns all records, newest first.
func (w *world) records() []approval.Record {
	w.Helper()
	all, err := w.store.Find(w.Context(), approval.Query{})
	require.NoError(w, err)
	return all
}

// waitLimit is the timeout of each wait, long enough for a loaded machine.
const waitLimit = 2 * time.Minute

// eventually waits for a condition that other goroutines bring about.
func (w *world) eventually(what string, ok func() bool) {
	w.Helper()
	require.Eventually(w, ok, waitLimit, 5*time.Millisecond, what)
}

// ephemeral waits for an ephemeral message to a user that contains a text.
func (w *world) ephemeral(user, holds string) (m *fakeslack.Message) {
	w.Helper()
	return w.message("for "+user+" alone", holds, func() []*fakeslack.Message { return w.slack.Ephemerals(user) })
}

// direct waits for a direct message that contains a text; posted for one in a channel.
func (w *world) direct(user, holds string) *fakeslack.Message {
	w.Helper()
	return w.message("direct to "+user, holds, func() []*fakeslack.Message { return w.slack.DMs(user) })
}

func (w *world) posted(channel, holds string) *fakeslack.Message {
	w.Helper()
	return w.message("in "+channel, holds, func() []*fakeslack.Message { return w.slack.Messages(channel) })
}

func (w *world) message(where, holds string, all func() []*fakeslack.Message) (found *fakeslack.Message) {
	w.Helper()
	deadline := time.Now().Add(waitLimit)
	for ; time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, m := range all() {
			if strings.Contains(m.Text(), holds) {
				found = m
			}
		}
		if found != nil {
			return found
		}
	}
	var texts []string
	for _, m := range all() {
		texts = append(texts, m.Text())
	}
	require.Failf(w, "no such message", "no message %s holds %q; there are:\n%s\nlog:\n%s", where, holds, strings.Join(texts, "\n---\n"), w.log)
	return nil
}

// request types a command that needs approval, and waits for the card.
func (w *world) request(user, command, holds string) (*fakeslack.Person, *fakeslack.Message) {
	w.Helper()
	p := w.slack.As(user).In(ops)
	p.Type("/vps " + command)
	return p, w.ephemeral(user, holds)
}

// waitNoButtons waits until a message has lost its buttons.
func (w *world) waitNoButtons(m *fakeslack.Message) {
	w.Helper()
	w.eventually("no buttons", func() bool { return len(m.Buttons()) == 0 })
}

// modal waits for a user's modal that contains a text.
func (w *world) modal(user, title string) (v *fakeslack.View) {
	w.Helper()
	w.eventually("a modal "+title, func() bool {
		v = w.slack.Modal(user)
		return v != nil && strings.Contains(v.Text(), title)
	})
	return v
}

// rename gives the first server another name.
func rename(name string) func(*simulator.World) {
	return func(world *simulator.World) { world.Servers[12345].Name = name }
}
