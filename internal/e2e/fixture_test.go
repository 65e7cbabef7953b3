package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// The actors of the fixture's policy: the lead requests, the second person may approve, the outsider
// is a person of the policy without rights, the stranger is not in the policy.
const (
	lead       = permissions.Actor("local:lead")
	leadLaptop = permissions.Actor("key:lead-laptop")
	second     = permissions.Actor("key:second")
	outsider   = permissions.Actor("local:outsider")
	stranger   = permissions.Actor("local:stranger")
)

// seededRand returns a random source and the seed that repeats it.
func seededRand(t testing.TB) (r *rand.Rand, seed uint64) {
	t.Helper()
	seed = testkit.Seed(t)
	return rand.New(rand.NewPCG(seed, seed)), seed
}

// fixture is an account on the simulator, a store, and the Runner of one process, with a test clock.
type fixture struct {
	testing.TB
	sim    *simulator.Simulator
	store  *store.Store
	folder string // of the store's files
	clock  *testkit.Clock
	log    *testkit.Log
	policy permissions.Policy
	token  string
	runner *runner.Runner
}

// memoryFolder is a folder in /dev/shm where the system has it: these tests do not depend on a disk.
func memoryFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "vpsbot-proof-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	s := &fixture{TB: t, clock: testkit.NewClock(time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)), log: &testkit.Log{}, token: token}
	s.sim = simulator.New(simulator.Options{Now: s.clock.Now, Speed: 1000})
	s.folder = memoryFolder(t)
	path := filepath.Join(s.folder, "vpsbot.db")
	storetest.Place(t, path)
	s.store = open(t, "sqlite:"+path)
	s.runner = s.newRunner("process-1", s.sim.Transport())
	return s
}

// logger redacts the token, as the program's logger does.
func (s *fixture) logger() *slog.Logger {
	out := redact.Writer(s.log, func() []string { return []string{s.token} })
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// newRunner makes the Runner of another process on the same store.
func (s *fixture) newRunner(id string, transport http.RoundTripper) *runner.Runner {
	s.Helper()
	core, err := processConfig{
		process: id, url: localhost, token: func() string { return s.token }, transport: transport, store: s.store,
		policy: func() permissions.Policy { return s.policy },
		now:    s.clock.Now, sleep: shortSleep, log: s.logger(),
	}.runner()
	require.NoError(s, err)
	return core
}

// mcpCall is a call of an actor's assistant.
func mcpCall(actor permissions.Actor, operation, input string) runner.Call {
	return runner.Call{Operation: operation, Input: []byte(input), Actor: actor, Surface: permissions.MCP, CanPrompt: true}
}

// requestApproval makes a call that needs approval and returns its record.
func (s *fixture) requestApproval(c runner.Call) approval.Record {
	s.Helper()
	reply := s.runner.Run(s.Context(), c)
	require.Equal(s, runner.ApprovalRequired, reply.Outcome, "%s %s: %s", c.Operation, c.Input, reply.Message)
	return *reply.Record
}

// recordByID reads a record.
func (s *fixture) recordByID(id string) approval.Record {
	s.Helper()
	rec, err := s.store.Record(context.WithoutCancel(s.Context()), id)
	require.NoError(s, err)
	return rec
}

// writes lists the writes that the API received, as "DELETE /servers/12345/".
func (s *fixture) writes() []string { return testkit.Sent(s.sim) }

// verifyChain verifies the audit log and returns the number of its rows.
func (s *fixture) verifyChain() int64 {
	s.Helper()
	report, err := audit.Verify(s.store.Rows(context.WithoutCancel(s.Context()), audit.Filter{}))
	require.NoError(s, err)
	return report.Rows
}

// isDestructive reports whether a request deletes something or overwrites a disk.
func isDestructive(request string) bool {
	return strings.HasPrefix(request, "DELETE ") || strings.HasPrefix(request, "POST ") && strings.HasSuffix(request, "/restore/")
}

// twoApproverPolicy is a policy in which the lead and the second person run everything, and each
// destructive operation needs the other's approval.
func twoApproverPolicy() permissions.Policy {
	both := []permissions.Principal{"lead", "second"}
	destructive := []permissions.Risk{permissions.Destructive}
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "lead", Identities: []permissions.Actor{lead, leadLaptop}},
			{ID: "second", Identities: []permissions.Actor{second}},
			{ID: "outsider", Identities: []permissions.Actor{outsider}},
		},
		Rules: []permissions.Rule{
			{Name: "all read", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Risks: []permissions.Risk{permissions.Read}},
			{Name: "both run", Effect: permissions.Allow, Who: both, Risks: []permissions.Risk{permissions.Change, permissions.Disruptive, permissions.Billable}},
			{Name: "two destroy", Effect: permissions.Allow, Who: both, Risks: destructive, Approvers: &permissions.Approvers{Count: 1, Who: both}},
		},
	}}
}

// bitFlipped returns a text with one bit flipped.
func bitFlipped(r *rand.Rand, text string) string {
	raw := []byte(text)
	i := r.IntN(len(raw) * 8)
	raw[i/8] ^= 1 << (i % 8)
	return string(raw)
}

// randomID returns a text of the format of ids and nonces.
func randomID(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var b strings.Builder
	for range 26 {
		b.WriteByte(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// pick draws one element of a list.
func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// counter counts by name, for the line of a figure.
type counter struct {
	mu    sync.Mutex
	names []string
	count map[string]int
}

func (y *counter) add(name string, n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.count == nil {
		y.count = map[string]int{}
	}
	if _, there := y.count[name]; !there {
		y.names = append(y.names, name)
	}
	y.count[name] += n
}

// get returns the count of a name.
func (y *counter) get(name string) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.count[name]
}

func (y *counter) String() string {
	parts := make([]string, len(y.names))
	for i, name := range y.names {
		parts[i] = fmt.Sprintf("%s %d", name, y.count[name])
	}
	return strings.Join(parts, ", ")
}

// logFigure logs the line of a figure, unless the test has failed.
func logFigure(t testing.TB, number int, format string, args ...any) {
	t.Helper()
	if !t.Failed() {
		testkit.Figure(t, number, format, args...)
	}
}
