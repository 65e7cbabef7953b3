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

// crowd is people who press buttons, and a model of what they may bring about.
type crowd struct {
	*world
	*rand.Rand
	batch   int
	buttons []placed

	presses, windows, policies, renames, jumps int

	forged atomic.Int64 // how often nobody pressed

	mu     sync.Mutex
	rule   int // of rules
	names  map[int]string
	deeds  []deed
	sent   map[string]bool // by record
	second int
}

// placed is a button and where it is, or was.
type placed struct {
	on     *fakeslack.Message
	button fakeslack.Button
}

// deed is what somebody did that may be an answer: a press, or a name that was typed.
type deed struct {
	user, does, record, typed string
	batch                     int
}

// rule is a policy, and its meaning as two predicates.
type rule struct {
	change func(*permissions.Policy)
	runs   func(user, server string) bool // may run everything on the server, and agree to it for others
	second func(server string) bool       // what disrupts it wants a second person
}

func isWeb(server string) bool { return strings.HasPrefix(server, "web-") }
func isDB(server string) bool  { return strings.HasPrefix(server, "db-") }
func isRun(server string) bool { return isWeb(server) || isDB(server) }

var rules = []rule{
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

// judge checks each write that arrives against the model. The API calls it.
func (c *crowd) judge(rw http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.Method != http.MethodGet {
		c.judgeWrite(r)
	}
	next.ServeHTTP(rw, r)
}

var serverOf = regexp.MustCompile(`/servers/(\d+)/`)

func (c *crowd) judgeWrite(r *http.Request) {
	wrong := func(format string, args ...any) {
		c.Errorf("%s %s: %s", r.Method, r.URL.Path, fmt.Sprintf(format, args...))
	}
	id := serverOf.FindStringSubmatch(r.URL.Path)
	if id == nil {
		wrong("nobody asked for anything like it")
		return
	}
	running, err := c.store.Find(r.Context(), approval.Query{States: []approval.State{approval.Executing}, Target: "server:" + id[1]})
	if err != nil || len(running) != 1 {
		wrong("%d records are claimed (%v)", len(running), err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rec, now := running[0], rules[c.rule]
	var n int
	fmt.Sscan(id[1], &n)
	name, asker := c.names[n], strings.TrimPrefix(rec.Actor, "slack:")
	if c.sent[rec.ID] {
		wrong("record %s is sent for the second time", rec.ID)
	}
	c.sent[rec.ID] = true
	if name != rec.TargetName {
		wrong("the card says %s, the server is called %s", rec.TargetName, name)
	}
	if !now.runs(asker, name) {
		wrong("%s may not, by policy %d", asker, c.rule)
	}
	if !c.agreed(asker, rec) {
		wrong("%s, who asked, has not agreed", asker)
	}
	if c.saidNo(asker, rec) {
		wrong("%s, who asked, has said no before", asker)
	}
	if !now.second(name) {
		return
	}
	c.second++
	if !slices.ContainsFunc(people, func(u string) bool { return u != asker && now.runs(u, name) && c.agreed(u, rec) }) {
		wrong("nobody else has agreed, which policy %d wants", c.rule)
	}
}

// agreed reports whether somebody has pressed yes and, where it is wanted, typed the name.
func (c *crowd) agreed(user string, rec approval.Record) bool {
	pressed := slices.ContainsFunc(c.deeds, func(d deed) bool {
		return d.user == user && d.record == rec.ID && (d.does == "confirm" || d.does == "approve")
	})
	typed := rec.Confirm == "" || slices.ContainsFunc(c.deeds, func(d deed) bool {
		return d.user == user && d.does == "type" && d.typed == rec.Confirm
	})
	return pressed && typed
}

// saidNo reports whether somebody said no in an earlier batch.
func (c *crowd) saidNo(user string, rec approval.Record) bool {
	return slices.ContainsFunc(c.deeds, func(d deed) bool {
		return d.user == user && d.record == rec.ID && d.does == "cancel" && d.batch < c.batch
	})
}

func (c *crowd) nextBatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch++
}

func (c *crowd) did(d deed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.batch = c.batch
	c.deeds = append(c.deeds, d)
}

// running are the records that may still write.
func (c *crowd) running() []approval.Record {
	all, err := c.store.Find(c.Context(), approval.Query{States: []approval.State{approval.Approved, approval.Executing, approval.Unknown}})
	require.NoError(c, err)
	return all
}

func (c *crowd) all() []approval.Record {
	all, err := c.store.Find(c.Context(), approval.Query{Limit: 1 << 30})
	require.NoError(c, err)
	return all
}

// ask lets some people type commands, and waits for the cards.
func (c *crowd) ask() {
	for range 1 + c.IntN(4) {
		server := []string{"12345", "12346"}[c.IntN(2)]
		operation := []string{"stop", "reboot", "delete"}[c.IntN(3)]
		c.slack.As([]string{lea, lea, max, max, eve, stranger}[c.IntN(6)]).In(ops).Type("/vps " + operation + " " + server)
	}
	c.idle()
	c.eventually("the cards are there", func() bool {
		c.collect()
		have := map[string]bool{}
		for _, b := range c.buttons {
			have[b.button.Value] = true
		}
		open, err := c.store.Find(c.Context(), approval.Query{States: []approval.State{approval.Pending}})
		require.NoError(c, err)
		return !slices.ContainsFunc(open, func(rec approval.Record) bool { return !have[rec.ID] })
	})
}

// collect notes the buttons of all messages, those of older versions too.
func (c *crowd) collect() {
	known := map[placed]bool{}
	for _, b := range c.buttons {
		known[b] = true
	}
	messages := slices.Concat(c.slack.Messages(approvals), c.slack.Ephemerals(lea), c.slack.Ephemerals(max))
	for _, m := range messages {
		for _, v := range m.History() {
			for _, b := range v.Buttons() {
				p := placed{m, b}
				if answers := []string{"confirm", "cancel", "approve", "deny"}; slices.Contains(answers, b.ActionID) && !known[p] {
					known[p] = true
					c.buttons = append(c.buttons, p)
				}
			}
		}
	}
}

// press lets all people press at once, each one after the other.
func (c *crowd) press(most int) {
	if len(c.buttons) == 0 {
		return
	}
	var all sync.WaitGroup
	for _, user := range people {
		random := rand.New(rand.NewPCG(c.Uint64(), 0))
		n := 1 + c.IntN(4)
		if n > most-c.presses {
			n = most - c.presses
		}
		c.presses += n
		all.Go(func() {
			for range n {
				c.pressOne(user, c.pick(random))
			}
		})
	}
	all.Wait()
}

// pick picks a button: mostly one of the newest, preferably one that says yes.
func (c *crowd) pick(random *rand.Rand) (p placed) {
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

func (c *crowd) pressOne(user string, p placed) {
	c.did(deed{user: user, does: p.button.ActionID, record: p.button.Value})
	if user == nobody {
		c.pressAsNobody(p)
		return
	}
	c.taken(c.slack.As(user).In(p.on.Channel).PressButton(p.on, p.button))
}

// pressAsNobody sends a press that Slack never would: by an unknown user, or without a user.
func (c *crowd) pressAsNobody(p placed) {
	n := c.forged.Add(1)
	payload := map[string]any{
		"type": "block_actions", "team": map[string]any{"id": "T0TEAM"}, "channel": map[string]any{"id": p.on.Channel},
		"actions":    []any{map[string]any{"action_id": p.button.ActionID, "value": p.button.Value}},
		"trigger_id": fmt.Sprint(n),
	}
	if n%2 == 0 {
		payload["user"] = map[string]any{"id": nobody, "team_id": "T0TEAM"}
	}
	raw, err := json.Marshal(payload)
	require.NoError(c, err)
	c.taken(c.slack.Send(c.slack.Signed("/slack/interactivity", []byte(url.Values{"payload": {string(raw)}}.Encode()), c.now())))
}

var asksFor = regexp.MustCompile(`Type (\S+) to confirm`)

// submit fills in and submits the open modals, all at once, each twice.
func (c *crowd) submit() {
	c.idle()
	var all sync.WaitGroup
	for _, user := range []string{lea, max, eve} {
		v := c.slack.Modal(user)
		if v == nil {
			continue
		}
		c.windows++
		p := c.slack.As(user).In(ops)
		name := ""
		if m := asksFor.FindStringSubmatch(v.Text()); m != nil {
			name = []string{m[1], m[1], m[1], "web-server-01", "x"}[c.IntN(5)]
			p.Fill(v, map[string]any{"name": name})
		}
		all.Go(func() {
			c.did(deed{user: user, does: "type", typed: name})
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
