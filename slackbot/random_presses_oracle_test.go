package slackbot_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/permissions"
)

// pressTest presses buttons at random, and has a model of the writes that the presses allow.
type pressTest struct {
	*world
	*rand.Rand
	batch   int
	buttons []placedButton

	presses, modals, policies, renames, clockJumps int

	forged atomic.Int64 // presses by an unknown user

	mu              sync.Mutex
	rule            int // index in policyCases
	names           map[int]string
	actions         []userAction
	sent            map[string]bool // by record
	secondApprovals int
}

// placedButton is a button and the message that has or had it.
type placedButton struct {
	on     *fakeslack.Message
	button fakeslack.Button
}

// userAction is a press or a typed name, which may be a consent.
type userAction struct {
	user, kind, record, typed string
	batch                     int
}

// policyCase is a policy, and the same policy as two predicates.
type policyCase struct {
	change          func(*permissions.Policy)
	runs            func(user, server string) bool // may run everything on the server, and approve it for others
	secondApprovals func(server string) bool       // a disruptive operation on it requires a second person
}

func isWeb(server string) bool { return strings.HasPrefix(server, "web-") }
func isDB(server string) bool  { return strings.HasPrefix(server, "db-") }
func isRun(server string) bool { return isWeb(server) || isDB(server) }

var policyCases = []policyCase{
	{func(*permissions.Policy) {}, func(u, s string) bool { return isRun(s) && (u == lea || u == max) }, isDB},
	{
		func(p *permissions.Policy) { p.Book.Protected = []permissions.ServerPattern{"db-*", "web-*"} },
		func(u, s string) bool { return isRun(s) && (u == lea || u == max) }, isRun,
	},
	{
		func(p *permissions.Policy) { p.Book.Rules[1].Who, p.Book.Rules[2].Who = only("lea"), only("lea") },
		func(u, s string) bool { return isRun(s) && u == lea }, isDB,
	},
	{
		func(p *permissions.Policy) { p.Book.Rules[1].Who = only("max") },
		func(u, s string) bool { return isRun(s) && u == max || isDB(s) && u == lea }, isDB,
	},
}

func only(who permissions.Principal) []permissions.Principal { return []permissions.Principal{who} }

// checkRequest is an interceptor of the API: it checks each write against the model.
func (c *pressTest) checkRequest(rw http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.Method != http.MethodGet {
		c.checkWrite(r)
	}
	next.ServeHTTP(rw, r)
}

var serverOf = regexp.MustCompile(`/servers/(\d+)/`)

