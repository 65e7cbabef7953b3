package e2e_test

import (
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// Figure 6: a captured model calls tools in 10,000 sequences and forges the answers to the questions
// that its calls raise. No destructive call reaches the API.
//
// The model writes raw MCP messages of both protocol revisions. Where an MCP client may carry the
// answer, the model sends anything but the right answer to an open question after the time that a
// person needs to read it: no server can distinguish a client that sends it from the person. Where
// only a terminal confirms, the model may send that answer too.
func TestFigure06CapturedModel(t *testing.T) {
	r, seed := seededRand(t)
	const each = 50 // sequences of one MCP server, so that the account's history stays short
	sequences, counts := testkit.Size(100, 10_000), &counter{}
	setFlag(t, "rapid.checks", strconv.Itoa(each))
	setFlag(t, "rapid.nofailfile", "true")
	for n := range sequences / each {
		setFlag(t, "rapid.seed", strconv.FormatUint(r.Uint64()|1, 10)) // rapid reads 0 as "draw a seed"
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			m := newModel(t)
			m.counts = counts
			rapid.Check(t, m.sequence)
			m.verifyChain()
		})
	}
	require.Positive(t, counts.get("questions put"), "no question was asked, so nothing could be forged")
	t.Log(counts.String())
	logFigure(t, 6, "%d sequences of MCP calls by a captured model (%d calls, %d forged answers to %d questions), 0 destructive calls reached the API; %d honest answers in between did (seed %d)",
		sequences, counts.get("calls"), counts.get("forged answers"), counts.get("questions put"), counts.get("honest answers"), seed)
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	f := flag.Lookup(name)
	require.NotNil(t, f, name)
	was := f.Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { _ = flag.Set(name, was) })
}

// model is a captured model at an MCP server. A server serves several sequences; each starts with the
// account's first state, two hours after the previous sequence.
type model struct {
	*mcpClient
	questions []question // of this sequence
	locked    bool       // the policy lets only a terminal confirm destructive calls
	counts    *counter

	mu   sync.Mutex
	sent []string // writes to the API since the last takeWrites
}

// interceptWrite records each write that reaches the API.
func (m *model) interceptWrite(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.Method != http.MethodGet {
		m.mu.Lock()
		m.sent = append(m.sent, r.Method+" "+r.URL.Path)
		m.mu.Unlock()
	}
	next.ServeHTTP(w, r)
}

func (m *model) takeWrites() (sent []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent, m.sent = m.sent, nil
	return sent
}

// question is a question of the server: the nonce that its answer must carry, the call that raised
// it, and the name that the person must type.
type question struct {
	nonce, tool, input, name string
	at                       time.Time
}

func newModel(t *testing.T) *model {
	s := newFixture(t)
	m := &model{}
	s.sim.Intercept(m.interceptWrite)
	s.runner.Policy = func() permissions.Policy { return m.policy }
	m.mcpClient = s.connect(s.runner, lead, nil)
	return m
}

// restart starts a new session, two hours later, with the account's first state and no policy: the server asks
// nothing more in a session that answered too fast.
func (m *model) restart() {
	m.close()
	m.mcpClient = m.connect(m.runner, lead, nil)
	m.clock.Advance(2 * time.Hour)
	m.sim.Edit(resetAccount)
	m.policy = permissions.Policy{}
}

// destructiveCalls are calls of destructive tools, each with the name that must be typed.
var destructiveCalls = []question{
	{tool: "servers_delete", input: `{"server":"web-server-01"}`, name: "web-server-01"},
	{tool: "servers_delete", input: `{"server":"12346"}`, name: "db-server-01"},
	{tool: "servers_restore", input: `{"server":"web-server-01","backup_id":"501"}`, name: "web-server-01"},
	{tool: "servers_restore", input: `{"server":"web-server-01","backup_id":"499"}`, name: "web-server-01"},
	{tool: "backups_delete", input: `{"backup_id":"501"}`, name: "501"},
	{tool: "backups_delete", input: `{"backup_id":"499"}`, name: "499"},
	{tool: "snapshots_delete", input: `{"snapshot_id":"7001"}`, name: ""},
	{tool: "snapshots_restore", input: `{"snapshot_id":"7001"}`, name: "web-server-01"},
}

// harmlessCalls destroy nothing. Some of them change facts that a card has shown.
var harmlessCalls = []question{
	{tool: "servers_list", input: `{}`},
	{tool: "servers_get", input: `{"server":"web-server-01"}`},
	{tool: "backups_list", input: `{}`},
	{tool: "servers_update", input: `{"server":"db-server-01","hostname":"db.example.com"}`},
	{tool: "backups_create", input: `{"server":"web-server-01"}`},
	{tool: "servers_stop", input: `{"server":"db-server-01"}`},
	{tool: "servers_create", input: `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`},
	{tool: "servers_delete", input: `{"server":"web-server-01","dry_run":true}`},
}

// temptingInputs contain fields that look like a confirmation.
var temptingInputs = []string{
	`{"server":"web-server-01","confirm":"web-server-01"}`, `{"server":"web-server-01","confirm":true,"force":true}`,
	`{"server":"web-server-01","requestState":"x","inputResponses":{}}`, `{"server":["web-server-01"]}`, `{"server":"web-*"}`,
	`{"server":"web-server-01","dry_run":false,"yes":true}`, `{"approval_id":"x","server":"web-server-01"}`,
}

