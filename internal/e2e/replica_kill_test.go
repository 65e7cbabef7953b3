package e2e_test

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

const (
	askingClients = 20
	readingTime   = runner.MinAnswerDelay + 50*time.Millisecond // on the machine's clock
	clientTimeout = 5 * time.Second                             // after which a client closes its call and repeats it
	callAgain     = 100 * time.Millisecond
)

// Two replicas serve clients through a proxy without affinity, and one of them is killed again and again. Clients repeat
// what got no answer, under the same request id. At full size a replica is "vpsbot serve" itself; else it is a process of
// this test, whose clock goes on faster while what was interrupted is settled.
func TestFigure21ReplicasKilled(t *testing.T) {
	t.Parallel()
	random, s := seededRand(t)
	program := ""
	if testkit.IsFull() {
		program = buildProgram(t)
	}
	k := newReplicaKillTest(t, random, testkit.Size(60, 1000), program)
	interval := time.Duration(testkit.Size(700, 2000)) * time.Millisecond
	stop := k.killEvery(interval)
	k.askAll()
	stop()
	k.settle()
	k.askAll() // whoever was told that it is not known how a change ended calls once more
	k.compare()
	logFigure(t, 21, "2 replicas (%s) on PostgreSQL behind a round-robin proxy, one killed -9 every %s, %d times, under %d asked changes of %d clients of both protocol revisions, which met %d broken requests: %s; 0 doubled, 0 lost, 0 without consent; no request was answered with 401 or 404, so no client initialized again (seed %d)",
		k.what(), interval, k.kills.Load(), len(k.servers), askingClients, k.broken.Load(), &k.ends, s)
}

// replicaKillTest runs the clients and the replicas.
type replicaKillTest struct {
	*world
	api     string
	sent    *writes
	servers []*simulator.Server
	yes     []bool           // what is answered about each server
	told    []runner.Outcome // about each change, to the client that asked for it
	clients []*httpClient
	running []*replicaProcess
	program string // vpsbot; "" for processes of this test
	folder  string // of its policy

	kills, broken atomic.Int64
	twice         atomic.Int64 // calls that failed when they were repeated
	ends          counter
}

// replicaProcess is a replica, which has the same address in each of its lives.
type replicaProcess struct {
	address string
	kill    func()
	stop    func()    // ends it by SIGTERM
	in      io.Writer // each byte puts its clock forward
}

func newReplicaKillTest(t *testing.T, random *rand.Rand, servers int, program string) *replicaKillTest {
	w := newWorld(t, pgtest.URL(t), simulator.Options{Speed: 1e12, Servers: servers})
	k := &replicaKillTest{program: program,
		world: w, sent: watchWrites(w), api: w.serve(plainListener), servers: runningServers(w),
		yes: make([]bool, servers), told: make([]runner.Outcome, servers),
	}
	for n := range k.yes {
		k.yes[n] = random.IntN(3) > 0
	}
	secrets := k.accessKeys(askingClients)
	for range 2 {
		p := &replicaProcess{address: freeAddress(t)}
		k.start(p)
		k.running = append(k.running, p)
	}
	t.Cleanup(func() {
		for _, p := range k.running {
			p.kill()
		}
	})
	url := roundRobin(t, k.running[0].address, k.running[1].address)
	for i := range askingClients {
		c := &httpClient{url: url, key: secrets[i], modern: i%2 == 1}
		require.NoError(t, c.initialize(t.Context()))
		k.clients = append(k.clients, c)
	}
	return k
}

