package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// questionsAtOnce are the questions that wait for an answer at the same time.
var questionsAtOnce = testkit.Size(20, 50)

// Clients of both protocol revisions call through a proxy that sends each request to the next of two replicas, so that
// the answer to a question often reaches the replica that did not put it.
func TestFigure20AnsweredAtAnyReplica(t *testing.T) {
	t.Parallel()
	random, s := seededRand(t)
	f := newReplicas(t, testkit.Size(60, 1000))
	for from := 0; from < len(f.servers); from += questionsAtOnce {
		f.round(random, from, min(from+questionsAtOnce, len(f.servers)))
	}
	f.compare()
	logFigure(t, 20, "2 replicas on PostgreSQL behind a round-robin proxy, %d questions to clients of both protocol revisions: %s; each yes one call to VPS.org, each no none, every call got its outcome; each of %d changes whose answer another replica took was taken up by the first look after it, and there is one a second (seed %d)",
		len(f.servers), &f.count, f.found.Load(), s)
}

// replicas are two replicas in this process, each with its own connections to the store.
type replicas struct {
	*world
	sent    *writes
	servers []*simulator.Server
	clients []*httpClient
	looks   map[string]*lookCounter // by the address of the replica
	yes     []bool                  // by server
	count   counter
	found   atomic.Int64 // changes of whose answer the looks learn
}

func newReplicas(t *testing.T, servers int) *replicas {
	w := newWorld(t, pgtest.URL(t), simulator.Options{Speed: 1e12, Servers: servers})
	w.policy = askersPolicy()
	f := &replicas{world: w, sent: watchWrites(w), servers: runningServers(w), looks: map[string]*lookCounter{}, yes: make([]bool, servers)}
	url := roundRobin(t, f.replica("process-1"), f.replica("process-2"))
	for i := range questionsAtOnce {
		c := &httpClient{url: url, key: fmt.Sprint(keyPrefix, "client-", i), modern: i%2 == 1}
		require.NoError(t, c.initialize(t.Context()))
		f.clients = append(f.clients, c)
	}
	return f
}

// runningServers starts all servers of the account, and returns them.
func runningServers(w *world) (servers []*simulator.Server) {
	w.sim.Edit(func(world *simulator.World) {
		for _, server := range world.Servers {
			server.Status = simulator.Active
			servers = append(servers, server)
		}
	})
	slices.SortFunc(servers, func(a, b *simulator.Server) int { return a.ID - b.ID })
	return servers
}

// askersPolicy lets everybody change everything, and confirm it over MCP.
func askersPolicy() permissions.Policy {
	here, lots := []permissions.Surface{permissions.MCP}, permissions.Rate{Most: 1e9, Within: time.Hour}
	return permissions.Policy{Book: &permissions.Rulebook{
		Rules:   []permissions.Rule{{Name: "all", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Operations: []permissions.Glob{"*"}}},
		Confirm: map[permissions.Risk][]permissions.Surface{permissions.Disruptive: here, permissions.Destructive: here},
		Budgets: map[string]permissions.Rate{"deletions": lots, "destructive": lots},
	}}
}

// serveMCP makes the handler of /mcp, which knows the access keys of the tests.
func serveMCP(core *runner.Runner, db *store.Store) *mcpserver.HTTP {
	s := &mcpserver.Server{Runner: core, Version: "1", Log: core.Log}
	return s.HTTP(mcpserver.HTTPOptions{
		Secret:       func(ctx context.Context) ([]byte, error) { return db.Secret(ctx, "serve") },
		Authenticate: func(_ context.Context, key string) (permissions.Actor, error) { return actorOf(key), nil },
		Limits:       mcpserver.Limits{PerSecond: 1e6, AtOnce: 1000, InAll: 1000},
	})
}