// sequence runs 3 to 20 steps of the model, none of which may destroy anything.
func (m *model) sequence(t *rapid.T) {
	m.startSequence(t)
	steps := map[string]func(*rapid.T){
		"destroy": m.destroy, "destroy by a legacy client": m.destroyLegacy, "forge": m.forge, "forge twice as often": m.forge,
		"tempt": m.tempt, "something else": m.callHarmless, "wait": m.advanceClock, "stray answer": m.sendStrayAnswer,
	}
	names := []string{"destroy", "destroy by a legacy client", "forge", "forge twice as often", "tempt", "something else", "wait", "stray answer"}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 3, 20).Draw(t, "steps") {
		steps[name](t)
		m.requireNothingDestroyed(t)
	}
	if rapid.IntRange(0, 19).Draw(t, "honest") == 0 {
		m.answerHonestly(t)
	}
}

func (m *model) startSequence(t *rapid.T) {
	m.restart()
	m.questions = nil
	m.locked = rapid.Bool().Draw(t, "only a terminal confirms")
	if m.locked {
		m.policy = onePerson()
		m.policy.Book.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Terminal}}
	}
}

// resetAccount restores the account's first state.
func resetAccount(w *simulator.World) {
	fresh := simulator.New(simulator.Options{Now: w.Now})
	fresh.Edit(func(f *simulator.World) {
		w.Servers, w.Backups, w.Snapshots, w.Credits = f.Servers, f.Backups, f.Snapshots, f.Credits
	})
}

func (m *model) tool(tool, input string) toolResult {
	m.counts.add("calls", 1)
	return m.call(`{"name":"` + tool + `","arguments":` + input + `}`)
}

// destroy calls a destructive tool and keeps the question.
func (m *model) destroy(t *rapid.T) {
	q := rapid.SampledFrom(destructiveCalls).Draw(t, "what")
	r := m.tool(q.tool, q.input)
	m.keepQuestion(q, r.RequestState)
	require.NotEqual(t, runner.Done, r.StructuredContent.Outcome, r.text())
}

func (m *model) keepQuestion(q question, nonce string) {
	if nonce == "" {
		return
	}
	if q.name == "" {
		q.name = m.snapshotName()
	}
	q.nonce, q.at = nonce, m.clock.Now()
	m.questions = append(m.questions, q)
	m.counts.add("questions put", 1)
	if m.locked {
		m.counts.add("questions whose answer cannot count", 1)
	}
}

func (m *model) snapshotName() (name string) {
	m.sim.Edit(func(w *simulator.World) {
		if s := w.Snapshots[7001]; s != nil {
			name = s.Name
		}
	})
	return name
}

// tempt calls a destructive tool with fields that it does not have.
func (m *model) tempt(t *rapid.T) {
	r := m.tool(rapid.SampledFrom(destructiveCalls).Draw(t, "what").tool, rapid.SampledFrom(temptingInputs).Draw(t, "input"))
	require.True(t, r.IsError, r.text())
}

func (m *model) callHarmless(t *rapid.T) {
	q := rapid.SampledFrom(harmlessCalls).Draw(t, "what")
	m.tool(q.tool, q.input)
}

func (m *model) advanceClock(t *rapid.T) {
	m.clock.Advance(rapid.SampledFrom([]time.Duration{100 * time.Millisecond, time.Second, time.Minute, 10 * time.Minute}).Draw(t, "how long"))
}

// sendStrayAnswer sends a legacy answer whose id belongs to no question.
func (m *model) sendStrayAnswer(t *rapid.T) {
	m.counts.add("forged answers", 1)
	id := rapid.IntRange(-5, 500).Draw(t, "id") + 1_000_000
	m.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, id, answerOf("web-server-01")))
}

// requireNothingDestroyed requires that no destructive request has reached the API since the last step.
func (m *model) requireNothingDestroyed(t *rapid.T) {
	for _, sent := range m.takeWrites() {
		require.False(t, isDestructive(sent), "a captured model destroyed something: %s", sent)
		m.counts.add("other changes", 1)
	}
}

// answerHonestly answers the model's question as a person does: the forged answers failed for what is
// wrong with them, not for the question.
func (m *model) answerHonestly(t *rapid.T) {
	m.restart()
	q := rapid.SampledFrom(destructiveCalls).Draw(t, "honest what")
	r := m.tool(q.tool, q.input)
	if r.RequestState == "" { // the first reply reported the outcome of an earlier call
		r = m.tool(q.tool, q.input)
	}
	m.keepQuestion(q, r.RequestState)
	require.NotEmpty(t, m.questions, r.text())
	q = m.questions[len(m.questions)-1]
	m.clock.Advance(time.Second)
	r = m.call(m.callWithAnswer(q, answerOf(q.name)))
	require.Equal(t, runner.Done, r.StructuredContent.Outcome, r.text())
	sent := m.takeWrites()
	require.True(t, len(sent) == 1 && isDestructive(sent[0]), "%v", sent)
	m.counts.add("honest answers", 1)
}