// what names the processes.
func (k *replicaKillTest) what() string {
	if k.program == "" {
		return "processes of the test"
	}
	return "vpsbot serve"
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// replicaPolicy is [askersPolicy] as a file.
const replicaPolicy = `version: 1
rules: [{name: all, effect: allow, who: ["*"], operations: ["*"]}]
confirm: {disruptive: [mcp], destructive: [mcp]}
budgets: {deletions: 100000/1h, destructive: 100000/1h}
`

// accessKeys makes the access keys of the clients.
func (k *replicaKillTest) accessKeys(n int) (secrets []string) {
	k.Helper()
	if k.program != "" {
		k.folder = memoryFolder(k)
		require.NoError(k, os.WriteFile(filepath.Join(k.folder, "policy.yaml"), []byte(replicaPolicy), 0o600))
	}
	for i := range n {
		secret, hash, err := keys.New(cryptorand.Reader)
		require.NoError(k, err)
		name := fmt.Sprint("client-", i)
		row := audit.Row{At: time.Now(), Operation: "keys.create", Target: name, Decision: audit.Allowed}
		require.NoError(k, k.store.Add(k.Context(), keys.Key{Name: name, Hash: hash, CreatedAt: time.Now()}, row))
		if k.program == "" {
			secret = keyPrefix + name
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

// command is the process of a replica.
func (k *replicaKillTest) command(p *replicaProcess) *exec.Cmd {
	if k.program == "" {
		return child(k, "replica", append(childOf(k.url, k.api), "PROOF_LISTEN="+p.address))
	}
	cmd := exec.Command(k.program, "serve")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + k.folder, "XDG_STATE_HOME=" + k.folder, "VPS_API_URL=" + k.api, "VPS_API_TOKEN=" + token,
		"VPSBOT_DATABASE_URL=" + k.url, "VPSBOT_LISTEN=" + p.address, "VPSBOT_POLICY_FILE=" + filepath.Join(k.folder, "policy.yaml"),
		"VPSBOT_LOG_LEVEL=error",
	}
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts a replica, and returns when it listens.
func (k *replicaKillTest) start(p *replicaProcess) {
	cmd := k.command(p)
	in, _ := pipes(k, cmd)
	p.in = in
	var end sync.Once
	p.kill = func() {
		end.Do(func() {
			_ = cmd.Process.Kill()
			if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
				k.Errorf("the replica was not killed: %v", err)
			}
		})
	}
	p.stop = func() {
		end.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				k.Errorf("the replica did not end by itself: %v", err)
			}
		})
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			k.Errorf("the replica did not start: %v", err)
			return
		}
	}
}

// serveReplica is a child process: a replica that runs until it is killed or its input ends.
func serveReplica(db *store.Store) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	now, s := &clock{}, childConfig(db)
	s.policy, s.now, s.sleep = askersPolicy, now.Now, shortPause
	core, err := s.runner()
	if err != nil {
		return err
	}
	h := serveMCP(core, db)
	listener, err := net.Listen("tcp", os.Getenv("PROOF_LISTEN"))
	if err != nil {
		return err
	}
	go h.RunApproved(ctx)
	go core.Reconcile(ctx, func() bool { return true })
	go func() {
		_ = http.Serve(listener, h) //nolint:gosec // one that is killed needs no timeouts
	}()
	for step := make([]byte, 1); ; now.Advance(clockStep) {
		if _, err := os.Stdin.Read(step); err != nil {
			return nil //nolint:nilerr // the test has ended
		}
	}
}

// killEvery kills the replicas in turn, and starts each anew. stop ends that; both replicas run then.
func (k *replicaKillTest) killEvery(interval time.Duration) (stop func()) {
	done := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(interval):
			}
			p := k.running[i%len(k.running)]
			p.kill()
			k.kills.Add(1)
			k.start(p)
		}
	})
	return func() {
		close(done)
		killing.Wait()
	}
}

// askAll has the clients ask for the changes of all servers whose outcome they do not know.
func (k *replicaKillTest) askAll() {
	k.Helper()
	testkit.Concurrently(len(k.clients), func(i int) {
		for n := i; n < len(k.servers) && !k.Failed(); n += len(k.clients) {
			if k.told[n] == "" || k.told[n] == runner.Unknown {
				k.told[n] = k.change(k.clients[i], n)
			}
		}
	})
	require.False(k, k.Failed())
}