// replica starts a replica, and returns its address.
func (f *replicas) replica(process string) string {
	f.Helper()
	c := f.processConfig(process)
	db, looks := open(f, f.url), &lookCounter{found: map[string]int{}, taken: map[string]int{}}
	looks.Store, c.store = db, looks
	h := serveMCP(f.runner(c), db)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	f.looks[listener.Addr().String()] = looks
	server := &http.Server{Handler: h} //nolint:gosec // of a test
	ctx, stop := context.WithCancel(context.WithoutCancel(f.Context()))
	var running sync.WaitGroup
	running.Go(func() { h.RunApproved(ctx) })
	running.Go(func() { _ = server.Serve(listener) })
	f.Cleanup(func() {
		h.Stop()
		stop()
		_ = server.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// lookCounter counts the looks of a replica for changes that are agreed to.
type lookCounter struct {
	approval.Store
	mu    sync.Mutex
	begun int
	found map[string]int // by the id of a record, the look that found it first
	taken map[string]int // the newest look when the record was read next, to be run
}

func (l *lookCounter) Find(ctx context.Context, q approval.Query) ([]approval.Record, error) {
	if len(q.States) != 1 || q.States[0] != approval.Approved {
		return l.Store.Find(ctx, q)
	}
	l.mu.Lock()
	l.begun++
	look := l.begun
	l.mu.Unlock()
	found, err := l.Store.Find(ctx, q)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, rec := range found {
		if l.found[rec.ID] == 0 {
			l.found[rec.ID] = look
		}
	}
	return found, err
}

func (l *lookCounter) Record(ctx context.Context, id string) (approval.Record, error) {
	l.mu.Lock()
	if l.found[id] != 0 && l.taken[id] == 0 {
		l.taken[id] = l.begun
	}
	l.mu.Unlock()
	return l.Store.Record(ctx, id)
}

func (l *lookCounter) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.begun
}

// tookFrom reports whether a record was found by that look or before, and was then taken up to be run.
func (l *lookCounter) tookFrom(look int, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, taken := l.found[id], l.taken[id]
	return found != 0 && found <= look && taken != 0 && taken <= found+1 // the next look may begin meanwhile
}

// round asks one question for each of some servers, and answers them all.
func (f *replicas) round(random *rand.Rand, from, to int) {
	f.Helper()
	calls := make([]*httpCall, to-from)
	testkit.Concurrently(len(calls), func(i int) {
		tool, arguments, _ := changeOf(f.servers[from+i])
		call, err := f.clients[i].call(f.Context(), tool, arguments, "")
		if err != nil || call.question == "" {
			f.Errorf("%s %s asks nothing: %+v, %v", tool, arguments, call, err)
			return
		}
		calls[i] = call
	})
	require.False(f, f.Failed())
	f.clock.Advance(time.Second) // in which a person reads
	for i := from; i < to; i++ {
		f.yes[i] = random.IntN(2) == 0
	}
	testkit.Concurrently(len(calls), func(i int) { f.answer(calls[i], from+i) })
	require.False(f, f.Failed())
}

// changeOf is a change of a server, and the form of a yes to it. One of two changes is a delete, whose form wants the
// name.
func changeOf(s *simulator.Server) (tool, arguments, yes string) {
	arguments = fmt.Sprintf(`{"server":%d}`, s.ID)
	if s.ID%2 == 0 {
		return "servers_delete", arguments, `{"action":"accept","content":{"name":"` + s.Name + `"}}`
	}
	return "servers_stop", arguments, `{"action":"accept","content":{"answer":"yes"}}`
}

// writeOf is what VPS.org receives for that change.
func writeOf(s *simulator.Server) string {
	if s.ID%2 == 0 {
		return fmt.Sprintf("DELETE /servers/%d/", s.ID)
	}
	return fmt.Sprintf("POST /servers/%d/stop/", s.ID)
}

// answer answers a question, and checks the outcome of the call.
func (f *replicas) answer(k *httpCall, i int) {
	_, _, answer := changeOf(f.servers[i])
	want, word := runner.Done, "yes"
	if !f.yes[i] {
		answer, want, word = `{"action":"decline"}`, runner.Declined, "no"
	}
	asking := k.replica
	taking, err := k.answer(f.Context(), answer)
	if err != nil {
		f.Errorf("the answer %s was not taken: %v", word, err)
		return
	}
	looks := map[*lookCounter]int{}
	for _, l := range f.looks {
		looks[l] = l.now()
	}
	result, err := k.outcome()
	if err != nil || result.StructuredContent.Outcome != want {
		f.Errorf("the answer %s ended as %+v, %v", word, result, err)
		return
	}
	if taking == asking {
		f.count.add(word+", taken by the same replica", 1)
		return
	}
	f.count.add(word+", taken by the other replica", 1)
	if !f.yes[i] || k.client.modern {
		return
	}
	f.found.Add(1)
	if !tookInTime(looks, result.StructuredContent.ApprovalID) {
		f.Errorf("the first look after the answer did not take up %s", result.StructuredContent.ApprovalID)
	}
}

// tookInTime reports whether one of the looks that began next took up a record.
func tookInTime(looks map[*lookCounter]int, id string) bool {
	for l, begun := range looks {
		if l.tookFrom(begun+1, id) {
			return true
		}
	}
	return false
}

// compare compares the calls that arrived at VPS.org with the answers.
func (f *replicas) compare() {
	f.Helper()
	arrived := map[string]int{}
	for _, write := range f.sent.keys {
		arrived[write]++
	}
	for i, server := range f.servers {
		write, want := writeOf(server), 0
		if f.yes[i] {
			want = 1
		}
		require.Equal(f, want, arrived[write], "%s, answered yes: %t", write, f.yes[i])
		delete(arrived, write)
	}
	require.Empty(f, arrived, "nothing else was sent")
	readLog(f, f.store).requireComplete(f)
}