func (c *pressTest) checkWrite(r *http.Request) {
	fail := func(format string, args ...any) {
		c.Errorf("%s %s: %s", r.Method, r.URL.Path, fmt.Sprintf(format, args...))
	}
	id := serverOf.FindStringSubmatch(r.URL.Path)
	if id == nil {
		fail("no request has such a write")
		return
	}
	running, err := c.store.Find(r.Context(), approval.Query{States: []approval.State{approval.Executing}})
	running = slices.DeleteFunc(running, func(rec approval.Record) bool { return rec.Target != "server:"+id[1] })
	if err != nil || len(running) != 1 {
		fail("%d records are claimed (%v)", len(running), err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rec, now := running[0], policyCases[c.rule]
	var n int
	fmt.Sscan(id[1], &n)
	name, requester := c.names[n], strings.TrimPrefix(rec.Actor, "slack:")
	if c.sent[rec.ID] {
		fail("record %s is sent for the second time", rec.ID)
	}
	c.sent[rec.ID] = true
	if name != rec.TargetName {
		fail("the card says %s, the server is called %s", rec.TargetName, name)
	}
	if !now.runs(requester, name) {
		fail("%s may not, by policy %d", requester, c.rule)
	}
	if !c.hasConsented(requester, rec) {
		fail("%s, who asked, has not agreed", requester)
	}
	if c.hasDeclined(requester, rec) {
		fail("%s, who asked, has said no before", requester)
	}
	if !now.secondApprovals(name) {
		return
	}
	c.secondApprovals++
	if !slices.ContainsFunc(people, func(u string) bool { return u != requester && now.runs(u, name) && c.hasConsented(u, rec) }) {
		fail("nobody else has agreed, which policy %d wants", c.rule)
	}
}

// hasConsented reports whether a user has pressed a button that confirms the record and, where the record
// requires it, typed the name.
func (c *pressTest) hasConsented(user string, rec approval.Record) bool {
	pressed := slices.ContainsFunc(c.actions, func(d userAction) bool {
		return d.user == user && d.record == rec.ID && (d.kind == "confirm" || d.kind == "approve")
	})
	typed := rec.Confirm == "" || slices.ContainsFunc(c.actions, func(d userAction) bool {
		return d.user == user && d.kind == "type" && d.typed == rec.Confirm
	})
	return pressed && typed
}

// hasDeclined reports whether a user pressed Cancel in an earlier batch.
func (c *pressTest) hasDeclined(user string, rec approval.Record) bool {
	return slices.ContainsFunc(c.actions, func(d userAction) bool {
		return d.user == user && d.record == rec.ID && d.kind == "cancel" && d.batch < c.batch
	})
}

func (c *pressTest) nextBatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch++
}

func (c *pressTest) recordAction(d userAction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.batch = c.batch
	c.actions = append(c.actions, d)
}

// unfinishedRecords are the records that may still send a write.
func (c *pressTest) unfinishedRecords() []approval.Record {
	all, err := c.store.Find(c.Context(), approval.Query{States: []approval.State{approval.Approved, approval.Executing, approval.Unknown}})
	require.NoError(c, err)
	return all
}

func (c *pressTest) allRecords() []approval.Record {
	all, err := c.store.Find(c.Context(), approval.Query{Limit: 1 << 30})
	require.NoError(c, err)
	return all
}

// typeCommands types one to four commands as random users, and waits for the cards.
func (c *pressTest) typeCommands() {
	for range 1 + c.IntN(4) {
		server := []string{"12345", "12346"}[c.IntN(2)]
		operation := []string{"stop", "reboot", "delete"}[c.IntN(3)]
		c.slack.As([]string{lea, lea, max, max, eve, stranger}[c.IntN(6)]).In(ops).Type("/vps " + operation + " " + server)
	}
	c.waitIdle()
	c.eventually("the cards are there", func() bool {
		c.collectButtons()
		have := map[string]bool{}
		for _, b := range c.buttons {
			have[b.button.Value] = true
		}
		open, err := c.store.Find(c.Context(), approval.Query{States: []approval.State{approval.Pending}})
		require.NoError(c, err)
		return !slices.ContainsFunc(open, func(rec approval.Record) bool { return !have[rec.ID] })
	})
}

// collectButtons collects the buttons of all messages, also of their earlier versions.
func (c *pressTest) collectButtons() {
	known := map[placedButton]bool{}
	for _, b := range c.buttons {
		known[b] = true
	}
	messages := slices.Concat(c.slack.Messages(approvals), c.slack.Ephemerals(lea), c.slack.Ephemerals(max))
	for _, m := range messages {
		for _, v := range m.History() {
			for _, b := range v.Buttons() {
				p := placedButton{m, b}
				if answers := []string{"confirm", "cancel", "approve", "deny"}; slices.Contains(answers, b.ActionID) && !known[p] {
					known[p] = true
					c.buttons = append(c.buttons, p)
				}
			}
		}
	}
}

// pressConcurrently presses buttons as all users concurrently, up to a total of most presses.
func (c *pressTest) pressConcurrently(most int) {
	if len(c.buttons) == 0 {
		return
	}
	var all sync.WaitGroup
	for _, user := range people {
		random := rand.New(rand.NewPCG(c.Uint64(), 0))
		n := min(1+c.IntN(4), most-c.presses)
		c.presses += n
		all.Go(func() {
			for range n {
				c.pressOne(user, c.pickButton(random))
			}
		})
	}
	all.Wait()
}

// pickButton draws a button: mostly one of the newest, preferably one that confirms or approves.
func (c *pressTest) pickButton(random *rand.Rand) (p placedButton) {
	for range 4 {
		at := random.IntN(len(c.buttons))
		if newest := len(c.buttons) - 1 - random.IntN(8); random.IntN(6) > 0 && newest >= 0 {
			at = newest
		}
		if p = c.buttons[at]; p.button.ActionID == "confirm" || p.button.ActionID == "approve" {
			return p
		}
	}
	return p
}

func (c *pressTest) pressOne(user string, p placedButton) {
	c.recordAction(userAction{user: user, kind: p.button.ActionID, record: p.button.Value})
	if user == unknownUser {
		c.pressAsUnknownUser(p)
		return
	}
	c.requireAcknowledged(c.slack.As(user).In(p.on.Channel).PressButton(p.on, p.button))
}

// pressAsUnknownUser sends a press that Slack never sends: by an unknown user, or without a user.
func (c *pressTest) pressAsUnknownUser(p placedButton) {
	n := c.forged.Add(1)
	payload := map[string]any{
		"type": "block_actions", "team": map[string]any{"id": "T0TEAM"}, "channel": map[string]any{"id": p.on.Channel},
		"actions":    []any{map[string]any{"action_id": p.button.ActionID, "value": p.button.Value}},
		"trigger_id": fmt.Sprint(n),
	}
	if n%2 == 0 {
		payload["user"] = map[string]any{"id": unknownUser, "team_id": "T0TEAM"}
	}
	raw, err := json.Marshal(payload)
	require.NoError(c, err)
	c.requireAcknowledged(c.slack.Send(c.slack.Signed("/slack/interactivity", []byte(url.Values{"payload": {string(raw)}}.Encode()), c.now())))
}

var confirmPrompt = regexp.MustCompile(`Type (\S+) to confirm`)

// submitModals fills in and submits the open modals concurrently, each twice.
func (c *pressTest) submitModals() {
	c.waitIdle()
	var all sync.WaitGroup
	for _, user := range []string{lea, max, eve} {
		v := c.slack.Modal(user)
		if v == nil {
			continue
		}
		c.modals++
		p := c.slack.As(user).In(ops)
		name := ""
		if m := confirmPrompt.FindStringSubmatch(v.Text()); m != nil {
			name = []string{m[1], m[1], m[1], "web-server-01", "x"}[c.IntN(5)]
			p.Fill(v, map[string]any{"name": name})
		}
		all.Go(func() {
			c.recordAction(userAction{user: user, kind: "type", typed: name})
			c.slack.Replay(p.Submit(v))
		})
	}
	all.Wait()
	for _, user := range []string{lea, max, eve} {
		if v := c.slack.Modal(user); v != nil {
			c.slack.As(user).CloseView(v)
		}
	}
}
