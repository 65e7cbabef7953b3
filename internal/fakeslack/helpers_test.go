package fakeslack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

// witness is a test whose failures are what is tested.
type witness struct {
	testing.TB
}

func (w witness) Errorf(string, ...any) {}
func (w witness) Helper()               {}

// app is the smallest app: it keeps what arrived and answers what it is told to.
type app struct {
	sync.Mutex
	got   []received
	reply func(received) (status int, body string)
}

type received struct {
	path   string
	header http.Header
	body   []byte
	form   map[string]string
	json   map[string]any
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in := received{path: r.URL.Path, header: r.Header.Clone(), body: body, form: map[string]string{}}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.ParseForm() == nil {
		for key := range r.PostForm {
			in.form[key] = r.PostForm.Get(key)
		}
	}
	text := body
	if p := in.form["payload"]; p != "" {
		text = []byte(p)
	}
	_ = json.Unmarshal(text, &in.json)
	a.Lock()
	a.got = append(a.got, in)
	reply := a.reply
	a.Unlock()
	if reply == nil {
		return
	}
	status, answered := reply(in)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answered)
}

func (a *app) last() received {
	a.Lock()
	defer a.Unlock()
	return a.got[len(a.got)-1]
}

func (a *app) count() int {
	a.Lock()
	defer a.Unlock()
	return len(a.got)
}

func (a *app) says(body string) {
	a.Lock()
	defer a.Unlock()
	a.reply = func(received) (int, string) { return http.StatusOK, body }
}

// world is a Slack with two people, a channel, a clock, and an app by HTTP.
type world struct {
	*testing.T
	*Slack
	clock *testkit.Clock
	app   *app
	lea   *Person
}

func newWorld(t *testing.T, scopes ...string) *world {
	w := &world{T: t, clock: testkit.NewClock(time.Unix(1_750_000_000, 0)), app: &app{}}
	w.Slack = New(witness{t}, Options{Now: w.clock.Now, Scopes: scopes})
	w.AddUser(User{ID: "U1", Name: "lea"})
	w.AddUser(User{ID: "U2", Name: "max"})
	w.AddUser(User{ID: "U9", Name: "guest", Team: "T9OTHER"})
	w.AddChannel("C1", "U1", "U2", "U9")
	w.DeliverTo(w.app)
	w.lea = w.As("U1").In("C1")
	return w
}

// clean requires that nothing failed so far.
func (w *world) clean() {
	w.Helper()
	require.Empty(w, w.Violations())
}

// post calls a method with JSON and returns what it was answered.
func (w *world) post(method string, args any) map[string]any {
	w.Helper()
	return w.postAs(w.Options().BotToken, method, args)
}

func (w *world) postAs(token, method string, args any) map[string]any {
	w.Helper()
	resp, err := w.call(w.Context(), token, method, args)
	require.NoError(w, err)
	defer resp.Body.Close()
	answered := map[string]any{}
	require.NoError(w, json.NewDecoder(resp.Body).Decode(&answered))
	return answered
}

func (w *world) call(ctx context.Context, token, method string, args any) (*http.Response, error) {
	body, err := json.Marshal(args)
	require.NoError(w, err)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.APIURL()+method, bytes.NewReader(body))
	require.NoError(w, err)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(req)
}

// respond posts to a response URL and returns status and text.
func (w *world) respond(url string, args any) (int, string) {
	w.Helper()
	body, err := json.Marshal(args)
	require.NoError(w, err)
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	require.NoError(w, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(w, err)
	return resp.StatusCode, string(text)
}

// trigger is a fresh trigger id.
func (w *world) trigger() string {
	w.lea.Type("/vps")
	return w.app.last().form["trigger_id"]
}

func (w *world) open(view any) *View {
	w.Helper()
	answered := w.post("views.open", obj{"trigger_id": w.trigger(), "view": view})
	require.Equal(w, true, answered["ok"], answered)
	return w.Modal("U1")
}

type obj = map[string]any

func plainText(s string) obj { return obj{"type": "plain_text", "text": s} }
func mrkdwn(s string) obj    { return obj{"type": "mrkdwn", "text": s} }
func section(s string) obj   { return obj{"type": "section", "text": mrkdwn(s)} }

func press(id, text string) obj {
	return obj{"type": "button", "action_id": id, "text": plainText(text), "value": "v-" + id}
}

func row(elements ...any) obj { return obj{"type": "actions", "block_id": "row", "elements": elements} }

func asks(id string, element obj) obj {
	return obj{"type": "input", "block_id": id, "label": plainText("Label of " + id), "element": element}
}

func modal(blocks ...any) obj {
	return obj{
		"type": "modal", "callback_id": "form", "private_metadata": "meta", "title": plainText("Title"),
		"submit": plainText("Go"), "blocks": blocks,
	}
}

func long(n int) string { return strings.Repeat("ä", n) }
