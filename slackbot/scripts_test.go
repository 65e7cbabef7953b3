package slackbot_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/permissions"
)

// script is one file of testdata/cases: what people, Slack and VPS.org do, and the expected calls of
// Slack's API. Calls before the first mark are not checked; each expectation must hold in every segment
// of calls after a mark.
type script struct {
	Name    string
	Mode    string         // "socket"; else HTTP
	Hello   map[string]any // Slack's first message in place of a hello
	Account *account
	Steps   []step
	Expect  []expectation
}

// account replaces what the simulator has.
type account struct {
	Servers []struct {
		ID   int
		Name string
	}
	Snapshots []struct {
		ID     int
		Server struct{ ID int }
		Name   string
	}
}

// step is one event of a script. Wait is the time in seconds that its effects may take.
type step struct {
	Command string
	Press   *struct {
		Label    string
		UserTeam string `json:"user_team"`
	}
	Event       map[string]any
	Interactive map[string]any
	Slack       *struct {
		Method  any // a name or several
		If      struct{ Channel string }
		Status  int
		Headers map[string]string
		Body    map[string]any
	}
	API     *struct{ Fail *apiFault }
	Restart *struct{}
	Mark    int
	Wait    float64
}

type apiFault struct {
	Status, Times int
	After         bool
	Method        string
}

type expectation struct {
	Says, By, To  string
	NeverSays     string `json:"never_says"`
	Write, Log    string
	Calls         string
	AtLeast       *int `json:"at_least"`
	AtMost        *int `json:"at_most"`
	Ready, Opened int
	Reply         *string
	Status        int
	Plain         bool
}

// The people and the channels of the scripts.
const (
	alice, bob    = "U024BE7LH", "U061F7AUR"
	office        = "C024BE91L"
	approvalsCase = "C0OPS0001"
)

// TestCases plays each script of testdata/cases, which come from real use.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			runScript(t, readScript(t, file))
		})
	}
}

func readScript(t *testing.T, file string) script {
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var s script
	require.NoError(t, json.Unmarshal(raw, &s))
	return s
}

// scriptRun is one run of a script.
type scriptRun struct {
	*world
	script
	marks []int // the number of calls at each mark
	ack   fakeslack.Ack
}

func runScript(t *testing.T, s script) {
	w := newEmptyWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"), fakeslack.Options{Team: "T0FAKE001", BotUser: "U0BOT"})
	w.policy = casePolicy()
	for id, name := range map[string]string{alice: "alice", bob: "bob"} {
		w.slack.AddUser(fakeslack.User{ID: id, Name: name})
	}
	for _, id := range []string{office, approvalsCase} {
		w.slack.AddChannel(id, alice, bob)
	}
	w.sim.Edit(s.applyAccount)
	p := &scriptRun{world: w, script: s}
	if w.socket = s.Mode == "socket"; w.socket && s.Hello != nil {
		w.slack.ReplaceHello(s.Hello)
		w.noConnections = true
	}
	w.start()
	for _, step := range s.Steps {
		p.runStep(step)
	}
	for _, e := range s.Expect {
		p.check(e)
	}
}

func casePolicy() permissions.Policy {
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "ann", Identities: []permissions.Actor{"slack:" + alice, "key:ann-laptop"}},
			{ID: "ben", Identities: []permissions.Actor{"slack:" + bob}},
		},
		Rules:     []permissions.Rule{{Name: "both run all", Effect: permissions.Allow, Who: []permissions.Principal{"ann", "ben"}}},
		Protected: []permissions.ServerPattern{"db-*"},
		Slack:     permissions.SlackChannels{Approvals: approvalsCase},
	}}
}

// applyAccount replaces the simulator's account by the script's.
func (s script) applyAccount(w *simulator.World) {
	w.AddServer(simulator.Server{ID: 12347, Name: "staging-01", Status: simulator.Stopped})
	if s.Account == nil {
		return
	}
	clear(w.Servers)
	clear(w.Snapshots)
	for _, v := range s.Account.Servers {
		w.AddServer(simulator.Server{ID: v.ID, Name: v.Name})
	}
	for _, v := range s.Account.Snapshots {
		w.AddSnapshot(simulator.Snapshot{Image: simulator.Image{ID: v.ID, ServerID: v.Server.ID}, Name: v.Name})
	}
}

func (p *scriptRun) runStep(s step) {
	p.Helper()
	person := p.slack.As(alice).In(office).AllowSlow()
	before := len(p.slack.Calls(""))
	switch {
	case s.Command != "":
		p.ack = person.Type("/vps " + s.Command)
	case s.Press != nil:
		m, b := p.button(s.Press.Label)
		p.ack = person.Of(s.Press.UserTeam).PressButton(m, b)
	case s.Event != nil:
		p.ack = person.OpenHome()
	case s.Interactive != nil:
		p.ack = person.Interact(p.withMetadata(s.Interactive))
	case s.Slack != nil:
		for _, method := range stringsOf(s.Slack.Method) {
			p.slack.Fail(method, fakeslack.Fault{Status: s.Slack.Status, Header: s.Slack.Headers, Body: s.Slack.Body, Channel: s.Slack.If.Channel})
		}
	case s.API != nil:
		p.failAPI(s.API.Fail)
	case s.Restart != nil:
		p.stop()
		p.start()
	case s.Mark > 0:
		p.marks = append(p.marks, before)
	}
	p.wait(s, before)
}