// change asks for a change until there is an outcome. One that is unknown is settled when the clocks go on.
func (k *replicaKillTest) change(c *httpClient, n int) (told runner.Outcome) {
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end) && !k.Failed(); time.Sleep(callAgain) {
		failed := err != nil
		var result *toolResult
		result, err = k.try(c, n)
		status, _ := errors.AsType[*statusError](err)
		if status != nil && slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, status.status) {
			k.Errorf("client %d is turned away: %v", n%askingClients, err)
		}
		switch {
		case err != nil:
			k.broken.Add(1)
			if failed {
				k.twice.Add(1)
				k.Logf("the change of %s failed twice: %v", k.servers[n].Name, err)
			}
		case !slices.Contains([]runner.Outcome{runner.ApprovalRequired, runner.Busy}, result.StructuredContent.Outcome):
			return result.StructuredContent.Outcome
		}
	}
	k.Errorf("no outcome of the change of %s", k.servers[n].Name)
	return ""
}

// try makes a call, and answers its question. A request that fails is not repeated here.
func (k *replicaKillTest) try(c *httpClient, n int) (*toolResult, error) {
	ctx, cancel := context.WithTimeout(k.Context(), clientTimeout)
	defer cancel()
	tool, arguments, answer := changeOf(k.servers[n])
	if !k.yes[n] {
		answer = `{"action":"decline"}`
	}
	call, err := c.call(ctx, tool, arguments, fmt.Sprint("request-", n))
	if err != nil || call.result != nil {
		return call.resultOf(err)
	}
	time.Sleep(readingTime)
	if _, err = call.answer(ctx, answer); err != nil {
		return nil, err
	}
	return call.outcome()
}

func (k *httpCall) resultOf(err error) (*toolResult, error) {
	if err != nil {
		return nil, err
	}
	return k.result, nil
}

// settle puts the clocks forward until each record has ended.
func (k *replicaKillTest) settle() {
	k.Helper()
	open := func() (open []approval.Record) {
		for _, rec := range k.records() {
			if rec.State.IsOpen() {
				open = append(open, rec)
			}
		}
		return open
	}
	for end := time.Now().Add(2 * time.Minute); len(open()) > 0; time.Sleep(100 * time.Millisecond) {
		for _, p := range k.running {
			_, err := p.in.Write([]byte{0}) // serve itself reads nothing
			require.NoError(k, err)
		}
		require.True(k, time.Now().Before(end), "unsettled: %+v", open())
	}
}

func (k *replicaKillTest) records() []approval.Record {
	k.Helper()
	all, err := k.store.Find(context.WithoutCancel(k.Context()), approval.Query{Limit: 1 << 30})
	require.NoError(k, err)
	return all
}

// toldOf is what clients are told of a record in the end.
var toldOf = map[approval.State]runner.Outcome{approval.Done: runner.Done, approval.Denied: runner.Declined, approval.NotApplied: runner.Refused}

// compare compares the calls that arrived at VPS.org, the answers, the records, and what each client was told.
func (k *replicaKillTest) compare() {
	k.Helper()
	log, arrived := readLog(k, k.store), map[string]int{}
	for _, write := range k.sent.keys {
		arrived[write]++
	}
	records := map[string]approval.Record{}
	for _, rec := range k.records() {
		require.NotContains(k, records, rec.RequestID, "two records of one request")
		records[rec.RequestID] = rec
	}
	require.Len(k, records, len(k.servers))
	for n, server := range k.servers {
		rec := records[fmt.Sprint("request-", n)]
		want, legal := 0, []approval.State{approval.Denied}
		if k.yes[n] {
			legal = []approval.State{approval.Done, approval.NotApplied}
		}
		require.Contains(k, legal, rec.State, "%s, answered yes: %t: %s", server.Name, k.yes[n], rec.Message)
		if rec.State == approval.Done {
			want = 1
		}
		require.Equal(k, want, arrived[writeOf(server)], "%s is %s%s", server.Name, rec.State, log.logOf(server.Name))
		require.Equal(k, toldOf[rec.State], k.told[n], "%s is %s", server.Name, rec.State)
		delete(arrived, writeOf(server))
		k.ends.add(string(rec.State), 1)
	}
	require.Empty(k, arrived, "nothing else was sent")
	log.requireComplete(k)
}