// wait waits for the effects of a step: all of its time if calls are counted, else until no more calls
// come.
func (p *scriptRun) wait(s step, before int) {
	end := time.Now().Add(time.Duration(s.Wait * float64(time.Second)))
	counted := slices.ContainsFunc(p.Expect, func(e expectation) bool { return e.AtMost != nil && *e.AtMost > 1 || e.Opened > 0 })
	last, since := before, time.Now()
	for time.Now().Before(end) {
		if n := len(p.slack.Calls("")); n != last {
			last, since = n, time.Now()
		} else if !counted && n > before && time.Since(since) > quietTime {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

const quietTime = 700 * time.Millisecond

func stringsOf(of any) (all []string) {
	switch of := of.(type) {
	case string:
		return []string{of}
	case []any:
		for _, one := range of {
			all = append(all, one.(string))
		}
	}
	return all
}

// button finds the newest button with a label in alice's messages.
func (p *scriptRun) button(label string) (found *fakeslack.Message, b fakeslack.Button) {
	p.Helper()
	p.eventually("a button "+label, func() bool {
		for _, m := range slices.Concat(p.slack.Ephemerals(alice), p.slack.DMs(alice)) {
			for _, has := range m.Now().Buttons() {
				if found == nil && has.Text == label {
					found, b = m, has
				}
			}
		}
		return found != nil
	})
	return found, b
}

// withMetadata replaces $META by the metadata of the open form.
func (p *scriptRun) withMetadata(is map[string]any) map[string]any {
	raw, err := json.Marshal(is)
	require.NoError(p, err)
	p.eventually("a form", func() bool { v := p.slack.Modal(alice); return v != nil && v.Meta() != "" })
	meta, err := json.Marshal(p.slack.Modal(alice).Meta())
	require.NoError(p, err)
	raw = bytes.ReplaceAll(raw, []byte(`"$META"`), meta)
	var all map[string]any
	require.NoError(p, json.Unmarshal(raw, &all))
	return all
}

// failAPI makes VPS.org fail some requests, before or after it applied them.
func (p *scriptRun) failAPI(f *apiFault) {
	if f == nil {
		p.sim.Intercept(nil)
		return
	}
	var mu sync.Mutex
	left := f.Times
	p.sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		mu.Lock()
		fails := r.Method == f.Method && left > 0
		if fails {
			left--
		}
		mu.Unlock()
		if !fails || f.After {
			into := w
			if fails {
				into = httptest.NewRecorder()
			}
			next.ServeHTTP(into, r)
		}
		if fails {
			w.WriteHeader(f.Status)
		}
	})
}

// callSegments are the calls between marks.
func (p *scriptRun) callSegments() [][]fakeslack.Call {
	all := p.slack.Calls("")
	if len(p.marks) == 0 {
		return [][]fakeslack.Call{all}
	}
	var cut [][]fakeslack.Call
	for i, from := range p.marks {
		to := len(all)
		if i+1 < len(p.marks) {
			to = p.marks[i+1]
		}
		cut = append(cut, all[from:to])
	}
	return cut
}

// textOf is all text that a call shows, as JSON without escapes for HTML.
func textOf(c fakeslack.Call) string {
	var b strings.Builder
	for _, key := range []string{"text", "blocks", "view"} {
		value := c.Params[key]
		var decoded any
		if text, isText := value.(string); isText && json.Unmarshal([]byte(text), &decoded) == nil {
			value = decoded
		}
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(value) // it was JSON
	}
	return b.String()
}

func (e expectation) matches(c fakeslack.Call) bool {
	return (e.By == "" || c.Method == e.By) && (e.To == "" || c.Params["channel"] == e.To) && regexp.MustCompile(e.Says).MatchString(textOf(c))
}

func (p *scriptRun) check(e expectation) {
	p.Helper()
	switch {
	case e.Says != "":
		p.eventually("says "+e.Says+"\n"+p.slack.Transcript(), func() bool {
			return !slices.ContainsFunc(p.callSegments(), func(calls []fakeslack.Call) bool { return !slices.ContainsFunc(calls, e.matches) })
		})
	case e.NeverSays != "":
		for _, c := range slices.Concat(p.callSegments()...) {
			require.NotRegexp(p, e.NeverSays, textOf(c))
		}
	case e.Write != "":
		p.eventually("writes "+e.Write, func() bool {
			return slices.ContainsFunc(p.sent(), func(sent string) bool { return strings.Contains(sent, e.Write) })
		})
	case e.Log != "":
		p.eventually("logs "+e.Log, func() bool { return regexp.MustCompile(e.Log).MatchString(p.log.String()) })
	case e.Ready != 0:
		p.eventually("is ready or not", func() bool { return p.bot.Ready() == (e.Ready == http.StatusOK) })
	case e.Plain:
		p.eventually("sends a text without blocks", func() bool {
			return slices.ContainsFunc(slices.Concat(p.callSegments()...), func(c fakeslack.Call) bool {
				return c.Params["text"] != nil && (c.Params["blocks"] == nil || c.Params["blocks"] == "")
			})
		})
	case e.Reply != nil:
		require.Regexp(p, *e.Reply, string(p.ack.Body))
		require.Equal(p, e.Status, p.ack.Status)
	case e.Opened != 0:
		require.LessOrEqual(p, len(p.slack.Calls("apps.connections.open")), e.Opened)
	case e.Calls != "":
		n := len(p.slack.Calls(e.Calls))
		require.GreaterOrEqual(p, n, *e.AtLeast)
		require.LessOrEqual(p, n, *e.AtMost)
	default:
		require.Fail(p, "an expectation has no field")
	}
}
